"""What the reports about past decisions have in common: the line of a record, and what does not count."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import click

from pushpolicy.audit.signature import NOT_VALID
from pushpolicy.audit.sources import Ignored, Unreadable
from pushpolicy.audit.standing import Standing
from pushpolicy.audit.walk import Problem, Unread
from pushpolicy.model.document import Document, plain
from pushpolicy.model.reference import Repository
from pushpolicy.model.text import first_of, printable
from pushpolicy.records.read import Summary

_PROBLEMS_SHOWN = 50
_WIDTH = 80


def decision_line(summary: Summary, how: Standing) -> str:
    """A decision: what about, and how far it counts."""
    decision = summary.decision
    color = "green" if decision.allowed else "red"
    if decision.observed or how.wrong:
        color = "yellow"
    image = decision.image
    name = f"{Repository(registry=image.registry, path=image.repository)}:{first_of(image.tags, 5)}"
    verdict = click.style(str(decision.verdict), fg=color)
    remarks = ", ".join(how.remarks)
    return f"{printable(decision.evaluated_at)}  {verdict}  {printable(name)}  {remarks}"


def ignored_lines(ignored: Sequence[Ignored]) -> Iterator[str]:
    """What should have been a record or a source, and what was not read for the limits."""
    problems, unreadable = _problems(ignored), _unreadable(ignored)
    for problem in problems[:_PROBLEMS_SHOWN]:
        # That no listed key vouches for it says what it is; else it is named before its reason.
        named = "" if problem.reason.startswith(NOT_VALID) else f"ignored record {problem.digest}: "
        place = f" (in {printable(str(problem.place))})" if problem.place else ""
        yield click.style(f"{named}{printable(problem.reason, 500)}{place}", fg="red")
    if (more := len(problems) - _PROBLEMS_SHOWN) > 0:
        yield click.style(f"ignored: {more} more that are not valid (all of them: --format json)", fg="red")
    for source in unreadable:
        yield click.style(f"not read: {printable(source.reason, 500)}", fg="red")
    if unread := _unread(ignored):
        yield click.style(f"incomplete: {unread} more records or statements were not read", fg="red")


def ignored_json(ignored: Sequence[Ignored]) -> dict[str, Any]:
    """The same, for programs."""
    return {
        "problems": [
            {"digest": each.digest, "reason": each.reason, "source": each.place and str(each.place)}
            for each in _problems(ignored)
        ],
        "unread": _unread(ignored),
        "not_read": [each.reason for each in _unreadable(ignored)],
    }


def _problems(ignored: Sequence[Ignored]) -> list[Problem]:
    return [each for each in ignored if isinstance(each, Problem)]


def _unreadable(ignored: Sequence[Ignored]) -> list[Unreadable]:
    return [each for each in ignored if isinstance(each, Unreadable)]


def _unread(ignored: Sequence[Ignored]) -> int:
    return sum(each.number for each in ignored if isinstance(each, Unread))


def summary_json(summary: Summary, how: Standing) -> dict[str, Any]:
    """A record without its evidence and policy."""
    return {
        "digest": summary.digest,
        **standing_json(how),
        "decision": summary.decision,
        "previous": summary.previous,
        "layers": [layer.to_json() for layer in summary.layers],
    }


def standing_json(how: Standing) -> dict[str, Any]:
    """`remarks` is what the first line of the text says; `anchored` is computed, not what the record says."""
    signed_by = {"signed_by": how.signature.by} if how.signature.by else {}
    return {
        "signature": how.signature.state,
        **signed_by,
        "anchored": how.anchored,
        "remarks": how.remarks,
    }


def told_time(moment: datetime) -> str:
    """A time as records have it."""
    return moment.isoformat().replace("+00:00", "Z")


def wrapped(text: str, indent: int) -> list[str]:
    """Lines that fit a terminal, of a text that is printable; a digest is not broken."""
    return textwrap.wrap(
        text,
        _WIDTH,
        initial_indent=" " * indent,
        subsequent_indent=" " * (indent + 2),
        break_long_words=False,
        break_on_hyphens=False,
    )


def audit_document(name: str, value: Mapping[str, Any]) -> Document:
    """A document of audit."""
    return Document.of(plain({"schema": f"pushpolicy.audit.{name}/v1", **value}))
