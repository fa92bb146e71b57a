# METADATA
# title: The scanners that are asked for ran
# description: >-
#   Each kind of scan that the setting names is there, by a scanner of that name. A scan of the image is bound to it,
#   and there is one for each platform; a scan of code, configuration or secrets is of the commit that is checked out,
#   or does not name one. By default any scanner of the image and any of the code will do.
# custom:
#   severity: high
#   collections: [strict]
#   controls: [SSDF PW.7.2, SSDF PW.4.4, OSPS VM-06.02]
#   fix: Run the scanner in this pipeline and hand its report over (--evidence scans=FILE).
#   settings:
#     required:
#       type: array
#       stricter: superset
#       items:
#         type: object
#         additionalProperties: false
#         required: [kind, scanner]
#         properties:
#           kind: {type: string, enum: [image, code, config, secret]}
#           scanner: {type: string, minLength: 1}
#       default: [{kind: image, scanner: "*"}, {kind: code, scanner: "*"}]
#       description: 'Kinds of scans, each with a glob of scanner.name: "{trivy,grype}" is either.'
package pushpolicy.rules.scanners_required

import rego.v2

# Evidence that was not collected is denied by the system, as evidence:scans; the rule judges what there is.
deny contains {"at": {"id": $"image/{wanted.scanner}/{platform.platform}"}, "msg": msg} if {
	input.scans.status == "collected"
	some wanted in data.settings.scanners_required.required
	wanted.kind == "image"
	some platform in input.image.platforms
	not _scanned(wanted.scanner, platform.platform)
	msg := $"no bound image scan of {platform.platform} is by {wanted.scanner}; one is required"
}

deny contains {"at": {"id": $"{wanted.kind}/{wanted.scanner}"}, "msg": msg} if {
	input.scans.status == "collected"
	some wanted in data.settings.scanners_required.required
	not wanted.kind == "image"
	not _ran(wanted.kind, wanted.scanner)
	msg := $"no {wanted.kind} scan of this commit is by {wanted.scanner}; one is required"
}

_scanned(scanner, platform) if {
	some scan in input.scans.items
	scan.kind == "image"
	scan.bound == true
	scan.platform == platform
	glob.match(scanner, null, scan.scanner.name)
}

_ran(kind, scanner) if {
	some scan in input.scans.items
	scan.kind == kind
	scan.of_commit in {"same", "unsaid"}
	glob.match(scanner, null, scan.scanner.name)
}
