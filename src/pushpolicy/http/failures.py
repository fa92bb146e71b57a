"""Why there was no answer, in one line, and what to do about it; and how a refusal reads."""

from __future__ import annotations

import errno
import http.client
import socket
import ssl
from collections.abc import Iterator

import msgspec

from pushpolicy.errors import PushError
from pushpolicy.http.call import Answer
from pushpolicy.http.chains import ChainError
from pushpolicy.model.text import printable

_CERTIFICATE_HINT = (
    "if the server has a private authority, give its certificate as CA file (--ca-file), or put it into "
    "the folder of its name in a certs.d"
)
_CHAIN_HINT = "whoever issued it has to issue another; programs in Go, such as docker, do not take it either"
_HTTP_HINT = "the server seems to speak plain http; if that is meant, ask for plain http (--plain-http)"
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
    "give the server's folder of a certs.d (docker, podman) or --cert-dir a NAME.cert with NAME.key "
    "that it accepts"
)


def refusal(action: str, answer: Answer, who: str = "the server", said: str = "") -> PushError:
    """The error for an answer that is not what was asked for, with the server's own words if it has some."""
    reason = http.client.responses.get(answer.status, "")
    words = f": {said}" if said else ""
    return PushError(f"{action}: {who} answered {answer.status} {reason}".rstrip() + words)


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
                is_about_certificate = below.failure.hint in (_CERTIFICATE_HINT, _CHAIN_HINT)
                hint = below.failure.hint if is_about_certificate else _PROXY_HINT
                return NoAnswer(PushError(below.failure.message, hint), below.transient)
            case http.client.InvalidURL():
                return NoAnswer(PushError(f"{action}: {printable(str(cause))}"), False)
            case ssl.SSLCertVerificationError():
                reason = f"the certificate of {host} is not trusted ({printable(cause.verify_message)})"
                hint = _CHAIN_HINT if isinstance(cause, ChainError) else _CERTIFICATE_HINT
                return NoAnswer(PushError(f"{action}: {reason}", hint), False)
            case ssl.SSLError() if getattr(cause, "reason", None) in _NOT_TLS:
                return NoAnswer(PushError(f"{action}: {host} does not speak TLS", _HTTP_HINT), False)
            case ssl.SSLError() if getattr(cause, "reason", None) in _NO_CLIENT:
                reason = f"{host} does not accept the client's certificate, or the lack of one"
                return NoAnswer(PushError(f"{action}: {reason} ({cause.reason})", _CLIENT_HINT), False)
            case socket.gaierror():
                failure = PushError(
                    f"{action}: {host} is not found by its name",
                    "check the host's name, and the DNS of this machine",
                )
                return NoAnswer(failure, cause.errno == socket.EAI_AGAIN)
            case ConnectionRefusedError():
                failure = PushError(
                    f"{action}: {host} refuses connections", "check host and port, and that the server runs"
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
