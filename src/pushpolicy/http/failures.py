"""What went wrong with a request, in one line with the registry's own words, and what to do about it."""

from __future__ import annotations

import errno
import http.client
import json
import socket
import ssl
from collections.abc import Iterator, Mapping

import msgspec

from pushpolicy.errors import PushError
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
_HTTP_HINT = "the registry seems to speak plain http; if that is meant, ask for plain http (--plain-http)"
# In the words of distribution, MinIO, ECR, Harbor (its storage quota speaks of an upper limit) and Quay.
_HINTS_BY_WORDS = (
    (("http request to an https server",), _HTTPS_HINT),
    (("no space left on device", "minimum free drive threshold", "insufficient storage"), _HINTS[507]),
    (("immutable",), _IMMUTABLE_HINT),
    (("quota", "configured upper limit", "maximum allowed number"), _QUOTA_HINT),
)
_CERTIFICATE_HINT = (
    "if the registry has a private authority, give its certificate as CA file (--ca-file), or put it into "
    "the registry's folder of a certs.d"
)
_PROXY_HINT = "check HTTPS_PROXY, HTTP_PROXY and NO_PROXY, and that the proxy runs"
# OpenSSL's reasons for an answer that is not TLS.
_NOT_TLS = frozenset({"WRONG_VERSION_NUMBER", "HTTP_REQUEST", "UNKNOWN_PROTOCOL", "RECORD_LAYER_FAILURE"})
# What a server says that wants to see a certificate, or another one (RFC 8446, 6.2).
_NO_CLIENT = frozenset(
    {
        "TLSV13_ALERT_CERTIFICATE_REQUIRED",
        "SSLV3_ALERT_BAD_CERTIFICATE",
        "SSLV3_ALERT_CERTIFICATE_EXPIRED",
        "SSLV3_ALERT_CERTIFICATE_UNKNOWN",
        "TLSV1_ALERT_UNKNOWN_CA",
        "TLSV1_ALERT_ACCESS_DENIED",
    }
)
_CLIENT_HINT = (
    "give the registry's folder of a certs.d (docker, podman) or --cert-dir a NAME.cert with NAME.key "
    "that it accepts"
)


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """A registry's answer, read to its end within a limit.

    Attributes:
        headers: a mapping that does not mind case.
        shown: the credential that a 401 or 403 is about, in words; empty when none was shown.
    """

    status: int
    headers: Mapping[str, str]
    content: bytes
    url: str
    shown: str | None = None


def refusal(action: str, answer: Answer) -> PushError:
    """The error for an answer that is not what was asked for."""
    words = registry_words(answer.content)
    reason = http.client.responses.get(answer.status, "")
    said = f": {words}" if words else ""
    shown = "" if answer.shown is None else f" ({answer.shown or 'no credential'} was shown)"
    return PushError(
        f"{action}: the registry answered {answer.status} {reason}".rstrip() + said + shown, _hint(answer)
    )


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


class ProxyError(OSError):
    """The proxy on the way is not reached; why is its cause."""


class NoAnswer(msgspec.Struct, frozen=True):
    """Why there was no answer, and whether another attempt may get one."""

    failure: PushError
    transient: bool


def no_answer(action: str, host: str, error: Exception) -> NoAnswer:
    """Classify what the HTTP library raised, by the system's own error below it."""
    for cause in _causes(error):
        match cause:
            case ProxyError():
                assert isinstance(cause.__cause__, Exception)
                below = no_answer(action, f"the proxy {cause}", cause.__cause__)
                hint = _CERTIFICATE_HINT if below.failure.hint == _CERTIFICATE_HINT else _PROXY_HINT
                return NoAnswer(PushError(below.failure.message, hint), below.transient)
            case ssl.SSLCertVerificationError():
                reason = f"the certificate of {host} is not trusted ({printable(cause.verify_message)})"
                return NoAnswer(PushError(f"{action}: {reason}", _CERTIFICATE_HINT), False)
            case ssl.SSLError() if getattr(cause, "reason", None) in _NOT_TLS:
                return NoAnswer(PushError(f"{action}: {host} does not speak TLS", _HTTP_HINT), False)
            case ssl.SSLError() if getattr(cause, "reason", None) in _NO_CLIENT:
                reason = f"{host} does not accept the client's certificate, or the lack of one"
                return NoAnswer(PushError(f"{action}: {reason} ({cause.reason})", _CLIENT_HINT), False)
            case socket.gaierror():
                failure = PushError(
                    f"{action}: {host} is not found by its name",
                    "check the registry's name, and the DNS of this machine",
                )
                return NoAnswer(failure, cause.errno == socket.EAI_AGAIN)
            case ConnectionRefusedError():
                failure = PushError(
                    f"{action}: {host} refuses connections", "check host and port, and that the registry runs"
                )
                return NoAnswer(failure, True)
            case TimeoutError():
                return NoAnswer(
                    PushError(
                        f"{action}: {host} does not answer in time", "check the network, or try again later"
                    ),
                    True,
                )
            case OSError() if cause.errno in (errno.EHOSTUNREACH, errno.ENETUNREACH):
                return NoAnswer(PushError(f"{action}: {host} cannot be reached", "check the network"), True)
    broke = f"the connection to {host} broke ({_deepest(error)})"
    return NoAnswer(PushError(f"{action}: {broke}", "check the network, or run it again later"), True)


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error and everything below it; requests and urllib3 wrap in args, reason and cause."""
    pending: list[object] = [error]
    seen: set[int] = set()
    while pending:
        item = pending.pop(0)
        if not isinstance(item, BaseException) or id(item) in seen:
            continue
        seen.add(id(item))
        yield item
        pending += [*item.args, getattr(item, "reason", None), item.__cause__, item.__context__]


def _deepest(error: BaseException) -> str:
    """The system's own words; the HTTP libraries' may quote a header or a proxy's password."""
    *_, last = _causes(error)
    is_system = isinstance(last, OSError | http.client.HTTPException)
    is_library = type(last).__module__.partition(".")[0] in ("requests", "urllib3")
    return printable(str(last)) if is_system and not is_library and str(last) else type(last).__name__
