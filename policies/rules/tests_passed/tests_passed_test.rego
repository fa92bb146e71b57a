package pushpolicy.rules.tests_passed_test

import data.pushpolicy.rules.tests_passed
import rego.v2

_totals := {"total": 3, "passed": 2, "failed": 0, "errors": 0, "skipped": 1, "flaky": 0}

_tests(totals, failures) := {
	"status": "collected",
	"totals": totals,
	"failures": failures,
	"reports": [{
		"name": "unit",
		"format": "junit",
		"totals": totals,
		"sha256": "",
		"undeclared": 0,
		"disagreements": [],
	}],
}

_good := _tests(_totals, [])

_ids(tests) := {found.at.id |
	some found in tests_passed.deny with input.tests as tests
		with data.settings.tests_passed as {"min_tests": 1}
}

test_allow_when_all_passed if _ids(_good) == set()

test_deny_when[name] if {
	some name, case in {
		"nothing is known": {"tests": {"status": "collected"}, "ids": {"tests/too-few", "tests/totals"}},
		"a test failed": {
			"tests": _tests(object.union(_totals, {"passed": 1, "failed": 1}), []),
			"ids": {"unit/failed"},
		},
		"a test could not run": {
			"tests": _tests(object.union(_totals, {"passed": 1, "errors": 1}), []),
			"ids": {"unit/failed"},
		},
		"all were skipped": {
			"tests": _tests(object.union(_totals, {"passed": 0, "skipped": 3}), []),
			"ids": {"unit/nothing-ran", "tests/too-few"},
		},
		"there are none": {
			"tests": _tests(object.union(_totals, {"total": 0, "passed": 0, "skipped": 0}), []),
			"ids": {"unit/nothing-ran", "tests/too-few"},
		},
		"a case is in no total": {
			"tests": _tests(object.union(_totals, {"total": 4}), []),
			"ids": {"tests/totals"},
		},
		"a report is in no total": {
			"tests": object.union(_good, {"reports": array.concat(_good.reports, _good.reports)}),
			"ids": {"tests/totals"},
		},
		"a failure is only declared": {
			"tests": object.union(_good, {"reports": [object.union(_good.reports[0], {"undeclared": 2})]}),
			"ids": {"unit/undeclared"},
		},
		"whether failures are only declared is not known": {
			"tests": object.union(_good, {"reports": [object.remove(_good.reports[0], ["undeclared"])]}),
			"ids": {"unit/undeclared"},
		},
	}
	_ids(case.tests) == case.ids
}

test_deny_when_a_report_got_lost if {
	reports := [
		{"name": "unit", "kind": "tests", "sha256": ""},
		{"name": "e2e", "kind": "tests", "sha256": "lost"},
		{"name": "image", "kind": "scans", "sha256": "other"},
	]
	found := tests_passed.deny with input.tests as _good
		with input.reports as reports
		with data.settings.tests_passed as {"min_tests": 1}
	{violation.at.id | some violation in found} == {"e2e/lost"}
}

test_deny_when_the_setting_is_no_number[value] if {
	some value in ["0", "", {}, []]
	found := tests_passed.deny with input.tests as _good with data.settings.tests_passed as {"min_tests": value}
	count(found) == 1
}

test_deny_names_the_first_five_failures if {
	failures := [{"report": report, "name": $"case_{i}", "kind": "failure", "message": ""} |
		some report in ["unit", "other"]
		some i in numbers.range(1, 7)
	]
	tests := _tests(object.union(_totals, {"passed": 1, "failed": 1}), failures)
	some found in tests_passed.deny with input.tests as tests with data.settings.tests_passed as {"min_tests": 1}
	count(found.at.cases) == 7
	endswith(found.msg, "none may: case_1, case_2, case_3, case_4, case_5")
}

test_warn_when[name] if {
	some name, report in {
		"flaky": {"totals": {"flaky": 1}},
		"disagreement": {"disagreements": ["2 declared, 3 found"]},
	}
	tests := object.union(_good, {"reports": [object.union(_good.reports[0], report)]})
	found := tests_passed.warn with input.tests as tests
	{warning.at.id | some warning in found} == {$"unit/{name}"}
}

# The system denies then.
test_nothing_to_judge_when_not_collected[status] if {
	some status in ["missing", "failed"]
	found := tests_passed.deny
		with input.tests as {"status": status, "reason": "none"}
		with data.settings.tests_passed as {"min_tests": 1}
	found == set()
}
