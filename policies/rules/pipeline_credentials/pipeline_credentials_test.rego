package pushpolicy.rules.pipeline_credentials_test

import data.pushpolicy.rules.pipeline_credentials
import rego.v2

_rules := [
	"login-literal", "login-stdin-literal", "creds-literal", "basic-auth-literal", "option-literal", "input-literal",
	"variable-literal", "config-literal", "docker-auth", "url-literal", "token", "private-key", "secret-on-command-line",
	"login-beside-untrusted-code", "unpinned-action", "persisted-credentials", "copied-credentials",
]

_pipeline(key, rule) := object.union(
	{"status": "collected", "files": ["a.yml"], "findings": [], "risks": []},
	{key: [{"file": "a.yml", "line": 3, "rule": rule}]},
)

_clean := {"status": "collected", "source": "secret-env", "literal_in": []}

test_deny_what_the_setting_names[name] if {
	some rule in _rules
	some key in ["findings", "risks"]
	name := $"{rule} in {key}"
	found := pipeline_credentials.deny with input.pipeline as _pipeline(key, rule)
		with input.credentials as _clean
		with data.settings.pipeline_credentials as {"deny": [rule]}
	{violation.at.id | some violation in found} == {$"{rule}/a.yml:3"}
	warned := pipeline_credentials.warn with input.pipeline as _pipeline(key, rule)
		with data.settings.pipeline_credentials as {"deny": [rule]}
	warned == set()
}

test_warn_of_everything_else[name] if {
	some rule in _rules
	some key in ["findings", "risks"]
	name := $"{rule} in {key}"
	found := pipeline_credentials.warn with input.pipeline as _pipeline(key, rule)
		with data.settings.pipeline_credentials as {"deny": []}
	some violation in found
	violation.at.id == $"{rule}/a.yml:3"
	not endswith(violation.msg, $": {rule}")
	denied := pipeline_credentials.deny with input.pipeline as _pipeline(key, rule)
		with input.credentials as _clean
		with data.settings.pipeline_credentials as {"deny": []}
	denied == set()
}

test_deny_the_credential_in_a_tracked_file if {
	found := pipeline_credentials.deny with input.credentials as {"status": "collected", "literal_in": ["b.sh:1"]}
		with input.pipeline as _pipeline("findings", "token")
		with data.settings.pipeline_credentials as {"deny": []}
	{violation.at.id | some violation in found} == {"verbatim/b.sh:1"}
}

test_a_rule_without_words_is_named if {
	found := pipeline_credentials.warn with input.pipeline as _pipeline("risks", "later")
		with data.settings.pipeline_credentials as {"deny": []}
	{violation.msg | some violation in found} == {"a.yml:3: reported as later"}
}

_reported(tool, rule) := {"status": "collected", "files": [], "risks": [], "findings": [{
	"file": "a.yml",
	"line": 3,
	"rule": $"{tool}/{rule}",
	"tool": tool,
}]}

test_deny_what_a_report_lists_by_its_tool_or_its_rule[name] if {
	some tool in ["zizmor", "gitleaks", "detect-secrets"]
	some name in [tool, $"{tool}/token"]
	found := pipeline_credentials.deny with input.pipeline as _reported(tool, "token")
		with input.credentials as _clean
		with data.settings.pipeline_credentials as {"deny": [name]}
	{violation.at.id | some violation in found} == {$"{tool}/token/a.yml:3"}
	warned := pipeline_credentials.warn with input.pipeline as _reported(tool, "token")
		with data.settings.pipeline_credentials as {"deny": [name]}
	warned == set()
}

test_warn_of_what_a_report_lists_and_no_setting_names[name] if {
	some name in ["token", "gitleaks/other", "zizmor"]
	found := pipeline_credentials.warn with input.pipeline as _reported("gitleaks", "token")
		with data.settings.pipeline_credentials as {"deny": [name]}
	{violation.msg | some violation in found} == {"a.yml:3: reported as gitleaks/token"}
	denied := pipeline_credentials.deny with input.pipeline as _reported("gitleaks", "token")
		with input.credentials as _clean
		with data.settings.pipeline_credentials as {"deny": [name]}
	denied == set()
}

# The system denies then.
test_nothing_to_judge_when_not_collected[status] if {
	some status in ["missing", "failed"]
	found := pipeline_credentials.deny with input.pipeline as {"status": status, "reason": "none"}
		with input.credentials as {"status": status, "reason": "none"}
		with data.settings.pipeline_credentials as {"deny": _rules}
	found == set()
}
