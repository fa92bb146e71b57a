package pushpolicy.lib.calendar_test

import data.pushpolicy.lib.calendar
import rego.v2

test_days_of_the_week[at] if {
	some at, day in {
		"1970-01-01T00:00:00Z": "thursday",
		"2024-02-29T12:00:00Z": "thursday",
		"2026-12-01T04:00:00Z": "tuesday",
		"2026-12-06T23:59:59.999999999Z": "sunday",
		"2026-12-07T00:00:00Z": "monday",
		"2026-12-07T00:30:00+01:00": "sunday",
	}
	calendar.weekday(at, "+00:00") == day
}

test_hours_and_minutes[at] if {
	some at, clock in {
		"2026-12-06T23:59:59.999999999Z": "23:59",
		"2026-12-07T00:00:00Z": "00:00",
		"2026-12-07T08:05:30Z": "08:05",
		"2026-12-07T00:30:00+01:00": "23:30",
	}
	calendar.clock(at, "+00:00") == clock
}

test_a_zone_moves_both if {
	calendar.weekday("2026-12-06T23:30:00Z", "+01:00") == "monday"
	calendar.clock("2026-12-06T23:30:00Z", "+01:00") == "00:30"
	calendar.weekday("2026-12-07T02:00:00Z", "-03:30") == "sunday"
	calendar.clock("2026-12-07T02:00:00Z", "-03:30") == "22:30"
}

test_days_from_the_first_to_the_last if {
	calendar.within("2026-12-24T00:00:00Z", "2026-12-24", "2026-12-24", "+00:00") == true
	calendar.within("2026-12-26T23:59:59Z", "2026-12-24", "2026-12-26", "+00:00") == true
	calendar.within("2026-12-23T23:59:59Z", "2026-12-24", "2026-12-26", "+00:00") == false
	calendar.within("2026-12-27T00:00:00Z", "2026-12-24", "2026-12-26", "+00:00") == false
	calendar.within("2026-12-23T23:30:00Z", "2026-12-24", "2026-12-26", "+01:00") == true
}
