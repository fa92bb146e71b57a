"""A replay of each kept record is reproduced; of one with a byte changed, never."""

from __future__ import annotations

from pathlib import Path

from pushpolicy.audit.replay import Reproduced, replays
from pushpolicy.engines import LocalOpa
from tests.flips import opened, outcomes, records


def test_all_kept_records_are_reproduced_together(opa: Path) -> None:
    found = [opened(client, record.summary.digest) for client, record in records()]
    results = list(replays(found, LocalOpa(opa)))
    assert len(results) == len(found) >= 5
    assert all(isinstance(result, Reproduced) for _, result in results)


def test_with_a_byte_changed_none_is_reproduced(opa: Path) -> None:
    """Some of them; all: `make flips`."""
    found = outcomes(LocalOpa(opa), number=40, seed=20)
    for part in ("evidence", "decision", "policy"):
        assert found[part, False, "not valid"] > 100
        assert found[part, True, "not valid"] > 50
