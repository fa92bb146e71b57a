"""Docker images from where they really come: podman's service and archive, and on to real registries."""

from __future__ import annotations

import gzip
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pushpolicy.engines import LocalOpa
from pushpolicy.errors import InputError
from pushpolicy.images import Image, Selection, open_image
from pushpolicy.model.digest import Digest
from pushpolicy.model.reference import Target
from pushpolicy.pipeline import admit
from tests.docker_archives import LAYERS, config_of, new_style, old_style, write
from tests.jobs import GOOD, Job
from tests.layouts import tar_layer
from tests.podman import Podman, podman
from tests.programs import tool
from tests.registries import Registry

PACK = "import sys; from pushpolicy.images import open_image; open_image(sys.argv[1]).__enter__()"


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Podman]:
    """Podman with one image, app:1."""
    (tmp_path / "root.tar").write_bytes(tar_layer("file", b"content"))
    with podman() as found:
        found.run("import", str(tmp_path / "root.tar"), "app:1")
        yield found


def layers(image: Image) -> list[bytes]:
    """The layers uncompressed."""
    found = []
    for layer in image.top.layers:
        with image.content.open_blob(layer)() as file:
            found.append(gzip.decompress(file.read()))
    return found


def image_id(image: Image) -> str:
    assert image.top.config
    return image.top.config.digest.hex


def test_an_image_of_podmans_service(engine: Podman) -> None:
    expected = engine.run("image", "inspect", "--format", "{{.Id}}", "app:1")
    with engine.service() as host:
        for name in ("app:1", "localhost/app:1", expected, f"sha256:{expected}"):
            with open_image(f"docker-daemon:{name}", selection=Selection(docker_host=host)) as image:
                assert image_id(image) == expected
                assert layers(image) == [tar_layer("file", b"content")]


def test_an_archive_of_podman(engine: Podman, tmp_path: Path) -> None:
    saved = tmp_path / "saved.tar"
    engine.run("save", "app:1", "--output", str(saved))
    with open_image(str(saved)) as image:
        assert image.name == "localhost/app:1"
        assert image_id(image) == engine.run("image", "inspect", "--format", "{{.Id}}", "app:1")
        assert layers(image) == [tar_layer("file", b"content")]


def test_of_an_archive_of_several_images_the_one_that_is_named(engine: Podman, tmp_path: Path) -> None:
    (tmp_path / "other.tar").write_bytes(tar_layer("file", b"other"))
    engine.run("import", str(tmp_path / "other.tar"), "app:2")
    engine.run("tag", "app:2", "registry.example/team/app:stable")
    identity = engine.run("image", "inspect", "--format", "{{.Id}}", "app:2")
    saved, names = tmp_path / "saved.tar", ("app:1", "app:2", "registry.example/team/app:stable")
    engine.run("save", "--multi-image-archive", "--output", str(saved), *names)
    for reference in ("localhost/app:2", names[2], identity[:12], identity):
        with open_image(f"docker-archive:{saved}:{reference}") as image:
            assert image_id(image) == identity
            assert layers(image) == [tar_layer("file", b"other")]
    with pytest.raises(InputError, match="name one: localhost/app:1, localhost/app:2"):
        open_image(f"docker-archive:{saved}").__enter__()


def test_an_oci_archive_of_podman(engine: Podman, tmp_path: Path) -> None:
    saved, identity = tmp_path / "saved.tar", engine.run("image", "inspect", "--format", "{{.Id}}", "app:1")
    engine.run("save", "--format", "oci-archive", "--output", str(saved), "app:1")
    for reference in ("", f":{identity[:12]}", f"@sha256:{identity}"):
        with open_image(f"oci-archive:{saved}{reference}") as image:
            assert image_id(image) == identity


@pytest.mark.parametrize("style", [old_style, new_style])
def test_it_is_pushed_and_another_tool_finds_it_whole(
    style: Callable[[], dict[str, Any]], any_registry: Registry, tmp_path: Path, opa: Path
) -> None:
    archive = write(tmp_path / "saved.tar", style())
    target = Target.parse(f"{any_registry.host}/team/app:1.0")
    request = Job(folder=tmp_path, engine=LocalOpa(opa)).request(
        GOOD, target, image=f"docker-archive:{archive}"
    )
    published = admit(request).published
    assert published
    argv = [str(tool("crane")), "validate", "--insecure", "--remote", f"{any_registry.host}/team/app:1.0"]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    manifest = request.client.manifest(published.digest)
    assert manifest
    assert manifest.config
    assert manifest.config.digest == Digest.of(config_of(LAYERS))
    blobs = [item for item in any_registry.writes() if "/blobs/" in item.path]
    again = admit(request).published
    assert again
    assert again.digest == published.digest
    digests = {str(layer.digest) for layer in manifest.layers}
    later = [item for item in any_registry.writes() if "/blobs/" in item.path][len(blobs) :]
    assert not any(digest in item.path for item in later for digest in digests)


def test_nothing_is_left_of_a_run_that_was_killed(tmp_path: Path) -> None:
    room = tmp_path / "room"
    room.mkdir()
    content = write(tmp_path / "saved.tar", old_style()).read_bytes()
    argv = [sys.executable, "-c", PACK, "docker-archive:-"]
    environ = {**os.environ, "TMPDIR": str(room)}
    with subprocess.Popen(argv, stdin=subprocess.PIPE, env=environ) as process:
        assert process.stdin
        process.stdin.write(content[: len(content) // 2])
        process.stdin.flush()
        deadline = time.monotonic() + 30
        while not _kept_below(room, process.pid):
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.02)
        process.send_signal(signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
    assert list(room.iterdir()) == []


def _kept_below(room: Path, process: int) -> bool:
    """Whether the process has written something to a file in the folder, which has no name there."""
    for link in Path(f"/proc/{process}/fd").iterdir():
        try:
            if link.readlink().is_relative_to(room) and link.stat().st_size:
                return not list(room.iterdir())
        except FileNotFoundError:
            continue
    return False
