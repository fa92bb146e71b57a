"""Decisions made again, and under another policy."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from typing import Any

import click

from pushpolicy.audit.difference import Difference, FindingChange
from pushpolicy.audit.replay import Differs, NotReplayable, Replay, Reproduced
from pushpolicy.audit.standing import Standing
from pushpolicy.audit.walk import Problem, Unread
from pushpolicy.audit.what_if import PushEffect, WhatIf
from pushpolicy.cli.formats import Kind, Report
from pushpolicy.cli.render.audit.lines import (
    audit_document,
    ignored_json,
    ignored_lines,
    record_line,
    standing_json,
)
from pushpolicy.cli.render.decision import count
from pushpolicy.model.digest import Digest
from pushpolicy.model.text import printable

_CHANGES_SHOWN = 10
_COLORS = {"stricter": "red", "looser": "yellow", "stricter and looser": "yellow", "unchanged": "green"}


def replays(
    results: Sequence[Replay], standings: Mapping[Digest, Standing], ignored: Sequence[Problem | Unread]
) -> Report:
    """Decisions made again, as ``pushpolicy.audit.replay/v1``."""
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
        yield f"{click.style('differs', fg='red', bold=True)}: {name}"
        yield from _difference(result.difference)
    yield f"  policy {decision.policy.digest} as recorded, evidence {decision.evidence}"
    if result.other_engine:
        was, now = decision.engine, result.engine
        recorded = (
            f"{printable(was.name)} {printable(was.version)} ({was.digest or printable(was.server or '')})"
        )
        yield f"  engine {now.name} {now.version} ({now.digest}); recorded was {recorded}"
    yield f"  signature: {str(how.signature).removeprefix('signature: ')}"


def effect(
    found: WhatIf, standings: Mapping[Digest, Standing], ignored: Sequence[Problem | Unread]
) -> Report:
    """What another policy would have decided, as ``pushpolicy.audit.what-if/v1``."""
    return Report(
        Kind.WHAT_IF,
        lambda: chain(_effect_lines(found, standings), ignored_lines(ignored)),
        lambda: audit_document("what-if", {**_effect(found, standings), **ignored_json(ignored)}),
        tuple(push.summary.decision for push in found.pushes),
    )


def _effect_lines(found: WhatIf, standings: Mapping[Digest, Standing]) -> Iterator[str]:
    """What another policy would have decided: in one line, by rule, and by push."""
    yield _direction(found.direction, f"what this policy does to {count(len(found.pushes), 'past decision')}")
    for rule in found.rules:
        yield f"  {printable(rule.rule)}: stricter in {len(rule.stricter)}, looser in {len(rule.looser)}"
    for push in found.pushes:
        if push.difference is not None:
            yield _direction(push.direction, record_line(push.summary, standings[push.summary.digest]))
            yield from _difference(push.difference)
    for failed in found.not_replayable:
        yield from _replay_lines(failed, standings[failed.summary.digest])


def _effect(found: WhatIf, standings: Mapping[Digest, Standing]) -> dict[str, Any]:
    return {
        "direction": found.direction,
        "rules": {
            rule.rule: {
                "direction": rule.direction,
                "stricter": [item.digest for item in rule.stricter],
                "looser": [item.digest for item in rule.looser],
            }
            for rule in found.rules
        },
        "pushes": [_push(item, standings[item.summary.digest]) for item in found.pushes],
        "not_replayable": [_replay(item, standings[item.summary.digest]) for item in found.not_replayable],
    }


def _direction(direction: str, text: str) -> str:
    return f"{click.style(direction, fg=_COLORS[direction], bold=True)}: {text}"


def _difference(found: Difference) -> Iterator[str]:
    if found.before is not found.after:
        yield f"  {found.before} -> {found.after}"
    for rule in found.rules:
        before, after = (status or "not in the policy" for status in (rule.before, rule.after))
        yield f"  {printable(rule.rule)}: {before} -> {after}"
    for change in found.findings[:_CHANGES_SHOWN]:
        yield f"    {_standing(change)}: {printable(change.msg, 300)}"
    if len(found.findings) > _CHANGES_SHOWN:
        yield f"    ... and {len(found.findings) - _CHANGES_SHOWN} more (all of them: --format json)"


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


def _push(item: PushEffect, how: Standing) -> dict[str, Any]:
    value = {"record": item.summary.digest, "direction": item.direction, **standing_json(how)}
    return value if item.difference is None else {**value, "difference": item.difference}
