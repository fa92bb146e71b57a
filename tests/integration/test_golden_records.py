"""Records as each version wrote them are read, verified and decided again, and built again to the byte.

Where a format changed on purpose, before the version is released: `python -m tests.records`.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zlib
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pushpolicy import __version__
from pushpolicy.audit.allowance import Allowance
from pushpolicy.audit.replay import Reproduced, replay
from pushpolicy.audit.shelf import Shelf
from pushpolicy.audit.verified import Wanted
from pushpolicy.audit.verify import verify
from pushpolicy.engines import LocalOpa
from pushpolicy.evaluate.recorded import check_recorded
from pushpolicy.model.reference import Reference
from pushpolicy.records.read import Record
from pushpolicy.records.signed import Trusted
from pushpolicy.registry.layout.repository import LayoutRepository
from pushpolicy.signing.keys import read_public
from tests.records import DENIALS, FOLDER, LAYOUT, VERSIONS
from tests.records.rebuild import kept, kept_in, kept_keys, record_again, statements_again

AT = datetime(2026, 12, 1, tzinfo=UTC)
# Other implementations compress to other bytes: zlib-ng says so in its version.
IS_ZLIB = zlib.ZLIB_RUNTIME_VERSION.replace(".", "").isdecimal()


def _each(version: str) -> Iterator[tuple[LayoutRepository, Record]]:
    for layout in (LAYOUT, DENIALS):
        client = kept_in(version, layout)
        for record in kept(client):
            yield client, record


def test_this_version_has_some() -> None:
    """One of each form: an approval, a second of its tag, unsigned and not anchored, observed, a denial."""
    assert __version__ in VERSIONS
    said = {
        (tag, decision.verdict.value, decision.observed, decision.policy.anchored, len(decision.chain))
        for _, record in _each(__version__)
        for decision in (record.decision,)
        for tag in decision.image.tags
    }
    assert said == {
        ("signed", "ALLOW", False, True, 1),
        ("unsigned", "ALLOW", False, False, 1),
        ("observed", "ALLOW", True, False, 1),
        ("denied", "DENY", False, True, 0),
    }
    links = [link.sequence for _, record in _each(__version__) for link in record.decision.chain.values()]
    assert sorted(links) == [1, 1, 1, 2]


@pytest.mark.parametrize("version", VERSIONS)
def test_they_are_decided_again(version: str, opa: Path) -> None:
    for _, record in _each(version):
        again = replay(record, LocalOpa(opa))
        # Where this fails since the system policy changed: nobody has that version yet. Write them anew.
        assert isinstance(again, Reproduced), again


@pytest.mark.parametrize("version", VERSIONS)
def test_they_are_verified(version: str, opa: Path) -> None:
    client = kept_in(version)
    trusted = Trusted(keys=kept_keys(version), repository=client.repository, at=AT)
    wrong: dict[str, set[str]] = {
        "signed": set(),
        "observed": {"result", "anchored"},
        "unsigned": {"signature"},
    }
    for tag, failing in wrong.items():
        reference = Reference(repository=client.repository, tag=tag)
        shelf = Shelf.of(client, trusted=trusted)
        found = verify(shelf, reference, LocalOpa(opa), Wanted(at=AT), Allowance())
        unknown = found.record and check_recorded(shelf.read(found.record.digest)).unknown
        # Of a policy that was changed since, and never released, that is said.
        assert {each.name for each in found.failures} == failing | ({"anchored"} if unknown else set())


@pytest.mark.parametrize("version", VERSIONS)
def test_they_are_built_again_to_the_byte(version: str) -> None:
    """Where this fails, the format is another one, and records of before would not be read."""
    (key,) = kept_keys(version).values()
    signed = 0
    for client, record in _each(version):
        manifest, again = client.manifest(record.summary.digest), record_again(client, record)
        assert manifest
        assert again.annotations == manifest.annotations
        assert again.layers[:3] == manifest.layers[:3]
        assert not IS_ZLIB or again.content == manifest.content
        for statement in statements_again(client, record, read_public(key.key)):
            assert client.manifest(statement.digest) == statement
            signed += 1
    assert signed == 4


@pytest.mark.skipif(not IS_ZLIB, reason="another implementation of zlib compresses to other bytes")
def test_every_process_gives_the_same_bytes() -> None:
    for seed in ("0", "1", "random"):
        ran = subprocess.run(
            [sys.executable, "-m", "tests.records.rebuild"],
            cwd=FOLDER.parent.parent,
            env={**os.environ, "PYTHONHASHSEED": seed, "TZ": "Asia/Kathmandu", "LC_ALL": "C"},
            stdout=subprocess.PIPE,
            check=True,
        )
        found = json.loads(ran.stdout)
        assert found
        assert all(kept == built for kept, built in found.items())
