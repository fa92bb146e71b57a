package pushpolicy.rules.fix_overdue_test

import data.pushpolicy.rules.fix_overdue
import rego.v2

_settings := {
	"days_critical": 7, "days_high": 30, "days_medium": 90, "days_low": -1, "days_negligible": -1, "days_unknown": 7,
	"since_fix": ["grype"], "undated": ["scout"],
	"accepted_suppressions": [".trivyignore *"], "accepted_vex": [],
}

_found(finding, scanner, settings) := {violation.msg |
	some violation in fix_overdue.deny with input.evaluated_at as "2026-03-11T00:00:00Z"
		with input.scans.items as [{"name": "image", "scanner": {"name": scanner}, "findings": [finding]}]
		with data.settings.fix_overdue as object.union(_settings, settings)
}

_finding(more) := object.union({"id": "CVE-1", "kind": "vulnerability", "package": "a", "fix_state": "fixed"}, more)

_old := "2025-01-01T00:00:00Z"

test_in_time if {
	every case in [
		{"finding": {"severity": "critical", "published": "2026-03-04T00:00:00Z"}, "scanner": "trivy"},
		{"finding": {"severity": "critical", "published": _old, "fixed_at": "2026-03-10T00:00:00Z"}, "scanner": "grype"},
		{"finding": {"severity": "low", "published": _old}, "scanner": "trivy"},
		{"finding": {"severity": "high", "published": _old, "fix_state": "not-fixed"}, "scanner": "trivy"},
		{"finding": {"severity": "high"}, "scanner": "scout"},
		{"finding": {"severity": "high", "published": "2026-03-11T12:00:00Z"}, "scanner": "trivy"},
		{"finding": {"severity": "high", "published": _old, "kind": "code"}, "scanner": "trivy"},
	] {
		_found(_finding(case.finding), case.scanner, {}) == set()
	}
}

test_overdue[text] if {
	some text, case in {
		"CVE-1 in a has been known for 7 days (published 2026-03-03T12:00:00Z); 7 days are allowed for critical ones": {
			"finding": {"severity": "critical", "published": "2026-03-03T12:00:00Z"},
			"scanner": "trivy",
		},
		"CVE-1 in a 1.0 has had a fix for 434 days (fixed_at 2025-01-01T00:00:00Z); 30 days": {
			"finding": {"severity": "high", "fixed_at": _old, "published": "2026-03-10T00:00:00Z", "version": "1.0"},
			"scanner": "grype",
		},
		"does not tell since when it has a fix; 7 days are allowed for unknown": {
			"finding": {"severity": "unknown", "published": "2026-03-10T00:00:00Z"},
			"scanner": "grype",
		},
		"does not tell since when it is known; 90 days": {
			"finding": {"severity": "medium", "fixed_at": "2026-03-10T00:00:00Z"},
			"scanner": "trivy",
		},
		"has been known for -3 days": {
			"finding": {"severity": "medium", "published": "2026-03-14T00:00:00Z"},
			"scanner": "trivy",
		},
	}
	found := _found(_finding(case.finding), case.scanner, {})
	count(found) == 1
	some msg in found
	contains(msg, text)
}

test_without_a_package if {
	bare := {"id": "CVE-1", "kind": "vulnerability", "severity": "high", "published": _old}
	some msg in _found(bare, "trivy", {})
	startswith(msg, "CVE-1 in a package that is not named has been known")
}

test_what_is_set_aside_by_the_settings_does_not_count if {
	overdue := _finding({"severity": "high", "published": _old})
	count(_found(overdue, "trivy", {})) == 1
	_found(object.union(overdue, {"suppressed_by": ".trivyignore ignored"}), "trivy", {}) == set()
}

test_a_limit_is_a_number if {
	count(_found(_finding({"severity": "low", "published": "2026-03-10T00:00:00Z"}), "trivy", {"days_low": "9"})) == 1
}
