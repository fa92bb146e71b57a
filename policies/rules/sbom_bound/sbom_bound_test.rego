package pushpolicy.rules.sbom_bound_test

import data.pushpolicy.rules.sbom_bound
import rego.v2

_platform(name) := {"platform": name, "digest": $"sha256:{name}", "config_digest": $"sha256:config-{name}"}

_item := {"name": "app", "sha256": "a", "bound": true, "bound_by": "config", "platform": "linux/amd64", "components": 2}

_denied(items, platforms) := {violation.at.id |
	some violation in sbom_bound.deny
		with input as {"sbom": {"status": "collected", "items": items}, "image": {"platforms": platforms}, "reports": []}
		with data.settings.sbom_bound.min_components as 2
}

test_each_is_listed if {
	_denied([_item], [_platform("linux/amd64")]) == set()
	two := [_platform("w"), object.union(_platform("w"), {"digest": "sha256:2", "config_digest": "sha256:3"})]
	items := [
		object.union(_item, {"platform": "w", "image": {"digest": "sha256:w"}}),
		object.union(_item, {"platform": "w", "image": {"image_id": "sha256:3"}}),
	]
	_denied(items, two) == set()
}

test_one_is_not[name] if {
	some name, items in {
		"none": [],
		"not bound": [object.union(_item, {"bound": false})],
		"by what is not known": [object.remove(_item, ["bound_by"])],
		"of another platform": [object.union(_item, {"platform": "linux/arm64"})],
		"it lists too little": [object.union(_item, {"components": 1})],
	}
	_denied(items, [_platform("linux/amd64")]) == {"linux/amd64"}
}

test_a_name_that_two_share_is_not_enough if {
	count(_denied([_item], [_platform("linux/amd64"), object.union(_platform("linux/amd64"), {"digest": "x"})])) == 1
}

test_a_report_that_got_lost if {
	report := {"name": "other", "kind": "sbom", "sha256": "b"}
	found := sbom_bound.deny
		with input as {"sbom": {"status": "collected", "items": [_item]}, "image": {"platforms": []}, "reports": [report]}
	{violation.at.id | some violation in found} == {"other/lost"}
}
