"""The record becomes a referrer, or the push stops before the tag."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from pushpolicy.attach import attach_artifacts
from pushpolicy.errors import IncompleteError
from pushpolicy.model.reference import Repository, Target
from pushpolicy.records.format import ARTIFACT_TYPE
from pushpolicy.registry.layout.repository import LayoutRepository
from tests.judged import judge, make_image, pushed

IMAGE = make_image()


@pytest.fixture
def client(tmp_path: Path) -> LayoutRepository:
    """An empty repository."""
    return LayoutRepository(Repository.parse(f"oci:{tmp_path / 'layout'}"))


def test_the_record_is_listed_as_what_it_is(client: LayoutRepository) -> None:
    judged = judge(IMAGE, Target.parse(f"{client.repository}:1.0"))
    with pushed(judged, client) as landed:
        (attached,) = attach_artifacts(landed)
        (again,) = attach_artifacts(landed)
        assert again.artifact == attached.artifact
    (listed,) = client.referrers(IMAGE.top.digest, ARTIFACT_TYPE)
    assert listed == attached.artifact.manifest.descriptor
    assert listed.artifact_type == ARTIFACT_TYPE
    assert listed.annotations["dev.pushpolicy.verdict"] == "ALLOW"


def test_a_failure_leaves_no_tag_and_says_what_to_do(client: LayoutRepository) -> None:
    judged = judge(IMAGE, Target.parse(f"{client.repository}:1.0"))
    with pushed(judged, client) as landed:
        shutil.rmtree(Path(client.repository.path, "blobs"))
        Path(client.repository.path, "blobs").write_text("no folder any more")
        with pytest.raises(IncompleteError, match="attaching the record failed") as error:
            attach_artifacts(landed)
    assert error.value.exit_code == 41
    assert error.value.hint
    assert client.tags() == ()
