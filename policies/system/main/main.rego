# METADATA
# title: The decision
# description: |
#   Joins what the rules found with the organisation's waivers and enforcement. An exception (grace,
#   rollout, waiver, not applicable) counts only where it is proven; whatever is undefined denies. With ALLOW
#   come the denials as the rules gave them, from which pushpolicy computes the verdict a second time.
package pushpolicy.main

import rego.v2

import data.pushpolicy.enforcement
import data.pushpolicy.index
import data.pushpolicy.main.findings
import data.pushpolicy.main.waivers

decision := object.union(_decision, {"waived": waivers.pointed, "denials": _denials}) if {
	_allow
} else := object.union(_decision, {"waived": waivers.waived})

_decision := {
	"allow": _allow,
	"observed": _observed,
	"rules": _results,
	"violations": _violations,
	"warnings": array.concat(_softened, findings.warnings),
	"waivers": waivers.uses,
	"rollouts": _rollouts,
}

_denials[name] := [element | some element in found] if some name, found in index.deny

default _allow := false

_allow if {
	input.schema == "pushpolicy.evidence/v1"
	is_object(input.image)
	is_object(input.target)
	is_array(input.reports)
	is_number(waivers.now)
	count(index.rules) > 0
	count(_results) == count(index.rules)
	count(_violations) == 0
	_judged
	_accounted
}

# Where every rule says that it does not apply, none judged the image. A rule that is switched off is the
# organisation's word, and so is observe mode.
_judged if {
	some result in _results
	_is_judgement(result)
}

_judged if _state(enforcement.observe.until) == "active"

_is_judgement(result) if not result.status == "not_applicable"

_is_judgement(result) if result.because == "off"

# Every denial that a rule gave is somewhere in the answer, unless the organisation switched the rule off.
_accounted if {
	every name, _ in index.rules {
		given := count(findings.absent[name]) + count([1 | some _ in index.deny[name]])
		given == count(waivers.open[name]) + waivers.covered[name]
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

# Something would have been denied, were it not for observe mode.
default _observed := false

_observed if {
	some name, because in _lenient
	because == "observe"
	count(waivers.open[name]) > 0
}

# Why a rule only warns.
_lenient[name] := because if {
	some name, rule in index.rules
	because := _because(name, rule)
}

_because(name, rule) := "grace" if {
	_state(rule.effective_on) == "active"
	rule.integrity == false
} else := "rollout" if {
	rule.integrity == false
	_mode(name) == "warn"
} else := "observe" if {
	_state(enforcement.observe.until) == "active"
}

_off[name] := enforcement.rules[name].reason if {
	some name, rule in index.rules
	rule.integrity == false
	_mode(name) == "off"
}

_mode(name) := enforcement.rules[name].mode if _state(enforcement.rules[name].until) == "active"

# A measure ends, and one that would end too late is none.
_state(until) := "ended" if {
	time.parse_rfc3339_ns(until) <= waivers.now
} else := "active" if {
	time.parse_rfc3339_ns(until) - waivers.now <= _max_days * waivers.day
} else := "too_long" if {
	time.parse_rfc3339_ns(until) > waivers.now
}

_max_days := object.get(enforcement, "max_days", 180)

# What became of each measure that was to soften a rule; a grace that is over is an ordinary rule.
_rollouts := array.concat(
	array.concat(
		[{"rule": name, "measure": measure.mode, "state": _measure_state(index.rules[name], measure.until)} |
			some name, measure in enforcement.rules
			measure.mode in {"warn", "off"}
		],
		[{"rule": name, "measure": "grace", "state": _measure_state(rule, rule.effective_on)} |
			some name, rule in index.rules
			_state(rule.effective_on) != "ended"
		],
	),
	[{"measure": "observe", "state": _state(measure.until)} | measure := enforcement.observe],
)

_measure_state(rule, until) := "refused" if {
	rule.integrity
} else := _state(until)

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
	waivers.covered[name] > 0
} else := {"status": "warned", "because": "warn"} if {
	count(findings.warned[name]) > 0
} else := {"status": "not_applicable", "reason": reason} if {
	reason := concat("; ", [text | some text in index.not_applicable[name]; is_string(text)])
	reason != ""
} else := {"status": "passed"}
