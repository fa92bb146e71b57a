"""The evidence only gains optional fields: what older versions wrote is read, and judged alike."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pushpolicy.engines import LocalOpa
from pushpolicy.evaluate import PACK, PolicySet, evaluate, load_policy
from pushpolicy.evaluate.json_schema import compile_schema
from pushpolicy.gather import gather
from pushpolicy.model.document import Document
from tests.policies import ROOT, example
from tests.report_files import SAMPLES
from tests.unit.gather.samples import make_image, make_request, write

CHECK = compile_schema(json.loads((ROOT / "policies/schema/evidence.v1.json").read_bytes()))
# What the first documents of this version did not have, by the list or object that it stands in.
NEW = {
    "sbom": ("components", "not_listed"),
    "scans": ("licences",),
    "scanner": ("sources",),
    "image": ("tags",),
    "findings": ("published", "fixed_at", "epss_at", "kev_added", "kev_due", "layer", "paths"),
    "vex": ("justification", "at", "last_updated", "verified_by"),
    "reports": ("tool", "suites", "retries", "duplicates"),
}


def fields(value: Any, place: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Each object, with the name of what it stands in."""
    if isinstance(value, dict):
        yield place, value
        for name, child in value.items():
            yield from fields(child, name)
    elif isinstance(value, list):
        for child in value:
            yield from fields(child, place)


def of_before(document: dict[str, Any]) -> tuple[dict[str, Any], set[str]]:
    """The document without them, and which of them it had."""
    older, had = json.loads(json.dumps(document)), set()
    for place, holder in fields(older):
        # The documents of VEX had their time before.
        names = () if "statements" in holder else NEW.get(place, ())
        had |= {f"{place}.{name}" for name in names if holder.pop(name, None) is not None}
    return older, had


@pytest.fixture(scope="module")
def engine(opa: Path) -> LocalOpa:
    return LocalOpa(opa)


@pytest.fixture(scope="module")
def policy(engine: LocalOpa) -> PolicySet:
    return load_policy([PACK], engine)


def test_it_is_judged_as_before(tmp_path: Path, policy: PolicySet, engine: LocalOpa) -> None:
    names = ("trivy.json", "grype.json", "snyk.json", "osv-scanner.json", "cyclonedx.json", "openvex.json")
    files = {
        f"reports/{name}": (SAMPLES / name).read_text() for name in (*names, "ctrf.json", "gotest.jsonl")
    }
    gathered = gather(make_request(write(tmp_path, files), image=make_image())).evidence.document()
    today = example() | {kind: gathered.value[kind] for kind in ("tests", "scans", "sbom", "vex", "reports")}
    older, had = of_before(today)
    assert {"sbom.components", "findings.paths", "reports.tool", "image.tags"} <= had
    decisions = []
    for document in (today, older):
        CHECK(document)
        decision = evaluate(policy, Document.of(document), engine)
        decisions.append((decision.allowed, sorted((each.rule, each.id) for each in decision.violations)))
    assert decisions[0] == decisions[1]
    assert not decisions[0][0]
