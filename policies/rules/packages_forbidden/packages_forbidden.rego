# METADATA
# title: No forbidden package
# description: >-
#   No component that the SBOMs list is one that the setting names, by its purl. Spellings that mean the same are one:
#   letters of any case, %40 and @, names of PyPI with dots, dashes or underscores, a version of Go with or without v.
#   Qualifiers and subpaths do not count. A name without a version means every version. A component without a purl is
#   denied where it has the name of a forbidden one. Without names there is nothing to judge. That each platform has
#   an SBOM is judged by sbom_bound.
# custom:
#   severity: high
#   collections: [strict]
#   controls: [SSDF PW.4.1, OSPS VM-05.03]
#   optional: ["sbom.components[].purl"]
#   fix: Take the package out of the image, or use a version that is not forbidden.
#   settings:
#     forbidden:
#       type: array
#       stricter: superset
#       items: {type: string, pattern: "^pkg:[a-zA-Z*][^/]*/."}
#       default: []
#       description: "Purls of packages, as pkg:npm/event-stream, pkg:maven/org.example/*@1.2.* (a star stops at a slash, ** does not)."
package pushpolicy.rules.packages_forbidden

import rego.v2

deny contains {"at": object.union(component, {"id": $"{_shown(component)}"}), "msg": msg} if {
	some component in input.sbom.components
	some forbidden in data.settings.packages_forbidden.forbidden
	not _is_another(component, forbidden)
	msg := $"{component.sbom}: {_shown(component)} is in the image; {forbidden} is forbidden"
}

not_applicable contains "the setting forbidden names none" if count(data.settings.packages_forbidden.forbidden) == 0

_is_another(component, forbidden) if {
	glob.match(_every_version(_spelt(forbidden)), ["/"], _with_version(_spelt(component.purl))) == false
}

# Without a purl nothing but the name tells them apart.
_is_another(component, forbidden) if {
	not component.purl
	glob.match(_name(_spelt(forbidden)), null, _name(lower(component.name))) == false
}

_spelt(purl) := _spelt_of_type(strings.replace_n(
	{"%40": "@", "%2b": "+", "%2f": "/", "%3a": ":"},
	regex.replace(lower(purl), `[?#].*$`, ""),
))

# What stands before the version of a PyPI package has no other dots, dashes or underscores than its name's.
_spelt_of_type(purl) := concat("@", [text |
	some number, part in split(purl, "@")
	text := {true: regex.replace(part, `[-_.]+`, "-"), false: part}[number == 0]
]) if {
	startswith(purl, "pkg:pypi/")
} else := regex.replace(purl, `@v([0-9])`, "@$1") if {
	startswith(purl, "pkg:golang/")
} else := purl

_has_version(purl) := regex.match(`[^/]@[^/]*$`, purl)

_every_version(purl) := {true: purl, false: $"{purl}@**"}[_has_version(purl)]

_with_version(purl) := {true: purl, false: $"{purl}@"}[_has_version(purl)]

_name(purl) := regex.replace(regex.replace(regex.replace(purl, `^.*[/:]`, ""), `(.)@.*$`, "$1"), `[-_.]+`, "-")

_shown(component) := component.purl if component.purl

else := component.name
