package pushpolicy.rules.registries_allowed_test

import data.pushpolicy.rules.registries_allowed
import rego.v2

_denied(allowed) := {violation.at.id |
	some violation in registries_allowed.deny
		with input.target as {"registry": "ghcr.io", "repository": "shop/web"}
		with data.settings.registries_allowed.allowed as allowed
}

test_an_allowed_one if {
	every allowed in [["ghcr.io/shop/web"], ["ghcr.io/shop/*"], ["quay.io/**", "ghcr.io/**"]] {
		_denied(allowed) == set()
	}
}

test_another_one if {
	every allowed in [["ghcr.io/shop"], ["ghcr.io/*"], ["quay.io/**"], ["ghcr.io/shop/web/*"]] {
		_denied(allowed) == {"ghcr.io/shop/web"}
	}
}

test_none_is_named if {
	_denied([]) == set()
	registries_allowed.not_applicable == {"the setting allowed names none"} with data.settings.registries_allowed.allowed as []
}

test_without_the_setting_it_denies if {
	count(registries_allowed.deny) == 1 with input.target as {"registry": "ghcr.io", "repository": "shop/web"}
		with data.settings as {}
}
