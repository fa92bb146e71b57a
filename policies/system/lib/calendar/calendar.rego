# METADATA
# title: Days and hours
# description: |
#   The clock of a rule is input.evaluated_at: builtins that read another one, or the zone of the machine, are
#   removed. A zone is an offset such as +01:00, which the organisation sets; it knows no summer time.
package pushpolicy.lib.calendar

import rego.v2

_day := 86400000000000

_minute := 60000000000

_weekdays := ["thursday", "friday", "saturday", "sunday", "monday", "tuesday", "wednesday"]

# METADATA
# title: The day of the week of a time (RFC 3339) in a zone
# custom:
#   example: calendar.weekday(input.evaluated_at, "+01:00") == "monday"
weekday(at, zone) := _weekdays[((local - (local % _day)) / _day) % 7] if local := _local(at, zone)

# METADATA
# title: The hour and minute of a time (RFC 3339) in a zone
# custom:
#   example: calendar.clock(input.evaluated_at, "+01:00") == "11:00"
clock(at, zone) := sprintf("%02d:%02d", [(minutes - (minutes % 60)) / 60, minutes % 60]) if {
	passed := _local(at, zone) % _day
	minutes := (passed - (passed % _minute)) / _minute
}

# METADATA
# title: Whether a time (RFC 3339) is on one of the days from the first to the last, in a zone
# custom:
#   example: calendar.within(input.evaluated_at, "2026-12-24", "2027-01-02", "+01:00") == false
within(at, first, last, zone) if {
	now := time.parse_rfc3339_ns(at)
	now >= time.parse_rfc3339_ns($"{first}T00:00:00{zone}")
	now < time.parse_rfc3339_ns($"{last}T00:00:00{zone}") + _day
} else := false

# The first day of all is a thursday.
_local(at, zone) := time.parse_rfc3339_ns(at) - time.parse_rfc3339_ns($"1970-01-01T00:00:00{zone}")
