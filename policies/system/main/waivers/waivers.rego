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
open[name] := [judgement.finding | some judgement in _judged[name]; count(judgement.waivers) == 0] if {
	some name in _concerned
}

open[name] := array.concat(findings.absent[name], findings.denied[name]) if {
	some name, _ in index.rules
	not name in _concerned
}

# What a waiver covers, with the number of the first that does.
covered[name] := [object.union(judgement.finding, {"waiver": min(judgement.waivers)}) |
	some judgement in _judged[name]
	count(judgement.waivers) > 0
] if {
	some name in _concerned
}

covered[name] := [] if {
	some name, _ in index.rules
	not name in _concerned
}

waived := [finding |
	some found in covered
	some finding in found
]

uses := [{"waiver": number, "state": _state(number, waiver)} | some number, waiver in given.waivers]

_judged[name] := judgements if {
	some name in _concerned
	judgements := array.concat(
		[{"finding": finding, "waivers": _for_absence(finding)} | some finding in findings.absent[name]],
		[{"finding": finding, "waivers": _for_denial(finding)} | some finding in findings.denied[name]],
	)
}

_concerned := {waiver.rule | some waiver in _honoured}

# A whole document, as is `_named`: OPA compares each key of a partial one with all before it, which thousands
# of waivers make long.
_honoured := {number: waiver |
	some number, waiver in given.waivers
	_timing(waiver) == "current"
	_within_limit(waiver)
	_allowed(waiver)
	_here(waiver)
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

# The numbers of the waivers by what they name, since thousands of findings may meet thousands of them.
_named := object.union_n([{key: {number: true}} |
	some number, waiver in _honoured
	some key in _keys(waiver)
])

_keys(waiver) := {[waiver.rule, kind, waiver[kind]] | some kind in ["evidence", "id"]} | {[waiver.rule, "purl", _product(waiver.purl)] | not waiver.id}

# What no other purl has before its version; of a glob that leaves that open, nothing.
_product(purl) := "" if {
	some wild in ["*", "?"]
	contains(split(purl, "@")[0], wild)
} else := split(purl, "@")[0]

_for_absence(finding) := {number | some number, _ in _named[[finding.rule, "evidence", finding.id]]}

_for_denial(finding) := {number |
	some key in _sought(finding)
	some number, _ in _named[key]
	_fits(_honoured[number], finding)
}

_sought(finding) := {[finding.rule, "id", name] | some name in _names(finding)} | {[finding.rule, "purl", product] |
	is_string(finding.at.purl)
	some product in {"", split(finding.at.purl, "@")[0]}
}

_names(finding) := {finding.id} | {alias | some alias in finding.at.aliases}

_fits(waiver, _) if not waiver.purl

_fits(waiver, finding) if {
	is_string(finding.at.purl)
	glob.match(waiver.purl, null, finding.at.purl)
}

_used contains number if {
	some judgements in _judged
	some judgement in judgements
	some number in judgement.waivers
}

_state(number, waiver) := "expiring" if {
	number in _used
	time.parse_rfc3339_ns(waiver.expires) - now < 14 * day
} else := "used" if {
	number in _used
} else := _timing(waiver) if {
	_timing(waiver) != "current"
} else := "too_long" if {
	not _within_limit(waiver)
} else := "refused" if {
	not _allowed(waiver)
} else := "elsewhere" if {
	not _here(waiver)
} else := "unused"

day := ((24 * 60) * 60) * 1000000000
