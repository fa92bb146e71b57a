"""Where blobs may be mounted from: where this run reads, and what the command line allows."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from pushpolicy.model.reference import Repository
from pushpolicy.push.send import sibling_of
from tests.judged import make_image

TARGET = Repository.parse("registry.example.com/team/app")
IMAGE = make_image(architectures=("amd64",))
BASE = "registry.example.com/team/base:1"


def sibling(source: str | None, base: str | None, *mount_from: str) -> str | None:
    annotations = {"org.opencontainers.image.base.name": base} if base else {}
    image = replace(
        IMAGE,
        repository=Repository.parse(source) if source else None,
        manifests=(*IMAGE.manifests[:-1], replace(IMAGE.top, annotations=annotations)),
    )
    found = sibling_of(image, TARGET, mount_from)
    return str(found) if found else None


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (None, None),
        ("registry.example.com/team/build", "registry.example.com/team/build"),
        ("registry.example.com/team/app", None),
        ("other.example.com/team/build", None),
    ],
)
def test_the_repository_that_is_read_may_be_mounted_from(source: str | None, expected: str | None) -> None:
    assert sibling(source, None) == expected


@pytest.mark.parametrize("base", [BASE, "registry.example.com/other-team/private", "oci:folder:1", "bad ref"])
def test_the_image_does_not_choose_what_is_mounted(base: str) -> None:
    """Another team's private layer would be copied with the credential of the push."""
    assert sibling(None, base) is None
    assert sibling(None, base, "registry.example.com/*/none") is None


@pytest.mark.parametrize(
    ("base", "globs", "expected"),
    [
        (BASE, ("registry.example.com/team/*",), "registry.example.com/team/base"),
        (BASE, ("other.example.com/*", "registry.example.com/*/base"), "registry.example.com/team/base"),
        (BASE, ("registry.example.com/*",), None),
        ("other.example.com/team/base:1", ("*/team/base",), None),
        (None, ("registry.example.com/team/base",), "registry.example.com/team/base"),
        (None, ("registry.example.com/[a]", "registry.example.com/b"), "registry.example.com/b"),
        (None, ("registry.example.com/team/*",), None),
    ],
)
def test_the_command_line_allows_what_is_mounted(
    base: str | None, globs: tuple[str, ...], expected: str | None
) -> None:
    assert sibling(None, base, *globs) == expected
