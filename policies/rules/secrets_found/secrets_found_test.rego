package pushpolicy.rules.secrets_found_test

import data.pushpolicy.rules.secrets_found
import rego.v2

_secret := {"id": "private-key", "severity": "low", "kind": "secret", "location": "a.pem:1"}

_denied(finding) := {violation.msg |
	some violation in secrets_found.deny
		with input.scans.items as [{"name": "code", "findings": [finding]}]
		with data.settings.secrets_found.accepted_suppressions as ["sarif *"]
}

test_other_findings_are_not_judged if _denied(object.union(_secret, {"kind": "code"})) == set()

test_a_secret_denies_whatever_its_severity if {
	_denied(_secret) == {"code: private-key in a.pem:1; no secret may be in the code or in the image"}
	count(_denied(object.remove(_secret, ["location"]))) == 1
	count(_denied(object.union(_secret, {"suppressed_by": ".gitleaksignore"}))) == 1
}

test_an_accepted_suppression_does_not_count if {
	_denied(object.union(_secret, {"suppressed_by": "sarif external"})) == set()
}
