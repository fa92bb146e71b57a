# METADATA
# title: The image's system is still maintained
# description: >-
#   No scan says that the operating system of the image has reached its end of life. For such a system flaws are no
#   longer published, so a scan without findings says little. It warns; where the setting denies, an image scan
#   that does not say is denied too, unless the setting names its scanner.
# custom:
#   severity: medium
#   collections: [default, strict]
#   controls: [SSDF PW.4.4]
#   fix: Build on a release of the base image that is still maintained.
#   settings:
#     deny_unsupported: {type: boolean, stricter: true, default: false, description: "Deny a system that is no longer maintained."}
#     unsaid:
#       type: array
#       stricter: subset
#       items: {type: string, minLength: 1}
#       default: []
#       description: Names of scanners (scanner.name) that never say whether a system is maintained.
package pushpolicy.rules.system_supported

import rego.v2

# Evidence that was not collected is denied by the system, as evidence:scans; the rule judges what there is.
deny contains {"at": {"id": $"{scan.name}/system"}, "msg": msg} if {
	input.scans.status == "collected"
	some scan in input.scans.items
	scan.kind == "image"
	not scan.end_of_life == false
	not data.settings.system_supported.deny_unsupported == false
	not scan.scanner.name in data.settings.system_supported.unsaid
	msg := $"{scan.name}: {scan.scanner.name} does not say that {_system(scan)} is still maintained"
}

warn contains {"at": {"id": $"{scan.name}/system"}, "msg": msg} if {
	data.settings.system_supported.deny_unsupported == false
	some scan in input.scans.items
	scan.end_of_life == true
	msg := $"{scan.name}: {_system(scan)} is no longer maintained, so its flaws may not be known"
}

_system(scan) := scan.system if scan.system

else := "the system of the image"
