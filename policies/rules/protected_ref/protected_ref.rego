# METADATA
# title: The branch or tag is protected
# description: >-
#   Nobody can push to the branch or tag of the run without review: the CI system says that it is protected.
#   Only some systems say it (GitHub, GitLab), so by default this warns where one says that it is not; the
#   setting denies what is not known to be protected.
# custom:
#   severity: high
#   collections: [default, strict]
#   controls: [SSDF PS.1.1, OSPS AC-03.01]
#   fix: Protect the branch or tag in the settings of the repository, or push from one that is.
#   settings:
#     assurance:
#       type: string
#       enum: [asserted, replayable, verified]
#       default: asserted
#       description: "What has to say it: any variable, a token that lay in one, or a token that this run asked for."
#     required: {type: boolean, stricter: true, default: false, description: "Deny what is not known to be protected."}
package pushpolicy.rules.protected_ref

import rego.v2

# Evidence that was not collected is denied by the system, as evidence:ci; the rule judges what there is.
deny contains {"at": {"id": "ci.ref_protected"}, "msg": msg} if {
	input.ci.status == "collected"
	not data.settings.protected_ref.required == false
	not input.ci.ref_protected == true
	msg := $"the CI system does not say that {_ref} is protected; it must be"
}

# What only variables say, an earlier step of the job can have set.
deny contains {"at": {"id": "ci.trust.ref_protected"}, "msg": msg} if {
	input.ci.status == "collected"
	not data.settings.protected_ref.required == false
	not _is_sure
	msg := "that the ref is protected is asserted by the job itself; a verified identity of the job must say it"
}

warn contains {"at": {"id": "ci.ref_protected"}, "msg": msg} if {
	data.settings.protected_ref.required == false
	input.ci.ref_protected == false
	msg := $"the CI system says that {_ref} is not protected; whoever may write to it can change what runs here"
}

_ref := input.ci.ref if input.ci.ref

else := "what this run is of"

_is_sure if input.ci.trust.ref_protected == "verified"

_is_sure if {
	input.ci.trust.ref_protected == "replayable"
	data.settings.protected_ref.assurance in {"asserted", "replayable"}
}

_is_sure if {
	data.settings.protected_ref.assurance == "asserted"
	not input.target.demanded.assurance == "verified"
}
