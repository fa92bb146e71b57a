package pushpolicy.rules.commit_matches_test

import data.pushpolicy.rules.commit_matches
import rego.v2

_commit := "1111111111111111111111111111111111111111"

_good := {
	"ci": {"status": "collected", "commit": _commit},
	"source": {"status": "collected", "commit": _commit},
	"image": _image({"org.opencontainers.image.revision": _commit}, "label"),
}

_image(labels, bound) := {
	"platforms": [{"platform": "linux/amd64", "labels": labels}],
	"bound_to_commit": bound,
}

_denied(document, required) := {found.at.id |
	some found in commit_matches.deny with input as document
		with data.settings.commit_matches as {"require_label": required}
}

_warned(document, required) := {found.at.id |
	some found in commit_matches.warn with input as document
		with data.settings.commit_matches as {"require_label": required}
}

test_allow_when_all_agree[required] if {
	some required in [false, true]
	_denied(_good, required) == set()
	_warned(_good, required) == set()
}

test_deny_when[name] if {
	some name, case in {
		"nothing is known": {"but": {"ci": {"status": "collected"}, "source": {"status": "collected"}}, "ids": {"ci.commit", "linux/amd64/label"}},
		"the CI run is of another": {"but": {"ci": {"status": "collected", "commit": "2"}}, "ids": {"ci.commit"}},
		"the CI run is of none": {"but": {"ci": {"status": "collected"}}, "ids": {"ci.commit"}},
		"the checkout is another": {
			"but": {"source": {"status": "collected", "commit": "2"}},
			"ids": {"ci.commit", "linux/amd64/label"},
		},
		"the image is of another": {
			"but": {"image": _image({"org.opencontainers.image.revision": "2"}, "label")},
			"ids": {"linux/amd64/label"},
		},
		"the label is short": {
			"but": {"image": _image({"org.opencontainers.image.revision": substring(_commit, 0, 12)}, "label")},
			"ids": {"linux/amd64/label"},
		},
		"the label is empty": {
			"but": {"image": _image({"org.opencontainers.image.revision": ""}, "label")},
			"ids": {"linux/amd64/label"},
		},
		"the label got lost": {"but": {"image": _image({}, "label")}, "ids": {"linux/amd64/no-label"}},
		"there is no platform": {
			"but": {"image": {"platforms": [], "bound_to_commit": "none"}},
			"ids": {"image/platforms"},
		},
	}
	_denied(_but(case.but), false) == case.ids
}

test_unlabelled[bound] if {
	some bound in ["none", "provenance"]
	document := _but({"image": _image({}, bound)})
	_warned(document, false) == {"linux/amd64/no-label"}
	_denied(document, false) == set()
	_warned(document, true) == set()
	_denied(document, true) == {"linux/amd64/no-label"}
}

test_deny_when_one_platform_is_unlabelled if {
	image := {
		"platforms": [
			{"platform": "linux/amd64", "labels": {"org.opencontainers.image.revision": _commit}},
			{"platform": "linux/arm64", "labels": {}},
		],
		"bound_to_commit": "label",
	}
	_denied(_but({"image": image}), false) == {"linux/arm64/no-label"}
}

test_deny_when_there_are_no_settings if {
	found := commit_matches.deny with input as _but({"image": _image({}, "none")}) with data.settings as {}
	count(found) == 1
}

# Whole kinds are replaced, so that fields can be left out.
_but(kinds) := object.union(object.remove(_good, object.keys(kinds)), kinds)

# The system denies then.
test_nothing_to_judge_when_not_collected[kind] if {
	some kind in ["ci", "source"]
	_denied(_but({kind: {"status": "missing", "reason": "none"}}), false) == set()
}
