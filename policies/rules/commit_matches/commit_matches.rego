# METADATA
# title: Image, checkout and CI speak of one commit
# description: >-
#   The commit that the CI system runs for, the commit that is checked out, and the commit that the image's
#   label org.opencontainers.image.revision names on every platform are the same, in full. An image that names
#   no commit on any platform warns, or denies where the setting requires the label. Nobody can waive this: if
#   it does not hold, tests and code scans are about another program than the one that is pushed.
# custom:
#   severity: critical
#   collections: [minimal, default, strict]
#   controls: [SLSA build-l1, SSDF PS.3.2, OSPS BR-02.02]
#   integrity: true
#   fix: >-
#     Check out the commit of the CI run, and build from it with
#     --label org.opencontainers.image.revision=$(git rev-parse HEAD).
#   optional: ['image.platforms[].labels["org.opencontainers.image.revision"]']
#   settings:
#     require_label: {type: boolean, stricter: true, default: false, description: "Deny a platform without the revision label."}
package pushpolicy.rules.commit_matches

import rego.v2

# Evidence that was not collected is denied by the system, as evidence:source or evidence:ci; the rule judges
# what there is.
deny contains {"at": {"id": "ci.commit"}, "msg": msg} if {
	input.ci.status == "collected"
	input.source.status == "collected"
	not input.ci.commit == input.source.commit
	msg := $"the CI run is for {_ci_commit}, checked out is {input.source.commit}; they must be the same"
}

deny contains {"at": {"id": $"{platform.platform}/label"}, "msg": msg} if {
	some platform in input.image.platforms
	platform.labels[_label]
	input.source.status == "collected"
	not platform.labels[_label] == input.source.commit
	labelled := $"{platform.platform} is labelled with commit {platform.labels[_label]}"
	msg := $"{labelled}, checked out is {input.source.commit}; they must be the same"
}

deny contains {"at": {"id": $"{platform.platform}/no-label"}, "msg": _unlabelled(platform)} if {
	some platform in input.image.platforms
	not platform.labels[_label]
	not _optional
}

warn contains {"at": {"id": $"{platform.platform}/no-label"}, "msg": _unlabelled(platform)} if {
	some platform in input.image.platforms
	not platform.labels[_label]
	_optional
}

deny contains {"at": {"id": "image/platforms"}, "msg": msg} if {
	not count(input.image.platforms) > 0
	msg := "the image has no runnable platform; at least one is required"
}

_label := "org.opencontainers.image.revision"

# An absent label is only believed where the document says that the image has none on any platform: a label
# that got lost must not pass for one that never was.
_optional if {
	data.settings.commit_matches.require_label == false
	input.image.bound_to_commit in {"none", "provenance"}
}

_ci_commit := $"commit {input.ci.commit}" if input.ci.commit

else := "a commit it does not name"

_unlabelled(platform) := $"{platform.platform} does not say which commit it was built from (no label {_label})"
