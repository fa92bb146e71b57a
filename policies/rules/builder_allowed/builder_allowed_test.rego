package pushpolicy.rules.builder_allowed_test

import data.pushpolicy.rules.builder_allowed
import rego.v2

_item := {
	"name": "build",
	"bound": true,
	"platforms": ["linux/amd64"],
	"builder": "https://ci.example.com/build",
	"verified": true,
	"verified_by": "ci",
}

_denied(item, settings) := {violation.msg |
	some violation in builder_allowed.deny
		with input as {
			"provenance": {"status": "collected", "items": [item]},
			"image": {"platforms": [{"platform": "linux/amd64"}]},
		}
		with data.settings.builder_allowed as object.union({"builders": [{"id": "https://ci.example.com/*"}], "accept_unverified": false}, settings)
}

_unverified := object.union(object.remove(_item, ["verified_by"]), {"verified": false, "unverified": "it carries no signature"})

test_what_a_trusted_builder_built if {
	_denied(_item, {}) == set()
	_denied(_item, {"builders": [{"id": "https://ci.example.com/build", "keys": ["other", "ci"]}]}) == set()
	_denied(_unverified, {"accept_unverified": true}) == set()
	_denied(_unverified, {"builders": []}) == set()
}

test_what_none_did[name] if {
	some name, item in {
		"not bound": object.union(_item, {"bound": false}),
		"another platform's": object.union(_item, {"platforms": ["linux/arm64"]}),
		"another builder's": object.union(_item, {"builder": "https://ci.example.com/build/other"}),
		"no builder": object.remove(_item, ["builder"]),
		"unverified": _unverified,
		"of before there was verification": object.remove(_item, ["verified", "verified_by"]),
	}
	count(_denied(item, {})) == 1
}

test_a_key_that_does_not_vouch_for_the_builder if {
	count(_denied(_item, {"builders": [{"id": "https://ci.example.com/*", "keys": ["other"]}]})) == 1
	unnamed := object.remove(_item, ["verified_by"])
	count(_denied(unnamed, {"builders": [{"id": "https://ci.example.com/*", "keys": ["other"]}]})) == 1
}

test_not_applicable_without_builders if {
	builder_allowed.not_applicable == {"the setting builders names none"} with data.settings.builder_allowed.builders as []
	builder_allowed.not_applicable == set() with data.settings.builder_allowed.builders as [{"id": "a"}]
}

test_deny_says_what_was_read if {
	some msg in _denied(object.union(_item, {"bound": false}), {})
	endswith(msg, "read: build (bound: false, builder https://ci.example.com/build, verified by ci)")
	some other in _denied(_unverified, {})
	endswith(other, "builder https://ci.example.com/build, unverified: it carries no signature)")
}
