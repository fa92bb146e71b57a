# METADATA
# title: The image does not run as root
# description: >-
#   On every platform the image names a user, and that is not root, by name or number. Without one its process runs
#   as root, and a flaw in it gives away more. The image's own /etc/passwd is not read: another name for the number 0
#   is not seen.
# custom:
#   severity: medium
#   collections: [strict]
#   controls: [SSDF PW.9.1]
#   fix: Name a user in the Dockerfile, as in USER 1000.
package pushpolicy.rules.user_not_root

import rego.v2

deny contains {"at": {"id": $"{platform.platform}/user"}, "msg": msg} if {
	some platform in input.image.platforms
	not platform.root == false
	msg := $"{platform.platform} runs as {_user(platform)}; a user other than root is required"
}

_user(platform) := platform.user if platform.user

else := "a user that is not known"
