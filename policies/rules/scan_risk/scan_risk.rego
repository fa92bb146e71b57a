# METADATA
# title: No flaw that is exploited, or likely to be
# description: >-
#   No vulnerability is in CISA's catalogue of known exploited ones, has a probability of exploitation (EPSS) over the
#   limit, or a CVSS score over the limit. Only some scanners tell the first two, so the settings name those whose
#   reports are judged by them; of these, a finding that does not say is denied, and so is one without a score where
#   the CVSS limit is under 10. What a report calls ignored, or a VEX document harmless, counts unless the settings
#   accept that kind of suppression, or name the document, as those of scan_severity do.
# custom:
#   severity: critical
#   collections: [strict]
#   controls: [SSDF RV.2.1, OSPS VM-05.03]
#   fix: Upgrade the package to a version without the flaw; waive a flaw that is not reachable.
#   settings:
#     kev_from:
#       type: array
#       stricter: superset
#       items: {type: string, minLength: 1}
#       default: [grype, clair]
#       description: Names of scanners (scanner.name) whose reports say whether a flaw is in CISA's catalogue.
#     epss_from:
#       type: array
#       stricter: superset
#       items: {type: string, minLength: 1}
#       default: []
#       description: Names of scanners (scanner.name) whose reports give EPSS, such as grype and snyk.
#     max_epss:
#       type: number
#       stricter: lower
#       minimum: 0
#       maximum: 1
#       default: 0.1
#       description: The highest probability of exploitation in the next 30 days that passes.
#     max_cvss:
#       type: number
#       stricter: lower
#       minimum: 0
#       maximum: 10
#       default: 10
#       description: "The highest CVSS score that passes; 10: none is judged by it."
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
package pushpolicy.rules.scan_risk

import data.pushpolicy.lib.findings
import rego.v2

# Evidence that was not collected is denied by the system, as evidence:scans; the rule judges what there is.
deny contains {"at": object.union(finding, {"scan": $"{scan.name}"}), "msg": msg} if {
	some scan in input.scans.items
	_is_by(scan, data.settings.scan_risk.kev_from)
	some finding in scan.findings
	finding.kind == "vulnerability"
	not _left_out(finding)
	not finding.kev == false
	msg := $"{_named(finding)} {_exploited(finding)}; none in CISA's catalogue may be there, by {scan.name}"
}

deny contains {"at": object.union(finding, {"scan": $"{scan.name}"}), "msg": msg} if {
	some scan in input.scans.items
	_is_by(scan, data.settings.scan_risk.epss_from)
	some finding in scan.findings
	finding.kind == "vulnerability"
	not _left_out(finding)
	not _at_most(finding.epss, data.settings.scan_risk.max_epss)
	allowed := $"at most {data.settings.scan_risk.max_epss} is allowed, by {scan.name}"
	msg := $"{_named(finding)} has {_told(finding, "epss")} EPSS; {allowed}"
}

deny contains {"at": object.union(finding, {"scan": $"{scan.name}"}), "msg": msg} if {
	not data.settings.scan_risk.max_cvss == 10
	some scan in input.scans.items
	some finding in scan.findings
	finding.kind == "vulnerability"
	not _left_out(finding)
	not _at_most(finding.cvss, data.settings.scan_risk.max_cvss)
	allowed := $"at most {data.settings.scan_risk.max_cvss} is allowed, by {scan.name}"
	msg := $"{_named(finding)} has {_told(finding, "cvss")} CVSS; {allowed}"
}

# A scanner's formats spell its name differently: Grype's JSON is by grype, its SARIF by Grype.
_is_by(scan, names) if {
	some name in names
	lower(scan.scanner.name) == lower(name)
}

_left_out(finding) if findings.left_out(
	finding,
	data.settings.scan_risk.accepted_suppressions,
	data.settings.scan_risk.accepted_vex,
)

_at_most(value, limit) if {
	is_number(limit)
	value <= limit
}

_named(finding) := concat(" ", [finding[key] | some key in ["id", "package", "version"]])

_exploited(finding) := "is known to be exploited" if finding.kev == true

else := "does not say whether it is exploited"

_told(finding, key) := $"{finding[key]}" if finding[key]

else := "no"
