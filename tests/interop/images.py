"""The demo's application on a small Alpine system: once clean, once with known flaws and planted findings."""

from __future__ import annotations

import gzip
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pushpolicy.demo import image, project
from pushpolicy.demo.shell import Shell
from tests import docker_archives

RELEASE = "3.20"


@dataclass(frozen=True, kw_only=True)
class Contents:
    """What an image holds, by the versions of three packages; its name is that of its layout too."""

    name: str
    openssl: str
    pyyaml: str
    lodash: str
    planted: Mapping[str, bytes] = field(default_factory=dict, repr=False)


# The lines say that they are no key. In two parts, so that nothing that searches this file finds one.
_LINE = b"VGhpcyBpcyBubyBrZXksIGJ1dCBpdCBsb29rcyBsaWtlIG9uZS4gVGhpcyBpcyBu\n"
_KEY = b"-----BEGIN PRIVATE" + b" KEY-----\n%b-----END PRIVATE" + b" KEY-----\n"
CLEAN = Contents(name="clean", openssl="3.3.2-r0", pyyaml="6.0.3", lodash="4.17.21")
PLANTED = Contents(
    name="planted",
    openssl="3.3.0-r0",
    pyyaml="5.3.1",
    lodash="4.17.15",
    planted={
        "app/deploy.pem": _KEY % (_LINE * 8),
        "app/Dockerfile": b'FROM alpine:3.20\nCOPY . /app\nCMD ["python3", "/app/status.py"]\n',
    },
)


def build(shell: Shell, contents: Contents) -> None:
    """Write the image into the committed project: as an OCI layout, and as `docker save` would."""
    layout = shell.folder / contents.name
    app = {f"app/{name}": (shell.folder / name).read_bytes() for name in ("services.yaml", "status.py")}
    image.build(
        layout,
        [_system(contents), {**app, **contents.planted}],
        commit=shell.commit,
        created=project.FIXED.date,
        name="1.0.0",
    )
    layers, config = _stored(layout)
    saved = docker_archives.old_style(layers, tags=("status-page:1.0.0",), config=config)
    docker_archives.write(archive(layout), saved)


def archive(layout: Path) -> Path:
    """Where the image of a layout lies as `docker save` would write it."""
    return layout.with_suffix(".tar")


def names(layout: Path) -> Mapping[str, list[str]]:
    """What a report may name the image by, read from its layout."""
    top = json.loads((layout / "index.json").read_bytes())["manifests"][0]["digest"]
    config = document(layout, top)["config"]["digest"]
    diff_ids = document(layout, config)["rootfs"]["diff_ids"]
    return {"manifest": [top], "config": [config], "diff_ids": diff_ids}


def _stored(layout: Path) -> tuple[list[bytes], bytes]:
    """The layers, uncompressed, and the config."""
    manifest = document(layout, *names(layout)["manifest"])
    layers = [gzip.decompress(_blob(layout, layer["digest"])) for layer in manifest["layers"]]
    return layers, _blob(layout, manifest["config"]["digest"])


def document(layout: Path, digest: str) -> dict[str, Any]:
    """A manifest or config of a layout."""
    value: dict[str, Any] = json.loads(_blob(layout, digest))
    return value


def _blob(layout: Path, digest: str) -> bytes:
    return (layout / "blobs" / digest.replace(":", "/")).read_bytes()


def _system(contents: Contents) -> dict[str, bytes]:
    """Just what tells a scanner which system and packages there are."""
    python = f"usr/lib/python3.12/site-packages/PyYAML-{contents.pyyaml}.dist-info"
    lodash = {"name": "lodash", "version": contents.lodash, "license": "MIT"}
    release = f'ID=alpine\nNAME="Alpine Linux"\nVERSION_ID={RELEASE}.3\nPRETTY_NAME="Alpine {RELEASE}"\n'
    packages = (_apk("libcrypto3", contents.openssl, "openssl"), _apk("musl", "1.2.5-r1", "musl"))
    return {
        "etc/alpine-release": f"{RELEASE}.3\n".encode(),
        "etc/os-release": release.encode(),
        "etc/passwd": b"root:x:0:0::/root:/bin/sh\n",
        "lib/apk/db/installed": "\n".join(packages).encode(),
        f"{python}/METADATA": f"Metadata-Version: 2.1\nName: PyYAML\nVersion: {contents.pyyaml}\n".encode(),
        f"{python}/RECORD": b"yaml/__init__.py,,\n",
        "app/node_modules/lodash/package.json": json.dumps(lodash).encode(),
    }


def _apk(name: str, version: str, origin: str) -> str:
    """One package of apk's list of those that are installed."""
    return f"P:{name}\nV:{version}\nA:x86_64\nS:1\nI:1\nT:{name}\nL:MIT\no:{origin}\nt:1700000000\n"
