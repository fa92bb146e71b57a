"""How two decisions differ, in words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from difflib import unified_diff

import click

from pushpolicy.audit.compared import Compared, FactChange, ItemChange
from pushpolicy.cli.formats import Kind, Report
from pushpolicy.cli.render.audit.lines import audit_document, standing_json, wrapped
from pushpolicy.cli.render.audit.replay import difference_lines
from pushpolicy.cli.render.decision import count, verdict_line
from pushpolicy.cli.render.policy import changed_lines
from pushpolicy.evaluate import PolicySet
from pushpolicy.model.text import printable

_SHOWN = 20
_LONGEST = 2_000  # lines of a rule


def comparison(found: Compared, *, with_policy: bool = False) -> Report:
    """What differs, as ``pushpolicy.audit.diff/v1``; with the text of rules where that is asked for."""
    sides = found.before, found.after
    before, after = (
        {"record": each.summary.digest, "decision": each.record.decision, **standing_json(each.standing)}
        for each in sides
    )
    return Report(
        Kind.COMPARED,
        lambda: _lines(found, with_policy=with_policy),
        lambda: audit_document(
            "diff",
            {
                "before": before,
                "after": after,
                "same": found.is_same,
                "evidence": found.facts,
                "findings": found.findings,
                "packages": found.packages,
                "policy": found.policy,
                "decision": found.decision,
            },
        ),
        tuple(each.record.decision for each in sides),
    )


def _lines(found: Compared, *, with_policy: bool) -> Iterator[str]:
    for mark, side in (("A", found.before), ("B", found.after)):
        yield f"{mark}: {verdict_line(side.record.decision, side.standing.remarks)}"
        yield f"   {printable(side.record.decision.evaluated_at)}, record {side.summary.digest}"
    if found.is_same:
        same = found.before.summary.digest == found.after.summary.digest
        yield "it is the same record" if same else "nothing that was looked at differs, but image and time"
        return
    yield ""
    yield from _facts(found.facts)
    yield from _items("findings of scans", found.findings)
    yield from _items("packages of SBOMs", found.packages)
    if found.policy:
        yield click.style("policy", bold=True) + ": " + next(iter(changed_lines(found.policy)))
        yield from (line for number, line in enumerate(changed_lines(found.policy)) if number)
        if with_policy:
            yield from _texts(found.before.held.policy, found.after.held.policy)
    else:
        yield f"{click.style('policy', bold=True)}: the same, {found.after.record.decision.policy.digest}"
    if found.decision is None:
        yield f"{click.style('decision', bold=True)}: the same rules, and the same findings"
        return
    before, after = found.decision.before, found.decision.after
    verdict = str(after) if before is after else f"{before} -> {after}"
    yield f"{click.style('decision', bold=True)}: {verdict}"
    yield from difference_lines(found.decision.rules, found.decision.findings)


def _facts(found: Sequence[FactChange]) -> Iterator[str]:
    yield f"{click.style('evidence', bold=True)}: {_number(found)}"
    for each in found:
        said = f"{each.what}: {each.before or 'none'} -> {each.after or 'none'}"
        yield from wrapped(printable(said, 1000), 2)


def _items(title: str, found: Sequence[ItemChange]) -> Iterator[str]:
    if not found:
        return
    new = sum(each.before is None for each in found)
    gone = sum(each.after is None for each in found)
    yield f"{click.style(title, bold=True)}: {new} new, {gone} gone, {len(found) - new - gone} changed"
    for each in found[:_SHOWN]:
        yield f"  {printable(_item(each), 300)}"
    if len(found) > _SHOWN:
        yield f"  ... and {len(found) - _SHOWN} more (all of them: --format json)"


def _item(change: ItemChange) -> str:
    if change.before is None:
        return f"new      {change.name}: {change.after}"
    if change.after is None:
        return f"gone     {change.name}: {change.before}"
    return f"changed  {change.name}: {change.before} -> {change.after}"


def _number(found: Sequence[FactChange]) -> str:
    return f"{count(len(found), 'fact')} differ{'s' if len(found) == 1 else ''}" if found else "the same"


def _texts(before: PolicySet, after: PolicySet) -> Iterator[str]:
    """How the text of each rule differs, as diff has it."""
    for name in sorted(before.index.rules.keys() | after.index.rules.keys()):
        path = f"rules/{name}/{name}.rego"
        was, now = (
            each.files.get(path, b"").decode(errors="replace").splitlines()[:_LONGEST]
            for each in (before, after)
        )
        for line in unified_diff(was, now, f"A/{path}", f"B/{path}", lineterm=""):
            yield f"  {printable(line.expandtabs(4), 1000)}"
