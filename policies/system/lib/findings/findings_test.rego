package pushpolicy.lib.findings_test

import data.pushpolicy.lib.findings
import rego.v2

_claim(document, status) := {"sha256": document, "status": status, "reason": "component_not_present"}

test_set_aside[name] if {
	some name, case in {
		"by a report": {"suppressed_by": "sarif external"},
		"by a VEX document": {"vex": [_claim("b", "not_affected"), _claim("a", "fixed")]},
		"by a signed VEX document": {"vex": [object.union(_claim("b", "not_affected"), {"verified_by": "security"})]},
		"by both scans": {"suppressed_by": "sarif a", "joined": {"told": [{"suppressed_by": "sarif a"}, {"vex": [_claim("a", "fixed")]}]}},
	}
	findings.set_aside(case, ["sarif *"], ["a"])
	findings.left_out(case, ["sarif *"], ["a"])
}

test_counts[name] if {
	some name, case in {
		"nothing is said": {},
		"another suppression": {"suppressed_by": ".trivyignore"},
		"another document": {"vex": [_claim("b", "fixed")]},
		"affected": {"vex": [_claim("a", "affected")]},
		"affected, and signed": {"vex": [object.union(_claim("b", "affected"), {"verified_by": "security"})]},
	}
	not findings.set_aside(case, ["sarif *"], ["a"])
	not findings.left_out(case, ["sarif *"], ["a"])
	not findings.set_aside(object.union(case, {"suppressed_by": "x"}), [], [])
}

test_another_scan_lists_it_as_well if {
	case := {"suppressed_by": "sarif a", "joined": {"told": [{"suppressed_by": "sarif a"}, {}]}}
	findings.set_aside(case, ["sarif *"], [])
	not findings.left_out(case, ["sarif *"], [])
}
