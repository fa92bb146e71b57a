"""Where blobs may be mounted from."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from pushpolicy.model.reference import Repository
from pushpolicy.push.transfer import sibling_of
from tests.judged import make_image

TARGET = Repository.parse("registry.example.com/team/app")
IMAGE = make_image(architectures=("amd64",))


@pytest.mark.parametrize(
    ("source", "base", "sibling"),
    [
        (None, None, None),
        ("registry.example.com/team/build", None, "registry.example.com/team/build"),
        ("registry.example.com/team/app", None, None),
        ("other.example.com/team/build", None, None),
        (None, "registry.example.com/team/base:1", "registry.example.com/team/base"),
        (None, "docker.io/library/debian:12", None),
        (None, "oci:folder:1", None),
        (None, "not a reference", None),
        ("other.example.com/a", "registry.example.com/team/base@bad", None),
        ("other.example.com/a", "registry.example.com/team/base", "registry.example.com/team/base"),
    ],
)
def test_another_repository_of_the_same_registry(
    source: str | None, base: str | None, sibling: str | None
) -> None:
    annotations = {"org.opencontainers.image.base.name": base} if base else {}
    image = replace(
        IMAGE,
        repository=Repository.parse(source) if source else None,
        manifests=(*IMAGE.manifests[:-1], replace(IMAGE.top, annotations=annotations)),
    )
    found = sibling_of(image, TARGET)
    assert (str(found) if found else None) == sibling
