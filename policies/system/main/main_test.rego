package pushpolicy.main_test

import rego.v2

import data.pushpolicy.main

at := "2026-11-02T10:00:00Z"

document := {
	"schema": "pushpolicy.evidence/v1",
	"evaluated_at": at,
	"image": {"digest": "sha256:1", "layers": [{"size": 1, "files": [{"name": "a"}]}, {"files": [{"name": "b"}]}]},
	"target": {"registry": "reg.example", "repository": "team/app", "tags": ["1"]},
	"reports": [],
	"tests": {"status": "collected"},
	"scans": {"status": "failed", "reason": "two reports have one name"},
	"extra": {"review": false},
}

rule := {"requires": [], "leaves": [], "integrity": false}

index(rules, found) := object.union({"rules": rules, "deny": {}, "warn": {}, "not_applicable": {}}, found)

finding := {"at": {"id": "CVE-1", "aliases": ["GHSA-1", 7], "purl": "pkg:pypi/a@1"}, "msg": "bad"}

waiver := {
	"rule": "r",
	"id": "CVE-1",
	"reason": "x",
	"approver": "y",
	"expires": "2026-12-01T00:00:00Z",
}

decide(rules, found, data_) := decision if {
	decision := main.decision with input as document
		with data.pushpolicy.index as index(rules, found)
		with data.pushpolicy.waivers as {"max_days": 90, "waivers": object.get(data_, "waivers", [])}
		with data.pushpolicy.enforcement as object.get(data_, "enforcement", {})
}

within(waivers, limits) := decision if {
	decision := main.decision with input as document
		with data.pushpolicy.index as index({"r": rule}, {"deny": {"r": {finding}}})
		with data.pushpolicy.waivers as object.union(limits, {"waivers": waivers})
		with data.pushpolicy.enforcement as {}
}

later := "2027-01-01T00:00:00Z"

mode(kind, until) := {"enforcement": {"rules": {"r": {"mode": kind, "until": until, "reason": "new"}}}}

observe(until) := {"enforcement": {"observe": {"until": until, "reason": "start"}}}

denied(data_) := decide({"r": rule}, {"deny": {"r": {finding}}}, data_)

test_nothing_found_passes if {
	decision := decide({"r": rule}, {}, {})
	decision.allow == true
	decision.rules == [{"name": "r", "status": "passed"}]
}

test_no_rules_never_allow if decide({}, {}, {}).allow == false

test_odd_inputs_never_allow if {
	every odd in [null, [], {}, "x", 1, false, {"schema": "pushpolicy.evidence/v1"}, object.remove(document, ["image"])] {
		decision := main.decision with input as odd
			with data.pushpolicy.index as index({"r": rule}, {})
			with data.pushpolicy.waivers as {"max_days": 90, "waivers": [waiver]}
			with data.pushpolicy.enforcement as {"observe": {"until": "2026-12-01T00:00:00Z", "reason": "x"}}
		decision.allow == false
	}
}

test_without_a_time_there_is_no_allow if {
	decision := main.decision with input as object.union(document, {"evaluated_at": "later"})
		with data.pushpolicy.index as index({"r": rule}, {})
		with data.pushpolicy.waivers as {"max_days": 90, "waivers": []}
		with data.pushpolicy.enforcement as {}
	decision.allow == false
}

test_a_violation_denies if {
	decision := denied({})
	decision.allow == false
	decision.violations == [{"rule": "r", "id": "CVE-1", "msg": "bad", "at": finding.at}]
	decision.rules == [{"name": "r", "status": "violated"}]
}

test_malformed_denials_deny if {
	every element in [1, "x", {"msg": "x"}, {"at": "x", "msg": "x"}, {"at": {}, "msg": 1}, {"at": {}}, [], null, false] {
		decision := decide({"r": rule}, {"deny": {"r": {element}}}, {})
		decision.allow == false
		decision.violations[0].at == {"given": element}
	}
}

test_an_id_is_the_digest_where_there_is_none if {
	every given in [{"file": "a"}, {"id": ""}, {"id": 7}] {
		decision := decide({"r": rule}, {"deny": {"r": {{"at": given, "msg": "x"}}}}, {})
		startswith(decision.violations[0].id, "sha256:")
	}
}

test_required_evidence_denies if {
	kinds := ["tests", "scans", "ci", "clock", "extra.review", "extra.other"]
	decision := decide({"r": object.union(rule, {"requires": kinds})}, {}, {})
	{violation.evidence | some violation in decision.violations} == {"scans", "ci", "clock", "extra.other"}
	some violation in decision.violations
	violation.msg == "no evidence of kind scans: two reports have one name"
	some other in decision.violations
	other.msg == "no evidence of kind ci: it is not in the document"
}

test_a_clock_is_there if {
	decision := main.decision with input as object.union(document, {"clock": {"skew_seconds": 1}})
		with data.pushpolicy.index as index({"r": object.union(rule, {"requires": ["clock"]})}, {})
		with data.pushpolicy.waivers as {"max_days": 90, "waivers": []}
		with data.pushpolicy.enforcement as {}
	decision.allow
}

test_what_was_not_read_is_there if {
	every unread, allow in {"[]": true, "\"none\"": false} {
		decision := main.decision with input as object.union(document, {"unread": json.unmarshal(unread)})
			with data.pushpolicy.index as index({"r": object.union(rule, {"requires": ["unread"]})}, {})
			with data.pushpolicy.waivers as {"max_days": 90, "waivers": []}
			with data.pushpolicy.enforcement as {}
		decision.allow == allow
	}
}

test_warnings_only_warn if {
	decision := decide({"r": rule}, {"warn": {"r": {finding}}}, {})
	decision.allow
	decision.rules == [{"name": "r", "status": "warned", "because": "warn"}]
	count(decision.warnings) == 1
}

test_not_applicable_is_stated if {
	decision := decide({"r": rule}, {"not_applicable": {"r": {"no base image", 7}}}, {})
	decision.rules == [{"name": "r", "status": "not_applicable", "reason": "no base image"}]
}

test_what_no_rule_judged_is_not_allowed if {
	none := {"not_applicable": {"r": {"none"}, "q": {"none"}}}
	not decide({"r": rule, "q": rule}, none, {}).allow
	decide({"r": rule, "q": rule}, {"not_applicable": {"r": {"none"}}}, {}).allow
	decide({"r": rule, "q": rule}, none, mode("off", later)).allow
	decide({"r": rule, "q": rule}, none, observe(later)).allow
	not decide({"r": rule, "q": rule}, none, observe(at)).allow
}

test_not_applicable_loses_to_violations if {
	decision := decide({"r": rule}, {"deny": {"r": {finding}}, "not_applicable": {"r": {"none"}}}, {})
	decision.rules == [{"name": "r", "status": "violated"}]
}

test_grace_warns_until_its_time if {
	future := object.union(rule, {"effective_on": "2027-01-01T00:00:00Z"})
	past := object.union(rule, {"effective_on": at})
	early := decide({"r": future}, {"deny": {"r": {finding}}}, {})
	early.allow
	early.rules == [{"name": "r", "status": "warned", "because": "grace"}]
	not decide({"r": past}, {"deny": {"r": {finding}}}, {}).allow
}

test_rollout_warns_until_its_time if {
	denied(mode("warn", later)).rules == [{"name": "r", "status": "warned", "because": "rollout"}]
	denied(mode("off", later)).rules == [{"name": "r", "status": "not_applicable", "because": "off", "reason": "new"}]
	denied(mode("off", later)).violations == []
	denied(mode("warn", at)).rules == [{"name": "r", "status": "violated"}]
	denied(mode("off", at)).rules == [{"name": "r", "status": "violated"}]
}

test_observe_warns_until_its_time if {
	decision := denied(observe(later))
	decision.allow
	decision.observed
	decision.rules == [{"name": "r", "status": "warned", "because": "observe"}]
	not denied(observe(at)).allow
	not denied(observe(at)).observed
}

test_observed_is_said_only_where_something_would_have_been_denied if {
	decision := decide({"r": rule}, {}, observe(later))
	decision.allow
	not decision.observed
	decision.rollouts == [{"measure": "observe", "state": "active"}]
}

test_an_end_that_is_too_far_away_softens_nothing if {
	far := "2027-05-02T10:00:00Z"
	far_rule := object.union(rule, {"effective_on": far})
	graced := decide({"r": far_rule}, {"deny": {"r": {finding}}}, {})
	decisions := [denied(mode("warn", far)), denied(mode("off", far)), denied(observe(far)), graced]
	every decision in decisions {
		not decision.allow
		not decision.observed
		decision.rollouts[0].state == "too_long"
	}
	denied(mode("warn", "2027-05-01T10:00:00Z")).allow
	longer := object.union(mode("warn", far).enforcement, {"max_days": 181})
	denied({"enforcement": longer}).allow
}

test_an_integrity_rule_is_never_softened_by_a_measure_of_its_own if {
	firm := object.union(rule, {"integrity": true})
	every data_ in [mode("warn", later), mode("off", later)] {
		decision := decide({"r": firm}, {"deny": {"r": {finding}}}, data_)
		not decision.allow
		decision.rollouts[0].state == "refused"
	}
	graced := object.union(firm, {"effective_on": later})
	not decide({"r": graced}, {"deny": {"r": {finding}}}, {}).allow
	not decide({"r": object.remove(rule, ["integrity"])}, {"deny": {"r": {finding}}}, mode("off", later)).allow
}

test_what_became_of_each_measure_is_told if {
	denied(mode("warn", later)).rollouts == [{"rule": "r", "measure": "warn", "state": "active"}]
	denied(mode("off", at)).rollouts == [{"rule": "r", "measure": "off", "state": "ended"}]
	denied(mode("enforce", later)).rollouts == []
	decide({"r": object.union(rule, {"effective_on": at})}, {}, {}).rollouts == []
	soon := object.union(rule, {"effective_on": later})
	decide({"r": soon}, {}, {}).rollouts == [{"rule": "r", "measure": "grace", "state": "active"}]
}

test_the_raw_denials_come_with_allow_and_with_nothing_else if {
	denied({"waivers": [waiver]}).denials == {"r": [finding]}
	decide({"r": rule}, {"deny": {"r": set()}}, {}).denials == {"r": []}
	not denied({}).denials
}

test_a_waiver_of_the_checkout_is_as_short_as_the_organisation_says if {
	theirs := object.union(waiver, {"origin": "checkout"})
	within([theirs], {"max_days": 90}).allow
	within([theirs], {"max_days": 90, "repo_max_days": 29}).allow
	within([theirs], {"max_days": 90, "repo_max_days": 28}).waivers == [{"waiver": 0, "state": "too_long"}]
	within([waiver], {"max_days": 90, "repo_max_days": 28}).allow
}

test_a_waiver_that_was_refused_waives_nothing if {
	decision := denied({"waivers": [object.union(waiver, {"refused": "the checkout may not"})]})
	not decision.allow
	decision.waivers == [{"waiver": 0, "state": "refused"}]
}

test_a_waiver_for_another_repository_says_so if {
	decision := denied({"waivers": [object.union(waiver, {"repository": "reg.example/other"})]})
	decision.waivers == [{"waiver": 0, "state": "elsewhere"}]
}

test_a_waiver_by_id_alias_or_purl if {
	every given in [
		{"id": "CVE-1"}, {"id": "GHSA-1"}, {"purl": "pkg:pypi/*"}, {"purl": "pkg:pypi/a@*"},
		{"id": "CVE-1", "purl": "pkg:pypi/a@*"},
	] {
		decision := denied({"waivers": [object.union(object.remove(waiver, ["id"]), given)]})
		decision.allow
		decision.waived == [{"rule": "r", "id": "CVE-1", "denial": 0, "waiver": 0}]
		decision.denials.r[0] == finding
		decision.rules == [{"name": "r", "status": "waived"}]
		decision.waivers == [{"waiver": 0, "state": "used"}]
	}
}

test_what_is_waived_is_told_whole_where_the_denials_are_not if {
	other := {"at": {"id": "CVE-2"}, "msg": "worse"}
	decision := decide({"r": rule}, {"deny": {"r": {finding, other}}}, {"waivers": [waiver]})
	not decision.denials
	decision.waived == [{"rule": "r", "id": "CVE-1", "msg": "bad", "at": finding.at, "waiver": 0}]
}

# The denials are told as a list in the order of the set, and the places are those of that list.
test_each_place_is_that_of_its_denial if {
	found := {{"at": {"id": sprintf("CVE-%d", [i])}, "msg": sprintf("%d", [7 - i])} | some i in numbers.range(1, 6)}
	given := [object.union(waiver, {"id": sprintf("CVE-%d", [i])}) | some i in numbers.range(1, 6)]
	decision := decide({"r": rule}, {"deny": {"r": found}}, {"waivers": given})
	count(decision.waived) == 6
	every each in decision.waived {
		decision.denials.r[each.denial].at.id == each.id
		given[each.waiver].id == each.id
	}
}

test_the_first_of_several_waivers_is_told_and_all_are_used if {
	by_purl := object.union(object.remove(waiver, ["id"]), {"purl": "pkg:pypi/*"})
	both := object.union(waiver, {"purl": "pkg:pypi/a@*"})
	others := [object.union(waiver, {"id": "CVE-9"}), by_purl, both, object.union(waiver, {"id": "GHSA-1"}), waiver]
	decision := denied({"waivers": others})
	decision.waived == [{"rule": "r", "id": "CVE-1", "denial": 0, "waiver": 1}]
	[each.state | some each in decision.waivers] == ["unused", "used", "used", "used", "used"]
}

test_a_waiver_of_something_else if {
	every given in [{"id": "CVE-2"}, {"purl": "pkg:npm/*"}, {"purl": "pkg:pypi/b@*"}, {"id": "CVE-1", "purl": "pkg:npm/*"}, {"rule": "other"}] {
		decision := denied({"waivers": [object.union(object.remove(waiver, ["id"]), given)]})
		not decision.allow
	}
}

test_a_waiver_in_a_repository if {
	denied({"waivers": [object.union(waiver, {"repository": "reg.example/team/*"})]}).allow
	denied({"waivers": [object.union(waiver, {"repository": "**"})]}).allow
	not denied({"waivers": [object.union(waiver, {"repository": "reg.example/*"})]}).allow
}

test_a_waiver_out_of_its_time if {
	states := {
		"expired": {"expires": at},
		"pending": {"not_before": "2026-11-03T00:00:00Z"},
		"too_long": {"expires": "2027-11-03T00:00:00Z"},
	}
	every state, given in states {
		decision := denied({"waivers": [object.union(waiver, given)]})
		not decision.allow
		decision.waivers == [{"waiver": 0, "state": state}]
	}
}

test_a_waiver_of_an_integrity_rule if {
	firm := object.union(rule, {"integrity": true})
	decision := decide({"r": firm}, {"deny": {"r": {finding}}}, {"waivers": [waiver]})
	not decision.allow
	decision.waivers == [{"waiver": 0, "state": "refused"}]
}

test_a_waiver_that_ends_soon if {
	decision := denied({"waivers": [object.union(waiver, {"expires": "2026-11-10T00:00:00Z"})]})
	decision.allow
	decision.waivers == [{"waiver": 0, "state": "expiring"}]
}

test_a_waiver_that_is_not_used if {
	decision := decide({"r": rule}, {}, {"waivers": [waiver]})
	decision.waivers == [{"waiver": 0, "state": "unused"}]
}

test_only_the_waived_finding_is_waived if {
	other := {"at": {"id": "CVE-2"}, "msg": "worse"}
	decision := decide({"r": rule}, {"deny": {"r": {finding, other}}}, {"waivers": [waiver]})
	[violation.id | some violation in decision.violations] == ["CVE-2"]
	[violation.id | some violation in decision.waived] == ["CVE-1"]
	decision.rules == [{"name": "r", "status": "violated"}]
}

test_absent_evidence_is_waived_by_its_name_only if {
	absent := {"r": object.union(rule, {"requires": ["ci"]})}
	decide(absent, {}, {"waivers": [object.union(object.remove(waiver, ["id"]), {"evidence": "evidence:ci"})]}).allow
	not decide(absent, {}, {"waivers": [object.union(waiver, {"id": "evidence:ci"})]}).allow
	not decide(absent, {}, {"waivers": [object.union(object.remove(waiver, ["id"]), {"purl": "*"})]}).allow
}

test_a_rule_cannot_pass_a_denial_for_absent_evidence if {
	sly := {"at": {"id": "evidence:ci"}, "msg": "x", "evidence": "ci"}
	named := object.union(object.remove(waiver, ["id"]), {"evidence": "evidence:ci"})
	not decide({"r": rule}, {"deny": {"r": {sly}}}, {"waivers": [named]}).allow
}

leaf(path, steps) := {"path": path, "kind": split(path, ".")[0], "steps": steps, "filled": false}

# Two layers: one has a size, one has not.
leaves := {
	"image.digest": {"asked": leaf("image.digest", [["image", "digest"]]), "there": true},
	"image.name": {"asked": leaf("image.name", [["image", "name"]]), "there": false},
	"image.annotations.a": {"asked": leaf("image.annotations.a", [["image", "annotations", "a"]]), "there": false},
	"tests.status": {"asked": leaf("tests.status", [["tests", "status"]]), "there": true},
	"tests.duration": {"asked": leaf("tests.duration", [["tests", "duration"]]), "there": false},
	"scans, which were not collected": {"asked": leaf("scans.items", [["scans", "items"]]), "there": true},
	"extra, a collection": {"asked": object.union(leaf("extra.review", [["extra", "review"]]), {"kind": "extra.review", "type": "collection"}), "there": false},
	"tags, a collection": {"asked": object.union(leaf("target.tags", [["target", "tags"]]), {"type": "collection"}), "there": true},
	"tags, a number": {"asked": object.union(leaf("target.tags", [["target", "tags"]]), {"type": "number"}), "there": false},
	"registry, a string": {"asked": object.union(leaf("target.registry", [["target", "registry"]]), {"type": "string"}), "there": true},
	"extra, a boolean": {"asked": object.union(leaf("extra.review", [["extra", "review"]]), {"kind": "extra.review", "type": "boolean"}), "there": true},
	"each tag, a string": {"asked": object.union(leaf("target.tags", [["target", "tags"], []]), {"type": "string"}), "there": true},
	"each tag, a number": {"asked": object.union(leaf("target.tags", [["target", "tags"], []]), {"type": "number"}), "there": false},
	"what is in a tag": {"asked": leaf("target.tags.x", [["target", "tags"], ["x"]]), "there": false},
	"registry, another type": {"asked": object.union(leaf("target.registry", [["target", "registry"]]), {"type": "other"}), "there": false},
	"target.tags, filled": {"asked": object.union(leaf("target.tags", [["target", "tags"]]), {"filled": true}), "there": true},
	"reports, not filled": {"asked": object.union(leaf("reports", [["reports"]]), {"filled": true}), "there": false},
	"false": {"asked": object.union(leaf("extra.review", [["extra", "review"]]), {"kind": "extra.review"}), "there": true},
	"one item lacks it": {"asked": leaf("image.layers[].size", [["image", "layers"], ["size"]]), "there": false},
	"there is no item": {"asked": leaf("reports[].kind", [["reports"], ["kind"]]), "there": true},
	"each item has it": {"asked": leaf("image.layers[].files", [["image", "layers"], ["files"]]), "there": true},
	"each item of each": {"asked": leaf("image.layers[].files[].x", [["image", "layers"], ["files"], ["name"]]), "there": true},
	"no item of any": {"asked": leaf("image.layers[].files[].x", [["image", "layers"], ["files"], ["x"]]), "there": false},
	"there is no item with items": {"asked": leaf("reports[].x[].y", [["reports"], ["x"], ["y"]]), "there": true},
	"no array": {"asked": leaf("image.digest[].x", [["image", "digest"], ["x"]]), "there": false},
}

test_a_leaf_is_asked_for_once_its_kind_is_there[name] if {
	some name, case in leaves
	decide({"r": object.union(rule, {"leaves": [case.asked]})}, {}, {}).allow == case.there
}

test_an_absent_leaf_is_waived_by_its_path_only if {
	absent := {"r": object.union(rule, {"leaves": [leaf("tests.duration", [["tests", "duration"]])]})}
	bare := object.remove(waiver, ["id"])
	decide(absent, {}, {"waivers": [object.union(bare, {"evidence": "evidence:tests.duration"})]}).allow
	not decide(absent, {}, {"waivers": [object.union(bare, {"evidence": "evidence:tests"})]}).allow
	not decide(absent, {}, {"waivers": [object.union(waiver, {"id": "evidence:tests.duration"})]}).allow
}

test_an_index_without_leaves_never_allows if {
	not decide({"r": object.remove(rule, ["leaves"])}, {}, {}).allow
	not decide({"r": object.union(rule, {"requires": null})}, {}, {}).allow
}

approved(principals, ci) := decision if {
	signed := object.union(waiver, {"quorum": {"needs": 2, "approved": principals}})
	decision := main.decision with input as object.union(document, {"ci": ci})
		with data.pushpolicy.index as index({"r": rule}, {"deny": {"r": {finding}}})
		with data.pushpolicy.waivers as {"max_days": 90, "waivers": [signed]}
		with data.pushpolicy.enforcement as {}
}

proven := {"status": "collected", "actor": "Eve", "trust": {"actor": "verified"}}

ann := {"principal": "ann"}

bob := {"principal": "bob", "not_before": "2026-11-01T00:00:00Z", "not_after": later}

test_a_waiver_with_its_quorum_waives if {
	approved([ann, bob], proven).allow
	approved([ann, bob, {"principal": "eve"}], proven).allow
}

test_a_waiver_without_its_quorum_waives_nothing if {
	every principals in [
		[], [ann], [ann, {"principal": "ANN"}],
		[ann, {"principal": "eve"}],
		[ann, object.union(bob, {"not_before": later})],
		[ann, object.union(bob, {"not_after": at})],
	] {
		decision := approved(principals, proven)
		not decision.allow
		decision.waivers == [{"waiver": 0, "state": "refused"}]
	}
}

test_nobody_approves_where_it_is_not_proven_who_pushes if {
	every ci in [
		object.union(proven, {"status": "failed"}),
		object.union(proven, {"trust": {"actor": "asserted"}}),
		object.union(proven, {"actor": ""}),
		object.remove(proven, ["actor"]),
	] {
		not approved([ann, bob], ci).allow
	}
}
