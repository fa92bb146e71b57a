"""What pages say of decisions that are other ones now: findings, and why there is no answer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from pushpolicy.audit.difference import FindingChange
from pushpolicy.audit.standing import Standing
from pushpolicy.audit.what_if import repository_of
from pushpolicy.cli.formats.page import Cell, Table, Tone
from pushpolicy.cli.render.decision import count
from pushpolicy.model.decision import ImageIdentity
from pushpolicy.model.digest import Digest

_FINDINGS, _REASONS = 30, 50
_ALL = "all of them: --format json"


def place_of(image: ImageIdentity) -> str:
    """Where an image was to go."""
    more = f" and {len(image.tags) - 3} more" if len(image.tags) > 3 else ""
    return f"{repository_of(image)}:{', '.join(image.tags[:3])}{more}"


def reservations(standings: Iterable[Standing]) -> Iterator[str]:
    """Why records can be relied on less than their page makes believe: nobody vouches for them, or others."""
    told = Counter[str]()
    for how in standings:
        told["of an unknown policy"] += bool(how.unknown)
        told["about another place"] += bool(how.elsewhere)
        told["unsigned"] += how.signature.state == "unsigned"
        told["with a signature that was not checked (--trust FILE)"] += how.signature.state == "not checked"
    return (f"{number} {what}" for what, number in told.items() if number)


def changed(findings: Iterable[FindingChange]) -> Table:
    """Findings that count otherwise; those first that deny, or denied."""
    ordered = sorted(findings, key=lambda change: not (change.stricter or change.looser))
    more = len(ordered) - _FINDINGS
    rest = f"{count(more, 'more finding')} not shown here ({_ALL})." if more > 0 else ""
    heads = ("rule", "finding", "what changes", "what it says")
    return Table("Findings that count otherwise", heads, tuple(map(_change, ordered[:_FINDINGS])), rest)


def reasons(caption: str, failed: Sequence[tuple[str, ImageIdentity, Digest]]) -> Table:
    """Why there is no answer: often the same for all records of a policy."""
    numbers = Counter(reason for reason, *_ in failed)
    first = {reason: (image, record) for reason, image, record in reversed(failed)}
    rows = tuple(
        (
            Cell(reason, Tone.BAD),
            Cell(f"{number:,}"),
            Cell(place_of(first[reason][0])),
            Cell(str(first[reason][1]), code=True),
        )
        for reason, number in numbers.most_common(_REASONS)
    )
    more = len(numbers) - _REASONS
    rest = f"{count(more, 'more reason')} not shown here ({_ALL})." if more > 0 else ""
    return Table(caption, ("reason", "decisions", "one of them", "its record"), rows, rest)


def _change(change: FindingChange) -> tuple[Cell, ...]:
    tone = Tone.STRICTER if change.stricter else Tone.LOOSER if change.looser else Tone.PLAIN
    how = f"{change.before or 'not found'} → {change.after or 'not found'}"
    return (Cell(change.rule, code=True), Cell(change.id, code=True), Cell(how, tone), Cell(change.msg))
