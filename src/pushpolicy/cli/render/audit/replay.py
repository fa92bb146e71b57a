"""Decisions made again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from itertools import chain
from typing import Any

import click

from pushpolicy.audit.difference import FindingChange, RuleChange
from pushpolicy.audit.replay import Differs, NotReplayable, Replay, Reproduced
from pushpolicy.audit.sources import Ignored
from pushpolicy.audit.standing import Standing
from pushpolicy.cli.formats import Kind, Report
from pushpolicy.cli.render.audit.lines import (
    audit_document,
    ignored_json,
    ignored_lines,
    record_line,
    standing_json,
)
from pushpolicy.cli.render.audit.replay_page import page_of
from pushpolicy.model.digest import Digest
from pushpolicy.model.text import printable

_CHANGES_SHOWN = 10


def replays(
    results: Sequence[Replay],
    standings: Mapping[Digest, Standing],
    ignored: Sequence[Ignored],
    subject: str,
    at: datetime,
) -> Report:
    """Decisions made again, as ``pushpolicy.audit.replay/v1``.

    Args:
        results: what became of each.
        standings: of each, by its record.
        ignored: what should have been a record.
        subject: what was asked about.
        at: the time of the report.
    """
    found = [(result, standings[result.summary.digest]) for result in results]
    return Report(
        Kind.REPLAY,
        lambda: chain(
            (line for result, how in found for line in _replay_lines(result, how)), ignored_lines(ignored)
        ),
        lambda: audit_document(
            "replay", {"replays": [_replay(result, how) for result, how in found], **ignored_json(ignored)}
        ),
        tuple(result.summary.decision for result in results),
        page=lambda: page_of(subject, results, standings, ignored, at),
    )


def _replay_lines(result: Replay, how: Standing) -> Iterator[str]:
    """Whether a decision was reproduced, and if not, what is different."""
    decision = result.summary.decision
    name = record_line(result.summary, how)
    if isinstance(result, NotReplayable):
        yield f"{click.style('not replayable', fg='red', bold=True)}: {name}"
        yield from (f"  {printable(line, 500)}" for line in result.reason.split("\n"))
        return
    if isinstance(result, Reproduced):
        yield f"{click.style('reproduced', fg='green', bold=True)}: {name}"
    if isinstance(result, Differs):
        found = result.difference
        yield f"{click.style('differs', fg='red', bold=True)}: {name}"
        if found.before is not found.after:
            yield f"  {found.before} -> {found.after}"
        yield from difference_lines(found.rules, found.findings)
    yield f"  policy {decision.policy.digest} as recorded, evidence {decision.evidence}"
    if result.other_engine:
        was, now = decision.engine, result.engine
        recorded = (
            f"{printable(was.name)} {printable(was.version)} ({was.digest or printable(was.server or '')})"
        )
        yield f"  engine {now.name} {now.version} ({now.digest}); recorded was {recorded}"
    yield f"  signature: {str(how.signature).removeprefix('signature: ')}"


def difference_lines(rules: Sequence[RuleChange], findings: Sequence[FindingChange]) -> Iterator[str]:
    """How a decision is another one: the rules, and the first findings."""
    for rule in rules:
        before, after = (status or "not in the policy" for status in (rule.before, rule.after))
        yield f"  {printable(rule.rule)}: {before} -> {after}"
    for change in findings[:_CHANGES_SHOWN]:
        yield f"    {_standing(change)}: {printable(change.msg, 300)}"
    if len(findings) > _CHANGES_SHOWN:
        yield f"    ... and {len(findings) - _CHANGES_SHOWN} more (all of them: --format json)"


def _standing(change: FindingChange) -> str:
    if change.before is None:
        return f"new {change.after}"
    return f"no {change.before} any more" if change.after is None else f"{change.before} -> {change.after}"


def _replay(result: Replay, how: Standing) -> dict[str, Any]:
    value: dict[str, Any] = {"record": result.summary.digest, **standing_json(how)}
    if isinstance(result, NotReplayable):
        return {**value, "result": "not replayable", "reason": result.reason}
    value["engine"] = result.engine
    if isinstance(result, Differs):
        return {**value, "result": "differs", "difference": result.difference}
    return {**value, "result": "reproduced"}
