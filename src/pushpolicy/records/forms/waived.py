"""Which findings of the scans a waiver covers: a rule names what it denies in its own words (`at`)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from pushpolicy.model.decision import Violation

Finding = Mapping[str, Any]
# What sets two findings of one flaw apart, where both say it.
_SAME = ("purl", "package", "version", "location")


class Waived:
    """The findings that rules denied and waivers cover.

    Args:
        violations: `Decision.waived`.
    """

    def __init__(self, violations: Iterable[Violation]) -> None:
        self._by_name: dict[str, list[Violation]] = defaultdict(list)
        for each in violations:
            for name in names_of(each.at):
                self._by_name[name].append(each)

    def of(self, scan: str, finding: Finding) -> Iterator[Violation]:
        """Those that are about this finding of the scan of that name, each once."""
        found = {id(each): each for name in names_of(finding) for each in self._by_name.get(name, ())}
        return (each for each in found.values() if _is_about(each.at, scan, finding))


def names_of(finding: Finding) -> tuple[str, ...]:
    """What a flaw is called, its own name first."""
    aliases = finding.get("aliases")
    named = (finding.get("id"), *(aliases if isinstance(aliases, list | tuple) else ()))
    return tuple(dict.fromkeys(name for name in named if isinstance(name, str) and name))


def _is_about(at: Finding, scan: str, finding: Finding) -> bool:
    if "sources" in at:  # what several scans say of one flaw (`Joined`), in which a purl has less
        return bool(finding.get("joined") == at)
    if at.get("scan", scan) != scan:
        return False
    return all(at[key] == finding[key] for key in _SAME if key in at and key in finding)
