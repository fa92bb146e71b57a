# METADATA
# title: The credential comes from the CI system's secret store
# description: >-
#   The credential of the push is none that is written into a file of the repository or into a command. A workload
#   identity, the platform's token, a secret that the CI system hands over, a credential helper, and a file
#   that a login step wrote are allowed; where long-lived files are not wanted, the setting leaves them out. A push
#   without credential is one to a registry on this machine, and an OCI layout needs none.
# custom:
#   severity: critical
#   fix: >-
#     Hand the credential over from the CI system's secret store (PUSHPOLICY_USERNAME and PUSHPOLICY_PASSWORD,
#     --password-stdin, or docker login); revoke one that a file or command shows.
#   settings:
#     sources:
#       type: array
#       items: {type: string, enum: [workload-identity, platform-token, secret-env, helper, file]}
#       default: [workload-identity, platform-token, secret-env, helper, file]
#       description: Where the credential may come from.
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

_loopback if regex.match(`^(localhost|127(\.[0-9]{1,3}){3}|\[::1\])(:[0-9]+)?$`, input.target.registry)

_told := $"no credential for {input.target.registry} was found" if input.credentials.source == "anonymous"

else := $"the credential for {input.target.registry} is of source {input.credentials.source}"

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
