package pushpolicy.rules.platforms_complete_test

import data.pushpolicy.rules.platforms_complete
import rego.v2

_denied(wanted) := {violation.msg |
	some violation in platforms_complete.deny
		with input.image.platforms as [{"platform": "linux/amd64"}, {"platform": "linux/arm64/v8"}]
		with data.settings.platforms_complete.platforms as wanted
}

test_each_is_there if _denied(["linux/amd64", "linux/arm64", "linux/arm64/v8"]) == set()

test_one_is_not_there if {
	_denied(["linux/amd64", "linux/arm"]) == {"the image has linux/amd64, linux/arm64/v8; linux/arm is required"}
	count(_denied(["linux/amd64/v2"])) == 1
}

test_none_is_asked_for if {
	platforms_complete.not_applicable == {"the setting platforms names none"} with data.settings.platforms_complete.platforms as []
	platforms_complete.not_applicable == set() with data.settings.platforms_complete.platforms as ["linux/amd64"]
}
