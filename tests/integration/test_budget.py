"""What a hostile checkout, image or registry can cost: no hang, memory and time within the budget."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from contextlib import suppress

import pytest

from pushpolicy import errors
from tests.docker_archives import old_style, write
from tests.hostile import refused
from tests.layouts import tar_layer
from tests.workspace import IMAGE, TARGET, Workspace

MIB = 1024 * 1024
PROGRAM = """
import os, resource, sys, threading, time
from pushpolicy.budget import resident
peak = 0
def watch():
    global peak
    while True:
        peak = max(peak, resident())
        time.sleep(0.02)
threading.Thread(target=watch, daemon=True).start()
from pushpolicy.cli.main import main
code = main(sys.argv[1:])
sys.stdout.flush()
sys.stderr.write(f"PEAK {peak}\\n")
sys.stderr.flush()
os._exit(code)
"""


def _measured(place: Workspace, *arguments: str) -> tuple[int, int, str]:
    """Exit code, most resident bytes of all its processes together, and standard error."""
    ran = subprocess.run(
        [sys.executable, "-P", "-c", PROGRAM, *arguments],
        cwd=place.folder,
        env=dict(place.environ),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    said, _, peak = ran.stderr.rpartition("PEAK ")
    return ran.returncode, int(peak), said


def _trivy(place: Workspace, number: int) -> None:
    findings = [
        {
            "VulnerabilityID": f"CVE-2026-{n}",
            "PkgName": f"package-{n % 977}",
            "InstalledVersion": "1.0",
            "Severity": "LOW",
            "Title": "a title of the usual length, which says what is wrong",
        }
        for n in range(number)
    ]
    results = [{"Target": "app", "Class": "os-pkgs", "Type": "debian", "Vulnerabilities": findings}]
    report = {"SchemaVersion": 2, "ArtifactName": "app", "ArtifactType": "container_image"}
    place.write("reports/many.trivy.json", json.dumps(report | {"Results": results}))


def test_a_hundred_thousand_findings_stay_within_the_memory(workspace: Workspace) -> None:
    _trivy(workspace, 99_990)
    code, peak, said = _measured(workspace, "check", IMAGE, TARGET)
    # On a machine that has much else to do, OPA's deadline may come first.
    late = code == errors.EXIT_POLICY and "no answer within" in said
    assert code == errors.EXIT_DENIED or late, said
    assert 100 * MIB < peak < 1536 * MIB


def test_memory_over_the_budget_is_one_line_that_names_the_limit(workspace: Workspace) -> None:
    _trivy(workspace, 20_000)
    complaint = refused(workspace, errors.EXIT_INPUT, "push", IMAGE, TARGET, "--limit", "max-memory=50MiB")
    assert "52428800 bytes of max-memory" in complaint


def test_a_large_report_that_needs_more_than_the_child_may_has_failed(workspace: Workspace) -> None:
    """The gate lives, and says which file, which limit and how much."""
    long = b'{"SchemaVersion":2,"ArtifactName":"' + b"x" * 409_000_000 + b'","Results":[]}'
    workspace.write("reports/large.trivy.json", long)
    code, peak, said = _measured(
        workspace, "check", IMAGE, TARGET, "--limit", "max-memory=600MiB", "--format", "json=answer.json"
    )
    assert code == errors.EXIT_DENIED, said
    assert peak < 600 * MIB
    answer = workspace.path("answer.json").read_text()
    assert "needs more than 419430400 bytes of memory, two thirds of --limit max-memory" in answer
    assert "large.trivy.json" in answer


@pytest.mark.parametrize("option", ["--part", "--evidence"])
def test_a_named_pipe_that_nobody_writes_to_is_not_waited_for(workspace: Workspace, option: str) -> None:
    os.mkfifo(workspace.path("pipe"))
    refused(workspace, errors.EXIT_INPUT, "push", IMAGE, TARGET, option, "pipe")


def test_a_device_is_no_part(workspace: Workspace) -> None:
    refused(workspace, errors.EXIT_INPUT, "push", IMAGE, TARGET, "--part", "/dev/zero")


def test_a_named_pipe_in_a_usual_place_is_not_waited_for(workspace: Workspace) -> None:
    for name in ("reports/TEST-pipe.xml", "junit.xml"):
        os.mkfifo(workspace.path(name))
    started = time.monotonic()
    ran = workspace.run("check", IMAGE, TARGET, "--limit", "max-run-seconds=60")
    assert ran.code in (errors.EXIT_OK, errors.EXIT_DENIED), ran.err
    assert time.monotonic() - started < 60


def test_a_named_pipe_in_the_place_of_gits_attributes_is_not_waited_for(workspace: Workspace) -> None:
    attributes = workspace.path(".git/info/attributes")
    attributes.unlink(missing_ok=True)
    os.mkfifo(attributes)
    ran = workspace.run("check", IMAGE, TARGET, "--limit", "max-run-seconds=60")
    assert ran.code in (errors.EXIT_OK, errors.EXIT_DENIED), ran.err


def test_a_glob_that_asks_for_the_same_many_times_is_answered_at_once(workspace: Workspace) -> None:
    workspace.path("/".join(["a"] * 40) + "/x").write_text("x")
    started = time.monotonic()
    complaint = refused(
        workspace, errors.EXIT_INPUT, "push", IMAGE, TARGET, "--evidence", "**/" * 8 + "*.none"
    )
    assert "there is no such file" in complaint
    assert time.monotonic() - started < 30


def test_all_that_is_kept_of_an_image_counts_together(workspace: Workspace) -> None:
    """Each of the layers is within the limit."""
    layers = [tar_layer(f"file{number}", os.urandom(6 * MIB)) for number in range(3)]
    archive = write(workspace.path("image.tar"), old_style(layers))
    for size, code in (("12MiB", errors.EXIT_INPUT), ("60MiB", errors.EXIT_DENIED)):
        arguments = ("check", "docker-archive:-", TARGET, "--limit", f"max-image-size={size}")
        with archive.open("rb") as file, workspace.start(*arguments, stdin=file) as process:
            _, said = process.communicate()
        assert process.returncode == code, said
        assert (b"bytes of max-image-size" in said) == (code == errors.EXIT_INPUT)


def test_an_endless_image_on_standard_input_ends_with_the_budget(workspace: Workspace) -> None:
    arguments = ("push", "docker-archive:-", TARGET, "--limit", "max-image-size=64MiB")
    with workspace.start(*arguments, stdin=subprocess.PIPE, bufsize=0) as process:
        assert process.stdin is not None
        assert process.stderr is not None
        with suppress(BrokenPipeError):
            for _ in range(1024):  # an end that only a broken test sees
                process.stdin.write(bytes(MIB))
        said = process.stderr.read()
    assert process.returncode == errors.EXIT_INPUT
    assert b"--limit max-image-size" in said
    assert not workspace.published
