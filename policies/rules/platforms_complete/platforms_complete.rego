# METADATA
# title: The image is there for every platform
# description: >-
#   The image has each platform that the setting names. A variant counts as its platform: linux/arm64/v8 is
#   linux/arm64. Without names there is nothing to judge.
# custom:
#   severity: medium
#   collections: [strict]
#   controls: [SSDF PO.4.1]
#   fix: Build the image for each platform, as in docker buildx build --platform linux/amd64,linux/arm64.
#   settings:
#     platforms:
#       type: array
#       stricter: superset
#       items: {type: string, pattern: "^[^/]+/[^/]+(/[^/]+)?$"}
#       default: []
#       description: Platforms that the image has to have, as OS/ARCHITECTURE or with a variant.
package pushpolicy.rules.platforms_complete

import rego.v2

deny contains {"at": {"id": $"platform/{wanted}"}, "msg": msg} if {
	some wanted in data.settings.platforms_complete.platforms
	not _there(wanted)
	has := concat(", ", [platform.platform | some platform in input.image.platforms])
	msg := $"the image has {has}; {wanted} is required"
}

not_applicable contains "the setting platforms names none" if count(data.settings.platforms_complete.platforms) == 0

_there(wanted) if {
	some platform in input.image.platforms
	startswith($"{platform.platform}/", $"{wanted}/")
}
