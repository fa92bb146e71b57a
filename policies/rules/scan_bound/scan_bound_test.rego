package pushpolicy.rules.scan_bound_test

import data.pushpolicy.rules.scan_bound
import rego.v2

_amd64 := {"platform": "linux/amd64", "digest": "sha256:a", "config_digest": "sha256:b"}

_windows(build) := {
	"platform": "windows/amd64",
	"digest": $"sha256:manifest-{build}",
	"config_digest": $"sha256:config-{build}",
}

_scan := {
	"name": "one",
	"kind": "image",
	"scanner": {"name": "trivy"},
	"looked_for": ["vulnerabilities"],
	"of_commit": "unsaid",
	"bound": true,
	"bound_by": "config",
	"platform": "linux/amd64",
}

_capture(scanner) := object.union(_scan, {"bound_by": "capture", "scanner": {"name": scanner}})

_found(platforms, scans) := {found.at.id |
	some found in scan_bound.deny
		with input.image.platforms as platforms
		with input.scans as {"status": "collected", "items": scans}
		with data.settings.scan_bound.accept_captures as ["scout", "grype"]
}

test_allow_when[name] if {
	some name, case in {
		"the platform was scanned": {"platforms": [_amd64], "scans": [_scan]},
		"by a captured scanner": {"platforms": [_amd64], "scans": [_capture("scout")]},
		"twice": {"platforms": [_amd64], "scans": [_scan, _scan]},
		"beside scans of other things": {
			"platforms": [_amd64],
			"scans": [_scan, {"name": "code", "kind": "code", "of_commit": "same", "bound": false}],
		},
		"platforms of one name, by manifest and by image ID": {
			"platforms": [_windows("one"), _windows("two")],
			"scans": [
				object.union(_scan, {"platform": "windows/amd64", "image": {"digest": "sha256:manifest-one"}}),
				object.union(_scan, {"platform": "windows/amd64", "image": {"image_id": "sha256:config-two"}}),
			],
		},
	}
	_found(case.platforms, case.scans) == set()
}

test_deny_when[name] if {
	some name, case in {
		"there is no scan": {"platforms": [_amd64], "scans": []},
		"one is left": {
			"platforms": [_amd64, object.union(_amd64, {"platform": "linux/arm64"})],
			"scans": [_scan],
			"ids": {"linux/arm64"},
		},
		"the scan is not bound": {"platforms": [_amd64], "scans": [object.union(_scan, {"bound": false})]},
		"whether it is bound is not known": {"platforms": [_amd64], "scans": [object.remove(_scan, ["bound"])]},
		"by a captured scanner that is not accepted": {"platforms": [_amd64], "scans": [_capture("snyk")]},
		"by what is not known": {"platforms": [_amd64], "scans": [object.remove(_scan, ["bound_by"])]},
		"it is of the code": {"platforms": [_amd64], "scans": [object.union(_scan, {"kind": "code"})]},
		"it looked for secrets only": {
			"platforms": [_amd64],
			"scans": [object.union(_scan, {"looked_for": ["secrets"]})],
		},
		"it does not say what it looked for": {
			"platforms": [_amd64],
			"scans": [object.union(_scan, {"looked_for": ["unsaid"]})],
		},
		"nothing says what it looked for": {
			"platforms": [_amd64],
			"scans": [object.remove(_scan, ["looked_for"])],
		},
		"the code scan is of another commit": {
			"platforms": [_amd64],
			"scans": [_scan, object.union(_scan, {"name": "code", "kind": "code", "of_commit": "other"})],
			"ids": {"code/commit"},
		},
		"whether the code scan is of this commit is not known": {
			"platforms": [_amd64],
			"scans": [_scan, object.remove(object.union(_scan, {"name": "code", "kind": "code"}), ["of_commit"])],
			"ids": {"code/commit"},
		},
		"its platform is not known": {"platforms": [_amd64], "scans": [object.remove(_scan, ["platform"])]},
		"the name could mean either": {
			"platforms": [_windows("one"), _windows("two")],
			"scans": [object.union(_scan, {"platform": "windows/amd64"})],
			"ids": {"windows/amd64"},
		},
		"there is no platform": {"platforms": [], "scans": [_scan], "ids": {"image/platforms"}},
	}
	_found(case.platforms, case.scans) == object.get(case, "ids", {"linux/amd64"})
}

test_what_is_unsaid_counts_where_the_setting_names_the_scanner[name] if {
	some name, case in {
		"it is named": {"accept": ["trivy"], "found": set()},
		"another is": {"accept": ["grype"], "found": {"linux/amd64"}},
	}
	found := {violation.at.id |
		some violation in scan_bound.deny with input.image.platforms as [_amd64]
			with input.scans as {"status": "collected", "items": [object.union(_scan, {"looked_for": ["unsaid"]})]}
			with data.settings.scan_bound.accept_unsaid as case.accept
	}
	found == case.found
}

test_deny_says_why_a_scan_does_not_count[name] if {
	some name, case in {
		"unsaid": {"scan": {"looked_for": ["unsaid"]}, "text": "does not say what it looked for"},
		"other things": {"scan": {"looked_for": ["secrets"]}, "text": "looked for secrets only"},
		"contradiction": {"scan": {"bound": false, "contradiction": "two images"}, "text": "to nothing: two images"},
	}
	some found in scan_bound.deny with input.image.platforms as [_amd64]
		with input.scans as {"status": "collected", "items": [object.union(_scan, case.scan)]}
	contains(found.msg, case.text)
}

test_deny_says_what_was_scanned[name] if {
	some name, case in {
		"nothing": {"scans": [], "end": "; no image scan was read"},
		"another": {
			"scans": [object.union(_scan, {"bound": false}), object.union(_scan, {"platform": "linux/s390x"})],
			"end": "one (bound to nothing in this image), one (bound to linux/s390x, which looked for vulnerabilities)",
		},
		"a captured scanner that is not accepted": {
			"scans": [_capture("snyk")],
			"end": "one (bound to linux/amd64 by capture of snyk, not in accept_captures)",
		},
	}
	some found in scan_bound.deny
		with input.image.platforms as [_amd64]
		with input.scans as {"status": "collected", "items": case.scans}
		with data.settings.scan_bound.accept_captures as ["scout"]
	endswith(found.msg, case.end)
}

# The system denies then.
test_nothing_to_judge_when_not_collected[status] if {
	some status in ["missing", "failed"]
	found := scan_bound.deny
		with input.scans as {"status": status, "reason": "none"}
		with input.image.platforms as [_amd64]
	found == set()
}

test_what_does_not_say_what_it_looked_for_counts_where[name] if {
	some name, case in {
		"its scanner is named": {"settings": {"accept_unsaid": ["trivy"]}},
		"it lists packages": {"scan": {"packages": 7}, "settings": {"accept_listed": ["trivy"]}},
		"an SBOM lists none": {"scan": {"empty_by": "app"}},
	}
	scan := object.union(object.union(_scan, {"looked_for": ["unsaid"]}), object.get(case, "scan", {}))
	found := scan_bound.deny with input.image.platforms as [_amd64]
		with input.scans as {"status": "collected", "items": [scan]}
		with data.settings.scan_bound as object.get(case, "settings", {})
	found == set()
}

test_deny_says_more[text] if {
	some text, case in {
		"bound to nothing: two images are named": {"scan": {"bound": false, "contradiction": "two images are named"}},
		"it names manifest sha256:x, image ID sha256:y, name web": {"scan": {
			"bound": false,
			"image": {"digest": "sha256:x", "image_id": "sha256:y", "name": "web"},
		}},
		"of an image that an SBOM calls empty; but a layer holds files": {"scan": {
			"looked_for": ["unsaid"],
			"not_empty": "a layer holds files",
		}},
		"is a scan of commit c;": {"scan": {"kind": "code", "of_commit": "other", "commit": "c"}},
		"was not verified (lazy_toc)": {"scan": {"bound": false}, "platform": {"lazy_toc": "unverified"}},
		"cannot be compared with its config (x/encrypted)": {
			"scan": {"bound": false},
			"platform": {"not_comparable": "x/encrypted"},
		},
	}
	some found in scan_bound.deny
		with input.image.platforms as [object.union(_amd64, object.get(case, "platform", {}))]
		with input.scans as {"status": "collected", "items": [object.union(_scan, case.scan)]}
	contains(found.msg, text)
}
