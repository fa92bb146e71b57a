package pushpolicy.rules.protected_ref_test

import data.pushpolicy.rules.protected_ref
import rego.v2

_denied(ci, settings) := {found.at.id |
	some found in protected_ref.deny with input.ci as object.union({"status": "collected"}, ci)
		with data.settings as settings
}

_warned(ci, settings) := {found.at.id |
	some found in protected_ref.warn with input.ci as object.union({"status": "collected"}, ci)
		with data.settings as settings
}

_optional := {"protected_ref": {"required": false, "assurance": "asserted"}}

_required := {"protected_ref": {"required": true, "assurance": "asserted"}}

test_allow_when_not_required[name] if {
	some name, ci in {"known": {"ref_protected": true}, "not known": {}, "not": {"ref_protected": false}}
	_denied(ci, _optional) == set()
}

test_warn_when_it_is_not if _warned({"ref_protected": false}, _optional) == {"ci.ref_protected"}

test_warn_no_more[name] if {
	some name, ci in {"known": {"ref_protected": true}, "not known": {}}
	_warned(ci, _optional) == set()
}

test_allow_when_protected if _denied({"ref_protected": true}, _required) == set()

test_deny_when_required[name] if {
	some name, ci in {"not known": {}, "not": {"ref_protected": false, "ref": "refs/heads/main"}}
	_denied(ci, _required) == {"ci.ref_protected"}
}

test_deny_when_there_are_no_settings if _denied({}, {}) == {"ci.ref_protected", "ci.trust.ref_protected"}

# The system denies then.
test_nothing_to_judge_when_not_collected[status] if {
	some status in ["missing", "failed"]
	found := protected_ref.deny with input.ci as {"status": status, "reason": "none"} with data.settings as {}
	found == set()
}

test_how_sure_it_has_to_be[name] if {
	some name, case in {
		"verified": {"trust": "verified", "assurance": "verified", "times": 0},
		"replayable, as the setting lets it": {"trust": "replayable", "assurance": "replayable", "times": 0},
		"replayable, where it has to be verified": {"trust": "replayable", "assurance": "verified", "times": 1},
	}
	found := protected_ref.deny with input.ci as {"status": "collected", "trust": {"ref_protected": case.trust}}
		with data.settings.protected_ref as {"assurance": case.assurance, "required": true}
	count({"ci.trust.ref_protected"} & {violation.at.id | some violation in found}) == case.times
}
