"""Past decisions as a page: what does not count first, then when, by which rule, under which waivers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta

from pushpolicy.audit.outcome import Outcome
from pushpolicy.audit.overview import Overview, RuleDenials, Shown, WaiverSeen
from pushpolicy.audit.sources import Ignored, Unreadable
from pushpolicy.audit.walk import Problem, Unread
from pushpolicy.cli.formats.page import (
    Bars,
    Cell,
    Number,
    Page,
    Period,
    Section,
    Table,
    Timeline,
    Tone,
)
from pushpolicy.cli.render.decision import count
from pushpolicy.model.text import first_of

# How many are told one by one; the page says how many more there are.
DECISIONS = 500
_PROBLEMS, _RULES, _WAIVERS, _PERIODS = 50, 25, 100, 40
_HEADS = ("time (UTC)", "outcome", "for", "by", "commit", "run", "credential", "why", "remarks", "record")
_SOON = timedelta(days=14)
_TONES = {Outcome.ALLOWED: Tone.GOOD, Outcome.DENIED: Tone.BAD, Outcome.OBSERVED: Tone.DOUBT}
_ALL = "all of them: --format json"


def page_of(subject: str, found: Overview, ignored: Sequence[Ignored]) -> Page:
    """The decisions of a place."""
    return Page(
        title="Decisions about image pushes",
        subject=subject,
        verdict=_verdict(found, ignored),
        numbers=numbers(found, ignored),
        notes=tuple(notes(found)),
        sections=(*problems(ignored), *history(found)),
        made=found.at,
    )


def numbers(found: Overview, ignored: Sequence[Ignored]) -> tuple[Number, ...]:
    """How many there are of each."""
    outcomes, bad = found.outcomes, sum(isinstance(each, Problem) for each in ignored)
    told = (
        Number("allowed", outcomes[Outcome.ALLOWED], Tone.GOOD),
        Number("denied", outcomes[Outcome.DENIED], Tone.BAD),
        Number("observed only", outcomes[Outcome.OBSERVED], Tone.DOUBT),
    )
    apart = found.apart.total()
    return (
        *((Number("do not count", bad, Tone.BAD),) if bad else ()),
        *(told if outcomes[Outcome.OBSERVED] else told[:2]),
        *((Number("set apart", apart, Tone.DOUBT),) if apart else ()),
    )


def notes(found: Overview) -> Iterator[str]:
    """How far the numbers can be relied on."""
    states = found.signatures
    if states["not checked"]:
        yield (
            f"{count(states['not checked'], 'signature')} not checked: "
            "--trust FILE says whose signatures count."
        )
    if states["unsigned"]:
        yield f"{count(states['unsigned'], 'record')} unsigned: whoever may write to the registry could have."
    if loose := found.outcomes.total() - found.anchored:
        yield (
            f"{count(loose, 'decision')} not anchored: of their policies, not everything is known by a "
            "digest or a signature."
        )
    for why, number in found.apart.items():
        yield f"{count(number, 'decision')} set apart: {why}."


def problems(ignored: Sequence[Ignored]) -> Iterator[Section]:
    """What should have been a record, and what was not read."""
    if not ignored:
        return
    bad = [each for each in ignored if not isinstance(each, Unread)]
    unread = sum(each.number for each in ignored if isinstance(each, Unread))
    lead = "What could be read of these is not a decision that counts. Each may hide one."
    if unread:
        lead += f" Incomplete: {unread} more records or statements were not read, for the limits."
    rows = tuple(
        (_of_what(each), Cell(_bare(each), Tone.BAD), Cell(each.hint or "")) for each in bad[:_PROBLEMS]
    )
    table = Table(
        "Records that do not count", ("record", "reason", "what to do"), rows, _rest(bad, _PROBLEMS)
    )
    yield Section("problems", "Problems", (table,) if bad else (), lead)


def _of_what(bad: Problem | Unreadable) -> Cell:
    return Cell(str(bad.digest), code=True) if isinstance(bad, Problem) else Cell("a whole source")


def _bare(bad: Problem | Unreadable) -> str:
    """The reason, without the digest that stands beside it."""
    return bad.bare.removeprefix(f"record {bad.digest} ") if isinstance(bad, Problem) else bad.bare


def history(found: Overview) -> Iterator[Section]:
    """When, by which rule, under which waivers; and each of the newest."""
    if found.days:
        yield Section("time", "Over time", (_timeline(found),))
    if found.denials:
        yield Section("rules", "Denials by rule", (_denials(found),))
    if found.waivers:
        yield Section("waivers", "Waivers and their ends", (_waivers(found),), _ends(found))
    if found.number:
        yield Section("decisions", "Decisions", (_decisions(found),))


def _verdict(found: Overview, ignored: Sequence[Ignored]) -> Cell:
    kinds = ", ".join(f"{found.outcomes[each]} {each}" for each in Outcome if found.outcomes[each])
    said = f"{count(found.outcomes.total(), 'decision')}{f': {kinds}' if kinds else ''}"
    if found.days:
        first, last = min(found.days), max(found.days)
        said += f", {f'on {first}' if first == last else f'from {first} to {last}'}"
    if ignored:
        bad = sum(isinstance(each, Problem) for each in ignored)
        what = (
            f"{count(bad, 'record')} that {'does' if bad == 1 else 'do'} not count" if bad else "Incomplete"
        )
        return Cell(f"{what}. {said}.", Tone.BAD)
    whole = found.signatures["verified"] == found.number and not found.apart
    if found.number and whole:
        return Cell(f"{said}. Every one is verified by a listed key.", Tone.GOOD)
    return Cell(f"{said}.", Tone.DOUBT if found.number else Tone.PLAIN)


def _timeline(found: Overview) -> Timeline:
    unit, starts = _periods(min(found.days), max(found.days))
    sums = {start: Counter[Outcome]() for start in starts}
    before = 0
    for day, outcomes in found.days.items():
        start = _start(unit, day)
        if start in sums:
            sums[start].update(outcomes)
        else:
            before += outcomes.total()
    drawn = tuple(
        Period(_label(unit, start), each[Outcome.ALLOWED], each[Outcome.DENIED], each[Outcome.OBSERVED])
        for start, each in sums.items()
    )
    rest = f"{count(before, 'decision')} before {drawn[0].label} not drawn." if before else ""
    return Timeline(f"Decisions by {unit}, in UTC", unit, drawn, rest)


def _periods(first: date, last: date) -> tuple[str, list[date]]:
    """The smallest unit of which few span it all, and the starts of the last of them."""
    for unit in ("day", "week", "month", "year"):
        start, starts = _start(unit, last), list[date]()
        while len(starts) < _PERIODS and start >= _start(unit, first):
            starts.append(start)
            if start <= date(2, 1, 1):
                break
            start = _start(unit, start - timedelta(days=1))
        if starts[-1] <= first:
            break
    return unit, starts[::-1]


def _start(unit: str, day: date) -> date:
    """The first day of the period that a day is in; weeks begin on Mondays (ISO 8601)."""
    match unit:
        case "week":
            return day - timedelta(days=day.weekday())
        case "month":
            return day.replace(day=1)
        case "year":
            return day.replace(month=1, day=1)
    return day


def _label(unit: str, start: date) -> str:
    return {"month": start.isoformat()[:7], "year": f"{start.year:04}"}.get(unit, start.isoformat())


def _denials(found: Overview) -> Bars:
    def weight(item: tuple[str, RuleDenials]) -> tuple[int, str]:
        return -item[1].decisions, item[0]

    ordered = sorted(found.denials.items(), key=weight)
    items = tuple(
        (
            Cell(rule, code=True),
            of.decisions,
            Cell(f"{count(of.findings, 'finding')}, last on {of.last.astimezone(UTC).date()}"),
        )
        for rule, of in ordered[:_RULES]
    )
    heads = ("rule", "decisions", "findings")
    return Bars("In how many decisions each rule denied", heads, items, _rest(ordered, _RULES))


def _ends(found: Overview) -> str:
    states = Counter(_end(each, found.at).tone for each in found.waivers if each.relied)
    over, soon = states[Tone.BAD], states[Tone.DOUBT]
    said = f"Of those that let something through, {over} {'has' if over == 1 else 'have'} expired"
    more = " There were more waivers than are kept here." if found.waivers_left_out else ""
    return f"{said}, and {soon} {'ends' if soon == 1 else 'end'} within {_SOON.days} days.{more}"


def _waivers(found: Overview) -> Table:
    rows = tuple(_waiver(each, found.at) for each in found.waivers[:_WAIVERS])
    heads = ("ends", "rule", "what", "approved by", "reason", "let through")
    return Table("Waivers, those that end first at the top", heads, rows, _rest(found.waivers, _WAIVERS))


def _waiver(seen: WaiverSeen, at: datetime) -> tuple[Cell, ...]:
    said = {key: str(value) for key, value in seen.waiver.items()}
    what = said.get("id") or said.get("purl") or said.get("evidence") or "all findings"
    ticket = f" ({said['ticket']})" if "ticket" in said else ""
    where = f" in {said['repository']}" if "repository" in said else ""
    last = f", last on {seen.last.astimezone(UTC).date()}" if seen.last else ""
    return (
        _end(seen, at),
        Cell(said.get("rule", ""), code=True),
        Cell(f"{what}{where}"),
        Cell(said.get("approver", "")),
        Cell(f"{said.get('reason', '')}{ticket}"),
        Cell(f"in {count(seen.relied, 'decision')}{last}" if seen.relied else "nothing"),
    )


def _end(seen: WaiverSeen, at: datetime) -> Cell:
    end = seen.expires
    if end is None:
        return Cell("no end that counts", Tone.BAD)
    day = str(end.astimezone(UTC).date())
    if end <= at:
        return Cell(f"{day}, expired", Tone.BAD)
    return Cell(f"{day}, soon", Tone.DOUBT) if end - at < _SOON else Cell(day, Tone.GOOD)


def _decisions(found: Overview) -> Table:
    remarks = {each.entry.remarks for each in found.newest}
    rows = [list(_decision(each)) for each in found.newest]
    used = [place for place, cells in enumerate(zip(*rows, strict=True)) if any(each.text for each in cells)]
    caption = "The newest first"
    if len(remarks) == 1 and (said := ", ".join(*remarks)):
        # What holds for all is said once.
        caption += f"; of each: {said}"
        used.remove(_HEADS.index("remarks"))
    left = found.number - len(rows)
    return Table(
        caption,
        tuple(_HEADS[place] for place in used),
        tuple(tuple(row[place] for place in used) for row in rows),
        f"{count(left, 'older decision')} not shown here (all of them: --format csv)." if left else "",
        wide=True,
    )


def _decision(shown: Shown) -> Iterator[Cell]:
    """What was decided, by whose push, and why; of one that does not count, that first."""
    entry, run = shown.entry, shown.entry.run or ""
    yield Cell(datetime.fromisoformat(entry.time).astimezone(UTC).strftime("%Y-%m-%d %H:%M"))
    said = f"{shown.apart} ({entry.outcome})" if shown.apart else str(entry.outcome)
    yield Cell(said, Tone.DOUBT if shown.apart else _TONES[entry.outcome])
    yield Cell(f"{entry.repository}:{first_of(entry.tags, 3)}")
    yield Cell(entry.actor or "")
    yield Cell((entry.commit or "")[:12], code=True)
    yield Cell(run, link=run, linked=f"run {run.rstrip('/').rpartition('/')[2]}")
    held = f" ({entry.credential_from})" if entry.credential_from else ""
    yield Cell(f"{entry.credential or ''}{held}")
    waived = f"waived: {first_of(entry.waivers, 3)}" if entry.waivers else ""
    yield Cell("; ".join(filter(None, (first_of(entry.rules, 3), waived))))
    yield Cell(", ".join(entry.remarks))
    yield Cell(entry.record, code=True)


def _rest(items: Sequence[object], most: int) -> str:
    return f"{len(items) - most} more not shown here ({_ALL})." if len(items) > most else ""
