# METADATA
# title: What an OPA server answers
# description: |
#   The decision, with the policy that the server runs and the evidence that it was asked about, all of one
#   query: a bundle that is swapped, or another client's answer, shows. Of the server's bundle only
#   (`pushpolicy policy bundle --server`); where the decision is undefined, the rest is still told.
package pushpolicy.server

import rego.v2

answer := object.union(
	{"policy": data.pushpolicy.server.policy, "evidence": input._request.evidence_digest},
	{"decision": decision | decision := data.pushpolicy.main.decision},
)
