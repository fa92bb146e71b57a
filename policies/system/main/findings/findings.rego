# METADATA
# title: What the rules found
# description: Evidence that a rule needs and is not there, its denials and its warnings, all in one form.
package pushpolicy.main.findings

import rego.v2

import data.pushpolicy.index

# Required evidence that is not there is a violation of its own: `evidence:<kind>` where a kind was not
# collected, `evidence:<path>` where it was and a field that the rule rests on is absent.
absent[name] := array.concat(_kinds(name, rule), _leaves(name, rule)) if {
	some name, rule in index.rules

	# Over what is undefined a comprehension would be empty, and nothing asked for.
	is_array(rule.requires)
	is_array(rule.leaves)
}

_kinds(name, rule) := [finding |
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

_leaves(name, rule) := [finding |
	some leaf in rule.leaves
	_there(leaf.kind)
	not _has(leaf)
	finding := {
		"rule": name,
		"id": $"evidence:{leaf.path}",
		"at": {"evidence": leaf.path},
		"msg": $"the evidence does not say {leaf.path}{object.get(_as, object.get(leaf, "type", ""), "")}, which this rule rests on",
		"evidence": leaf.path,
	}
]

denied[name] := [_finding(name, element) | some element in index.deny[name]] if some name, _ in index.rules

warned[name] := [_finding(name, element) | some element in index.warn[name]] if some name, _ in index.rules

warnings := [finding |
	some found in warned
	some finding in found
]

_there(kind) if input[kind].status == "collected"

_there("clock") if is_object(input.clock)

_there("unread") if is_array(input.unread)

_there(kind) if kind in {"image", "reports", "target"}

_there(kind) if {
	startswith(kind, "extra.")
	_ := input.extra[substring(kind, 6, -1)]
}

# Nothing in the evidence is null. Of an array on the way every item must have the rest (at most two).
_has(leaf) if {
	count(leaf.steps) == 1
	_present(leaf, object.get(input, leaf.steps[0], null))
}

_has(leaf) if {
	count(leaf.steps) == 2
	every item in object.get(input, leaf.steps[0], null) {
		_present(leaf, _within(item, leaf.steps[1]))
	}
}

_has(leaf) if {
	count(leaf.steps) == 3
	every item in object.get(input, leaf.steps[0], null) {
		every inner in _within(item, leaf.steps[1]) {
			_present(leaf, _within(inner, leaf.steps[2]))
		}
	}
}

# An item of an `extra` need not be an object, and may be what is asked for itself.
_within(item, steps) := item if count(steps) == 0

_within(item, steps) := object.get(item, steps, null) if {
	count(steps) > 0
	is_object(item)
}

_present(leaf, value) if {
	leaf.filled == false
	value != null
	_is_of(object.get(leaf, "type", ""), value)
}

_present(leaf, value) if {
	leaf.filled == true
	is_array(value)
	count(value) > 0
	_is_of(object.get(leaf, "type", ""), value)
}

_is_of("", _)

_is_of("collection", value) if type_name(value) in {"array", "object"}

_is_of(kind, value) if {
	kind in {"boolean", "number", "string"}
	type_name(value) == kind
}

_as := {
	"boolean": " as true or false",
	"collection": " as a list or an object",
	"number": " as a number",
	"string": " as a text",
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
