"""Years of decisions away from their registry: exported, and asked the same questions with no network."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from pushpolicy.audit.allowance import Allowance
from pushpolicy.audit.export.source import export_sources
from pushpolicy.audit.export.write import writing
from pushpolicy.audit.replay import Reproduced, replays
from pushpolicy.audit.shelf import Shelf
from pushpolicy.audit.sources import RepositorySource, Source
from pushpolicy.audit.walk import Opened, Problem
from pushpolicy.engines import LocalOpa
from pushpolicy.model.reference import Reference, Repository, Target
from pushpolicy.pipeline import admit
from pushpolicy.records.signed import Trusted
from pushpolicy.registry import Access, open_repository
from pushpolicy.signing.trust import Key
from tests.jobs import GOOD, Job
from tests.keys import entry, key

OLD = msgspec.convert(entry("old", not_after="2025-02-01T00:00:00Z"), Key)
NEW = msgspec.convert(entry("new", not_before="2025-01-01T00:00:00Z"), Key)
TRUSTED = {
    "both": {"old": OLD, "new": NEW},
    "new": {"new": NEW},
    "another": {"another": msgspec.convert(entry("another"), Key)},
}


@pytest.fixture
def target(tmp_path: Path, opa: Path) -> Target:
    """A tag with a signed record, one by a key that is retired since, and an unsigned one."""
    job, target = Job(folder=tmp_path, engine=LocalOpa(opa)), Target.parse(f"oci:{tmp_path}/published:1.0")
    for name, day in (("old", 10), ("new", 20), (None, 25)):
        signer = (lambda name=name: key(name)) if name else None
        moment = datetime(2025, 1, day, tzinfo=UTC)
        assert admit(job.request(GOOD, target, signer=signer, evaluated_at=moment)).published
    return target


def _trusted(repository: Repository, name: str | None) -> Trusted | None:
    return (
        Trusted(keys=TRUSTED[name], repository=repository, at=datetime(2025, 3, 1, tzinfo=UTC))
        if name
        else None
    )


def _source(target: Target, name: str | None) -> Source:
    client = open_repository(target.repository, Access())
    shelf = Shelf.of(client, trusted=_trusted(target.repository, name))
    return RepositorySource(shelf, Reference(repository=target.repository))


def _told(source: Source) -> dict[str, object]:
    """What is told of each record: how it stands, or why it does not count."""
    told = dict[str, object]()
    for each in source.each(Allowance()):
        if isinstance(each, Opened):
            told[str(each.summary.digest)] = (each.standing, each.record)
        elif isinstance(each, Problem):
            told[str(each.digest)] = (each.reason, each.vouched)
    return told


def _exported(folder: Path, source: Source) -> None:
    with writing(folder) as writer:
        writer.add(source, Allowance())
        writer.end()


@pytest.mark.parametrize("name", [None, *TRUSTED])
def test_who_vouches_is_told_as_in_the_repository(tmp_path: Path, target: Target, name: str | None) -> None:
    """Whatever keys are listed when it is read: exported were all records, with what is signed about them."""
    _exported(tmp_path / "export", _source(target, None))
    (source,) = export_sources(tmp_path / "export", lambda repository: _trusted(repository, name))
    before, after = _told(_source(target, name)), _told(source)
    assert len(before) == 3
    assert after == before


def test_with_keys_only_vouched_records_are_exported(tmp_path: Path, target: Target) -> None:
    _exported(tmp_path / "export", _source(target, "both"))
    (source,) = export_sources(tmp_path / "export", lambda _: None)
    found = list(source.each(Allowance()))
    assert sum(isinstance(each, Opened) for each in found) == 2
    (problem,) = [each for each in found if isinstance(each, Problem)]
    assert "is unsigned" in problem.reason


def test_an_export_is_decided_again(tmp_path: Path, target: Target, opa: Path) -> None:
    _exported(tmp_path / "export", _source(target, None))
    (source,) = export_sources(tmp_path / "export", lambda _: None)
    found = [each for each in source.each(Allowance()) if isinstance(each, Opened)]
    results = [result for _, result in replays(found, LocalOpa(opa))]
    assert len(results) == 3
    assert all(isinstance(result, Reproduced) for result in results)
