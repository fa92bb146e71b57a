"""What was found of a reference that was verified."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import click

from pushpolicy.audit.verified import Verified
from pushpolicy.cli.formats import Kind, Report
from pushpolicy.cli.render.audit.lines import audit_document, standing_json
from pushpolicy.cli.render.decision import verdict_line
from pushpolicy.model.text import printable

_TOLD = 5


def verified(found: Verified) -> Report:
    """Every check, as ``pushpolicy.audit.verify/v1``."""
    decisions = (found.record.decision,) if found.record else ()
    return Report(
        Kind.VERIFIED, lambda: _lines(found), lambda: audit_document("verify", _json(found)), decisions
    )


def _lines(found: Verified) -> Iterator[str]:
    """What is wrong, one line each; without that, who vouches for what. Then what was looked at."""
    for check in found.failures:
        text = printable(f"{check.name}: {check.says}", 700)
        yield f"{click.style('NOT VALID', fg='red', bold=True)}: {text}"
        if check.hint:
            yield f"  -> {printable(check.hint, 300)}"
    if found.record and found.standing and not found.failures:
        yield verdict_line(found.record.decision, found.standing.remarks)
    if found.record:
        yield f"{'of:':<11} record {found.record.digest}, about {printable(str(found.reference))}"
    for check in found.checks:
        if check.passed is not False:
            mark = "ok" if check.passed else "not checked"
            yield f"{f'{check.name}:':<11} {mark}: {printable(check.says, 500)}"
    for reason in found.ignored[:_TOLD]:
        yield f"{'ignored:':<11} {printable(reason, 500)}"
    if len(found.ignored) > _TOLD:
        yield f"{'ignored:':<11} and {len(found.ignored) - _TOLD} more (all of them: --format json)"


def _json(found: Verified) -> dict[str, Any]:
    standing = standing_json(found.standing) if found.standing else {}
    record = {"record": found.record.digest, "decision": found.record.decision} if found.record else {}
    return {
        "reference": str(found.reference),
        "valid": not found.failures,
        **record,
        **standing,
        "checks": [
            {
                "name": check.name,
                "result": "not checked" if check.passed is None else "ok" if check.passed else "failed",
                "says": printable(check.says, 700),
                **({"fix": check.hint} if check.hint else {}),
            }
            for check in found.checks
        ],
        "ignored": [printable(reason, 700) for reason in found.ignored],
    }
