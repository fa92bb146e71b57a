"""What rules read of real reports beyond their counts, counted once more from the files as they are."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from pushpolicy.reports.facts import SbomFacts, of_type
from pushpolicy.reports.limits import Limits
from pushpolicy.reports.recognise import BrokenReportError, NotAReport, ReadFile, read
from tests.corpus.test_corpus import CORPUS, entries

Details = Mapping[str, Any]


def _texts(path: Path) -> str:
    content = path.read_bytes()
    return content.decode("utf-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig")


def _nested(components: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for each in components:
        yield each
        yield from _nested(each.get("components") or [])


def cyclonedx_json(path: Path) -> Details:
    listed = list(_nested(json.loads(_texts(path)).get("components") or []))
    choices = [choice for each in listed for choice in each.get("licenses") or []]
    return {
        "names": Counter("/".join(filter(None, (each.get("group"), each["name"]))) for each in listed),
        "purls": Counter(each["purl"] for each in listed if each.get("purl")),
        "versions": sum(bool(each.get("version")) for each in listed),
        "types": Counter(each.get("type") for each in listed),
        "with licence": sum(bool(each.get("licenses")) for each in listed),
        "ids": {choice["license"]["id"] for choice in choices if "id" in choice.get("license", {})},
    }


def cyclonedx_xml(path: Path) -> Details:
    root = ElementTree.fromstring(path.read_bytes())
    at = root.tag.removesuffix("bom")
    listed = [each for inside in root.findall(f"{at}components") for each in inside.iter(f"{at}component")]
    ids = [each for one in listed for each in one.findall(f"{at}licenses/{at}license/{at}id")]
    named = [[one.findtext(f"{at}{name}") for name in ("group", "name")] for one in listed]
    return {
        "names": Counter("/".join(filter(None, names)) for names in named),
        "purls": Counter(text for one in listed if (text := one.findtext(f"{at}purl"))),
        "versions": sum(bool(one.findtext(f"{at}version")) for one in listed),
        "types": Counter(one.get("type") for one in listed),
        "with licence": sum(one.find(f"{at}licenses/*") is not None for one in listed),
        "ids": {(each.text or "").strip() for each in ids},
    }


def spdx_json(path: Path) -> Details:
    packages = json.loads(_texts(path)).get("packages") or []
    refs = [ref for each in packages for ref in each.get("externalRefs") or []]
    fields = ("licenseConcluded", "licenseDeclared")
    said = [[each.get(field, "NOASSERTION") for field in fields] for each in packages]
    return {
        "names": Counter(each.get("name") or "" for each in packages),
        "purls": Counter(ref["referenceLocator"] for ref in refs if ref["referenceType"] == "purl"),
        "versions": sum(bool(each.get("versionInfo")) for each in packages),
        "with licence": sum(set(each) != {"NOASSERTION"} for each in said),
        "ids": {text for each in said for text in each if " " not in text} - {"NOASSERTION", "NONE"},
    }


def listed(file: ReadFile) -> Details:
    """Ours, under the same names."""
    components = [each for bom in of_type(SbomFacts, file.facts) for each in bom.listed]
    return {
        "names": Counter(each.name for each in components),
        "purls": Counter(each.purl for each in components if each.purl),
        "versions": sum(each.version is not None for each in components),
        "types": Counter(each.type for each in components),
        "with licence": sum(each.licences is not None for each in components),
        "ids": {name for each in components for name in each.licences or ()},
    }


COUNTERS: Mapping[str, Mapping[str, Callable[[Path], Details]]] = {
    "cyclonedx": {"cyclonedx": cyclonedx_json, "cyclonedx-xml": cyclonedx_xml},
    "spdx": {"spdx": spdx_json},
}
"""By kind of the corpus and format: the counter of the files."""
OURS: Mapping[str, Callable[[ReadFile], Details]] = {"cyclonedx": listed, "spdx": listed}
# Of these there must be at least so many in all files of a kind together, or the test shows nothing.
LEAST = {"cyclonedx": {"purls": 1000, "with licence": 600}, "spdx": {"purls": 10, "with licence": 20}}


@pytest.mark.parametrize("kind", COUNTERS)
def test_each_detail_is_that_of_the_file(kind: str) -> None:
    together: Counter[str] = Counter()
    for entry in entries(kind):
        try:
            file = read(CORPUS / entry["file"], Limits())
        except (NotAReport, BrokenReportError):
            continue
        if count := COUNTERS[kind].get(file.format.name):
            wanted, ours = count(CORPUS / entry["file"]), OURS[kind](file)
            for name, value in wanted.items():
                assert _agree(name, ours[name], value), f"{entry['file']}: {name}"
                together[name] += value if isinstance(value, int) else len(value)
    assert together >= Counter(LEAST[kind])


def _agree(name: str, ours: Any, wanted: Any) -> bool:
    """Of a set at least all that is wanted, which need not be all that a file says."""
    return bool(ours >= wanted if isinstance(wanted, set) else ours == wanted)
