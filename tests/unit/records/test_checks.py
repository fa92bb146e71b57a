"""Which repository a decision was about."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from pushpolicy.model.descriptor import Descriptor
from pushpolicy.model.reference import Repository, Target
from pushpolicy.records.checks import check_reports, is_for
from tests.judged import judge, make_image
from tests.policies import evidence

DECISION = judge(make_image(), Target.parse("registry.example.com/team/app:1.0")).decision


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


def test_reports_that_were_kept_are_those_that_were_read() -> None:
    check_reports((), evidence())
    with pytest.raises(ValueError, match="not those that its evidence was read from"):
        check_reports((Descriptor.of(b"other", "text/plain"),), evidence())
