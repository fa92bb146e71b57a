# METADATA
# title: The code has no finding of weight
# description: >-
#   A scan of the code of this commit was read, and in no report is there a finding in code or configuration of a
#   severity that is not tolerated. That is stricter than scan_severity, for code can be mended at once. One that the
#   report says was suppressed, by a comment in the code for instance, counts unless the setting accepts that kind.
# custom:
#   severity: high
#   collections: [strict]
#   controls: [SSDF PW.7.2, OSPS VM-06.02]
#   fix: Mend the code, or ask for a waiver of the finding.
#   settings:
#     tolerated:
#       type: array
#       stricter: subset
#       items: {type: string, enum: [critical, high, medium, low, negligible, unknown]}
#       default: [low, negligible]
#       description: Severities that pass.
#     accepted_suppressions:
#       type: array
#       stricter: subset
#       items: {type: string, minLength: 1}
#       default: []
#       description: Globs of suppressed_by whose findings do not count, as in "sarif inSource".
package pushpolicy.rules.code_findings

import data.pushpolicy.lib.findings
import rego.v2

# Evidence that was not collected is denied by the system, as evidence:scans; the rule judges what there is.
deny contains {"at": {"id": "code/none"}, "msg": "no scan of the code of this commit was read; one is required"} if {
	input.scans.status == "collected"
	not _scanned
}

deny contains {"at": object.union(finding, {"scan": $"{scan.name}"}), "msg": msg} if {
	some scan in input.scans.items
	some finding in scan.findings
	finding.kind in {"code", "misconfiguration"}
	not finding.severity in data.settings.code_findings.tolerated
	not _accepted(finding)
	msg := $"{finding.severity} {finding.id} in {_place(finding)}; tolerated are {_tolerated}, by {scan.name}"
}

_tolerated := concat(", ", data.settings.code_findings.tolerated) if count(data.settings.code_findings.tolerated) > 0

else := "none"

_scanned if {
	some scan in input.scans.items
	scan.kind == "code"
	scan.of_commit in {"same", "unsaid"}
}

_accepted(finding) if findings.set_aside(finding, data.settings.code_findings.accepted_suppressions, [])

_place(finding) := finding.location if finding.location

else := "a place that the report does not name"
