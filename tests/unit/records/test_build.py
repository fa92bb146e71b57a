"""A record is the same bytes for the same contents, and is built before anything is pushed."""

from __future__ import annotations

import gzip
import os
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace

from pushpolicy.errors import InputError
from pushpolicy.model import manifest
from pushpolicy.model.decision import Link, RuleResult, RuleStatus
from pushpolicy.model.descriptor import Descriptor
from pushpolicy.model.digest import Digest
from pushpolicy.model.reference import Target
from pushpolicy.records import format as names
from pushpolicy.records.build import Contents, NewRecord, RawReports, build_record, summary_annotations
from pushpolicy.records.format import ARTIFACT_TYPE
from pushpolicy.registry.interface import Blob
from tests.judged import judge, make_image

JUDGED = judge(make_image(), Target.parse("registry.example.com/team/app:1.0").with_tags(("latest",)))


class File(msgspec.Struct, frozen=True, kw_only=True):
    """A report on disk (a `RawReport`)."""

    name: str
    path: Path
    digest: Digest
    size: int
    kind: str = "tests"
    format: str = "junit"
    media_type: str = "application/xml"


def _file(folder: Path, name: str, content: bytes) -> File:
    path = folder / name
    path.write_bytes(content)
    return File(name=name.partition(".")[0], path=path, digest=Digest.of(content), size=len(content))


@pytest.fixture
def reports(tmp_path: Path) -> tuple[File, ...]:
    """Two reports, not in order."""
    return (_file(tmp_path, "unit.xml", b"<u/>" * 5000), _file(tmp_path, "e2e tests.xml", b"<e/>"))


def _read(blob: Blob) -> bytes:
    with blob.open() as stream:
        return stream.read()


def _contents(record: NewRecord) -> dict[str, bytes]:
    blobs = record.artifact.blobs
    return {blob.descriptor.annotations.get(names.TITLE, "config"): _read(blob) for blob in blobs}


def test_what_it_holds(reports: tuple[File, ...]) -> None:
    before = Digest.of(b"before")
    chain = {"1.0": Link(sequence=1), "latest": Link(sequence=8, previous=before)}
    placed = replace(JUDGED, decision=replace(JUDGED.decision, chain=chain))
    with build_record(placed.contents(reports=reports)) as record:
        manifest, contents = record.artifact.manifest, _contents(record)
        for blob in record.artifact.blobs:
            assert Descriptor.of(_read(blob), blob.descriptor.media_type).digest == blob.descriptor.digest
    assert manifest.artifact_type == ARTIFACT_TYPE
    assert manifest.subject
    assert manifest.subject.digest == JUDGED.image.top.digest
    assert manifest.subject.annotations == {}
    assert [layer.media_type for layer in manifest.layers] == [
        names.EVIDENCE_TYPE,
        names.DECISION_TYPE,
        names.POLICY_TYPE,
        names.REPORT_TYPE,
        names.REPORT_TYPE,
    ]
    assert list(contents) == [
        "config",
        "evidence.json",
        "decision.json",
        "policy.tar.gz",
        "reports/001-e2e-tests.xml.gz",
        "reports/002-unit.xml.gz",
    ]
    assert contents["config"] == b"{}"
    assert contents["evidence.json"] == JUDGED.evidence.content
    assert contents["decision.json"] == placed.decision.document().content
    assert gzip.decompress(contents["reports/002-unit.xml.gz"]) == b"<u/>" * 5000
    assert manifest.layers[4].annotations[names.REPORT_DIGEST] == str(reports[0].digest)
    assert dict(manifest.annotations) == {
        "org.opencontainers.image.created": JUDGED.decision.evaluated_at,
        "org.opencontainers.image.title": "pushpolicy record: ALLOW",
        "org.opencontainers.image.description": "ALLOW for 1.0, latest. Rules: 1 passed. "
        "Policy: not anchored. `pushpolicy audit show` tells what of it was checked.",
        "dev.pushpolicy.verdict": "ALLOW",
        "dev.pushpolicy.tags": "1.0,latest",
        "dev.pushpolicy.anchored": "false",
        "dev.pushpolicy.policy": str(JUDGED.decision.policy.digest),
        "dev.pushpolicy.sequence.1.0": "1",
        "dev.pushpolicy.sequence.latest": "8",
        "dev.pushpolicy.previous.latest": str(before),
    }


def test_what_the_page_of_a_registry_shows() -> None:
    rules = tuple(
        RuleResult(name=f"{status}{number}", title="A rule", status=status)
        for status in RuleStatus
        for number in range(1000)
    )
    tags = tuple(f"{number}{'x' * 127}" for number in range(3))
    image = replace(JUDGED.decision.image, tags=tags)
    decision = replace(JUDGED.decision, image=image, rules=rules, loosened=("a",), observed=True)
    said = summary_annotations(decision)[names.DESCRIPTION]
    assert said == (
        f"OBSERVED for {tags[0]}, {tags[1]} and 1 more. "
        "Rules: 1000 passed, 1000 violated, 1000 warned, 1000 waived, 1000 not applicable. "
        "Policy: not anchored, loosened by the judged checkout. "
        "`pushpolicy audit show` tells what of it was checked."
    )
    assert len(said) <= 512  # GitHub cuts it there


def test_the_same_contents_give_the_same_bytes(reports: tuple[File, ...]) -> None:
    with build_record(JUDGED.contents(reports=reports)) as first:
        os.utime(reports[0].path, (0, 0))
        with build_record(JUDGED.contents(reports=reports[::-1])) as second:
            assert first.artifact.manifest.content == second.artifact.manifest.content
            assert _contents(first) == _contents(second)


def test_only_digests_are_kept_when_asked(reports: tuple[File, ...]) -> None:
    with build_record(JUDGED.contents(reports=reports, raw=RawReports.DIGEST)) as record:
        assert len(record.artifact.manifest.layers) == 3


def _grow(report: File) -> None:
    report.path.write_bytes(report.path.read_bytes() + b" ")


def _alter(report: File) -> None:
    report.path.write_bytes(b"x" * report.size)


def _pipe(report: File) -> None:
    report.path.unlink()
    os.mkfifo(report.path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_grow, "changed since it was judged"),
        (_alter, "changed since it was judged"),
        (lambda report: report.path.write_bytes(b""), "changed since it was judged"),
        (lambda report: report.path.unlink(), "cannot be read again: No such file"),
        (_pipe, "not a regular file any more"),
    ],
    ids=["grown", "altered", "emptied", "removed", "a pipe"],
)
def test_a_report_that_changed_stops_it(
    change: Callable[[File], object], message: str, reports: tuple[File, ...]
) -> None:
    change(reports[0])
    with pytest.raises(InputError, match=message) as error, build_record(JUDGED.contents(reports=reports)):
        pytest.fail("a record was built")
    assert "unit.xml" in error.value.message


def test_a_report_as_large_as_a_chunk_is_whole(tmp_path: Path) -> None:
    report = _file(tmp_path, "large.xml", os.urandom(2 * 1024 * 1024))
    with build_record(JUDGED.contents(reports=(report,))) as record:
        assert Digest.of(gzip.decompress(_read(record.artifact.blobs[-1]))) == report.digest


def test_hostile_names_stay_inside_the_folder(tmp_path: Path) -> None:
    report = replace(_file(tmp_path, "..\n\x1b[31m.xml", b"<e/>"), name="../../\x1b[31m")
    with build_record(JUDGED.contents(reports=(report,))) as record:
        layer = record.artifact.manifest.layers[3].annotations
    assert layer[names.TITLE] == "reports/001-31m.xml.gz"
    assert layer[names.REPORT_NAME] == "../../\\x1b[31m"


def test_a_policy_over_the_limit_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(names, "MAX_POLICY_SIZE", 3)
    with (
        pytest.raises(InputError, match=r"policy.tar.gz of the record has [0-9]+ bytes; the limit is 3"),
        build_record(_plain()),
    ):
        pytest.fail("a record was built")


def _plain() -> Contents:
    return JUDGED.contents()


@pytest.mark.parametrize(
    ("owner", "limit", "value", "message"),
    [
        (names, "MAX_DOCUMENT_VALUES", 3, "a document of more than 3 values"),
        (names, "MAX_REPORTS", 1, "2 reports; one record holds at most 1"),
        (manifest, "MAX_MANIFEST_SIZE", 3, "the record cannot be described: a manifest of"),
    ],
)
def test_what_no_reader_would_take_is_not_written(
    owner: object,
    limit: str,
    value: int,
    message: str,
    reports: tuple[File, ...],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    contents = JUDGED.contents(reports=reports)
    monkeypatch.setattr(owner, limit, value)
    with pytest.raises(InputError, match=message), build_record(contents):
        pytest.fail("a record was built")
