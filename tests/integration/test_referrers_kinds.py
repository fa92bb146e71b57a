"""Records on every kind of registry: beside the image where it keeps them, else where the hint says."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path

import pytest

from pushpolicy.audit.history import find_record, list_records
from pushpolicy.audit.shelf import Shelf
from pushpolicy.errors import PushPolicyError
from pushpolicy.model.reference import Reference, Repository, Target
from pushpolicy.push import Published
from pushpolicy.records.format import ARTIFACT_TYPE
from pushpolicy.registry import Access, RepositoryClient, open_repository
from pushpolicy.registry.fallback import fallback_tag
from tests.clients import login
from tests.fake_registry import fake_registry
from tests.judged import make_image, publish
from tests.programs import tool
from tests.registries import (
    PASSWORD,
    USERNAME,
    Registry,
    distribution_2_registry,
    distribution_registry,
    gocontainerregistry,
    olareg_registry,
)
from tests.registry_kinds import KINDS, KindRegistry

IMAGE = make_image()
TOP = IMAGE.top.digest
ACCESS = Access(first_pause=0.01, attempts=2, credential=login(USERNAME, PASSWORD))


# Nothing of theirs is about records.
_NO_UPLOADS = {"no-head", "no-location"}


def _keeps_a_second_record(kind: str) -> bool:
    """Whether the list of a second record can be written: by the registry, or under a tag that may move."""
    traits = KINDS[kind]
    lists_itself = traits.oci_subject and traits.referrers == "listed"
    return traits.types is None and (lists_itself or traits.moves == "any")


def _publish(client: RepositoryClient, tag: str, hour: int) -> Published:
    target = Target.parse(f"{client.repository}:{tag}")
    return publish(IMAGE, client, target, at=f"2026-11-02T{hour:02}:00:00Z")


@pytest.mark.parametrize("kind", sorted(KINDS.keys() - _NO_UPLOADS))
def test_two_records_beside_the_image_or_the_way_out(kind: str) -> None:
    registry = KindRegistry(KINDS[kind])
    registry.create("team/app")
    with fake_registry(registry) as served:

        def client() -> RepositoryClient:
            return open_repository(Repository.parse(f"{served.host}/team/app"), ACCESS)

        started = time.monotonic()
        if not _keeps_a_second_record(kind):
            if KINDS[kind].types is None:
                _publish(client(), "1.0", 1)
            with pytest.raises(PushPolicyError) as refused:
                _publish(client(), "2.0", 2)
            assert refused.value.exit_code == 41
            assert "--records REPOSITORY" in (refused.value.hint or "")
            assert "2.0" not in client().tags()
            return
        records = [_publish(client(), f"{number}.0", number).record for number in (1, 2)]
        assert time.monotonic() - started < 5
        shelf = Shelf.of(client())
        found = list_records(shelf, Reference(repository=client().repository))
        assert (found.problems, found.unread) == ((), 0)
        assert [each.digest for each in found.records] == [each.digest for each in reversed(records)]
        shown = find_record(shelf, Reference(repository=client().repository, tag="1.0"))
        assert shown.summary.digest == records[0].digest


REAL: Mapping[str, Callable[[Path], AbstractContextManager[Registry]]] = {
    "distribution": distribution_registry,
    "distribution-2.8": distribution_2_registry,
    "go-containerregistry": gocontainerregistry,
    "go-containerregistry-referrers": partial(gocontainerregistry, referrers=True),
    "olareg": olareg_registry,
    "olareg without API": partial(olareg_registry, options=["--api-referrer=false"]),
}


@pytest.mark.parametrize("kind", REAL)
def test_other_programs_find_the_record(kind: str, tmp_path: Path) -> None:
    """What is listed has the type and the annotations of the manifest, which others filter by.

    cosign and Kyverno look with go-containerregistry, which takes olareg's 405 for an error.
    """
    with REAL[kind](tmp_path / "registry") as registry:
        client = open_repository(Repository.parse(f"{registry.host}/team/app"), Access())
        record = _publish(client, "1.0", 1).record
        _publish(client, "2.0", 2)
        listed = client.referrers(TOP, ARTIFACT_TYPE)
        assert len(listed) == 2
        index = client.resolve(fallback_tag(TOP))
        entries = {entry.digest: entry for entry in index.manifests} if index else {}
        for entry in entries.values():
            assert entry.artifact_type == ARTIFACT_TYPE
            assert entry.annotations["dev.pushpolicy.verdict"] == "ALLOW"
        image = f"{registry.host}/team/app@{TOP}"
        if kind == "go-containerregistry-referrers":
            return  # it lists the type of the config, by which both leave the record out
        if kind != "olareg without API":
            found_by = _ran(tmp_path, "gocontainerregistry", "find", image, ARTIFACT_TYPE)
            assert str(record.digest) in found_by.split()
        # oras looks under the tag by itself where the API answers 404, and not where it answers 405.
        by_tag = ["--distribution-spec", "v1.1-referrers-tag"] if index else []
        found = json.loads(
            _ran(tmp_path, "oras", "discover", "--plain-http", *by_tag, *_OF_TYPE, "--format", "json", image)
        )
        assert str(record.digest) in [entry["digest"] for entry in found["referrers"]]
        host = f"reg={registry.host},tls=disabled"
        listed_by = _ran(tmp_path, "regctl", "--host", host, "artifact", "list", *_FILTER, image)
        assert str(record.digest) in listed_by


_OF_TYPE = ("--artifact-type", ARTIFACT_TYPE)
_FILTER = ("--filter-artifact-type", ARTIFACT_TYPE, "--format", "{{json .}}")


def _ran(home: Path, program: str, *arguments: str) -> str:
    argv = [str(tool(program)), *arguments]
    return subprocess.run(argv, capture_output=True, text=True, check=True, env={"HOME": str(home)}).stdout
