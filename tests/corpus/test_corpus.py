"""Every report of the corpus is recognised, and every fact that its manifest states is reproduced."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pushpolicy.reports.declared import BrokenReportError, NotAReport
from pushpolicy.reports.format import ReadFile
from pushpolicy.reports.limits import Limits
from pushpolicy.reports.recognise import read
from tests.corpus.facts import READERS, agree

CORPUS = Path(__file__).parents[2] / ".." / "shared" / "corpus"
# Valid by the manifest, and still no report: an empty array does not even say that a scanner wrote it. The
# other says itself that it was cut, and has neither version nor scan, which every GitLab schema requires.
REFUSED = {"trivy/empty-array.json", "gitlab/dast-none.json"}

# Stated, and not so: the test that failed names no package, and neither does its package.
# And three flaws that Snyk calls high for old readers, `severityWithCritical` critical, and rates 9.8.
DISPUTED = {
    ("gotest/misattributed.out", "failed_packages_without_failed_test"),
    ("snyk/single-many.json", "by_severity"),
    ("snyk/single-many.json", "unique_by_severity"),
    # Stated by record; one that is not rated has the rating of its group.
    ("osv/filter-some-want.json", "by_severity"),
    ("osv/sbom-extract-multiple.json", "by_severity"),
    ("osv/defectdojo-many.json", "by_severity"),
}


def entries(kind: str) -> list[dict[str, Any]]:
    """The manifest's entries of one kind."""
    manifest = CORPUS / "manifest.json"
    if not manifest.exists():
        pytest.skip("the corpus lies beside the checkout, in ../shared/corpus, and is not there")
    found = [entry for entry in json.loads(manifest.read_bytes())["entries"] if entry["kind"] == kind]
    assert found
    return found


def outcome(entry: dict[str, Any]) -> tuple[str, list[str]]:
    """What became of one file, and where that differs from what the manifest states."""
    facts, path = entry["facts"], CORPUS / entry["file"]
    try:
        file = read(path, Limits())
    except (NotAReport, BrokenReportError) as error:
        expected = not facts["valid"] or entry["file"] in REFUSED
        return f"refused: {error}", [] if expected else [f"refused, but valid: {error}"]
    if not facts["valid"]:
        return "read", [f"read, but invalid: {facts['reason']}"]
    checks = list(_checks(entry, file))
    differences = [difference for difference in checks if difference]
    return f"{len(checks) - len(differences)} of {len(checks)} facts", differences


def _checks(entry: dict[str, Any], file: ReadFile) -> Iterator[str | None]:
    """For each fact that was compared: what differs, or None."""
    stated = entry["facts"]
    names, facts_of = READERS[entry["kind"]]
    same = file.format.name in names and (file.digest.hex, file.size) == (entry["sha256"], entry["size"])
    yield None if same else f"read as {file.format.name}, {file.size} bytes"
    for key, ours in facts_of(file.facts, stated).items():
        if key in stated and (entry["file"], key) not in DISPUTED:
            yield None if agree(key, ours, stated[key]) else f"{key}: {ours!r}, stated {stated[key]!r}"


@pytest.mark.parametrize("kind", READERS)
def test_every_fact_is_reproduced(kind: str) -> None:
    wrong: list[str] = []
    for entry in entries(kind):
        result, differences = outcome(entry)
        print(f"{entry['file']:<52} {result[:90]}")
        wrong += [f"{entry['file']}: {difference}" for difference in differences]
    assert not wrong, "\n".join(wrong)
