"""An index of two platforms: which of them each scanner looked at, by what its report is bound to.

The image with flaws is the one for amd64 and the first, the one without is that for arm64.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pushpolicy.demo.shell import Shell
from pushpolicy.model.descriptor import Descriptor
from pushpolicy.model.manifest import OCI_CONFIG, OCI_INDEX, OCI_MANIFEST
from tests.interop.images import CLEAN, PLANTED, document, names
from tests.interop.outputs import TRIVY_OFFLINE
from tests.interop.programs import Programs

_AMD64, _ARM64 = "linux/amd64", "linux/arm64"
_SYFT = "syft scan oci-dir:{layout} --quiet --platform {asked} --output cyclonedx-json={file}"
_GRYPE = "grype oci-dir:{layout} --quiet --platform {asked} --output json={file}"
_TRIVY = (
    f"trivy image {TRIVY_OFFLINE} --input {{layout}} --platform {{asked}} --format json --output {{file}}"
)
# What is run, the platform that is asked for, and the one that the report is about.
CASES = (
    (_SYFT, _AMD64, _AMD64),
    (_SYFT, _ARM64, _ARM64),
    (_GRYPE, _AMD64, _AMD64),
    (_GRYPE, _ARM64, _ARM64),
    (_TRIVY, _AMD64, _AMD64),
    (_TRIVY, _ARM64, _AMD64),  # with --input it takes the first of the index, whatever it is asked for
)


def wrong_platforms(programs: Programs, shell: Shell) -> Iterator[str]:
    """Where a report is bound to another platform than it has to be, in words."""
    layout = _index(shell.folder)
    for number, (command, asked, about) in enumerate(CASES):
        file = programs.folder / f"platform-{number}.json"
        words = {"layout": layout, "asked": asked, "file": file}
        tool, *arguments = (word.format_map(words) for word in command.split())
        programs.run(tool, *arguments)
        shell.quietly(
            f"pushpolicy gather oci:{layout.name} oci:registry:1.0.0 --evidence {file} -o evidence.json"
        )
        evidence = json.loads((shell.folder / "evidence.json").read_text())
        items = [item for kind in ("scans", "sbom") for item in evidence.get(kind, {}).get("items", [])]
        bound = [item.get("platform") for item in items]
        if bound != [about]:
            yield f"{tool} --platform {asked}: bound to {bound}, not to {about}"


def _index(folder: Path) -> Path:
    """A layout with one index of both images, which have been built."""
    layout = folder / "platforms"
    children = [_child(layout, folder / PLANTED.name, "amd64"), _child(layout, folder / CLEAN.name, "arm64")]
    index = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": children}
    top = _put(layout, index, OCI_INDEX)
    (layout / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
    (layout / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [top]}))
    return layout


def _child(layout: Path, image: Path, architecture: str) -> dict[str, Any]:
    shutil.copytree(image / "blobs", layout / "blobs", dirs_exist_ok=True)
    manifest = document(image, *names(image)["manifest"])
    config = document(image, manifest["config"]["digest"]) | {"architecture": architecture}
    stored = _put(layout, manifest | {"config": _put(layout, config, OCI_CONFIG)}, OCI_MANIFEST)
    return stored | {"platform": {"os": "linux", "architecture": architecture}}


def _put(layout: Path, value: dict[str, Any], media_type: str) -> dict[str, Any]:
    content = json.dumps(value).encode()
    blob = Descriptor.of(content, media_type)
    (layout / "blobs" / blob.digest.algorithm / blob.digest.hex).write_bytes(content)
    return blob.to_json()
