# METADATA
# title: Waivers
# description: Which findings a waiver of the organisation covers, and what became of each waiver.
package pushpolicy.main.waivers

import rego.v2

import data.pushpolicy.index
import data.pushpolicy.main.findings
import data.pushpolicy.waivers as given

now := time.parse_rfc3339_ns(input.evaluated_at)

# What no waiver covers.
open[name] := array.concat(
	[finding | excused := _excused[name]; some place, finding in findings.absent[name]; not excused[place]],
	[finding | covering := _covering[name]; some place, finding in findings.denied[name]; not covering[place]],
) if {
	some name in _concerned
}

open[name] := array.concat(findings.absent[name], findings.denied[name]) if {
	some name, _ in index.rules
	not name in _concerned
}

# How many findings of a rule a waiver covers.
covered[name] := count(_excused[name]) + count(_covering[name]) if some name in _concerned

covered[name] := 0 if {
	some name, _ in index.rules
	not name in _concerned
}

# The findings that are covered, each with the number of the first waiver that does.
waived := [finding |
	some name in _concerned
	some finding in array.concat(
		_waived(findings.absent[name], _excused[name]),
		_waived(findings.denied[name], _covering[name]),
	)
]

# The same where the denials are told beside them: of those, the place in what the rule denied.
pointed := [finding |
	some name in _concerned
	some finding in array.concat(
		_waived(findings.absent[name], _excused[name]),
		_pointed(findings.denied[name], _covering[name]),
	)
]

_waived(found, covering) := [object.union(found[place], {"waiver": _first(numbers)}) | some place, numbers in covering]

_pointed(found, covering) := [finding |
	some place, numbers in covering
	finding := {"rule": found[place].rule, "id": found[place].id, "denial": place, "waiver": _first(numbers)}
]

_first(numbers) := min(object.keys(numbers))

uses := [{"waiver": number, "state": object.get(_unused, number, standing)} | some number, standing in _standings]

_unused := {number: "unused" | some number, _ in object.remove(_honoured, _used)}

_used := object.union_n([numbers | some found in [_excused, _covering]; some numbers in found[_]])

# Of the evidence that a rule lacks, by its place there, the numbers of the waivers that are for it.
_excused[name] := {place: numbers |
	some place, finding in findings.absent[name]
	numbers := _named[name].evidence[finding.id]
} if {
	some name in _concerned
}

# The same of what it denies. Each way to name a denial goes through them once, and is left where no waiver
# takes it: thousands of denials may meet thousands of waivers.
_covering[name] := object.union_n(array.concat(
	array.concat(_by_id(name), _by_alias(name)),
	array.concat(_by_id_and_purl(name), _by_purl(name)),
)) if {
	some name in _concerned
}

_by_id(name) := [{place: numbers} |
	named := _named[name].id
	some place, finding in findings.denied[name]
	numbers := named[finding.id]
]

_by_alias(name) := [{place: numbers} |
	named := _named[name].id
	some place, finding in findings.denied[name]
	some alias in finding.at.aliases
	numbers := named[alias]
]

_by_id_and_purl(name) := [{place: {number: true}} |
	named := _named[name].id_and_purl
	some place, finding in findings.denied[name]
	some each in ({finding.id} | {alias | some alias in finding.at.aliases})
	some number, _ in named[each]
	_fits(number, finding.at.purl)
]

_by_purl(name) := [{place: {number: true}} |
	named := _named[name].purl
	some place, finding in findings.denied[name]
	is_string(finding.at.purl)
	some product in {"", split(finding.at.purl, "@")[0]}
	some number, _ in named[product]
	_fits(number, finding.at.purl)
]

_fits(number, purl) if {
	is_string(purl)
	glob.match(_honoured[number].purl, null, purl)
}

_concerned := object.keys(_named)

# The numbers of the waivers that count, by rule, way to name and name. A whole document, as all that holds
# waivers: OPA compares each key of a partial one with all before it, which thousands of waivers make long.
_named := object.union_n(array.concat(
	array.concat(
		[{waiver.rule: {"evidence": {waiver.evidence: {number: true}}}} | some number, waiver in _honoured],
		[{waiver.rule: {"id": {waiver.id: {number: true}}}} | some number, waiver in _honoured; not waiver.purl],
	),
	array.concat(
		[{waiver.rule: {"id_and_purl": {waiver.id: {number: true}}}} | some number, waiver in _honoured; waiver.purl],
		[{waiver.rule: {"purl": {_product(waiver.purl): {number: true}}}} | some number, waiver in _honoured; not waiver.id],
	),
))

# What no other purl has before its version; of a glob that leaves that open, nothing.
_product(purl) := "" if {
	some wild in ["*", "?"]
	contains(split(purl, "@")[0], wild)
} else := split(purl, "@")[0]

_honoured := {number: given.waivers[number] | some number, standing in _standings; standing in {"expiring", "used"}}

# What is told of each waiver, if it is used. Of what decides that, thousands have few different ones, for each
# of which OPA calls a function once.
_standings := {number: _standing(object.remove(waiver, told)) |
	told := {"approver", "evidence", "id", "purl", "reason", "ticket"}
	some number, waiver in given.waivers
}

_standing(waiver) := _timing(waiver) if {
	_timing(waiver) != "current"
} else := "too_long" if {
	not _within_limit(waiver)
} else := "refused" if {
	not _allowed(waiver)
} else := "elsewhere" if {
	not _here(waiver)
} else := "expiring" if {
	time.parse_rfc3339_ns(waiver.expires) - now < 14 * day
} else := "used" if {
	_timing(waiver) == "current"
}

_timing(waiver) := "expired" if {
	time.parse_rfc3339_ns(waiver.expires) <= now
} else := "pending" if {
	time.parse_rfc3339_ns(waiver.not_before) > now
} else := "current" if {
	time.parse_rfc3339_ns(waiver.expires) > now
}

_within_limit(waiver) if {
	from := time.parse_rfc3339_ns(object.get(waiver, "not_before", input.evaluated_at))
	time.parse_rfc3339_ns(waiver.expires) - from <= _max_days(waiver) * day
}

_max_days(waiver) := object.get(given, "repo_max_days", given.max_days) if {
	waiver.origin == "checkout"
} else := given.max_days

# The reason for a refusal that needs no evidence was found when the policy was loaded.
_allowed(waiver) if {
	index.rules[waiver.rule].integrity == false
	not waiver.refused
	_approved(waiver)
}

# Who signed it was found when the policy was loaded (docs/quorum.md). Who set the run off has to be proven: it
# could be any approver, and their own approval does not count.
_approved(waiver) if not waiver.quorum

_approved(waiver) if count(_approving(waiver)) >= waiver.quorum.needs

_approving(waiver) := {lower(each.principal) |
	some each in waiver.quorum.approved
	lower(each.principal) != _author
	_within(each)
}

_author := lower(input.ci.actor) if {
	input.ci.status == "collected"
	input.ci.trust.actor == "verified"
	input.ci.actor != ""
}

_within(window) if {
	time.parse_rfc3339_ns(object.get(window, "not_before", input.evaluated_at)) <= now
	_not_over(window)
}

_not_over(window) if not window.not_after

_not_over(window) if time.parse_rfc3339_ns(window.not_after) > now

_here(waiver) if object.get(waiver, "repository", "**") == "**"

_here(waiver) if glob.match(waiver.repository, ["/"], concat("/", [input.target.registry, input.target.repository]))

day := ((24 * 60) * 60) * 1000000000
