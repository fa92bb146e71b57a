# METADATA
# title: No credential is written into the pipeline's own files
# description: >-
#   The credential of the push stands in no file that git tracks, verbatim: that is denied. Beside it the files of the pipeline
#   (workflows, Dockerfiles, compose files, scripts that they call, docker's configuration) are read for credentials that are
#   written down; that is a heuristic and warns, unless the setting denies it. So do logins that others can look into: a
#   secret on a command line, a login beside code of a pull request, an action, plugin or include that is not pinned,
#   credentials that a checkout leaves behind. What reports of zizmor, gitleaks and detect-secrets list is judged in the same way; they are
#   never run.
# custom:
#   severity: high
#   collections: [default, strict]
#   controls: [SSDF PO.3.2, OSPS BR-07.01, OSPS AC-04.02]
#   fix: >-
#     Move the credential into the CI system's secret store, refer to it there, and revoke the one that git's history shows.
#     Hand a password to a login by standard input: echo "$PASSWORD" | docker login --username "$USER" --password-stdin.
#   settings:
#     deny:
#       type: array
#       stricter: superset
#       items:
#         type: string
#         pattern: "^(login-literal|login-stdin-literal|creds-literal|basic-auth-literal|option-literal|input-literal|variable-literal|config-literal|docker-auth|url-literal|token|private-key|secret-on-command-line|login-beside-untrusted-code|unpinned-action|persisted-credentials|copied-credentials|(zizmor|gitleaks|detect-secrets)(/.+)?)$"
#       default: []
#       description: "Which findings and risks deny, by their rule, or of a report by its tool or TOOL/RULE; the others warn."
package pushpolicy.rules.pipeline_credentials

import rego.v2

deny contains {"at": {"id": $"verbatim/{place}"}, "msg": msg} if {
	some place in input.credentials.literal_in
	msg := $"the credential of this push stands in {place}, which git tracks; it may stand in no such file"
}

deny contains {"at": {"id": _id(found)}, "msg": _told(found)} if {
	some found in input.pipeline.findings
	_is_denied(found)
}

deny contains {"at": {"id": _id(found)}, "msg": _told(found)} if {
	some found in input.pipeline.risks
	_is_denied(found)
}

warn contains {"at": {"id": _id(found)}, "msg": _told(found)} if {
	some found in input.pipeline.findings
	not _is_denied(found)
}

warn contains {"at": {"id": _id(found)}, "msg": _told(found)} if {
	some found in input.pipeline.risks
	not _is_denied(found)
}

# The rule of a report is TOOL/RULE.
_is_denied(found) if found.rule in data.settings.pipeline_credentials.deny

_is_denied(found) if split(found.rule, "/")[0] in data.settings.pipeline_credentials.deny

_id(found) := $"{found.rule}/{found.file}:{found.line}"

_told(found) := $"{found.file}:{found.line}: {_what(found.rule)}"

_what(rule) := _words[rule] if _words[rule]

else := $"reported as {rule}"

_words := {
	"login-literal": "a login with a password that is written down; use --password-stdin and a secret of the CI system",
	"login-stdin-literal": "a password that is written down is handed to a login; take it from the secret store",
	"creds-literal": "user:password of a registry is written down; log in with a secret of the CI system first",
	"basic-auth-literal": "user:password of a request is written down; take it from the secret store",
	"option-literal": "an option holds a secret that is written down; take it from the secret store",
	"input-literal": "a registry's password is written down; refer to the secret store",
	"variable-literal": "a variable holds a secret that is written down; refer to the secret store",
	"config-literal": "the password of a configuration is written down; refer to a variable",
	"docker-auth": "docker's configuration holds a registry's password; write it by docker login within the job",
	"url-literal": "an address holds a password; take it from the secret store",
	"token": "a token of a known form is written down; revoke it, and use the secret store",
	"private-key": "a private key is written down; replace it, and use the secret store",
	"secret-on-command-line": "other processes see a secret on a command line; use --password-stdin",
	"login-beside-untrusted-code": "a job that runs code of a pull request logs in to a registry; log in in another job",
	"unpinned-action": "an action, plugin or include that sees the credential can be changed by others; pin it to a commit, a digest or, where those cannot be named, a full version",
	"persisted-credentials": "a checkout beside a login leaves its token behind; set persist-credentials: false (Azure: persistCredentials: false)",
	"copied-credentials": "a file with credentials is copied into the image; use RUN --mount=type=secret",
}
