"""Policies and evidence for tests of the decision."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from pushpolicy.evaluate.policyset import INDEX_DATA, PolicySet
from pushpolicy.model.document import Document
from pushpolicy.model.index import Index, RuleEntry

ROOT = Path(__file__).resolve().parent.parent
METADATA = """\
# METADATA
# title: A rule
# description: It is for tests.
# custom:
#   severity: high
#   fix: Fix it.
"""


def rule(name: str, body: str, custom: str = "", head: str = METADATA) -> str:
    """The text of a rule; `custom` holds more lines of METADATA below `custom`."""
    lines = "".join(f"#   {line}\n" for line in custom.splitlines())
    return f"{head}{lines}package pushpolicy.rules.{name}\n\nimport rego.v2\n\n{body}\n"


def rule_entry(**changes: Any) -> RuleEntry:
    """A rule as the index has it, with some fields changed."""
    fields: dict[str, Any] = {
        "title": "A rule",
        "description": "For tests.",
        "severity": "high",
        "fix": "Fix it.",
        "requires": (),
        "heads": ("deny",),
        "effective_on": None,
        "repo_may": (),
        "integrity": False,
        "settings": {},
    }
    return RuleEntry(**{**fields, **changes})


def write_policy(folder: Path, rules: Mapping[str, str], **data: str) -> str:
    """Write rules (name to text) and data files (settings=..., waivers=...); returns the folder's name."""
    for name, text in rules.items():
        (folder / name).mkdir(parents=True, exist_ok=True)
        (folder / name / f"{name}.rego").write_text(text)
    for name, text in data.items():
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{name}.yaml").write_text(text)
    return str(folder)


def unguarded(policy: PolicySet) -> PolicySet:
    """The set as it would be if nothing were known of what its rules read."""
    rules = {name: replace(entry, leaves=()) for name, entry in policy.index.rules.items()}
    index = Index(rules=rules, lib=policy.index.lib)
    return PolicySet.of({**policy.files, INDEX_DATA: index.data()}, policy.source)


def example() -> dict[str, Any]:
    """The example evidence that ships with the schema: valid, and every kind collected."""
    value: dict[str, Any] = json.loads((ROOT / "policies/schema/evidence.v1.example.json").read_bytes())
    return value


def evidence(**changes: Any) -> Document:
    """The example with some top-level fields replaced."""
    return Document.of({**example(), **changes})


def scan(findings: list[dict[str, Any]]) -> dict[str, Any]:
    """Scans of the example with these findings in the first report, counted rightly."""
    scans: dict[str, Any] = example()["scans"]
    counts = dict.fromkeys(("critical", "high", "medium", "low", "negligible", "unknown"), 0)
    for finding in findings:
        counts[finding["severity"]] += 1
    scans["items"][0] |= {"findings": findings, "counts": {"listed": counts, "by_severity": counts}}
    return scans
