"""What has no valid record."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import groupby
from typing import Any, NamedTuple

import click

from pushpolicy.audit.gap import Gap, Kind
from pushpolicy.audit.gaps import Examined
from pushpolicy.audit.sources import Ignored, Unreadable
from pushpolicy.audit.walk import Unread
from pushpolicy.cli import formats
from pushpolicy.cli.formats import Report, Table
from pushpolicy.cli.formats.page import Page
from pushpolicy.cli.render.audit.gaps_page import page_of
from pushpolicy.cli.render.audit.lines import (
    audit_document,
    ignored_json,
    ignored_lines,
    told_time,
    wrapped,
)
from pushpolicy.model.text import first_of, printable

# What each kind is, and what to do about it.
_TOLD = {
    Kind.DENIED: (
        "it was denied, and is there",
        "move the tag back to an image that is allowed; push this one again once it passes",
    ),
    Kind.NO_RECORD: (
        "pushed around the gate, or its record was removed",
        "find out who pushed it; push it by `pushpolicy push`, or delete the tag",
    ),
    Kind.MOVED: (
        "the tag names another image than its newest record decided",
        "find out who moved it, and push again what it shall name; a push that was cut short ends so, too",
    ),
    Kind.COPIED: (
        "the image is allowed, but not here",
        "promote it: `pushpolicy push docker://IMAGE TARGET` decides for this tag (docs/promotion.md)",
    ),
    Kind.UNTAGGED: (
        "no tag names the image, and no record allows it",
        "find out who pushed it; delete it where nothing needs it",
    ),
    Kind.UNREADABLE: (
        "what the tag names cannot be read",
        "push it again in a form of today, or delete the tag",
    ),
    Kind.INVALID: (
        "something passes for a record, and is none",
        "find out who stored it, and delete it; `pushpolicy audit show REPOSITORY@RECORD` says more",
    ),
    Kind.REMOVED: (
        "a later record names it, and it is gone",
        "get it back from a copy; `--ignore removed` where old images are deleted on purpose",
    ),
    Kind.UNKNOWN_POLICY: (
        "a part of its policy is of no known version of pushpolicy",
        "find out which program pushed it; push it again",
    ),
    Kind.OBSERVED: ("allowed by observe mode alone", "end observe mode, and push again"),
    Kind.LOOSENED: (
        "the judged checkout loosened the policy",
        "take back what the pipeline lets it (--repo-may), or leave this kind out: --ignore loosened",
    ),
    Kind.UNANCHORED: (
        "of the policy nothing but a path is known",
        "pin the policy by digest, or sign it (docs/policy-artifacts.md) and name the key with --trust FILE",
    ),
    Kind.WAIVER_ENDED: (
        "it was let in by a waiver that has ended",
        "push it again: without the waiver it is denied until the finding is mended",
    ),
}
_MOST = 50
# The time is that of a record, and what is told came later.
_NOT_BEFORE = frozenset({Kind.NO_RECORD, Kind.MOVED, Kind.COPIED})


class Looked(NamedTuple):
    """What was found in all sources.

    Attributes:
        counting: the kinds that count; how many there are of the others is said.
    """

    at: datetime
    examined: Sequence[Examined]
    unreadable: Sequence[Unreadable]
    counting: frozenset[Kind]

    @property
    def gaps(self) -> list[Gap]:
        """Those that count, the worst kind first, and of one kind in the order of the sources."""
        order = {kind: number for number, kind in enumerate(Kind)}
        found = [gap for each in self.examined for gap in each.gaps if gap.kind in self.counting]
        return sorted(found, key=lambda gap: order[gap.kind])

    @property
    def left_out(self) -> Counter[Kind]:
        """How many there are of the kinds that do not count."""
        found = (gap.kind for each in self.examined for gap in each.gaps)
        return Counter(kind for kind in found if kind not in self.counting)

    @property
    def ignored(self) -> list[Ignored]:
        """What was not read, and denials that do not count."""
        unread = [Unread(number=each.unread) for each in self.examined if each.unread]
        return [*self.unreadable, *(item for each in self.examined for item in each.ignored), *unread]

    @property
    def is_failing(self) -> bool:
        """Whether something is wrong, or was not looked at."""
        return bool(self.gaps or self.unreadable or any(each.unread for each in self.examined))


def gaps(found: Looked) -> Report:
    """Every gap, as ``pushpolicy.audit.gaps/v1``."""
    return Report(
        formats.Kind.GAPS,
        lambda: _lines(found),
        lambda: audit_document("gaps", _json(found)),
        page=lambda: _page(found),
        table=Table(
            "pushpolicy.audit.gaps/v1",
            ("kind", "repository", "tag", "digest", "record", "since", "says", "fix"),
            lambda: (tuple(_row(gap).values()) for gap in found.gaps),
            lambda: ignored_lines(found.ignored),
        ),
    )


def _page(found: Looked) -> Page:
    by_kind = {kind: list(group) for kind, group in groupby(found.gaps, key=lambda gap: gap.kind)}
    places = [str(each.place) for each in found.examined]
    said = click.unstyle(_first(found))
    return page_of(first_of(places, 3), said, by_kind, _TOLD, found.ignored, found.at)


def _lines(found: Looked) -> Iterator[str]:
    yield _first(found)
    for kind, group in groupby(found.gaps, key=lambda gap: gap.kind):
        what, fix = _TOLD[kind]
        yield ""
        yield f"{click.style(str(kind), fg='red', bold=True)}: {what}"
        told = list(group)
        for gap in told[:_MOST]:
            yield from _gap_lines(gap)
        if len(told) > _MOST:
            yield f"and {len(told) - _MOST} more (all of them: --format csv)"
        yield from wrapped(f"fix: {fix}", 0)
    if found.ignored:
        yield ""
        yield from ignored_lines(found.ignored)


def _gap_lines(gap: Gap) -> Iterator[str]:
    """Each digest on a line of its own, to be copied."""
    when = "after" if gap.kind in _NOT_BEFORE else "since"
    yield f"{printable(_name(gap), 300)}{f'  ({when} {told_time(gap.since)})' if gap.since else ''}"
    yield from wrapped(gap.says, 2)
    for name, digest in (("image", gap.digest), ("record", gap.record)):
        if digest and str(digest) not in _name(gap):
            yield f"  {name:<6} {digest}"


def _first(found: Looked) -> str:
    """How many gaps there are, of what, and in how much."""
    tags, places = sum(each.tags for each in found.examined), len(found.examined)
    looked = f"{_number(tags, 'tag')} in {_number(places, 'repository', 'repositories')}"
    copies = [each.as_of for each in found.examined if each.as_of]
    copied = f" as of {told_time(min(copies))}, when they were copied" if copies else ""
    counts = Counter(gap.kind for gap in found.gaps)
    said = f"{_number(counts.total(), 'gap')} ({_counted(counts)})" if counts else "no gaps"
    left = f"; not counted: {_counted(found.left_out)}" if found.left_out else ""
    return f"{click.style(said, fg='red' if counts else 'green')}: {looked}{copied}{left}"


def _counted(counts: Counter[Kind]) -> str:
    return ", ".join(f"{counts[kind]} {kind}" for kind in Kind if counts[kind])


def _number(count: int, one: str, more: str | None = None) -> str:
    return f"{count} {one if count == 1 else more or f'{one}s'}"


def _name(gap: Gap) -> str:
    """As it is pulled."""
    if gap.tag:
        return f"{gap.place}:{gap.tag}"
    return f"{gap.place}@{gap.digest or gap.record}"


def _json(found: Looked) -> dict[str, Any]:
    return {
        "at": told_time(found.at),
        "repositories": len(found.examined),
        "tags": sum(each.tags for each in found.examined),
        "others": sum(each.others for each in found.examined),
        "as_of": [told_time(each.as_of) for each in found.examined if each.as_of],
        "gaps": [_row(gap) for gap in found.gaps],
        "not_counted": {str(kind): number for kind, number in found.left_out.items()},
        **ignored_json(found.ignored),
    }


def _row(gap: Gap) -> dict[str, str | None]:
    return {
        "kind": str(gap.kind),
        "repository": str(gap.place),
        "tag": gap.tag,
        "digest": str(gap.digest) if gap.digest else None,
        "record": str(gap.record) if gap.record else None,
        "since": told_time(gap.since) if gap.since else None,
        "says": gap.says,
        "fix": _TOLD[gap.kind][1],
    }
