package pushpolicy.rules.packages_forbidden_test

import data.pushpolicy.rules.packages_forbidden
import rego.v2

_denied(component, forbidden) := {violation.msg |
	some violation in packages_forbidden.deny with input.sbom.components as [object.union({"sbom": "app"}, component)]
		with data.settings.packages_forbidden.forbidden as [forbidden]
}

_cases := {
	"pkg:npm/event-stream": {
		"same": ["pkg:npm/event-stream@3.3.6", "pkg:npm/Event-Stream", "pkg:npm/event-stream@1?arch=x#a/b"],
		"other": ["pkg:npm/event-stream2@1", "pkg:npm/%40a/event-stream@1", "pkg:gem/event-stream@1"],
	},
	"pkg:npm/@scope/*": {
		"same": ["pkg:npm/%40scope/a@1", "pkg:npm/@scope/b", "pkg:npm/%40SCOPE/c@2"],
		"other": ["pkg:npm/a@1", "pkg:npm/%40scope2/a@1"],
	},
	"pkg:pypi/Foo_Bar@1.*": {
		"same": ["pkg:pypi/foo-bar@1.2", "pkg:pypi/foo.bar@1.0.0"],
		"other": ["pkg:pypi/foo-bar@2.1", "pkg:pypi/foobar@1.2", "pkg:pypi/foo-bar"],
	},
	"pkg:golang/example.com/a/b@1.2.3": {
		"same": ["pkg:golang/example.com/a/b@v1.2.3"],
		"other": ["pkg:golang/example.com/a/b@v1.2.4", "pkg:golang/example.com/a@v1.2.3"],
	},
	"pkg:maven/org.example/**": {
		"same": ["pkg:maven/org.example/core@1.0"],
		"other": ["pkg:maven/org.examples/core@1.0"],
	},
}

test_the_same_package[purl] if {
	some forbidden, purls in _cases
	some purl in purls.same
	_denied({"name": "x", "purl": purl}, forbidden) == {$"app: {purl} is in the image; {forbidden} is forbidden"}
}

test_another_package if {
	every forbidden, purls in _cases {
		every purl in purls.other {
			_denied({"name": "x", "purl": purl}, forbidden) == set()
		}
	}
}

test_without_a_purl_the_name_decides if {
	every name in ["event-stream", "Event_Stream", "a/event-stream", "org:event-stream"] {
		_denied({"name": name}, "pkg:npm/event-stream@3.3.6") == {$"app: {name} is in the image; pkg:npm/event-stream@3.3.6 is forbidden"}
	}
	_denied({"name": "events"}, "pkg:npm/event-stream") == set()
}

test_none_is_named if {
	packages_forbidden.not_applicable == {"the setting forbidden names none"} with data.settings.packages_forbidden.forbidden as []
}
