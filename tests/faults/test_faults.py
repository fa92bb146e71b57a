"""The push survives every single fault, nearly every two in a row, and ends in time when a fault lasts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.course import REGISTRIES, SAMPLED, Course, course
from tests.faults.images import IMAGES
from tests.faults.rounds import MISLEADING, TRANSIENT, double, ended_well, lasting, single
from tests.proxy import Fault

# Each request meets one kind of these in turn; `python -m tests.faults` has no such limit.
STRIDE = len(TRANSIENT)


@pytest.fixture(params=REGISTRIES)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Course]:
    """Where the 3-layer image is pushed."""
    with course(request.param, IMAGES["3-layer"], tmp_path) as running:
        yield running


# Three parts, for as many workers.
@pytest.mark.parametrize("faults", [TRANSIENT[:3], TRANSIENT[3:6], (*TRANSIENT[6:], Fault.SILENT)])
def test_every_single_fault_is_survived(place: Course, faults: tuple[Fault, ...]) -> None:
    cases = single(place, faults)
    assert {case.fault for case in cases} == set(faults)
    assert len(cases) > 30 * len(faults)
    assert [str(case) for case in cases if not case.result.survived or case.result.wrong] == []


def test_two_faults_in_a_row_are_nearly_always_survived(place: Course) -> None:
    cases = double(place, TRANSIENT, STRIDE)
    survived = [case for case in cases if case.result.survived]
    assert len(survived) >= 0.95 * len(cases) > 0
    assert [str(case) for case in cases if case.result.wrong] == []


def test_a_lasting_fault_ends_the_push_in_time(place: Course) -> None:
    cases = lasting(place, (*TRANSIENT, Fault.SILENT, *MISLEADING), STRIDE)
    assert len(cases) > 30
    assert [str(case) for case in cases if not ended_well(case) or case.result.wrong] == []


def test_a_misleading_answer_is_never_taken_for_success(place: Course) -> None:
    cases = single(place, MISLEADING, 2)
    assert [str(case) for case in cases if case.result.wrong] == []
    assert {case.result.exit_code for case in cases if not case.result.survived} == {40, 41}


@pytest.mark.parametrize("kind", SAMPLED)
def test_a_sample_of_single_faults_on_others(kind: str, tmp_path: Path) -> None:
    """`python -m tests.faults` has all of them."""
    with course(kind, IMAGES["3-layer"], tmp_path) as place:
        cases = single(place, (*TRANSIENT, Fault.SILENT, Fault.BROKEN_OFF), STRIDE)
    assert {case.fault for case in cases} == {*TRANSIENT, Fault.SILENT, Fault.BROKEN_OFF}
    assert [str(case) for case in cases if not case.result.survived or case.result.wrong] == []


def test_a_large_layer_goes_on_where_it_broke(tmp_path: Path) -> None:
    with course("distribution", IMAGES["large"], tmp_path) as place:
        cases = single(place, [Fault.BROKEN_OFF])
    assert len(cases) > 10  # every request that has a body
    assert [str(case) for case in cases if not case.result.survived or case.result.wrong] == []
