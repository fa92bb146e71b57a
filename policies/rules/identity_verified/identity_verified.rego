# METADATA
# title: The job is who it says it is
# description: >-
#   An identity token that the CI system signed for this very run proves repository, ref, event, commit and run. It is
#   demanded where the policy's trust.yaml does so (verified_for), where the setting requires it, and where a setting says
#   whose it has to be. Names can be taken over by somebody else, so repositories are named by issuer and id. A token
#   that lay in a variable may be another job's, and counts only where the setting says so. A token of a service account
#   (Google Cloud Build) proves which account pushes, and not from which repository, branch or commit: it counts only where
#   the setting service_accounts names the account. Nobody can waive this: whoever is not proven to be the job could be anybody.
# custom:
#   severity: critical
#   integrity: true
#   collections: [default, strict]
#   controls: [SSDF PS.1.1, OSPS AC-03.01]
#   fix: "Let the job ask for its token (GitHub: permissions: id-token: write), or hand one over for the audience pushpolicy in PUSHPOLICY_ID_TOKEN; which jobs may push, the settings repositories, service_accounts and workflows say (docs/identity.md)."
#   settings:
#     required: {type: boolean, stricter: true, default: false, description: "Demand it for each repository that is pushed to."}
#     repositories:
#       type: array
#       items:
#         type: object
#         additionalProperties: false
#         required: [issuer, id]
#         properties: {issuer: {type: string, minLength: 1}, id: {type: string, minLength: 1}}
#       default: []
#       description: "Repositories whose jobs may push: the issuer of their tokens, and the repository's id there, as text."
#     service_accounts:
#       type: array
#       items:
#         type: object
#         additionalProperties: false
#         required: [issuer, id]
#         properties: {issuer: {type: string, minLength: 1}, id: {type: string, pattern: "^[0-9]+$"}}
#       default: []
#       description: "Service accounts that may push: the issuer of their tokens, and the account's unique number, as text. It proves who pushes, not from which repository, branch or commit."
#     workflows:
#       type: array
#       items:
#         type: object
#         additionalProperties: false
#         required: [path, at]
#         properties:
#           path: {type: string, minLength: 1}
#           at: {type: string, pattern: "^(refs/tags/.+|[0-9a-f]{40}|[0-9a-f]{64})$"}
#       default: []
#       description: "Files that may define the job: path as the token has it, and a commit, or a tag that is protected; a branch can change."
#     replayable: {type: boolean, stricter: false, default: false, description: "Accept a token that lay in a variable."}
#     partial: {type: boolean, stricter: false, default: false, description: "Accept a token that proves the repository, and not ref, event, commit and run at once (CircleCI, Buildkite)."}
package pushpolicy.rules.identity_verified

import rego.v2

# Evidence that was not collected is denied by the system, as evidence:ci; the rule judges what there is.
deny contains {"at": {"id": "ci.identity"}, "msg": msg} if {
	_demanded
	not _proven
	msg := $"the job's identity does not prove who pushes: {_why}"
}

deny contains {"at": {"id": "ci.repository_id"}, "msg": msg} if {
	_demanded
	not _of_anybody
	not _repository_allowed
	not _account_allowed
	msg := $"the job is of the repository {_repository} at {_issuer}; allowed are {data.settings.identity_verified.repositories}{_accounts}"
}

deny contains {"at": {"id": "ci.identity.configuration"}, "msg": msg} if {
	_demanded
	not _by_any_workflow
	not _workflow_allowed
	msg := $"the job is defined by {_file}; allowed are {data.settings.identity_verified.workflows}"
}

warn contains {"at": {"id": "repositories"}, "msg": msg} if {
	_demanded
	_of_anybody
	msg := $"the setting repositories is empty: a job of any repository of a trusted issuer would do; name issuer and id there{_this}"
}

_demanded if {
	input.ci.status == "collected"
	not _optional
}

_optional if {
	data.settings.identity_verified.required == false
	not input.target.demanded.assurance == "verified"
	_of_anybody
	_by_any_workflow
}

_of_anybody if {
	data.settings.identity_verified.repositories == []
	data.settings.identity_verified.service_accounts == []
}

_by_any_workflow if data.settings.identity_verified.workflows == []

_proven if {
	_believed
	_whole_enough
}

_whole_enough if input.ci.identity.whole == true

# Without a repository it would be anybody's whom the issuer knows.
_whole_enough if {
	data.settings.identity_verified.partial == true
	input.ci.identity.repository_id
}

_whole_enough if _account_allowed

_believed if input.ci.identity.assurance == "verified"

_believed if {
	input.ci.identity.assurance == "replayable"
	data.settings.identity_verified.replayable == true
}

# By the id that the token proves, not by what a variable says.
_repository_allowed if {
	some allowed in data.settings.identity_verified.repositories
	allowed.issuer == input.ci.identity.issuer
	allowed.id == input.ci.identity.repository_id
}

# By the number, which no later account of that name has; a token that lay in a variable may be older than the job.
_account_allowed if {
	some allowed in data.settings.identity_verified.service_accounts
	allowed.issuer == input.ci.identity.issuer
	allowed.id == input.ci.identity.claims.sub
	input.ci.identity.assurance == "verified"
}

_workflow_allowed if {
	some allowed in data.settings.identity_verified.workflows
	allowed.path == input.ci.identity.configuration.path
	_is_at(allowed.at)
}

_is_at(at) if input.ci.identity.configuration.commit == at

_is_at(at) if input.ci.identity.configuration.ref == at

_why := input.ci.identity.reason if input.ci.identity.reason

else := "its token lay in a variable, where another job may have left it" if _is_replayable

else := "it has no identity token"

_is_replayable if input.ci.identity.assurance == "replayable"

_repository := input.ci.identity.repository_id if input.ci.identity.repository_id

else := "that no token names"

_accounts := "" if data.settings.identity_verified.service_accounts == []

else := $", and the service accounts {data.settings.identity_verified.service_accounts}{_account}"

_account := $"; this job's account is {input.ci.identity.claims.sub}" if input.ci.identity.claims.sub

else := ""

_this := $", of this job {_issuer} and {input.ci.identity.repository_id}" if input.ci.identity.repository_id

else := ""

_issuer := input.ci.identity.issuer if input.ci.identity.issuer

else := "no issuer"

_file := $"{input.ci.identity.configuration.path} at {_revision}" if input.ci.identity.configuration

else := "a file that no token names"

_revision := input.ci.identity.configuration.commit if input.ci.identity.configuration.commit

else := input.ci.identity.configuration.ref if input.ci.identity.configuration.ref

else := "an unknown commit"
