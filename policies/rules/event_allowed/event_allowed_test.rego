package pushpolicy.rules.event_allowed_test

import data.pushpolicy.rules.event_allowed
import rego.v2

_found(ci, events) := {found.at.id |
	some found in event_allowed.deny with input.ci as object.union({"status": "collected"}, ci)
		with data.settings.event_allowed as {"events": events, "assurance": "asserted"}
}

_default := ["push", "tag", "schedule"]

test_allow_when[event] if {
	some event in _default
	_found({"event": event, "event_raw": event}, _default) == set()
}

test_allow_when_configured if {
	ci := {"event": "merge_queue", "pull_request": {"from_fork": false}}
	_found(ci, ["merge_queue"]) == set()
}

test_deny_when[name] if {
	some name, case in {
		"nothing is known": {"ci": {}, "ids": {"event/<undefined>"}},
		"not configured": {"ci": {"event": "manual"}, "ids": {"event/manual"}},
		"pull request": {"ci": {"event": "pull_request"}, "ids": {"event/pull_request"}},
		"other": {"ci": {"event": "other"}, "ids": {"event/other"}},
		"untrusted": {
			"ci": {"event": "push", "untrusted_trigger": "issue_comment"},
			"ids": {"untrusted-trigger"},
		},
		"untrusted by its raw name": {
			"ci": {"event": "push", "event_raw": "workflow_run"},
			"ids": {"untrusted-trigger"},
		},
	}
	_found(case.ci, _default) == case.ids
}

test_deny_whatever_the_settings_say[event] if {
	some event in ["pull_request", "other"]
	_found({"event": event}, ["push", "pull_request", "other"]) == {$"event/{event}"}
}

test_deny_when_there_are_no_settings if {
	found := event_allowed.deny with input.ci as {"status": "collected", "event": "push"} with data.settings as {}
	{each.at.id | some each in found} == {"event/push", "ci.trust.event"}
}

test_deny_names_the_raw_event if {
	some found in event_allowed.deny with input.ci as {"status": "collected", "event": "other", "event_raw": "fork"}
		with data.settings.event_allowed as {"events": _default}
	contains(found.msg, "by other (fork);")
}

# The system denies then.
test_nothing_to_judge_when_not_collected[status] if {
	some status in ["missing", "failed"]
	found := event_allowed.deny
		with input.ci as {"status": status, "reason": "none"}
		with data.settings.event_allowed as {"events": _default}
	found == set()
}

test_how_sure_it_has_to_be[name] if {
	some name, case in {
		"verified": {"trust": "verified", "assurance": "verified", "times": 0},
		"replayable, as the setting lets it": {"trust": "replayable", "assurance": "replayable", "times": 0},
		"replayable, where it has to be verified": {"trust": "replayable", "assurance": "verified", "times": 1},
	}
	found := event_allowed.deny with input.ci as {"status": "collected", "trust": {"event": case.trust}}
		with data.settings.event_allowed as {"assurance": case.assurance}
	count({"ci.trust.event"} & {violation.at.id | some violation in found}) == case.times
}
