"""Images from where they are really built: opened, pushed, and found whole by another tool."""

from __future__ import annotations

import gzip
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from pushpolicy.images import Image, Selection, open_image
from pushpolicy.model.reference import Target
from tests.builders import CONTENT, Tool, buildah, context, docker, file_in, skopeo
from tests.clients import client
from tests.judged import publish
from tests.layouts import LayoutMaker
from tests.programs import tool
from tests.registries import Registry


@pytest.fixture(scope="module")
def daemon() -> Iterator[Tool]:
    with docker() as found:
        yield found


def _file(image: Image) -> bytes:
    """The one file that the image has, from its layers."""
    found = b""
    for layer in image.top.layers:
        with image.content.open_blob(layer)() as stream:
            content = stream.read()
        found = file_in(gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content) or found
    return found


def _published(source: str, registry: Registry, docker_host: str | None = None) -> Image:
    """Push the image, and let crane find what is in it."""
    target = Target.parse(f"{registry.host}/team/app:1.0")
    with open_image(source, selection=Selection(docker_host=docker_host)) as image:
        published = publish(image, client(registry), target)
        assert published.digest == image.top.digest
        assert _file(image) == CONTENT
    argv = [str(tool("crane")), "export", "--insecure", f"{registry.host}/team/app:1.0", "-"]
    done = subprocess.run(argv, capture_output=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr.decode()
    assert file_in(done.stdout) == CONTENT
    return image


@pytest.mark.parametrize("builder", ["0", "1"], ids=["docker's own", "BuildKit"])
def test_an_image_that_docker_built(builder: str, daemon: Tool, olareg: Registry, tmp_path: Path) -> None:
    name = f"app:{builder}"
    daemon.run("build", "--quiet", "--tag", name, str(context(tmp_path)), DOCKER_BUILDKIT=builder)
    known_as = daemon.run("image", "inspect", "--format", "{{.Id}}", name)
    host = daemon.variables["DOCKER_HOST"]
    image = _published(f"docker-daemon:{name}", olareg, host)
    assert image.top.config
    assert str(image.top.config.digest) == known_as
    saved = tmp_path / "saved.tar"
    daemon.run("save", "--output", str(saved), name)
    for source in (f"docker-archive:{saved}", f"docker-daemon:{known_as}"):
        with open_image(source, selection=Selection(docker_host=host)) as again:
            assert again.top.digest == image.top.digest


@pytest.mark.parametrize("manifest", ["oci", "docker"])
@pytest.mark.parametrize("transport", ["oci", "oci-archive", "docker-archive"])
def test_an_image_that_buildah_built(manifest: str, transport: str, olareg: Registry, tmp_path: Path) -> None:
    with buildah() as found:
        made = found.run("from", "scratch")
        found.run("copy", made, str(context(tmp_path) / "file"), "/file")
        where = f"{transport}:{tmp_path}/built:app:1" if transport != "oci" else f"oci:{tmp_path}/built:1"
        found.run("commit", "--quiet", "--format", manifest, made, where)
    _published(f"{transport}:{tmp_path}/built", olareg)


@pytest.mark.parametrize("transport", ["oci", "oci-archive", "docker-archive"])
def test_an_image_that_skopeo_copied(transport: str, olareg: Registry, tmp_path: Path) -> None:
    maker = LayoutMaker(tmp_path / "made")
    maker.add(maker.image(content=CONTENT))
    name = "app:1" if transport == "docker-archive" else "1"
    place = f"{transport}:{tmp_path}/copied"
    skopeo(tmp_path).run("copy", "--quiet", f"oci:{tmp_path}/made", f"{place}:{name}")
    _published(place, olareg)
