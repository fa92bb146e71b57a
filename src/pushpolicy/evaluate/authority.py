"""Who may loosen what (design section 6): where a policy source comes from, and what that lets it do.

A source of the command line sets what it likes. What the judged checkout brings, in pushpolicy.yaml or in a
policy folder that lies in it, only adds rules and evidence; it changes settings or waives findings of other
rules only where the command line's policy, or ``--repo-may``, says so.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Any, Protocol

import msgspec

from pushpolicy.errors import UsageError
from pushpolicy.files import real
from pushpolicy.model.index import Grounds, RuleEntry

PACK = "pack"
_DEFAULT = "default"
# A purl whose type, namespace and name are literal; only the version may be a pattern.
NAMED_PURL = re.compile(r"pkg:[a-z][a-z0-9.+-]*/[^@*?]*[^@*?/](@.*)?")


class Origin(StrEnum):
    """Where a rule, a setting, a waiver or a measure comes from.

    The pack is part of the program. A local folder was named on the command line, and nothing but its path
    is known of it. An artifact was pinned by its digest, or signed by a key of the command line.
    """

    PACK = "pack"
    LOCAL = "local"
    ARTIFACT = "artifact"
    CHECKOUT = "checkout"


class JudgedCheckout(Protocol):
    """What git knows of the checkout that is judged."""

    @property
    def roots(self) -> Sequence[Path]:
        """The tops, resolved, of all work trees that the workspace lies in; without one, the workspace."""

    def may_track(self, path: Path) -> bool:
        """Whether the commit of one of them has something at this path, or that cannot be found out."""

    def unproven(self, path: Path, content: bytes) -> str | None:
        """Why these bytes of a file are not those of the judged commit; None where they are."""


class RepositoryPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """What the repository's own pushpolicy.yaml says, already parsed, and what it may.

    Attributes:
        rules: folders with rules in addition.
        settings: rule to key to value.
        waivers: in the form of waivers.yaml.
        file: the configuration, as messages name it.
        content: its bytes, as they were parsed.
        checkout: the checkout that is judged; None where there is none.
        may: what ``--repo-may`` gives: rule to settings, waive; ``*`` is every rule without integrity.
    """

    rules: tuple[str, ...] = ()
    settings: Mapping[str, Any] = {}
    waivers: tuple[Mapping[str, Any], ...] = ()
    file: str = "pushpolicy.yaml"
    content: bytes = b""
    checkout: JudgedCheckout | None = None
    may: Mapping[str, frozenset[str]] = {}

    @property
    def unproven(self) -> str | None:
        """Why the configuration loosens nothing whatever it may; None where git vouches for its bytes."""
        return self.checkout.unproven(Path(self.file), self.content) if self.checkout else None


def part_of_pack(source: str) -> str | None:
    """Which of the shipped rules a ``--policy`` means: a collection or one rule; None where it is no pack.

    ``pack`` is the default collection, ``pack:strict`` another one, ``pack:tag_policy`` that rule alone.
    """
    pack, colon, part = source.partition(":")
    return None if pack != PACK else part if colon else _DEFAULT


def origin_of(source: str, checkout: JudgedCheckout | None) -> Origin:
    """Where a ``--policy`` comes from.

    A folder within the checkout is part of it, unless it is a work tree of its own that the judged commit
    does not have. Whoever was here before may have put a `.git` anywhere: so a work tree around the judged
    one counts as it does, and where git cannot tell, the folder is part of it.
    """
    if part_of_pack(source):
        return Origin.PACK
    if checkout is None:
        return Origin.LOCAL
    return Origin.CHECKOUT if any(_is_part(path, checkout) for path in _places(source)) else Origin.LOCAL


def lies_in(name: str, checkout: JudgedCheckout) -> bool:
    """Whether a file lies in the checkout, be it in its commit or not."""
    return any(path.is_relative_to(root) for path in _places(name) for root in checkout.roots)


def _places(name: str) -> tuple[Path, Path]:
    """As it is named and as it resolves: a link in the checkout is the checkout's, wherever it points."""
    return Path(os.path.normpath(Path.cwd() / name)), real(name)


def _is_part(path: Path, checkout: JudgedCheckout) -> bool:
    roots = checkout.roots
    if not any(path.is_relative_to(root) for root in roots):
        return False
    inner = next(each for each in (path, *path.parents) if each in roots or (each / ".git").exists())
    return inner in roots or checkout.may_track(inner)


def parse_repo_may(options: Iterable[str]) -> dict[str, frozenset[str]]:
    """What ``--repo-may RULE=settings,waive`` gives, by rule.

    Raises:
        UsageError: when one has another form.
    """
    given: dict[str, frozenset[str]] = {}
    for option in options:
        rule, _, wishes = option.partition("=")
        words = frozenset(wishes.split(","))
        if not rule or not words <= {"settings", "waive"}:
            raise UsageError(
                f"--repo-may {option!r} has another form",
                "write RULE=settings, RULE=waive or RULE=settings,waive; '*' is all but integrity rules",
            )
        given[rule] = given.get(rule, frozenset()) | words
    return given


def permissions(
    rules: Mapping[str, RuleEntry],
    origins: Mapping[str, Origin],
    given: Mapping[str, frozenset[str]],
    taken_back: Mapping[str, frozenset[str]],
) -> Iterator[tuple[str, frozenset[str]]]:
    """What the checkout may do to each rule that is not its own.

    Args:
        rules: all rules; each says itself what a repository may.
        origins: where each rule comes from.
        given: by the command line; ``*`` for all rules without integrity.
        taken_back: what the organisation's enforcement.yaml leaves of it, for the rules that it names.
    """
    for name, rule in rules.items():
        if origins[name] is Origin.CHECKOUT:
            continue
        may = frozenset(rule.repo_may) | given.get(name, frozenset())
        if not rule.integrity:
            may |= given.get("*", frozenset())
        may &= taken_back.get(name, may)
        # No waiver is for an integrity rule, whoever gives it.
        if may := may - {"waive"} if rule.integrity else may:
            yield name, may


def refusal(
    waiver: Mapping[str, Any], may: Mapping[str, frozenset[str]], rules: Mapping[str, RuleEntry]
) -> str | None:
    """Why a waiver of the checkout for somebody else's rule is not honoured; None where it is."""
    name = str(waiver.get("rule"))
    if name in rules and rules[name].integrity:
        return "nobody can waive this rule"
    if "waive" not in may.get(name, ()):
        return f"the checkout may not waive {name}; on the command line, --repo-may {name}=waive admits it"
    if "evidence" in waiver:
        return "a checkout cannot waive missing evidence; a waivers.yaml of the command line's policy can"
    if "purl" in waiver and not NAMED_PURL.fullmatch(str(waiver["purl"])):
        return "a checkout's waiver names one package: only the version of its purl may be a pattern"
    if any(mark in str(waiver.get("repository", "")) for mark in "*?"):
        return "a checkout's waiver is for its own repository: write it without * and ?"
    return None


def unanchored(grounds: Grounds) -> Iterator[str]:
    """Why a policy set is not anchored, one reason for each origin (design section 6); nothing where it is.

    Rules that the checkout adds to those of others only ever deny more. A set of the first version does not
    tell origins, and is not anchored.
    """
    rules: Mapping[str, str] = grounds.origins.get("rules", {})
    foreign = {rule for rule, origin in rules.items() if origin != Origin.CHECKOUT}
    if not rules:
        yield "it does not say where its rules come from"
    elif not foreign:
        yield "checkout: every rule lies in the checkout that is judged"
    told = _told(grounds, foreign)
    for origin, place in (
        (Origin.LOCAL, "local: only its path is known of the folder with"),
        (Origin.CHECKOUT, "checkout: the judged checkout brings"),
    ):
        if names := sorted({name for name, where in told if where == origin}):
            yield f"{place} {', '.join(names[:5])}" + (
                f" and {len(names) - 5} more" if len(names) > 5 else ""
            )


def rests_on_artifact(grounds: Grounds) -> bool:
    """Whether a set says that something that decides comes from an artifact, which it cannot prove."""
    rules: Mapping[str, str] = grounds.origins.get("rules", {})
    return any(origin == Origin.ARTIFACT for _, origin in _told(grounds, set(rules)))


def _told(grounds: Grounds, foreign: set[str]) -> list[tuple[str, str]]:
    """What decides beside the checkout's own rules, with the origin of each."""
    rules = grounds.origins.get("rules", {})
    return [(f"rule {rule}", rules[rule]) for rule in foreign] + list(_changes(grounds, foreign))


def _changes(grounds: Grounds, foreign: set[str]) -> Iterator[tuple[str, str]]:
    """What may loosen rules that are not the checkout's own, with the origin of each."""
    for rule, keys in grounds.origins.get("settings", {}).items():
        yield from ((f"setting {rule}.{key}", origin) for key, origin in keys.items() if rule in foreign)
    for waiver in grounds.waivers["waivers"]:
        if waiver["rule"] in foreign and "refused" not in waiver:
            yield f"waiver of {waiver['rule']}", waiver.get("origin", Origin.LOCAL)
    for rule, measure in grounds.enforcement.get("rules", {}).items():
        if rule in foreign:
            yield f"rollout of {rule}", measure.get("origin", Origin.LOCAL)
    if observe := grounds.enforcement.get("observe"):
        yield "observe mode", observe.get("origin", Origin.LOCAL)
