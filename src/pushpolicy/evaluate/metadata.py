"""The METADATA block of a rule, read strictly.

OPA ignores what it does not know, and a typo there would quietly change what a rule means.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from pushpolicy.evaluate.settings import fragment_problems
from pushpolicy.model import strict_yaml
from pushpolicy.model.index import COLLECTIONS
from pushpolicy.model.text import is_unsafe, nearest
from pushpolicy.model.times import is_time

SEVERITIES = ("critical", "high", "medium", "low")
KINDS = frozenset(
    {
        *("source", "ci", "tests", "scans", "sbom", "vex", "provenance", "credentials", "pipeline", "clock"),
        *("records", "unread"),
    }
)
_CONTROL = re.compile(r"[A-Z][A-Za-z]+ [A-Za-z0-9][A-Za-z0-9.-]*")
PACKAGE_KEYS = frozenset({"title", "description", "custom", "authors", "organizations", "related_resources"})
_RULE_KEYS = frozenset({"title", "description"})
CUSTOM_KEYS = frozenset(
    {"severity", "fix", "effective_on", "repo_may", "requires", "optional", "integrity", "settings"}
    | {"collections", "controls"}
)


class Metadata(msgspec.Struct, frozen=True, kw_only=True):
    """What a rule says of itself.

    Attributes:
        effective_on: before this time (RFC 3339) its violations only warn.
        repo_may: what pushpolicy.yaml may do to it: settings, waive.
        requires: kinds of evidence beyond those that the rule reads.
        optional: paths of evidence whose absence the rule decides itself.
        collections: those of COLLECTIONS that it belongs to, where it ships with pushpolicy.
        controls: what it serves of which standard, as ``SLSA build-l1``, ``SSDF PW.8.2``, ``OSPS QA-06.01``.
        settings: key to a JSON Schema fragment with type and default.
    """

    title: str
    description: str
    severity: str
    fix: str
    effective_on: str | None = None
    repo_may: tuple[str, ...] = ()
    requires: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()
    integrity: bool = False
    settings: Mapping[str, Mapping[str, Any]] = {}
    collections: tuple[str, ...] = ()
    controls: tuple[str, ...] = ()


class MetadataError(ValueError):
    """One or more problems, each with a line of the file."""

    def __init__(self, problems: list[tuple[int, str]]) -> None:
        super().__init__("; ".join(text for _, text in problems))
        self.problems = problems


def read_metadata(tree: Mapping[str, Any]) -> Metadata:
    """The metadata of a module, from its syntax tree.

    Raises:
        MetadataError: listing everything that is absent, unknown or of the wrong type.
    """
    problems = list(_misspelt(tree))
    found: list[tuple[int, dict[str, Any]]] = []
    for annotation in tree.get("annotations", []):
        row = int(annotation["location"]["row"])
        try:
            value = _block(annotation)
        except strict_yaml.YamlError as error:
            problems.append((row + error.line, _of_metadata(str(error))))
            continue
        is_package = annotation.get("scope") == "package"
        problems += [(row, _of_metadata(text)) for text in _unknown(value, is_package)]
        if is_package:
            found.append((row, value))
    if len(found) == 1:
        row, value = found[0]
        problems += [(row, _of_metadata(text)) for text in _wrong(value)]
    elif not problems:
        problems.append(
            (1, "a rule needs one METADATA block directly above `package`; docs/rules.md has its form")
        )
    if problems:
        raise MetadataError(problems)
    return _metadata(found[0][1])


def _of_metadata(text: str) -> str:
    return f"METADATA: {text}" if "; " in text else f"METADATA: {text}; docs/rules.md has its form"


def _block(annotation: Mapping[str, Any]) -> dict[str, Any]:
    """The block's own text, read again: OPA keeps only the keys it knows."""
    text = base64.b64decode(annotation["location"]["text"]).decode("utf-8")
    lines = [line.strip().removeprefix("#") for line in text.splitlines()[1:]]
    value = strict_yaml.read("\n".join(lines).encode())
    if not isinstance(value, dict):
        raise strict_yaml.YamlError("not a list of keys and values", 1)
    return value


def _misspelt(tree: Mapping[str, Any]) -> Iterator[tuple[int, str]]:
    """OPA takes only `# METADATA`, and only where a package or rule follows."""
    rows = {int(annotation["location"]["row"]) for annotation in tree.get("annotations", [])}
    for comment in tree.get("comments", []):
        text = base64.b64decode(comment["Text"]).decode("utf-8", "replace").strip()
        row = int(comment["Location"]["row"])
        if text.rstrip(":").upper() == "METADATA" and row not in rows:
            yield (
                row,
                f"`#{' ' + text}` is not read by OPA; write `# METADATA` directly above package or rule",
            )


def _unknown(value: Mapping[str, Any], is_package: bool) -> Iterator[str]:
    known = PACKAGE_KEYS if is_package else _RULE_KEYS
    for key in sorted(value.keys() - known):
        if is_package and key in CUSTOM_KEYS:
            yield f"unknown key {key!r}: it belongs below custom"
        elif key == "schemas":
            # OPA would check those rules alone that say so, and only where it is given a folder of schemas.
            yield f"unknown key {key!r}: every rule is checked against the schema of the evidence"
        else:
            yield f"unknown key {key!r}{nearest(key, known)}"
    custom = value.get("custom")
    if is_package and isinstance(custom, dict):
        for key in sorted(custom.keys() - CUSTOM_KEYS):
            yield f"unknown key custom.{key!r}{nearest(key, CUSTOM_KEYS)}"


def _wrong(value: Mapping[str, Any]) -> Iterator[str]:
    for character in sorted(_unseen(value)):
        # It would reach terminals, pages and the logs of each push.
        yield f"it holds U+{ord(character):04X}, which nobody sees and a terminal may obey"
    for key in ("title", "description"):
        if not _text(value.get(key)):
            yield f"{key} is required, a text"
    custom = value.get("custom")
    if not isinstance(custom, dict):
        yield "custom with severity and fix is required"
        return
    if custom.get("severity") not in SEVERITIES:
        yield f"custom.severity is required, one of {', '.join(SEVERITIES)}"
    if not _text(custom.get("fix")):
        yield "custom.fix is required, one sentence"
    if "effective_on" in custom and not is_time(custom["effective_on"]):
        yield 'custom.effective_on is not a time before 2262, like "2027-01-01T00:00:00Z"'
    if not isinstance(custom.get("integrity", False), bool):
        yield "custom.integrity is not true or false"
    if not _list_of(custom.get("repo_may", []), lambda item: item in ("settings", "waive")):
        yield "custom.repo_may is not a list of settings, waive"
    if not _list_of(custom.get("requires", []), is_kind):
        yield f"custom.requires is not a list of {', '.join(sorted(KINDS))} or extra.NAME"
    if not _list_of(custom.get("optional", []), bool):
        yield "custom.optional is not a list of paths of evidence, as in scans.items[].at"
    if not _list_of(custom.get("collections", []), COLLECTIONS.__contains__):
        yield f"custom.collections is not a list of {', '.join(COLLECTIONS)}"
    if not _list_of(custom.get("controls", []), _CONTROL.fullmatch):
        yield "custom.controls is not a list of standards with an id, as in SSDF PW.8.2"
    yield from fragment_problems(custom.get("settings", {}))


def _unseen(value: object) -> set[str]:
    """The characters in all texts that are neither printed nor the end of a line."""
    if isinstance(value, str):
        return {each for each in value if is_unsafe(each) and each not in "\n\t"}
    if isinstance(value, Mapping):
        value = [*value, *value.values()]
    return set().union(*map(_unseen, value if isinstance(value, list) else ()))


def is_kind(item: object) -> bool:
    """Whether this names a kind of evidence that can be required."""
    return isinstance(item, str) and (item in KINDS or (item.startswith("extra.") and len(item) > 6))


def _text(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _list_of(value: object, test: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) and test(item) for item in value)


def _metadata(value: Mapping[str, Any]) -> Metadata:
    custom = value["custom"]
    return Metadata(
        title=value["title"].strip(),
        description=" ".join(value["description"].split()),
        severity=custom["severity"],
        fix=" ".join(custom["fix"].split()),
        effective_on=custom.get("effective_on"),
        repo_may=tuple(custom.get("repo_may", ())),
        requires=tuple(custom.get("requires", ())),
        optional=tuple(custom.get("optional", ())),
        integrity=custom.get("integrity", False),
        settings=custom.get("settings", {}),
        collections=tuple(custom.get("collections", ())),
        controls=tuple(custom.get("controls", ())),
    )
