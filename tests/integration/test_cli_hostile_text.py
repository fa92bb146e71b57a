"""Text from outside, which a terminal must never act on."""

from __future__ import annotations

import json

import pytest

from pushpolicy import errors
from tests.layouts import LayoutMaker
from tests.policies import rule, write_policy
from tests.workspace import IMAGE, JUNIT, TARGET, Workspace, harmless

ESCAPES = "\x1b[2J\x1b]0;pwned\x07\x9b31m\u202eevil\u2028DENY\r\nALLOW oci:x@sha256:0\n::error::x"


def escaped_everywhere(place: Workspace) -> None:
    """Names, titles and messages that would rather be a verdict."""
    name = "".join(f"&#{ord(char)};" if char.isprintable() or char in "\r\n" else "" for char in ESCAPES)
    name += "\x9b31m\u202e\u2028"
    place.write(
        "reports/junit.xml",
        f'<testsuite name="{name}"><testcase name="{name}" classname="{name}">'
        f'<failure message="{name}"/></testcase></testsuite>',
    )
    scan = json.loads((place.folder / "reports/trivy-sample.json").read_text())
    flaw = {
        "VulnerabilityID": ESCAPES,
        "PkgName": ESCAPES,
        "InstalledVersion": ESCAPES,
        "Severity": "CRITICAL",
    }
    scan["Results"] = [
        {"Target": ESCAPES, "Class": "os-pkgs", "Vulnerabilities": [{**flaw, "Title": ESCAPES}]}
    ]
    scan["ArtifactName"] = ESCAPES
    place.write("reports/trivy-sample.json", json.dumps(scan))
    place.write("reports/junit\x1b[2J\n.xml", JUNIT)


def test_text_from_outside_is_harmless(workspace: Workspace) -> None:
    escaped_everywhere(workspace)
    ran = workspace.push()
    assert ran.code == errors.EXIT_DENIED, ran.err
    assert harmless(ran.out)
    assert harmless(ran.err)
    assert not any(line.startswith(("ALLOW", "::")) for line in ran.out.splitlines()[1:])
    assert sum(line.startswith("DENY ") for line in ran.out.splitlines()) == 1
    again = workspace.run("evaluate", "pushpolicy-evidence.json", "--format", "json")
    assert again.code == errors.EXIT_DENIED
    assert again.out.count("\n") == 1
    assert again.out.strip().isprintable() or "\x1b" not in again.out


def test_labels_of_the_image_are_harmless(workspace: Workspace) -> None:
    """Carried through to the record, shown nowhere as they are."""
    maker = LayoutMaker(workspace.folder / "hostile")
    maker.add(maker.image(config={"config": {"Labels": {ESCAPES: ESCAPES}, "User": ESCAPES}}), name=ESCAPES)
    report = 'deny contains {"at": {"id": p.user}, "msg": p.user} if some p in input.image.platforms'
    folder = write_policy(workspace.path("policy"), {"r": rule("r", report)})
    ran = workspace.push("--policy", folder, image="oci:hostile")
    assert ran.code == errors.EXIT_DENIED
    assert harmless(ran.out)
    kept = (workspace.folder / "pushpolicy-evidence.json").read_bytes()
    assert b"\x1b" not in kept
    assert json.loads(kept)["image"]["platforms"][0]["user"] == ESCAPES
    ran = workspace.push("--policy", folder, image=f"oci:hostile:{ESCAPES}x")
    assert ran.code == errors.EXIT_INPUT
    assert ran.complaint()


@pytest.mark.parametrize(
    "arguments",
    [
        ["push", ESCAPES, TARGET],
        ["push", IMAGE, ESCAPES],
        ["push", IMAGE, TARGET, "--tag", ESCAPES],
        ["push", IMAGE, TARGET, "--evidence", f"tests={ESCAPES}"],
        ["push", IMAGE, TARGET, "--evidence", f"{ESCAPES}=x"],
        ["push", IMAGE, TARGET, "--policy", ESCAPES],
        ["push", IMAGE, TARGET, "--engine", ESCAPES],
        ["push", IMAGE, TARGET, "--config", ESCAPES],
        ["push", IMAGE, TARGET, "--format", ESCAPES],
        ["push", IMAGE, TARGET, ESCAPES],
        ["push", IMAGE, TARGET, f"--{ESCAPES}"],
        [ESCAPES],
        ["evaluate", ESCAPES],
        ["evaluate", IMAGE, "--at", ESCAPES],
        ["audit", "list", ESCAPES],
        ["audit", "show", f"oci:{ESCAPES}:x"],
        ["schema", ESCAPES],
        ["demo", "--keep", f"status.py/{ESCAPES}"],
    ],
    ids=repr,
)
def test_arguments_are_harmless(workspace: Workspace, arguments: list[str]) -> None:
    ran = workspace.run(*arguments)
    assert ran.code in (errors.EXIT_USAGE, errors.EXIT_INPUT, errors.EXIT_POLICY)
    assert "Traceback" not in ran.err
    assert harmless(ran.out + ran.err)


@pytest.mark.parametrize(
    "name", ["../../../evil", "a/b", "/etc/passwd", ".", "..", "a\nb", "\x1b[2J", "x" * 3000]
)
def test_names_of_evidence_are_only_names(workspace: Workspace, name: str) -> None:
    workspace.write("ticket.json", "{}")
    # Another test may have a file of this name beside ours.
    top = workspace.folder.parent.parent
    before = set(top.rglob("evil*"))
    ran = workspace.push(
        "--evidence", f"extra.{name}=ticket.json", "--evidence", f"tests.{name}=reports/junit.xml"
    )
    assert ran.code in (errors.EXIT_OK, errors.EXIT_INPUT, errors.EXIT_USAGE)
    assert "Traceback" not in ran.err
    assert harmless(ran.out + ran.err)
    assert set(top.rglob("evil*")) == before
