"""The grammar of ``docker://``."""

from __future__ import annotations

from pathlib import Path

import pytest

from pushpolicy.images import Limits, Selection, parse_remote
from pushpolicy.images.remote import image_of_repository
from pushpolicy.model.reference import Repository
from pushpolicy.registry.layout.repository import LayoutRepository

HEX = "0" * 64


@pytest.mark.parametrize(
    ("text", "repository", "tag", "digest"),
    [
        ("docker://r.example/team/app:1.0", "r.example/team/app", "1.0", None),
        ("docker://r.example:5000/app", "r.example:5000/app", "latest", None),
        (f"docker://r.example/app@sha256:{HEX}", "r.example/app", None, f"sha256:{HEX}"),
        (f"docker://r.example/app:1.0@sha256:{HEX}", "r.example/app", "1.0", f"sha256:{HEX}"),
        ("docker://docker.io/alpine", "docker.io/library/alpine", "latest", None),
        ("docker://index.docker.io/alpine:3", "docker.io/library/alpine", "3", None),
        ("docker://registry-1.docker.io/library/alpine:3", "docker.io/library/alpine", "3", None),
    ],
)
def test_references(text: str, repository: str, tag: str | None, digest: str | None) -> None:
    found = parse_remote(text)
    assert found
    assert str(found.repository) == repository
    assert found.tag == tag
    assert (str(found.digest) if found.digest else None) == digest


@pytest.mark.parametrize("text", ["oci:folder", "docker-archive:x.tar", "folder", "docker:x"])
def test_other_sources(text: str) -> None:
    assert parse_remote(text) is None


@pytest.mark.parametrize(
    "text",
    ["docker://", "docker://app", "docker://oci:folder:1", "docker://r.example/App", "docker://a.b/c@x"],
)
def test_what_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"\S"):
        parse_remote(text)


@pytest.mark.parametrize("text", ["docker://r.example/team/app:1.0", "folder"])
def test_an_image_is_read_from_its_own_repository(tmp_path: Path, text: str) -> None:
    client = LayoutRepository(Repository.parse(f"oci:{tmp_path / 'layout'}"))
    with pytest.raises(ValueError, match="is not an image of oci:"):
        image_of_repository(text, client, Limits(), Selection())
