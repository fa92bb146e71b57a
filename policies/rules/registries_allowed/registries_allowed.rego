# METADATA
# title: Pushed to an allowed repository
# description: >-
#   The target is one of the repositories that the setting names, so that a mistyped or changed target publishes
#   nothing elsewhere. Without names there is nothing to judge.
# custom:
#   severity: high
#   collections: [strict]
#   controls: [SSDF PS.2.1, OSPS BR-03.02]
#   fix: Push to a repository of the organisation, or name this one in the setting allowed.
#   settings:
#     allowed:
#       type: array
#       items: {type: string, minLength: 1}
#       default: []
#       description: "Globs of REGISTRY/REPOSITORY; * stops at a slash, ** does not."
package pushpolicy.rules.registries_allowed

import rego.v2

deny contains {"at": {"id": $"{_target}"}, "msg": msg} if {
	not count(data.settings.registries_allowed.allowed) == 0
	not _allowed
	msg := $"the image would be pushed to {_target}; allowed are {data.settings.registries_allowed.allowed}"
}

not_applicable contains "the setting allowed names none" if count(data.settings.registries_allowed.allowed) == 0

_target := $"{input.target.registry}/{input.target.repository}"

_allowed if {
	some pattern in data.settings.registries_allowed.allowed
	glob.match(pattern, ["/"], _target)
}
