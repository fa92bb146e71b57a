package pushpolicy.rules.scan_fresh_test

import data.pushpolicy.rules.scan_fresh
import rego.v2

_settings := {"max_age_hours": 24, "undated": [], "max_db_age_hours": 120, "require_db": false}

_scan := {"name": "image", "scanner": {"name": "trivy"}, "at": "2026-03-02T09:00:00Z"}

_denied(scans, settings) := {found.at.id |
	some found in scan_fresh.deny with input.evaluated_at as "2026-03-02T10:00:00Z"
		with input.scans as {"status": "collected", "items": scans}
		with data.settings.scan_fresh as object.union(_settings, settings)
}

_warned(scans, settings) := {found.at.id |
	some found in scan_fresh.warn with input.evaluated_at as "2026-03-02T10:00:00Z"
		with input.scans as {"status": "collected", "items": scans}
		with data.settings.scan_fresh as object.union(_settings, settings)
}

test_allow_when[name] if {
	some name, case in {
		"it is an hour old": {"scan": {}},
		"it is as old as it may be": {"scan": {"at": "2026-03-01T10:00:00Z"}},
		"it is of now": {"scan": {"at": "2026-03-02T10:00:00Z"}},
		"its clock is ahead": {"scan": {"at": "2026-03-02T10:05:00Z"}},
		"the offset is another": {"scan": {"at": "2026-03-02T12:59:59+03:00"}},
		"the scanner gives no time": {"scan": {"at": null}, "settings": {"undated": ["trivy"]}},
		"the database is recent": {
			"scan": {"scanner": {"name": "trivy", "db_built": "2026-03-01T00:00:00Z"}},
			"settings": {"require_db": true},
		},
	}
	_denied([_with(case.scan)], object.get(case, "settings", {})) == set()
}

test_deny_when[name] if {
	some name, case in {
		"it is a second too old": {"scan": {"at": "2026-03-01T09:59:59Z"}, "ids": {"image/age"}},
		"it is from the future": {"scan": {"at": "2026-03-02T10:05:01Z"}, "ids": {"image/age"}},
		"it has no time": {"scan": {"at": null}, "ids": {"image/age"}},
		"another scanner gives no time": {
			"scan": {"at": null},
			"settings": {"undated": ["semgrep"]},
			"ids": {"image/age"},
		},
		"the limit is no number": {"scan": {}, "settings": {"max_age_hours": "24"}, "ids": {"image/age"}},
		"the database is old": {
			"scan": {"scanner": {"name": "trivy", "db_built": "2026-02-01T00:00:00Z"}},
			"settings": {"require_db": true},
			"ids": {"image/db"},
		},
		"the database has no time": {"scan": {}, "settings": {"require_db": true}, "ids": {"image/db"}},
	}
	_denied([_with(case.scan)], object.get(case, "settings", {})) == case.ids
}

test_deny_when_there_are_no_settings if {
	found := scan_fresh.deny with input.evaluated_at as "2026-03-02T10:00:00Z"
		with input.scans.items as [_scan]
		with data.settings as {}
	{violation.at.id | some violation in found} == {"image/age", "image/db"}
}

test_deny_when_there_is_no_scan if _denied([], {}) == {"scans/none"}

test_warn_when_the_database_is_old if {
	_warned([_with({"scanner": {"name": "trivy", "db_built": "2026-02-01T00:00:00Z"}})], {}) == {"image/db"}
}

test_no_warning_when_the_age_of_the_database_is_not_known if _warned([_scan], {}) == set()

test_deny_says_how_old[name] if {
	some name, case in {
		"old": {"at": "2026-02-28T10:30:00Z", "text": "is 48 hours old"},
		"future": {"at": "2026-03-03T10:00:00Z", "text": "is from after the decision"},
		"none": {"at": null, "text": "has no time"},
	}
	some found in scan_fresh.deny with input.evaluated_at as "2026-03-02T10:00:00Z"
		with input.scans.items as [_with({"at": case.at})]
		with data.settings.scan_fresh as _settings
	contains(found.msg, case.text)
}

# A field given as null is one that the scan does not have.
_with(fields) := {key: value |
	some key, value in object.union(_scan, fields)
	value != null
}

# The system denies then.
test_nothing_to_judge_when_not_collected[status] if {
	some status in ["missing", "failed"]
	found := scan_fresh.deny
		with input.scans as {"status": status, "reason": "none"}
		with input.evaluated_at as "2026-03-02T10:00:00Z"
		with data.settings.scan_fresh as _settings
	found == set()
}
