"""How far a run is believed: by which issuer and key, until when, and which fields follow from that."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

from pushpolicy.cli.fields import fields_of
from pushpolicy.model.text import first_of, printable

_FIELDS_SHOWN = _PARTS_SHOWN = 10
_REASON_SHOWN = 120
_BY_VARIABLES = "asserted: the job has no identity token, so any of its steps could have said it"


def identity_lines(ci: Mapping[str, Any]) -> Iterator[str]:
    """A few lines, however many fields there are; none where nothing is known of the run.

    Args:
        ci: of the evidence, as JSON has it.
    """
    if ci.get("status") != "collected":
        return
    yield f"{'identity:':<15} {proof(ci, _REASON_SHOWN)}"
    fields = sorted(fields_of(ci), key=lambda field: field.trust, reverse=True)  # what is verified first
    by_trust = {trust: list(group) for trust, group in groupby(fields, key=lambda field: field.trust)}
    if by_trust.keys() & {"verified", "replayable"}:
        for trust, group in by_trust.items():
            names = [printable(field.name) for field in group]
            yield f"{'':<15} {printable(trust)}: {first_of(names, _FIELDS_SHOWN)}"
    yield from _part_lines(ci.get("parts", ()))


def _part_lines(parts: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Whose each part of another job is."""
    for part in parts[:_PARTS_SHOWN]:
        yield f"{'part:':<15} {printable(part['name'])}: {_proof(part['identity'], _REASON_SHOWN)}"
    if more := parts[_PARTS_SHOWN:]:
        yield f"{'':<15} ... and {len(more)} more parts"


def proof(ci: Mapping[str, Any], reason_shown: int = 400) -> str:
    """What vouches for the run, or why nothing does, in one line."""
    identity = ci.get("identity")
    return _BY_VARIABLES if identity is None else _proof(identity, reason_shown)


def _proof(identity: Mapping[str, Any], reason_shown: int) -> str:
    why = f": {printable(identity['reason'], reason_shown)}" if "reason" in identity else ""
    if "issuer" not in identity:
        return f"asserted{why}"
    # A token that does not prove all of what the run is of proves nothing of it.
    sure = identity["assurance"] if identity["whole"] else "asserted"
    said = {name: printable(str(identity.get(name, "?"))) for name in ("source", "issuer", "until")}
    key = printable(identity.get("key", {}).get("kid", "?"), 80)
    source = f" in {said['source']}" if sure == "replayable" else ""
    return f"{sure}: a token{source} of {said['issuer']}, key {key}, until {said['until']}{why}"
