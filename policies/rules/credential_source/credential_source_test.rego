package pushpolicy.rules.credential_source_test

import data.pushpolicy.rules.credential_source
import rego.v2

_sources := ["workload-identity", "platform-token", "secret-env", "helper", "file"]

_found(registry, credentials, sources) := {found.at.id |
	some found in credential_source.deny with input.target.registry as registry
		with input.credentials as object.union({"status": "collected", "literal_in": []}, credentials)
		with data.settings.credential_source as {"sources": sources}
}

test_allow_when_of_source[source] if {
	some source in _sources
	_found("r.example.com", {"source": source, "path": "/home/ci/auth.json", "tracked_by_git": false}, _sources) == set()
}

test_allow_without_a_file[source] if {
	some source in ["workload-identity", "platform-token", "secret-env", "helper"]
	_found("r.example.com", {"source": source}, _sources) == set()
}

test_allow_anonymous_when_loopback[registry] if {
	some registry in ["localhost", "localhost:5000", "127.0.0.1:5000", "127.8.9.1", "[::1]:5000"]
	_found(registry, {"source": "anonymous"}, []) == set()
}

test_allow_none_when_layout if _found("oci", {"source": "none"}, []) == set()

test_deny_anonymous_when_elsewhere[registry] if {
	some registry in [
		"r.example.com", "localhost.example.com", "127.0.0.1.example.com", "127.0.0.1.nip.io:5000",
		"[::1].example.com", "[::2]:5000", "xlocalhost", "localhost:5000x", "localhost:", "oci",
	]
	_found(registry, {"source": "anonymous"}, _sources) == {"source/anonymous"}
}

test_deny_when[name] if {
	some name, case in {
		"nothing is known": {"credentials": {}, "ids": {"source/<undefined>"}},
		"literal": {"credentials": {"source": "literal"}, "ids": {"source/literal"}},
		"written down elsewhere": {
			"credentials": {"source": "secret-env", "literal_in": ["ci.yml"]},
			"ids": {"literal"},
		},
		"none for a registry": {"credentials": {"source": "none"}, "ids": {"source/none"}},
		"a file that git tracks": {
			"credentials": {"source": "file", "path": "a", "tracked_by_git": true},
			"ids": {"tracked-by-git"},
		},
		"a file that git may track": {"credentials": {"source": "file", "path": "a"}, "ids": {"tracked-by-git"}},
		"a file without a path": {"credentials": {"source": "file"}, "ids": {"tracked-by-git"}},
		"a helper that a tracked file names": {
			"credentials": {"source": "helper", "tracked_by_git": true},
			"ids": {"tracked-by-git"},
		},
	}
	_found("r.example.com", case.credentials, _sources) == case.ids
}

test_deny_when_left_out[source] if {
	some source in ["workload-identity", "platform-token", "secret-env", "helper"]
	_found("r.example.com", {"source": source}, ["file"]) == {$"source/{source}"}
}

test_deny_whatever_the_settings_say[source] if {
	some source in ["literal", "anonymous", "none"]
	_found("r.example.com", {"source": source}, [source]) == {$"source/{source}"}
}

test_deny_when_layout_has_a_credential[source] if {
	some source in _sources
	found := _found("oci", {"source": source, "tracked_by_git": false}, _sources)
	found == {$"source/{source}"}
}

test_deny_when_nobody_searched_for_literals if {
	found := credential_source.deny with input.target.registry as "r.example.com"
		with input.credentials as {"status": "collected", "source": "secret-env"}
		with data.settings.credential_source as {"sources": _sources}
	{violation.at.id | some violation in found} == {"literal"}
}

test_deny_says_what_is_allowed[name] if {
	some name, case in {
		"oci": "allowed are none, since a layout needs no credential",
		"localhost:5000": `allowed are ["file"] and anonymous`,
		"r.example.com": `allowed are ["file"]`,
	}
	some found in credential_source.deny with input.target.registry as name
		with input.credentials as {"status": "collected", "source": "literal", "literal_in": []}
		with data.settings.credential_source as {"sources": ["file"]}
	endswith(found.msg, case)
}

# The system denies then.
test_nothing_to_judge_when_not_collected[status] if {
	some status in ["missing", "failed"]
	found := credential_source.deny
		with input.credentials as {"status": status, "reason": "none"}
		with input.target.registry as "r.example.com"
		with data.settings.credential_source as {"sources": _sources}
	found == set()
}
