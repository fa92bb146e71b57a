"""Why there was no answer, in one line, and what to do about it; and how a refusal reads."""

from __future__ import annotations

import errno
import http.client
import re
import socket
import ssl
from collections.abc import Iterator

import msgspec

from pushpolicy.errors import PushError
from pushpolicy.http.call import Answer
from pushpolicy.http.chains import ChainError
from pushpolicy.http.sending import StallError
from pushpolicy.model.text import printable

CERTIFICATE_HINT = (
    "if the server has a private authority, give its certificate as CA file (--ca-file), or put it into "
    "the folder of its name in a certs.d"
)
_CHAIN_HINT = "whoever issued it has to issue another; programs in Go, such as docker, do not take it either"
HTTP_HINT = "the server seems to speak plain http; if that is meant, ask for plain http (--plain-http)"
PROXY_LOGIN_HINT = (
    "put user and password into the proxy's address (HTTPS_PROXY=http://USER:PASSWORD@HOST:PORT)"
)
_NOT_HTTP_HINT = "what answers there speaks no HTTP, or wrongly; check host and port, and what stands between"
_NOT_LET_HINT = "have the proxy let this host through, or name the host in NO_PROXY"
_PROXY_HINT = "check HTTPS_PROXY, HTTP_PROXY and NO_PROXY, and that the proxy runs"
# How http.client tells that a proxy refused.
_TUNNEL = re.compile(r"Tunnel connection failed: (\d{3}.*)", re.DOTALL)
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
CLIENT_HINT = (
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
                is_about_certificate = below.failure.hint in (CERTIFICATE_HINT, _CHAIN_HINT)
                hint = below.failure.hint if is_about_certificate else _PROXY_HINT
                return NoAnswer(PushError(below.failure.message, hint), below.transient)
            case http.client.InvalidURL():
                return NoAnswer(PushError(f"{action}: {printable(str(cause))}"), False)
            case ssl.SSLCertVerificationError():
                reason = f"the certificate of {host} is not trusted ({printable(cause.verify_message)})"
                hint = _CHAIN_HINT if isinstance(cause, ChainError) else CERTIFICATE_HINT
                return NoAnswer(PushError(f"{action}: {reason}", hint), False)
            case ssl.SSLError() if getattr(cause, "reason", None) in _NOT_TLS:
                return NoAnswer(PushError(f"{action}: {host} does not speak TLS", HTTP_HINT), False)
            case ssl.SSLError() if getattr(cause, "reason", None) in _NO_CLIENT:
                reason = f"{host} does not accept the client's certificate, or the lack of one"
                return NoAnswer(PushError(f"{action}: {reason} ({cause.reason})", CLIENT_HINT), False)
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
            case StallError():
                reason = f"{host} does not answer in time: {cause}, the limit of max-stall-seconds"
                hint = "check the network, or try again later; --limit raises it"
                return NoAnswer(PushError(f"{action}: {reason}", hint), True)
            case TimeoutError():
                return NoAnswer(
                    PushError(
                        f"{action}: {host} does not answer in time", "check the network, or try again later"
                    ),
                    True,
                )
            case OSError() if found := _TUNNEL.fullmatch(str(cause)):
                return _no_tunnel(action, host, found[1])
            case OSError() if cause.errno in (errno.EHOSTUNREACH, errno.ENETUNREACH):
                return NoAnswer(PushError(f"{action}: {host} cannot be reached", "check the network"), True)
    broke = f"the connection to {host} broke ({_deepest(error)})"
    hint = _NOT_HTTP_HINT if _is_malformed(error) else "check the network, or try again later"
    return NoAnswer(PushError(f"{action}: {broke}", hint), True)


def _no_tunnel(action: str, host: str, answer: str) -> NoAnswer:
    """A proxy's refusal to lead to the host; `answer` begins with its status."""
    hint = PROXY_LOGIN_HINT if answer.startswith("407") else _NOT_LET_HINT
    message = f"{action}: the proxy does not lead to {host} ({printable(answer)})"
    is_trouble = answer.startswith("5")
    return NoAnswer(PushError(message, _PROXY_HINT if is_trouble else hint), is_trouble)


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


def _is_malformed(error: BaseException) -> bool:
    """Whether there was an answer that is none in HTTP, rather than none or half of one."""
    *_, last = _causes(error)
    is_cut = isinstance(last, http.client.IncompleteRead | ConnectionError)
    return isinstance(last, http.client.HTTPException) and not is_cut


def _deepest(error: BaseException) -> str:
    """The system's own words; the HTTP libraries' may quote a header or a proxy's password."""
    *_, last = _causes(error)
    is_system = isinstance(last, OSError | http.client.HTTPException)
    is_library = type(last).__module__.partition(".")[0] in ("requests", "urllib3")
    return printable(str(last)) if is_system and not is_library and str(last) else type(last).__name__
