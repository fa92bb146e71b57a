# METADATA
# title: Scans are recent
# description: >-
#   Each scan ran at most a day before the decision, since flaws become known every day and a scan is cheap
#   to repeat. A scan without a time is as good as an old one, and one from the future (beyond five minutes,
#   which clocks may differ) is wrong. The age of the scanner's database is judged too where it is known; few
#   reports name it, so it only warns unless the setting requires it.
# custom:
#   severity: high
#   collections: [default, strict]
#   controls: [SSDF RV.1.1, OSPS VM-05.03]
#   fix: Run the scanner again on this image, with a current database.
#   settings:
#     max_age_hours: {type: integer, stricter: lower, minimum: 1, default: 24, description: "Hours from the scan to the decision."}
#     undated:
#       type: array
#       stricter: subset
#       items: {type: string, minLength: 1}
#       default: []
#       description: Names of scanners (scanner.name) that write no time; the age of their scans is not judged.
#     max_db_age_hours: {type: integer, stricter: lower, minimum: 1, default: 120, description: "Hours from the database (grype: 120)."}
#     require_db: {type: boolean, stricter: true, default: false, description: "Deny an older database, and one of unknown age."}
package pushpolicy.rules.scan_fresh

import rego.v2

# Evidence that was not collected is denied by the system, as evidence:scans; the rule judges what there is.
deny contains {"at": {"id": "scans/none"}, "msg": "no scan report was read; at least one is required"} if {
	input.scans.status == "collected"
	not count(input.scans.items) > 0
}

deny contains {"at": {"id": $"{scan.name}/age"}, "msg": msg} if {
	some scan in input.scans.items
	not scan.scanner.name in data.settings.scan_fresh.undated
	not _within(scan.at, data.settings.scan_fresh.max_age_hours)
	limit := $"at most {data.settings.scan_fresh.max_age_hours} hours are allowed"
	msg := $"{scan.name}: the scan {_told(scan, "at")}; {limit}"
}

deny contains {"at": {"id": $"{scan.name}/db"}, "msg": _db_told(scan)} if {
	not data.settings.scan_fresh.require_db == false
	some scan in input.scans.items
	not _db_fresh(scan)
}

warn contains {"at": {"id": $"{scan.name}/db"}, "msg": _db_told(scan)} if {
	data.settings.scan_fresh.require_db == false
	some scan in input.scans.items
	scan.scanner.db_built
	not _db_fresh(scan)
}

_hour := 3600000000000

_now := time.parse_rfc3339_ns(input.evaluated_at)

# Hours before the decision; negative when it is after.
_age(at) := (_now - time.parse_rfc3339_ns(at)) / _hour

_within(at, hours) if {
	is_number(hours)
	_age(at) <= hours
	_age(at) >= -5 / 60
}

_db_fresh(scan) if _within(scan.scanner.db_built, data.settings.scan_fresh.max_db_age_hours)

_db_told(scan) := $"{scan.name}: the database of {scan.scanner.name} {_told(scan.scanner, "db_built")}; {_db_limit}"

_db_limit := $"at most {data.settings.scan_fresh.max_db_age_hours} hours are allowed"

_told(holder, key) := "has no time" if not holder[key]

else := $"is {ceil(_age(holder[key]))} hours old ({holder[key]})" if _age(holder[key]) >= 0

else := $"is from after the decision ({holder[key]})"
