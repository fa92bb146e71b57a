"""Small images, checkouts and requests to gather from."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pushpolicy.gather import GatherRequest, Job, Previous
from pushpolicy.images.image import Image
from pushpolicy.model.descriptor import Descriptor
from pushpolicy.model.digest import Digest
from pushpolicy.model.evidence import ImageEvidence, PlatformEvidence
from pushpolicy.model.manifest import OCI_CONFIG, OCI_MANIFEST, Manifest
from pushpolicy.model.reference import Repository, Target
from pushpolicy.registry.interface import OpenBlob
from pushpolicy.registry.layout.repository import LayoutRepository

COMMIT = "1" * 40
NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
LAYER = "application/vnd.oci.image.layer.v1.tar"


class NoContent:
    """An image whose layers nobody reads."""

    def open_blob(self, blob: Descriptor) -> OpenBlob:
        raise AssertionError("gather reads no layers")


def make_image(labels: Mapping[str, str] | None = None) -> Image:
    """An image of one platform, linux/amd64."""
    layer = Descriptor.of(b"layer", LAYER)
    config = {
        "architecture": "amd64",
        "os": "linux",
        "config": {"Labels": dict(labels or {}), "Env": ["PATH=/bin"]},
        "rootfs": {"type": "layers", "diff_ids": [str(layer.digest)]},
    }
    content = json.dumps(config).encode()
    described = Descriptor.of(content, OCI_CONFIG)
    manifest = Manifest.parse(
        json.dumps(
            {
                "schemaVersion": 2,
                "mediaType": OCI_MANIFEST,
                "config": described.to_json(),
                "layers": [layer.to_json()],
            }
        ).encode()
    )
    return Image(
        source="oci:image",
        name="latest",
        manifests=(manifest,),
        configs={described.digest: content},
        blobs=(described, layer),
        content=NoContent(),
    )


def make_platform(name: str, seed: str, diff_ids: tuple[str, ...] = ("base", "top")) -> PlatformEvidence:
    """A platform whose digests follow from a word."""
    return PlatformEvidence(
        platform=name,
        digest=Digest.of(f"{seed} manifest".encode()),
        config_digest=Digest.of(f"{seed} config".encode()),
        diff_ids=tuple(Digest.of(f"{seed} {layer}".encode()) for layer in diff_ids),
        labels={},
    )


def make_image_evidence(*platforms: PlatformEvidence, digest: Digest | None = None) -> ImageEvidence:
    """An index over these platforms, or a single image."""
    return ImageEvidence(
        digest=digest or (platforms[0].digest if len(platforms) == 1 else Digest.of(b"index")),
        media_type=OCI_MANIFEST,
        size=1,
        source="oci:image",
        annotations={},
        platforms=platforms,
        bound_to_commit="none",
    )


def make_request(workspace: Path, **fields: Any) -> GatherRequest:
    """A request for a layout target, with the environment of a shell; `fields` replace the rest."""
    defaults: dict[str, Any] = {
        "image": make_image(),
        "target": Target.parse("oci:registry:1.0"),
        "previous": Previous({}, ("1.0",)),
        "insecure": False,
        "clock": None,
        "client": LayoutRepository(Repository.parse("oci:registry")),
    }
    given = {name: fields.pop(name) for name in defaults if name in fields}
    return GatherRequest(job=make_job(workspace, **fields), **(defaults | given))


def make_job(workspace: Path, **fields: Any) -> Job:
    """A job with the environment of a shell; `fields` replace the rest."""
    defaults: dict[str, Any] = {
        "workspace": workspace,
        "environ": {"PATH": "/usr/local/bin:/usr/bin:/bin"},
        "credential": None,
        "evaluated_at": NOW,
    }
    return Job(**(defaults | fields))


def write(folder: Path, files: Mapping[str, str | bytes]) -> Path:
    """Write files below a folder; gives the folder."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return folder


def git(folder: Path, *arguments: str) -> str:
    """Run git as a developer would, with no configuration but what is given here."""
    environment = {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "GIT_CONFIG_GLOBAL": "/dev/null",
        "GIT_CONFIG_NOSYSTEM": "1",
        **{
            f"GIT_{who}_{what}": f"{what.lower()}@example"
            for who in ("AUTHOR", "COMMITTER")
            for what in ("NAME", "EMAIL")
        },
        "GIT_AUTHOR_DATE": "2026-11-01T00:00:00Z",
        "GIT_COMMITTER_DATE": "2026-11-01T00:00:00Z",
    }
    done = subprocess.run(
        ["git", *arguments], cwd=folder, env=environment, check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


def make_checkout(folder: Path, files: Mapping[str, str | bytes]) -> Path:
    """A repository with one commit on main that holds these files."""
    write(folder, files)
    git(folder, "init", "-q", "-b", "main")
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", "first")
    return folder


JUNIT = """<testsuites>
<testsuite name="s" tests="2" failures="0"><testcase name="a"/><testcase name="b"/></testsuite>
</testsuites>"""
FAILING = """<testsuite tests="1" failures="1">
<testcase name="a" classname="c"><failure message="no"/></testcase>
</testsuite>"""


def trivy(image: Image | None = None, **fields: Any) -> str:
    """A Trivy report of an image without findings; `fields` replace top-level keys."""
    metadata = {"ImageID": str(image.top.config.digest)} if image and image.top.config else {}
    report = {
        "SchemaVersion": 2,
        "Trivy": {"Version": "0.70.0"},
        "CreatedAt": "2026-11-24T10:00:00.123456789+02:00",
        "ArtifactName": "app",
        "ArtifactType": "container_image",
        "Metadata": metadata,
        "Results": [{"Target": "app (alpine 3.22.1)", "Class": "os-pkgs", "Type": "alpine"}],
    }
    return json.dumps(report | fields)


def sarif(*results: Mapping[str, Any], **run: Any) -> str:
    """A SARIF log of one run; `run` replaces keys of the run."""
    return json.dumps(
        {
            "version": "2.1.0",
            "runs": [
                {"tool": {"driver": {"name": "linter", "version": "1"}}, "results": list(results)} | run
            ],
        }
    )
