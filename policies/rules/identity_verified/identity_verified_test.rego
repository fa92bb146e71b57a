package pushpolicy.rules.identity_verified_test

import data.pushpolicy.rules.identity_verified
import rego.v2

_settings := {"required": false, "repositories": [], "workflows": [], "replayable": false, "partial": false}

_mine := [{"issuer": "https://ci.example", "id": "1"}]

_identity := {
	"assurance": "verified",
	"whole": true,
	"issuer": "https://ci.example",
	"repository_id": "1",
	"configuration": {"path": "a/b", "ref": "refs/tags/v1", "commit": "c"},
}

_found(identity, settings) := {found.at.id |
	some found in identity_verified.deny with input.ci as {"status": "collected", "identity": object.union(_identity, identity)}
		with data.settings.identity_verified as object.union(_settings, settings)
}

test_deny_when[name] if {
	some name, case in {
		"asserted": {"identity": {"assurance": "asserted"}, "settings": {"required": true}, "ids": {"ci.identity"}},
		"replayable": {"identity": {"assurance": "replayable"}, "settings": {"required": true}, "ids": {"ci.identity"}},
		"half": {"identity": {"whole": false}, "settings": {"required": true}, "ids": {"ci.identity"}},
		"another id": {"identity": {"repository_id": "2"}, "settings": {"repositories": _mine}, "ids": {"ci.repository_id"}},
		"another issuer": {"identity": {"issuer": "x"}, "settings": {"repositories": _mine}, "ids": {"ci.repository_id"}},
		"another file": {
			"identity": {},
			"settings": {"workflows": [{"path": "x", "at": "c"}]},
			"ids": {"ci.identity.configuration"},
		},
		"another commit": {
			"identity": {},
			"settings": {"workflows": [{"path": "a/b", "at": "d"}]},
			"ids": {"ci.identity.configuration"},
		},
	}
	_found(case.identity, case.settings) == case.ids
}

test_deny_without_any_identity if {
	found := identity_verified.deny with input.ci as {"status": "collected"}
		with data.settings.identity_verified as object.union(_settings, {"required": true})
	{each.at.id | some each in found} == {"ci.identity"}
	{each.msg | some each in found} == {"the job's identity does not prove who pushes: it has no identity token"}
}

test_deny_when_there_are_no_settings if {
	found := identity_verified.deny with input.ci as {"status": "collected"}
		with data.settings as {}
	"ci.identity" in {each.at.id | some each in found}
}

test_allow_when[name] if {
	some name, case in {
		"nobody asks": {"identity": {"assurance": "asserted"}, "settings": {}},
		"verified": {"identity": {}, "settings": {"required": true}},
		"replayable": {"identity": {"assurance": "replayable"}, "settings": {"required": true, "replayable": true}},
		"half": {"identity": {"whole": false}, "settings": {"required": true, "partial": true}},
		"by id": {"identity": {}, "settings": {"repositories": _mine}},
		"by commit": {"identity": {}, "settings": {"workflows": [{"path": "a/b", "at": "c"}]}},
		"by tag": {"identity": {}, "settings": {"workflows": [{"path": "a/b", "at": "refs/tags/v1"}]}},
	}
	_found(case.identity, case.settings) == set()
}

test_warn_when_no_repository_is_named[name] if {
	some name, case in {
		"none": {"settings": {"required": true}, "ids": {"repositories"}},
		"one": {"settings": {"repositories": _mine}, "ids": set()},
		"nothing asked": {"settings": {}, "ids": set()},
	}
	found := identity_verified.warn with input.ci as {"status": "collected", "identity": _identity}
		with data.settings.identity_verified as object.union(_settings, case.settings)
	{each.at.id | some each in found} == case.ids
}

test_warn_says_whose_job_this_is if {
	_warned(_identity) == {$"{_empty}, of this job {_identity.issuer} and {_identity.repository_id}"}
	_warned({"assurance": "asserted"}) == {_empty}
}

_empty := "the setting repositories is empty: a job of any repository of a trusted issuer would do; name issuer and id there"

_warned(identity) := {each.msg | some each in found} if {
	found := identity_verified.warn with input.ci as {"status": "collected", "identity": identity}
		with data.settings.identity_verified as object.union(_settings, {"required": true})
}

# The system denies then.
test_nothing_to_judge_when_not_collected[status] if {
	some status in ["missing", "failed"]
	found := identity_verified.deny with input.ci as {"status": status, "reason": "none"}
		with data.settings.identity_verified as object.union(_settings, {"required": true})
	found == set()
}

test_deny_says_why_and_what_was_seen[text] if {
	some text, identity in {
		"the token is of another run": {"assurance": "asserted", "reason": "the token is of another run"},
		"a/b at c": {"assurance": "verified"},
		"a/b at refs/tags/v1": {"configuration": {"path": "a/b", "ref": "refs/tags/v1"}},
		"a/b at an unknown commit": {"configuration": {"path": "a/b"}},
	}
	settings := {"required": true, "workflows": [{"path": "x", "at": "c"}]}
	found := identity_verified.deny
		with input.ci as {"status": "collected", "identity": object.union(object.remove(_identity, object.keys(identity)), identity)}
		with data.settings.identity_verified as object.union(_settings, settings)
	some violation in found
	contains(violation.msg, text)
}
