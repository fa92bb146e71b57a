package pushpolicy.rules.identity_verified_test

import data.pushpolicy.rules.identity_verified
import rego.v2

_settings := {
	"required": false,
	"repositories": [],
	"service_accounts": [],
	"workflows": [],
	"replayable": false,
	"partial": false,
}

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

# Of a service account: its token says no repository and nothing of the run.
_account := {
	"assurance": "verified",
	"whole": false,
	"issuer": "https://accounts.example",
	"claims": {"sub": "107", "email": "a@b"},
}

_named := {"service_accounts": [{"issuer": "https://accounts.example", "id": "107"}]}

_found_of_account(change, settings) := {found.at.id |
	some found in identity_verified.deny with input.ci as {"status": "collected", "identity": object.union(_account, change)}
		with data.settings.identity_verified as object.union(_settings, settings)
}

test_allow_a_service_account_that_is_named if {
	_found_of_account({}, _named) == set()
	_found_of_account({}, object.union(_named, {"repositories": _mine})) == set()
}

test_deny_a_service_account_when[name] if {
	some name, case in {
		"nobody names it": {"change": {}, "settings": {"required": true}, "ids": {"ci.identity"}},
		"partial is no name": {"change": {}, "settings": {"required": true, "partial": true}, "ids": {"ci.identity"}},
		"repositories are named": {
			"change": {},
			"settings": {"repositories": _mine},
			"ids": {"ci.identity", "ci.repository_id"},
		},
		"another account": {"change": {"claims": {"sub": "108"}}, "settings": _named, "ids": {"ci.identity", "ci.repository_id"}},
		"another issuer": {"change": {"issuer": "x"}, "settings": _named, "ids": {"ci.identity", "ci.repository_id"}},
		"replayable": {
			"change": {"assurance": "replayable"},
			"settings": object.union(_named, {"replayable": true, "partial": true}),
			"ids": {"ci.identity", "ci.repository_id"},
		},
		"workflows are named": {
			"change": {},
			"settings": object.union(_named, {"workflows": [{"path": "x", "at": "c"}]}),
			"ids": {"ci.identity.configuration"},
		},
	}
	_found_of_account(case.change, case.settings) == case.ids
}

test_deny_a_repository_where_accounts_alone_are_named if _found({}, _named) == {"ci.repository_id"}

test_deny_says_which_account_it_is[text] if {
	some text in ["and the service accounts [{\"id\": \"107\"", "this job's account is 108"]
	found := identity_verified.deny
		with input.ci as {"status": "collected", "identity": object.union(_account, {"claims": {"sub": "108"}})}
		with data.settings.identity_verified as object.union(_settings, _named)
	some violation in found
	contains(violation.msg, text)
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
