# METADATA
# title: No scan found more than is tolerated
# description: >-
#   In each scan report, of whatever kind, the findings of a severity stay within that severity's limit.
#   By default no critical, high or unknown finding passes: one that nobody has rated yet may be critical.
#   Medium, low and negligible ones pass, since a gate that stops for each of them is soon switched off.
#   A flaw of one package that several scans list is one finding, of each severity that any of them gives it,
#   and left out only where what each of them says leaves it out.
#   A finding that the report says was suppressed counts like any other, unless the setting accepts that
#   kind of suppression. What a VEX document says of a finding counts only if the setting names the document
#   by its SHA-256, or a key of trust.yaml with the role vex signed it; one that merely lies in the checkout removes nothing.
#   A finding can be waived by those who know that the flaw is not reachable; the waiver expires and stays in the
#   record.
# custom:
#   severity: critical
#   collections: [minimal, default, strict]
#   controls: [SSDF RV.2.2, OSPS VM-05.03, OSPS VM-06.02]
#   fix: Upgrade the package to a version without the flaw, or ask for a waiver of this finding.
#   optional: ["scans.items[].findings[].fixed_in"]
#   settings:
#     max_critical: {type: integer, stricter: limit, minimum: -1, default: 0, description: "Critical findings per scan; -1: any."}
#     max_high: {type: integer, stricter: limit, minimum: -1, default: 0, description: "High findings per scan; -1: any."}
#     max_medium: {type: integer, stricter: limit, minimum: -1, default: -1, description: "Medium findings per scan; -1: any."}
#     max_low: {type: integer, stricter: limit, minimum: -1, default: -1, description: "Low findings per scan; -1: any."}
#     max_negligible: {type: integer, stricter: limit, minimum: -1, default: -1, description: "Negligible findings per scan; -1: any."}
#     max_unknown: {type: integer, stricter: limit, minimum: -1, default: 0, description: "Unrated findings per scan; -1: any."}
#     only_fixable:
#       type: boolean
#       stricter: false
#       default: false
#       description: Leave out findings that have no fix, as the scanner says (fix_state not-fixed or wont-fix).
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
package pushpolicy.rules.scan_severity

import data.pushpolicy.lib.findings
import rego.v2

# Evidence that was not collected is denied by the system, as evidence:scans; the rule judges what there is.
deny contains {"at": {"id": "scans/none"}, "msg": "no scan report was read; at least one is required"} if {
	input.scans.status == "collected"
	not count(input.scans.items) > 0
}

# Thousands of findings pass here: what holds for a whole scan is worked out once, before them.
deny contains {"at": object.union(finding, {"scan": name}), "msg": msg} if {
	some scan in input.scans.items
	name := $"{scan.name}"
	tolerated := _tolerated(scan)
	some finding in scan.findings
	not finding.joined
	not finding.severity in tolerated
	not _left_out(finding)
	what := concat(" ", [finding[key] | some key in ["severity", "id", "package", "version", "location"]])
	fix := object.get(finding, "fixed_in", "none known")
	msg := $"{what} (fix: {fix}); at most {_limits[finding.severity]} tolerated in {name}"
}

# What several scans say of one flaw is the same in each of them, so it denies once. Most findings are not joined,
# and are left before anything is worked out of them.
deny contains {"at": finding.joined, "msg": msg} if {
	some scan in input.scans.items
	tolerated := _tolerated(scan)
	some finding in scan.findings
	finding.joined
	over := [severity | some severity in _worst_first; severity in _rated(finding); not severity in tolerated]
	count(over) > 0
	not _left_out(finding)
	what := concat(" ", array.concat([over[0]], [finding.joined[key] | some key in ["id", "package", "version"]]))
	fix := object.get(finding.joined, "fixed_in", "none known")
	where := concat(" and ", finding.joined.sources)
	msg := $"{what} (fix: {fix}); at most {_limits[over[0]]} tolerated in {where}"
}

_tolerated(scan) := {severity | some severity, limit in _limits; _within(scan, severity, limit)}

# What was cut short, or got lost on its way here, must not pass for clean.
deny contains {"at": {"id": $"{scan.name}/counts"}, "msg": msg} if {
	some scan in input.scans.items
	not _complete(scan)
	msg := $"{scan.name} lists {count(scan.findings)} findings and counts {scan.counts.listed}; the two must agree"
}

deny contains {"at": {"id": $"{report.name}/lost"}, "msg": msg} if {
	input.scans.status == "collected"
	some report in input.reports
	report.kind == "scans"
	not report.sha256 in _read
	msg := $"{report.name} was read, and none of its scans is here; each report's scans must be"
}

warn contains {"at": {"id": $"{scan.name}/filters"}, "msg": msg} if {
	some scan in input.scans.items
	some filter in scan.filters
	msg := $"{scan.name}: findings may have been left out: {filter}"
}

_read := {scan.sha256 | some scan in input.scans.items}

_worst_first := ["critical", "high", "medium", "low", "negligible", "unknown"]

_limits := {
	"critical": data.settings.scan_severity.max_critical,
	"high": data.settings.scan_severity.max_high,
	"medium": data.settings.scan_severity.max_medium,
	"low": data.settings.scan_severity.max_low,
	"negligible": data.settings.scan_severity.max_negligible,
	"unknown": data.settings.scan_severity.max_unknown,
}

_within(_, _, -1)

# A limit of zero needs no counting: each finding that is not left out is over it.
_within(scan, severity, limit) if {
	is_number(limit)
	limit > 0
	count([1 | some finding in scan.findings; severity in _rated(finding); not _left_out(finding)]) <= limit
}

_rated(finding) := {finding.severity} | {told.severity | some told in finding.joined.told}

_left_out(finding) if {
	_set_aside(finding)
	not _stands_elsewhere(finding)
}

_left_out(finding) if {
	_unfixable(finding)
	not finding.fixed_in
	not _stands_elsewhere(finding)
}

# Another scan lists the flaw as well, and what that one says does not leave it out.
_stands_elsewhere(finding) if {
	some told in finding.joined.told
	not _set_aside(told)
	not _unfixable(told)
}

_set_aside(finding) if findings.set_aside(
	finding,
	data.settings.scan_severity.accepted_suppressions,
	data.settings.scan_severity.accepted_vex,
)

_unfixable(finding) if {
	data.settings.scan_severity.only_fixable == true
	finding.fix_state in {"not-fixed", "wont-fix"}
}

_complete(scan) if {
	listed := scan.counts.listed
	rated := (((listed.critical + listed.high) + listed.medium) + listed.low) + listed.negligible
	rated + listed.unknown == count(scan.findings)
}
