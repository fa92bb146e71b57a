# METADATA
# title: Every platform has a list of what it is made of
# description: >-
#   Each runnable platform of the image has an SBOM that is proven to be about it, by manifest digest, image ID or the
#   complete list of layers, and that lists something. An SBOM of another image says nothing of this one.
# custom:
#   severity: high
#   collections: [strict]
#   controls: [SSDF PS.3.2, OSPS QA-02.02]
#   fix: Make an SBOM of the very image that is pushed, once for each platform (syft, trivy), and hand it over unchanged.
#   settings:
#     min_components: {type: integer, stricter: higher, minimum: 0, default: 1, description: How many components each SBOM lists at least.}
package pushpolicy.rules.sbom_bound

import rego.v2

# Evidence that was not collected is denied by the system, as evidence:sbom; the rule judges what there is.
deny contains {"at": {"id": $"{platform.platform}"}, "msg": msg} if {
	input.sbom.status == "collected"
	some platform in input.image.platforms
	not _listed(platform)
	asked := $"manifest {platform.digest}, image ID {platform.config_digest}"
	msg := $"no SBOM of {data.settings.sbom_bound.min_components} or more components is bound to {platform.platform} ({asked})"
}

deny contains {"at": {"id": $"{report.name}/lost"}, "msg": msg} if {
	input.sbom.status == "collected"
	some report in input.reports
	report.kind == "sbom"
	not report.sha256 in _read
	msg := $"{report.name} was read, and its SBOM is not here; each report's must be"
}

_read := {item.sha256 | some item in input.sbom.items}

_listed(platform) if {
	some item in input.sbom.items
	item.bound == true
	item.bound_by in {"manifest", "config", "diff_ids"}
	item.platform == platform.platform
	item.components >= data.settings.sbom_bound.min_components
	_unmistakable(item, platform)
}

# The name says which platform is meant, unless two manifests of an index share it (Windows versions do).
_unmistakable(_, platform) if {
	count([1 | some other in input.image.platforms; other.platform == platform.platform]) == 1
}

_unmistakable(item, platform) if item.image.digest == platform.digest

_unmistakable(item, platform) if item.image.image_id == platform.config_digest
