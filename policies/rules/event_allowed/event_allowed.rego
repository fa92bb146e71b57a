# METADATA
# title: Triggered by an allowed event
# description: >-
#   The run was triggered by an event that means somebody trusted published this commit: a push, a tag or a
#   schedule by default. A pull request never pushes, whatever the settings say, and neither does an event that runs
#   trusted code for somebody untrusted (pull_request_target, workflow_run, a comment), nor one that is not known.
# custom:
#   severity: critical
#   collections: [minimal, default, strict]
#   controls: [SSDF PO.5.1, OSPS BR-01.03]
#   fix: Push from the run that follows the merge, not from the one that judges the proposal.
#   settings:
#     assurance:
#       type: string
#       enum: [asserted, replayable, verified]
#       default: asserted
#       description: "What has to say it: any variable, a token that lay in one, or a token that this run asked for."
#     events:
#       type: array
#       stricter: subset
#       items: {type: string, enum: [push, tag, schedule, manual, merge_queue]}
#       default: [push, tag, schedule]
#       description: Events whose runs may push.
package pushpolicy.rules.event_allowed

import rego.v2

# Evidence that was not collected is denied by the system, as evidence:ci; the rule judges what there is.
deny contains {"at": {"id": $"event/{input.ci.event}"}, "msg": msg} if {
	input.ci.status == "collected"
	not _allowed
	msg := $"the run was triggered by {input.ci.event}{_called}; allowed are {data.settings.event_allowed.events}"
}

# What only variables say, an earlier step of the job can have set.
deny contains {"at": {"id": "ci.trust.event"}, "msg": msg} if {
	input.ci.status == "collected"
	not _is_sure
	msg := "what triggered the run is asserted by the job itself; a verified identity of the job must say it"
}

deny contains {"at": {"id": "untrusted-trigger"}, "msg": msg} if {
	_untrusted
	msg := $"the run was triggered by {_trigger}, which somebody untrusted can cause; such a run must not push"
}

_allowed if {
	input.ci.event in data.settings.event_allowed.events
	not input.ci.event in {"pull_request", "other"}
}

_untrusted if input.ci.untrusted_trigger

# The raw name speaks too, so that neither field alone can hide what happened.
_untrusted if input.ci.event_raw in {"pull_request_target", "workflow_run", "issue_comment"}

_trigger := input.ci.untrusted_trigger if input.ci.untrusted_trigger

else := input.ci.event_raw

_called := $" ({input.ci.event_raw})" if {
	input.ci.event_raw
	not input.ci.event_raw == input.ci.event
}

else := ""

_is_sure if input.ci.trust.event == "verified"

_is_sure if {
	input.ci.trust.event == "replayable"
	data.settings.event_allowed.assurance in {"asserted", "replayable"}
}

_is_sure if {
	data.settings.event_allowed.assurance == "asserted"
	not input.target.demanded.assurance == "verified"
}
