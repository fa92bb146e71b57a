"""What is not what its name says fails its kind; nothing that was looked at is dropped in silence."""

from __future__ import annotations

import gzip
import json
import os
from pathlib import Path

import pytest

from pushpolicy.errors import InputError
from pushpolicy.gather import Gathered, NamedEvidence, gather
from pushpolicy.gather.collect import find_reports
from pushpolicy.model.evidence import Status
from pushpolicy.reports.limits import Limits
from pushpolicy.reports.recognise import FORMATS
from tests.report_files import SAMPLES
from tests.unit.gather.samples import JUNIT, make_checkout, make_request, trivy, write

# A name that promises each format, made of its first glob.
PROMISED = {
    item.name: (item.file_names[0].replace("*", "x"), item.kind) for item in FORMATS if item.file_names
}
STRUCTURED = {item.name for item in FORMATS if item.family in ("json", "xml") and item.file_names}
NOT_REPORTS = {
    "empty": b"",
    "blank": b" \n\n",
    "binary": b"\x00\x01\x02 not a report",
    "an HTML page": b"<!DOCTYPE html><html><body>502 Bad Gateway</body></html>",
    "an HTML page that is no XML": b"<!DOCTYPE html><html><br><p class=x>Sign in",
}
# What a tool or a shell leaves where a document of JSON or XML belongs.
NOT_DOCUMENTS = {
    "a message": b"sh: 1: trivy: not found\n",
    "a table": b"| Library | CVE | Severity |\n| --- | --- | --- |\n",
    "console lines": b"> app@1.0.0 test\n> jest\n",
    "YAML": b"status: ok\n",
}


def reason(gathered: Gathered, kind: str) -> str:
    """Why a kind has failed; of coverage that of the tests, and of captures that of both."""
    part = getattr(gathered.evidence, "tests" if kind == "coverage" else kind)
    assert part.status is Status.FAILED, part
    return str(part.reason)


@pytest.mark.parametrize("content", NOT_REPORTS.values(), ids=NOT_REPORTS)
@pytest.mark.parametrize("name", PROMISED)
def test_a_file_that_is_no_text_of_the_family_its_name_promises_fails_its_kind(
    tmp_path: Path, name: str, content: bytes
) -> None:
    file, kind = PROMISED[name]
    write(tmp_path, {file: content, "reports/good.xml": JUNIT})
    assert file in reason(gather(make_request(tmp_path)), kind)


@pytest.mark.parametrize("content", NOT_DOCUMENTS.values(), ids=NOT_DOCUMENTS)
@pytest.mark.parametrize("name", sorted(STRUCTURED))
def test_a_message_or_table_where_a_document_belongs_fails_its_kind(
    tmp_path: Path, name: str, content: bytes
) -> None:
    file, kind = PROMISED[name]
    write(tmp_path, {f"reports/{file}": content, "reports/good.xml": JUNIT})
    assert file in reason(gather(make_request(tmp_path)), kind)


@pytest.mark.parametrize(
    "message",
    [
        "sh: 1: tap: not found",
        "bash: go: command not found",
        "cat: results.tap: No such file or directory",
        "Error: Cannot find module 'tape'",
        "npm ERR! missing script: test",
        "Traceback (most recent call last):\n  File",
        "panic: runtime error: index out of range",
        "fatal: not a git repository",
        "usage: lcov [-h]",
    ],
)
@pytest.mark.parametrize("name", sorted(set(PROMISED) - STRUCTURED))
def test_a_message_where_a_text_belongs_fails_its_kind_too(tmp_path: Path, name: str, message: str) -> None:
    file, kind = PROMISED[name]
    write(tmp_path, {f"reports/{file}": message + "\n", "reports/good.xml": JUNIT})
    assert file in reason(gather(make_request(tmp_path)), kind)


@pytest.mark.parametrize("name", sorted(STRUCTURED))
def test_a_report_with_a_banner_before_it_fails_its_kind(tmp_path: Path, name: str) -> None:
    file, kind = PROMISED[name]
    sample = next(path for path in SAMPLES.iterdir() if path.name.startswith(f"{name}."))
    content = b"2026-11-24T10:00:00Z INFO Starting\nDone.\n" + sample.read_bytes()
    if name == "gotest":
        content = b"Starting\n" + b"{"
    write(tmp_path, {file: content})
    assert file in reason(gather(make_request(tmp_path)), kind)


@pytest.mark.parametrize("name", PROMISED)
def test_a_link_or_a_pipe_of_a_promised_name_fails_its_kind(tmp_path: Path, name: str) -> None:
    file, kind = PROMISED[name]
    outside = write(tmp_path / "outside", {"good": JUNIT}) / "good"
    for folder in ("link", "pipe"):
        (tmp_path / folder / "reports").mkdir(parents=True)
    (tmp_path / "link" / "reports" / file).symlink_to(outside)
    os.mkfifo(tmp_path / "pipe" / "reports" / file)
    assert "symbolic link" in reason(gather(make_request(tmp_path / "link")), kind)
    assert "not a regular file" in reason(gather(make_request(tmp_path / "pipe")), kind)


@pytest.mark.parametrize("name", PROMISED)
def test_a_promised_name_is_looked_at_in_every_place_whatever_its_suffix(tmp_path: Path, name: str) -> None:
    file, kind = PROMISED[name]
    write(tmp_path, {f"reports/deep/{file}": b"", f"coverage/{file}": b""})
    assert f"reports/deep/{file}" in reason(gather(make_request(tmp_path)), kind)


def test_a_compressed_file_of_a_promised_name_is_held_to_it_too(tmp_path: Path) -> None:
    write(tmp_path, {"reports/trivy.json.gz": gzip.compress(b"FATAL no such image\n")})
    assert "FATAL no such image" in reason(gather(make_request(tmp_path)), "scans")


@pytest.mark.parametrize("content", ["{}", "[]", '{"a": 1}', '[{"a": 1}]'])
def test_well_formed_json_of_another_shape_is_told_and_fails_nothing(tmp_path: Path, content: str) -> None:
    write(tmp_path, {"trivy.json": content, "reports/junit.xml": "<project/>"})
    evidence = gather(make_request(tmp_path)).evidence
    assert (evidence.tests.status, evidence.scans.status) == ("missing", "missing")
    assert [(each.path, "promises" in each.why) for each in evidence.unread] == [
        ("reports/junit.xml", True),
        ("trivy.json", True),
    ]


def test_each_file_that_was_looked_at_is_read_or_told(tmp_path: Path) -> None:
    files = {
        "reports/junit.xml": JUNIT,
        "reports/copy/junit.xml": JUNIT,
        "reports/x.json": "{",
        "a.sarif": "{}",
    }
    write(tmp_path, files | {"reports/deep/log.out": "x"})
    (tmp_path / "reports" / "more").symlink_to(tmp_path / "reports" / "copy")
    (tmp_path / "reports" / "latest.json").symlink_to("x.json")
    (tmp_path / "test-results").symlink_to(tmp_path / "reports")
    evidence = gather(make_request(tmp_path)).evidence
    read = {report.path for report in evidence.reports}
    told = {each.path for each in evidence.unread}
    links = {"reports/latest.json", "reports/more", "test-results"}
    assert read | told == {*files, "reports/deep/log.out", *links}
    assert len(read) == 1


def test_a_stranger_under_a_glob_of_a_kind_fails_that_kind(tmp_path: Path) -> None:
    write(tmp_path, {"out/a.json": trivy(), "out/b.json": '{"a": 1}'})
    named = (NamedEvidence(kind="scans", name=None, path="out/*.json"),)
    assert "out/b.json" in reason(gather(make_request(tmp_path, named=named)), "scans")


@pytest.mark.parametrize("content", NOT_DOCUMENTS.values(), ids=NOT_DOCUMENTS)
def test_what_was_named_and_is_no_report_stops_the_run_whatever_its_name(
    tmp_path: Path, content: bytes
) -> None:
    write(tmp_path, {"out.txt": content})
    with pytest.raises(InputError):
        gather(make_request(tmp_path, named=(NamedEvidence(kind="tests", name="unit", path="out.txt"),)))


def test_folders_nested_too_deep_in_a_place_fail_what_may_lie_there(tmp_path: Path) -> None:
    write(tmp_path, {"reports/" + "d/" * 70 + "junit.xml": JUNIT})
    assert "nested" in reason(gather(make_request(tmp_path)), "tests")


def test_the_list_of_what_was_not_read_is_in_the_document(tmp_path: Path) -> None:
    evidence = gather(make_request(write(tmp_path, {"reports/a.json": '{"k": 1}'}))).evidence
    document = json.loads(evidence.document().content)
    assert document["unread"] == [
        {"path": "reports/a.json", "why": "no report: the keys of its top level are k"}
    ]


def test_what_would_be_found_leaves_out_what_git_tracks_too(tmp_path: Path) -> None:
    checkout = make_checkout(tmp_path, {"reports/old.xml": JUNIT})
    write(checkout, {"reports/new.xml": JUNIT})
    seen = find_reports(checkout, Limits(), {"PATH": "/usr/bin:/bin"})
    assert [(each.path, each.taken_for) for each in seen if "old" in each.path] == [("reports/old.xml", None)]
    assert [each.path for each in seen if each.taken_for] == ["reports/new.xml"]
