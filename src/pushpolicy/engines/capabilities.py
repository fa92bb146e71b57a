"""The builtins that rules may use: those whose result depends on nothing but their arguments."""

from __future__ import annotations

from typing import Any

# Not marked nondeterministic by OPA 1.22, and yet: the certificate functions read the clock, and the
# time functions take "Local", which follows TZ and /etc/localtime of the machine.
_UNMARKED = frozenset(
    {
        "crypto.x509.parse_and_verify_certificates",
        "crypto.x509.parse_and_verify_certificates_with_options",
        "time.clock",
        "time.date",
        "time.diff",
        "time.format",
        "time.parse_ns",
        "time.weekday",
    }
)
# Marked, and still named: a capabilities file of a record may come without its marks.
_NONDETERMINISTIC = frozenset(
    {
        "http.send",
        "io.jwt.decode_verify",
        "io.jwt.encode_sign",
        "io.jwt.encode_sign_raw",
        "json.match_schema",
        "json.verify_schema",
        "net.lookup_ip_addr",
        "opa.runtime",
        "rand.intn",
        "time.now_ns",
        "uuid.rfc4122",
    }
)


def reduced(capabilities: dict[str, Any]) -> dict[str, Any]:
    """These capabilities of OPA without what reads a clock, a zone, chance or the network.

    Descriptions are left out: OPA reads the file at every start, and they are most of it.
    """
    builtins = [
        {
            key: _types_only(value)
            for key, value in builtin.items()
            if key not in ("description", "categories")
        }
        for builtin in capabilities.get("builtins", [])
        if not builtin.get("nondeterministic") and builtin.get("name") not in _UNMARKED | _NONDETERMINISTIC
    ]
    return {**capabilities, "builtins": builtins, "allow_net": []}


def _types_only(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _types_only(item) for key, item in value.items() if key != "description"}
    if isinstance(value, list):
        return [_types_only(item) for item in value]
    return value
