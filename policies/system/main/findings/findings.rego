# METADATA
# title: What the rules found
# description: Evidence that a rule needs and is not there, its denials and its warnings, all in one form.
package pushpolicy.main.findings

import rego.v2

import data.pushpolicy.index

# Required evidence that was not collected is a violation of its own, named `evidence:<kind>`.
absent[name] := found if {
	some name, rule in index.rules
	found := [finding |
		some kind in rule.requires
		not _there(kind)
		finding := {
			"rule": name,
			"id": $"evidence:{kind}",
			"at": {"evidence": kind},
			"msg": $"no evidence of kind {kind}: {_reason(kind)}",
			"evidence": kind,
		}
	]
}

denied[name] := [_finding(name, element) | some element in index.deny[name]] if some name, _ in index.rules

warned[name] := [_finding(name, element) | some element in index.warn[name]] if some name, _ in index.rules

warnings := [finding |
	some found in warned
	some finding in found
]

_there(kind) if input[kind].status == "collected"

_there("clock") if is_object(input.clock)

_there(kind) if {
	startswith(kind, "extra.")
	_ := input.extra[substring(kind, 6, -1)]
}

_reason(kind) := input[kind].reason if is_string(input[kind].reason)

else := "it is not in the document"

# A denial in another shape still denies.
_finding(name, element) := {"rule": name, "id": _id(element.at), "msg": element.msg, "at": element.at} if {
	is_object(element.at)
	is_string(element.msg)
} else := {
	"rule": name,
	"id": _digest({"given": element}),
	"msg": "the rule's finding is not an object with `at` (an object) and `msg` (a string)",
	"at": {"given": element},
}

_id(at) := at.id if {
	is_string(at.id)
	at.id != ""
} else := _digest(at)

_digest(at) := concat(":", ["sha256", crypto.sha256(json.marshal(at))])
