"""What was signed is true, and stands where it is not: at another image, tag or place in the chain."""

from __future__ import annotations

import io
import json
import shutil
from collections.abc import Iterable
from functools import partial
from typing import Any

from pushpolicy.model.manifest import Manifest
from pushpolicy.model.reference import Repository
from pushpolicy.registry.layout.repository import LayoutRepository
from tests.forgeries.scene import TAG, Attack, Row, Scene
from tests.forgery import Change, Parts


def chain(**link: Any) -> Change:
    """Another place among the records of the tag."""

    def change(parts: Parts) -> None:
        parts.decision["chain"][TAG] |= link
        for name in [name for name, value in link.items() if value is None]:
            del parts.decision["chain"][TAG][name]

    return change


def at(time: str) -> Change:
    """Decided at another time."""

    def change(parts: Parts) -> None:
        parts.decision["evaluated_at"] = parts.evidence["evaluated_at"] = time

    return change


def retagged(scene: Scene, tag: str = TAG) -> None:
    """As `crane tag` does it."""
    scene.client.put_manifest(scene.old[0], tag)


def statement_on(scene: Scene) -> None:
    """The statement about the new image, put beside the old one, which has lost its own record."""
    scene.remove(*scene.old[1:])
    _refer(scene, scene.new[2], scene.old[0])
    retagged(scene)


def _refer(scene: Scene, manifest: Manifest, image: Manifest) -> None:
    value = manifest.document()
    subject = {**value["subject"], "digest": str(image.digest), "size": len(image.content)}
    scene.client.put_referrer(Manifest.parse(json.dumps({**value, "subject": subject}).encode()))


def _transplanted(scene: Scene) -> None:
    """Record and statements of the new image, made to refer to the old one."""
    scene.remove(*scene.old[1:])
    for each in scene.new[1:]:
        _refer(scene, each, scene.old[0])
    retagged(scene)


def copied(scene: Scene, manifests: Iterable[Manifest], source: LayoutRepository) -> None:
    """Manifests that refer to an image, as `oras copy -r` brings them."""
    for manifest in manifests:
        for part in filter(None, (manifest.config, *manifest.layers)):
            content = b"".join(source.read_blob(part))
            scene.client.put_blob(part, partial(io.BytesIO, content))
        scene.client.put_referrer(manifest)


def denied(scene: Scene) -> None:
    """The denial of the image is copied beside it."""
    source = LayoutRepository(Repository.parse(f"oci:{scene.denials}"))
    listed = (source.manifest(each.digest) for each in source.referrers(scene.new[0].digest))
    copied(scene, filter(None, listed), source)


def _denial_alone(scene: Scene) -> None:
    denied(scene)
    scene.remove(*scene.new[1:])


def _elsewhere(scene: Scene) -> str:
    """Everything is copied to another repository, where nobody decided."""
    folder = scene.folder.parent / "prod"
    shutil.copytree(scene.folder, folder)
    return f"oci:{folder}:{TAG}"


def _untagged(scene: Scene) -> None:
    def without(index: dict[str, Any]) -> None:
        for each in index["manifests"]:
            if each.get("annotations", {}).get("org.opencontainers.image.ref.name") == TAG:
                del each["annotations"]

    scene.index(without)


def _gone(scene: Scene) -> None:
    scene.blob(scene.new[0].digest).unlink()


def _named(what: int) -> Attack:
    """The tag names the record, or the statement, itself."""
    return lambda scene: scene.client.put_manifest(scene.new[what], TAG)


def _kind(scene: Scene) -> None:
    """index.json says of the image that it is of another type."""

    def lie(index: dict[str, Any]) -> None:
        for each in index["manifests"]:
            if each["digest"] == str(scene.new[0].digest):
                each["mediaType"] = "application/vnd.oci.image.index.v1+json"

    scene.index(lie)


def _index_twice(scene: Scene) -> None:
    """Two entries of index.json have the tag."""

    def lie(index: dict[str, Any]) -> None:
        named = {"annotations": {"org.opencontainers.image.ref.name": TAG}}
        entry = scene.old[0].descriptor.to_json()
        index["manifests"].insert(0, {**entry, **named})

    scene.index(lie)


ROWS = {
    "the statement is gone": Row(attack=lambda s: s.remove(*s.new[2:]), says="is unsigned"),
    "the record is gone": Row(attack=lambda s: s.remove(s.new[1]), says="there is no record sha256:"),
    "record and statement are gone": Row(attack=lambda s: s.remove(*s.new[1:]), says="has no record"),
    "the record before is gone": Row(attack=lambda s: s.remove(s.old[1]), says=", is not there", shown=True),
    "the statements of the record before are gone": Row(
        attack=lambda s: s.remove(*s.old[2:]), says=", does not count: it is unsigned", shown=True
    ),
    "an older image under the tag": Row(attack=retagged, says="is newer, about sha256:", shown=True),
    "a tag that was not decided": Row(
        attack=partial(retagged, tag="v7"), tag="v7", says="the tag v7 is not among those decided"
    ),
    "a copy in another repository": Row(attack=_elsewhere, says="for another repository: oci:registry"),
    "a statement beside another image": Row(
        attack=statement_on, says="is of another image than it is listed with"
    ),
    "record and statements beside another image": Row(
        attack=_transplanted, says="is of another image than it is listed with"
    ),
    "a denial beside the image": Row(attack=denied, says="result: denied since, at "),
    "a denial instead of the record": Row(
        attack=_denial_alone, says="result: the verdict is DENY (tests_passed)"
    ),
    "the tag is gone": Row(attack=_untagged, says="list: there is no oci:"),
    "the image is gone": Row(attack=_gone, says="which index.json lists, is not there"),
    "the tag names the record": Row(attack=_named(1), says=" has no record"),
    "the tag names the statement": Row(attack=_named(2), says=" has no record"),
    "the list lies about the type of the image": Row(
        attack=_kind, says="is not the 'application/vnd.oci.image.index.v1+json' it is stored as"
    ),
    "the tag is listed twice": Row(
        attack=_index_twice, says="index.json gives the tag 'main' to 2 manifests"
    ),
    "two records after one": Row(
        attack=lambda s: s.forge(at("2026-11-30T00:00:00Z"), instead=False),
        says="the records of the tag main fork: record sha256:",
        shown=True,
    ),
    "a gap in the numbers": Row(
        attack=lambda s: s.forge(chain(sequence=7)),
        says="is number 7 of the tag main, and the one before it 1",
        shown=True,
    ),
    "the number of the record before": Row(
        attack=lambda s: s.forge(chain(sequence=1)),
        says="is number 1 of the tag main, and the one before it 1",
        shown=True,
    ),
    "the largest number that there is": Row(
        attack=lambda s: s.forge(chain(sequence=2**53 - 1)),
        says=f"is number {2**53 - 1} of the tag main, and the one before it 1",
        shown=True,
    ),
    "number zero": Row(
        attack=lambda s: s.forge(chain(sequence=0)), says="its chain has a number that no record has"
    ),
    "the second that follows nothing": Row(
        attack=lambda s: s.forge(chain(previous=None)), says="its chain has a number that no record has"
    ),
    "a first one beside the first": Row(
        attack=lambda s: s.forge(chain(sequence=1, previous=None)), says=" are the first", shown=True
    ),
    "a record that follows itself": Row(
        attack=lambda s: s.forge(chain(previous=str(s.new[1].digest))), says=", is not there", shown=True
    ),
}
