# METADATA
# title: Evidence comes from the jobs that may bring it
# description: >-
#   Each report of a kind that the setting names came with a part (gather --part --identity) whose job a file of the
#   setting defines, at the commit or protected tag that stands there. The token of that job is for this very part and
#   of this run, so another job cannot change the part or write one of its name. A report of the job that pushes came
#   with no part, and so did what a builder left in the image, and what is attached to it that no key of trust.yaml
#   signed. Captures are judged with every kind, and each job of the
#   setting may bring them. A kind that the setting does not name is not judged. Nobody can waive this: what is not proven could be anybody's.
# custom:
#   severity: critical
#   integrity: true
#   collections: [default, strict]
#   controls: [SSDF PS.1.1, OSPS AC-03.01]
#   optional: [image.attached]
#   fix: "Let the job that the setting names write the part with --identity (GitHub: permissions: id-token: write), in this run; its token ends in minutes to hours. BuildKit leaves statements in an image unless told --provenance=false --sbom=false."
#   settings:
#     jobs:
#       type: array
#       items:
#         type: object
#         additionalProperties: false
#         required: [path, at, brings]
#         properties:
#           path: {type: string, minLength: 1}
#           at: {type: string, pattern: "^(refs/tags/.+|[0-9a-f]{40}|[0-9a-f]{64})$"}
#           brings: {type: array, minItems: 1, items: {enum: [tests, coverage, scans, sbom, vex, provenance, pipeline, extra]}}
#       default: []
#       description: "Files that define a job that may bring evidence: path as its token has it, a commit or a tag that is protected, and the kinds."
package pushpolicy.rules.parts_trusted

import rego.v2

deny contains {"at": {"id": $"{report.path}/{report.kind}"}, "msg": msg} if {
	some report in input.reports
	_is_judged(report.kind)
	not _is_brought(report, report.kind)
	msg := $"{report.path} ({report.kind}) {_told(report)}; allowed are {data.settings.parts_trusted.jobs}"
}

deny contains {"at": {"id": $"{attestation.digest}/{kind}"}, "msg": msg} if {
	some attestation in input.image.attestations
	some kind in ["provenance", "sbom"]
	_is_judged(kind)
	msg := $"{attestation.digest} lies in the image and may hold {kind}, which whoever built it brought; no token says who"
}

# Evidence of before it was looked for says nothing of it.
deny contains {"at": {"id": $"{statement.digest}/{kind}"}, "msg": msg} if {
	some statement in object.get(input.image, "attached", [])
	not statement.verified == true
	some kind in ["provenance", "sbom"]
	_is_judged(kind)
	msg := $"{statement.digest} is attached to the image at {statement.place} and may hold {kind}; no listed key signed it: {statement.unverified}"
}

not_applicable contains "the setting jobs names none" if count(data.settings.parts_trusted.jobs) == 0

_is_judged(kind) if {
	some job in data.settings.parts_trusted.jobs
	kind in _brought_by(job)
}

# A capture says when and how a report was made, and of which image; whoever may bring any may bring that.
_brought_by(job) := array.concat(job.brings, ["captures"])

_is_brought(report, kind) if {
	some part in input.ci.parts
	part.name == report.part
	part.identity.assurance == "verified"
	part.identity.whole == true
	some job in data.settings.parts_trusted.jobs
	kind in _brought_by(job)
	job.path == part.identity.configuration.path
	_is_at(part.identity.configuration, job.at)
}

_is_at(configuration, at) if configuration.commit == at

_is_at(configuration, at) if configuration.ref == at

_told(report) := $"came with the part {report.part}, of which is known: {_known(report.part)}" if report.part

else := "came with no part"

_known(name) := {_of(part) | some part in input.ci.parts; part.name == name}

_of(part) := part.identity.reason if part.identity.reason

else := $"its job is defined by {part.identity.configuration.path} at {_revision(part)}" if part.identity.configuration

else := "no token says what defines its job"

_revision(part) := part.identity.configuration.commit if part.identity.configuration.commit

else := part.identity.configuration.ref if part.identity.configuration.ref

else := "an unknown commit"
