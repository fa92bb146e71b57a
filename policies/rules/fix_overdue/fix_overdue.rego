# METADATA
# title: Fixes are taken in time
# description: >-
#   A vulnerability that can be fixed is fixed within so many days as its severity allows, counted from the day that
#   the scanner tells: of the fix, or else of the publication. One without that day is denied, for nobody knows how
#   old it is. This leaves time only where the limits of scan_severity do: set those to -1 for a severity that is to
#   be judged by its age. What a report calls ignored, or a VEX document harmless, counts unless the
#   settings accept that kind of suppression, or name the document, as those of scan_severity do.
# custom:
#   severity: high
#   collections: [strict]
#   controls: [SSDF RV.2.2, OSPS VM-05.01]
#   fix: Upgrade the package to the version that fixes the flaw.
#   settings:
#     days_critical: {type: integer, stricter: limit, minimum: -1, default: 7, description: "Days for a critical one; -1: any."}
#     days_high: {type: integer, stricter: limit, minimum: -1, default: 30, description: "Days for a high one; -1: any."}
#     days_medium: {type: integer, stricter: limit, minimum: -1, default: 90, description: "Days for a medium one; -1: any."}
#     days_low: {type: integer, stricter: limit, minimum: -1, default: -1, description: "Days for a low one; -1: any."}
#     days_negligible: {type: integer, stricter: limit, minimum: -1, default: -1, description: "Days for a negligible one; -1: any."}
#     days_unknown: {type: integer, stricter: limit, minimum: -1, default: 7, description: "Days for an unrated one; -1: any."}
#     since_fix:
#       type: array
#       items: {type: string, minLength: 1}
#       default: [grype]
#       description: Names of scanners (scanner.name) that tell the day of the fix, which then counts.
#     undated:
#       type: array
#       stricter: subset
#       items: {type: string, minLength: 1}
#       default: []
#       description: Names of scanners (scanner.name) that tell no day; the age of what they find is not judged.
#     accepted_suppressions:
#       type: array
#       stricter: subset
#       items: {type: string, minLength: 1}
#       default: []
#       description: Globs of suppressed_by whose findings do not count, as in ".trivyignore *", "sarif external".
#     accepted_vex:
#       type: array
#       stricter: subset
#       items: {type: string, pattern: "^[0-9a-f]{64}$"}
#       default: []
#       description: SHA-256 of the VEX documents whose fixed and not_affected are believed, beside those that a key of the role vex signed.
package pushpolicy.rules.fix_overdue

import data.pushpolicy.lib.findings
import rego.v2

# Evidence that was not collected is denied by the system, as evidence:scans; the rule judges what there is.
deny contains {"at": object.union(finding, {"scan": $"{scan.name}"}), "msg": msg} if {
	some scan in input.scans.items
	not scan.scanner.name in data.settings.fix_overdue.undated
	some finding in scan.findings
	finding.kind == "vulnerability"
	not _limits[finding.severity] == -1
	not finding.fix_state in {"not-fixed", "wont-fix"}
	not _in_time(scan, finding)
	not _left_out(finding)
	allowed := $"{_limits[finding.severity]} days are allowed for {finding.severity} ones, by {scan.name}"
	msg := $"{finding.id} in {_package(finding)} {_dated(scan, finding)}; {allowed}"
}

_limits := {
	"critical": data.settings.fix_overdue.days_critical,
	"high": data.settings.fix_overdue.days_high,
	"medium": data.settings.fix_overdue.days_medium,
	"low": data.settings.fix_overdue.days_low,
	"negligible": data.settings.fix_overdue.days_negligible,
	"unknown": data.settings.fix_overdue.days_unknown,
}

_left_out(finding) if findings.left_out(
	finding,
	data.settings.fix_overdue.accepted_suppressions,
	data.settings.fix_overdue.accepted_vex,
)

_in_time(scan, finding) if {
	_counts_fix(scan)
	_within(finding.fixed_at, _limits[finding.severity])
}

_in_time(scan, finding) if {
	not _counts_fix(scan)
	_within(finding.published, _limits[finding.severity])
}

_counts_fix(scan) if scan.scanner.name in data.settings.fix_overdue.since_fix

# A day that is yet to come is wrong, but for one that zones may make of it.
_within(at, days) if {
	is_number(days)
	_age(at) <= days
	_age(at) >= -1
}

_age(at) := (time.parse_rfc3339_ns(input.evaluated_at) - time.parse_rfc3339_ns(at)) / 86400000000000

_package(finding) := concat(" ", [finding[key] | some key in ["package", "version"]]) if finding["package"]

else := "a package that is not named"

_dated(scan, finding) := $"has had a fix for {floor(_age(finding.fixed_at))} days (fixed_at {finding.fixed_at})" if {
	_counts_fix(scan)
	finding.fixed_at
}

else := "does not tell since when it has a fix" if _counts_fix(scan)

else := $"has been known for {floor(_age(finding.published))} days (published {finding.published})" if finding.published

else := "does not tell since when it is known"
