package pushpolicy.rules.jobs_succeeded_test

import data.pushpolicy.rules.jobs_succeeded
import rego.v2

_found(jobs, required) := {found.at.id |
	some found in jobs_succeeded.deny with input.ci as {"status": "collected", "jobs": jobs, "jobs_told": count(jobs)}
		with data.settings.jobs_succeeded as {"required": required}
}

test_allow_when[name] if {
	some name, case in {
		"none is told of": {"jobs": {}, "required": []},
		"all succeeded": {"jobs": {"build": "success"}, "required": []},
		"those that are required succeeded": {"jobs": {"build": "success", "x": "skipped"}, "required": ["build"]},
	}
	_found(case.jobs, case.required) == set()
}

test_deny_when_not_success[result] if {
	some result in ["failure", "cancelled", "skipped"]
	_found({"build": result}, []) == {"job/build"}
	_found({"build": result}, ["build"]) == {"required/build"}
}

test_deny_what_failed_though_not_required[result] if {
	some result in ["failure", "cancelled"]
	_found({"build": "success", "x": result}, ["build"]) == {"job/x"}
}

test_deny_when_a_required_one_is_not_told_of if _found({"x": "success"}, ["build"]) == {"required/build"}

test_deny_says_what_became_of_it[result] if {
	some result, words in {"failure": "failed", "cancelled": "was cancelled", "skipped": "did not run"}
	some found in jobs_succeeded.deny with input.ci as {"status": "collected", "jobs": {"build": result}}
		with data.settings.jobs_succeeded as {"required": ["build"]}
	startswith(found.msg, $"build {words}")
}

test_judge_all_when_there_are_no_settings if {
	found := jobs_succeeded.deny with input.ci as {"status": "collected", "jobs": {"x": "skipped"}, "jobs_told": 1}
		with data.settings as {}
	{violation.at.id | some violation in found} == {"job/x"}
}

test_deny_when_one_got_lost[name] if {
	some name, ci in {
		"one": {"jobs": {"x": "success"}, "jobs_told": 2},
		"all": {"jobs_told": 2},
		"their number": {"jobs": {"x": "success"}},
	}
	found := jobs_succeeded.deny with input.ci as object.union({"status": "collected"}, ci)
		with data.settings.jobs_succeeded as {"required": []}
	{violation.at.id | some violation in found} == {"ci.jobs"}
}

test_deny_when_the_api_did_not_tell[trust] if {
	some trust in ["asserted", "verified"]
	ci := {"status": "collected", "jobs": {"x": "success"}, "jobs_told": 1, "trust": {"jobs": trust}}
	found := jobs_succeeded.deny with input.ci as ci with data.settings.jobs_succeeded as {"required": [], "reported": true}
	{violation.at.id | some violation in found} == {"ci.jobs"}
}

# The system denies then.
test_nothing_to_judge_when_not_collected[status] if {
	some status in ["missing", "failed"]
	found := jobs_succeeded.deny with input.ci as {"status": status, "reason": "none"}
		with data.settings.jobs_succeeded as {"required": ["build"]}
	found == set()
}
