"""What refers to an image of a layout, and what of it goes along."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest

from pushpolicy.errors import InputError
from pushpolicy.images import Image, Limits, Selection, open_image
from tests.layouts import LayoutMaker, child, referrer

BUNDLE, DSSE, IN_TOTO = (
    f"application/vnd.{name}"
    for name in ("dev.sigstore.bundle.v0.3+json", "dsse.envelope.v1+json", "in-toto+json")
)


def stated(predicate_type: bytes) -> dict[str, tuple[str, bytes]]:
    """A statement in each form that a layer may have."""
    statement = b'{"predicateType": "%s", "predicate": {}}' % predicate_type
    envelope = b'{"payload": "%s", "signatures": []}' % base64.b64encode(statement)
    return {
        "plain": (IN_TOTO, statement),
        "in an envelope": (DSSE, envelope),
        "in a bundle": (BUNDLE, b'{"dsseEnvelope": %s}' % envelope),
        "in a bundle, named as in the .proto": (BUNDLE, b'{"dsse_envelope": %s}' % envelope),
    }


VSA = {
    **stated(b"https://slsa.dev/verification_summary/v1"),
    "twice": (
        IN_TOTO,
        b'{"PredicateType": "https://slsa.dev/verification_summary/v1", "predicateType": "x"}',
    ),
}


@pytest.fixture
def maker(tmp_path: Path) -> LayoutMaker:
    return LayoutMaker(tmp_path / "layout")


def opened(maker: LayoutMaker, **limits: int) -> Image:
    """The image named `v1`, with its referrers."""
    with open_image(f"oci:{maker.root}:v1", Limits(**limits), selection=Selection(referrers=True)) as image:
        return image


def test_they_come_only_when_they_are_asked_for(maker: LayoutMaker) -> None:
    image = maker.add(maker.image(), name="v1")
    note = maker.add(referrer(maker, image, b"note"))
    with open_image(f"oci:{maker.root}:v1") as plain:
        assert plain.referrers.manifests == ()
    found = opened(maker).referrers
    assert found.manifests == (note,)
    assert {blob.digest for blob in found.blobs} == {
        blob.digest for blob in (note.config, *note.layers) if blob
    }


def test_each_comes_after_its_subject(maker: LayoutMaker) -> None:
    amd, arm = maker.image(), maker.image(architecture="arm64")
    top = maker.add(maker.nest(child(amd, "linux/amd64"), child(arm, "linux/arm64")), name="v1")
    sbom = referrer(maker, arm, b"SBOM")
    signature = referrer(maker, sbom, b"signature")
    of_the_index = referrer(maker, top, b"of the index")
    for manifest in (signature, of_the_index, sbom):
        maker.add(manifest)
    order = opened(maker).referrers.manifests
    assert {manifest.digest for manifest in order} == {sbom.digest, signature.digest, of_the_index.digest}
    assert order.index(sbom) < order.index(signature)


def test_an_index_that_refers_brings_its_children(maker: LayoutMaker) -> None:
    image = maker.add(maker.image(), name="v1")
    inner = maker.manifest(config=maker.json({}, "application/vnd.oci.empty.v1+json"), layers=[])
    value = json.loads(maker.nest(child(inner)).content) | {"subject": image.descriptor.to_json()}
    descriptor = maker.json(value, "application/vnd.oci.image.index.v1+json")
    maker.entries.append(descriptor.to_json())
    maker.index()
    assert [manifest.digest for manifest in opened(maker).referrers.manifests] == [
        inner.digest,
        descriptor.digest,
    ]


@pytest.mark.parametrize(
    "about_a_place",
    [
        {"artifactType": "application/vnd.pushpolicy.record.v1+json"},
        {"artifactType": "Application/Vnd.PushPolicy.record.v1+json"},
        {"annotations": {"dev.sigstore.bundle.predicateType": "https://slsa.dev/verification_summary/v1"}},
    ],
)
def test_what_is_about_the_source_stays_there_with_all_below(
    maker: LayoutMaker, about_a_place: dict[str, object]
) -> None:
    image = maker.add(maker.image(), name="v1")
    record = maker.add(referrer(maker, image, b"ALLOW", **about_a_place))
    maker.add(referrer(maker, record, b"a signature of that"))
    found = opened(maker)
    assert found.referrers.manifests == ()
    (note,) = found.notes
    assert str(record.digest) in note
    assert "not carried along" in note


@pytest.mark.parametrize("kind", VSA)
def test_a_summary_is_told_by_what_it_states(maker: LayoutMaker, kind: str) -> None:
    image = maker.add(maker.image(), name="v1")
    media_type, content = VSA[kind]
    config = maker.json({}, "application/vnd.oci.empty.v1+json")
    layers = [maker.blob(content, media_type)]
    subject = image.descriptor.to_json()
    summary = maker.add(
        maker.manifest(config=config, layers=layers, artifactType=media_type, subject=subject)
    )
    found = opened(maker)
    assert found.referrers.manifests == ()
    (note,) = found.notes
    assert str(summary.digest) in note
    assert ("verification summary" in note) == (kind != "twice")


def test_other_statements_go_along(maker: LayoutMaker) -> None:
    image = maker.add(maker.image(), name="v1")
    config = maker.json({}, "application/vnd.oci.empty.v1+json")
    forms = [*stated(b"https://spdx.dev/Document").values(), (BUNDLE, b'{"messageSignature": {}}')]
    layers = [maker.blob(content, media_type) for media_type, content in forms]
    sbom = maker.add(maker.manifest(config=config, layers=layers, subject=image.descriptor.to_json()))
    assert opened(maker).referrers.manifests == (sbom,)


def test_an_index_brings_nothing_that_is_about_the_source(maker: LayoutMaker) -> None:
    """A registry lists a child that has a subject as its referrer, whatever index it came with."""
    image = maker.add(maker.image(), name="v1")
    record = referrer(maker, image, b"ALLOW", artifactType="application/vnd.pushpolicy.record.v1+json")
    value = json.loads(maker.nest(child(record)).content) | {"subject": image.descriptor.to_json()}
    maker.entries.append(maker.json(value, "application/vnd.oci.image.index.v1+json").to_json())
    maker.index()
    with pytest.raises(InputError, match="brings along the record"):
        opened(maker)


def test_what_is_listed_many_times_is_read_once(maker: LayoutMaker) -> None:
    image = maker.add(maker.image(), name="v1")
    note = maker.add(referrer(maker, image, b"note"))
    maker.entries += [maker.entries[-1]] * 5000
    maker.index()
    assert opened(maker).referrers.manifests == (note,)


def test_what_is_damaged_is_refused(maker: LayoutMaker) -> None:
    image = maker.add(maker.image(), name="v1")
    note = maker.add(referrer(maker, image, b"note"))
    maker.path(note.layers[0].digest).unlink()
    with pytest.raises(InputError, match="blobs are not there"):
        opened(maker)


def test_too_many_are_refused(maker: LayoutMaker) -> None:
    image = maker.add(maker.image(), name="v1")
    for number in range(5):
        maker.add(referrer(maker, image, b"%d" % number))
    assert len(opened(maker).referrers.manifests) == 5
    with pytest.raises(InputError, match="more than 4 manifests"):
        opened(maker, manifests=4)
