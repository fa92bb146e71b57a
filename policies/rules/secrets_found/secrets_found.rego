# METADATA
# title: No scan found a secret
# description: >-
#   No report, of whatever kind, lists a secret, however its scanner rates it: a key that is published is known. One
#   that the report says was ignored counts like any other, unless the setting accepts that kind of suppression.
# custom:
#   severity: critical
#   collections: [default, strict]
#   controls: [SSDF PW.7.2, OSPS BR-07.01]
#   fix: Take the secret out of the code and of the image, and replace it; ask for a waiver of what is none.
#   settings:
#     accepted_suppressions:
#       type: array
#       stricter: subset
#       items: {type: string, minLength: 1}
#       default: []
#       description: Globs of suppressed_by whose secrets do not count, as in "sarif external".
package pushpolicy.rules.secrets_found

import data.pushpolicy.lib.findings
import rego.v2

# Evidence that was not collected is denied by the system, as evidence:scans; the rule judges what there is.
deny contains {"at": object.union(finding, {"scan": $"{scan.name}"}), "msg": msg} if {
	some scan in input.scans.items
	some finding in scan.findings
	finding.kind == "secret"
	not _accepted(finding)
	msg := $"{scan.name}: {finding.id} in {_place(finding)}; no secret may be in the code or in the image"
}

_accepted(finding) if findings.set_aside(finding, data.settings.secrets_found.accepted_suppressions, [])

_place(finding) := finding.location if finding.location

else := "a place that the report does not name"
