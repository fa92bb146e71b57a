package pushpolicy.rules.branch_allowed_test

import data.pushpolicy.rules.branch_allowed
import rego.v2

_settings := {
	"assurance": "asserted",
	"branches": ["main", "release/*"],
	"default_branch": true,
	"tags": ["v[0-9]*"],
}

_found(ci, settings) := {found.at.id |
	some found in branch_allowed.deny with input.ci as object.union({"status": "collected"}, ci)
		with data.settings.branch_allowed as object.union(_settings, settings)
}

test_allow_when[name] if {
	some name, case in {
		"listed": {"ci": {"ref_type": "branch", "branch": "main"}},
		"by glob": {"ci": {"ref_type": "branch", "branch": "release/1"}},
		"the default": {"ci": {"ref_type": "branch", "branch": "trunk", "default_branch": "trunk", "default_branch_by": "variable"}},
		"a release tag": {"ci": {"ref_type": "tag", "tag": "v1.2.3"}},
	}
	_found(case.ci, object.get(case, "settings", {})) == set()
}

test_deny_when[name] if {
	some name, case in {
		"nothing is known": {"ci": {}, "ids": {"ci.ref_type"}},
		"another branch": {"ci": {"ref_type": "branch", "branch": "x"}, "ids": {"branch/x"}},
		"a branch below": {"ci": {"ref_type": "branch", "branch": "release/1/x"}, "ids": {"branch/release/1/x"}},
		"no branch": {"ci": {"ref_type": "branch"}, "ids": {"branch/<undefined>"}},
		"a branch named like a release": {"ci": {"ref_type": "branch", "branch": "v1"}, "ids": {"branch/v1"}},
		"another tag": {"ci": {"ref_type": "tag", "tag": "test"}, "ids": {"tag/test"}},
		"no tag": {"ci": {"ref_type": "tag"}, "ids": {"tag/<undefined>"}},
		"a tag named like the branch": {
			"ci": {"ref_type": "tag", "tag": "main", "branch": "main"},
			"ids": {"tag/main"},
		},
		"the default, where it is left out": {
			"ci": {"ref_type": "branch", "branch": "trunk", "default_branch": "trunk", "default_branch_by": "variable"},
			"settings": {"default_branch": false},
			"ids": {"branch/trunk"},
		},
		"the default, as the event file alone says": {
			"ci": {"ref_type": "branch", "branch": "x", "default_branch": "x", "default_branch_by": "payload"},
			"ids": {"branch/x"},
		},
		"the default, by nobody": {
			"ci": {"ref_type": "branch", "branch": "x", "default_branch": "x"},
			"ids": {"branch/x"},
		},
	}
	_found(case.ci, object.get(case, "settings", {})) == case.ids
}

test_deny_when_there_are_no_settings if {
	found := branch_allowed.deny with input.ci as {"status": "collected", "ref_type": "branch", "branch": "main"}
		with data.settings as {}
	{violation.at.id | some violation in found} == {"branch/main", "ci.trust.ref"}
}

test_deny_says_what_is_allowed[name] if {
	some name, case in {
		"with the default": {"settings": {}, "end": `allowed are ["main", "release/*"] or the default branch`},
		"without": {"settings": {"default_branch": false}, "end": `allowed are ["main", "release/*"]`},
	}
	some found in branch_allowed.deny with input.ci as {"status": "collected", "ref_type": "branch", "branch": "x"}
		with data.settings.branch_allowed as object.union(_settings, case.settings)
	endswith(found.msg, case.end)
}

# The system denies then.
test_nothing_to_judge_when_not_collected[status] if {
	some status in ["missing", "failed"]
	found := branch_allowed.deny
		with input.ci as {"status": status, "reason": "none"}
		with data.settings.branch_allowed as _settings
	found == set()
}

test_deny_says_who_names_the_default[by] if {
	some by, text in {"payload": "that d is the default, the event file alone says", "variable": "or the default branch, d"}
	ci := {"status": "collected", "ref_type": "branch", "branch": "x", "default_branch": "d", "default_branch_by": by}
	some found in branch_allowed.deny with input.ci as ci with data.settings.branch_allowed as _settings
	contains(found.msg, text)
}

test_deny_says_what_the_run_is_of[text] if {
	some text, ci in {"refs/x": {"ref": "refs/x"}, "what this run is of": {}}
	some found in branch_allowed.deny with input.ci as object.union({"status": "collected"}, ci)
	contains(found.msg, $"does not say whether {text} is a branch or a tag")
}

test_how_sure_it_has_to_be[name] if {
	some name, case in {
		"verified": {"trust": "verified", "assurance": "verified", "times": 0},
		"replayable, as the setting lets it": {"trust": "replayable", "assurance": "replayable", "times": 0},
		"replayable, where it has to be verified": {"trust": "replayable", "assurance": "verified", "times": 1},
	}
	found := branch_allowed.deny with input.ci as {"status": "collected", "trust": {"ref": case.trust}}
		with data.settings.branch_allowed as {"assurance": case.assurance}
	count({"ci.trust.ref"} & {violation.at.id | some violation in found}) == case.times
}
