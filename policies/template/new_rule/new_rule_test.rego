package pushpolicy.rules.new_rule_test

import data.pushpolicy.rules.new_rule
import rego.v2

_platform(labels) := {"platform": "linux/amd64", "labels": labels}

test_allow_when_the_label_is_there if {
	found := new_rule.deny with input.image.platforms as [_platform({"team": "payments"})]
		with data.settings.new_rule.labels as ["team"]
	found == set()
}

test_deny_when_the_label_is_not_there[name] if {
	some name, platform in {
		"other labels": _platform({"owner": "payments"}),
		"no labels": {"platform": "linux/amd64"},
	}
	found := new_rule.deny with input.image.platforms as [platform] with data.settings.new_rule.labels as ["team"]
	{denial.at.id | some denial in found} == {"linux/amd64/team"}
}
