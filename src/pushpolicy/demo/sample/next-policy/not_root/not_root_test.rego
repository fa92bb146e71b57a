package pushpolicy.rules.not_root_test

import data.pushpolicy.rules.not_root
import rego.v2

_image(platform) := {"image": {"platforms": [object.union({"platform": "linux/amd64"}, platform)]}}

test_an_unprivileged_user_passes if {
	every user in ["1000", "1000:1000", "app"] {
		count(not_root.deny) == 0 with input as _image({"user": user})
	}
}

test_root_is_denied if {
	every user in ["", "0", "0:0", "root", "root:root"] {
		count(not_root.deny) == 1 with input as _image({"user": user})
	}
}

test_no_user_is_denied if {
	count(not_root.deny) == 1 with input as _image({})
}
