"""Decisions made again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import chain
from typing import Any

import click

from pushpolicy.audit.difference import FindingChange, RuleChange
from pushpolicy.audit.replay import Differs, NotReplayable, Replay, Reproduced
from pushpolicy.audit.sources import Ignored
from pushpolicy.audit.standing import Standing
from pushpolicy.cli.formats import Cell, Kind, Report, Table
from pushpolicy.cli.render.audit.lines import (
    audit_document,
    decision_line,
    ignored_json,
    ignored_lines,
    standing_json,
)
from pushpolicy.cli.render.audit.replay_page import page_of
from pushpolicy.model.reference import Repository
from pushpolicy.model.text import printable

_CHANGES_SHOWN = 10


_COLUMNS = (
    *("time", "result", "verdict", "repository", "tag", "digest", "record"),
    *("policy", "engine", "changes", "reason", "remarks"),
)


def replays(
    found: Iterable[tuple[Replay, Standing]], ignored: Sequence[Ignored], subject: str, at: datetime
) -> Report:
    """Decisions made again, as ``pushpolicy.audit.replay/v1``.

    Args:
        found: each with what is said beside it; a list where more than one format is written, or one that
            does not write it as it comes.
        ignored: what does not count, which may grow until all of those are read.
        subject: what was asked about.
        at: the time of the report.
    """
    whole = found if isinstance(found, list) else []
    return Report(
        Kind.REPLAY,
        lambda: chain(
            (line for result, how in found for line in _replay_lines(result, how)),
            (line for _ in (None,) for line in ignored_lines(ignored)),
        ),
        lambda: audit_document(
            "replay", {"replays": [_replay(result, how) for result, how in found], **ignored_json(ignored)}
        ),
        decisions=tuple(each.summary.decision for each, _ in whole),
        page=lambda: page_of(
            subject,
            [result for result, _ in whole],
            {result.summary.digest: how for result, how in whole},
            ignored,
            at,
        ),
        table=Table(
            "pushpolicy.audit.replay/v1",
            _COLUMNS,
            lambda: (_row(result, how) for result, how in found),
            lambda: ignored_lines(ignored),
        ),
    )


def name_of(result: Replay) -> str:
    """What became of a record, in words."""
    if isinstance(result, NotReplayable):
        return "not replayable"
    return "differs" if isinstance(result, Differs) else "reproduced"


def _row(result: Replay, how: Standing) -> tuple[Cell, ...]:
    summary, decision = result.summary, result.summary.decision
    found = result.difference if isinstance(result, Differs) else None
    changes = difference_lines(found.rules, found.findings) if found else ()
    return (
        decision.evaluated_at,
        name_of(result),
        str(decision.verdict),
        str(Repository(registry=decision.image.registry, path=decision.image.repository)),
        decision.image.tags,
        str(summary.subject.digest),
        str(summary.digest),
        str(decision.policy.digest),
        None if isinstance(result, NotReplayable) else f"{result.engine.name} {result.engine.version}",
        tuple(line.strip() for line in changes),
        result.reason if isinstance(result, NotReplayable) else None,
        how.remarks,
    )


def _replay_lines(result: Replay, how: Standing) -> Iterator[str]:
    """Whether a decision was reproduced, and if not, what is different."""
    decision = result.summary.decision
    name, record = decision_line(result.summary, how), f"  record {result.summary.digest}"
    if isinstance(result, NotReplayable):
        yield f"{click.style('not replayable', fg='red', bold=True)}: {name}"
        yield record
        yield from (f"  {printable(line, 500)}" for line in result.reason.split("\n"))
        return
    if isinstance(result, Reproduced):
        yield f"{click.style('reproduced', fg='green', bold=True)}: {name}"
        yield record
    if isinstance(result, Differs):
        found = result.difference
        yield f"{click.style('differs', fg='red', bold=True)}: {name}"
        yield record
        if found.before is not found.after:
            yield f"  {found.before} -> {found.after}"
        yield from difference_lines(found.rules, found.findings)
    yield f"  policy {decision.policy.digest} as recorded, evidence {decision.evidence}"
    if result.raw:
        yield f"  {result.raw}"
    if result.other_engine:
        was, now = decision.engine, result.engine
        recorded = (
            f"{printable(was.name)} {printable(was.version)} ({was.digest or printable(was.server or '')})"
        )
        yield f"  engine {now.name} {now.version} ({now.digest}); recorded was {recorded}"
    yield f"  signature: {str(how.signature).removeprefix('signature: ')}"


def difference_lines(rules: Sequence[RuleChange], findings: Sequence[FindingChange]) -> Iterator[str]:
    """How a decision is another one: each rule, and of the findings the first, below their rules."""
    shown, results = findings[:_CHANGES_SHOWN], {rule.rule: rule for rule in rules}
    for name in sorted(results.keys() | {change.rule for change in shown}):
        told = printable(name)
        if rule := results.get(name):
            before, after = (status or "not in the policy" for status in (rule.before, rule.after))
            told = f"{told}: {before} -> {after}"
        yield f"  {told}"
        yield from (f"    {change_line(change)}" for change in shown if change.rule == name)
    if len(findings) > _CHANGES_SHOWN:
        yield f"    ... and {len(findings) - _CHANGES_SHOWN} more (all of them: --format json)"


def change_line(change: FindingChange) -> str:
    """A finding that counts otherwise."""
    return f"{_standing(change)}: {printable(change.msg, 300)}"


def _standing(change: FindingChange) -> str:
    if change.before is None:
        return f"new {change.after}"
    return f"no {change.before} any more" if change.after is None else f"{change.before} -> {change.after}"


def _replay(result: Replay, how: Standing) -> dict[str, Any]:
    value: dict[str, Any] = {"record": result.summary.digest, **standing_json(how)}
    if isinstance(result, NotReplayable):
        return {**value, "result": name_of(result), "reason": result.reason}
    value["engine"] = result.engine
    if result.raw:
        value["raw"] = result.raw
    if isinstance(result, Differs):
        return {**value, "result": name_of(result), "difference": result.difference}
    return {**value, "result": name_of(result)}
