package pushpolicy.rules.push_window_test

import data.pushpolicy.rules.push_window
import rego.v2

_settings := {
	"zone": "+01:00",
	"days": ["monday", "friday"],
	"from": "08:00",
	"until": "17:59",
	"freezes": [{"first": "2026-12-11", "last": "2026-12-13", "reason": "fair"}],
}

_denied(at) := {violation.at.id |
	some violation in push_window.deny with input.evaluated_at as at
		with data.settings.push_window as _settings
}

test_in_the_window if {
	every at in ["2026-12-07T07:00:00Z", "2026-12-04T16:59:59Z"] {
		_denied(at) == set()
	}
}

test_out_of_it if {
	_denied("2026-12-08T10:00:00Z") == {"day/tuesday"}
	_denied("2026-12-07T06:59:59Z") == {"hour"}
	_denied("2026-12-07T17:00:00Z") == {"hour"}
	_denied("2026-12-11T10:00:00Z") == {"freeze/2026-12-11"}
	_denied("2026-12-12T20:00:00Z") == {"day/saturday", "hour", "freeze/2026-12-11"}
}
