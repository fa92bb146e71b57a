"""How a registry refuses: in one line with its own words, and what to do about it."""

from __future__ import annotations

import json
from collections.abc import Mapping

from pushpolicy.errors import PushError
from pushpolicy.http import failures
from pushpolicy.http.call import Answer
from pushpolicy.model.text import printable

_MAX_ERRORS = 3
_MAX_WORDS = 400  # the cause comes last in some, after a path of the registry's storage
_HINTS = {
    401: "log in (docker login), or set PUSHPOLICY_USERNAME and PUSHPOLICY_PASSWORD",
    403: "the credential may not do this here; give it permission to push to this repository, "
    "and see that the repository exists",
    404: "check the repository's name; some registries want it to be created first",
    405: "the registry takes no pushes; it may be a mirror, a proxy or read-only",
    413: "the registry or a proxy before it limits the size of an upload; raise that limit",
    429: "the registry limits the rate of requests; wait a while, or log in if this was anonymous",
    507: "the storage of the registry is full; its administrator must make room",
}
_REFUSED_HINT = "the registry does not accept that credential for this, or no longer; log in anew"
_IMMUTABLE_HINT = "the tag is there and this repository lets no tag be moved; push under another tag"
_QUOTA_HINT = "the quota of this repository is used up; remove old images or have it raised"
_HTTPS_HINT = "the registry speaks https; leave out the option for plain http"
# In the words of distribution, MinIO, ECR, Harbor (its storage quota speaks of an upper limit) and Quay.
_HINTS_BY_WORDS = (
    (("http request to an https server",), _HTTPS_HINT),
    (("no space left on device", "minimum free drive threshold", "insufficient storage"), _HINTS[507]),
    (("immutable",), _IMMUTABLE_HINT),
    (("quota", "configured upper limit", "maximum allowed number"), _QUOTA_HINT),
)


class AbsentError(PushError):
    """What was asked for is not there (404)."""


def refusal(action: str, answer: Answer) -> PushError:
    """The error for an answer that is not what was asked for; AbsentError for a 404."""
    said = failures.refusal(action, answer, "the registry", registry_words(answer.content)).message
    shown = "" if answer.shown is None else f" ({answer.shown or 'no credential'} was shown)"
    return (AbsentError if answer.status == 404 else PushError)(said + shown, _hint(answer))


def _hint(answer: Answer) -> str | None:
    """What to do, by what the registry says where its status says less."""
    said = answer.content.decode("utf-8", "replace").lower()
    for parts, hint in _HINTS_BY_WORDS:
        if any(part in said for part in parts) and not (hint is _QUOTA_HINT and answer.status == 429):
            return hint
    if answer.status == 401 and answer.shown:
        return _REFUSED_HINT
    return _HINTS.get(answer.status)


def registry_words(content: bytes) -> str:
    """What the registry says of an error (distribution-spec, "Error Codes"), made harmless."""
    try:
        value = json.loads(content)
    except (ValueError, RecursionError):
        text = content[:400].decode("utf-8", "replace").strip()
        return "" if text.startswith("<") else printable(text, _MAX_WORDS)
    errors = value.get("errors") if isinstance(value, dict) else None
    if isinstance(errors, list):
        said = [_one_error(item) for item in errors[:_MAX_ERRORS] if isinstance(item, dict)]
        return printable("; ".join(filter(None, said)), _MAX_WORDS)
    return printable(_one_error(value), _MAX_WORDS) if isinstance(value, dict) else ""


def _one_error(item: Mapping[str, object]) -> str:
    # `detail` may be of any type; the last three are of OAuth2 and others.
    names = ("code", "message", "detail", "error", "error_description", "details")
    return ": ".join(str(item[name]) for name in names if isinstance(item.get(name), str) and item[name])
