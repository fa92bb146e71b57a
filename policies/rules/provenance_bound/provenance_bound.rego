# METADATA
# title: How the image was built is told
# description: >-
#   Each platform of the image has a SLSA provenance that names this image as its subject, the commit that is checked
#   out, and a builder that the setting allows. No key has to vouch for it, which builder_allowed asks for: whoever can
#   write the file can write what it says, so it is as good as the job that hands it over.
# custom:
#   severity: high
#   collections: [strict]
#   controls: [SLSA build-l1, SSDF PS.3.2, OSPS BR-06.01]
#   fix: Let the builder write provenance (docker buildx build --provenance=mode=max), and hand it over with the image.
#   settings:
#     builders:
#       type: array
#       items: {type: string, minLength: 1}
#       default: []
#       description: "Globs of builder, as its id or URL; * stops at a slash, ** does not. None: any."
#     of_commit: {type: boolean, stricter: true, default: true, description: Whether it has to name the commit that is checked out.}
package pushpolicy.rules.provenance_bound

import rego.v2

# Evidence that was not collected is denied by the system, as evidence:provenance; the rule judges what there is.
deny contains {"at": {"id": $"{platform.platform}"}, "msg": msg} if {
	input.provenance.status == "collected"
	some platform in input.image.platforms
	not _told(platform.platform)
	seen := concat(", ", [_seen(item) | some item in input.provenance.items])
	msg := $"no provenance of {platform.platform} is of {_wanted}; read: {seen}"
}

deny contains {"at": {"id": $"{report.name}/lost"}, "msg": msg} if {
	input.provenance.status == "collected"
	some report in input.reports
	report.kind == "provenance"
	not report.sha256 in _read
	msg := $"{report.name} was read, and its provenance is not here; each report's must be"
}

_read := {item.sha256 | some item in input.provenance.items}

_told(platform) if {
	some item in input.provenance.items
	item.bound == true
	platform in item.platforms
	_of_commit(item)
	_allowed(item)
}

_of_commit(item) if item.commit == input.source.commit

_of_commit(_) if data.settings.provenance_bound.of_commit == false

_allowed(_) if count(data.settings.provenance_bound.builders) == 0

_allowed(item) if {
	some pattern in data.settings.provenance_bound.builders
	glob.match(pattern, ["/"], item.builder)
}

_wanted := $"commit {input.source.commit} and a builder of {data.settings.provenance_bound.builders}"

_seen(item) := $"{item.name} (bound: {item.bound}, commit {item.commit}, builder {item.builder})" if {
	item.commit
	item.builder
}

else := $"{item.name} (bound: {item.bound}, without commit or builder)"
