# METADATA
# title: The credential comes from the CI system's secret store
# description: >-
#   The credential of the push is none that is written into a file of the repository or into a command. A workload
#   identity, the platform's token, a secret that the CI system hands over, a credential helper, and a file
#   that a login step wrote are allowed; where long-lived ones are not wanted, settings say so. A token that another
#   vendor's registry takes is never shown to this one. A credential that other users of the machine can read, in its
#   file or on a command line, is warned of, or denied where a setting says so. What a token says of itself is
#   asserted (`credentials.trust`). A push without credential is one to a registry on this machine, and an OCI layout
#   needs none. What --login obtains after the decision is a verified workload identity: the push ends where it is
#   another.
# custom:
#   severity: critical
#   collections: [minimal, default, strict]
#   controls: [SSDF PO.5.2, OSPS BR-07.02]
#   fix: >-
#     Hand the credential over from the secret store, on standard input or in PUSHPOLICY_USERNAME and
#     PUSHPOLICY_PASSWORD of the one step that pushes, and revoke one that a file or a command has shown. GitHub: env of
#     that step, from secrets.NAME, or from github.token for ghcr.io. GitLab: nothing for the project's own registry, whose
#     CI_REGISTRY_PASSWORD is found; else a masked, protected variable. Jenkins: withCredentials around that step. A laptop: docker
#     login with a credential helper (credsStore), and a password on standard input, never after -p.
#   settings:
#     sources:
#       type: array
#       stricter: subset
#       items: {type: string, enum: [workload-identity, platform-token, secret-env, helper, file]}
#       default: [workload-identity, platform-token, secret-env, helper, file]
#       description: Where the credential may come from.
#     ephemeral:
#       type: boolean
#       stricter: true
#       default: false
#       description: Whether it has to end within a day, by its own word.
#     scope:
#       type: string
#       enum: [any, repository]
#       default: any
#       description: Whether it has to say that it may push to this repository alone.
#     exchanged:
#       type: boolean
#       stricter: true
#       default: false
#       description: Whether it has to be obtained in this run, after the decision (--login), for the job's token.
#     declared:
#       type: boolean
#       stricter: true
#       default: false
#       description: Whether a file of the pipeline has to show that a variable holds a secret of the store.
#     others_may_open:
#       type: string
#       enum: [warn, deny]
#       default: warn
#       description: What follows where other users of the machine may open the file that it comes from.
#     command_line:
#       type: string
#       enum: [warn, deny]
#       default: warn
#       description: What follows where it stands on the command line of a program that started this one.
package pushpolicy.rules.credential_source

import rego.v2

# Evidence that was not collected is denied by the system, as evidence:credentials; the rule judges what there is.
deny contains {"at": {"id": $"source/{input.credentials.source}"}, "msg": msg} if {
	input.credentials.status == "collected"
	not _allowed
	msg := $"{_told}; allowed are {_choice}"
}

deny contains {"at": {"id": "tracked-by-git"}, "msg": msg} if {
	input.credentials.status == "collected"
	not _outside_git
	file := $"the file {input.credentials.path} that the credential comes from"
	msg := $"git tracks, or may track, {file}; it must be outside the repository"
}

deny contains {"at": {"id": "literal"}, "msg": msg} if {
	input.credentials.status == "collected"
	not count(input.credentials.literal_in) == 0
	msg := $"the credential is written literally in {_literal_in}; it must be in no file"
}

deny contains {"at": {"id": "long-lived"}, "msg": msg} if {
	input.credentials.status == "collected"
	data.settings.credential_source.ephemeral == true
	_shows_one
	not input.credentials.ephemeral == true
	msg := $"the credential {_lifetime}; one that ends within a day is wanted"
}

deny contains {"at": {"id": "scope"}, "msg": msg} if {
	input.credentials.status == "collected"
	data.settings.credential_source.scope == "repository"
	_shows_one
	not _only_here
	msg := $"the credential {_scope}; one that may push to {input.target.repository} alone is wanted"
}

deny contains {"at": {"id": "not-exchanged"}, "msg": msg} if {
	input.credentials.status == "collected"
	data.settings.credential_source.exchanged == true
	_shows_one
	not _exchanged
	msg := "the credential was there before the decision; one that is obtained after it (--login) is wanted"
}

deny contains {"at": {"id": "not-declared"}, "msg": msg} if {
	input.credentials.status == "collected"
	data.settings.credential_source.declared == true
	not input.credentials.source in {"workload-identity", "platform-token", "helper", "file", "anonymous", "none"}
	not input.credentials.declared_in
	msg := "no file of the pipeline shows that the credential is a secret of the CI system's store"
}

deny contains {"at": {"id": "others-may-open"}, "msg": msg} if {
	input.credentials.status == "collected"
	data.settings.credential_source.others_may_open == "deny"
	not _closed
	msg := $"{_opened} the file {input.credentials.path} that the credential comes from; its mode must be 600"
}

deny contains {"at": {"id": "command-line"}, "msg": msg} if {
	input.credentials.status == "collected"
	data.settings.credential_source.command_line == "deny"
	_shows_one
	not input.credentials.on_command_line == false
	msg := $"the credential {_shown}; it must come on standard input (--password-stdin) or in a variable"
}

warn contains {"at": {"id": "others-may-open"}, "msg": msg} if {
	data.settings.credential_source.others_may_open == "warn"
	input.credentials.others_may != "nothing"
	msg := $"{_opened} the file {input.credentials.path} that the credential comes from; its mode should be 600"
}

warn contains {"at": {"id": "command-line"}, "msg": msg} if {
	data.settings.credential_source.command_line == "warn"
	input.credentials.on_command_line == true
	msg := $"the credential {_shown}; hand it over on standard input (--password-stdin) or in a variable"
}

# Where records go to another registry with a credential of its own, that one is judged as the target's is.
deny contains {"at": {"id": $"records/{input.credentials.records.source}"}, "msg": msg} if {
	input.credentials.status == "collected"
	input.credentials.records.source
	not _records_allowed
	where := $"the records in {input.credentials.records.registry}"
	msg := $"the credential for {where} is of source {input.credentials.records.source}; allowed are {data.settings.credential_source.sources}"
}

deny contains {"at": {"id": "records/written"}, "msg": msg} if {
	input.credentials.status == "collected"
	input.credentials.records.source
	not count(input.credentials.records.written_in) == 0
	files := concat(", ", input.credentials.records.written_in)
	msg := $"the credential for the records in {input.credentials.records.registry} is held by {files}; it must be outside the repository"
}

deny contains {"at": {"id": "records/long-lived"}, "msg": msg} if {
	input.credentials.status == "collected"
	data.settings.credential_source.ephemeral == true
	input.credentials.records.source
	not input.credentials.records.source == "anonymous"
	not input.credentials.records.ephemeral == true
	msg := $"the credential for the records in {input.credentials.records.registry} is not one that ends within a day"
}

deny contains {"at": {"id": "records/scope"}, "msg": msg} if {
	input.credentials.status == "collected"
	data.settings.credential_source.scope == "repository"
	_records_shows_one
	not input.credentials.records.scope == "repository"
	msg := $"{_for_records} does not say that it may push to one repository alone"
}

deny contains {"at": {"id": "records/others-may-open"}, "msg": msg} if {
	input.credentials.status == "collected"
	data.settings.credential_source.others_may_open == "deny"
	_records_in_file
	not input.credentials.records.others_may == "nothing"
	msg := $"other users of this machine may open the file of {_for_records}; its mode must be 600"
}

deny contains {"at": {"id": "records/command-line"}, "msg": msg} if {
	input.credentials.status == "collected"
	data.settings.credential_source.command_line == "deny"
	_records_shows_one
	not input.credentials.records.on_command_line == false
	msg := $"{_for_records} stands, or may stand, on a command line; it must come on standard input or in a variable"
}

warn contains {"at": {"id": "records/others-may-open"}, "msg": msg} if {
	data.settings.credential_source.others_may_open == "warn"
	input.credentials.records.others_may != "nothing"
	msg := $"other users of this machine may open the file of {_for_records}; its mode should be 600"
}

warn contains {"at": {"id": "records/command-line"}, "msg": msg} if {
	data.settings.credential_source.command_line == "warn"
	input.credentials.records.on_command_line == true
	msg := $"{_for_records} stands on a command line; hand it over on standard input or in a variable"
}

_for_records := $"the credential for the records in {input.credentials.records.registry}"

_records_shows_one if {
	input.credentials.records.source
	not input.credentials.records.source == "anonymous"
}

_records_in_file if input.credentials.records.source == "file"

_records_in_file if input.credentials.records.path

_allowed if {
	input.credentials.source in data.settings.credential_source.sources
	input.credentials.source in {"workload-identity", "platform-token", "secret-env", "helper", "file"}
	input.target.registry != "oci"
}

_allowed if {
	input.credentials.source == "anonymous"
	_loopback
}

_allowed if {
	input.credentials.source == "none"
	input.target.registry == "oci"
}

# An OCI layout needs no credential, and a registry of this machine may.
_shows_one if not input.credentials.source in {"none", "anonymous"}

_only_here if {
	input.credentials.scope == "repository"
	input.credentials.push_to == [input.target.repository]
}

_exchanged if {
	input.credentials.source == "workload-identity"
	input.credentials.login.kind != "job-token"
}

_closed if input.credentials.others_may == "nothing"

# A credential that comes from no file has no path.
_closed if {
	not input.credentials.source == "file"
	not input.credentials.path
	not input.credentials.others_may
}

_lifetime := "is long-lived" if input.credentials.ephemeral == false

else := "does not tell how long it lives"

_scope := $"says that it may push to {input.credentials.push_to}" if input.credentials.push_to

else := "does not tell what it may push to"

_opened := $"every user of this machine may {input.credentials.others_may}" if input.credentials.others_may

else := "it is not known who may open"

_shown := $"stands on a command line{_of}, which every user of this machine can read" if {
	input.credentials.on_command_line
}

else := "may stand on a command line, which this system does not show"

_of := $" of {input.credentials.command_line_of}" if input.credentials.command_line_of

else := ""

_records_allowed if {
	input.credentials.records.source in data.settings.credential_source.sources
	input.credentials.records.source in {"workload-identity", "platform-token", "secret-env", "helper", "file"}
}

_records_allowed if {
	input.credentials.records.source == "anonymous"
	regex.match(`^(localhost|127(\.[0-9]{1,3}){3}|\[::1\])(:[0-9]+)?$`, input.credentials.records.registry)
}

_loopback if regex.match(`^(localhost|127(\.[0-9]{1,3}){3}|\[::1\])(:[0-9]+)?$`, input.target.registry)

_told := $"no credential for {input.target.registry} was found" if input.credentials.source == "anonymous"

else := $"the credential has the form of a token of {_issuer}, which {input.target.registry} does not take" if {
	input.credentials.source == "foreign"
}

else := $"the credential for {input.target.registry} is of source {input.credentials.source}"

_issuer := input.credentials.issued_by if input.credentials.issued_by

else := "another vendor"

_choice := "none, since a layout needs no credential" if input.target.registry == "oci"

else := $"{data.settings.credential_source.sources} and anonymous" if _loopback

else := $"{data.settings.credential_source.sources}"

_outside_git if input.credentials.tracked_by_git == false

# A credential that comes from no file has no path.
_outside_git if {
	not input.credentials.source == "file"
	not input.credentials.path
	not input.credentials.tracked_by_git
}

_literal_in := concat(", ", input.credentials.literal_in) if input.credentials.literal_in

else := "files that were not searched"
