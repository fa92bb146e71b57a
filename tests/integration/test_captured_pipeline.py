"""The pipeline of docs/captures.md: built, tested and scanned by docker, and pushed by the gate."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from pushpolicy import errors
from pushpolicy.images import find, open_image
from tests.docker_archives import old_style, write
from tests.docker_daemon import Daemon, docker_daemon
from tests.policies import rule, write_policy
from tests.registries import distribution_registry
from tests.workspace import JUNIT, TARGET, Workspace

PAGE = Path(__file__).parents[2] / "docs/captures.md"
NEVER = 'deny contains {"at": {"id": "never"}, "msg": "never"} if input.image.size == 1'
# What `docker run` and `docker scout` end with is what a test says.
DOCKER = """#!/bin/sh
echo "docker $*" >> docker.log
case "$1" in
  build) exit 0 ;;
  run) exit ${RUN_CODE:-0} ;;
  scout) [ -z "$RETAG" ] || : > retagged; exit ${SCOUT_CODE:-0} ;;
esac
exit 99
"""


def pipeline() -> list[list[str]]:
    """The commands of the page's second block."""
    block = re.findall(r"```sh\n(.*?)```", PAGE.read_text(), re.DOTALL)[1]
    return [
        shlex.split(line.replace("registry.example/team/app:1.0.0", TARGET)) for line in block.splitlines()
    ]


@pytest.fixture
def daemon(workspace: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    folder = tmp_path_factory.mktemp("daemon")  # the path of a socket is short
    archive = write(folder / "image.tar", old_style())
    with open_image(f"docker-archive:{archive}") as image:
        (platform,) = find(image).platforms
    inspected = {
        "Id": str(platform.config_digest),
        "RootFS": {"Type": "layers", "Layers": list(map(str, platform.diff_ids))},
    }
    with docker_daemon(folder / "docker.sock", archive.read_bytes()) as running:
        running.inspected = json.dumps(inspected).encode()
        yield running


@pytest.fixture
def place(workspace: Workspace, daemon: Daemon) -> Workspace:
    """A checkout without a report, a docker that does what it is told, and the daemon behind it."""
    for report in workspace.path("reports").iterdir():
        report.unlink()
    program = workspace.folder.parent / "bin/docker"
    program.parent.mkdir()
    program.write_text(DOCKER)
    program.chmod(0o755)
    path = f"{program.parent}:{workspace.environ['PATH']}"
    return workspace.with_variables(PATH=path, DOCKER_HOST=daemon.host)


def run_all(place: Workspace) -> list[int]:
    """The exit codes of the pipeline's commands, each run whatever the one before it said."""
    codes = []
    for argv in pipeline():
        if argv[0] == "pushpolicy":
            codes.append(place.run(*argv[1:]).code)
        else:
            done = subprocess.run(argv, cwd=place.folder, env=place.environ, check=False)
            codes.append(done.returncode)
    return codes


def test_the_pipeline_publishes(place: Workspace) -> None:
    assert run_all(place) == [0, 0, 0, errors.EXIT_OK]
    assert place.published
    assert place.path("docker.log").read_text().splitlines() == [
        "docker build -t app .",
        "docker run app npm test",
        "docker scout cves app --exit-code --only-severity critical",
    ]
    evidence = place.run("audit", "show", TARGET, "--format", "json").json["evidence"]
    (scan,) = evidence["scans"]["items"]
    assert (scan["bound"], scan["bound_by"], scan["scanner"]["name"]) == (True, "capture", "scout")
    assert scan["filters"] == ["--only-severity critical"]
    assert evidence["tests"]["totals"]["passed"] == 1


@pytest.mark.parametrize(
    ("variable", "code", "rule"),
    [
        ("RUN_CODE", 1, "tests_passed"),
        ("SCOUT_CODE", 2, "scan_severity"),
        ("SCOUT_CODE", 1, "scan_bound"),  # it failed, and found nothing
    ],
)
def test_what_fails_denies(place: Workspace, variable: str, code: int, rule: str) -> None:
    codes = run_all(place.with_variables(**{variable: str(code)}))
    assert code in codes[1:3]
    assert codes[-1] == errors.EXIT_DENIED
    denied = json.loads(place.path("pushpolicy-evidence.json").read_bytes())
    ran = place.run(
        "evaluate", "pushpolicy-evidence.json", "--format", "json", "--at", denied["evaluated_at"]
    )
    assert rule in {violation["rule"] for violation in ran.json["violations"]}
    assert not place.published


def test_another_image_by_the_name_when_the_scanner_has_ended_is_bound_to_nothing(
    place: Workspace, daemon: Daemon
) -> None:
    other = json.loads(daemon.inspected) | {"Id": "sha256:" + "0" * 64}
    daemon.retagged = (place.path("retagged"), json.dumps(other).encode())
    ran = place.with_variables(RETAG="yes").run(*pipeline()[2][1:])
    assert ran.code == 0
    assert "another image" in ran.err
    capture = json.loads(place.path("reports/scout.capture.json").read_bytes())
    assert "image" not in capture


def test_a_command_without_the_image_is_refused(place: Workspace) -> None:
    ran = place.run("run", "scans", "--image", "docker-daemon:app", "--", "docker", "scout", "cves", "app")
    assert ran.code == errors.EXIT_USAGE
    assert "{image}" in ran.complaint()
    assert not place.path("docker.log").exists()


def test_an_image_that_is_not_there_is_refused(place: Workspace, daemon: Daemon) -> None:
    daemon.status = 404
    ran = place.run(*pipeline()[2][1:])
    assert ran.code == errors.EXIT_INPUT
    assert not place.path("docker.log").exists()


def test_an_image_of_a_layout_is_named_by_its_folder(place: Workspace) -> None:
    ran = place.run(
        *("run", "scans", "--name", "scout", "--image", "oci:image", "--"),
        *("docker", "scout", "cves", "oci-dir://{image}", "--exit-code"),
    )
    assert ran.code == 0, ran.err
    assert place.path("docker.log").read_text() == "docker scout cves oci-dir://image --exit-code\n"
    gathered = place.run("gather", "oci:image", TARGET).json
    assert [(scan["bound"], scan["bound_by"]) for scan in gathered["scans"]["items"]] == [(True, "capture")]


def test_an_image_of_a_registry_is_named_by_its_digest(place: Workspace, tmp_path: Path) -> None:
    place.write("reports/junit.xml", JUNIT)
    with distribution_registry(tmp_path / "registry") as registry:
        policy = write_policy(place.folder.parent / "policy", {"fine": rule("fine", NEVER)})
        target = f"{registry.host}/app:1.0.0"
        assert place.push("--policy", str(policy), target=target).code == errors.EXIT_OK
        ran = place.run(
            *("run", "scans", "--name", "scout", "--image", f"docker://{target}", "--"),
            *("docker", "scout", "cves", "{image}", "--exit-code"),
        )
        gathered = place.run("gather", f"docker://{target}", TARGET).json
    assert ran.code == 0, ran.err
    digest = gathered["image"]["digest"]
    said = place.path("docker.log").read_text()
    assert said == f"docker scout cves {registry.host}/app@{digest} --exit-code\n"
    assert [scan["bound_by"] for scan in gathered["scans"]["items"]] == ["capture"]


def test_a_file_of_several_images_is_refused(place: Workspace) -> None:
    ran = place.run("run", "scans", "--image", "oci:image:name", "--", "docker", "scout", "cves", "{image}")
    assert ran.code == errors.EXIT_USAGE
    assert "the whole file" in ran.complaint()
    assert not place.path("docker.log").exists()


def test_tests_have_no_image(place: Workspace) -> None:
    ran = place.run("run", "tests", "--image", "docker-daemon:app", "--", "docker", "run", "{image}")
    assert ran.code == errors.EXIT_USAGE
