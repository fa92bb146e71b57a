# METADATA
# title: No secret in the image's environment
# description: >-
#   No variable that the image sets is called like a secret. Whoever may pull the image reads its environment, and so
#   does everything that runs in it. Names are judged, in any case of letters; the values are never read.
# custom:
#   severity: high
#   collections: [default, strict]
#   controls: [SSDF PO.5.2, OSPS BR-07.02]
#   fix: >-
#     Take the variable out of the Dockerfile, and hand the secret over when the container starts, or to the build
#     as a build secret. Replace it: what was once in an image is known.
#   settings:
#     names:
#       type: array
#       stricter: superset
#       items: {type: string, minLength: 1}
#       default:
#         - "*PASSWORD"
#         - "*PASSWD"
#         - "*SECRET"
#         - "*SECRET_KEY"
#         - "*TOKEN"
#         - "*API_KEY"
#         - "*ACCESS_KEY"
#         - "*PRIVATE_KEY"
#         - "*CREDENTIALS"
#         - AWS_ACCESS_KEY_ID
#       description: Globs of names, in capitals, that no variable of an image may have.
#     accepted:
#       type: array
#       stricter: subset
#       items: {type: string, minLength: 1}
#       default: [GOOGLE_APPLICATION_CREDENTIALS]
#       description: Globs of names, in capitals, that it may have all the same; what they hold is no secret.
package pushpolicy.rules.environment_secrets

import rego.v2

deny contains {"at": {"id": $"env/{name}", "platform": platform.platform}, "msg": msg} if {
	some platform in input.image.platforms
	some name in platform.env
	_matches(name, data.settings.environment_secrets.names)
	not _matches(name, data.settings.environment_secrets.accepted)
	msg := $"{platform.platform} sets {name}, which is called like a secret; no image may hold one"
}

_matches(name, globs) if {
	some pattern in globs
	glob.match(pattern, null, upper(name))
}
