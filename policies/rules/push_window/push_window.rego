# METADATA
# title: Pushed when pushes are wanted
# description: >-
#   The decision falls on a day of the week and an hour at which the settings let pushes happen, and on no day of a
#   freeze. The clock is that of the decision; the zone is an offset, which the organisation sets. By default every
#   time will do.
# custom:
#   severity: medium
#   collections: [strict]
#   controls: [SSDF PO.4.1]
#   fix: Push again in the window, or ask for a waiver of this day.
#   settings:
#     zone: {type: string, pattern: "^[+-]([01][0-9]|2[0-3]):[0-5][0-9]$", default: "+00:00", description: "Offset of the zone, as +01:00."}
#     days:
#       type: array
#       stricter: subset
#       items: {type: string, enum: [monday, tuesday, wednesday, thursday, friday, saturday, sunday]}
#       default: [monday, tuesday, wednesday, thursday, friday, saturday, sunday]
#       description: Days of the week on which pushes may happen.
#     from: {type: string, pattern: "^([01][0-9]|2[0-3]):[0-5][0-9]$", default: "00:00", description: First minute of the day.}
#     until: {type: string, pattern: "^([01][0-9]|2[0-3]):[0-5][0-9]$", default: "23:59", description: Last minute of the day.}
#     freezes:
#       type: array
#       stricter: superset
#       items:
#         type: object
#         additionalProperties: false
#         required: [first, last, reason]
#         properties:
#           first: {type: string, pattern: "^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$"}
#           last: {type: string, pattern: "^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$"}
#           reason: {type: string, minLength: 1}
#       default: []
#       description: Days on which none may happen, from the first to the last.
package pushpolicy.rules.push_window

import rego.v2

import data.pushpolicy.lib.calendar

deny contains {"at": {"id": $"day/{day}"}, "msg": msg} if {
	day := calendar.weekday(input.evaluated_at, data.settings.push_window.zone)
	not day in data.settings.push_window.days
	msg := $"it is {day} ({input.evaluated_at}); pushes may happen on {concat(", ", data.settings.push_window.days)}"
}

deny contains {"at": {"id": "hour"}, "msg": msg} if {
	now := calendar.clock(input.evaluated_at, data.settings.push_window.zone)
	not _open(now)
	hours := $"from {data.settings.push_window.from} until {data.settings.push_window.until}"
	msg := $"it is {now} ({input.evaluated_at}); pushes may happen {hours}"
}

deny contains {"at": {"id": $"freeze/{freeze.first}"}, "msg": msg} if {
	some freeze in data.settings.push_window.freezes
	not _is_another_time(freeze)
	msg := $"from {freeze.first} to {freeze.last} nothing may be pushed: {freeze.reason}"
}

_open(now) if {
	now >= data.settings.push_window.from
	now <= data.settings.push_window.until
}

# One that ends before it begins would never be, so it always is.
_is_another_time(freeze) if {
	freeze.first <= freeze.last
	calendar.within(input.evaluated_at, freeze.first, freeze.last, data.settings.push_window.zone) == false
}
