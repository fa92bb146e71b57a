package pushpolicy.rules.new_findings_test

import data.pushpolicy.rules.new_findings
import rego.v2

_flaw := {"id": "CVE-1", "aliases": ["GHSA-1"], "package": "a", "version": "2", "severity": "high", "kind": "vulnerability"}

_record := {
	"digest": "sha256:1",
	"verified": true,
	"at": "2026-01-02T00:00:00Z",
	"findings": [{"names": ["CVE-1", "GHSA-1"], "package": "a", "severity": "high"}],
}

_older := {"digest": "sha256:0", "verified": true, "at": "2026-01-01T00:00:00Z", "findings": []}

_denied(finding, before, settings) := {each.msg |
	some each in new_findings.deny
		with input.scans.items as [{"name": "s", "findings": [finding]}]
		with input.records as {"status": "collected", "items": [], "before": before}
		with data.settings.new_findings as object.union({"severities": ["high"], "accepted_suppressions": [], "accepted_vex": []}, settings)
}

test_what_is_known[name] if {
	some name, finding in {
		"the same": _flaw,
		"another version": object.union(_flaw, {"version": "3"}),
		"by its alias": object.union(_flaw, {"id": "X-1"}),
		"the alias is its id": object.union(_flaw, {"id": "GHSA-1", "aliases": []}),
		"another severity": object.union(_flaw, {"severity": "low", "id": "CVE-2", "aliases": []}),
		"another kind": object.union(_flaw, {"kind": "licence", "id": "CVE-2", "aliases": []}),
	}
	_denied(finding, [_older, _record], {}) == set()
}

test_what_is_new[name] if {
	some name, finding in {
		"another flaw": object.union(_flaw, {"id": "CVE-2", "aliases": ["GHSA-2"]}),
		"another package": object.union(_flaw, {"package": "b"}),
		"no package": object.remove(_flaw, ["package"]),
	}
	count(_denied(finding, [_older, _record], {})) == 1
}

test_only_the_last_verified_record_counts[name] if {
	some name, before in {
		"none": [],
		"unverified": [object.union(_record, {"verified": false})],
		"it was fixed since": [_record, object.union(_older, {"at": "2026-01-03T00:00:00Z"})],
	}
	count(_denied(_flaw, before, {})) == 1
}

test_what_is_accepted if {
	suppressed := object.union(_flaw, {"suppressed_by": "x"})
	_denied(suppressed, [], {"accepted_suppressions": ["x"]}) == set()
	count(_denied(suppressed, [], {})) == 1
}

test_deny_says_what_was_before if {
	_denied(_flaw, [], {}) == {"high CVE-1 a 2 of s is new; there is no verified record before"}
	other := object.union(_flaw, {"package": "b"})
	_denied(other, [_record], {}) == {"high CVE-1 b 2 of s is new; the records before are sha256:1 of 2026-01-02T00:00:00Z"}
}

test_not_applicable_without_severities if {
	new_findings.not_applicable == {"the setting severities names none"} with data.settings.new_findings.severities as []
	new_findings.not_applicable == set() with data.settings.new_findings.severities as ["high"]
}
