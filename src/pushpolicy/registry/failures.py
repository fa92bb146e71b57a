"""What went wrong with a request, in one line with the registry's own words, and what to do about it."""

from __future__ import annotations

import errno
import http.client
import json
import socket
import ssl
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from pushpolicy.errors import PushError
from pushpolicy.model.text import printable

_MAX_ERRORS = 3
_HINTS = {
    401: "log in (docker login), or set PUSHPOLICY_USERNAME and PUSHPOLICY_PASSWORD; if you did, "
    "the registry does not accept that credential",
    403: "the credential may not do this here; give it permission to push to this repository, "
    "and see that the repository exists",
    404: "check the repository's name; some registries want it to be created first",
    405: "the registry takes no pushes; it may be a mirror, a proxy or read-only",
    413: "the registry or a proxy before it limits the size of an upload; raise that limit",
    429: "the registry limits the rate of requests; wait a while, or log in if this was anonymous",
    507: "the storage of the registry is full; its administrator must make room",
}
_QUOTA_HINT = "the quota of this repository is used up; remove old images or have it raised"
_HTTPS_HINT = "the registry speaks https; leave out the option for plain http"
_HTTP_HINT = "the registry seems to speak plain http; if that is meant, ask for plain http explicitly"
_CERTIFICATE_HINT = "if the registry has a private authority, name its certificate file as CA file"
# OpenSSL's reasons for an answer that is not TLS.
_NOT_TLS = frozenset({"WRONG_VERSION_NUMBER", "HTTP_REQUEST", "UNKNOWN_PROTOCOL", "RECORD_LAYER_FAILURE"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A registry's answer, read to its end within a limit; `headers` does not mind case."""

    status: int
    headers: Mapping[str, str]
    content: bytes
    url: str


def refusal(action: str, answer: Answer) -> PushError:
    """The error for an answer that is not what was asked for."""
    words = registry_words(answer.content)
    reason = http.client.responses.get(answer.status, "")
    said = f": {words}" if words else ""
    return PushError(
        f"{action}: the registry answered {answer.status} {reason}".rstrip() + said, _hint(answer, words)
    )


def _hint(answer: Answer, words: str) -> str | None:
    lower = words.lower()
    if "http request to an https server" in lower:
        return _HTTPS_HINT
    if "quota" in lower:
        return _QUOTA_HINT
    return _HINTS.get(answer.status)


def registry_words(content: bytes) -> str:
    """What the registry says of an error (distribution-spec, "Error Codes"), made harmless."""
    try:
        value = json.loads(content)
    except (ValueError, RecursionError):
        text = content[:400].decode("utf-8", "replace").strip()
        return "" if text.startswith("<") else printable(text)
    errors = value.get("errors") if isinstance(value, dict) else None
    if isinstance(errors, list):
        said = [_one_error(item) for item in errors[:_MAX_ERRORS] if isinstance(item, dict)]
        return printable("; ".join(filter(None, said)))
    return printable(_one_error(value)) if isinstance(value, dict) else ""


def _one_error(item: Mapping[str, object]) -> str:
    names = ("code", "message", "error", "error_description", "details")  # the last three: OAuth2 and others
    return ": ".join(str(item[name]) for name in names if isinstance(item.get(name), str) and item[name])


@dataclass(frozen=True, slots=True)
class NoAnswer:
    """Why there was no answer, and whether another attempt may get one."""

    failure: PushError
    transient: bool


def no_answer(action: str, host: str, error: Exception) -> NoAnswer:
    """Classify what the HTTP library raised, by the system's own error below it."""
    for cause in _causes(error):
        match cause:
            case ssl.SSLCertVerificationError():
                reason = f"the certificate of {host} is not trusted ({printable(cause.verify_message)})"
                return NoAnswer(PushError(f"{action}: {reason}", _CERTIFICATE_HINT), False)
            case ssl.SSLError() if getattr(cause, "reason", None) in _NOT_TLS:
                return NoAnswer(PushError(f"{action}: {host} does not speak TLS", _HTTP_HINT), False)
            case socket.gaierror():
                failure = PushError(
                    f"{action}: the name {host} is not known",
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
