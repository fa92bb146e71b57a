package pushpolicy.rules.promotion_test

import data.pushpolicy.rules.promotion
import rego.v2

_record := {
	"digest": "sha256:1",
	"verified": true,
	"verified_by": "publish",
	"registry": "r.example",
	"repository": "staging/app",
	"verdict": "ALLOW",
	"approved": true,
	"waived": 0,
	"at": "2026-01-02T00:00:00Z",
	"root_at": "2026-01-02T00:00:00Z",
	"findings": [{"names": ["CVE-1", "GHSA-1"], "package": "a", "severity": "high"}],
	"coverage": 80,
}

_before := object.union(_record, {"digest": "sha256:0", "repository": "app", "tag": "1", "at": "2026-01-01T00:00:00Z", "root_at": "2026-01-01T00:00:00Z"})

_settings := {"from": [{"repository": "r.example/staging/*"}], "max_age_days": 30, "severities": ["high"]}

_denied(items, before, settings) := {each.at.id |
	some each in promotion.deny
		with input.evaluated_at as "2026-01-03T00:00:00Z"
		with input.records as {"status": "collected", "items": items, "before": before}
		with data.settings.promotion as object.union(_settings, settings)
}

_changed(change) := [object.union(_record, change)]

_later(change) := array.concat([_record], [object.union(_record, object.union({"digest": "sha256:2", "at": "2026-01-02T12:00:00Z"}, change))])

test_what_is_allowed[name] if {
	some name, items in {
		"as it is": [_record],
		"as good": _changed({"root_at": "2026-01-01T00:00:00Z"}),
		"allowed again": _later({}),
		"denied before": _later({"approved": false, "at": "2026-01-01T12:00:00Z"}),
		"somebody else's word": _later({"verified": false, "approved": false}),
		"a flaw that nobody asked about": _changed({"findings": [{"names": ["CVE-2"], "package": "a", "severity": "low"}]}),
		"the same flaw by its alias": _changed({"findings": [{"names": ["GHSA-1"], "package": "a", "severity": "high"}]}),
	}
	_denied(items, [_before], {}) == set()
}

test_what_is_denied[name] if {
	some name, case in {
		"nothing": {"items": [], "ids": {"record"}},
		"not approved": {"items": _changed({"approved": false}), "ids": {"record"}},
		"not verified": {"items": _changed({"verified": false}), "ids": {"record"}},
		"denied later": {"items": _later({"approved": false}), "ids": {"record"}},
		"denied at the same time": {"items": _later({"approved": false, "at": _record.at}), "ids": {"record"}},
		"another place": {"items": _changed({"repository": "staging/app/x"}), "ids": {"record"}},
		"too old": {"items": _changed({"root_at": "2025-12-03T00:00:00Z"}), "ids": {"record"}},
		"waived": {"items": _changed({"waived": 1}), "ids": {"waived"}},
		"older": {"items": _changed({"root_at": "2025-12-31T00:00:00Z"}), "ids": {"older"}},
		"less coverage": {"items": _changed({"coverage": 79.9}), "ids": {"coverage"}},
		"no coverage any more": {"items": [object.remove(_record, ["coverage"])], "ids": {"coverage"}},
		"a new flaw": {"items": _changed({"findings": [{"names": ["CVE-2"], "package": "a", "severity": "high"}]}), "ids": {"CVE-2"}},
		"the flaw in another package": {"items": _changed({"findings": [{"names": ["CVE-1"], "package": "b", "severity": "high"}]}), "ids": {"CVE-1"}},
	}
	_denied(case.items, [_before], {}) == case.ids
}

test_whose_word_counts if {
	_denied([_record], [], {"from": [{"repository": "r.example/staging/app", "keys": ["publish"]}]}) == set()
	_denied([_record], [], {"from": [{"repository": "r.example/staging/app", "keys": ["other"]}]}) == {"record"}
}

test_a_tag_that_names_nothing_has_nothing_to_compare if {
	_denied(_changed({"coverage": 1, "findings": [{"names": ["CVE-9"], "package": "z", "severity": "high"}]}), [], {}) == set()
}

test_what_has_no_coverage_is_no_measure if {
	_denied(_changed({"coverage": 0}), [object.union(_before, {"coverage": 0})], {}) == set()
}

test_nothing_is_asked_where_no_repository_is_named if {
	_denied([], [], {"from": []}) == set()
	promotion.not_applicable with data.settings.promotion as {"from": []}
}
