# METADATA
# title: Reports are results of this run
# description: >-
#   No report that was named is a file of the commit: a report that git tracks tells of the run that its author
#   committed, not of this one. VEX documents, baselines of detect-secrets and extra files are statements and may be
#   tracked. A report whose
#   own time lies before the commit's tells of an older program, such as one that a build cache restored; it
#   warns, or denies where the setting says so, and then a report that gives no time is denied too.
#   The capture of a command always has its time, and is denied when it is older.
# custom:
#   severity: critical
#   collections: [minimal, default, strict]
#   controls: [SSDF PO.4.2]
#   integrity: true
#   fix: >-
#     Take the report out of the repository (git rm --cached, and a line in .gitignore), and run the tests or the
#     scan in this run. Do not restore reports from a cache.
#   settings:
#     deny_older: {type: boolean, stricter: true, default: false, description: "Deny a report whose own time is before the commit's."}
#     undated:
#       type: array
#       stricter: subset
#       items: {type: string, minLength: 1}
#       default: [tap, lcov, go-cover, clair, clair-scanner, klar, quay, osv-scanner, snyk, gitleaks, zizmor]
#       description: Formats (reports[].format) that hold no time; deny_older does not judge those.
package pushpolicy.rules.reports_of_this_run

import rego.v2

# Without a checkout nothing is known of it; the system denies that, as evidence:source.
deny contains {"at": {"id": $"{report.path}/tracked"}, "msg": msg} if {
	input.source.status == "collected"
	some report in input.reports
	not _is_statement(report)
	not report.tracked_by_git == false
	msg := $"{report.path} is {_held(report)} commit {input.source.commit}; a {report.kind} report must be of this run"
}

deny contains {"at": {"id": $"{report.path}/older"}, "msg": _told(report)} if {
	input.source.status == "collected"
	some report in input.reports
	not _may_be_older(report)
	not _since_commit(report)
}

warn contains {"at": {"id": $"{report.path}/older"}, "msg": _told(report)} if {
	data.settings.reports_of_this_run.deny_older == false
	some report in input.reports
	_older(report)
}

_held(report) := "a file of" if report.tracked_by_git == true

else := "perhaps a file of"

# It takes nothing away, so that an old one, or one that was changed, hides nothing.
_is_statement(report) if report.kind in {"vex", "extra"}

_is_statement(report) if report.format == "detect-secrets"

_may_be_older(report) if _is_statement(report)

_may_be_older(report) if {
	not report.format == "capture"
	data.settings.reports_of_this_run.deny_older == false
}

_may_be_older(report) if report.format in data.settings.reports_of_this_run.undated

_since_commit(report) if time.parse_rfc3339_ns(report.at) >= time.parse_rfc3339_ns(input.source.committed_at)

_older(report) if {
	not _is_statement(report)
	not report.format == "capture"
	time.parse_rfc3339_ns(report.at) < time.parse_rfc3339_ns(input.source.committed_at)
}

_told(report) := $"{report.path} {_dated(report)}, the commit is of {input.source.committed_at}; it must not be older"

_dated(report) := $"is of {report.at}" if report.at

else := "gives no time"
