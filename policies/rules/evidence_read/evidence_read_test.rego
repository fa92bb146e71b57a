package pushpolicy.rules.evidence_read_test

import data.pushpolicy.rules.evidence_read
import rego.v2

_denied(files) := {violation.msg |
	some violation in evidence_read.deny
		with input.unread as files
		with data.settings.evidence_read.accepted as ["docs/*.xml"]
}

test_nothing_was_left if _denied([]) == set()

test_a_file_was_left if {
	_denied([{"path": "reports/a.xml", "why": "no format"}]) == {"reports/a.xml was not read: no format; each must be"}
	count(_denied([{"path": "docs/a/b.xml", "why": "no format"}])) == 1
}

test_an_accepted_file_may_be_left if _denied([{"path": "docs/a.xml", "why": "no format"}]) == set()
