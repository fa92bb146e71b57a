"""Where a push stands when it ends: 40 before the image is there, 41 after it; and tags that others move."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from pushpolicy.errors import EXIT_INCOMPLETE, EXIT_PUSH, IncompleteError
from tests.faults.course import REGISTRIES, TAGS, Course, course, wrong
from tests.faults.images import IMAGES
from tests.judged import current, publish
from tests.proxy import Fault

OTHER = IMAGES["index"]


@pytest.fixture(params=REGISTRIES)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Course]:
    with course(request.param, IMAGES["3-layer"], tmp_path) as running:
        yield running


def test_an_error_before_the_image_is_there_is_40_and_after_it_41(place: Course) -> None:
    codes = set[int]()
    for number in range(1, place.requests() + 1):
        name = f"forbidden-{number}"
        result = place.push(name, {number: Fault.FORBIDDEN}.get)
        landed = place.client(name, direct=True).manifest(place.image.top.digest) is not None
        assert result.wrong is None
        assert result.survived or result.exit_code == (EXIT_INCOMPLETE if landed else EXIT_PUSH)
        codes.add(result.exit_code)
    assert codes >= {EXIT_PUSH, EXIT_INCOMPLETE}


def test_a_tag_that_moves_during_the_push_is_left_alone(place: Course) -> None:
    through, direct = place.target("raced"), place.target("raced", direct=True)
    traffic, client = place.traffic("raced"), place.client("raced", direct=True)

    def other_push(number: int) -> None:
        if traffic.seen[number - 1].endswith(f"PUT /v2/team/raced/manifests/{place.image.top.digest}"):
            publish(OTHER, client, direct)

    traffic.done = other_push
    with pytest.raises(IncompleteError, match="was moved meanwhile") as error:
        publish(place.image, place.client("raced"), through)
    assert error.value.exit_code == EXIT_INCOMPLETE
    assert current(client, direct) == dict.fromkeys(TAGS, OTHER.top.digest)
    assert wrong(client) is None
