"""Docker images on the command line: how their layers are to be compressed, and who reads standard input."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from pushpolicy import errors
from pushpolicy.cli.main import main
from pushpolicy.model.descriptor import Descriptor
from tests.docker_archives import LAYERS, old_style, write
from tests.layouts import tar_layer
from tests.podman import podman
from tests.policies import rule, write_policy
from tests.workspace import Workspace

TARGET = "oci:published:1.0"
NEVER = 'deny contains {"at": {"id": "never"}, "msg": "never"} if input.image.size == 1'


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "image.tar", old_style())


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--compression", "bzip2"], "'bzip2' is not one of 'gzip', 'zstd', 'none'"),
        (["--compression-level", "9"], "--compression-level: gzip has the levels 0 to 3, not 9"),
        (["--compression", "none", "--compression-level", "1"], "none has no levels, not 1"),
    ],
)
def test_wrong_options(options: list[str], said: str, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["gather", "docker-archive:image.tar", TARGET, *options]) == 2
    assert said in capfd.readouterr().err


def test_zstd_without_its_module_is_a_matter_of_installation(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "zstandard", None)
    assert main(["gather", "docker-archive:absent.tar", TARGET, "--compression", "zstd"]) == 2
    assert "zstandard" in (said := capfd.readouterr().err)
    assert "pip install 'pushpolicy[zstd]'" in said


@pytest.mark.parametrize("image", ["docker-archive:-", "docker-archive:-:app:1"])
def test_standard_input_is_read_once(image: str, capfd: pytest.CaptureFixture[str]) -> None:
    options = ["--username", "ci", "--password-stdin"]
    assert main(["gather", image, "localhost:1/app:1.0", *options]) == 2
    assert "standard input can be read once" in capfd.readouterr().err


@pytest.mark.parametrize("compression", ["gzip", "zstd", "none"])
def test_the_digest_is_known_to_the_evidence(
    compression: str, opa: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    found = set()
    for image in ("image.tar", "docker-archive:image.tar:app:1"):
        assert main(["gather", image, TARGET, "--quiet", "--compression", compression]) == 0
        document = capfd.readouterr().out
        assert '"platform":"linux/amd64"' in document
        found.add(document.partition('"image":{')[2].partition('"digest":"')[2][:71])
    assert len(found) == 1


@pytest.fixture
def policy(workspace: Workspace) -> str:
    """A policy that has nothing against any of it."""
    return str(write_policy(workspace.folder.parent / "policy", {"fine": rule("fine", NEVER)}))


class Heard:
    """Notes what is reported (a `Progress`)."""

    def __init__(self) -> None:
        self.steps: list[str] = []
        self.packed = 0
        self.sent: list[int] = []

    def step(self, name: str) -> None:
        self.steps.append(name)

    def compression_advanced(self, count: int) -> None:
        self.packed += count

    def transfer_started(self, blobs: Sequence[Descriptor]) -> None:
        self.steps.append(f"pushing {len(blobs)} blobs")

    def blob_started(self, blob: Descriptor) -> None:
        self.sent.append(0)

    def blob_advanced(self, blob: Descriptor, count: int) -> None:
        self.sent.append(count)

    def blob_done(self, blob: Descriptor, *, sent: bool) -> None:
        assert sent


def test_every_step_is_reported(workspace: Workspace, policy: str, monkeypatch: pytest.MonkeyPatch) -> None:
    heard = Heard()

    @contextmanager
    def progress(*, quiet: bool) -> Iterator[Heard]:
        yield heard

    # Once for the module to be there: it is imported late.
    write(workspace.path("image.tar"), old_style())
    assert (
        workspace.run("check", "docker-archive:image.tar", TARGET, "--policy", policy).code == errors.EXIT_OK
    )
    monkeypatch.setattr("pushpolicy.cli.publishing.progress", progress)
    ran = workspace.push("--policy", policy, image="docker-archive:image.tar")
    assert ran.code == errors.EXIT_OK, ran.err
    assert heard.steps == [
        "reading the image",
        "gathering evidence",
        "deciding",
        "pushing 3 blobs",
        "attaching the record",
        "reading it back",
    ]
    assert heard.packed == sum(map(len, LAYERS))
    assert sum(heard.sent) > 0


def test_an_image_of_the_daemon_is_pushed(workspace: Workspace, policy: str) -> None:
    workspace.write("root.tar", tar_layer("file", b"content"))
    with podman() as engine:
        engine.run("import", str(workspace.path("root.tar")), "app:1")
        with engine.service() as host:
            given = workspace.with_variables(DOCKER_HOST=host)
            ran = given.push("--policy", policy, image="docker-daemon:app:1")
    assert ran.code == errors.EXIT_OK, ran.err


def test_the_checkout_is_looked_at_when_the_image_has_come(workspace: Workspace) -> None:
    """With `build | pushpolicy`, the build goes on until the pipe ends, and may change tracked files."""
    write(workspace.path("image.tar"), old_style())
    process = workspace.start("gather", "docker-archive:-", TARGET, stdin=subprocess.PIPE)
    time.sleep(1)
    workspace.write("status.py", "changed = True\n")
    out, err = process.communicate(workspace.path("image.tar").read_bytes(), timeout=60)
    assert process.returncode == errors.EXIT_OK, err
    assert json.loads(out)["source"]["changes"] == ["status.py"]
