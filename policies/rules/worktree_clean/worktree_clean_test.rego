package pushpolicy.rules.worktree_clean_test

import data.pushpolicy.rules.worktree_clean
import rego.v2

test_allow_when_clean if {
	found := worktree_clean.deny with input.source as {"status": "collected", "dirty": false, "commit": "1", "changes": []}
	found == set()
}

test_deny_when[name] if {
	some name, case in {
		"a file was changed": {"source": {"dirty": true, "changes": ["a", "b"]}, "text": ": a, b;"},
		"what was changed is not known": {"source": {"dirty": true}, "text": "which ones is not known"},
		"it is not known": {"source": {"changes": []}, "text": "which ones is not known"},
		"it is no boolean": {"source": {"dirty": "false"}, "text": "which ones is not known"},
	}
	found := worktree_clean.deny with input.source as object.union({"status": "collected"}, case.source)
	count(found) == 1
	some violation in found
	contains(violation.msg, case.text)
}

# The system denies then.
test_nothing_to_judge_when_not_collected[status] if {
	some status in ["missing", "failed"]
	found := worktree_clean.deny with input.source as {"status": status, "reason": "none"}
	found == set()
}
