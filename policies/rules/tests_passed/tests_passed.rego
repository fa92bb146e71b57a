# METADATA
# title: Tests passed
# description: >-
#   Every test report that was read ran at least one test, and no test failed, could not run, or is
#   declared failed by the report without being shown. A report without tests and one whose tests were
#   all skipped prove nothing. A flaky test and totals that disagree in other ways are warnings.
# custom:
#   severity: critical
#   collections: [minimal, default, strict]
#   controls: [SSDF PW.8.2, OSPS QA-06.01]
#   fix: Make the named tests pass, and hand over the complete report of each run.
#   settings:
#     min_tests:
#       type: integer
#       stricter: higher
#       minimum: 1
#       default: 1
#       description: How many tests must have run, over all reports; skipped ones do not count.
package pushpolicy.rules.tests_passed

import rego.v2

# Evidence that was not collected is denied by the system, as evidence:tests; the rule judges what there is.
deny contains {"at": {"id": "tests/too-few"}, "msg": msg} if {
	input.tests.status == "collected"
	not _enough
	ran := $"{_ran(input.tests.totals)} tests ran, skipped ones not counted"
	msg := $"{ran}; at least {data.settings.tests_passed.min_tests} must"
}

deny contains {"at": {"id": "tests/totals"}, "msg": msg} if {
	input.tests.status == "collected"
	not _adds_up
	msg := "the totals are not the sum of the reports; each total must be the sum of what the reports count"
}

deny contains {"at": {"id": $"{report.name}/lost"}, "msg": msg} if {
	input.tests.status == "collected"
	some report in input.reports
	report.kind == "tests"
	not report.sha256 in _read
	msg := $"{report.name} was read, and its tests are not here; each report's must be"
}

deny contains {"at": {"id": $"{report.name}/nothing-ran"}, "msg": msg} if {
	some report in input.tests.reports
	not _ran(report.totals) > 0
	counted := $"{report.totals.total} tests, {report.totals.skipped} of them skipped"
	msg := $"{report.name} holds {counted}; at least one must have run"
}

deny contains {"at": {"id": $"{report.name}/failed", "cases": cases}, "msg": msg} if {
	some report in input.tests.reports
	not _clean(report.totals)
	cases := [case.name | some case in input.tests.failures; case.report == report.name]
	counted := $"{report.totals.failed} failed and {report.totals.errors} could not run"
	msg := $"{report.name}: of {report.totals.total} tests {counted}, none may{_first(cases)}"
}

deny contains {"at": {"id": $"{report.name}/undeclared"}, "msg": msg} if {
	some report in input.tests.reports
	not report.undeclared == 0
	declared := $"{report.undeclared} failures or errors that none of its test cases shows"
	msg := $"{report.name} declares {declared}; it must declare none"
}

warn contains {"at": {"id": $"{report.name}/flaky"}, "msg": msg} if {
	some report in input.tests.reports
	not report.totals.flaky == 0
	msg := $"{report.name}: {report.totals.flaky} tests passed only when they were run again"
}

warn contains {"at": {"id": $"{report.name}/disagreement"}, "msg": msg} if {
	some report in input.tests.reports
	some disagreement in report.disagreements
	msg := $"{report.name}: {disagreement}"
}

_read := {report.sha256 | some report in input.tests.reports}

_first(cases) := $": {concat(", ", array.slice(cases, 0, 5))}" if count(cases) > 0

else := ""

_ran(totals) := totals.total - totals.skipped

_clean(totals) if {
	totals.failed == 0
	totals.errors == 0
}

_enough if {
	is_number(data.settings.tests_passed.min_tests)
	_ran(input.tests.totals) >= data.settings.tests_passed.min_tests
}

_adds_up if {
	every key in ["total", "passed", "failed", "errors", "skipped"] {
		input.tests.totals[key] == sum([report.totals[key] | some report in input.tests.reports])
	}
	every report in input.tests.reports {
		_ran(report.totals) == (report.totals.passed + report.totals.failed) + report.totals.errors
	}
}
