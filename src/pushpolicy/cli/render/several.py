"""What answers several findings at once: an upgrade of one package, or the waiver of one flaw."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from pushpolicy.model.decision import Violation
from pushpolicy.model.text import first_of, printable

_SHOWN = 3
# A finding that has one of these is about a flaw. Other ids, such as a platform, are of many things.
_OF_A_FLAW = ("package", "purl", "severity", "aliases")


def several_lines(violations: Sequence[Violation]) -> Iterator[str]:
    """What is to be done once, where it is for several of the findings; nothing where each is its own.

    Yields:
        at most four lines for upgrades, and four for waivers; foreign text in them is harmless.
    """
    yield from _first(_upgrades(violations))
    yield from _first(_waivers(violations))


def _first(lines: Iterable[str]) -> Iterator[str]:
    told = list(lines)
    yield from told[:_SHOWN]
    if len(told) > _SHOWN:
        yield f"... and {len(told) - _SHOWN} more like that"


def _upgrades(violations: Iterable[Violation]) -> Iterator[str]:
    """Packages with several findings that all are fixed in a version, the one with most findings first."""
    by_package = dict[str, list[Violation]]()
    for each in violations:
        if (package := _text(each.at, "package")) and _text(each.at, "fixed_in"):
            by_package.setdefault(package, []).append(each)
    for package, found in _most_first(by_package):
        versions = list(dict.fromkeys(_text(each.at, "fixed_in") for each in found))
        # Which version is the newest, only the package's own system knows.
        to = versions[0] if len(versions) == 1 else f"the newest of {first_of(versions, 4)}"
        rules = {each.rule for each in found}
        of = f" of {len(rules)} rules" if len(rules) > 1 else ""
        yield f"upgrading {printable(package, 60)} to {printable(to, 120)} answers {len(found)} findings{of}"


def _waivers(violations: Iterable[Violation]) -> Iterator[str]:
    """Flaws that several rules deny: each needs a waiver of its own."""
    by_id = dict[str, list[Violation]]()
    for each in violations:
        if any(key in each.at for key in _OF_A_FLAW):
            by_id.setdefault(each.id, []).append(each)
    for name, found in _most_first(by_id):
        rules = sorted({each.rule for each in found})
        if len(rules) > 1:
            names = ", ".join(map(printable, rules))
            yield f"a waiver of {printable(name, 60)} takes an entry for each of {names}"


def _most_first(found: Mapping[str, list[Violation]]) -> list[tuple[str, list[Violation]]]:
    several = [(name, each) for name, each in found.items() if len(each) > 1]
    return sorted(several, key=lambda each: (-len(each[1]), each[0]))


def _text(at: Mapping[str, object], key: str) -> str:
    value = at.get(key)
    return value if isinstance(value, str) else ""
