"""By which policy a recorded decision was made: the text of its rules, its settings and waivers."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import click

from pushpolicy.evaluate import PolicySet
from pushpolicy.model.digest import Digest
from pushpolicy.model.text import printable


def rule_file(policy: PolicySet, name: str) -> str:
    """Where the text of a rule is, in short: file, digest, and where it comes from."""
    path = f"rules/{name}/{name}.rego"
    origin = policy.grounds.origins["rules"].get(name, "?")
    return printable(f"{path} {Digest.of(policy.files[path])} ({origin})", 300)


def policy_lines(policy: PolicySet, first: Iterable[str]) -> Iterator[str]:
    """The text of every rule, those that found something first; then settings and waivers."""
    for name in dict.fromkeys((*first, *sorted(policy.index.rules))):
        if name not in policy.index.rules:
            continue
        yield ""
        yield click.style(f"# {rule_file(policy, name)}", bold=True)
        text = policy.files[f"rules/{name}/{name}.rego"].decode(errors="replace")
        yield from (printable(line.expandtabs(4), 1000) for line in text.splitlines())
    yield ""
    yield click.style("# settings that are not the rules' own", bold=True)
    for setting in policy.settings:
        value = json.dumps(setting.value)
        yield printable(f"{setting.rule}.{setting.key} = {value} (from {setting.origin})", 1000)
    yield ""
    yield click.style("# waivers", bold=True)
    yield from (printable(json.dumps(waiver), 2000) for waiver in policy.waivers)


def policy_json(policy: PolicySet) -> Mapping[str, Any]:
    """The same, for programs."""
    origins = policy.grounds.origins["rules"]
    texts = {name: policy.files[f"rules/{name}/{name}.rego"] for name in policy.index.rules}
    return {
        "rules": {
            name: {
                "title": policy.index.rules[name].title,
                "origin": origins.get(name),
                "digest": str(Digest.of(text)),
                "text": text.decode(errors="replace"),
            }
            for name, text in texts.items()
        },
        "settings": policy.settings,
        "waivers": policy.waivers,
    }
