# METADATA
# title: The tests reach enough of the code
# description: >-
#   Over all coverage reports at least so much of the code was run by tests as the setting asks for, counted from
#   what the reports hold, not from the share that they state. Without a report, or with one of no code, nothing is
#   shown. Branches are judged where the setting asks for them, in each report.
# custom:
#   severity: medium
#   collections: [strict]
#   controls: [SSDF PW.8.2, OSPS QA-06.01]
#   fix: Test more of the code, and hand the coverage reports of all tests over.
#   settings:
#     min_percent:
#       type: number
#       stricter: higher
#       minimum: 0
#       maximum: 100
#       default: 80
#       description: Percent of all lines (or statements) that tests have to run.
#     min_branches:
#       type: number
#       stricter: higher
#       minimum: 0
#       maximum: 100
#       default: 0
#       description: "Percent of the branches that tests have to take, in each report; 0: not judged."
package pushpolicy.rules.coverage_minimum

import rego.v2

# Evidence that was not collected is denied by the system, as evidence:tests; the rule judges what there is.
deny contains {"at": {"id": "coverage/total"}, "msg": msg} if {
	input.tests.status == "collected"
	not _reached(input.tests.coverage, data.settings.coverage_minimum.min_percent)
	msg := $"{_told}; at least {data.settings.coverage_minimum.min_percent} % are required"
}

deny contains {"at": {"id": "coverage/sum"}, "msg": msg} if {
	input.tests.status == "collected"
	not _adds_up
	msg := "the coverage is not the sum of its reports; it must be what they count"
}

deny contains {"at": {"id": $"{report.name}/branches"}, "msg": msg} if {
	some report in input.tests.coverage.reports
	not data.settings.coverage_minimum.min_branches == 0
	not _reached(report.branches, data.settings.coverage_minimum.min_branches)
	msg := $"{report.name}: {_taken(report)}; at least {data.settings.coverage_minimum.min_branches} % are required"
}

deny contains {"at": {"id": $"{report.name}/lost"}, "msg": msg} if {
	input.tests.status == "collected"
	some report in input.reports
	report.kind == "coverage"
	not report.sha256 in _read
	msg := $"{report.name} was read, and its coverage is not here; each report's must be"
}

warn contains {"at": {"id": $"{report.name}/disagreement"}, "msg": $"{report.name}: {disagreement}"} if {
	some report in input.tests.coverage.reports
	some disagreement in report.disagreements
}

_read := {report.sha256 | some report in input.tests.coverage.reports}

_reached(counted, least) if {
	is_number(least)
	counted.total > 0
	100 * counted.covered >= least * counted.total
}

_adds_up if {
	every key in ["covered", "total"] {
		input.tests.coverage[key] == sum([report[key] | some report in input.tests.coverage.reports])
	}
}

_told := $"tests run {input.tests.coverage.covered} of {input.tests.coverage.total} lines" if input.tests.coverage

else := "there is no coverage report"

_taken(report) := $"{report.branches.covered} of {report.branches.total} branches are taken" if report.branches

else := "it counts no branches"
