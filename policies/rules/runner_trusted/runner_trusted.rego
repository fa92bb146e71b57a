# METADATA
# title: The runner may push
# description: >-
#   The machine that pushes is one that the settings trust: any, by default. Where only hosted runners may push,
#   each run has a fresh machine of the CI system's own; a self-hosted one that keeps what earlier jobs left has
#   to be named. What the job says of its machine is asserted, and only GitHub and Buildkite say its kind.
# custom:
#   severity: high
#   collections: [default, strict]
#   controls: [SLSA build-l2, SSDF PO.5.1]
#   fix: Push from a hosted runner, or name the runner in the setting self_hosted.
#   settings:
#     assurance:
#       type: string
#       enum: [asserted, replayable, verified]
#       default: asserted
#       description: "What has to say it: any variable, a token that lay in one, or a token that this run asked for."
#     only_hosted: {type: boolean, stricter: true, default: false, description: "Deny runners that are not known to be hosted."}
#     self_hosted:
#       type: array
#       stricter: subset
#       items: {type: string, minLength: 1}
#       default: []
#       description: Names of other runners that may push all the same.
package pushpolicy.rules.runner_trusted

import rego.v2

# Evidence that was not collected is denied by the system, as evidence:ci; the rule judges what there is.
deny contains {"at": {"id": "ci.runner"}, "msg": msg} if {
	input.ci.status == "collected"
	not data.settings.runner_trusted.only_hosted == false
	not input.ci.runner.kind == "hosted"
	not input.ci.runner.name in data.settings.runner_trusted.self_hosted
	msg := $"the run is on {_runner}, which is not known to be hosted; allowed are hosted ones{_others}"
}

# What only variables say, an earlier step of the job can have set.
deny contains {"at": {"id": "ci.trust.runner"}, "msg": msg} if {
	input.ci.status == "collected"
	not data.settings.runner_trusted.only_hosted == false
	not _is_sure
	msg := "what the runner is, the job itself asserts; a verified identity of the job must say it"
}

_runner := $"the runner {input.ci.runner.name}" if input.ci.runner.name

else := "a runner that is not named"

_others := $" and {data.settings.runner_trusted.self_hosted}" if count(data.settings.runner_trusted.self_hosted) > 0

else := ""

_is_sure if input.ci.trust["runner.kind"] == "verified"

_is_sure if {
	input.ci.trust["runner.kind"] == "replayable"
	data.settings.runner_trusted.assurance in {"asserted", "replayable"}
}

_is_sure if {
	data.settings.runner_trusted.assurance == "asserted"
	not input.target.demanded.assurance == "verified"
}
