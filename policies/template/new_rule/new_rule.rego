# METADATA
# title: Every platform of the image has the labels that we want
# description: >-
#   Say here what the rule wants, and why; a denial shows the title, and the fix below.
# custom:
#   severity: medium
#   fix: Build the image with the label that is named.
#   settings:
#     labels:
#       type: array
#       items: {type: string, minLength: 1}
#       default: [org.opencontainers.image.revision]
#       description: The labels that each platform must have.
package pushpolicy.rules.new_rule

import rego.v2

# One denial for each finding. `at` says where it is, and its `id` is what a waiver names; `msg` is for people.
deny contains {"at": at, "msg": $"{platform.platform} has no label {label}"} if {
	some platform in input.image.platforms
	some label in data.settings.new_rule.labels

	# `not` also denies where the image has no labels at all; a condition over what is absent never holds.
	not platform.labels[label]
	at := {"id": $"{platform.platform}/{label}", "platform": platform.platform}
}
