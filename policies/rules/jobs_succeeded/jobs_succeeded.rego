# METADATA
# title: The jobs before succeeded
# description: >-
#   Every job that the setting names ended in success, and no other job that the pipeline tells of failed or was
#   cancelled. Without names, every job that it tells of has to have succeeded. A job that was skipped, is
#   neutral, still runs or is not told of has not succeeded. The pipeline tells of them by PUSHPOLICY_JOBS, and
#   what it says is asserted; or the CI system's API does (--jobs), which a setting can require (docs/ci.md).
# custom:
#   severity: high
#   collections: [default, strict]
#   controls: [SSDF PO.4.2, OSPS QA-03.01]
#   fix: >-
#     Push after the named jobs succeeded; let the pipeline hand their results over in PUSHPOLICY_JOBS, or have the
#     API of GitHub or GitLab asked for them (--jobs api).
#   optional: [ci.jobs]
#   settings:
#     required:
#       type: array
#       items: {type: string, minLength: 1}
#       default: []
#       description: Names of the jobs that have to have succeeded.
#     reported:
#       type: boolean
#       default: false
#       description: Whether the CI system's own API has to tell of the jobs (--jobs).
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

deny contains {"at": {"id": "ci.jobs"}, "msg": msg} if {
	input.ci.status == "collected"
	data.settings.jobs_succeeded.reported
	not input.ci.trust.jobs == "reported"
	msg := "the CI system's own API did not tell of the jobs; it must have (--jobs api)"
}

_required := {name | some name in data.settings.jobs_succeeded.required}

_words := {"failure": "failed", "cancelled": "was cancelled", "skipped": "did not run, or has not ended"}

_result(name) := _words[input.ci.jobs[name]] if _words[input.ci.jobs[name]]

else := "is not told of"
