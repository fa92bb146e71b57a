package pushpolicy.rules.runner_trusted_test

import data.pushpolicy.rules.runner_trusted
import rego.v2

_found(runner, settings) := {found.at.id |
	some found in runner_trusted.deny with input.ci as {"status": "collected", "runner": runner}
		with data.settings.runner_trusted as settings
}

_strict := {"assurance": "asserted", "only_hosted": true, "self_hosted": ["builder-1"]}

test_allow_any_by_default[name] if {
	some name, runner in {"hosted": {"kind": "hosted"}, "own": {"kind": "self-hosted"}, "unknown": {}}
	_found(runner, {"assurance": "asserted", "only_hosted": false, "self_hosted": []}) == set()
}

test_allow_when_trusted[name] if {
	some name, runner in {"hosted": {"kind": "hosted"}, "named": {"kind": "self-hosted", "name": "builder-1"}}
	_found(runner, _strict) == set()
}

test_deny_when[name] if {
	some name, runner in {
		"of another name": {"kind": "self-hosted", "name": "builder-2"},
		"without a name": {"kind": "self-hosted"},
		"not known": {},
	}
	_found(runner, _strict) == {"ci.runner"}
}

test_deny_when_there_are_no_settings if {
	found := runner_trusted.deny with input.ci as {"status": "collected"} with data.settings as {}
	{each.at.id | some each in found} == {"ci.runner", "ci.trust.runner"}
}

test_deny_names_what_is_allowed if {
	some found in runner_trusted.deny with input.ci as {"status": "collected", "runner": {"name": "x"}}
		with data.settings.runner_trusted as _strict
	contains(found.msg, "the runner x")
	endswith(found.msg, `hosted ones and ["builder-1"]`)
}

# The system denies then.
test_nothing_to_judge_when_not_collected[status] if {
	some status in ["missing", "failed"]
	found := runner_trusted.deny with input.ci as {"status": status, "reason": "none"} with data.settings as {}
	found == set()
}

test_how_sure_it_has_to_be[name] if {
	some name, case in {
		"verified": {"trust": "verified", "assurance": "verified", "times": 0},
		"replayable, as the setting lets it": {"trust": "replayable", "assurance": "replayable", "times": 0},
		"replayable, where it has to be verified": {"trust": "replayable", "assurance": "verified", "times": 1},
	}
	found := runner_trusted.deny with input.ci as {"status": "collected", "trust": {"runner.kind": case.trust}}
		with data.settings.runner_trusted as {"assurance": case.assurance, "only_hosted": true}
	count({"ci.trust.runner"} & {violation.at.id | some violation in found}) == case.times
}
