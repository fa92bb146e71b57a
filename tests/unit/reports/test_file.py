"""Compressed reports: read like others, bounded, and searched for secrets."""

from __future__ import annotations

import errno
import gzip
import io
import os
import zipfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pushpolicy.errors import InputError
from pushpolicy.gather import Limits, gather, refuse_secrets, secret_values
from pushpolicy.model.digest import Digest
from pushpolicy.reports.compressed import decompress
from pushpolicy.reports.declared import BrokenReportError, NotAReport
from pushpolicy.reports.file import HEAD_SIZE, Bounds, ReportFile, opened, report_of
from pushpolicy.reports.format import ReportError
from pushpolicy.reports.recognise import read
from tests.unit.gather.samples import JUNIT, make_request, trivy, write


def zipped(files: dict[str, str], compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", compression) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return target.getvalue()


PACKED = {
    "junit.xml.gz": gzip.compress(JUNIT.encode()),
    "reports/unit.xml.gz": gzip.compress(JUNIT.encode()),
    "reports/unit.xml.zip": zipped({"anything.xml": JUNIT}),
    "reports/stored.xml.zip": zipped({"a/": "", "a/b.xml": JUNIT}, zipfile.ZIP_STORED),
    "reports/two.xml.gz": gzip.compress(JUNIT[:40].encode()) + gzip.compress(JUNIT[40:].encode()),
    "reports/odd.xml": gzip.compress(JUNIT.encode()),
}


@pytest.mark.parametrize("name", PACKED)
def test_a_compressed_report_is_read_where_it_lies(tmp_path: Path, name: str) -> None:
    evidence = gather(make_request(write(tmp_path, {name: PACKED[name]}))).evidence
    assert evidence.tests.totals is not None
    assert evidence.tests.totals.total == 2
    assert evidence.tests.reports[0].name == Path(name).name.partition(".")[0]
    (report,) = evidence.reports
    # Digest and size are of the file as it is: that is what a record stores.
    assert (report.sha256, report.size) == (Digest.of(PACKED[name]).hex, len(PACKED[name]))


def test_json_too(tmp_path: Path) -> None:
    write(tmp_path, {"trivy.json.gz": gzip.compress(trivy().encode())})
    assert [scan.format for scan in gather(make_request(tmp_path)).evidence.scans.items] == ["trivy"]


BOMB = gzip.compress(b"<testsuite><!--" + b"a" * 4_000_000)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (gzip.compress(JUNIT.encode())[:-10], "cannot be unpacked"),
        (gzip.compress(JUNIT.encode()) + b"more", "cannot be unpacked"),
        (b"\x1f\x8b", "cannot be unpacked"),
        (b"PK\x03\x04", "cannot be unpacked"),
        (BOMB, "unpacks to more than"),
        (zipped({"a": "<testsuite>" + " " * 4_000_000}), "unpacks to more than"),
        (zipped({"a": JUNIT, "b": JUNIT}), "archive of 2 files"),
        (zipped({"a": "<x/>"}) + zipped({"b": JUNIT}), "something lies before its archive"),
        (zipped({"a": JUNIT}, zipfile.ZIP_BZIP2), "another way than deflate"),
        (gzip.compress(gzip.compress(JUNIT.encode())), "its name promises junit"),
    ],
    ids=range(10),  # the content holds the time
)
def test_what_cannot_be_unpacked_fails_by_its_name(tmp_path: Path, content: bytes, reason: str) -> None:
    write(tmp_path, {"junit.xml.gz": content})
    with pytest.raises((BrokenReportError, NotAReport), match=reason):
        read(tmp_path / "junit.xml.gz", Limits())


def test_the_bounds_are_options(tmp_path: Path) -> None:
    write(tmp_path, {"junit.xml.gz": gzip.compress(JUNIT.encode() + b" " * 3_000_000)})
    read(tmp_path / "junit.xml.gz", Limits(max_unpacked_ratio=1032))
    for limits in (Limits(), Limits(max_unpacked_ratio=1032, max_report_size=2_000_000)):
        with pytest.raises(BrokenReportError, match="unpacks to more than"):
            read(tmp_path / "junit.xml.gz", limits)


@pytest.mark.parametrize(
    "content",
    [
        gzip.compress(JUNIT.replace('"a"', '"tok3n-value"').encode()),
        zipped({"a": JUNIT.replace('"a"', '"tok3n-value"')}),
        zipped({"tok3n-value": JUNIT}),
    ],
    ids=["gzip", "zip", "name"],
)
def test_secrets_within_are_found(tmp_path: Path, content: bytes) -> None:
    reports = gather(make_request(write(tmp_path, {"junit.xml.gz": content}))).reports
    with pytest.raises(InputError, match="holds the value of the variable API_TOKEN"):
        refuse_secrets({}, reports, secret_values({"API_TOKEN": "tok3n-value"}))


def test_time_is_bounded(tmp_path: Path) -> None:
    write(tmp_path, {"junit.xml": JUNIT + " " * 1_000_000})
    with pytest.raises(BrokenReportError, match="took more than 0 seconds"):
        read(tmp_path / "junit.xml", Limits(max_seconds=0))


@settings(deadline=None)
@given(data=st.data())
def test_damaged_archives_are_read_or_refused(data: st.DataObject) -> None:
    whole = data.draw(st.sampled_from(list(PACKED.values())))
    start = data.draw(st.integers(0, len(whole)))
    end = data.draw(st.integers(start, len(whole)))
    content = whole[:start] + data.draw(st.binary(max_size=8)) + whole[end:]
    with suppress(ReportError):
        while decompress(content, Bounds(1_000_000, 200)).read(7) and data.draw(st.booleans()):
            pass
        assert len(decompress(content, Bounds(1_000_000, 200)).read()) <= 1_000_000


def changing(change: Callable[[io.BytesIO], object]) -> ReportFile:
    """A file that changed after it was opened, and its head read."""
    content = b"x" * (HEAD_SIZE + 100)
    stream = io.BytesIO(content)
    file = ReportFile(stream, len(content), None, None)
    position = stream.tell()
    change(stream)
    stream.seek(position)
    return file


def _cut(stream: io.BytesIO) -> None:
    stream.truncate(HEAD_SIZE + 1)


def _grow(stream: io.BytesIO) -> None:
    stream.seek(0, os.SEEK_END)
    stream.write(b"more")


def _overwrite(stream: io.BytesIO) -> None:
    stream.seek(0)
    stream.write(b"y")


def test_a_file_that_is_cut_off_while_it_is_read_has_no_digest() -> None:
    with pytest.raises(ReportError, match="cut off"):
        changing(_cut).finish()
    whole = changing(_cut)
    whole.content()
    with pytest.raises(ReportError, match="cut off"):
        whole.finish()


def test_a_file_that_grows_while_it_is_read_is_refused() -> None:
    with pytest.raises(ReportError, match="grew"):
        changing(_grow).finish()
    with pytest.raises(ReportError, match="grew"):
        changing(_grow).content()
    with pytest.raises(ReportError, match="grew"):
        list(changing(_grow).chunks())


def test_a_file_that_changes_while_it_is_read_is_refused() -> None:
    with pytest.raises(ReportError, match="changed"):
        changing(_overwrite).content()


def test_a_fault_of_the_disk_is_a_report_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(ReportError, match="cannot be read: No such file"):
        opened(tmp_path / "absent")
    path = tmp_path / "junit.xml"
    path.write_text(JUNIT)
    with (
        pytest.raises(ReportError, match="cannot be read: Input/output error"),
        opened(path) as stream,
        report_of(stream, 10_000),
    ):
        raise OSError(errno.EIO, os.strerror(errno.EIO))


def test_only_regular_files_within_the_limit_are_reports(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ReportError, match="regular file"):
        opened(tmp_path / "pipe")
    path = tmp_path / "junit.xml"
    path.write_text(JUNIT)
    size = path.stat().st_size
    with opened(path) as stream, report_of(stream, size) as file:
        assert file.size == size
    with (
        pytest.raises(ReportError, match=f"its {size} bytes are over the limit of {size - 1}"),
        opened(path) as stream,
        report_of(stream, size - 1),
    ):
        pytest.fail("it was read")
