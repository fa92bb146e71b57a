"""A revision label binds the image to whatever it says; the rule judges what it says."""

from __future__ import annotations

from pathlib import Path

import pytest

from pushpolicy.gather import gather
from tests.unit.gather.samples import COMMIT, make_image, make_request

LABEL = "org.opencontainers.image.revision"


@pytest.mark.parametrize(
    ("labels", "bound"),
    [({LABEL: COMMIT}, "label"), ({LABEL: "main"}, "label"), ({LABEL: COMMIT[:12]}, "label"), ({}, "none")],
)
def test_the_label_binds_to_a_commit(tmp_path: Path, labels: dict[str, str], bound: str) -> None:
    image = gather(make_request(tmp_path, image=make_image(labels))).evidence.image
    assert image.bound_to_commit == bound
    assert [platform.platform for platform in image.platforms] == ["linux/amd64"]
