"""The rules of a SARIF run: which one a result is of, and what that says of the result (section 3.27)."""

from __future__ import annotations

from operator import itemgetter

import msgspec

from pushpolicy.model.evidence import Severity
from pushpolicy.reports.parsing.purl import Purl
from pushpolicy.reports.parsing.values import brief, number, score
from pushpolicy.reports.scans import severity
from pushpolicy.reports.scans.sarif_model import (
    ComponentReference,
    Configuration,
    Invocation,
    Result,
    Rule,
    RuleProperties,
    RuleReference,
    Run,
    text,
    texts,
)

_NOT_FIXED = "not fixed"  # Docker Scout
_KIND_TAGS = ("vulnerability", "misconfiguration", "secret")
_SEVERITY_TAGS = frozenset({"CRITICAL", "HIGH", "MEDIUM", "LOW", "UNKNOWN"})  # Trivy
_MOST_LEVELS = 16  # of a hierarchical id whose rule is looked for


class Rules:
    """The rules of one run's tool, and how its invocations configured them."""

    def __init__(self, run: Run) -> None:
        self._driver = run.tool.driver or run.tool
        self._extensions = run.tool.extensions or []
        self._by_id: dict[str, Rule | None] = {}
        for rule in (rule for each in (*self._extensions, self._driver) for rule in each.rules or ()):
            # Of two rules of one name, nothing tells which is meant.
            for name in filter(None, (rule.id, rule.guid)):
                self._by_id[name] = rule if self._by_id.get(name, rule) == rule else None
        self._are_elsewhere = run.rules is not None
        self._overrides = [_overrides(each) for each in run.invocations or ()]
        self._named: dict[tuple[str | None, str | None], list[Rule]] = {}
        self._said: dict[int, Said] = {}

    def said(self, rule: Rule | None) -> Said:
        """What one of these rules says of each of its results; nothing where it cannot be told."""
        if rule is None:
            return Said()
        said = self._said.get(id(rule))
        if said is None:
            said = self._said[id(rule)] = Said.by(rule)
        return said

    def of(self, result: Result) -> Rule | None:
        """The rule of a result (section 3.27.7); an index that contradicts the id is not believed."""
        name = rule_name(result)
        rules = self._component(result.rule.tool_component if result.rule else None)
        index = _index(result)
        if index is not None and 0 <= index < len(rules):
            rule = rules[index]
            if not name or name == rule.id or name.startswith(f"{rule.id}/"):
                return rule
        if result.rule and result.rule.guid and name not in self._by_id:
            name = result.rule.guid
        # Hierarchical ids: `CA1000/1` is an instance of rule `CA1000` (section 3.5.4).
        for _ in range(_MOST_LEVELS):
            if not name or name in self._by_id or "/" not in name:
                break
            name = name.rpartition("/")[0]
        return self._by_id.get(name) if name else None

    def level(self, result: Result, rule: Rule | None) -> str:
        """The level of a result that states none (section 3.27.10): an override's, the rule's, or warning."""
        configuration = rule.default_configuration if rule else None
        place = result.provenance.invocation_index if result.provenance else None
        if rule is not None and place is not None and 0 <= place < len(self._overrides):
            overrides = self._overrides[place]
            found = [overrides[key] for key in (rule.id, _index(result)) if key in overrides]
            configuration = max(found, key=itemgetter(0))[1] if found else configuration
        return (configuration or Configuration()).level or "warning"

    def is_lost(self, result: Result) -> bool:
        """Whether a rule is named that cannot be told: by the index or GUID of none, or the id of several."""
        guid = result.rule.guid if result.rule else None
        is_named = _index(result) is not None or guid is not None or rule_name(result) in self._by_id
        return self.of(result) is None and (is_named or self._are_elsewhere)

    def _component(self, told: ComponentReference | None) -> list[Rule]:
        """The rules of the component that is named by its index, GUID or name; else those of the driver."""
        if told is None or (told.index is None and told.guid is None and told.name is None):
            return self._driver.rules or []
        if told.index is not None and told.index >= 0:
            return (self._extensions[told.index].rules or []) if told.index < len(self._extensions) else []
        key = (told.guid, told.name)
        if key not in self._named:
            every = (self._driver, *self._extensions)
            alike = (c for c in every if told.guid in (None, c.guid) and told.name in (None, c.name))
            self._named[key] = next((component.rules or [] for component in alike), [])
        return self._named[key]


def _overrides(invocation: Invocation) -> dict[str | int | None, tuple[int, Configuration]]:
    """What an invocation configured, by the rule's id, or its index where no id is given; the last holds."""
    found: dict[str | int | None, tuple[int, Configuration]] = {}
    for place, override in enumerate(invocation.rule_configuration_overrides or ()):
        named = override.descriptor or RuleReference()
        key = named.index if named.id is None else named.id
        if override.configuration is not None and key is not None and key != -1:
            found[key] = (place, override.configuration)
    return found


def rule_name(result: Result) -> str | None:
    """The id of the rule, as the result has it."""
    return result.rule_id or (result.rule.id if result.rule else None)


def _index(result: Result) -> int | None:
    if result.rule_index is not None and result.rule_index >= 0:
        return result.rule_index
    return result.rule.index if result.rule else None


class Said(msgspec.Struct, frozen=True, kw_only=True):
    """What a rule says of each of its results.

    Attributes:
        severity: the worst of ``security-severity`` and of the words beside it; None where nothing rates it.
        score: ``security-severity`` as CVSS.
        packages: the names of those that it is about.
    """

    id: str | None = None
    severity: Severity | None = None
    score: float | None = None
    kind: str | None = None
    title: str | None = None
    packages: str = ""
    purl: str | None = None
    fixed_in: str | None = None
    is_not_fixed: bool = False

    @classmethod
    def by(cls, rule: Rule) -> Said:
        """What this one says; many results share it."""
        more = rule.properties or RuleProperties()
        word, rating = more.cvss_v3_severity, more.security_severity
        is_rated = not isinstance(word, str) or severity.from_word(word) != "unknown"
        is_not_fixed = more.fixed_version == _NOT_FIXED
        tags, purls = texts(more.tags), texts(more.purls)
        words = [severity.from_word(tag) for tag in tags if tag in _SEVERITY_TAGS]
        words += [severity.from_word(word)] if isinstance(word, str) else []
        ratings = [each for each in (rated(rating) if is_rated else None, *words) if each]
        return cls(
            id=rule.id,
            severity=severity.worst(ratings) if ratings else None,
            score=score(number(rating)) if is_rated else None,
            kind=next((tag for tag in _KIND_TAGS if tag in tags), None),
            title=brief(rule.short_description.text if rule.short_description else None),
            packages=", ".join(_packages(purls)),
            purl=purls[0] if len(purls) == 1 else None,
            fixed_in=None if is_not_fixed else text(more.fixed_version),
            is_not_fixed=is_not_fixed,
        )


def _packages(purls: tuple[str, ...]) -> list[str]:
    """The names of the packages where a rule is about several, or one."""
    parsed = (Purl.parse(purl) for purl in purls)
    return list(dict.fromkeys(purl.name for purl in parsed if purl))


def rated(stated: object) -> Severity | None:
    """By ``security-severity``, a number or rarely a word; None for zero, which is what no flaw has."""
    if stated is None or stated == "":
        return None
    rating = number(stated)
    told = severity.from_word(str(stated)) if rating is None else severity.from_score(rating)
    return None if told is Severity.NEGLIGIBLE else told
