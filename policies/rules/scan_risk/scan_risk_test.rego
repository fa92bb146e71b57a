package pushpolicy.rules.scan_risk_test

import data.pushpolicy.rules.scan_risk
import rego.v2

_settings := {"kev_from": ["grype"], "epss_from": ["grype"], "max_epss": 0.1, "max_cvss": 7, "accepted_suppressions": [".trivyignore *"], "accepted_vex": []}

_harmless := {"id": "CVE-1", "kind": "vulnerability", "package": "a", "kev": false, "epss": 0.1, "cvss": 7}

_found(finding, scanner, settings) := {violation.msg |
	some violation in scan_risk.deny
		with input.scans.items as [{"name": "image", "scanner": {"name": scanner}, "findings": [finding]}]
		with data.settings.scan_risk as object.union(_settings, settings)
}

test_within_the_limits if {
	_found(_harmless, "grype", {}) == set()
	_found(object.union(_harmless, {"epss": 0, "cvss": 0}), "grype", {}) == set()
}

test_other_kinds_are_not_judged if _found({"id": "B1", "kind": "code"}, "grype", {}) == set()

test_an_exploited_one_denies if {
	_found(object.union(_harmless, {"kev": true}), "grype", {}) == {
		"CVE-1 a is known to be exploited; none in CISA's catalogue may be there, by image",
	}
	_found(object.union(_harmless, {"kev": true}), "trivy", {}) == set()
}

test_a_likely_one_denies if {
	found := _found(object.union(_harmless, {"epss": 0.11}), "grype", {})
	found == {"CVE-1 a has 0.11 EPSS; at most 0.1 is allowed, by image"}
}

test_a_severe_one_denies if {
	found := _found(object.union(_harmless, {"cvss": 7.1}), "trivy", {})
	found == {"CVE-1 a has 7.1 CVSS; at most 7 is allowed, by image"}
	_found(object.union(_harmless, {"cvss": 10}), "trivy", {"max_cvss": 10}) == set()
}

test_what_is_not_said_denies if {
	_found({"id": "CVE-1", "kind": "vulnerability"}, "grype", {}) == {
		"CVE-1 does not say whether it is exploited; none in CISA's catalogue may be there, by image",
		"CVE-1 has no EPSS; at most 0.1 is allowed, by image",
		"CVE-1 has no CVSS; at most 7 is allowed, by image",
	}
	_found({"id": "CVE-1", "kind": "vulnerability"}, "trivy", {"max_cvss": 10}) == set()
}

test_what_is_set_aside_by_the_settings_does_not_count if {
	bad := object.union(_harmless, {"kev": true, "epss": 1, "cvss": 9})
	count(_found(bad, "grype", {})) == 3
	_found(object.union(bad, {"suppressed_by": ".trivyignore ignored"}), "grype", {}) == set()
}

test_a_limit_is_a_number if count(_found(_harmless, "grype", {"max_epss": "1", "max_cvss": "9"})) == 2
