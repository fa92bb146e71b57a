"""Every question of docs/auditor.md, asked of a history with all that an auditor looks for."""

from __future__ import annotations

import csv
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml

from pushpolicy.engines import LocalOpa
from pushpolicy.model.reference import Target
from pushpolicy.pipeline import admit
from pushpolicy.records.format import ARTIFACT_TYPE
from tests.clients import client
from tests.history import CVE, PUSHES, push_all
from tests.jobs import GOOD, RULES, Job
from tests.keys import entry, key
from tests.layouts import LayoutMaker, push, referrer
from tests.policies import ROOT, rule, write_policy
from tests.registries import Registry
from tests.workspace import Workspace, harmless

PAGE = (ROOT / "docs/auditor.md").read_text(encoding="utf-8")
QUESTIONS = dict(re.findall(r"^## (.+)\n\n    (pushpolicy .+)$", PAGE, re.MULTILINE))
# Of each question, how the command ends, and what its answer says. The history has what ends with 51.
ANSWERS: dict[str, tuple[int, tuple[str, ...]]] = {
    "Which pushes rest on a waiver?": (51, (r"\b1\.1 +frank +.*CVE-2024-1000", "NOT VALID")),
    "Which images have a flaw, and what let them in?": (
        51,
        (f"^2 images have {CVE}, 1 of them still named by a tag", "waived until .* by erin"),
    ),
    "Which pushes did a flaw stop?": (0, (r"DENY  1\.0 .*/shop/web", "push by dana", "denied by flaws")),
    "Which flaw would have stopped us?": (51, ("^stricter", "flaws", CVE)),
    "Who pushed an image, with which credential, and why was it allowed?": (
        0,
        (r"^ALLOW \S+/shop/web:1\.1", "verified by ci", "frank", "PUSHPOLICY_PASSWORD", "erin"),
    ),
    "Is anything there without a record?": (51, ("no-record", "hotfix", "moved", "invalid")),
    "Is a record forged?": (51, ("^1 gap .1 invalid.", "unsigned")),
    "Does every decision come out again?": (51, (r"^reproduced: .*:2\.0 ", "7 decided again: 7 reproduced")),
    "What would a stricter policy have done?": (51, ("^stricter", "few", "shop/api")),
    "What differs between two decisions?": (0, ("pushed by: frank, .* -> dana", "flaws: waived -> passed")),
    "Which policy does each team use?": (51, ("shop/api", "shop/web")),
    "Can I have it as a spreadsheet?": (51, ()),
    "Can I take all of it with me?": (51, ("records",)),
}


@pytest.fixture
def place(workspace: Workspace, distribution: Registry, opa: Path, tmp_path: Path) -> Workspace:
    """The history of tests.history in shop/web, one push to shop/api, and what was done around the gate."""
    host, folder = distribution.host, tmp_path / "jobs"
    push_all(folder, opa, f"{host}/shop/web", f"{host}/audit/denials")
    job = Job(folder=folder / "api", engine=LocalOpa(opa))
    when = datetime(2025, 3, 1, 9, tzinfo=UTC)
    admit(job.request(GOOD, Target.parse(f"{host}/shop/api:2.0"), evaluated_at=when, signer=key))
    there, maker = client(distribution, "shop/web"), LayoutMaker(tmp_path / "stranger")
    push(there, maker, maker.image(), "hotfix")
    newer, newest = there.resolve("1.1"), there.resolve("1.2")
    assert newer
    assert newest
    # The tag 1.0 names another image now, and somebody says that 1.1 was decided on otherwise.
    there.put_manifest(newest, "1.0")
    push(there, maker, referrer(maker, newer, b"ALLOW", artifactType=ARTIFACT_TYPE), None)
    workspace.write("trust.yaml", yaml.safe_dump({"keys": {"ci": entry()}}))
    workspace.write("none.yaml", "waivers: []\n")
    write_policy(workspace.folder / "next", RULES | {"few": rule("few", FEW)})
    return workspace


FEW = 'deny contains {"at": {"id": "few"}, "msg": "too few tests"} if input.tests.totals.total < 10'


def test_the_page_answers_what_is_asked(place: Workspace, distribution: Registry) -> None:
    assert QUESTIONS.keys() == ANSWERS.keys()
    wrong = list[str]()
    for question, command in QUESTIONS.items():
        ran = place.shell(command.replace("registry.example", distribution.host))
        code, words = ANSWERS[question]
        if ran.code != code:
            wrong.append(f"{question}: {ran.code}\n{ran.out}\n{ran.err}")
        wrong.extend(
            f"{question}: {each}\n{ran.out}\n{ran.err}"
            for each in words
            if not re.search(each, ran.out + ran.err, re.MULTILINE)
        )
        assert harmless(ran.out + ran.err), question
    assert not wrong, "\n\n".join(wrong)
    with (place.folder / "decisions.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == len(PUSHES) + 1
    # What was taken along answers by itself.
    ran = place.run("audit", "replay", "export:history", "--trust", "trust.yaml", "--format", "jsonl")
    assert len(ran.out.splitlines()) >= len(rows), ran.err
