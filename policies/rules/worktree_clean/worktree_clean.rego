# METADATA
# title: No uncommitted changes
# description: >-
#   No file that the commit holds is another one in the checkout. Files that git does not track, such as reports and
#   build results, do not count. Nobody can waive this: with changes nobody has reviewed, the commit that the record
#   names is not what was built. A file that a filter other than Git LFS writes, and a submodule without its
#   repository, cannot be compared, and are denied unless the setting names them. What is not checked out, such as
#   a submodule or what lies outside a sparse checkout, is no change; a setting denies it.
# custom:
#   severity: high
#   collections: [minimal, default, strict]
#   controls: [SSDF PS.3.2]
#   integrity: true
#   fix: >-
#     Commit the changes or drop them, then build, test and scan again. Check submodules out with their repositories;
#     name a file that a filter writes in the setting accept_not_comparable.
#   settings:
#     accept_not_comparable:
#       type: array
#       stricter: subset
#       items: {type: string, minLength: 1}
#       default: []
#       description: "Globs of files that need not be compared with the commit; * stops at a slash, ** does not."
#     require_complete: {type: boolean, stricter: true, default: false, description: "Deny a checkout that lacks files or submodules."}
package pushpolicy.rules.worktree_clean

import rego.v2

# Evidence that was not collected is denied by the system, as evidence:source; the rule judges what there is.
deny contains {"at": {"id": "worktree"}, "msg": msg} if {
	input.source.status == "collected"
	not input.source.dirty == false
	msg := $"tracked files differ from commit {input.source.commit}: {_changes}; none may"
}

deny contains {"at": {"id": "not-comparable"}, "msg": msg} if {
	input.source.status == "collected"
	not input.source.counts.not_comparable == count(input.source.not_comparable)
	msg := $"not all files are known that could not be compared with commit {input.source.commit}; all must be"
}

deny contains {"at": {"id": $"not-comparable/{path}"}, "msg": msg} if {
	some path in input.source.not_comparable
	not _accepted(path)
	msg := $"{path} cannot be compared with commit {input.source.commit}; accepted are {_accepted_globs}"
}

deny contains {"at": {"id": "not-checked-out"}, "msg": msg} if {
	input.source.status == "collected"
	not data.settings.worktree_clean.require_complete == false
	not input.source.counts.not_checked_out == count(input.source.not_checked_out)
	msg := $"not all is known that is not checked out of commit {input.source.commit}; it must be"
}

deny contains {"at": {"id": $"not-checked-out/{path}"}, "msg": msg} if {
	not data.settings.worktree_clean.require_complete == false
	some path in input.source.not_checked_out
	msg := $"{path} is not checked out; everything in commit {input.source.commit} must be"
}

_changes := concat(", ", input.source.changes) if count(input.source.changes) > 0

else := "which ones is not known"

_accepted(path) if {
	some pattern in data.settings.worktree_clean.accept_not_comparable
	glob.match(pattern, ["/"], path)
}

_accepted_globs := data.settings.worktree_clean.accept_not_comparable if {
	count(data.settings.worktree_clean.accept_not_comparable) > 0
}

else := "none"
