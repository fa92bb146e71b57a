"""The real registries of the table, and some kinds; `make registries` has all."""

from __future__ import annotations

import multiprocessing
from concurrent.futures import ProcessPoolExecutor

import pytest

from pushpolicy.demo.shell import Shell
from tests.programs import missing
from tests.registry_kinds import KINDS
from tests.registry_table.scenarios import SCENARIOS
from tests.registry_table.subjects import NAMES, REAL
from tests.registry_table.table import expected, measure

# Kinds that differ most from the real ones.
SAMPLE = ("create-only", "ghcr", "header-without-api", "immutable-fallback", "known-types")


@pytest.mark.parametrize("name", [*(f"real {name}" for name in REAL), *SAMPLE])
def test_what_a_user_does(name: str, project: Shell) -> None:
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("forkserver")) as pool:
        row = pool.submit(measure, name, project).result()
    if isinstance(row, str):
        (pytest.skip if name == "real zot" else missing)(row)
    assert row.differences(expected()[name]) == []


def test_all_of_it_was_written_down() -> None:
    rows = expected()
    assert list(rows) == list(NAMES)
    assert {tuple(cells) for cells in rows.values()} == {tuple(SCENARIOS)}


def test_no_tag_is_expected_without_its_record_but_where_a_clean_up_took_it() -> None:
    for name, cells in expected().items():
        for scenario, cell in cells.items():
            is_lost = scenario == "cleaned" and cell == "51 tag"
            assert is_lost or "tag" not in cell or "record" in cell, (name, scenario)
            kind = KINDS[name.removeprefix("real ")]
            assert not is_lost or "untagged" in kind.retention
