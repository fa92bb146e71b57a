"""Which repository a decision was about, and the place of its record."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import nullcontext
from pathlib import Path

import pytest
from msgspec.structs import replace

from pushpolicy.model.decision import MAX_SEQUENCE, Link
from pushpolicy.model.descriptor import Descriptor
from pushpolicy.model.digest import Digest
from pushpolicy.model.document import Document
from pushpolicy.model.reference import Repository, Target
from pushpolicy.records.build import build_record
from pushpolicy.records.checks import check_manifest, check_reports, is_for
from pushpolicy.records.format import PREFIX
from tests.judged import judge, make_image
from tests.policies import evidence

JUDGED = judge(make_image(), Target.parse("registry.example.com/team/app:1.0"))
DECISION = JUDGED.decision
BEFORE = Digest.of(b"before")


@pytest.mark.parametrize(
    ("repository", "same"),
    [
        ("registry.example.com/team/app", True),
        ("registry.example.com/team/app2", False),
        ("registry.example.com/app", False),
        ("registry.example.com:5000/team/app", False),
        ("oci:team/app", False),
    ],
)
def test_a_repository_of_a_registry(repository: str, same: bool) -> None:
    assert is_for(DECISION, Repository.parse(repository)) is same


@pytest.mark.parametrize(
    ("said", "same"),
    [("out", True), ("./out", True), ("../a/out", True), ("a/out", True), ("b/out", False), ("ut", False)],
)
def test_a_layout_by_the_end_of_its_folder(said: str, same: bool, tmp_path: Path) -> None:
    image = replace(DECISION.image, registry="oci", repository=said)
    here = Repository.parse(f"oci:{tmp_path / 'a' / 'out'}")
    assert is_for(replace(DECISION, image=image), here) is same


@pytest.mark.parametrize("said", [".", "..", "../..", "a/..", "./"])
def test_a_folder_that_is_named_by_dots_can_be_any(
    said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = replace(DECISION.image, registry="oci", repository=said)
    monkeypatch.chdir(tmp_path)
    for place in (".", "..", str(tmp_path), "/elsewhere"):
        assert is_for(replace(DECISION, image=image), Repository.parse(f"oci:{place}")) is None
    assert is_for(replace(DECISION, image=image), Repository.parse("localhost:5000/app")) is False


def test_a_layout_by_its_whole_folder(tmp_path: Path) -> None:
    image = replace(DECISION.image, registry="oci", repository=str(tmp_path / "out"))
    assert is_for(replace(DECISION, image=image), Repository.parse(f"oci:{tmp_path / 'out'}"))
    assert not is_for(replace(DECISION, image=image), Repository.parse(f"oci:{tmp_path / 'in' / 'out'}"))


@pytest.mark.parametrize(
    ("chain", "message"),
    [
        ({}, None),
        ({"1.0": Link(sequence=1)}, None),
        (
            {"1.0": Link(sequence=1, previous=BEFORE)},
            None,
        ),  # after one of the first version, which has no number
        ({"1.0": Link(sequence=MAX_SEQUENCE, previous=BEFORE)}, None),
        ({"1.0": Link(sequence=2)}, "a number that no record has"),
        ({"1.0": Link(sequence=0, previous=BEFORE)}, "a number that no record has"),
        ({"1.0": Link(sequence=-1, previous=BEFORE)}, "a number that no record has"),
        ({"1.0": Link(sequence=MAX_SEQUENCE + 1, previous=BEFORE)}, "a number that no record has"),
        ({"2.0": Link(sequence=1)}, "of other tags"),
        ({"1.0": Link(sequence=1), "2.0": Link(sequence=1)}, "of other tags"),
    ],
)
def test_the_chain_has_a_place_for_each_tag(chain: Mapping[str, Link], message: str | None) -> None:
    placed = replace(JUDGED, decision=replace(DECISION, chain=chain))
    with build_record((JUDGED if message else placed).contents()) as record:
        manifest = record.artifact.manifest
    with pytest.raises(ValueError, match=message) if message else nullcontext():
        assert check_manifest(manifest, placed.decision) == manifest.subject


def test_reports_that_were_kept_are_those_that_were_read() -> None:
    check_reports((), evidence())
    with pytest.raises(ValueError, match="not those that its evidence was read from"):
        check_reports((Descriptor.of(b"other", "text/plain"),), evidence())


Read = tuple[tuple[str, str], ...]


def kept(reports: Read) -> list[Descriptor]:
    """Layers of reports, by the digit of each digest and its kind."""
    layers = []
    for digit, kind in reports:
        said = {"name": digit, "kind": kind, "format": "f", "digest": f"sha256:{digit * 64}", "size": "1"}
        marks = {f"{PREFIX}report.{key}": value for key, value in said.items()}
        layers.append(Descriptor.of(b"x", "text/plain", annotations=marks))
    return layers


def of_reports(reports: Read) -> Document:
    fields = ({"name": digit, "kind": kind, "sha256": digit * 64} for digit, kind in reports)
    return Document.of({"reports": [{"format": "f", "size": 1, **each} for each in fields]})


A, B, SAME = ("1", "tests"), ("2", "scans"), ("2", "sbom")
LEAKS, MIXED = ("3", "pipeline"), ("2", "pipeline")


@pytest.mark.parametrize(
    ("read", "stored", "fits"),
    [
        ((A, B), (A, B), True),
        ((A, B), (), True),
        ((A, B), (A,), False),
        ((A,), (A, B), False),
        ((A, A), (A, A), True),
        ((A,), (A, A), False),
        ((A, B, SAME), (A, B), True),
        ((A, B, SAME), (A, SAME), True),
        ((A, B, SAME), (A,), False),
        ((A, LEAKS), (A,), True),
        ((A, LEAKS), (A, LEAKS), False),
        ((A, B, MIXED), (A,), True),
        ((A, B, MIXED), (A, B), False),
    ],
)
def test_a_file_is_kept_once_and_never_where_it_quotes_secrets(read: Read, stored: Read, fits: bool) -> None:
    try:
        check_reports(kept(stored), of_reports(read))
    except ValueError:
        assert not fits
    else:
        assert fits
