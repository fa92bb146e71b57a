# METADATA
# title: No run for a fork
# description: >-
#   The run does not belong to a pull request from another repository, nor was it started by a run of another
#   one: whoever may write to a fork is anybody. A pull request whose origin is not told counts as one from a
#   fork. No setting loosens this.
# custom:
#   severity: critical
#   collections: [minimal, default, strict]
#   controls: [SSDF PO.5.1, OSPS BR-01.03]
#   fix: Push from a run of the repository itself, after the change was merged.
#   settings:
#     assurance:
#       type: string
#       enum: [asserted, replayable, verified]
#       default: asserted
#       description: "What has to say it: any variable, a token that lay in one, or a token that this run asked for."
package pushpolicy.rules.fork_denied

import rego.v2

# Evidence that was not collected is denied by the system, as evidence:ci; the rule judges what there is.
deny contains {"at": {"id": "pull-request-from-fork"}, "msg": msg} if {
	input.ci.pull_request
	not input.ci.pull_request.from_fork == false
	msg := "the run belongs to a pull request from a fork, or from nobody knows where; such a run must not push"
}

# What only variables say, an earlier step of the job can have set.
deny contains {"at": {"id": "ci.trust.event"}, "msg": msg} if {
	input.ci.status == "collected"
	not _is_sure
	msg := "that the run is none for a fork is asserted by the job itself; a verified identity of the job must say it"
}

deny contains {"at": {"id": "upstream-from-fork"}, "msg": msg} if {
	input.ci.upstream
	not input.ci.upstream.repository == input.ci.repository
	msg := $"the run was started by a run of {_upstream}, this is {_here}; such a run must not push"
}

_upstream := input.ci.upstream.repository if input.ci.upstream.repository

else := "a repository that is not named"

_here := input.ci.repository if input.ci.repository

else := "one that is not named"

# A token says of a pull request that it is one, not where it comes from.
_is_sure if {
	not input.ci.pull_request
	input.ci.trust.event == "verified"
}

_is_sure if {
	not input.ci.pull_request
	input.ci.trust.event == "replayable"
	data.settings.fork_denied.assurance in {"asserted", "replayable"}
}

_is_sure if {
	data.settings.fork_denied.assurance == "asserted"
	not input.target.demanded.assurance == "verified"
}
