# METADATA
# title: No uncommitted changes
# description: >-
#   No file that git tracks differs from the commit. Files that git does not track, such as reports and build
#   results, do not count. Nobody can waive this: with changes nobody has reviewed, the commit that the record names
#   is not what was built.
# custom:
#   severity: high
#   integrity: true
#   fix: Commit the changes or drop them, then build, test and scan again.
package pushpolicy.rules.worktree_clean

import rego.v2

# Evidence that was not collected is denied by the system, as evidence:source; the rule judges what there is.
deny contains {"at": {"id": "worktree"}, "msg": msg} if {
	input.source.status == "collected"
	not input.source.dirty == false
	msg := $"tracked files differ from commit {input.source.commit}: {_changes}; none may"
}

_changes := concat(", ", input.source.changes) if count(input.source.changes) > 0

else := "which ones is not known"
