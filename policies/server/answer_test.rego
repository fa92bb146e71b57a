package pushpolicy.server_test

import rego.v2

asked := {"_request": {"evidence_digest": "sha256:1"}}

test_the_decision_comes_with_what_it_is_by_and_about if {
	answer := data.pushpolicy.server.answer with input as asked
		with data.pushpolicy.server.policy as "sha256:2"
		with data.pushpolicy.main.decision as {"allow": false}
	answer == {"policy": "sha256:2", "evidence": "sha256:1", "decision": {"allow": false}}
}

test_without_a_policy_or_evidence_there_is_no_answer if {
	not data.pushpolicy.server.answer with input as asked
	not data.pushpolicy.server.answer with input as {} with data.pushpolicy.server.policy as "sha256:2"
}
