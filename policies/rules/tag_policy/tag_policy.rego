# METADATA
# title: Tags can be traced and releases do not change
# description: >-
#   A floating tag such as latest is accompanied by another one, so that what ran yesterday can still be named.
#   A release tag that exists with another digest is not moved: who pinned it must keep what they tested. Where
#   the configuration says so (immutable), no tag is. A push of the same image again is no change.
# custom:
#   severity: high
#   collections: [default, strict]
#   controls: [SSDF PS.2.1, OSPS BR-02.01]
#   fix: Add a tag that names this build (--tag), and give a changed release a new version.
#   settings:
#     floating:
#       type: array
#       stricter: superset
#       items: {type: string, minLength: 1}
#       default: [latest]
#       description: Tags that must not be pushed without another one.
#     release_pattern:
#       type: string
#       minLength: 1
#       default: '^v?[0-9]+\.[0-9]+\.[0-9]+([-_.].+)?$'
#       description: Regular expression (RE2) of tags that never change; a semantic version by default.
package pushpolicy.rules.tag_policy

import rego.v2

deny contains {"at": {"id": "floating"}, "msg": msg} if {
	not _traceable
	only := $"the image would be pushed as {input.target.tags} only"
	msg := $"{only}; a tag besides {data.settings.tag_policy.floating} is required"
}

deny contains {"at": {"id": $"tag/{tag}"}, "msg": msg} if {
	some tag, previous in input.target.previous_digests
	not _may_change(tag)
	not previous == input.image.digest
	would := $"{_kind(tag)} {tag} exists as {previous} and would become {input.image.digest}"
	msg := $"{would}; it must stay, and {_free(tag)} is free"
}

# Being new has to be said: a lost previous digest must not pass for a new tag.
deny contains {"at": {"id": $"tag/{tag}"}, "msg": msg} if {
	some tag in input.target.tags
	not _may_change(tag)
	not input.target.previous_digests[tag]
	not tag in input.target.new_tags
	msg := $"whether {_kind(tag)} {tag} exists already is not known{_because}; it must be new or name this image"
}

_because := $" ({input.target.previous_unknown})" if input.target.previous_unknown

else := ""

_traceable if {
	is_array(data.settings.tag_policy.floating)
	some tag in input.target.tags
	not tag in data.settings.tag_policy.floating
}

_may_change(tag) if {
	not input.target.immutable.by
	_kind(tag) == "tag"
}

default _kind(_) := "release tag"

_kind(tag) := "tag" if regex.match(data.settings.tag_policy.release_pattern, tag) == false

# Nobody has it but this very image: pushpolicy proposes the same one where only the registry refuses.
_free(tag) := $"{substring(tag, 0, 115)}-{substring(input.image.digest, 7, 12)}"
