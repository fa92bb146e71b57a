package pushpolicy.rules.labels_required_test

import data.pushpolicy.rules.labels_required
import rego.v2

_denied(labels) := {violation.msg |
	some violation in labels_required.deny
		with input.image.platforms as [{"platform": "linux/amd64", "labels": labels}]
		with data.settings.labels_required.labels as {"team": "^[a-z]+$"}
}

test_what_matches_is_enough if _denied({"team": "web", "other": "1"}) == set()

test_what_does_not_match_is_not if {
	_denied({"team": "7"}) == {"linux/amd64 has the label team 7; it must match ^[a-z]+$"}
	_denied({"team": ""}) == {"linux/amd64 has the label team ; it must match ^[a-z]+$"}
}

test_none_is_not if _denied({}) == {"linux/amd64 has no label team; it must match ^[a-z]+$"}
