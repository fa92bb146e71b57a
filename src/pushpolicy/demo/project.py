"""The demo's project: a sample application in a git repository, its image and its sample scan.

The files are kept with the suffix ``.sample``, so that no tool takes their flaws for pushpolicy's own.
Commits have a fixed author and date: their ids, and with them the image IDs, are always the same.
"""

from __future__ import annotations

import json
import shutil
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from pushpolicy.demo import image
from pushpolicy.demo.shell import Shell

SAMPLES = Path(__file__).parent / "sample"
# What of the project goes into the image.
_APP = ("requirements.txt", "services.yaml", "status.py")


class Version(msgspec.Struct, frozen=True, kw_only=True):
    """One state of the sample application; `name` is the folder of its files."""

    name: str
    message: str
    date: datetime
    pyyaml: str


FIRST = Version(
    name="first",
    message="Add the status page",
    date=datetime(2026, 1, 12, 9, 0, tzinfo=UTC),
    pyyaml="5.3.1",
)
FIXED = Version(
    name="fixed",
    message="Read and ping safely, upgrade PyYAML",
    date=datetime(2026, 1, 12, 10, 30, tzinfo=UTC),
    pyyaml="6.0.3",
)


def create(shell: Shell) -> None:
    """Start the git repository, and write the policy that is tried out later."""
    shell.quietly("git init --quiet --initial-branch=main --template=")
    shutil.copytree(SAMPLES / "next-policy", shell.folder / "next-policy")


def prepare(shell: Shell, version: Version) -> Shell:
    """Write and commit the version, build its image and its sample scan; returns the shell of that commit."""
    source = SAMPLES / version.name
    for sample in source.rglob("*.sample"):
        path = shell.folder / sample.relative_to(source).with_suffix("")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(sample.read_bytes())
    shell.quietly("git add --all")
    when = version.date.isoformat()
    dated = shell.with_variables({"GIT_AUTHOR_DATE": when, "GIT_COMMITTER_DATE": when})
    dated.quietly(f"git commit --quiet --message '{version.message}'")
    committed = shell.at(shell.quietly("git rev-parse HEAD").strip())
    image.build(
        shell.folder / "image",
        [_base_layer(version), {f"app/{name}": (shell.folder / name).read_bytes() for name in _APP}],
        commit=committed.commit,
        created=version.date,
        name="1.0.0",
    )
    # The committed sample scan, dated now: a gate asks for a fresh one.
    report = json.loads((SAMPLES / f"trivy-{version.name}.sample.json").read_text())
    report["CreatedAt"] = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    reports = shell.folder / "reports"
    reports.mkdir(exist_ok=True)
    (reports / "trivy-sample.json").write_text(json.dumps(report, indent=2) + "\n")
    return committed


def _base_layer(version: Version) -> dict[str, bytes]:
    """Just enough of a system for a scanner to know it, and the package that the sample scan is about."""
    package = f"usr/lib/python3/dist-packages/PyYAML-{version.pyyaml}.dist-info/METADATA"
    return {
        "etc/os-release": b"ID=demo\nVERSION_ID=1\nPRETTY_NAME=Demo\n",
        "etc/passwd": b"root:x:0:0::/root:/bin/sh\n",
        package: f"Metadata-Version: 2.1\nName: PyYAML\nVersion: {version.pyyaml}\n".encode(),
    }
