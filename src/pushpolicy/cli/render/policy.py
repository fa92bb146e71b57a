"""What is reported of policies: to whoever writes them, and to programs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import click

from pushpolicy.cli.formats import Kind, Report
from pushpolicy.cli.render.decision import count
from pushpolicy.evaluate import PolicySet
from pushpolicy.evaluate.authoring.changes import Change, Direction
from pushpolicy.evaluate.authoring.inspection import Inspection, Rule
from pushpolicy.evaluate.authoring.rego_tests import Coverage, RegoTest
from pushpolicy.evaluate.authoring.testing import Tested
from pushpolicy.evaluate.authoring.waivers import as_yaml
from pushpolicy.model import canonical
from pushpolicy.model.document import Document, plain
from pushpolicy.model.index import Leaf
from pushpolicy.model.text import printable

_FAULT = 500


def tested(result: Tested) -> Report:
    """What `policy test` found."""
    return Report(Kind.POLICY, lambda: _tested_lines(result), lambda: _tested_document(result))


def inspected(found: Inspection) -> Report:
    """What `policy inspect` shows."""
    return Report(Kind.POLICY, lambda: _inspected_lines(found), lambda: _inspected_document(found))


def waivers(given: Sequence[Mapping[str, str]]) -> Report:
    """What `policy waive` grants, in the form of waivers.yaml."""
    document = {"schema": "pushpolicy.policy.waive/v1", "waivers": list(given)}
    return Report(
        Kind.POLICY, lambda: f"waivers:\n{as_yaml(given)}".splitlines(), lambda: Document.of(document)
    )


def checked(policy: PolicySet, notes: Sequence[str]) -> Report:
    """What `policy check` has to say of a set in which nothing is wrong."""
    return Report(
        Kind.POLICY, lambda: _checked_lines(policy, notes), lambda: _checked_document(policy, notes)
    )


def _checked_lines(checked: PolicySet, notes: Sequence[str]) -> Iterator[str]:
    rules, identity = checked.index.rules, checked.identity
    yield f"{identity.source}: {count(len(rules), 'rule')} checked, digest {identity.digest}"
    for name, rule in sorted(rules.items()):
        requires = ", ".join(rule.requires) or "image and target only"
        yield f"  {name:<20} {printable(rule.title)} (reads {requires})"
        for leaf in rule.leaves:
            yield f"  {'':<20} requires {leaf.path}{', not empty' if leaf.filled else ''}{_as(leaf)}"
        for path in rule.optional:
            yield f"  {'':<20} optional {path}"
    yield from (click.style(f"note: {printable(note, 500)}", fg="yellow") for note in notes)


def _checked_document(checked: PolicySet, notes: Sequence[str]) -> Document:
    """``pushpolicy.policy.check/v1``."""
    rules = [
        {
            "name": name,
            "title": rule.title,
            "requires": rule.requires,
            "leaves": [{"path": leaf.path, "filled": leaf.filled} for leaf in rule.leaves],
            "optional": rule.optional,
        }
        for name, rule in sorted(checked.index.rules.items())
    ]
    return Document.of(
        plain(
            {
                "schema": "pushpolicy.policy.check/v1",
                "policy": checked.identity,
                "rules": rules,
                "notes": notes,
            }
        )
    )


def changed(names: tuple[str, str], found: Sequence[Change]) -> Report:
    """What `policy diff` found."""
    document = {
        "schema": "pushpolicy.policy.diff/v1",
        "before": names[0],
        "after": names[1],
        "changes": found,
    }
    return Report(Kind.POLICY, lambda: changed_lines(found), lambda: Document.of(plain(document)))


def changed_lines(found: Sequence[Change]) -> Iterator[str]:
    """How many there are of each direction, and each."""
    told = [f"{sum(each.direction is way for each in found)} {way}" for way in Direction]
    yield ", ".join(told) if found else "nothing differs"
    for each in found:
        way = click.style(f"{each.direction:<8}", fg=_WAYS[each.direction])
        values = [each.before, each.after]
        shown = " -> ".join("none" if value is None else printable(value, 200) for value in values)
        yield f"  {way} {each.what:<12} {printable(each.name)}{f': {shown}' if any(values) else ''}"


_WAYS = {Direction.STRICTER: "red", Direction.LOOSER: "yellow", Direction.CHANGED: None}


def _inspected_lines(found: Inspection) -> Iterator[str]:
    identity = found.policy.identity
    yield f"{printable(identity.source)}: {count(len(found.rules), 'rule')}, digest {identity.digest}"
    for part in ("rules", "settings", "waivers", "origins"):
        yield f"  {part:<9} {getattr(identity, part)}"
    reasons = "; ".join(map(printable, identity.not_anchored))
    yield f"  anchored  {'yes' if identity.anchored else f'no: {reasons}'}"
    days = found.max_days
    yield f"  a waiver lasts at most {days['local']} days, one of the judged checkout {days['checkout']}"
    for rule in found.rules:
        yield ""
        name = click.style(rule.name, bold=True)
        yield f"{name} ({rule.origin})  {printable(rule.title)}  [{rule.severity}]"
        yield from (f"  {name:<9} {text}" for name, text in _said(rule) if text)
    for each in found.waivers:
        waiver = {key: printable(str(value)) for key, value in each.waiver.items()}
        what = waiver.get("id") or waiver.get("purl") or waiver.get("evidence")
        state = _STATES.get(each.state, each.state)
        yield ""
        yield f"waiver ({waiver['origin']}) of {waiver['rule']} {what} until {waiver['expires']}: {state}"


def _said(rule: Rule) -> Iterator[tuple[str, str]]:
    yield "reads", ", ".join(rule.reads) or "image and target only"
    yield (
        "requires",
        ", ".join(f"{leaf.path}{' (not empty)' if leaf.filled else ''}{_as(leaf)}" for leaf in rule.leaves),
    )
    yield "optional", ", ".join(rule.optional)
    yield "finds", ", ".join(rule.heads)
    yield "waive", ", ".join(_WHO[who] for who in rule.waive)
    yield "mode", "" if rule.mode == "enforce" else rule.mode
    yield "from", rule.effective_on or ""
    for setting in rule.settings:
        value = printable(canonical.encode(setting.value).decode(), 200)
        yield "setting", f"{setting.key} = {value} ({setting.origin})"


_WHO = {
    "nobody": "nobody",
    "policy": "waivers.yaml of the command line's policy",
    "checkout": "the judged checkout",
}
_STATES = {
    "counts": "counts",
    "ended": "ended",
    "long": "not honoured, it lasts too long",
    "pending": "does not count yet",
    "refused": "not honoured, `policy check` says why",
    "unwaivable": "not honoured, nobody can waive this rule",
}


def _inspected_document(found: Inspection) -> Document:
    """``pushpolicy.policy.inspect/v1``."""
    return Document.of(
        plain(
            {
                "schema": "pushpolicy.policy.inspect/v1",
                "policy": found.policy.identity,
                "rules": found.rules,
                "waivers": found.waivers,
                "max_days": found.max_days,
                "enforcement": found.policy.grounds.enforcement,
            }
        )
    )


def _tested_lines(result: Tested) -> Iterator[str]:
    name, rego = printable(result.policy.source), result.rego
    if result.faults:
        yield f"{click.style(f'FAIL {name}', fg='red', bold=True)}: {count(len(result.faults), 'problem')}"
        yield from (f"  - {printable(str(fault), _FAULT)}" for fault in result.faults)
    else:
        rules = count(len(result.policy.index.rules), "rule")
        yield f"{click.style(f'PASS {name}', fg='green', bold=True)}: {rules}"
    own = [test for test in rego.tests if test.status != "evaluated"]
    skipped = sum(test.status == "skipped" for test in own)
    yield f"  {count(len(own), 'Rego test')}{f', {skipped} of them skipped' if skipped else ''}"
    yield (
        f"  {count(result.examples, 'example')} decided, and {count(result.deletions, 'time')} once more"
        " without a leaf of the evidence"
    )
    if rego.coverage is None:
        yield "  what they reach is not measured where a test fails"
    for rule, coverage in sorted((rego.coverage or {}).items()):
        yield f"  {rule:<20} {coverage.percent:5.1f} % reached{_missed(coverage)}"
    for test in rego.tests:
        yield from _printed(test)


def _missed(coverage: Coverage) -> str:
    ranges = [f"{first}-{last}" if last > first else f"{first}" for first, last in coverage.missed]
    return f"; not lines {', '.join(ranges)}" if ranges else ""


def _printed(test: RegoTest) -> Iterator[str]:
    if test.printed:
        place = f"{test.file}:{test.line}" if test.line else test.file
        yield f"  printed by {printable(place)}: {printable(test.name)}"
        yield from (f"    {printable(line, _FAULT)}" for line in test.printed.splitlines())


def _tested_document(result: Tested) -> Document:
    """``pushpolicy.policy.test/v1``."""
    return Document.of(
        plain(
            {
                "schema": "pushpolicy.policy.test/v1",
                "policy": result.policy.identity,
                "passed": not result.faults,
                "problems": result.faults,
                "examples": result.examples,
                "deletions": result.deletions,
                "tests": result.rego.tests,
                "coverage": result.rego.coverage,
            }
        )
    )


def _as(leaf: Leaf) -> str:
    """Of which type something in an `extra` has to be."""
    return f" (a {leaf.type})" if leaf.type else ""
