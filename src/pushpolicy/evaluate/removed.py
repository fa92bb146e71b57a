"""The builtins of OPA that rules cannot call, and what to write instead.

A decision rests on evidence alone, so that it is the same on every machine and years later: nothing is there
that reads the clock, a time zone, chance, the environment or the network (`bundle.reduced`).
"""

from __future__ import annotations

import re

from pushpolicy.evaluate.bundle import REMOVED

_UNDEFINED = re.compile(r"(?:rego_type_error: )?undefined function ([a-z0-9_.]+)")
_HANDED = "hand what it would answer over as evidence: --evidence extra.NAME=FILE, read as input.extra.NAME"
# By what OPA's errors begin with.
_REMEDIES = {
    "rego_parse_error": "correct the text there",
    "rego_compile_error": "correct the text there",
    "rego_type_error": "call what there is, with what it takes",
    "rego_type_error: undefined ref": "name what is there",
    "rego_unsafe_var_error": "give the variable a value in the body: `some x in ...`, or `x := ...`",
    "rego_recursion_error": "let one of them do without the other",
}
_INSTEAD = {
    "time.now_ns": "the time of the decision is time.parse_rfc3339_ns(input.evaluated_at)",
    "time.": "it follows the machine's time zone: call data.pushpolicy.lib.calendar, or count in nanoseconds "
    "(time.parse_rfc3339_ns, time.add_date)",
    "http.": _HANDED,
    "net.lookup": _HANDED,
    "opa.runtime": _HANDED,
    "rand.": "chance is no reason to deny: leave it out",
    "uuid.rfc4122": "chance is no reason to deny: leave it out",
    "io.jwt.": "its expiry is that of the clock: what a verified token says is in input.ci.identity",
    "crypto.x509.": "it compares with the clock: what is verified of a signature is in the evidence",
    "json.": "the evidence is validated against its schema before it is decided on",
}


def explain(message: str) -> str:
    """OPA's message, and what to do: of a removed builtin, that it is, and what to use instead of it."""
    explained = _UNDEFINED.sub(lambda found: told(found[1]) if found[1] in REMOVED else found[0], message)
    if explained != message:
        return explained
    # Of OPA's words nothing is what to do, also where they have a semicolon.
    said = message.replace("; ", ", ")
    # The longest beginning says most.
    code = max(filter(message.startswith, _REMEDIES), key=len, default="")
    return f"{said}; {_REMEDIES[code]}" if code else said


def told(builtin: str) -> str:
    """That a builtin of REMOVED is not there, and what to use instead."""
    return f"{builtin} is removed; {instead(builtin)}"


def instead(builtin: str) -> str:
    """Why a builtin of REMOVED is not there, and what to use instead."""
    # The longest beginning says most.
    return _INSTEAD[max(filter(builtin.startswith, _INSTEAD), key=len)]
