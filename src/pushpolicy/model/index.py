"""The index: which rules there are, what each says of itself, and which evidence it requires.

It is generated from OPA's syntax trees, never found by iterating over `data.pushpolicy.rules`: iteration
evaluates whole packages and believes in rules that a data file pretends. A folder of rules is indexed on
each run; that of the shipped rules is committed, and `make index` writes it.
"""

from __future__ import annotations

import json
from collections.abc import Container, Mapping
from typing import Any, Self

import msgspec

from pushpolicy.errors import PolicyError
from pushpolicy.model import canonical

HEADS = ("deny", "not_applicable", "warn")
# Parts of the rules that ship, each with all that the one before has.
COLLECTIONS = ("minimal", "default", "strict")


class Leaf(msgspec.Struct, frozen=True, kw_only=True, order=True):
    """A field below a kind of evidence, without which a rule could not deny (docs/rules.md).

    Attributes:
        path: as it is shown, and as a waiver names it after ``evidence:``.
        kind: the kind it belongs to (ci, extra.NAME, image ...). It is asked for only once that is collected.
        steps: keys from the document's root; after each part but the last, all items of the array there. The
            leaf is absent where it is absent in one of them.
        filled: whether it is an array that must have an item.
        type: what must be there, where the schema does not say it: boolean, collection (a list or an object),
            number, string; empty for anything.
    """

    path: str
    kind: str
    steps: tuple[tuple[str, ...], ...]
    filled: bool = False
    type: str = ""

    def to_json(self) -> dict[str, Any]:
        """As it stands in the index document."""
        steps = [list(part) for part in self.steps]
        value = {"path": self.path, "kind": self.kind, "steps": steps, "filled": self.filled}
        return {**value, "type": self.type} if self.type else value

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """Read a leaf of our own making.

        Raises:
            KeyError: when a field is absent.
        """
        steps = tuple(tuple(part) for part in value["steps"])
        words = {"path": value["path"], "kind": value["kind"], "type": value.get("type", "")}
        return cls(**words, steps=steps, filled=value["filled"])


class RuleEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One rule, as indexed.

    Attributes:
        requires: kinds of evidence that must be collected, sorted: those it reads, and those it names.
        leaves: fields that must be there too, sorted by path, each path once.
        optional: paths whose absence the rule says it decides itself, sorted.
        heads: which of deny, not_applicable and warn it defines.
        effective_on: before this time (RFC 3339) its violations only warn.
        repo_may: what pushpolicy.yaml may do to it: settings, waive.
        integrity: whether it can never be waived.
        settings: key to a JSON Schema fragment with type and default.
        collections: those of COLLECTIONS that it belongs to.
        controls: what it serves of which standard.
    """

    title: str
    description: str
    severity: str
    fix: str
    requires: tuple[str, ...]
    leaves: tuple[Leaf, ...] = ()
    optional: tuple[str, ...] = ()
    heads: tuple[str, ...]
    effective_on: str | None
    repo_may: tuple[str, ...]
    integrity: bool
    settings: Mapping[str, Mapping[str, Any]]
    collections: tuple[str, ...] = ()
    controls: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """As it stands in the index document."""
        value: dict[str, Any] = {
            "title": self.title,
            "description": self.description,
            "severity": self.severity,
            "fix": self.fix,
            "requires": list(self.requires),
            "leaves": [leaf.to_json() for leaf in self.leaves],
            "optional": list(self.optional),
            "heads": list(self.heads),
            "repo_may": list(self.repo_may),
            "integrity": self.integrity,
            "settings": self.settings,
        }
        more = {
            "effective_on": self.effective_on,
            "collections": list(self.collections),
            "controls": list(self.controls),
        }
        return value | {key: given for key, given in more.items() if given}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """Read an entry of our own making.

        Raises:
            KeyError: when a field is absent.
        """
        return cls(
            title=value["title"],
            description=value["description"],
            severity=value["severity"],
            fix=value["fix"],
            requires=tuple(value["requires"]),
            # A set that was recorded by the first version has neither; its own system part asks for none.
            leaves=tuple(map(Leaf.from_json, value.get("leaves", ()))),
            optional=tuple(value.get("optional", ())),
            heads=tuple(value["heads"]),
            effective_on=value.get("effective_on"),
            repo_may=tuple(value["repo_may"]),
            integrity=value["integrity"],
            settings=value["settings"],
            collections=tuple(value.get("collections", ())),
            controls=tuple(value.get("controls", ())),
        )


class Index(msgspec.Struct, frozen=True, kw_only=True):
    """All rules of a set by name, and what each function of the lib reads (topic.name to kinds)."""

    rules: Mapping[str, RuleEntry]
    lib: Mapping[str, tuple[str, ...]]

    def data(self) -> bytes:
        """The data document of the bundle, with its place in `data`."""
        value = {
            "rules": {name: entry.to_json() for name, entry in self.rules.items()},
            "lib": {name: list(kinds) for name, kinds in self.lib.items()},
        }
        return canonical.encode({"pushpolicy": {"index": value}})

    def module(self) -> bytes:
        """The module of the bundle: one static reference to each thing that a rule defines."""
        lines = ["# Generated from the rules. Do not edit.", "package pushpolicy.index", "", "import rego.v2"]
        for head in HEADS:
            for name in sorted(self.rules):
                if head in self.rules[name].heads:
                    lines += ["", f'{head}["{name}"] := data.pushpolicy.rules.{name}.{head}']
        return ("\n".join(lines) + "\n").encode()

    @classmethod
    def read(cls, content: bytes) -> Self:
        """Read a data document written by `data`.

        Raises:
            PolicyError: when it is not one.
        """
        try:
            value = json.loads(content)["pushpolicy"]["index"]
            return cls(
                rules={name: RuleEntry.from_json(entry) for name, entry in value["rules"].items()},
                lib={name: tuple(kinds) for name, kinds in value["lib"].items()},
            )
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise PolicyError(f"the index of the rules is malformed: {error!r}") from error

    def only(self, names: Container[str]) -> Index:
        """This index with those of its rules alone."""
        rules = {name: entry for name, entry in self.rules.items() if name in names}
        return Index(rules=rules, lib=self.lib)

    def joined(self, other: Index) -> Index:
        """This index with the rules of another, none of which it has."""
        return Index(rules={**self.rules, **other.rules}, lib={**self.lib, **other.lib})


class Grounds(msgspec.Struct, frozen=True, kw_only=True):
    """What a verdict rests on, beside the evidence and the denials.

    Attributes:
        rules: the index's entries by rule.
        waivers: the document {max_days, repo_max_days?, waivers}.
        enforcement: the document {max_days?, rules?, observe?}.
        origins: the document {rules, settings, repo_may}: where each rule and each setting that is no default
            came from, and what the judged checkout may do to rules that are not its own. Empty for a set of
            the first version.
    """

    rules: Mapping[str, RuleEntry]
    waivers: Mapping[str, Any]
    enforcement: Mapping[str, Any]
    origins: Mapping[str, Any] = {}
