"""A scan is bound by what cannot be two images, and by nothing else."""

from __future__ import annotations

import pytest
from msgspec import structs

from pushpolicy.gather.binding import Binding, bind, not_covered
from pushpolicy.model.digest import Digest
from pushpolicy.model.evidence import Counts, ImageEvidence, Scan, Scanner
from pushpolicy.reports.format import Identity
from tests.unit.gather.samples import make_image_evidence, make_platform

AMD = make_platform("linux/amd64", "amd")
ARM = make_platform("linux/arm64", "arm")
SINGLE = make_image_evidence(AMD)
INDEX = make_image_evidence(AMD, ARM)
INDEX_OF_ONE = make_image_evidence(AMD, digest=Digest.of(b"index"))


def layers(*digests: Digest) -> tuple[str, ...]:
    return tuple(str(digest) for digest in digests)


@pytest.mark.parametrize(
    ("image", "identity", "bound"),
    [
        (SINGLE, Identity(digests=(str(AMD.digest),)), ("linux/amd64", "manifest")),
        (SINGLE, Identity(image_id=str(AMD.config_digest)), ("linux/amd64", "config")),
        (SINGLE, Identity(image_id=str(AMD.digest)), ("linux/amd64", "manifest")),
        (SINGLE, Identity(diff_ids=layers(*AMD.diff_ids)), ("linux/amd64", "diff_ids")),
        (SINGLE, Identity(diff_ids=layers(AMD.diff_ids[0])), None),
        (SINGLE, Identity(diff_ids=layers(*reversed(AMD.diff_ids))), None),
        (SINGLE, Identity(diff_ids=(*layers(*AMD.diff_ids), "sha256:more")), None),
        (SINGLE, Identity(name="app@" + str(AMD.digest)), None),
        (SINGLE, Identity(), None),
        (SINGLE, Identity(image_id="sha256:other", digests=("sha256:other",)), None),
        (INDEX, Identity(digests=(str(INDEX.digest),)), None),
        (
            INDEX,
            Identity(digests=(str(INDEX.digest),), image_id=str(ARM.config_digest)),
            ("linux/arm64", "config"),
        ),
        (INDEX, Identity(digests=(str(ARM.digest),)), ("linux/arm64", "manifest")),
        (INDEX, Identity(digests=(str(AMD.digest), str(ARM.digest))), None),
        (
            INDEX,
            Identity(digests=(str(AMD.digest), str(ARM.digest)), diff_ids=layers(*ARM.diff_ids)),
            ("linux/arm64", "diff_ids"),
        ),
        (INDEX_OF_ONE, Identity(digests=(str(INDEX_OF_ONE.digest),)), ("linux/amd64", "manifest")),
    ],
)
def test_binding(image: ImageEvidence, identity: Identity, bound: tuple[str, str] | None) -> None:
    assert bind(identity, image) == (Binding(platform=bound[0], by=bound[1]) if bound else None)


def test_an_image_without_layers_is_not_bound_by_none() -> None:
    assert bind(Identity(diff_ids=()), make_image_evidence(make_platform("linux/amd64", "x", ()))) is None


def scan(platform: str | None, kind: str = "image") -> Scan:
    return Scan(
        name="s",
        format="trivy",
        scanner=Scanner(name="trivy"),
        kind=kind,
        bound=platform is not None,
        platform=platform,
        counts=Counts(listed={}, by_severity={}),
        sha256="0" * 64,
    )


def test_what_no_bound_image_scan_is_about_is_not_covered() -> None:
    assert not_covered([], INDEX) == ("linux/amd64", "linux/arm64")
    assert not_covered([scan(None), scan("linux/amd64", "code")], INDEX) == ("linux/amd64", "linux/arm64")
    assert not_covered([scan("linux/arm64")], INDEX) == ("linux/amd64",)


def test_no_scan_is_bound_where_a_table_of_contents_may_be_read_instead_of_the_layers() -> None:
    lazy = structs.replace(make_platform("linux/amd64", "app"), lazy_toc="unverified")
    image = make_image_evidence(lazy)
    for identity in (
        Identity(digests=(str(lazy.digest),)),
        Identity(image_id=str(lazy.config_digest)),
        Identity(diff_ids=layers(*lazy.diff_ids)),
    ):
        assert bind(identity, image) is None


def test_layers_that_are_never_compared_are_bound_by_their_manifest_only() -> None:
    plain = make_platform("linux/amd64", "app")
    image = make_image_evidence(structs.replace(plain, not_comparable="application/x"))
    assert bind(Identity(image_id=str(plain.config_digest)), image) is None
    assert bind(Identity(diff_ids=layers(*plain.diff_ids)), image) is None
    assert bind(Identity(digests=(str(plain.digest),)), image) == Binding(
        platform="linux/amd64", by="manifest"
    )
