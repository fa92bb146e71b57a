package pushpolicy.rules.environment_secrets_test

import data.pushpolicy.rules.environment_secrets
import rego.v2

_denied(env) := {violation.at.id |
	some violation in environment_secrets.deny
		with input.image.platforms as [{"platform": "linux/amd64", "env": env}]
		with data.settings.environment_secrets as {"names": ["*PASSWORD", "*TOKEN"], "accepted": ["CSRF_*"]}
}

test_other_names_may_be_there if _denied(["PATH", "TOKEN_FILE", "PASSWORD_MIN_LENGTH"]) == set()

test_names_of_secrets_may_not if {
	_denied(["PATH", "DB_PASSWORD", "npm_token", "db.password"]) == {"env/DB_PASSWORD", "env/npm_token", "env/db.password"}
}

test_what_is_accepted_may if _denied(["CSRF_TOKEN"]) == set()
