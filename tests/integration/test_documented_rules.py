"""The rules that README.md and docs/rules.md show are rules."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from pushpolicy.engines import LocalOpa
from pushpolicy.evaluate import check_policy, evaluate
from pushpolicy.model.document import Document
from tests.policies import ROOT, example, write_policy

DOCUMENTS = ("README.md", "docs/rules.md")
_BLOCK = re.compile(r"```(rego|yaml)\n(.*?)```", re.DOTALL)


def rules() -> dict[str, str]:
    found = [match.groups() for name in DOCUMENTS for match in _BLOCK.finditer((ROOT / name).read_text())]
    texts = [text for language, text in found if language == "rego"]
    return {text.partition("package pushpolicy.rules.")[2].split()[0]: text for text in texts}


def examples() -> dict[str, str]:
    text = (ROOT / "docs/rules.md").read_text()
    found = [match[2] for match in _BLOCK.finditer(text) if match[1] == "yaml"]
    return {each.split("/")[0].removeprefix("# "): each for each in found}


def allowed(folder: Path, name: str, opa: Path, document: dict[str, Any]) -> bool:
    engine = LocalOpa(opa)
    write_policy(folder, {name: rules()[name]})
    if name in examples():
        (folder / name / "examples.yaml").write_text(examples()[name])
    return evaluate(check_policy([str(folder)], engine), Document.of(document), engine).allowed


def with_platform(**changes: object) -> dict[str, Any]:
    document = example()
    document["image"]["platforms"][0] |= changes
    return {**document, "image": document["image"]}


def with_finding(**changes: object) -> dict[str, Any]:
    document = example()
    document["scans"]["items"][1]["findings"] = []
    document["scans"]["items"][0]["findings"][0] |= changes
    return document


def with_components(*components: dict[str, Any] | None, **changes: object) -> dict[str, Any]:
    """With an SBOM of these components; None stands for all being left out."""
    item = {"name": "app", "format": "spdx", "origin": "file", "spec_version": "2.3", "components": 1}
    sbom: dict[str, Any] = {"status": "collected", "not_covered": []}
    sbom["items"] = [item | {"bound": True, "sha256": "0" * 64}]
    if None not in components:
        sbom["components"] = [{"sbom": "app", "name": "a", **(each or {})} for each in components]
    return {**example(), "sbom": sbom | changes}


def with_catalogue(read: str, **changes: object) -> dict[str, Any]:
    """With a scan that knows CISA's catalogue as of a time, and whose first finding says so much."""
    document = with_finding(**changes)
    document["scans"]["items"][0]["scanner"]["sources"] = {"kev": read}
    return document


def test_the_documents_show_five() -> None:
    assert set(rules()) == {"not_root", "fixable", "fixes_taken", "licences", "exploited"}


@pytest.mark.parametrize(
    ("name", "document", "allows"),
    [
        ("not_root", with_platform(), True),
        ("not_root", with_platform(user="root", root=True), False),
        ("fixable", with_finding(), False),
        ("fixable", with_finding(fixed_in="3.0.16"), True),
        ("fixes_taken", with_finding(), True),
        ("fixes_taken", with_finding(fixed_in="3.0.16"), False),
        ("exploited", with_finding(), False),
        ("exploited", with_catalogue("2026-03-01T00:00:00Z"), True),
        ("exploited", with_catalogue("2026-02-01T00:00:00Z"), False),
        ("exploited", with_catalogue("2026-03-01T00:00:00Z", kev=False, epss=0.01), True),
        ("exploited", with_catalogue("2026-03-01T00:00:00Z", kev=True), False),
        ("exploited", with_catalogue("2026-03-01T00:00:00Z", epss=0.1), False),
        ("licences", {kind: each for kind, each in example().items() if kind != "sbom"}, False),
        ("licences", with_components({"licences": ["MIT"]}, {}, {"licences": []}), True),
        ("licences", with_components({"licences": ["MIT", "GPL-3.0-only"]}), False),
        ("licences", with_components({"licences": ["MIT"]}, not_covered=["linux/arm64"]), False),
        ("licences", with_components(None, not_listed="its components are over a limit"), False),
    ],
)
def test_each_is_loaded_and_decides(
    tmp_path: Path, opa: Path, name: str, document: dict[str, Any], allows: bool
) -> None:
    assert allowed(tmp_path, name, opa, document) is allows


def test_not_root_denies_an_image_that_does_not_say(tmp_path: Path, opa: Path) -> None:
    document = with_platform()
    del document["image"]["platforms"][0]["root"]
    assert not allowed(tmp_path, "not_root", opa, document)
