"""A whole push to real registries, read back by other tools."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from pushpolicy.audit.history import find_record, list_records
from pushpolicy.audit.shelf import Shelf
from pushpolicy.model.reference import Reference, Target
from pushpolicy.records.format import ARTIFACT_TYPE
from pushpolicy.registry import Access, RepositoryClient, open_repository
from tests.judged import current, judge, make_image, publish
from tests.programs import tool
from tests.registries import Registry

IMAGE = make_image()


@pytest.fixture
def target(any_registry: Registry) -> Target:
    """Where the image goes, under two tags."""
    return Target.parse(f"{any_registry.host}/team/app:1.0").with_tags(("stable",))


@pytest.fixture
def client(target: Target) -> RepositoryClient:
    """The repository."""
    return open_repository(target.repository, Access())


def _run(folder: Path, name: str, *arguments: str) -> bytes:
    """Run another tool, without anybody's configuration."""
    result = subprocess.run(
        [tool(name), *arguments],
        cwd=folder,
        env={"HOME": str(folder)},
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert result.returncode == 0, result.stderr.decode()
    return result.stdout


def test_crane_reads_back_what_was_judged(client: RepositoryClient, target: Target, tmp_path: Path) -> None:
    publish(IMAGE, client, target)
    name = target.repository
    for tag in target.tags:
        assert _run(tmp_path, "crane", "manifest", f"{name}:{tag}") == IMAGE.top.content
    for manifest in IMAGE.manifests:
        assert _run(tmp_path, "crane", "manifest", f"{name}@{manifest.digest}") == manifest.content
    for blob in IMAGE.blobs:
        with IMAGE.content.open_blob(blob)() as stream:
            assert _run(tmp_path, "crane", "blob", f"{name}@{blob.digest}") == stream.read()


def test_oras_reads_back_what_was_judged(client: RepositoryClient, target: Target, tmp_path: Path) -> None:
    publish(IMAGE, client, target)
    name = target.repository
    assert _run(tmp_path, "oras", "manifest", "fetch", "--plain-http", str(target)) == IMAGE.top.content
    for blob in IMAGE.blobs:
        arguments = ("blob", "fetch", "--plain-http", "--output", "-", f"{name}@{blob.digest}")
        with IMAGE.content.open_blob(blob)() as stream:
            assert _run(tmp_path, "oras", *arguments) == stream.read()


def test_oras_discovers_and_pulls_the_record(
    client: RepositoryClient, target: Target, tmp_path: Path
) -> None:
    published = publish(IMAGE, client, target)
    found = json.loads(_run(tmp_path, "oras", "discover", "--plain-http", "--format", "json", str(target)))
    (referrer,) = found["referrers"]
    assert referrer["artifactType"] == ARTIFACT_TYPE
    assert referrer["digest"] == str(published.record.digest)
    assert referrer["annotations"]["dev.pushpolicy.verdict"] == "ALLOW"
    record = f"{target.repository}@{published.record.digest}"
    _run(tmp_path, "oras", "pull", "--plain-http", "--output", "record", record)
    judged = judge(IMAGE, target)
    pulled = {path.name: path.read_bytes() for path in (tmp_path / "record").iterdir()}
    assert pulled == {
        "evidence.json": judged.evidence.content,
        "decision.json": judged.decision.document().content,
        "policy.tar.gz": judged.contents().policy,
    }


def test_the_record_is_attached_before_a_tag_is_set(
    client: RepositoryClient, target: Target, any_registry: Registry
) -> None:
    published = publish(IMAGE, client, target)
    puts = [request.path for request in any_registry.writes() if request.method == "PUT"]
    manifests = [path.rpartition("/")[2] for path in puts if "/manifests/" in path]
    record = manifests.index(str(published.record.digest))
    # The children in any order, then the index that names them, then the record.
    assert set(manifests[: record - 1]) == {str(manifest.digest) for manifest in IMAGE.manifests[:-1]}
    assert manifests[record - 1] == str(IMAGE.top.digest)
    assert len(IMAGE.manifests) == record
    # One request for both tags, and where the registry does not take it one for each.
    moved = [f"{IMAGE.top.digest}?tag=1.0&tag=stable"]
    moved += target.tags if any_registry.kind == "distribution" else ()
    assert manifests[-len(moved) :] == moved
    assert not {*moved, *target.tags} & set(manifests[: -len(moved)])


def test_records_are_found_again(client: RepositoryClient, target: Target) -> None:
    first = publish(IMAGE, client, target)
    second = publish(make_image("new"), client, target, at="2026-11-02T11:00:00Z")
    listing = list_records(Shelf.of(client), Reference(repository=target.repository))
    assert [record.digest for record in listing.records] == [second.record.digest, first.record.digest]
    assert listing.problems == ()
    shown = find_record(Shelf.of(client), Reference(repository=target.repository, tag="stable"))
    assert shown.summary.previous == dict.fromkeys(target.tags, first.record.digest)
    assert current(client, target) == dict.fromkeys(target.tags, second.digest)


def test_a_second_push_of_the_same_sends_only_its_record(
    client: RepositoryClient, target: Target, any_registry: Registry
) -> None:
    publish(IMAGE, client, target)
    before = len(any_registry.writes())
    publish(IMAGE, client, target, at="2026-11-02T11:00:00Z")
    started = [r for r in any_registry.writes()[before:] if r.method == "POST"]
    assert len(started) == 2, "evidence and decision are new; every other blob is there"
