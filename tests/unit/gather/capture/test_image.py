"""A scanner is told of one image, in words that mean no other."""

from __future__ import annotations

from pathlib import Path

import pytest

from pushpolicy.errors import UsageError
from pushpolicy.gather.capture.image import resolve
from pushpolicy.images import find, open_image
from tests.layouts import LayoutMaker, child


@pytest.fixture
def maker(tmp_path: Path) -> LayoutMaker:
    return LayoutMaker(tmp_path / "layout")


def test_the_one_image_of_a_file(maker: LayoutMaker) -> None:
    manifest = maker.add(maker.image())
    with open_image(f"oci:{maker.root}") as image:
        (platform,) = find(image).platforms
    resolved = resolve(f"oci:{maker.root}", {}, None)
    assert (resolved.reference, resolved.argument) == (f"oci:{maker.root}", str(maker.root))
    assert (resolved.digest, resolved.image_id) == (str(manifest.digest), str(platform.config_digest))
    assert resolved.diff_ids == tuple(map(str, platform.diff_ids))


def test_of_several_platforms_a_scanner_would_take_one(maker: LayoutMaker) -> None:
    amd, arm = maker.image(), maker.image(architecture="arm64")
    maker.add(maker.nest(child(amd, "linux/amd64"), child(arm, "linux/arm64")))
    with pytest.raises(UsageError, match="has 2 platforms, of which a scanner takes one") as caught:
        resolve(f"oci:{maker.root}", {}, None)
    assert "by its digest" in str(caught.value.hint)


def test_of_a_file_a_scanner_would_take_all(maker: LayoutMaker) -> None:
    maker.add(maker.image(), name="v1")
    with pytest.raises(UsageError, match="a scanner would take the whole file"):
        resolve(f"oci:{maker.root}:v1", {}, None)
