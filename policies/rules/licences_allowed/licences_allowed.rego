# METADATA
# title: Every component has a licence that is allowed
# description: >-
#   Each component that the SBOMs list is under terms that the settings allow. An expression is taken apart: of
#   alternatives (OR) one that is allowed is enough, of terms that hold together (AND) each has to be, and an exception
#   (WITH) is judged as the licence that it is made to, unless a setting names the two together. Licences that are
#   listed without an operator all have to be allowed. Letters of any case are equal, and GPL-2.0 and GPL-2.0+ are
#   GPL-2.0-only and GPL-2.0-or-later. A component that names no licence is denied unless the setting unnamed lets it.
#   Without settings there is nothing to judge. That each platform has an SBOM is judged by sbom_bound.
# custom:
#   severity: medium
#   collections: [strict]
#   controls: [SSDF PW.4.4, OSPS LE-02.02]
#   optional: ["sbom.components[].licences"]
#   fix: Replace the component, name its licence in the settings once it was cleared, or waive the component.
#   settings:
#     allowed:
#       type: array
#       items: {type: string, minLength: 1}
#       default: []
#       description: "Globs of SPDX licences that components may have; none: any that is not denied."
#     denied:
#       type: array
#       stricter: superset
#       items: {type: string, minLength: 1}
#       default: []
#       description: Globs of SPDX licences that no component may have, as AGPL-*.
#     unnamed:
#       type: array
#       stricter: subset
#       items: {type: string, minLength: 1}
#       default: []
#       description: "Globs of names of components that need not name a licence; *: all."
package pushpolicy.rules.licences_allowed

import rego.v2

deny contains {"at": object.union(component, {"id": $"{_shown(component)}"}), "msg": msg} if {
	not _unset
	some component in input.sbom.components
	not _terms(component) in _acceptable
	not _need_not(component)
	msg := $"{component.sbom}: {_shown(component)} is under {_said(component)}; {_wanted}"
}

not_applicable contains "the settings allow and deny none" if _unset

_unset if {
	count(data.settings.licences_allowed.allowed) == 0
	count(data.settings.licences_allowed.denied) == 0
}

_need_not(component) if {
	not component.expression
	not count(component.licences) > 0
	some pattern in data.settings.licences_allowed.unnamed
	glob.match(pattern, null, component.name)
}

# Each statement is judged once, however many components make it.
_acceptable contains terms if {
	some component in input.sbom.components
	terms := _terms(component)
	_holds(terms)
}

_terms(component) := component.expression

_terms(component) := concat(" AND ", component.licences) if not component.expression

_holds(terms) if {
	tokens := regex.find_n(`(?i)\(|\)|[^\s()]+(?:\s+WITH\s+[^\s()]+)?`, terms, -1)
	_value($"( {concat(" ", [_symbol(token) | some token in tokens])} )") == "1"
}

_symbol(token) := token if token in {"(", ")"}

_symbol(token) := upper(token) if upper(token) in {"AND", "OR"}

_symbol(token) := _judged(token) if {
	not token in {"(", ")"}
	not upper(token) in {"AND", "OR"}
}

default _judged(_) := "0"

_judged(token) := "1" if _is_allowed(_spelt(token))

_is_allowed(licence) if {
	_is_listed(licence)
	not _matches(licence, data.settings.licences_allowed.denied)
	not _matches(_base(licence), data.settings.licences_allowed.denied)
}

# The two together, by name.
_is_allowed(licence) if {
	contains(licence, " with ")
	some named in data.settings.licences_allowed.allowed
	_spelt(named) == licence
}

_is_listed(_) if count(data.settings.licences_allowed.allowed) == 0

_is_listed(licence) if _matches(licence, data.settings.licences_allowed.allowed)

_is_listed(licence) if _matches(_base(licence), data.settings.licences_allowed.allowed)

_base(licence) := split(licence, " ")[0]

_matches(licence, globs) if {
	some pattern in globs
	glob.match(_spelt(pattern), null, licence)
}

_spelt(licence) := regex.replace(
	regex.replace(
		regex.replace(lower(licence), `\s+with\s+`, " with "),
		`^([al]?gpl-[0-9.]+)\+`, "$1-or-later",
	),
	`^([al]?gpl-[0-9.]+[0-9])( |$)`, "$1-only$2",
)

# Deeper than seven parentheses, it is not taken apart, and so is none that holds.
_value(text) := _once(_once(_once(_once(_once(_once(_once(_once(text))))))))

# One level of parentheses: what holds together first, then alternatives.
_once(text) := regex.replace(
	regex.replace(
		regex.replace(
			regex.replace(text, `(?:[01] AND )*0(?: AND [01])*`, "0"),
			`1(?: AND 1)+`, "1",
		),
		`\( 0(?: OR 0)* \)`, "0",
	),
	`\( (?:[01] OR )*1(?: OR [01])* \)`, "1",
)

_shown(component) := component.purl if component.purl

else := $"{component.name}@{component.version}" if component.version

else := component.name

_said(component) := component.expression if component.expression

else := concat(" and ", component.licences) if count(component.licences) > 0

else := "no licence that it names"

_wanted := $"allowed are {data.settings.licences_allowed.allowed}" if {
	count(data.settings.licences_allowed.denied) == 0
}

else := $"denied are {data.settings.licences_allowed.denied}" if count(data.settings.licences_allowed.allowed) == 0

else := $"allowed are {data.settings.licences_allowed.allowed}, denied {data.settings.licences_allowed.denied}"
