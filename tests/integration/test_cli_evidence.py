"""Evidence on the command line: captured commands, parts of several jobs, limits, what is told of files."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from pushpolicy import errors
from tests.workspace import IMAGE, JUNIT, TARGET, Workspace, harmless

BAD = JUNIT.replace('time="0.02"/>', 'time="0.02"><failure message="no answer"/></testcase>')


def remove(place: Workspace, name: str) -> None:
    (place.folder / name).unlink()


def test_a_captured_command_is_evidence_enough(workspace: Workspace) -> None:
    remove(workspace, "reports/junit.xml")
    assert workspace.run("check", IMAGE, TARGET).code == errors.EXIT_DENIED
    ran = workspace.run("run", "tests", "--name", "smoke", "--", sys.executable, "-c", "pass")
    assert (ran.code, ran.err) == (0, "captured smoke: it ended with exit code 0; it wrote no report\n")
    assert workspace.push().code == errors.EXIT_OK


@pytest.mark.parametrize("code", [1, 3, 255])
def test_a_captured_command_that_failed_denies_and_passes_its_code_on(
    workspace: Workspace, code: int
) -> None:
    ran = workspace.run(
        "run", "tests", "--name", "smoke", "--", sys.executable, "-c", f"raise SystemExit({code})"
    )
    assert ran.code == code
    pushed = workspace.push()
    assert pushed.code == errors.EXIT_DENIED
    assert "smoke/failed" in pushed.out or "smoke: of 1 tests 1 failed" in pushed.out
    assert not workspace.published


def test_a_command_that_failed_beside_a_good_report_denies(workspace: Workspace) -> None:
    script = f"import sys; open('reports/unit.xml', 'w').write({JUNIT!r}); sys.exit(1)"
    ran = workspace.run("run", "tests", "--", sys.executable, "-c", script)
    assert (ran.code, "it wrote reports/unit.xml" in ran.err) == (1, True)
    pushed = workspace.push()
    assert pushed.code == errors.EXIT_DENIED
    assert "unit declares 1 failures" in pushed.out


def test_a_started_capture_denies(workspace: Workspace) -> None:
    workspace.run("run", "tests", "--name", "a", "--", sys.executable, "-c", "pass")
    path = workspace.folder / "reports/a.capture.json"
    content = path.read_text()
    start, end = content.index('"ended"'), content.index('"kind"')
    path.write_text(content[:start] + content[end:])
    assert "did not come to an end" in workspace.run("check", IMAGE, TARGET).out


@pytest.mark.parametrize(
    "arguments",
    [
        ("run", "tests"),
        ("run", "extra", "--", "true"),
        ("run", "tests", "--scanned", "code", "--", "true"),
        ("run", "tests", "--name", "../x", "--", "true"),
        ("run", "tests", "--limit", "max-files=0", "--", "true"),
    ],
)
def test_what_run_is_not_asked_like_this(workspace: Workspace, arguments: tuple[str, ...]) -> None:
    assert workspace.run(*arguments).code == errors.EXIT_USAGE


def write_part(place: Workspace, name: str, junit: str) -> Path:
    place.write("reports/junit.xml", junit)
    output = place.folder.parent / f"{name}.part"
    ran = place.run("gather", "--part", name, "-o", str(output))
    assert (ran.code, ran.out) == (0, "")
    assert "reports/junit.xml" in ran.err
    remove(place, "reports/junit.xml")
    return output


@pytest.mark.parametrize("way", ["--part", "--evidence"])
def test_a_push_with_the_parts_of_two_jobs(workspace: Workspace, way: str) -> None:
    paths = [write_part(workspace, "a", JUNIT), write_part(workspace, "b", JUNIT)]
    given = [text for path in paths for text in (way, f"part={path}" if way == "--evidence" else str(path))]
    pushed = workspace.push(*given, "--format", "json")
    assert pushed.code == errors.EXIT_OK, pushed.out + pushed.err
    shown = workspace.run("audit", "show", TARGET)
    assert shown.code == errors.EXIT_OK
    assert "a/junit" in shown.out + workspace.run("audit", "show", TARGET, "--format", "json").out
    # The record holds what the parts held, though nothing of it lies in the checkout.
    assert workspace.run("audit", "replay", TARGET).code == errors.EXIT_OK


def test_a_failure_in_one_part_denies(workspace: Workspace) -> None:
    paths = [write_part(workspace, "a", JUNIT), write_part(workspace, "b", BAD)]
    pushed = workspace.push("--part", str(paths[0]), "--part", str(paths[1]))
    assert pushed.code == errors.EXIT_DENIED
    assert "b/junit" in pushed.out


def test_a_part_of_another_commit_is_an_error(workspace: Workspace) -> None:
    part = write_part(workspace, "a", JUNIT)
    workspace.write("part", part.read_bytes().replace(b'"commit":"', b'"commit":"0', 1))
    assert workspace.push("--evidence", "part=part").code == errors.EXIT_INPUT


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("gather",), errors.EXIT_USAGE),
        (("gather", IMAGE), errors.EXIT_USAGE),
        (("gather", "--part", "a"), errors.EXIT_USAGE),
        (("gather", "--part", "a", "-o", "x", IMAGE, TARGET), errors.EXIT_USAGE),
        (("gather", "--part", "a/b", "-o", "x"), errors.EXIT_USAGE),
        (("gather", "--part", "a", "-o", "no/such/folder/x"), errors.EXIT_INPUT),
        (("gather", "--part", "a", "-o", "x", "oci:absent"), errors.EXIT_INPUT),
        (("gather", "--part", "a", "-o", "x", "--evidence", "absent.xml"), errors.EXIT_INPUT),
        (("check", IMAGE, TARGET, "--part", "absent"), errors.EXIT_INPUT),
    ],
)
def test_wrong_parts(workspace: Workspace, arguments: tuple[str, ...], code: int) -> None:
    assert workspace.run(*arguments).code == code


def test_a_part_of_an_image(workspace: Workspace) -> None:
    assert workspace.run("gather", IMAGE, "--part", "a", "-o", "a.part").code == 0
    assert b'"image":"sha256:' in (workspace.folder / "a.part").read_bytes()


def test_gather_explains_every_file(workspace: Workspace) -> None:
    workspace.write("reports/package.json", '{"name": "x", "version": "1"}')
    workspace.write("reports/trivy.json", '{"Results": [], "ArtifactName": "app"}')
    workspace.write("reports/cut.xml", "<testsuite>\n<testcase")
    workspace.write("reports/cut.sarif", '{"version": "2.1.0",\n "runs": [}')
    workspace.write("reports/\x1b[31m.json", "{}")
    told = workspace.run("gather", IMAGE, TARGET).err
    assert harmless(told)
    lines = {line.split("  ")[0]: line for line in told.splitlines()}
    assert "junit report 'junit': 2 tests, 2 passed" in lines["reports/junit.xml"]
    assert "no report: the keys of its top level are name, version" in lines["reports/package.json"]
    assert 'its name promises trivy, and "SchemaVersion" cannot be found in it' in lines["reports/trivy.json"]
    assert "failed: it is not well-formed XML" in lines["reports/cut.xml"]
    assert "line 2, column" in lines["reports/cut.xml"]
    assert "line 2, column 11" in lines["reports/cut.sarif"]
    assert workspace.run("gather", IMAGE, TARGET, "-q").err == ""


def test_limits_are_options(workspace: Workspace) -> None:
    ran = workspace.run("check", IMAGE, TARGET, "--limit", "max-report-size=10")
    assert (ran.code, "over the limit of 10" in ran.out) == (errors.EXIT_DENIED, True)
    assert workspace.run("check", IMAGE, TARGET, "--limit", "max_report_size=1GiB").code == errors.EXIT_OK
    for text in (
        "max-report-size",
        "max-report-size=",
        "max-report-size=-1",
        "max-size=1",
        "max-files=1x",
        "=1",
    ):
        assert workspace.run("check", IMAGE, TARGET, "--limit", text).code == errors.EXIT_USAGE


def test_doctor_lists_the_formats_by_kind(workspace: Workspace) -> None:
    told = workspace.run("doctor").out
    assert "tests: capture, junit" in told
    assert "scans: trivy" in told
