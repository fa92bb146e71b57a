"""The rules of a SARIF run: which one a result is of, and which level follows from it."""

from __future__ import annotations

from pushpolicy.reports.scans.sarif_model import Configuration, Override, Result, Rule, RuleReference, Run


class Rules:
    """The rules of one run's tool, and how its invocations configured them."""

    def __init__(self, run: Run) -> None:
        self._driver = (run.tool.driver or run.tool).rules or []
        self._extensions = [extension.rules or [] for extension in run.tool.extensions or ()]
        everywhere = [rule for rules in (*self._extensions, self._driver) for rule in rules]
        self._by_id = {rule.id: rule for rule in everywhere if rule.id}
        self._invocations = run.invocations or []

    def of(self, result: Result) -> Rule | None:
        """The rule of a result (section 3.27.7); an index that contradicts the id is not believed."""
        reference = result.rule or RuleReference()
        name = result.rule_id or reference.id
        rules = self._component(reference)
        index = _index(result)
        if index is not None and 0 <= index < len(rules) and (not name or _is(rules[index], name)):
            return rules[index]
        return self._by_name(name) if name else None

    def level(self, result: Result, rule: Rule | None) -> str:
        """The effective level (section 3.27.10): the result's, an override's, the rule's, or warning."""
        configuration = rule.default_configuration if rule else None
        for override in self._overrides(result):
            if rule is not None and _concerns(override, result, rule):
                configuration = override.configuration or configuration
        return result.level or (configuration or Configuration()).level or "warning"

    def _component(self, reference: RuleReference) -> list[Rule]:
        component = reference.tool_component
        if component is None or component.index is None or component.index < 0:
            return self._driver
        return self._extensions[component.index] if component.index < len(self._extensions) else []

    def _by_name(self, name: str) -> Rule | None:
        """Hierarchical ids: `CA1000/1` is an instance of rule `CA1000` (section 3.5.4)."""
        while name not in self._by_id and "/" in name:
            name = name.rpartition("/")[0]
        return self._by_id.get(name)

    def _overrides(self, result: Result) -> list[Override]:
        index = result.provenance.invocation_index if result.provenance else None
        if index is None or not 0 <= index < len(self._invocations):
            return []
        return self._invocations[index].rule_configuration_overrides or []


def _index(result: Result) -> int | None:
    if result.rule_index is not None and result.rule_index >= 0:
        return result.rule_index
    return result.rule.index if result.rule else None


def _is(rule: Rule, name: str) -> bool:
    return name == rule.id or name.startswith(f"{rule.id}/")


def _concerns(override: Override, result: Result, rule: Rule) -> bool:
    wanted = override.descriptor or RuleReference()
    if wanted.id is not None:
        return wanted.id == rule.id
    return wanted.index is not None and wanted.index >= 0 and wanted.index == _index(result)
