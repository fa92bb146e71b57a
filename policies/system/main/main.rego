# METADATA
# title: The decision
# description: |
#   Joins what the rules found with the organisation's waivers and enforcement. An exception (grace,
#   rollout, waiver, not applicable) counts only where it is proven; whatever is undefined denies.
package pushpolicy.main

import rego.v2

import data.pushpolicy.enforcement
import data.pushpolicy.index
import data.pushpolicy.main.findings
import data.pushpolicy.main.waivers

decision := {
	"allow": _allow,
	"observed": _observed,
	"rules": _results,
	"violations": _violations,
	"warnings": array.concat(_softened, findings.warnings),
	"waived": waivers.waived,
	"waivers": waivers.uses,
}

default _allow := false

_allow if {
	input.schema == "pushpolicy.evidence/v1"
	is_object(input.image)
	is_object(input.target)
	is_array(input.reports)
	count(index.rules) > 0
	count(_results) == count(index.rules)
	count(_violations) == 0
	_accounted
}

# Every denial that a rule gave is somewhere in the answer, unless the organisation switched the rule off.
_accounted if {
	every name, _ in index.rules {
		given := count(findings.absent[name]) + count([1 | some _ in index.deny[name]])
		given == count(waivers.open[name]) + count(waivers.covered[name])
	}
}

_violations := [finding |
	some name, found in waivers.open
	not _off[name]
	not _lenient[name]
	some finding in found
]

_softened := [finding |
	some name, found in waivers.open
	not _off[name]
	_lenient[name]
	some finding in found
]

default _observed := false

_observed if _until(enforcement.observe)

# Why a rule only warns.
_lenient[name] := because if {
	some name, rule in index.rules
	because := _because(name, rule)
}

_because(name, rule) := "grace" if {
	time.parse_rfc3339_ns(rule.effective_on) > waivers.now
} else := "rollout" if {
	_mode(name) == "warn"
} else := "observe" if {
	_observed
}

_off[name] := enforcement.rules[name].reason if {
	some name, _ in index.rules
	_mode(name) == "off"
}

_mode(name) := enforcement.rules[name].mode if _until(enforcement.rules[name])

_until(measure) if time.parse_rfc3339_ns(measure.until) > waivers.now

_results := [result |
	some name, _ in index.rules
	result := object.union({"name": name}, _status(name))
]

_status(name) := {"status": "not_applicable", "because": "off", "reason": _off[name]} if {
	_off[name]
} else := {"status": "warned", "because": _lenient[name]} if {
	count(waivers.open[name]) > 0
	_lenient[name]
} else := {"status": "violated"} if {
	count(waivers.open[name]) > 0
} else := {"status": "waived"} if {
	count(waivers.covered[name]) > 0
} else := {"status": "warned", "because": "warn"} if {
	count(findings.warned[name]) > 0
} else := {"status": "not_applicable", "reason": reason} if {
	reason := concat("; ", [text | some text in index.not_applicable[name]; is_string(text)])
	reason != ""
} else := {"status": "passed"}
