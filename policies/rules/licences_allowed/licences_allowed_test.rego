package pushpolicy.rules.licences_allowed_test

import data.pushpolicy.rules.licences_allowed
import rego.v2

_both := {"allowed": ["MIT", "BSD-*", "GPL-2.0-only WITH Classpath-exception-2.0"], "denied": ["*GPL-*"], "unnamed": ["base-*"]}

_denied(component, settings) := {violation.msg |
	some violation in licences_allowed.deny
		with input.sbom.components as [object.union({"sbom": "app", "name": "a"}, component)]
		with data.settings.licences_allowed as settings
}

_allows(expression) if _denied({"expression": expression, "licences": ["MIT"]}, _both) == set()

test_what_is_allowed if {
	every expression in [
		"MIT",
		"mit",
		"MIT OR GPL-3.0-only",
		"GPL-3.0-only OR (MIT AND BSD-3-Clause)",
		"(MIT OR GPL-2.0) AND (X OR BSD-2-Clause)",
		"((((((MIT))))))",
		"GPL-2.0 with Classpath-exception-2.0",
		"MIT WITH Some-exception",
		"MIT AND BSD-2-Clause OR X AND Y",
		"X AND Y OR MIT",
	] {
		_allows(expression)
	}
}

test_what_is_not if {
	every expression in [
		"GPL-3.0-only",
		"MIT AND GPL-3.0-only",
		"MIT AND (BSD-3-Clause OR X) AND AGPL-3.0-only",
		"GPL-2.0-or-later WITH Classpath-exception-2.0",
		"X WITH Classpath-exception-2.0",
		"MIT-0",
		"X OR Y",
		"MIT AND X OR Y",
		"(MIT",
		"MIT)",
		"MIT OR",
		"AND",
		"()",
		"MIT BSD-3-Clause",
		"((((((((((MIT))))))))))",
		"1",
	] {
		not _allows(expression)
	}
}

test_old_spellings_of_the_gnu_licences if {
	settings := {"allowed": ["GPL-2.0+", "LGPL-2.1"], "denied": [], "unnamed": []}
	every licence in ["GPL-2.0-or-later", "gpl-2.0+", "LGPL-2.1-only", "LGPL-2.1"] {
		_denied({"licences": [licence]}, settings) == set()
	}
	every licence in ["GPL-2.0", "GPL-2.0-only", "LGPL-2.1+"] {
		count(_denied({"licences": [licence]}, settings)) == 1
	}
}

test_a_list_holds_together if {
	_denied({"licences": ["MIT", "BSD-3-Clause"]}, _both) == set()
	count(_denied({"licences": ["MIT", "GPL-3.0-only"]}, _both)) == 1
}

test_only_denied_ones if {
	settings := {"allowed": [], "denied": ["AGPL-*"], "unnamed": []}
	_denied({"licences": ["X"]}, settings) == set()
	_denied({"licences": ["AGPL-3.0"], "version": "1"}, settings) == {"app: a@1 is under AGPL-3.0; denied are [\"AGPL-*\"]"}
}

test_only_allowed_ones if {
	settings := {"allowed": ["MIT"], "denied": [], "unnamed": []}
	found := _denied({"expression": "X OR Y", "purl": "pkg:npm/a"}, settings)
	found == {"app: pkg:npm/a is under X OR Y; allowed are [\"MIT\"]"}
}

test_one_that_names_no_licence if {
	every licences in [{}, {"licences": []}] {
		some msg in _denied(licences, _both)
		startswith(msg, "app: a is under no licence that it names; allowed are")
		_denied(object.union({"name": "base-files"}, licences), _both) == set()
	}
	count(_denied({"name": "base-files", "licences": ["X"]}, _both)) == 1
	count(_denied({"name": "base-files", "expression": "X OR Y"}, _both)) == 1
}

test_without_settings_nothing_is_judged if {
	settings := {"allowed": [], "denied": [], "unnamed": []}
	_denied({"licences": ["X"]}, settings) == set()
	licences_allowed.not_applicable == {"the settings allow and deny none"} with data.settings.licences_allowed as settings
}
