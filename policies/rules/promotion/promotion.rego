# METADATA
# title: Promoted from an image that was allowed
# description: >-
#   The image comes from a repository that the setting names, where a verified record (trust.yaml, role decide) allowed
#   this very digest: anchored, enforced, and not followed by a decision that did not. So no report is needed again. The
#   age counts from when tests and scans were judged, through every promotion since. Waivers that it rests on have to be
#   granted for the target, too: as a waiver of this rule. The record is not older than that of what the tag names now,
#   has no less coverage, and no flaw of a severity that the setting names which that did not have.
# custom:
#   severity: critical
#   collections: [strict]
#   controls: [SLSA build-l2, SSDF PS.2.1, OSPS BR-02.01]
#   fix: Promote what was pushed with --key by a policy that is anchored (docs/promotion.md); where its record is too old, push it there again from a new run.
#   # Of an earlier decision: without any of them it promotes nothing, which the examples show.
#   optional: ["records.items[].approved", "records.items[].findings", "records.items[].root_at", "records.items[].at", "records.items[].registry", "records.items[].repository"]
#   settings:
#     from:
#       type: array
#       items:
#         type: object
#         additionalProperties: false
#         required: [repository]
#         properties:
#           repository: {type: string, minLength: 1}
#           keys: {type: array, minItems: 1, items: {type: string, minLength: 1}}
#       default: []
#       description: "Where images may come from: a glob over REGISTRY/REPOSITORY (a star stops at a slash), and the names of the keys whose records count; any that is listed, where there are none."
#     max_age_days: {type: integer, minimum: 1, maximum: 3650, default: 30, stricter: lower, description: "How old the tests and scans may be, in days."}
#     severities:
#       type: array
#       stricter: superset
#       items: {type: string, enum: [critical, high, medium, low, negligible, unknown]}
#       default: [critical, high, unknown]
#       description: "Severities of which it has no flaw that the image before had not."
package pushpolicy.rules.promotion

import rego.v2

deny contains {"at": {"id": "record"}, "msg": msg} if {
	count(data.settings.promotion.from) > 0
	not _is_promoted
	seen := concat("; ", [_seen(record) | some record in input.records.items])
	msg := $"no verified record of a repository that the setting names allows this image, recently and as its latest decision; read: {seen}"
}

deny contains {"at": {"id": "waived", "record": record.digest}, "msg": msg} if {
	count(data.settings.promotion.from) > 0
	some record in input.records.items
	_promotes(record)
	not record.waived == 0
	msg := $"{_place(record)} allowed it by {record.waived} waivers, which are not the target's"
}

deny contains {"at": {"id": "older", "tag": before.tag}, "msg": msg} if {
	count(data.settings.promotion.from) > 0
	_is_promoted
	some before in input.records.before
	not _is_as_new(before)
	msg := $"{before.tag} names an image that was judged later, at {before.root_at}: an older one would be put back"
}

deny contains {"at": {"id": "coverage", "tag": before.tag}, "msg": msg} if {
	count(data.settings.promotion.from) > 0
	_is_promoted
	some before in input.records.before
	not _is_as_covered(before)
	msg := $"the image that {before.tag} names has {before.coverage} % coverage, and this one less"
}

deny contains {"at": object.union(flaw, {"id": $"{flaw.names[0]}"}), "msg": msg} if {
	count(data.settings.promotion.from) > 0
	count(input.records.before) > 0
	some record in input.records.items
	_promotes(record)
	some flaw in record.findings
	flaw.severity in data.settings.promotion.severities
	not _had(flaw)
	msg := $"{flaw.severity} {flaw.names[0]} is a flaw that the image before had not"
}

not_applicable contains "the setting from names no repository" if count(data.settings.promotion.from) == 0

_is_promoted if {
	some record in input.records.items
	_promotes(record)
}

_promotes(record) if {
	record.verified == true
	record.approved == true
	is_array(record.findings)
	_is_trusted(record)
	not _is_followed(record)
	age := time.parse_rfc3339_ns(input.evaluated_at) - time.parse_rfc3339_ns(record.root_at)
	age <= (((data.settings.promotion.max_age_days * 24) * 60) * 60) * 1000000000
}

_is_trusted(record) if {
	some allowed in data.settings.promotion.from
	glob.match(allowed.repository, ["/"], _place(record))
	_by(record, allowed)
}

_by(_, allowed) if not allowed.keys

_by(record, allowed) if record.verified_by in allowed.keys

# Whatever was decided later about the same image revokes it, unless that allowed it again.
_is_followed(record) if {
	some other in input.records.items
	other.verified == true
	not other.approved == true
	not _is_earlier(other, record)
}

_is_earlier(other, record) if time.parse_rfc3339_ns(other.at) < time.parse_rfc3339_ns(record.at)

_is_as_new(before) if {
	some record in input.records.items
	_promotes(record)
	time.parse_rfc3339_ns(record.root_at) >= time.parse_rfc3339_ns(before.root_at)
}

_is_as_covered(before) if {
	some record in input.records.items
	_promotes(record)
	record.coverage >= before.coverage
}

_had(flaw) if {
	some before in input.records.before
	some known in before.findings
	some name in known.names
	name in flaw.names
	known["package"] == flaw["package"]
}

_place(record) := $"{record.registry}/{record.repository}"

_seen(record) := $"{record.digest} ({record.verdict} of {record.at}, judged {object.get(record, "root_at", "at an unknown time")}, verified: {record.verified})"
