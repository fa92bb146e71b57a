"""docs/keys.md, "Another key": what counts of a key that came to its end, once another one signs."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from pushpolicy.audit.allowance import LIMITS, Allowance
from pushpolicy.audit.history import list_records
from pushpolicy.audit.shelf import Shelf
from pushpolicy.engines import LocalOpa
from pushpolicy.model.reference import Reference, Target
from pushpolicy.pipeline import admit
from pushpolicy.records.signed import Trusted
from pushpolicy.registry import Access, open_repository
from pushpolicy.signing.trust import Key
from tests.jobs import GOOD, Job
from tests.keys import entry, key

OLD = msgspec.convert(entry("old", not_after="2025-02-01T00:00:00Z"), Key)
NEW = msgspec.convert(entry("new", not_before="2025-01-01T00:00:00Z"), Key)
BOTH = {"old": OLD, "new": NEW}
IN_TIME, TOO_LATE = datetime(2025, 1, 20, tzinfo=UTC), datetime(2025, 2, 10, tzinfo=UTC)


@pytest.mark.parametrize(
    ("second", "keys", "at", "counting", "why"),
    [
        pytest.param(IN_TIME, BOTH, (2025, 1, 25), ["new", "old"], "", id="both count"),
        pytest.param(IN_TIME, BOTH, (2025, 3, 1), ["new", "old"], "", id="shown to be older"),
        pytest.param(TOO_LATE, BOTH, (2025, 3, 1), ["new"], "nothing that was found shows", id="too late"),
        pytest.param(IN_TIME, {"new": NEW}, (2025, 3, 1), ["new"], "signed by no listed key", id="taken out"),
        pytest.param(
            IN_TIME, {"old": OLD}, (2025, 1, 25), ["old"], "signed by no listed key", id="not yet in"
        ),
    ],
)
def test_what_a_key_signed_before_its_end(
    tmp_path: Path,
    opa: Path,
    second: datetime,
    keys: dict[str, Key],
    at: tuple[int, int, int],
    counting: list[str],
    why: str,
) -> None:
    job, target = Job(folder=tmp_path, engine=LocalOpa(opa)), Target.parse(f"oci:{tmp_path}/published:1.0")
    for name, moment in (("old", datetime(2025, 1, 10, tzinfo=UTC)), ("new", second)):
        outcome = admit(job.request(GOOD, target, signer=lambda name=name: key(name), evaluated_at=moment))
        assert outcome.published
    trusted = Trusted(keys=keys, repository=target.repository, at=datetime(*at, tzinfo=UTC))
    shelf = Shelf.of(open_repository(target.repository, Access()), trusted=trusted)
    place = Reference(repository=target.repository, tag="1.0")
    listing = list_records(shelf, place, Allowance(LIMITS))
    assert sorted(by for each in listing.standings.values() for by in each.signature.by) == counting
    assert len({each.digest for each in listing.problems}) == 2 - len(counting)
    assert all(why in each.reason for each in listing.problems)
