package pushpolicy.rules.worktree_clean_test

import data.pushpolicy.rules.worktree_clean
import rego.v2

_clean := {
	"status": "collected",
	"dirty": false,
	"commit": "1",
	"changes": [],
	"not_comparable": [],
	"not_checked_out": [],
	"counts": {"not_comparable": 0, "not_checked_out": 0},
}

_settings := {"accept_not_comparable": ["assets/*.psd"], "require_complete": false}

_found(source, settings) := {found.at.id |
	some found in worktree_clean.deny
		with input.source as object.union(_clean, source)
		with data.settings.worktree_clean as settings
}

test_allow_when_clean[name] if {
	some name, settings in {"as it is": _settings, "all must be there": {"require_complete": true}}
	_found({}, settings) == set()
}

test_deny_when[name] if {
	some name, case in {
		"a file was changed": {"source": {"dirty": true, "changes": ["a", "b"]}, "text": ": a, b;"},
		"what was changed is not known": {"source": {"dirty": true}, "text": "which ones is not known"},
		"it is not known": {"source": {"changes": []}, "text": "which ones is not known"},
		"it is no boolean": {"source": {"dirty": "false"}, "text": "which ones is not known"},
	}
	source := object.union(object.remove(_clean, ["dirty", "changes"]), case.source)
	found := worktree_clean.deny with input.source as source with data.settings.worktree_clean as _settings
	count(found) == 1
	some violation in found
	contains(violation.msg, case.text)
}

test_deny_what_cannot_be_compared_unless_it_is_accepted if {
	source := {"not_comparable": ["assets/a.psd", "assets/b/c.psd", "lib"], "counts": {"not_comparable": 3}}
	_found(source, _settings) == {"not-comparable/assets/b/c.psd", "not-comparable/lib"}
	accepted := {"not-comparable/assets/a.psd", "not-comparable/assets/b/c.psd", "not-comparable/lib"}
	_found(source, {"require_complete": false}) == accepted
}

test_deny_what_is_not_checked_out_where_all_must_be if {
	source := {"not_checked_out": ["lib", "docs/"], "counts": {"not_checked_out": 2}}
	_found(source, _settings) == set()
	ids := {"not-checked-out/lib", "not-checked-out/docs/"}
	_found(source, object.union(_settings, {"require_complete": true})) == ids
	_found(source, {}) == ids
}

test_deny_when_a_list_may_be_cut_short[name] if {
	some name, case in {
		"cannot be compared": {"source": {"counts": {"not_comparable": 1}}, "ids": {"not-comparable"}},
		"is not checked out": {"source": {"counts": {"not_checked_out": 1}}, "ids": {"not-checked-out"}},
	}
	_found(case.source, {"require_complete": true}) == case.ids
}

test_deny_when_the_lists_are_not_known[name] if {
	some name, case in {
		"no counts": ["counts"],
		"no lists": ["not_comparable", "not_checked_out"],
		"neither": ["counts", "not_comparable", "not_checked_out"],
	}
	found := worktree_clean.deny with input.source as object.remove(_clean, case)
		with data.settings.worktree_clean as {"require_complete": true}
	{violation.at.id | some violation in found} == {"not-comparable", "not-checked-out"}
}

test_deny_says_what_is_accepted[name] if {
	some name, case in {
		"globs": {"settings": _settings, "end": `accepted are ["assets/*.psd"]`},
		"none": {"settings": {"accept_not_comparable": []}, "end": "accepted are none"},
		"no settings": {"settings": {}, "end": "accepted are none"},
	}
	some found in worktree_clean.deny with input.source as {"dirty": false, "commit": "1", "not_comparable": ["x"]}
		with data.settings.worktree_clean as case.settings
	endswith(found.msg, case.end)
}

# The system denies then.
test_nothing_to_judge_when_not_collected[status] if {
	some status in ["missing", "failed"]
	found := worktree_clean.deny with input.source as {"status": status, "reason": "none"}
	found == set()
}
