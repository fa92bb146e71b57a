package pushpolicy.rules.scanners_required_test

import data.pushpolicy.rules.scanners_required
import rego.v2

_image := {"kind": "image", "bound": true, "platform": "linux/amd64", "scanner": {"name": "grype"}, "of_commit": "unsaid"}

_code := {"kind": "code", "bound": false, "scanner": {"name": "bandit.v2"}, "of_commit": "same"}

_denied(scans, required) := {violation.at.id |
	some violation in scanners_required.deny
		with input.image.platforms as [{"platform": "linux/amd64"}]
		with input.scans as {"status": "collected", "items": scans}
		with data.settings.scanners_required.required as required
}

_both := [{"kind": "image", "scanner": "{trivy,grype}"}, {"kind": "code", "scanner": "*"}]

test_each_ran if {
	_denied([_image, _code], _both) == set()
	_denied([_image, object.union(_code, {"of_commit": "unsaid"})], _both) == set()
	_denied([], []) == set()
}

test_one_did_not if {
	_denied([], _both) == {"image/{trivy,grype}/linux/amd64", "code/*"}
	_denied([object.union(_image, {"bound": false}), _code], _both) == {"image/{trivy,grype}/linux/amd64"}
	_denied([object.union(_image, {"platform": "linux/arm64"}), _code], _both) == {"image/{trivy,grype}/linux/amd64"}
	_denied([object.union(_image, {"scanner": {"name": "clair"}}), _code], _both) == {"image/{trivy,grype}/linux/amd64"}
	_denied([_image, object.union(_code, {"of_commit": "other"})], _both) == {"code/*"}
	_denied([_image, _code], [{"kind": "secret", "scanner": "gitleaks"}]) == {"secret/gitleaks"}
}
