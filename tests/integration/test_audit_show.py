"""`audit show`: one decision; why, by which rule, on what evidence, by whom, and the reports as they were."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pushpolicy import errors
from pushpolicy.cli.audit import kept
from pushpolicy.images.image import Image
from pushpolicy.model.manifest import Manifest
from pushpolicy.model.reference import Target
from pushpolicy.registry.interface import RepositoryClient
from tests.clients import client
from tests.judged import make_image, publish
from tests.pushed_history import FINDING, push_history
from tests.registries import Registry
from tests.workspace import Ran, Workspace, harmless


@pytest.fixture
def history(workspace: Workspace) -> Workspace:
    """Some pushes."""
    return push_history(workspace)


def _show(place: Workspace, *arguments: str) -> Ran:
    ran = place.run("audit", "show", *arguments)
    assert ran.code == errors.EXIT_OK, ran.err
    assert harmless(ran.out)
    return ran


def test_why_by_whom_and_on_what(history: Workspace) -> None:
    """Of a push by a waiver: what would have denied, who took it upon themselves, and what it was made on."""
    out = _show(history, "oci:app:2.0").out
    assert out.startswith("ALLOW oci:app:2.0@sha256:")
    for line in (
        f"waived:         tests_passed {FINDING}: junit: of 2 tests 1 failed",
        "                by =carol until 2",
        "pushed by:      sample-author, on push",
        "run:            https://github.com/example/status-page/actions/runs/1",
        "tests:          2: 1 failed, 1 passed; of junit (junit)",
        "scans:          no findings; reports: 1",
        "missing:        ",
        "by rule:        rules/tests_passed/tests_passed.rego sha256:",
        "record:         sha256:",
        "others:         2 more records of this image",
    ):
        assert sum(each.startswith(line) for each in out.splitlines()) == 1, line
    document = _show(history, "oci:app:2.0", "--format", "json").json
    assert document["others"] == 2
    assert "policy" not in document
    named = _show(history, f"oci:app@{document['digest']}", "--format", "json").json
    assert "others" not in named


def test_the_text_of_the_rules(history: Workspace) -> None:
    out = _show(history, "oci:app:2.0", "--policy").out
    first = out.index("# rules/tests_passed/tests_passed.rego sha256:")
    assert first == out.index("# rules/")  # what found something comes first
    assert "package pushpolicy.rules.tests_passed\n" in out
    assert out.count("\npackage pushpolicy.rules.") == out.count("\n# rules/")
    assert f'"id": "{FINDING}"' in out[out.index("# waivers") :]
    policy = _show(history, "oci:app:2.0", "--policy", "--format", "json").json["policy"]
    assert policy["rules"]["tests_passed"]["title"] == "Tests passed"
    assert policy["rules"]["tests_passed"]["digest"] in out
    assert policy["waivers"][0]["approver"] == "=carol"


def test_the_evidence_is_what_was_judged(history: Workspace) -> None:
    out = _show(history, "oci:app:1.0", "--evidence").out
    evidence = json.loads(out[out.index("\n{\n") :])
    document = _show(history, "oci:app:1.0", "--format", "json").json
    assert evidence == document["evidence"]
    history.write("again.json", json.dumps(evidence))
    again = history.run("evaluate", "again.json", "--format", "json")
    assert again.json["evidence"] == document["decision"]["evidence"]


def test_the_reports_as_they_were_read(history: Workspace) -> None:
    judged = (history.folder / "reports/trivy-sample.json").read_bytes()
    ran = _show(history, "oci:app:1.0", "--raw", "trivy-sample")
    assert ran.out.encode() == judged
    assert "unsigned" in ran.err
    assert _show(history, "oci:app:1.0", "--raw", "001-trivy-sample.json").out == ran.out
    written = _show(history, "oci:app:1.0", "--raw", "all", "-o", "kept").out.splitlines()
    assert written == ["kept/001-trivy-sample.json", "kept/002-junit.xml"]
    assert (history.folder / written[0]).read_bytes() == judged
    assert "<failure" not in (history.folder / written[1]).read_text()  # as it was then
    again = history.run("audit", "show", "oci:app:1.0", "--raw", "all", "-o", "kept")
    assert (again.code, again.complaint()) == (
        errors.EXIT_INPUT,
        "kept/001-trivy-sample.json is there already, and nothing is replaced",
    )
    every = history.run("audit", "show", "oci:app:1.0", "--raw", "all")
    assert (every.code, every.hint()) == (errors.EXIT_INPUT, "name one of them, or -o DIR")
    none = history.run("audit", "show", "oci:app:1.0", "--raw", "../x")
    assert (none.code, none.hint()) == (errors.EXIT_INPUT, "it keeps trivy-sample, junit")
    alone = history.run("audit", "show", "oci:app:1.0", "-o", "kept")
    assert alone.code == errors.EXIT_USAGE


def test_a_report_that_is_another_is_not_shown(history: Workspace) -> None:
    layers = _show(history, "oci:app:1.0", "--format", "json").json["layers"]
    blob = history.folder / "app/blobs" / layers[3]["digest"].replace(":", "/")
    blob.write_bytes(bytes(len(blob.read_bytes())))
    ran = history.run("audit", "show", "oci:app:1.0", "--raw", "trivy-sample", "-o", "kept")
    assert (ran.code, ran.out) == (errors.EXIT_RECORD, "")
    assert "reports/001-trivy-sample.json.gz is not what was judged" in ran.complaint()
    assert not (history.folder / "kept").exists()


def test_digests_alone(workspace: Workspace) -> None:
    assert workspace.push("--raw", "digest").code == errors.EXIT_OK
    ran = workspace.run("audit", "show", "oci:registry:1.0.0", "--raw", "junit")
    assert ran.code == errors.EXIT_INPUT
    assert "of its reports it keeps digests alone" in ran.complaint()


def test_nothing_of_a_report_acts_on_a_terminal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    report = tmp_path / "report"
    report.write_bytes(b"\x1b[2J::error::x\r\n\tb\xff\n")
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    with report.open("rb") as content:
        kept._print(content)
    assert capsys.readouterr().out == "\\x1b[2J::error::x\n    b\ufffd\n"


def test_an_image_that_was_put_back(workspace: Workspace, any_registry: Registry) -> None:
    """A newer record of the tag is known: that the older one says ALLOW is told with that."""
    place, repository = f"{any_registry.host}/team/app", client(any_registry)
    target = Target.parse(f"{place}:1.0")
    old, new = make_image("old"), make_image("new")
    publish(old, repository, target, at="2026-11-02T09:00:00Z")
    published = publish(new, repository, target, at="2026-11-02T10:00:00Z")
    assert "not the newest" not in _show(workspace, f"{place}:1.0").out
    # A registry that keeps lists of referrers itself tells of no image without a tag.
    repository.put_manifest(_top(repository, new), "later")
    repository.put_manifest(_top(repository, old), "1.0")
    says = (
        f"not the newest of the tag 1.0: number 2, record {published.record.digest}, "
        f"is about {new.top.digest}"
    )
    assert says in _show(workspace, f"{place}:1.0").out.splitlines()[0]
    assert says in _show(workspace, f"{place}:1.0", "--format", "json").json["remarks"]
    assert "not the newest" not in _show(workspace, f"{place}@{old.top.digest}").out


def _top(repository: RepositoryClient, image: Image) -> Manifest:
    found = repository.manifest(image.top.digest)
    assert found
    return found
