package pushpolicy.rules.reports_of_this_run_test

import data.pushpolicy.rules.reports_of_this_run
import rego.v2

_source := {"status": "collected", "commit": "1", "committed_at": "2026-03-02T10:00:00Z"}

_report := {
	"path": "reports/unit.xml",
	"kind": "tests",
	"format": "junit",
	"tracked_by_git": false,
	"at": "2026-03-02T10:00:00Z",
}

_denied(report, settings) := {found.at.id |
	some found in reports_of_this_run.deny with input.source as _source
		with input.reports as [report]
		with data.settings.reports_of_this_run as settings
}

_warned(report, settings) := {found.at.id |
	some found in reports_of_this_run.warn with input.source as _source
		with input.reports as [report]
		with data.settings.reports_of_this_run as settings
}

test_allow_when[name] if {
	some name, change in {
		"it is of the commit's time": {},
		"the offset is another": {"at": "2026-03-02T11:30:00+01:00"},
		"it is a tracked VEX document": {"kind": "vex", "tracked_by_git": true, "at": "2019-01-01T00:00:00Z"},
		"it is a tracked extra": {"kind": "extra", "tracked_by_git": true},
		"it is a tracked baseline": {"format": "detect-secrets", "tracked_by_git": true, "at": "2019-01-01T00:00:00Z"},
		"its format has no time": {"at": null, "format": "tap"},
	}
	report := object.union(_report, change)
	_denied(report, {"deny_older": true, "undated": ["tap"]}) == set()
	_warned(report, {"deny_older": false}) == set()
}

test_deny_what_git_tracks[name] if {
	some name, case in {
		"tests": {"change": {"tracked_by_git": true}, "text": "is a file of commit 1"},
		"a scan": {"change": {"kind": "scans", "tracked_by_git": true}, "text": "a scans report"},
		"a capture": {"change": {"kind": "captures", "tracked_by_git": true}, "text": "a captures report"},
		"whether it does is not known": {"change": {"tracked_by_git": null}, "text": "is perhaps a file of"},
	}
	found := reports_of_this_run.deny with input.source as _source
		with input.reports as [object.union(_report, case.change)]
		with data.settings.reports_of_this_run as {"deny_older": false}
	{violation.at.id | some violation in found} == {"reports/unit.xml/tracked"}
	some violation in found
	contains(violation.msg, case.text)
}

test_older_warns_or_denies_by_setting if {
	report := object.union(_report, {"at": "2026-03-02T09:59:59Z"})
	_warned(report, {"deny_older": false}) == {"reports/unit.xml/older"}
	_denied(report, {"deny_older": false}) == set()
	_denied(report, {"deny_older": true}) == {"reports/unit.xml/older"}
	_denied(report, {}) == {"reports/unit.xml/older"}
	_warned(report, {"deny_older": true}) == set()
}

test_an_older_capture_is_denied_whatever_the_setting if {
	report := object.union(_report, {"at": "2019-05-01T00:00:00Z", "format": "capture"})
	_denied(report, {"deny_older": false}) == {"reports/unit.xml/older"}
	_warned(report, {"deny_older": false}) == set()
}

test_one_without_a_time_is_older_where_that_denies if {
	report := object.remove(_report, ["at"])
	_denied(report, {"deny_older": true, "undated": []}) == {"reports/unit.xml/older"}
	_denied(report, {"deny_older": false, "undated": []}) == set()
}

test_older_says_both_times if {
	some found in reports_of_this_run.deny with input.source as _source
		with input.reports as [object.union(_report, {"at": "2019-05-01T00:00:00Z"})]
		with data.settings.reports_of_this_run as {"deny_older": true}
	contains(found.msg, "is of 2019-05-01T00:00:00Z, the commit is of 2026-03-02T10:00:00Z")
}

# The system denies then.
test_nothing_to_judge_without_a_checkout[status] if {
	some status in ["missing", "failed"]
	found := reports_of_this_run.deny with input.source as {"status": status, "reason": "none"}
		with input.reports as [object.remove(_report, ["tracked_by_git"])]
		with data.settings.reports_of_this_run as {"deny_older": false}
	found == set()
}
