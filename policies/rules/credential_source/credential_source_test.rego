package pushpolicy.rules.credential_source_test

import data.pushpolicy.rules.credential_source
import rego.v2

_sources := ["workload-identity", "platform-token", "secret-env", "helper", "file"]

_found(registry, credentials, sources) := {found.at.id |
	some found in credential_source.deny with input.target.registry as registry
		with input.credentials as object.union({"status": "collected", "literal_in": []}, credentials)
		with data.settings.credential_source as {"sources": sources}
}

# What is denied, and what warned of, for a credential of a file that others cannot open, with one more setting.
_asked(credentials, settings) := {"deny": _ids(denied), "warn": _ids(warned)} if {
	private := {
		"status": "collected", "source": "file", "literal_in": [],
		"path": "/c", "tracked_by_git": false, "others_may": "nothing", "on_command_line": false,
	}
	evidence := object.union(private, credentials)
	chosen := object.union({"sources": _sources}, settings)
	denied := credential_source.deny with input.target as {"registry": "r.example.com", "repository": "team/app"}
		with input.credentials as evidence
		with data.settings.credential_source as chosen
	warned := credential_source.warn with input.credentials as evidence
		with data.settings.credential_source as chosen
}

_ids(findings) := {found.at.id | some found in findings}

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

test_records_are_judged_too[name] if {
	some name, case in {
		"as the target's": {"records": {"source": "helper", "written_in": []}, "ids": set()},
		"anonymous on this machine": {
			"records": {"registry": "localhost:5000", "source": "anonymous", "written_in": []},
			"ids": set(),
		},
		"anonymous elsewhere": {
			"records": {"source": "anonymous", "written_in": []},
			"ids": {"records/anonymous"},
		},
		"left out": {"records": {"source": "file", "written_in": []}, "ids": {"records/file"}},
		"written down": {
			"records": {"source": "literal", "written_in": ["ci.yml"]},
			"ids": {"records/literal", "records/written"},
		},
		"found through a file of the repository": {
			"records": {"source": "helper", "written_in": ["config.json"]},
			"ids": {"records/written"},
		},
	}
	records := object.union({"registry": "audit.example.com"}, case.records)
	_found("r.example.com", {"source": "helper", "records": records}, ["helper"]) == case.ids
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

test_foreign_token if _asked({"source": "foreign", "issued_by": "docker"}, {}).deny == {"source/foreign"}

test_foreign_token_whatever_the_settings_say if {
	_asked({"source": "foreign"}, {"sources": ["foreign"]}).deny == {"source/foreign"}
}

test_ephemeral_wanted[name] if {
	some name, case in {
		"is": {"credentials": {"ephemeral": true}, "ids": set()},
		"is not": {"credentials": {"ephemeral": false}, "ids": {"long-lived"}},
		"does not tell": {"credentials": {}, "ids": {"long-lived"}},
		"no source is known": {"credentials": {"source": "other"}, "ids": {"long-lived", "source/other"}},
	}
	_asked(case.credentials, {"ephemeral": true}).deny == case.ids
	not "long-lived" in _asked(case.credentials, {"ephemeral": false}).deny
}

test_nothing_is_asked_of_none[source] if {
	some source in ["none", "anonymous"]
	found := _asked({"source": source}, {"ephemeral": true, "scope": "repository", "command_line": "deny"})
	found.deny == {$"source/{source}"}
}

test_scope_wanted[name] if {
	some name, case in {
		"this one": {"credentials": {"scope": "repository", "push_to": ["team/app"]}, "ids": set()},
		"another": {"credentials": {"scope": "repository", "push_to": ["team/other"]}, "ids": {"scope"}},
		"two": {"credentials": {"scope": "repositories", "push_to": ["team/app", "team/other"]}, "ids": {"scope"}},
		"all": {"credentials": {"scope": "registry", "push_to": ["*"]}, "ids": {"scope"}},
		"none": {"credentials": {"scope": "repositories", "push_to": []}, "ids": {"scope"}},
		"does not tell": {"credentials": {}, "ids": {"scope"}},
		"one of which another got lost": {
			"credentials": {"scope": "repositories", "push_to": ["team/app"]},
			"ids": {"scope"},
		},
	}
	_asked(case.credentials, {"scope": "repository"}).deny == case.ids
	_asked(case.credentials, {"scope": "any"}).deny == set()
}

test_what_others_may_see[name] if {
	some name, case in {
		"a file": {"credentials": {"others_may": "read"}, "setting": "others_may_open", "id": "others-may-open"},
		"a file to write": {"credentials": {"others_may": "write"}, "setting": "others_may_open", "id": "others-may-open"},
		"a command": {"credentials": {"on_command_line": true}, "setting": "command_line", "id": "command-line"},
	}
	_asked(case.credentials, {case.setting: "warn"}) == {"deny": set(), "warn": {case.id}}
	_asked(case.credentials, {case.setting: "deny"}) == {"deny": {case.id}, "warn": set()}
	_asked({}, {case.setting: "deny"}) == {"deny": set(), "warn": set()}
}

test_what_is_not_known_is_denied_where_it_counts[setting] if {
	some setting, case in {
		"others_may_open": {"field": "others_may", "id": "others-may-open"},
		"command_line": {"field": "on_command_line", "id": "command-line"},
	}
	evidence := object.remove(
		{
			"status": "collected", "source": "file", "literal_in": [],
			"path": "/c", "tracked_by_git": false, "others_may": "nothing", "on_command_line": false,
		},
		[case.field],
	)
	found := credential_source.deny with input.target as {"registry": "r.example.com", "repository": "team/app"}
		with input.credentials as evidence
		with data.settings.credential_source as {"sources": _sources, setting: "deny"}
	_ids(found) == {case.id}
}

test_records_that_are_long_lived[name] if {
	some name, case in {
		"short-lived": {"records": {"source": "file", "ephemeral": true}, "ids": set()},
		"long-lived": {"records": {"source": "file", "ephemeral": false}, "ids": {"records/long-lived"}},
		"does not tell": {"records": {"source": "file"}, "ids": {"records/long-lived"}},
	}
	records := object.union({"registry": "audit.example.com", "written_in": []}, case.records)
	_asked({"ephemeral": true, "records": records}, {"ephemeral": true}).deny == case.ids
	_asked({"ephemeral": true, "records": records}, {"ephemeral": false}).deny == set()
}

test_records_are_asked_what_the_target_is[name] if {
	file := {"source": "file", "path": "/a"}
	some name, case in {
		"one repository": {"records": {"source": "helper", "scope": "repository"}, "asks": "scope", "ids": set()},
		"several": {"records": {"source": "helper", "scope": "repositories"}, "asks": "scope", "ids": {"scope"}},
		"does not tell": {"records": {"source": "helper"}, "asks": "scope", "ids": {"scope"}},
		"none": {"records": {"source": "anonymous"}, "asks": "scope", "ids": set()},
		"closed": {
			"records": object.union(file, {"others_may": "nothing"}),
			"asks": "others_may_open",
			"ids": set(),
		},
		"open": {
			"records": object.union(file, {"others_may": "read"}),
			"asks": "others_may_open",
			"ids": {"others-may-open"},
		},
		"not known": {"records": file, "asks": "others_may_open", "ids": {"others-may-open"}},
		"a helper's file, not known": {
			"records": {"source": "helper", "path": "/a"},
			"asks": "others_may_open",
			"ids": {"others-may-open"},
		},
		"no file": {"records": {"source": "secret-env"}, "asks": "others_may_open", "ids": set()},
		"hidden": {
			"records": {"source": "helper", "on_command_line": false},
			"asks": "command_line",
			"ids": set(),
		},
		"shown": {
			"records": {"source": "helper", "on_command_line": true},
			"asks": "command_line",
			"ids": {"command-line"},
		},
		"may be shown": {"records": {"source": "helper"}, "asks": "command_line", "ids": {"command-line"}},
	}
	records := object.union({"registry": "localhost:5000", "written_in": []}, case.records)
	own := {"scope": "repository", "push_to": ["team/app"]}
	wanted := {"scope": "repository", "others_may_open": "deny", "command_line": "deny"}[case.asks]
	_asked(object.union(own, {"records": records}), {case.asks: wanted}).deny == {$"records/{id}" | some id in case.ids}
}

test_records_warn_of_what_others_see[name] if {
	some name, case in {
		"open": {"records": {"others_may": "write"}, "id": "others-may-open", "key": "others_may_open"},
		"shown": {"records": {"on_command_line": true}, "id": "command-line", "key": "command_line"},
	}
	records := object.union({"registry": "localhost:5000", "source": "file", "written_in": []}, case.records)
	_asked({"records": records}, {case.key: "warn"}).warn == {$"records/{case.id}"}
}

test_declared_wanted[name] if {
	some name, case in {
		"is": {"credentials": {"source": "secret-env", "declared_in": "ci.yml"}, "ids": set()},
		"is not": {"credentials": {"source": "secret-env"}, "ids": {"not-declared"}},
		"is no variable": {"credentials": {"source": "helper"}, "ids": set()},
	}
	_asked(case.credentials, {"declared": true}).deny == case.ids
	_asked(case.credentials, {"declared": false}).deny == set()
}

test_one_that_comes_from_no_file_is_closed if {
	without := {"status": "collected", "source": "secret-env", "literal_in": [], "on_command_line": false}
	found := credential_source.deny with input.target as {"registry": "r.example.com", "repository": "team/app"}
		with input.credentials as without
		with data.settings.credential_source as {"sources": _sources, "others_may_open": "deny"}
	found == set()
}

test_deny_says_whose_command_line_shows_it[text] if {
	some text, credentials in {
		"command line of [\"make\"],": {"on_command_line": true, "command_line_of": ["make"]},
		"stands on a command line, which every": {"on_command_line": true},
	}
	some found in credential_source.warn
		with input.credentials as object.union({"status": "collected", "source": "secret-env"}, credentials)
		with data.settings.credential_source as {"sources": _sources, "command_line": "warn"}
	contains(found.msg, text)
}

test_one_that_was_there_before_the_decision[name] if {
	some name, case in {
		"a secret": {"credentials": {"source": "secret-env"}, "times": 1},
		"a job's token": {"credentials": {"source": "workload-identity", "login": {"kind": "job-token"}}, "times": 1},
		"one that was exchanged": {"credentials": {"source": "workload-identity", "login": {"kind": "x"}}, "times": 0},
		"none": {"credentials": {"source": "none"}, "times": 0},
	}
	found := credential_source.deny with input.target as {"registry": "r.example.com", "repository": "team/app"}
		with input.credentials as object.union({"status": "collected", "literal_in": []}, case.credentials)
		with data.settings.credential_source as {"sources": _sources, "exchanged": true}
	count({"not-exchanged"} & _ids(found)) == case.times
}
