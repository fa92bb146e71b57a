package pushpolicy.rules.provenance_bound_test

import data.pushpolicy.rules.provenance_bound
import rego.v2

_item := {
	"name": "build",
	"sha256": "a",
	"bound": true,
	"platforms": ["linux/amd64"],
	"commit": "c",
	"builder": "https://ci.example.com/build",
}

_denied(item, settings) := {violation.msg |
	some violation in provenance_bound.deny
		with input as {
			"provenance": {"status": "collected", "items": [item]},
			"source": {"status": "collected", "commit": "c"},
			"image": {"platforms": [{"platform": "linux/amd64"}]},
			"reports": [],
		}
		with data.settings.provenance_bound as object.union({"builders": ["https://ci.example.com/*"], "of_commit": true}, settings)
}

test_what_was_built_here if {
	_denied(_item, {}) == set()
	_denied(object.union(_item, {"builder": "x"}), {"builders": []}) == set()
	_denied(object.remove(_item, ["commit"]), {"of_commit": false}) == set()
}

test_what_was_not[name] if {
	some name, item in {
		"not bound": object.union(_item, {"bound": false}),
		"another platform's": object.union(_item, {"platforms": ["linux/arm64"]}),
		"another commit's": object.union(_item, {"commit": "d"}),
		"no commit": object.remove(_item, ["commit"]),
		"another builder's": object.union(_item, {"builder": "https://ci.example.com/build/other"}),
		"no builder": object.remove(_item, ["builder"]),
	}
	count(_denied(item, {})) == 1
}

test_deny_says_what_was_read if {
	some msg in _denied(object.union(_item, {"commit": "d"}), {})
	endswith(msg, "read: build (bound: true, commit d, builder https://ci.example.com/build)")
	some other in _denied(object.remove(_item, ["commit"]), {})
	endswith(other, "read: build (bound: true, without commit or builder)")
}

test_a_report_that_got_lost if {
	found := provenance_bound.deny with input as {
		"provenance": {"status": "collected", "items": [_item]},
		"source": {"status": "collected", "commit": "c"},
		"image": {"platforms": []},
		"reports": [{"name": "other", "kind": "provenance", "sha256": "b"}],
	}
	{violation.at.id | some violation in found} == {"other/lost"}
}
