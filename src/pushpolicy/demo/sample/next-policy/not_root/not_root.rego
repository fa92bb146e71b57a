# METADATA
# title: The image does not run as root
# description: >-
#   A container that starts as root makes every flaw in it worse. An image that names no user starts as root.
# custom:
#   severity: high
#   fix: Name an unprivileged user with a USER line in the Dockerfile.
package pushpolicy.rules.not_root

import rego.v2

deny contains {"at": {"id": p.platform}, "msg": "starts as root"} if {
	some p in input.image.platforms
	user := object.get(p, "user", "root")
	split(user, ":")[0] in {"", "0", "root"}
}
