"""Decisions made again, as a page: which came out otherwise, and why."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime

from pushpolicy.audit.difference import Difference
from pushpolicy.audit.replay import Differs, NotReplayable, Replay, Reproduced
from pushpolicy.audit.sources import Ignored
from pushpolicy.audit.standing import Standing
from pushpolicy.cli.formats.page import Cell, Facts, Fold, Folds, Number, Page, Section, Table, Tone
from pushpolicy.cli.render.audit.changes import changed, place_of, reasons, reservations
from pushpolicy.cli.render.audit.overview import problems
from pushpolicy.cli.render.decision import count
from pushpolicy.model.digest import Digest

_SHOWN = 50
_ALL = "all of them: --format json"


def page_of(
    subject: str,
    found: Sequence[Replay],
    standings: Mapping[Digest, Standing],
    ignored: Sequence[Ignored],
    at: datetime,
) -> Page:
    """What became of each."""
    differs = [each for each in found if isinstance(each, Differs)]
    failed = [each for each in found if isinstance(each, NotReplayable)]
    same = sum(isinstance(each, Reproduced) for each in found)
    other = sum(each.other_engine for each in found if isinstance(each, Reproduced | Differs))
    engines = f"{count(other, 'decision')} made again by another OPA than recorded."
    doubts = ", ".join(reservations(standings.values()))
    return Page(
        title="Decisions made again from their records",
        subject=subject,
        verdict=_verdict(same, len(differs), len(failed), len(ignored), doubts),
        numbers=(
            Number("reproduced", same, Tone.GOOD),
            Number("differ", len(differs), Tone.BAD if differs else Tone.PLAIN),
            Number("not replayable", len(failed), Tone.DOUBT if failed else Tone.PLAIN),
            *((Number("not read", len(ignored), Tone.BAD),) if ignored else ()),
        ),
        notes=(engines,) if other else (),
        sections=(*problems(ignored), *_sections(differs, failed, standings)),
        made=at,
    )


def _verdict(same: int, differ: int, failed: int, ignored: int, doubts: str) -> Cell:
    said = f"{count(same, 'decision')} reproduced, to the last finding"
    said += f". Of all records: {doubts}" if doubts else ""
    if not (differ or failed or ignored):
        return Cell(f"{said}.", Tone.DOUBT if doubts else Tone.GOOD if same else Tone.PLAIN)
    parts = (
        (differ, f"{differ} came out otherwise"),
        (failed, f"{failed} could not be made again"),
        (ignored, f"{ignored} could not be read"),
    )
    return Cell(f"{', '.join(what for number, what in parts if number)}. {said}.", Tone.BAD)


def _sections(
    differs: Sequence[Differs], failed: Sequence[NotReplayable], standings: Mapping[Digest, Standing]
) -> Iterator[Section]:
    if differs:
        items = tuple(
            _fold(each, standings[each.summary.digest], number)
            for number, each in enumerate(differs[:_SHOWN], 1)
        )
        more = len(differs) - _SHOWN
        rest = f"{count(more, 'older decision')} not shown here ({_ALL})." if more > 0 else ""
        yield Section("differs", "What came out otherwise", (Folds(items, rest),))
    if failed:
        told = reasons(
            "Decisions that cannot be made again",
            [(each.reason, each.summary.decision.image, each.summary.digest) for each in failed],
        )
        yield Section("not-replayable", "Not replayable", (told,))


def _fold(each: Differs, how: Standing, number: int) -> Fold:
    decision, found = each.summary.decision, each.difference
    title = (
        Cell(str(each.summary.moment.astimezone(UTC).date())),
        Cell("differs", Tone.BAD),
        Cell(place_of(decision.image)),
        Cell(_how(found)),
    )
    facts = (
        ("decided at", Cell(decision.evaluated_at)),
        ("record", Cell(str(each.summary.digest), code=True)),
        ("remarks", Cell(", ".join(how.remarks))),
        ("policy", Cell(str(decision.policy.digest), code=True)),
        ("what differs", Cell(", ".join(found.fields))),
    )
    blocks: tuple[Facts | Table, ...] = (Facts(facts),)
    if found.findings:
        blocks += (changed(found.findings),)
    return Fold(f"record-{number}", title, blocks)


def _how(found: Difference) -> str:
    return f"{found.before} → {found.after}" if found.before is not found.after else f"stays {found.before}"
