"""Why a rule said what it said, for whoever wrote it."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import click

from pushpolicy.cli.formats import Report
from pushpolicy.cli.render.decision import count
from pushpolicy.evaluate.explain import Cause, Explanation, Finding, Held, Part, Reading, Trace
from pushpolicy.model.decision import RuleStatus
from pushpolicy.model.document import Document, plain
from pushpolicy.model.text import first_of, printable

_WIDTH = 79
_COLORS = {RuleStatus.VIOLATED: "red", RuleStatus.WARNED: "yellow", RuleStatus.PASSED: "green"}


def with_explanations(report: Report, found: Sequence[Explanation]) -> Report:
    """The report of a decision, with what explains it below, and in the document as `explanations`."""
    return report._replace(
        lines=lambda: [*report.lines(), *explained(found)],
        document=lambda: Document.of({**report.document().value, "explanations": plain(found)}),
    )


def explained(found: Iterable[Explanation]) -> Iterator[str]:
    """What is to be read of each rule."""
    for each in found:
        yield ""
        status = click.style(each.status.replace("_", " "), fg=_COLORS.get(each.status), bold=True)
        yield f"{click.style(printable(each.rule), bold=True)}: {status}{_because(each)}"
        yield f"  {printable(each.file)}"
        for finding in each.findings:
            yield from _finding(finding)
        if each.more:
            yield f"  and {count(each.more, 'more finding')}"
        yield from _parts(each)
        yield from _background(each)
        if each.trace:
            yield from _trace(each.trace)


def _because(each: Explanation) -> str:
    told = [printable(text, 400) for text in (each.because, each.reason) if text]
    return f" ({'; '.join(told)})" if told else ""


def _finding(finding: Finding) -> Iterator[str]:
    yield ""
    yield from _wrapped(f"{finding.kind} {printable(finding.id, 120)}: {printable(finding.msg, 400)}", 2)
    if finding.waiver:
        terms = [
            f"{key} {printable(str(finding.waiver[key]), 200)}" for key in _WAIVER if key in finding.waiver
        ]
        yield from _wrapped(f"waived: {', '.join(terms)}", 4)
    for held in finding.absent:
        yield from _wrapped(f"{printable(held.path)}{_is(held)}", 4)
    for cause in finding.causes:
        yield from _cause(cause)
    if finding.ways > len(finding.causes):
        yield f"    and in {count(finding.ways - len(finding.causes), 'more way')}"


_WAIVER = ("reason", "approver", "ticket", "expires", "origin")


def _cause(cause: Cause) -> Iterator[str]:
    yield f"    by line {cause.line}, which read"
    for each in cause.inputs:
        yield from _reading(each, 6, where=True)
    for name, value in cause.variables.items():
        yield from _wrapped(f"{printable(name)} is {_value(value)}", 6)


def _reading(each: Reading, indent: int, *, where: bool = False) -> Iterator[str]:
    """One line of what is read: the value where it is one, else how many there are, and some."""
    told = printable(each.path, 300)
    if each.places == 1:
        held = each.held[0]
        told = f"{printable(held.path if held.absent else each.path, 300)}{_is(held)}"
    elif not each.places:
        told += ": there is none"
    else:
        there = [_value(held, 16) for held in each.held if not held.absent]
        absent = [printable(held.path) for held in each.held if held.absent]
        told += f" = {', '.join(there)}" if there else ""
        lacking = f", absent in {each.absent}: {first_of(absent, 2)}" if absent else ""
        told += f"  ({each.places}\xa0places{lacking})"
    if where:
        through = f" in {', '.join(map(printable, each.through))}" if each.through else ""
        told += f"  (line {', '.join(map(str, each.lines))}{through})".replace(" ", "\xa0")
    yield from _wrapped(told, indent)


def _is(held: Held) -> str:
    if held.absent:
        return " is absent"
    return " is empty" if held.size == 0 else f" = {_value(held)}"


def _value(value: Any, most: int = 60) -> str:
    if isinstance(value, Held):
        if value.size is not None:
            return count(value.size, "item")
        value = value.value
    if isinstance(value, str) and len(value) > most:
        value = f"{value[: most - 1]}…"
    return printable(json.dumps(value, ensure_ascii=False), 400)


def _parts(each: Explanation) -> Iterator[str]:
    """Where each clause that found nothing stopped."""
    found = {cause.line for finding in each.findings for cause in finding.causes}
    stated = [str(part.line) for part in each.parts if part.head == "not_applicable"]
    silent = [part for part in each.parts if part.conditions and not part.conditions[-1].met]
    unsaid = [
        str(part.line)
        for part in each.parts
        if not part.conditions and part.line not in found and part.head != "not_applicable"
    ]
    is_stated = bool(stated) and each.status is RuleStatus.NOT_APPLICABLE and each.because is None
    if silent or unsaid or is_stated:
        yield ""
    if is_stated:
        yield f"  that it is not applicable is stated by line {', '.join(stated)}"
    for part in silent:
        yield from _stopped(part)
    if unsaid:
        text = f"line {', '.join(unsaid)}: OPA cannot tell which condition does not hold"
        yield from _wrapped(text, 2)


def _stopped(part: Part) -> Iterator[str]:
    before = 1
    for condition in part.conditions:
        if not condition.met:
            none = "does not hold" if before == 1 else f"holds in none of {before} cases"
            text = printable(" ".join(condition.text.split()), 200)
            yield from _wrapped(f"line {part.line} finds nothing: line {condition.line} {none}: {text}", 2)
            return
        before = condition.met


def _background(each: Explanation) -> Iterator[str]:
    yield ""
    yield "  it reads" if each.reads else "  it reads nothing that can be told"
    for reading in each.reads:
        yield from _reading(reading, 4)
    settings = [f"{printable(key)} = {_value(value)}" for key, value in each.settings.items()]
    helpers = [f"{printable(name)} (line {row})" for name, row in each.helpers.items()]
    for title, items in (("settings", settings), ("helpers", helpers), ("lib", list(each.lib))):
        if items:
            yield from _wrapped(f"{title}: {first_of(items, 40)}", 2)


def _trace(trace: Trace) -> Iterator[str]:
    yield ""
    yield f"  OPA's trace ({trace.level}), {count(len(trace.lines), 'line')}"
    yield from (f"    {printable(line, 240)}" for line in trace.lines)
    if trace.failed:
        shorter = "; --trace fails is shorter" if trace.level == "full" else ""
        yield from _wrapped(f"there is none: {printable(trace.failed, 300)}{shorter}", 4)
    elif trace.cut != 0:
        yield f"    cut here: there are {'' if trace.cut is None else f'{trace.cut} '}more"


def _wrapped(text: str, indent: int) -> list[str]:
    """Lines that fit a terminal, of a text that is printable."""
    first, later = " " * indent, " " * (indent + 4)
    lines = textwrap.wrap(
        text,
        _WIDTH,
        initial_indent=first,
        subsequent_indent=later,
        break_long_words=False,
        break_on_hyphens=False,
    )
    return [line.replace("\xa0", " ") for line in lines]
