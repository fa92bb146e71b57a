"""Two pushes of one tag at once: each ends with 0 or 41, and the tag names one of them, with its record."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pushpolicy.errors import EXIT_INCOMPLETE, EXIT_OK
from pushpolicy.model.manifest import OCI_INDEX, Manifest
from pushpolicy.model.reference import Target
from pushpolicy.records.format import ARTIFACT_TYPE
from pushpolicy.registry import open_repository
from pushpolicy.registry.fallback import fallback_tag
from tests.faults.children import context, racing_process
from tests.faults.course import QUICK, REGISTRIES, TAGS, course, wrong
from tests.faults.images import IMAGES, layered
from tests.judged import current, publish

ROUNDS = 12


def _race(target: Target, contents: tuple[str, str]) -> list[int | None]:
    """Push both at once; their exit codes."""
    start = context().Barrier(2)
    moments = ("2026-11-02T10:00:00Z", "2026-11-02T10:00:01Z")
    pairs = zip(contents, moments, strict=True)
    processes = [racing_process(content, at, target, start) for content, at in pairs]
    for process in processes:
        process.start()
    for process in processes:
        process.join(120)
    return [process.exitcode for process in processes]


@pytest.mark.parametrize("kind", [*REGISTRIES, "layout"])
def test_two_images_for_one_tag(kind: str, tmp_path: Path) -> None:
    codes = set[int | None]()
    images = [layered(content, 300) for content in ("a", "b")]
    with course("olareg" if kind == "layout" else kind, IMAGES["3-layer"], tmp_path / "registry") as place:
        for number in range(ROUNDS):
            target = place.target(f"race-{number}", direct=True)
            if kind == "layout":
                target = Target.parse(f"oci:{tmp_path / str(number)}:{TAGS[0]}").with_tags(TAGS[1:])
            ended = _race(target, ("a", "b"))
            codes.update(ended)
            client = open_repository(target.repository, QUICK)
            named = current(client, target)
            assert wrong(client) is None
            assert set(named.values()) <= {image.top.digest for image in images}
            assert set(ended) <= {EXIT_OK, EXIT_INCOMPLETE}
            assert set(named) == set(TAGS) or EXIT_OK not in ended
    assert EXIT_OK in codes


@pytest.mark.parametrize("kind", REGISTRIES)
def test_one_image_twice_keeps_both_records(kind: str, tmp_path: Path) -> None:
    with course(kind, IMAGES["3-layer"], tmp_path) as place:
        for number in range(ROUNDS):
            name = f"twice-{number}"
            ended = _race(place.target(name, direct=True), ("a", "a"))
            client = place.client(name, direct=True)
            assert wrong(client) is None
            assert EXIT_OK in ended
            assert set(ended) <= {EXIT_OK, EXIT_INCOMPLETE}
            assert len(client.referrers(layered("a", 300).top.digest, ARTIFACT_TYPE)) == 2


def test_a_record_that_another_writer_drops_from_the_list_comes_back(tmp_path: Path) -> None:
    with course("distribution", IMAGES["3-layer"], tmp_path) as place:
        traffic, client = place.traffic("dropped"), place.client("dropped", direct=True)
        top = place.image.top.digest
        others = Manifest.parse(
            json.dumps({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": []}).encode()
        )

        def overwrite(number: int) -> None:
            # The image is read back, so the record is attached: a slow writer, who read the list before.
            if traffic.seen[number - 1].endswith(f"GET /v2/team/dropped/manifests/{top}"):
                client.put_manifest(others, fallback_tag(top))

        traffic.done = overwrite
        published = publish(place.image, place.client("dropped"), place.target("dropped"))
        assert wrong(client) is None
        assert [entry.digest for entry in client.referrers(top, ARTIFACT_TYPE)] == [published.record.digest]
