# METADATA
# title: No flaw that the last record did not have
# description: >-
#   Each vulnerability of a severity that the setting names was found before: in the scans of the last verified record,
#   which is the latest of those of the images that the tags of the target name now. A flaw is the same by its id or an
#   alias, and the name of its package, whatever the version. Without such a record every flaw is new: a first push, a
#   tag that is new, a trust.yaml that lists no key of the role decide. So flaws that are known do not stop a fix of
#   something else, where scan_severity leaves room for them (set its limits to -1). What a report calls ignored, or a
#   VEX document harmless, counts unless the settings accept it, as in scan_severity.
# custom:
#   severity: high
#   collections: [strict]
#   controls: [SSDF RV.2.2, OSPS VM-05.03]
#   fix: Upgrade the package, or the base image that brought it, to a version without the flaw, or ask for a waiver of this finding.
#   settings:
#     severities:
#       type: array
#       stricter: superset
#       items: {type: string, enum: [critical, high, medium, low, negligible, unknown]}
#       default: []
#       description: "Severities of which no new one passes, as [critical, high, unknown]."
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
package pushpolicy.rules.new_findings

import data.pushpolicy.lib.findings
import rego.v2

deny contains {"at": object.union(finding, {"scan": name}), "msg": msg} if {
	some scan in input.scans.items
	name := $"{scan.name}"
	some finding in scan.findings
	finding.kind == "vulnerability"
	finding.severity in data.settings.new_findings.severities
	not _known(finding)
	not _left_out(finding)
	what := concat(" ", [finding[key] | some key in ["severity", "id", "package", "version"]])
	msg := $"{what} of {name} is new; {_last}"
}

not_applicable contains "the setting severities names none" if count(data.settings.new_findings.severities) == 0

_known(finding) if [finding.id, finding["package"]] in _had

_known(finding) if {
	some alias in finding.aliases
	[alias, finding["package"]] in _had
}

# Worked out once: scans list thousands.
_had contains [name, flaw["package"]] if {
	some record in input.records.before
	record.verified == true
	not _is_older(record)
	some flaw in record.findings
	some name in flaw.names
}

_is_older(record) if {
	some other in input.records.before
	other.verified == true
	time.parse_rfc3339_ns(other.at) > time.parse_rfc3339_ns(record.at)
}

_left_out(finding) if findings.left_out(
	finding,
	data.settings.new_findings.accepted_suppressions,
	data.settings.new_findings.accepted_vex,
)

_last := concat("", ["the records before are ", concat(", ", [$"{record.digest} of {record.at}" | some record in input.records.before])]) if {
	count(input.records.before) > 0
}

else := "there is no verified record before"
