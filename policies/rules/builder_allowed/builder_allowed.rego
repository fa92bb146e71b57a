# METADATA
# title: A builder that is trusted built it
# description: >-
#   Each platform of the image has a SLSA provenance that names this image as its subject and a builder that the setting
#   allows, and that a key of trust.yaml with the role provenance signed; the setting can name whose key vouches for
#   which builder. The provenance may be a file, or be attached to the image at its source (cosign attest). Where the
#   setting names no builder there is nothing to judge.
# custom:
#   severity: critical
#   collections: [strict]
#   controls: [SLSA build-l2, SSDF PS.3.2, OSPS BR-06.01]
#   fix: Let the builder sign its provenance (cosign attest --key), list its public key in trust.yaml with the role provenance, and its id in the setting.
#   settings:
#     builders:
#       type: array
#       items:
#         type: object
#         additionalProperties: false
#         required: [id]
#         properties:
#           id: {type: string, minLength: 1}
#           keys: {type: array, minItems: 1, items: {type: string, minLength: 1}}
#       default: []
#       description: "Builders: a glob of id (a star stops at a slash, ** does not), and the names of the keys that vouch for it; any that is listed, where there are none."
#     accept_unverified: {type: boolean, stricter: false, default: false, description: Whether provenance counts that no listed key signed.}
package pushpolicy.rules.builder_allowed

import rego.v2

deny contains {"at": {"id": $"{platform.platform}"}, "msg": msg} if {
	not count(data.settings.builder_allowed.builders) == 0
	some platform in input.image.platforms
	not _built(platform.platform)
	seen := concat(", ", [_seen(item) | some item in input.provenance.items])
	msg := $"no provenance of {platform.platform} is of a builder that the setting allows and vouched for; read: {seen}"
}

not_applicable contains "the setting builders names none" if count(data.settings.builder_allowed.builders) == 0

_built(platform) if {
	some item in input.provenance.items
	item.bound == true
	platform in item.platforms
	some allowed in data.settings.builder_allowed.builders
	glob.match(allowed.id, ["/"], item.builder)
	_vouched(item, allowed)
}

_vouched(_, _) if data.settings.builder_allowed.accept_unverified == true

_vouched(item, allowed) if {
	item.verified == true
	_by(item, allowed)
}

_by(_, allowed) if not allowed.keys

_by(item, allowed) if item.verified_by in allowed.keys

_seen(item) := $"{item.name} (bound: {item.bound}, builder {item.builder}, {_word(item)})"

_word(item) := $"verified by {item.verified_by}" if item.verified_by

else := $"unverified: {item.unverified}"
