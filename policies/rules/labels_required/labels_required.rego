# METADATA
# title: The image says where it comes from
# description: >-
#   On every platform the image has the labels that the setting names, and what each says has the form that the
#   setting asks for. By default they tell the repository and the commit, so that whoever finds the image running
#   finds its source.
# custom:
#   severity: low
#   collections: [strict]
#   controls: [SSDF PS.3.2, OSPS BR-02.02]
#   fix: Build with --label NAME=VALUE, once for each label.
#   settings:
#     labels:
#       type: object
#       additionalProperties: {type: string, minLength: 1}
#       default:
#         org.opencontainers.image.revision: "^[0-9a-f]{40}([0-9a-f]{24})?$"
#         org.opencontainers.image.source: "^https://."
#       description: Labels by name, with the regular expression (RE2) that each has to match.
package pushpolicy.rules.labels_required

import rego.v2

deny contains {"at": {"id": $"label/{name}", "platform": platform.platform}, "msg": msg} if {
	some platform in input.image.platforms
	some name, pattern in data.settings.labels_required.labels
	not regex.match(pattern, platform.labels[name])
	msg := $"{platform.platform} {_said(platform, name)}; it must match {pattern}"
}

_said(platform, name) := $"has the label {name} {platform.labels[name]}" if platform.labels[name]

else := $"has no label {name}"
