# METADATA
# title: The jobs before succeeded
# description: >-
#   Every job that the setting names ended in success, and no other job that the pipeline tells of failed or was
#   cancelled. Without names, every job that it tells of has to have succeeded. A job that was skipped, is
#   neutral, still runs or is not told of has not succeeded. The pipeline tells of them by PUSHPOLICY_JOBS; what
#   it says is asserted (docs/ci.md).
# custom:
#   severity: high
#   fix: Push after the named jobs succeeded; let the pipeline hand their results over in PUSHPOLICY_JOBS.
#   optional: [ci.jobs]
#   settings:
#     required:
#       type: array
#       items: {type: string, minLength: 1}
#       default: []
#       description: Names of the jobs that have to have succeeded.
package pushpolicy.rules.jobs_succeeded

import rego.v2

# Evidence that was not collected is denied by the system, as evidence:ci; the rule judges what there is.
deny contains {"at": {"id": $"required/{name}"}, "msg": msg} if {
	input.ci.status == "collected"
	some name in data.settings.jobs_succeeded.required
	not input.ci.jobs[name] == "success"
	msg := $"{name} {_result(name)}; it must have succeeded"
}

deny contains {"at": {"id": $"job/{name}"}, "msg": $"{name} {_result(name)}; no job may have"} if {
	some name, result in input.ci.jobs
	result in {"failure", "cancelled"}
	not name in _required
}

deny contains {"at": {"id": $"job/{name}"}, "msg": $"{name} {_result(name)}; it must have succeeded"} if {
	some name, result in input.ci.jobs
	not result in {"success", "failure", "cancelled"}
	count(_required) == 0
}

# How many there are is said beside them, so that one that got lost is noticed.
deny contains {"at": {"id": "ci.jobs"}, "msg": msg} if {
	input.ci.jobs_told
	not count(input.ci.jobs) == input.ci.jobs_told
	msg := $"the pipeline told of {input.ci.jobs_told} jobs, and not all of them are here; each must be"
}

deny contains {"at": {"id": "ci.jobs"}, "msg": "how many jobs the pipeline told of is not said; it must be"} if {
	input.ci.jobs
	not input.ci.jobs_told
}

_required := {name | some name in data.settings.jobs_succeeded.required}

_words := {"failure": "failed", "cancelled": "was cancelled", "skipped": "did not run, or has not ended"}

_result(name) := _words[input.ci.jobs[name]] if _words[input.ci.jobs[name]]

else := "is not told of"
