"""How two recorded decisions differ: in what they were made on, by what, and what was found."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from pushpolicy.audit.difference import Difference, difference
from pushpolicy.audit.facts import Evidence, facts
from pushpolicy.audit.walk import Opened
from pushpolicy.evaluate.authoring.changes import Change, compare
from pushpolicy.model.decision import Decision
from pushpolicy.reports.parsing.purl import Purl


class FactChange(msgspec.Struct, frozen=True, kw_only=True):
    """A fact of the evidence that is another; None where it is none."""

    what: str
    before: str | None
    after: str | None


class ItemChange(msgspec.Struct, frozen=True, kw_only=True):
    """Something that scans or SBOMs list, as they list it; None where they do not.

    Attributes:
        name: of a finding its id and package, or where it is; of a package its name.
        before: the severity of the finding, or the versions of the package.
        after: the same.
    """

    name: str
    before: str | None
    after: str | None


class Compared(msgspec.Struct, frozen=True, kw_only=True):
    """What is not the same in the second decision.

    Attributes:
        facts: who pushed, from where, on which reports.
        findings: of scans, whatever became of them; only where both were scanned.
        packages: of SBOMs; only where both have one.
        policy: what differs between the sets that decided.
        decision: what was decided otherwise; None where that is the same.
    """

    before: Opened
    after: Opened
    facts: tuple[FactChange, ...]
    findings: tuple[ItemChange, ...]
    packages: tuple[ItemChange, ...]
    policy: tuple[Change, ...]
    decision: Difference | None

    @property
    def is_same(self) -> bool:
        """Whether nothing that was looked at differs."""
        return not (self.facts or self.findings or self.packages or self.policy or self.decision)


def compared(before: Opened, after: Opened) -> Compared:
    """Compare two records; nothing is evaluated."""
    was, now = before.record.evidence.value, after.record.evidence.value
    same_policy = before.record.policy == after.record.policy
    return Compared(
        before=before,
        after=after,
        facts=tuple(_facts(was, now)),
        findings=tuple(_items(_findings(was), _findings(now))),
        packages=tuple(_items(_packages(was), _packages(now))),
        policy=() if same_policy else compare(before.held.policy, after.held.policy),
        decision=_decided(before.record.decision, after.record.decision),
    )


def _decided(before: Decision, after: Decision) -> Difference | None:
    """What was found otherwise: that they are about other images at other times is told as it is."""
    found = difference(before, after)
    return found if found and (found.before is not found.after or found.rules or found.findings) else None


def _facts(was: Evidence, now: Evidence) -> Iterator[FactChange]:
    before, after = Counter(facts(was)), Counter(facts(now))
    gone, new = before - after, after - before
    for what in dict.fromkeys(label for label, _ in (*before, *after)):
        old, other = (
            "; ".join(text.strip() for label, text in side if label == what) for side in (gone, new)
        )
        if old or other:
            yield FactChange(what=what, before=old or None, after=other or None)


def _items(was: Mapping[str, str] | None, now: Mapping[str, str] | None) -> Iterator[ItemChange]:
    if was is None or now is None:
        return
    for name in sorted(was.keys() | now.keys()):
        if was.get(name) != now.get(name):
            yield ItemChange(name=name, before=was.get(name), after=now.get(name))


def _findings(evidence: Evidence) -> dict[str, str] | None:
    """Each finding of the scans by its id and package, with its severity; None where nothing was scanned."""
    scans = evidence["scans"]
    if scans["status"] != "collected":
        return None
    found: dict[str, str] = {}
    for scan in scans["items"]:
        for each in scan["findings"]:
            where = each.get("package") or each.get("location")
            found.setdefault(f"{each['id']}{f' in {where}' if where else ''}", each["severity"])
    return found


def _packages(evidence: Evidence) -> dict[str, str] | None:
    """The versions of each package of the SBOMs; None where there is none."""
    components = evidence.get("sbom", {}).get("components")
    if components is None:
        return None
    versions: dict[str, set[str]] = {}
    for each in components:
        versions.setdefault(_package(each), set()).add(each.get("version") or "of no version")
    return {name: ", ".join(sorted(each)) for name, each in versions.items()}


def _package(component: Mapping[str, Any]) -> str:
    purl = Purl.parse(component.get("purl"))
    return f"{purl.name} ({purl.type})" if purl else str(component["name"])
