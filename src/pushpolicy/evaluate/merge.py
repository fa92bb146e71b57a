"""Joining the data of all sources: the rules' defaults, the organisation's files, the repository's wishes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pushpolicy.evaluate.data import MAX_DAYS, PolicyData, RepositoryPolicy, default_settings
from pushpolicy.evaluate.data_files import read_document, schema_problems, time_problems, waiver_problems
from pushpolicy.evaluate.settings import setting_problem
from pushpolicy.evaluate.sources import ENFORCEMENT, SETTINGS, WAIVERS, Source, fail_if
from pushpolicy.model.index import Index


def read_data(
    sources: Sequence[Source], index: Index, repository: RepositoryPolicy, restricted: frozenset[str]
) -> PolicyData:
    """Merge the data files of all sources with the rules' defaults and the repository's own wishes.

    Args:
        sources: in order; two may not set the same thing.
        index: all rules of the set.
        repository: what the checkout says.
        restricted: rules that the checkout may change only where they allow it.

    Raises:
        PolicyError: listing every problem, one a line.
    """
    problems: list[str] = []
    merger = _Merger(index, problems)
    for source in sources:
        for name, read in _READERS.items():
            if file := source.data.get(name):
                read(merger, str(file.path), read_document(file, name, problems))
    merger.add_repository(repository, restricted)
    fail_if(problems)
    return merger.result()


class _Merger:
    def __init__(self, index: Index, problems: list[str]) -> None:
        self._index, self._problems = index, problems
        self._settings: dict[str, dict[str, Any]] = {}
        self._waivers: list[Mapping[str, Any]] = []
        self._max_days = MAX_DAYS
        self._limits: list[int] = []
        self._enforcement: dict[str, Any] = {"rules": {}}
        self._warnings: list[str] = []

    def add_settings(self, file: str, value: Mapping[str, Any]) -> None:
        """Take the settings of one file."""
        for rule, keys in value.items():
            self._problems += [f"{file}: {text}" for text in self._setting_problems(rule, keys)]
            if isinstance(keys, dict):
                self._settings[rule] = {**self._settings.get(rule, {}), **keys}

    def add_waivers(self, file: str, value: Mapping[str, Any]) -> None:
        """Take the waivers of one file; of several limits the shortest holds."""
        if "max_days" in value:
            self._limits.append(value["max_days"])
        for number, waiver in enumerate(value.get("waivers", ())):
            place = f"{file}: waivers[{number}]"
            self._problems += [f"{place}: {text}" for text in waiver_problems(waiver)]
            if waiver.get("rule") not in self._index.rules:
                self._warnings.append(f"{place}: no rule is named {waiver.get('rule')!r}; it waives nothing")
            self._waivers.append(waiver)

    def add_enforcement(self, file: str, value: Mapping[str, Any]) -> None:
        """Take the enforcement of one file."""
        self._problems += [f"{file}: {text}" for text in time_problems(value)]
        for rule, mode in value.get("rules", {}).items():
            if rule not in self._index.rules:
                self._problems.append(f"{file}: rules.{rule}: no rule is named so")
            if rule in self._enforcement["rules"]:
                self._problems.append(f"{file}: rules.{rule}: another source has it too")
            self._enforcement["rules"][rule] = mode
        if "observe" in value:
            if "observe" in self._enforcement:
                self._problems.append(f"{file}: observe: another source has it too")
            self._enforcement["observe"] = value["observe"]

    def add_repository(self, repository: RepositoryPolicy, restricted: frozenset[str]) -> None:
        """Take what the checkout says, where the rules allow it."""
        refused = list(self._refused(repository, restricted))
        self._problems += [f"{repository.file}: {text}" for text in refused]
        if not refused:
            # The checkout's word replaces the organisation's, since the rule says that it may.
            for rule, keys in repository.settings.items():
                found = [f"{repository.file}: settings: {text}" for text in self._problems_of(rule, keys)]
                self._problems += found
                if not found:
                    self._settings[rule] = {**self._settings.get(rule, {}), **keys}
            document = {"waivers": list(repository.waivers)}
            malformed = [f"{repository.file}: {text}" for text in schema_problems(WAIVERS, document)]
            self._problems += malformed
            if not malformed:
                self.add_waivers(repository.file, document)

    def result(self) -> PolicyData:
        """Everything, with the defaults of all rules."""
        return PolicyData(
            settings={
                name: defaults | self._settings.get(name, {})
                for name, defaults in default_settings(self._index).items()
            },
            waivers={"max_days": min(self._limits, default=MAX_DAYS), "waivers": self._waivers},
            enforcement=self._enforcement,
            warnings=tuple(self._warnings),
        )

    def _refused(self, repository: RepositoryPolicy, restricted: frozenset[str]) -> Iterator[str]:
        wishes = [(rule, "settings", "change settings of") for rule in repository.settings]
        wishes += [(str(waiver.get("rule")), "waive", "waive") for waiver in repository.waivers]
        for rule, wish, verb in wishes:
            if rule in restricted and wish not in self._index.rules[rule].repo_may:
                yield f"a repository may not {verb} the rule {rule}; ask those who keep the policy"

    def _setting_problems(self, rule: str, keys: Any) -> Iterator[str]:
        yield from self._problems_of(rule, keys)
        for key in keys if isinstance(keys, dict) else ():
            if key in self._settings.get(rule, {}):
                yield f"{rule}.{key}: another source sets it too"

    def _problems_of(self, rule: str, keys: Any) -> Iterator[str]:
        if rule not in self._index.rules:
            yield f"{rule}: no rule is named so"
        elif not isinstance(keys, Mapping):
            yield f"{rule}: must be a map of settings"
        else:
            declared = self._index.rules[rule].settings
            for key, value in keys.items():
                if key not in declared:
                    known = ", ".join(sorted(declared)) or "none"
                    yield f"{rule}.{key}: the rule has no such setting; it has {known}"
                elif problem := setting_problem(declared[key], value):
                    yield f"{rule}.{key}: {problem}"


_READERS = {
    SETTINGS: _Merger.add_settings,
    WAIVERS: _Merger.add_waivers,
    ENFORCEMENT: _Merger.add_enforcement,
}
