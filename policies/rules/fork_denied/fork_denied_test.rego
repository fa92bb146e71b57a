package pushpolicy.rules.fork_denied_test

import data.pushpolicy.rules.fork_denied
import rego.v2

_found(ci) := {found.at.id |
	some found in fork_denied.deny with input.ci as object.union({"status": "collected"}, ci)
		with data.settings.fork_denied as {"assurance": "asserted"}
}

test_allow_when[name] if {
	some name, ci in {
		"no pull request": {"event": "push"},
		"of the repository itself": {"pull_request": {"from_fork": false}},
		"after a run of its own": {"repository": "a/b", "upstream": {"repository": "a/b"}},
	}
	_found(ci) == set()
}

test_deny_when[name] if {
	some name, case in {
		"a fork": {"ci": {"pull_request": {"from_fork": true}}, "ids": {"pull-request-from-fork"}},
		"perhaps a fork": {"ci": {"pull_request": {"number": 1}}, "ids": {"pull-request-from-fork"}},
		"after a run of a fork": {
			"ci": {"repository": "a/b", "upstream": {"repository": "c/b"}},
			"ids": {"upstream-from-fork"},
		},
		"after a run of nobody knows what": {
			"ci": {"repository": "a/b", "upstream": {"branch": "main"}},
			"ids": {"upstream-from-fork"},
		},
		"after a run, in no repository": {
			"ci": {"upstream": {"repository": "a/b"}},
			"ids": {"upstream-from-fork"},
		},
	}
	_found(case.ci) == case.ids
}

# The system denies then.
test_nothing_to_judge_when_not_collected[status] if {
	some status in ["missing", "failed"]
	found := fork_denied.deny with input.ci as {"status": status, "reason": "none"}
	found == set()
}

test_how_sure_it_has_to_be[name] if {
	some name, case in {
		"verified": {"trust": "verified", "assurance": "verified", "times": 0},
		"replayable, as the setting lets it": {"trust": "replayable", "assurance": "replayable", "times": 0},
		"replayable, where it has to be verified": {"trust": "replayable", "assurance": "verified", "times": 1},
	}
	found := fork_denied.deny with input.ci as {"status": "collected", "trust": {"event": case.trust}}
		with data.settings.fork_denied as {"assurance": case.assurance}
	count({"ci.trust.event"} & {violation.at.id | some violation in found}) == case.times
}
