# METADATA
# title: Every platform of this image was scanned
# description: >-
#   Each runnable platform of the image has an image scan that is proven to be about it, by manifest
#   digest, image ID or the complete list of layers. A scan of another image, or of the same tag yesterday,
#   says nothing about this one. Scans of code and configuration need no binding and prove none. Nobody can
#   waive this: without it every other rule about scans would judge a report of something else.
# custom:
#   severity: critical
#   integrity: true
#   fix: Scan the very file, folder or digest that is pushed, once for each platform, and hand the reports over unchanged.
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

_scanned(platform) if {
	some scan in input.scans.items
	scan.kind == "image"
	scan.bound == true
	scan.platform == platform.platform
	_unmistakable(scan, platform)
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

_bound(scan) := $"bound to {scan.platform}" if scan.bound == true

else := $"bound to nothing in this image; it names {concat(", ", _named(scan))}" if count(_named(scan)) > 0

else := "bound to nothing in this image"

_named(scan) := array.concat(
	array.concat(
		[$"manifest {scan.image.digest}" | scan.image.digest],
		[$"image ID {scan.image.image_id}" | scan.image.image_id],
	),
	[$"name {scan.image.name}" | scan.image.name],
)
