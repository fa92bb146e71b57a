# METADATA
# title: Pushed from an allowed branch or tag
# description: >-
#   The CI run belongs to an allowed branch: main, master, or the one that a variable of the CI system calls
#   the default; or to a tag whose name is that of a release. What the CI system says is judged, not the checkout, which
#   anybody can put on a branch called main; so a push from a laptop is denied.
# custom:
#   severity: high
#   collections: [default, strict]
#   controls: [SSDF PS.1.1, OSPS AC-03.01]
#   fix: Merge the change, and push from the run of the main branch or of a release tag; a main branch of another name is named in the setting branches.
#   settings:
#     assurance:
#       type: string
#       enum: [asserted, replayable, verified]
#       default: asserted
#       description: "What has to say it: any variable, a token that lay in one, or a token that this run asked for."
#     branches:
#       type: array
#       stricter: subset
#       items: {type: string, minLength: 1}
#       default: [main, master]
#       description: "Globs of branches that may push; * stops at a slash, ** does not."
#     default_branch:
#       type: boolean
#       stricter: false
#       default: true
#       description: "Also allow the CI system's default branch, where a variable names it: an event file alone is not enough."
#     tags:
#       type: array
#       stricter: subset
#       items: {type: string, minLength: 1}
#       default: ["v[0-9]*", "[0-9]*"]
#       description: Globs of git tags whose runs may push.
package pushpolicy.rules.branch_allowed

import rego.v2

# Evidence that was not collected is denied by the system, as evidence:ci; the rule judges what there is.
deny contains {"at": {"id": "ci.ref_type"}, "msg": msg} if {
	input.ci.status == "collected"
	not input.ci.ref_type in {"branch", "tag"}
	msg := $"the CI system does not say whether {_ref} is a branch or a tag; it must be one of the two"
}

# What only variables say, an earlier step of the job can have set.
deny contains {"at": {"id": "ci.trust.ref"}, "msg": msg} if {
	input.ci.status == "collected"
	not _is_sure
	msg := "what the run is of is asserted by the job itself; a verified identity of the job must say it"
}

deny contains {"at": {"id": $"branch/{input.ci.branch}"}, "msg": msg} if {
	input.ci.ref_type == "branch"
	not _branch_allowed
	msg := $"the run is of branch {input.ci.branch}; allowed are {data.settings.branch_allowed.branches}{_also}"
}

deny contains {"at": {"id": $"tag/{input.ci.tag}"}, "msg": msg} if {
	input.ci.ref_type == "tag"
	not _matches(input.ci.tag, data.settings.branch_allowed.tags)
	msg := $"the run is of tag {input.ci.tag}; allowed are {data.settings.branch_allowed.tags}"
}

_branch_allowed if _matches(input.ci.branch, data.settings.branch_allowed.branches)

_branch_allowed if {
	data.settings.branch_allowed.default_branch == true
	input.ci.branch == input.ci.default_branch
	input.ci.default_branch_by == "variable"
	_asserted_is_enough # no token says which branch is the default
}

_also := $" or the default branch, {input.ci.default_branch}" if {
	data.settings.branch_allowed.default_branch == true
	input.ci.default_branch_by == "variable"
}

else := $"; that {input.ci.default_branch} is the default, the event file alone says, which any step can rewrite" if {
	data.settings.branch_allowed.default_branch == true
	input.ci.default_branch_by == "payload"
}

else := " or the default branch" if data.settings.branch_allowed.default_branch == true

else := ""

_matches(name, globs) if {
	some pattern in globs
	glob.match(pattern, ["/"], name)
}

_ref := input.ci.ref if input.ci.ref

else := "what this run is of"

_is_sure if input.ci.trust.ref == "verified"

_is_sure if {
	input.ci.trust.ref == "replayable"
	data.settings.branch_allowed.assurance in {"asserted", "replayable"}
}

_is_sure if _asserted_is_enough

_asserted_is_enough if {
	data.settings.branch_allowed.assurance == "asserted"
	not input.target.demanded.assurance == "verified"
}
