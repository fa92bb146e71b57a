# METADATA
# title: Every platform of this image was scanned
# description: >-
#   Each runnable platform of the image has an image scan that is proven to be about it, by manifest
#   digest, image ID or the complete list of layers. A command that `pushpolicy run scans --image` captured
#   is proof too, where the setting accepts its scanner: it was given this image, and its exit code tells what
#   it found. A scan of another image, or of the same tag yesterday,
#   says nothing about this one, and neither does one that looked for other things than vulnerabilities, such
#   as secrets. A report that does not say what it looked for counts only where the setting names its scanner;
#   one that lists the packages of the image and no flaw of them counts by a setting of its own, which names
#   Trivy, whose clean reports are such. Of an image without packages there is nothing to say: there a bound SBOM
#   that lists none is enough, which nothing contradicts, neither another report nor the layers.
#   Scans of code and configuration need no binding to the image and prove none; one that names another commit
#   is denied. Nobody can waive this: without it every other rule about scans would judge a report of something
#   else.
# custom:
#   severity: critical
#   collections: [minimal, default, strict]
#   controls: [SSDF RV.1.2, OSPS VM-05.03]
#   integrity: true
#   fix: >-
#     Scan the very file, folder or digest that is pushed, once for each platform, and hand the reports over unchanged.
#     A scanner that leaves no report is captured, with the image: pushpolicy run scans --image IMAGE -- docker scout
#     cves {image} --exit-code.
#   settings:
#     accept_captures:
#       type: array
#       stricter: subset
#       items: {type: string, enum: [scout, trivy, grype, snyk]}
#       default: [scout, trivy, grype, snyk]
#       description: Scanners of which a captured command is enough, without a report.
#     accept_unsaid:
#       type: array
#       stricter: subset
#       items: {type: string, minLength: 1}
#       default: []
#       description: Names of scanners (scanner.name) whose image scans count where they do not say what they looked for.
#     accept_listed:
#       type: array
#       stricter: subset
#       items: {type: string, minLength: 1}
#       default: [trivy]
#       description: >-
#         Names of scanners (scanner.name) whose image scans count where they list packages, and do not say what they
#         looked for.
package pushpolicy.rules.scan_bound

import rego.v2

deny contains {"at": {"id": "image/platforms"}, "msg": msg} if {
	not count(input.image.platforms) > 0
	msg := "the image has no runnable platform; at least one is required"
}

# Evidence that was not collected is denied by the system, as evidence:scans; the rule judges what there is.
deny contains {"at": {"id": $"{platform.platform}"}, "msg": msg} if {
	input.scans.status == "collected"
	some platform in input.image.platforms
	not _scanned(platform)
	asked := $"manifest {platform.digest}, image ID {platform.config_digest}"
	msg := $"no image scan is bound to {platform.platform} ({asked}){_doubt(platform)}; {_seen}"
}

deny contains {"at": {"id": $"{scan.name}/commit"}, "msg": msg} if {
	input.scans.status == "collected"
	some scan in input.scans.items
	not scan.kind == "image"
	not scan.of_commit in {"same", "unsaid"}
	msg := $"{scan.name} is a scan of {_revision(scan)}; it must be of the one that is checked out"
}

_revision(scan) := $"commit {scan.commit}" if scan.commit

else := "a commit that it does not name"

_scanned(platform) if {
	some scan in input.scans.items
	scan.kind == "image"
	_looked(scan)
	scan.bound == true
	scan.platform == platform.platform
	_accepted(scan)
	_unmistakable(scan, platform)
}

_looked(scan) if "vulnerabilities" in scan.looked_for

_looked(scan) if {
	"unsaid" in scan.looked_for
	scan.scanner.name in data.settings.scan_bound.accept_unsaid
}

_looked(scan) if {
	"unsaid" in scan.looked_for
	scan.packages > 0
	scan.scanner.name in data.settings.scan_bound.accept_listed
}

_looked(scan) if {
	"unsaid" in scan.looked_for
	scan.empty_by != ""
}

_accepted(scan) if scan.bound_by in {"manifest", "config", "diff_ids"}

_accepted(scan) if {
	scan.bound_by == "capture"
	scan.scanner.name in data.settings.scan_bound.accept_captures
}

# The name says which platform is meant, unless two manifests of an index share it (Windows versions do).
_unmistakable(_, platform) if {
	count([1 | some other in input.image.platforms; other.platform == platform.platform]) == 1
}

_unmistakable(scan, platform) if scan.image.digest == platform.digest

_unmistakable(scan, platform) if scan.image.image_id == platform.config_digest

# Gather binds nothing then: a scanner reads the layer, some runtimes its table of contents.
_doubt(platform) := ", whose layers have a table of contents that was not verified (lazy_toc)" if {
	platform.lazy_toc == "unverified"
}

else := $", whose layers cannot be compared with its config ({platform.not_comparable})" if platform.not_comparable

else := ""

_seen := $"image scans read: {concat(", ", _names)}" if count(_names) > 0

else := "no image scan was read"

_names := [$"{scan.name} ({_bound(scan)})" | some scan in input.scans.items; scan.kind == "image"]

_bound(scan) := $"bound to {scan.platform} by capture of {scan.scanner.name}, not in accept_captures" if {
	scan.bound == true
	not _accepted(scan)
}

else := $"bound to {scan.platform}, {_purpose(scan)}" if scan.bound == true

else := $"bound to nothing: {scan.contradiction}" if scan.contradiction

else := $"bound to nothing in this image; it names {concat(", ", _named(scan))}" if count(_named(scan)) > 0

else := "bound to nothing in this image"

_purpose(scan) := "which looked for vulnerabilities" if "vulnerabilities" in scan.looked_for

else := $"which does not say what it looked for, of an image that an SBOM calls empty; but {scan.not_empty}" if {
	"unsaid" in scan.looked_for
	scan.not_empty
}

else := "which does not say what it looked for: capture the scanner by run scans --image, add an SBOM of an image without packages, or name the scanner in accept_unsaid" if {
	"unsaid" in scan.looked_for
}

else := $"which looked for {concat(", ", scan.looked_for)} only"

_named(scan) := array.concat(
	array.concat(
		[$"manifest {scan.image.digest}" | scan.image.digest],
		[$"image ID {scan.image.image_id}" | scan.image.image_id],
	),
	[$"name {scan.image.name}" | scan.image.name],
)
