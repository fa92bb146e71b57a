"""Joining the data of all sources: the rules' defaults, the organisation's files, the repository's wishes."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from msgspec.structs import replace

from pushpolicy.evaluate.authority import Origin, RepositoryPolicy, permissions, refusal
from pushpolicy.evaluate.data import MAX_DAYS, PolicyData, default_settings
from pushpolicy.evaluate.data_files import (
    read_document,
    schema_problems,
    time_problems,
    waiver_problems,
    with_lines,
)
from pushpolicy.evaluate.settings import joined, setting_problem
from pushpolicy.evaluate.sources import (
    RULE_NAME,
    SETTINGS,
    TRUST,
    WAIVERS,
    Source,
    SourceFile,
    fail_if,
    policies,
)
from pushpolicy.model.index import Index
from pushpolicy.model.text import nearest

# From the mildest to the strictest.
_MODES = ("off", "warn", "enforce")


def read_data(
    sources: Sequence[Source], index: Index, repository: RepositoryPolicy, origins: Mapping[str, Origin]
) -> PolicyData:
    """Merge the data files of all sources with the rules' defaults and the repository's own wishes.

    Several sources of the command line join to the stricter value; what cannot be compared is an error.

    Args:
        sources: in order.
        index: all rules of the set.
        repository: what the checkout says, and what ``--repo-may`` gives it.
        origins: where each rule comes from.

    Raises:
        PolicyError: listing every problem, one a line.
    """
    problems = [
        f"--repo-may {name}: no rule is named so{_named_so(name, index.rules)}"
        for name in repository.may
        if name not in {"*", *index.rules}
    ]
    merger = _Merger(index, origins, repository, problems)
    documents = [
        (source.origin, name, file, read_document(file, name, problems))
        for source in sources
        for name, file in source.data.items()
        if name != TRUST
    ]
    # The command line's word first: it says what the checkout may.
    for origin, name, file, value in sorted(documents, key=lambda each: each[0] is Origin.CHECKOUT):
        if origin is Origin.CHECKOUT:
            merger.add_theirs(name, file, value)
        else:
            merger.add(name, str(file.path), value, origin)
    merger.add_repository()
    contents = {str(file.path): file.content for _, _, file, _ in documents}
    contents.setdefault(repository.file, repository.content)
    fail_if(with_lines(problems, contents))
    result = merger.result()
    return replace(result, warnings=tuple(with_lines(result.warnings, contents)))


class _Merger:
    def __init__(
        self, index: Index, origins: Mapping[str, Origin], repository: RepositoryPolicy, problems: list[str]
    ) -> None:
        self._index, self._origins, self._repository = index, origins, repository
        self._problems = problems
        self._settings: dict[str, dict[str, tuple[Any, Origin]]] = {}
        self._waivers: list[Mapping[str, Any]] = []
        self._days: dict[str, int] = {}
        self._rules: dict[str, dict[str, Any]] = {}
        self._observe: dict[str, Any] | None = None
        self._taken_back: dict[str, frozenset[str]] = {}
        self._warnings: list[str] = []

    @property
    def _may(self) -> dict[str, frozenset[str]]:
        return dict(permissions(self._index.rules, self._origins, self._repository.may, self._taken_back))

    def add(self, name: str, file: str, value: Mapping[str, Any], origin: Origin) -> None:
        """Take one document of the command line, or of the checkout about rules of its own."""
        if name == SETTINGS:
            self._add_settings(file, value, origin)
        elif name == WAIVERS:
            # Of several limits the shortest holds.
            self._shorten("waivers", value.get("max_days"))
            self._shorten("repository", value.get("repo_max_days"))
            self._waivers += [{**waiver, "origin": origin} for waiver in self._well_formed(file, value)]
        else:
            self._add_enforcement(file, value, origin)

    def add_theirs(self, name: str, file: SourceFile, value: Mapping[str, Any]) -> None:
        """Take one document of a policy folder that lies in the checkout."""
        place, checkout = str(file.path), self._repository.checkout
        unproven = checkout.unproven(file.path, file.content) if checkout else None
        if name == SETTINGS:
            self._add_their_settings(place, value, unproven)
        elif name == WAIVERS:
            self._add_their_waivers(place, value, unproven)
        else:
            self._add_their_enforcement(place, value)

    def add_repository(self) -> None:
        """Take what pushpolicy.yaml says."""
        repository = self._repository
        document = {"waivers": list(repository.waivers)}
        malformed = [f"{repository.file}: {text}" for text in schema_problems(WAIVERS, document)]
        self._problems += malformed
        if not malformed and (repository.settings or repository.waivers):
            unproven = repository.unproven
            self._add_their_settings(repository.file, repository.settings, unproven)
            self._add_their_waivers(repository.file, document, unproven)

    def result(self) -> PolicyData:
        """Everything, with the defaults of all rules."""
        settings = default_settings(self._index)
        for rule, keys in self._settings.items():
            settings[rule] |= {key: value for key, (value, _) in keys.items()}
        enforcement: dict[str, Any] = {"rules": self._rules}
        if self._observe is not None:
            enforcement["observe"] = self._observe
        if "enforcement" in self._days:
            enforcement["max_days"] = self._days["enforcement"]
        waivers = {"max_days": self._days.get("waivers", MAX_DAYS), "waivers": self._waivers}
        if "repository" in self._days:
            waivers["repo_max_days"] = self._days["repository"]
        return PolicyData(
            settings=settings,
            waivers=waivers,
            enforcement=enforcement,
            origins={
                "rules": dict(self._origins),
                "settings": {
                    rule: {key: origin for key, (_, origin) in keys.items()}
                    for rule, keys in self._settings.items()
                },
                "repo_may": {rule: sorted(words) for rule, words in self._may.items()},
            },
            warnings=tuple(self._warnings),
        )

    def _add_settings(self, file: str, value: Mapping[str, Any], origin: Origin) -> None:
        for rule, keys in value.items():
            found = list(self._problems_of(rule, keys))
            self._problems += [f"{file}: {text}" for text in found]
            for key, given in () if found else keys.items():
                known = self._settings.setdefault(rule, {})
                before, first = known.get(key, (given, origin))
                fragment = self._index.rules[rule].settings[key]
                value = given if given == before else joined(fragment, before, given)
                if value is None or setting_problem(fragment, value):
                    self._problems.append(
                        f"{file}: {rule}.{key}: another source sets it too, and which is stricter cannot be"
                        " told; set it in one of them"
                    )
                known[key] = (value, first if value == before else origin)

    def _add_their_settings(self, file: str, value: Mapping[str, Any], unproven: str | None) -> None:
        """The checkout's word replaces the organisation's where it may, and counts for its own rules."""
        for rule, keys in value.items():
            if refused := self._refused_settings(rule, unproven):
                self._problems.append(f"{file}: {refused}")
                continue
            found = [f"{file}: settings: {text}" for text in self._problems_of(rule, keys)]
            self._problems += found
            for key, given in () if found else keys.items():
                self._settings.setdefault(rule, {})[key] = (given, Origin.CHECKOUT)

    def _refused_settings(self, rule: str, unproven: str | None) -> str | None:
        if rule not in self._index.rules or self._origins[rule] is Origin.CHECKOUT:
            return None
        if "settings" not in self._may.get(rule, ()):
            return (
                f"a repository may not change settings of the rule {rule}; those who keep the policy can, or"
                f" --repo-may {rule}=settings on the command line"
            )
        return unproven and f"changes no settings of the rule {rule}: {unproven}"

    def _add_their_waivers(self, file: str, value: Mapping[str, Any], unproven: str | None) -> None:
        self._shorten("repository", value.get("max_days"))
        may = self._may
        for waiver in self._well_formed(file, value):
            theirs = self._origins.get(str(waiver.get("rule"))) is Origin.CHECKOUT
            reason = None if theirs else unproven or refusal(waiver, may, self._index.rules)
            self._waivers.append(
                {**waiver, "origin": Origin.CHECKOUT} | ({"refused": reason} if reason else {})
            )

    def _well_formed(self, file: str, value: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
        for number, waiver in enumerate(value.get("waivers", ())):
            place = f"{file}: waivers[{number}]"
            rule = self._index.rules.get(str(waiver.get("rule")))
            self._problems += [f"{place}: {text}" for text in waiver_problems(waiver, rule)]
            if rule is None:
                name = str(waiver.get("rule"))
                meant = nearest(name, self._index.rules)
                self._warnings.append(
                    f"{place}: no rule is named {name!r}, so it waives nothing; name a rule of the set{meant}"
                )
            yield waiver

    def _add_enforcement(self, file: str, value: Mapping[str, Any], origin: Origin) -> None:
        self._problems += [f"{file}: {text}" for text in time_problems(value)]
        self._problems += [f"{file}: {text}" for text in self._enforcement_problems(value)]
        self._shorten("enforcement", value.get("max_days"))
        for rule, words in value.get("repo_may", {}).items():
            self._taken_back[rule] = self._taken_back.get(rule, frozenset(words)) & frozenset(words)
        for rule, measure in value.get("rules", {}).items():
            self._rules[rule] = _stricter(self._rules.get(rule), {**measure, "origin": origin})
        if "observe" in value:
            self._observe = _stricter(self._observe, {**value["observe"], "origin": origin})

    def _add_their_enforcement(self, file: str, value: Mapping[str, Any]) -> None:
        """A checkout rolls out rules of its own; observe mode would be for all rules."""
        # One that no rule is named is a mistake, whoever may roll out what.
        known = [rule for rule in value.get("rules", {}) if rule in self._index.rules]
        foreign = [rule for rule in known if self._origins.get(rule) is not Origin.CHECKOUT]
        foreign += [f"repo_may.{rule}" for rule in value.get("repo_may", {})]
        if "observe" in value and any(origin is not Origin.CHECKOUT for origin in self._origins.values()):
            foreign.append("observe")
        if foreign:
            self._problems.append(
                f"{file}: {', '.join(foreign)}: the checkout's own rules alone; others are rolled out by the"
                " policy of the command line"
            )
        else:
            self._add_enforcement(file, value, Origin.CHECKOUT)

    def _enforcement_problems(self, value: Mapping[str, Any]) -> Iterator[str]:
        for rule, measure in value.get("rules", {}).items():
            if rule not in self._index.rules:
                yield f"rules.{rule}: no rule is named so{self._remedy(rule)}"
            elif self._index.rules[rule].integrity and measure["mode"] != "enforce":
                yield f"rules.{rule}: an integrity rule cannot be switched off or only warn; leave it out"
        for rule in value.get("repo_may", {}):
            if rule not in self._index.rules:
                yield f"repo_may.{rule}: no rule is named so{self._remedy(rule)}"

    def _shorten(self, place: str, days: int | None) -> None:
        if days is not None:
            self._days[place] = min(days, self._days.get(place, days))

    def _remedy(self, rule: str) -> str:
        if RULE_NAME.fullmatch(rule) and (policies() / "rules" / rule).is_dir():
            return f"; the shipped one of that name is added by --policy pack:{rule}"
        return _named_so(rule, self._index.rules)

    def _problems_of(self, rule: str, keys: Any) -> Iterator[str]:
        if rule not in self._index.rules:
            yield f"{rule}: no rule is named so{self._remedy(rule)}"
        elif not isinstance(keys, Mapping):
            yield f"{rule}: must be a map of settings; write RULE: {{KEY: VALUE}}"
        else:
            declared = self._index.rules[rule].settings
            for key, value in keys.items():
                if key not in declared:
                    known = ", ".join(sorted(declared)) or "none"
                    meant = nearest(key, declared)
                    yield f"{rule}.{key}: the rule has no such setting; it has {known}{meant}"
                elif problem := setting_problem(declared[key], value):
                    yield f"{rule}.{key}: {problem}; {_declared(declared[key])}"


def _named_so(rule: str, rules: Iterable[str]) -> str:
    return f"; `policy inspect` lists those of the set{nearest(rule, rules)}"


def _declared(fragment: Mapping[str, Any]) -> str:
    form = {key: value for key, value in fragment.items() if key not in ("description", "stricter")}
    return f"it is declared as {json.dumps(form, ensure_ascii=False)}"


def _stricter(one: dict[str, Any] | None, other: dict[str, Any]) -> dict[str, Any]:
    """Of two measures for the same rules: the stricter mode, else the one that ends first."""
    if one is None:
        return other
    return min((one, other), key=lambda each: (-_MODES.index(each.get("mode", "off")), _end(each)))


def _end(measure: Mapping[str, Any]) -> float:
    try:
        return datetime.fromisoformat(str(measure.get("until"))).timestamp()
    except ValueError:  # malformed, which was said already, or without an end
        return 0.0
