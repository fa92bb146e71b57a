# METADATA
# title: Every file of evidence was read
# description: >-
#   No file that was looked at was left aside: a report of an unknown format, one that git tracks, a link, a file
#   that is cut short. Each may be the one that would have denied.
# custom:
#   severity: medium
#   collections: [strict]
#   controls: [SSDF PO.4.2]
#   fix: Hand the file over in a format that docs/formats.md lists, take it away, or name it in the setting accepted.
#   settings:
#     accepted:
#       type: array
#       stricter: subset
#       items: {type: string, minLength: 1}
#       default: []
#       description: "Globs of files that need not be read; * stops at a slash, ** does not."
package pushpolicy.rules.evidence_read

import rego.v2

deny contains {"at": {"id": $"{file.path}"}, "msg": $"{file.path} was not read: {file.why}; each must be"} if {
	some file in input.unread
	not _accepted(file.path)
}

_accepted(path) if {
	some pattern in data.settings.evidence_read.accepted
	glob.match(pattern, ["/"], path)
}
