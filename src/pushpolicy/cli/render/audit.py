"""Past decisions as reports."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from typing import Any

import click

from pushpolicy.audit.difference import Difference, FindingChange
from pushpolicy.audit.replay import Differs, NotReplayable, Replay, Reproduced
from pushpolicy.audit.signature import NOT_VALID
from pushpolicy.audit.standing import Standing
from pushpolicy.audit.walk import Listing
from pushpolicy.audit.what_if import PushEffect, WhatIf
from pushpolicy.cli.formats import Kind, Report
from pushpolicy.cli.render.decision import count, decision_lines
from pushpolicy.model.digest import Digest
from pushpolicy.model.document import Document, plain
from pushpolicy.model.text import first_of, printable
from pushpolicy.records.read import Record, Summary

_CHANGES_SHOWN = 10
_PROBLEMS_SHOWN = 50
_COLORS = {"stricter": "red", "looser": "yellow", "stricter and looser": "yellow", "unchanged": "green"}


def listing(found: Listing) -> Report:
    """The records of a repository, as ``pushpolicy.audit.list/v1``."""
    return Report(
        Kind.LISTING,
        lambda: _listing_lines(found),
        lambda: audit_document(
            "list",
            {
                "records": [_summary(item, found.standings[item.digest]) for item in found.records],
                **_ignored(found),
            },
        ),
        tuple(summary.decision for summary in found.records),
    )


def _listing_lines(found: Listing) -> Iterator[str]:
    """A line for each record, newest first, then what should have been one."""
    for summary in found.records:
        yield _line(summary, found.standings[summary.digest])
    yield from _ignored_lines(found)
    if not found.records and not found.problems and found.place:
        if found.place.tag or found.place.digest:
            yield f"no record: {printable(str(found.place))} was not pushed by pushpolicy"
        else:
            place = printable(str(found.place))
            yield f"no records: no tag of {place} names an image that was pushed by pushpolicy"


def _ignored_lines(found: Listing) -> Iterator[str]:
    """What should have been a record, and what was not read for the limits."""
    for problem in found.problems[:_PROBLEMS_SHOWN]:
        # That no listed key vouches for it says what it is; else it is named before its reason.
        named = "" if problem.reason.startswith(NOT_VALID) else f"ignored record {problem.digest}: "
        yield click.style(f"{named}{printable(problem.reason, 500)}", fg="red")
    if (more := len(found.problems) - _PROBLEMS_SHOWN) > 0:
        yield click.style(f"ignored: {more} more that are not valid (all of them: --format json)", fg="red")
    if found.unread:
        yield click.style(f"incomplete: {found.unread} more records or statements were not read", fg="red")


def record(found: Record, how: Standing) -> Report:
    """One record with its decision and evidence, as ``pushpolicy.audit.show/v1``."""
    return Report(
        Kind.RECORD,
        lambda: _record_lines(found, how),
        lambda: audit_document(
            "show",
            {**_summary(found.summary, how), "redacted": found.redacted, "evidence": found.evidence.value},
        ),
        (found.decision,),
    )


def _record_lines(found: Record, how: Standing) -> Iterator[str]:
    """The decision as it was printed then, what is to be said beside it, and what the record holds."""
    if how.signature.by and how.wrong:  # what is verified reads as what is meant
        yield f"{click.style('NOT VALID', fg='red', bold=True)}: {'; '.join(how.wrong)}"
    yield from decision_lines(found.decision, how.remarks, doubt=how.doubt)
    summary = found.summary
    yield f"{'record:':<15} {summary.digest}"
    for tag, digest in summary.previous.items():
        yield f"{'before:':<15} {digest} of tag {printable(tag)}"
    for each in found.evidence.value.get("records", {}).get("items", ()):
        if each["verified"]:
            place = f"{each['digest']} in {each.get('registry')}/{each.get('repository')}"
            said = f"{each.get('verdict')} of {each.get('at')}, verified by {each.get('verified_by')} then"
            yield f"{'earlier:':<15} {printable(f'{place} ({said})', 500)}"
    for layer in summary.layers:
        title = layer.annotations.get("org.opencontainers.image.title", layer.media_type)
        yield f"{'holds:':<15} {printable(title)} ({layer.size} bytes, {layer.digest})"
    if found.redacted:
        reports = count(found.redacted, "report")
        yield f"{'redacted:':<15} {reports}, of which only digests were kept; the decision still replays"
    yield f"{'signature:':<15} {str(how.signature).removeprefix('signature: ')}"


def replays(results: Sequence[Replay], listing: Listing) -> Report:
    """Decisions made again, as ``pushpolicy.audit.replay/v1``."""
    found = [(result, listing.standings[result.summary.digest]) for result in results]
    return Report(
        Kind.REPLAY,
        lambda: chain(
            (line for result, how in found for line in _replay_lines(result, how)), _ignored_lines(listing)
        ),
        lambda: audit_document(
            "replay", {"replays": [_replay(result, how) for result, how in found], **_ignored(listing)}
        ),
        tuple(result.summary.decision for result in results),
    )


def _ignored(listing: Listing) -> dict[str, Any]:
    return {
        "problems": [{"digest": each.digest, "reason": each.reason} for each in listing.problems],
        "unread": listing.unread,
    }


def _replay_lines(result: Replay, how: Standing) -> Iterator[str]:
    """Whether a decision was reproduced, and if not, what is different."""
    decision = result.summary.decision
    name = _line(result.summary, how)
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


def effect(found: WhatIf, listing: Listing) -> Report:
    """What another policy would have decided, as ``pushpolicy.audit.what-if/v1``."""
    return Report(
        Kind.WHAT_IF,
        lambda: chain(_effect_lines(found, listing.standings), _ignored_lines(listing)),
        lambda: audit_document("what-if", {**_effect(found, listing.standings), **_ignored(listing)}),
        tuple(push.summary.decision for push in found.pushes),
    )


def _effect_lines(found: WhatIf, standings: Mapping[Digest, Standing]) -> Iterator[str]:
    """What another policy would have decided: in one line, by rule, and by push."""
    yield _direction(found.direction, f"what this policy does to {count(len(found.pushes), 'past decision')}")
    for rule in found.rules:
        yield f"  {printable(rule.rule)}: stricter in {len(rule.stricter)}, looser in {len(rule.looser)}"
    for push in found.pushes:
        if push.difference is not None:
            yield _direction(push.direction, _line(push.summary, standings[push.summary.digest]))
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


def _line(summary: Summary, how: Standing) -> str:
    decision = summary.decision
    color = "green" if decision.allowed else "red"
    if decision.observed or how.wrong:
        color = "yellow"
    tags = printable(first_of(decision.image.tags, 5))
    verdict = click.style(str(decision.verdict), fg=color)
    remarks = ", ".join(how.remarks)
    return f"{printable(decision.evaluated_at)}  {verdict}  {tags:<12}  record {summary.digest}  {remarks}"


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


def _summary(summary: Summary, how: Standing) -> dict[str, Any]:
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


def audit_document(name: str, value: Mapping[str, Any]) -> Document:
    """A document of audit."""
    return Document.of(plain({"schema": f"pushpolicy.audit.{name}/v1", **value}))
