package pushpolicy.rules.system_supported_test

import data.pushpolicy.rules.system_supported
import rego.v2

_scan := {"name": "image", "kind": "image", "scanner": {"name": "trivy"}, "system": "alpine 3.10", "end_of_life": false}

_ids(found) := {each.at.id | some each in found}

_denied(scan, settings) := _ids(found) if {
	found := system_supported.deny with input.scans as {"status": "collected", "items": [scan]}
		with data.settings.system_supported as settings
}

_warned(scan, settings) := _ids(found) if {
	found := system_supported.warn with input.scans as {"status": "collected", "items": [scan]}
		with data.settings.system_supported as settings
}

_strict := {"deny_unsupported": true, "unsaid": ["grype"]}

_lax := {"deny_unsupported": false, "unsaid": []}

test_allow_when[name] if {
	some name, change in {
		"it is maintained": {},
		"it is no scan of an image": {"kind": "code", "end_of_life": null},
		"its scanner never says": {"end_of_life": null, "scanner": {"name": "grype"}},
	}
	_denied(object.union(_scan, change), _strict) == set()
	_warned(object.union(_scan, change), _lax) == set()
}

test_end_of_life_warns_or_denies_by_setting if {
	scan := object.union(_scan, {"end_of_life": true})
	_warned(scan, _lax) == {"image/system"}
	_denied(scan, _lax) == set()
	_denied(scan, _strict) == {"image/system"}
	_denied(scan, {}) == {"image/system"}
}

test_what_is_not_said_is_denied_where_end_of_life_is if {
	scan := object.remove(_scan, ["end_of_life"])
	_denied(scan, _strict) == {"image/system"}
	_warned(scan, _lax) == set()
}

test_it_names_the_system[name] if {
	some name, case in {
		"known": {"scan": {}, "text": "alpine 3.10 is no longer"},
		"not known": {"scan": {"system": null}, "text": "the system of the image is no longer"},
	}
	scan := {key: value | some key, value in object.union(_scan, case.scan); value != null}
	some found in system_supported.warn
		with input.scans as {"status": "collected", "items": [object.union(scan, {"end_of_life": true})]}
		with data.settings.system_supported as _lax
	contains(found.msg, case.text)
}

# The system denies then.
test_nothing_to_judge_when_not_collected[status] if {
	some status in ["missing", "failed"]
	found := system_supported.deny with input.scans as {"status": status, "reason": "none"}
		with data.settings.system_supported as _strict
	found == set()
}
