"""The rules of a set as a page for people, from their METADATA and examples.

`python -m pushpolicy.evaluate.authoring.reference` writes docs/rule-pack.md, the page of the shipped rules,
and the pages about what rules read and call.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pushpolicy.evaluate.authoring import evidence_page, rego_page
from pushpolicy.evaluate.authoring.markdown import prose, row
from pushpolicy.evaluate.examples import Example, read
from pushpolicy.evaluate.settings import STRICTER
from pushpolicy.evaluate.sources import policies
from pushpolicy.model.index import COLLECTIONS, Index, RuleEntry

DOCUMENT = Path("docs/rule-pack.md")
_INTRODUCTION = """\
# The rules that ship

Written by `make index` from METADATA and examples in `policies/rules`; edit them there. [rules.md](rules.md)
says what a rule requires, and how one of your own is written.

The rules are in three collections, each with all of the one before: `--policy pack:minimal`,
`--policy pack` (default) and `--policy pack:strict`. `--policy pack --policy pack:user_not_root` adds one.
Settings are given in `settings.yaml` of a policy folder, as in `scan_fresh: {max_age_hours: 12}`.

Controls are those of [SLSA](https://slsa.dev/spec/), of the [SSDF](https://csrc.nist.gov/pubs/sp/800/218/final)
(NIST SP 800-218) and of the [OSPS Baseline](https://baseline.openssf.org): what a rule serves, which it need
not fulfil alone.
"""
_SAYS = {"violated": "denied", "warned": "warned of", "passed": "passed", "not_applicable": "not judged"}
_STRICTER = {
    "lower": "lower",
    "higher": "higher",
    "limit": "lower, and -1 is none",
    "subset": "fewer",
    "superset": "more",
    True: "true",
    False: "false",
}


def rules_page(rules: Mapping[str, RuleEntry], examples: Mapping[str, Sequence[Example]]) -> str:
    """A table of the rules, and a section of each, in markdown.

    Args:
        rules: by name, as an index has them.
        examples: those of each rule that has any.
    """
    lines = ["| rule | | severity | collection |", "| --- | --- | --- | --- |"]
    for name, rule in sorted(rules.items()):
        lines.append(
            f"| [{name}](#{name}) | {prose(rule.title)} | {rule.severity} | {''.join(_first(rule))} |"
        )
    for name, rule in sorted(rules.items()):
        lines += ["", *_section(name, rule, examples.get(name, ()))]
    return "\n".join(lines) + "\n"


def shipped_page() -> str:
    """The page of the shipped rules."""
    index = Index.read((policies() / "index" / "data.json").read_bytes())
    examples = {name: read(policies() / "rules" / name, name) for name in index.rules}
    return f"{_INTRODUCTION}\n{rules_page(index.rules, examples)}"


def _first(rule: RuleEntry) -> Sequence[str]:
    """The smallest collection that it is of."""
    return [each for each in COLLECTIONS if each in rule.collections][:1]


def _section(name: str, rule: RuleEntry, examples: Sequence[Example]) -> Iterator[str]:
    yield f"## {name}"
    yield f"\n**{prose(rule.title)}.** {prose(rule.description)}\n"
    yield f"- Fix: {prose(rule.fix)}"
    yield f"- Severity: {rule.severity}{'; nobody can waive it' if rule.integrity else ''}"
    if rule.requires:
        yield f"- Requires: {', '.join(rule.requires)}{''.join(f', `{leaf.path}`' for leaf in rule.leaves)}"
    if rule.controls:
        yield f"- Controls: {prose(', '.join(rule.controls))}"
    if rule.settings:
        yield "\n| setting | | type | default | stricter |"
        yield "| --- | --- | --- | --- | --- |"
        yield from (_setting(key, fragment) for key, fragment in rule.settings.items())
    if examples:
        yield ""
        yield from map(_example, examples)


def _setting(key: str, fragment: Mapping[str, Any]) -> str:
    stricter = _STRICTER[fragment[STRICTER]] if STRICTER in fragment else ""
    cells = (
        f"`{key}`",
        prose(fragment.get("description", "")).replace("*", r"\*"),
        _type(fragment),
        f"`{_json(fragment['default'])}`",
        stricter,
    )
    return row(*cells)


def _type(fragment: Mapping[str, Any]) -> str:
    if "enum" in fragment:
        return prose(" or ".join(map(str, fragment["enum"])))
    inner = fragment.get("items") or fragment.get("additionalProperties")
    return f"{fragment['type']} of {inner['type']}s" if isinstance(inner, dict) else str(fragment["type"])


def _example(example: Example) -> str:
    settings = f", with `{_json(example.settings)}`" if example.settings else ""
    return f"- {_SAYS[example.expect]}: {prose(example.name)}{settings}"


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


if __name__ == "__main__":
    DOCUMENT.write_text(shipped_page())
    evidence_page.DOCUMENT.write_text(evidence_page.evidence_page())
    rego_page.DOCUMENT.write_text(rego_page.rego_page())
