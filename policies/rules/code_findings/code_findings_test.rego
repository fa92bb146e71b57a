package pushpolicy.rules.code_findings_test

import data.pushpolicy.rules.code_findings
import rego.v2

_scan := {"name": "code", "kind": "code", "of_commit": "same", "findings": []}

_finding := {"id": "B602", "kind": "code", "severity": "medium", "location": "a.py:3"}

_denied(scans, settings) := {violation.msg |
	some violation in code_findings.deny with input.scans as {"status": "collected", "items": scans}
		with data.settings.code_findings as object.union({"tolerated": ["low"], "accepted_suppressions": ["sarif *"]}, settings)
}

_with(finding) := object.union(_scan, {"findings": [object.union(_finding, finding)]})

test_nothing_of_weight if {
	every finding in [{"severity": "low"}, {"kind": "vulnerability"}, {"suppressed_by": "sarif inSource"}] {
		_denied([_with(finding)], {}) == set()
	}
	_denied([object.union(_scan, {"of_commit": "unsaid"})], {}) == set()
}

test_a_finding_of_weight if {
	_denied([_with({})], {}) == {"medium B602 in a.py:3; tolerated are low, by code"}
	_denied([_with({"severity": "low"})], {"tolerated": []}) == {"low B602 in a.py:3; tolerated are none, by code"}
	count(_denied([_with({"kind": "misconfiguration"})], {})) == 1
	count(_denied([_with({"suppressed_by": "nosec"})], {})) == 1
	bare := object.remove(_finding, ["location"])
	some msg in _denied([object.union(_scan, {"findings": [bare]})], {})
	contains(msg, "in a place that the report does not name")
}

test_no_scan_of_the_code[name] if {
	some name, scans in {
		"none": [],
		"the image's": [object.union(_scan, {"kind": "image"})],
		"another commit's": [object.union(_scan, {"of_commit": "other"})],
	}
	_denied(scans, {}) == {"no scan of the code of this commit was read; one is required"}
}
