"""Counts what a file lists straight from its bytes, with none of pushpolicy's code."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

_ORDER = ("critical", "high", "medium", "low", "none", "info", "unknown")


def results_of_trivy(file: Path) -> Counter[str]:
    """Vulnerabilities, secrets, checks that failed, and what was set aside of all that."""
    found: Counter[str] = Counter()
    for result in _json(file).get("Results") or ():
        for key in ("Vulnerabilities", "Secrets"):
            found.update(each["Severity"].lower() for each in result.get(key) or ())
        checks = result.get("Misconfigurations") or ()
        found.update(each["Severity"].lower() for each in checks if each["Status"] == "FAIL")
        aside = result.get("ExperimentalModifiedFindings") or ()
        found.update(each["Finding"]["Severity"].lower() for each in aside)
    return found


def matches_of_grype(file: Path) -> Counter[str]:
    """Matches, and those that were set aside."""
    document = _json(file)
    matches = (*document["matches"], *document.get("ignoredMatches", ()))
    return Counter(each["vulnerability"]["severity"].lower() for each in matches)


def results_of_sarif(file: Path) -> Counter[str]:
    """Results, each by the score of its rule."""
    found: Counter[str] = Counter()
    for run in _json(file)["runs"]:
        rules = {rule["id"]: rule for rule in run["tool"]["driver"].get("rules") or ()}
        for result in run["results"]:
            found[_rated(float(rules[result["ruleId"]]["properties"]["security-severity"]))] += 1
    return found


def _rated(score: float) -> str:
    least = {"critical": 9.0, "high": 7.0, "medium": 4.0, "low": 0.0}
    return next(word for word, bound in least.items() if score >= bound)


def vulnerabilities_of_gitlab(file: Path) -> Counter[str]:
    """Its vulnerabilities; the template has nothing else."""
    return Counter(each["severity"].lower() for each in _json(file)["vulnerabilities"])


def vulnerabilities_of_cyclonedx(file: Path) -> Counter[str]:
    """Its vulnerabilities, each by the worst of its ratings."""
    entries = _json(file).get("vulnerabilities") or ()
    return Counter(_worst(rating["severity"] for rating in entry["ratings"]) for entry in entries)


def vulnerabilities_of_xml(file: Path) -> Counter[str]:
    """The same of the XML form."""
    entries = ElementTree.parse(file).getroot().iterfind("{*}vulnerabilities/{*}vulnerability")
    return Counter(_worst(each.text or "" for each in entry.iterfind(".//{*}severity")) for entry in entries)


def _worst(words: Iterable[str]) -> str:
    return min(words, key=_ORDER.index)


def components_of_cyclonedx(file: Path) -> int:
    """Components, and those within."""
    return _nested(_json(file))


def _nested(holder: Mapping[str, Any]) -> int:
    components = holder.get("components") or ()
    return len(components) + sum(map(_nested, components))


def components_of_xml(file: Path) -> int:
    """The same of the XML form."""
    inventory = ElementTree.parse(file).getroot().find("{*}components")
    return 0 if inventory is None else sum(1 for _ in inventory.iterfind(".//{*}component"))


def packages_of_spdx(file: Path) -> int:
    """Packages, of which the image is one."""
    return len(_json(file)["packages"])


def packages_of_graph(file: Path) -> int:
    """Packages of SPDX 3."""
    return sum(element.get("type") == "software_Package" for element in _json(file)["@graph"])


def packages_of_tags(file: Path) -> int:
    """The same of the tag-value form."""
    return sum(line.startswith("PackageName:") for line in file.read_text().splitlines())


def _json(file: Path) -> dict[str, Any]:
    value: dict[str, Any] = json.loads(file.read_bytes())
    return value
