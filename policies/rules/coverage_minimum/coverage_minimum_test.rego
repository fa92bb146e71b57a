package pushpolicy.rules.coverage_minimum_test

import data.pushpolicy.rules.coverage_minimum
import rego.v2

_report := {
	"name": "unit",
	"covered": 8,
	"total": 10,
	"sha256": "a",
	"branches": {"covered": 1, "total": 2},
	"disagreements": ["it states 90 %"],
}

_coverage := {"covered": 8, "total": 10, "reports": [_report]}

_found(coverage, settings) := {violation.at.id |
	some violation in coverage_minimum.deny
		with input as {"tests": {"status": "collected", "coverage": coverage}, "reports": []}
		with data.settings.coverage_minimum as object.union({"min_percent": 80, "min_branches": 0}, settings)
}

test_enough if {
	_found(_coverage, {}) == set()
	_found(_coverage, {"min_percent": 0, "min_branches": 50}) == set()
}

test_too_little if {
	_found(_coverage, {"min_percent": 80.5}) == {"coverage/total"}
	_found(_coverage, {"min_branches": 51}) == {"unit/branches"}
	_found(_coverage, {"min_percent": "80"}) == {"coverage/total"}
}

test_no_code_is_too_little if {
	empty := {"covered": 0, "total": 0}
	_found(object.union(empty, {"reports": [object.union(_report, empty)]}), {"min_percent": 0}) == {"coverage/total"}
}

test_no_branches_are_too_few if {
	bare := object.remove(_report, ["branches"])
	_found(object.union(_coverage, {"reports": [bare]}), {"min_branches": 1}) == {"unit/branches"}
}

test_what_does_not_add_up_denies if _found(object.union(_coverage, {"covered": 9}), {}) == {"coverage/sum"}

test_no_coverage_denies if {
	found := coverage_minimum.deny with input as {"tests": {"status": "collected"}, "reports": []}
		with data.settings.coverage_minimum as {"min_percent": 0, "min_branches": 0}
	{violation.at.id | some violation in found} == {"coverage/total", "coverage/sum"}
	"there is no coverage report; at least 0 % are required" in {violation.msg | some violation in found}
}

test_a_report_that_got_lost_denies if {
	found := coverage_minimum.deny
		with input as {
			"tests": {"status": "collected", "coverage": _coverage},
			"reports": [{"name": "unit", "kind": "coverage", "sha256": "a"}, {"name": "e2e", "kind": "coverage", "sha256": "b"}],
		}
		with data.settings.coverage_minimum as {"min_percent": 80, "min_branches": 0}
	{violation.at.id | some violation in found} == {"e2e/lost"}
}

test_a_disagreement_warns if {
	found := coverage_minimum.warn with input.tests.coverage as _coverage
	found == {{"at": {"id": "unit/disagreement"}, "msg": "unit: it states 90 %"}}
}
