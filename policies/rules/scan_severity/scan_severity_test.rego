package pushpolicy.rules.scan_severity_test

import data.pushpolicy.rules.scan_severity
import rego.v2

_severities := ["critical", "high", "medium", "low", "negligible", "unknown"]

_settings := {
	"max_critical": 0,
	"max_high": 0,
	"max_medium": 2,
	"max_low": -1,
	"max_negligible": -1,
	"max_unknown": 0,
	"only_fixable": false,
	"accepted_suppressions": [],
	"accepted_vex": [],
}

_scan(findings) := {
	"name": "image",
	"findings": findings,
	"counts": {"listed": {severity: count([1 | some finding in findings; finding.severity == severity]) |
		some severity in _severities
	}},
}

_finding(severity) := {"id": $"CVE-{severity}", "severity": severity, "kind": "vulnerability"}

_claim(document, status) := {"sha256": document, "status": status, "reason": "component_not_present"}

_found(findings, settings) := {found.at.id |
	some found in scan_severity.deny with input.scans.items as [_scan(findings)]
		with data.settings.scan_severity as object.union(_settings, settings)
}

test_allow_when[name] if {
	some name, case in {
		"nothing was found": {"findings": []},
		"any number is tolerated": {"findings": [_finding("low"), _finding("low"), _finding("negligible")]},
		"within the limit": {"findings": [_finding("medium"), _finding("medium")]},
		"the suppression is accepted": {
			"findings": [object.union(_finding("critical"), {"suppressed_by": "sarif external"})],
			"settings": {"accepted_suppressions": ["sarif *"]},
		},
		"a VEX document that is named says so": {
			"findings": [object.union(_finding("critical"), {"vex": [_claim("b", "fixed"), _claim("a", "not_affected")]})],
			"settings": {"accepted_vex": ["a"]},
		},
		"no fix exists and only fixable ones count": {
			"findings": [object.union(_finding("critical"), {"fix_state": "wont-fix"})],
			"settings": {"only_fixable": true},
		},
		"within the limit without those that are left out": {
			"findings": [_finding("medium"), _finding("medium"), object.union(_finding("medium"), {"fix_state": "not-fixed"})],
			"settings": {"only_fixable": true},
		},
	}
	_found(case.findings, object.get(case, "settings", {})) == set()
}

test_deny_when[name] if {
	some name, case in {
		"critical": {"findings": [_finding("critical")]},
		"high": {"findings": [_finding("high")]},
		"unknown": {"findings": [_finding("unknown")]},
		"over the limit": {"findings": [_finding("medium"), _finding("medium"), _finding("medium")]},
		"suppressed": {"findings": [object.union(_finding("high"), {"suppressed_by": "sarif inSource"})]},
		"harmless by VEX": {"findings": [object.union(_finding("high"), {"vex": [_claim("a", "not_affected")]})]},
		"harmless by another VEX": {
			"findings": [object.union(_finding("high"), {"vex": [_claim("a", "not_affected")]})],
			"settings": {"accepted_vex": ["b"], "accepted_suppressions": ["*"]},
		},
		"affected by VEX": {
			"findings": [object.union(_finding("high"), {"vex": [_claim("a", "affected")]})],
			"settings": {"accepted_vex": ["a"]},
		},
		"fixable": {
			"findings": [object.union(_finding("high"), {"fix_state": "not-fixed", "fixed_in": "2"})],
			"settings": {"only_fixable": true},
		},
		"perhaps fixable": {"findings": [_finding("high")], "settings": {"only_fixable": true}},
		"a limit is no number": {"findings": [_finding("low")], "settings": {"max_low": "9"}},
		"only_fixable is no boolean": {
			"findings": [object.union(_finding("high"), {"fix_state": "not-fixed"})],
			"settings": {"only_fixable": "false"},
		},
	}
	_found(case.findings, object.get(case, "settings", {})) == {finding.id | some finding in case.findings}
}

# Two scans that list one flaw, and what the second says of it.
_both(says, settings) := found if {
	told := [object.union({"fix_state": "unknown"}, finding) | some finding in says]
	joined := {"sources": ["a", "b"], "id": "CVE-1", "told": told}
	scans := [scan |
		some at, name in ["a", "b"]
		finding := object.union({"id": "CVE-1", "kind": "vulnerability", "joined": joined}, says[at])
		scan := object.union(_scan([finding]), {"name": name})
	]
	found := scan_severity.deny with input.scans.items as scans
		with data.settings.scan_severity as object.union(_settings, settings)
}

test_one_flaw_of_two_scans_denies_once_by_the_worst_severity if {
	every says in [
		[{"severity": "high"}, {"severity": "critical"}],
		[{"severity": "critical", "suppressed_by": "sarif external"}, {"severity": "low"}],
		[{"severity": "low", "vex": [_claim("b", "fixed")]}, {"severity": "critical", "suppressed_by": "sarif external"}],
	] {
		found := _both(says, {"accepted_suppressions": ["sarif *"]})
		[violation.at.id | some violation in found] == ["CVE-1"]
		{violation.msg | some violation in found} == {"critical CVE-1 (fix: none known); at most 0 tolerated in a and b"}
	}
}

test_one_flaw_of_two_scans_is_left_out_where_each_of_them_says_so if {
	settings := {"accepted_suppressions": ["sarif *"], "accepted_vex": ["b"], "only_fixable": true}
	aside := [{"suppressed_by": "sarif external"}, {"vex": [_claim("b", "fixed")]}, {"fix_state": "not-fixed"}]
	every pair in [[first, second] | some first in aside; some second in aside] {
		_both([object.union({"severity": "critical"}, pair[0]), object.union({"severity": "high"}, pair[1])], settings) == set()
	}
	every first in aside {
		says := [object.union({"severity": "critical"}, first), {"severity": "low", "fix_state": "fixed"}]
		count(_both(says, settings)) == 1
	}
}

test_one_flaw_of_two_scans_is_over_the_limit_of_each if {
	count(_both([{"severity": "low"}, {"severity": "medium"}], {"max_medium": 1})) == 0
	count(_both([{"severity": "low"}, {"severity": "medium"}], {"max_medium": 0})) == 1
	count(_both([{"severity": "low"}, {"severity": "unknown"}], {})) == 1
}

test_deny_when_there_are_no_settings if {
	found := scan_severity.deny with input.scans.items as [_scan([_finding("low")])] with data.settings as {}
	count(found) == 1
}

test_deny_when_a_finding_has_no_severity if {
	finding := {"id": "X", "kind": "code"}
	_found([finding], {}) == {"X", "image/counts"}
}

test_deny_when_no_scan[name] if {
	some name, scans in {"absent": {"status": "collected"}, "empty": {"status": "collected", "items": []}}
	found := scan_severity.deny with input.scans as scans with data.settings.scan_severity as _settings
	{violation.at.id | some violation in found} == {"scans/none"}
}

test_deny_when_a_scan_got_lost if {
	reports := [{"name": name, "kind": kind, "sha256": name} | some name in ["image", "code"]; some kind in ["scans", "tests"]]
	scan := object.union(_scan([]), {"sha256": "image"})
	found := scan_severity.deny with input.scans as {"status": "collected", "items": [scan]}
		with input.reports as reports
		with data.settings.scan_severity as _settings
	{violation.at.id | some violation in found} == {"code/lost"}
}

test_deny_when_findings_got_lost if {
	scan := object.union(_scan([_finding("low")]), {"findings": []})
	found := scan_severity.deny with input.scans.items as [scan] with data.settings.scan_severity as _settings
	{violation.at.id | some violation in found} == {"image/counts"}
}

test_deny_says_what_where_and_how_to_fix[name] if {
	zlib := {"package": "zlib", "version": "1.2", "fixed_in": "1.3", "aliases": ["GHSA-1"], "purl": "pkg:generic/zlib@1.2"}
	some name, case in {
		"package": {"more": zlib, "msg": "critical CVE-critical zlib 1.2 (fix: 1.3); at most 0 tolerated in image"},
		"file": {
			"more": {"location": "a.py:3"},
			"msg": "critical CVE-critical a.py:3 (fix: none known); at most 0 tolerated in image",
		},
	}
	finding := object.union(_finding("critical"), case.more)
	found := scan_severity.deny with input.scans.items as [_scan([finding])]
		with data.settings.scan_severity as _settings
	found == {{"at": object.union(finding, {"scan": "image"}), "msg": case.msg}}
}

test_warn_when_the_scanner_left_something_out if {
	scan := object.union(_scan([]), {"filters": ["--severity HIGH"]})
	found := scan_severity.warn with input.scans.items as [scan]
	{warning.at.id | some warning in found} == {"image/filters"}
}

# The system denies then.
test_nothing_to_judge_when_not_collected[status] if {
	some status in ["missing", "failed"]
	found := scan_severity.deny
		with input.scans as {"status": status, "reason": "none"}
		with data.settings.scan_severity as _settings
	found == set()
}
