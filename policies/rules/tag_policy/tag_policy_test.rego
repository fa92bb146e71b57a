package pushpolicy.rules.tag_policy_test

import data.pushpolicy.rules.tag_policy
import rego.v2

_settings := {"floating": ["latest"], "release_pattern": `^v?[0-9]+\.[0-9]+\.[0-9]+([-_.].+)?$`}

_found(tags, previous, new, settings) := {found.at.id |
	some found in tag_policy.deny with input.image.digest as "sha256:new"
		with input.target as {"tags": tags, "previous_digests": previous, "new_tags": new}
		with data.settings.tag_policy as object.union(_settings, settings)
}

test_allow_when[name] if {
	some name, case in {
		"a new release": {"tags": ["1.2.3"], "new": ["1.2.3"]},
		"a new release and latest": {"tags": ["latest", "v1.2.3-rc.1"], "new": ["v1.2.3-rc.1"]},
		"the same image again": {"tags": ["1.2.3"], "previous": {"1.2.3": "sha256:new"}},
		"a tag that moves": {"tags": ["edge"], "previous": {"edge": "sha256:old"}},
		"a tag that is no version": {"tags": ["1.2"], "previous": {"1.2": "sha256:old"}},
		"a version within a word": {"tags": ["x1.2.3"], "previous": {"x1.2.3": "sha256:old"}},
	}
	_found(case.tags, object.get(case, "previous", {}), object.get(case, "new", []), {}) == set()
}

test_deny_when[name] if {
	some name, case in {
		"latest alone": {"tags": ["latest"], "ids": {"floating"}},
		"no tag": {"tags": [], "ids": {"floating"}},
		"a release moves": {
			"tags": ["1.2.3"],
			"previous": {"1.2.3": "sha256:old"},
			"ids": {"tag/1.2.3"},
		},
		"a second tag moves": {
			"tags": ["edge", "v1.2.3-alpine"],
			"previous": {"v1.2.3-alpine": "sha256:old"},
			"ids": {"tag/v1.2.3-alpine"},
		},
		"a release that moves is called new": {
			"tags": ["1.2.3"],
			"previous": {"1.2.3": "sha256:old"},
			"new": ["1.2.3"],
			"ids": {"tag/1.2.3"},
		},
		"whether the release exists is not known": {"tags": ["1.2.3"], "ids": {"tag/1.2.3"}},
	}
	_found(case.tags, object.get(case, "previous", {}), object.get(case, "new", []), {}) == case.ids
}

test_deny_when_all_are_floating if {
	_found(["latest", "edge"], {}, ["latest"], {"floating": ["latest", "edge"]}) == {"floating"}
}

test_deny_when_there_are_no_settings if {
	found := tag_policy.deny with input.image.digest as "sha256:new"
		with input.target as {"tags": ["edge"], "previous_digests": {"edge": "sha256:old"}, "new_tags": []}
		with data.settings as {}
	{violation.at.id | some violation in found} == {"floating", "tag/edge"}
}

test_allow_when_the_pattern_does_not_match if {
	_found(["1.2.3"], {"1.2.3": "sha256:old"}, [], {"release_pattern": "^stable-"}) == set()
}

test_deny_where_no_tag_moves if {
	target := {
		"tags": ["edge", "new"],
		"previous_digests": {"edge": "sha256:old"},
		"new_tags": ["new"],
		"immutable": {"by": "configuration"},
	}
	found := tag_policy.deny with input.image.digest as "sha256:0123456789abcdef"
		with input.target as target
		with data.settings.tag_policy as _settings
	{violation.msg | some violation in found} == {concat("", [
		"tag edge exists as sha256:old and would become sha256:0123456789abcdef; ",
		"it must stay, and edge-0123456789ab is free",
	])}
}

test_deny_says_why_it_is_not_known if {
	some found in tag_policy.deny with input.image.digest as "sha256:new"
		with input.target as {"tags": ["1.2.3"], "previous_digests": {}, "new_tags": [], "previous_unknown": "no answer"}
		with data.settings.tag_policy as _settings
	contains(found.msg, "is not known (no answer); it must")
}
