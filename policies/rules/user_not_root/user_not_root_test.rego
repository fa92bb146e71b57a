package pushpolicy.rules.user_not_root_test

import data.pushpolicy.rules.user_not_root
import rego.v2

_denied(platform) := {violation.msg |
	some violation in user_not_root.deny
		with input.image.platforms as [object.union({"platform": "linux/amd64"}, platform)]
}

test_another_user_may if _denied({"user": "1000", "root": false}) == set()

test_root_may_not if {
	_denied({"user": "0", "root": true}) == {"linux/amd64 runs as 0; a user other than root is required"}
}

test_who_is_not_known_may_not if {
	_denied({"user": "1000"}) == {"linux/amd64 runs as 1000; a user other than root is required"}
	_denied({}) == {"linux/amd64 runs as a user that is not known; a user other than root is required"}
}
