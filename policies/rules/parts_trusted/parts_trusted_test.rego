package pushpolicy.rules.parts_trusted_test

import data.pushpolicy.rules.parts_trusted
import rego.v2

_identity := {"assurance": "verified", "whole": true, "configuration": {"path": "a/b", "ref": "refs/tags/v1", "commit": "c"}}

_report := {"path": "p:x", "kind": "scans", "name": "x", "part": "p"}

_jobs(job) := [object.union({"path": "a/b", "at": "c", "brings": ["scans"]}, job)]

_found(case) := {found.at.id |
	some found in parts_trusted.deny with input.reports as [object.union(_report, object.get(case, "report", {}))]
		with input.ci.parts as [{"name": "p", "identity": object.union(_identity, object.get(case, "identity", {}))}]
		with input.image.attestations as object.get(case, "attestations", [])
		with input.image.attached as object.get(case, "attached", [])
		with data.settings.parts_trusted.jobs as _jobs(object.get(case, "job", {}))
}

test_deny_when[name] if {
	some name, case in {
		"another part": {"report": {"part": "q"}},
		"another file": {"job": {"path": "a/c"}},
		"another commit": {"job": {"at": "d"}},
		"asserted": {"identity": {"assurance": "asserted", "reason": "none"}},
		"replayable": {"identity": {"assurance": "replayable"}},
		"half": {"identity": {"whole": false}},
		"no revision": {"identity": {"configuration": {"commit": "", "ref": ""}}},
	}
	_found(case) == {"p:x/scans"}
}

test_allow_when[name] if {
	some name, case in {
		"by commit": {},
		"by tag": {"job": {"at": "refs/tags/v1"}},
		"another kind": {"report": {"kind": "tests", "part": "q"}},
		"provenance is not judged": {"attestations": [{"digest": "d"}]},
	}
	_found(case) == set()
}

test_deny_what_lies_in_the_image if {
	_found({"job": {"brings": ["scans", "sbom"]}, "attestations": [{"digest": "d"}]}) == {"d/sbom"}
}

test_deny_what_is_attached_and_unsigned[name] if {
	some name, case in {
		"unverified": {"attached": {"verified": false, "place": "p", "unverified": "u"}, "ids": {"d/sbom"}},
		"verified": {"attached": {"verified": true, "place": "p"}, "ids": set()},
	}
	_found({"job": {"brings": ["scans", "sbom"]}, "attached": [object.union(case.attached, {"digest": "d"})]}) == case.ids
}

test_deny_without_a_part if {
	found := parts_trusted.deny with input.reports as [object.remove(_report, ["part"])]
		with data.settings.parts_trusted.jobs as _jobs({})
	{each.at.id | some each in found} == {"p:x/scans"}
}

test_deny_a_capture_of_another[name] if {
	some name, case in {"no part": {"part": "", "ids": {"c/captures"}}, "the part": {"part": "p", "ids": set()}}
	capture := {"path": "c", "kind": "captures", "name": "c", "part": case.part}
	found := parts_trusted.deny with input.reports as [_report, capture]
		with input.ci.parts as [{"name": "p", "identity": _identity}]
		with data.settings.parts_trusted.jobs as _jobs({})
	{each.at.id | some each in found} == case.ids
}

test_not_applicable_when_no_job_is_named if {
	found := parts_trusted.not_applicable with data.settings.parts_trusted.jobs as []
	found == {"the setting jobs names none"}
}

test_deny_tells_the_revision_that_is_known[words] if {
	some words, at in {"at r\"": {"ref": "r"}, "at an unknown commit": {}}
	identity := object.union(_identity, {"configuration": null})
	job := object.union({"path": "z"}, at)
	found := parts_trusted.deny with input.reports as [_report]
		with input.ci.parts as [{"name": "p", "identity": object.union(identity, {"configuration": job})}]
		with data.settings.parts_trusted.jobs as _jobs({})
	some each in found
	contains(each.msg, words)
}
