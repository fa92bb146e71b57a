"""Archives: read in place, and refused when they hold what a layout does not."""

from __future__ import annotations

import gzip
import io
import tarfile
from pathlib import Path

import pytest

from pushpolicy.errors import InputError
from pushpolicy.images import Limits, open_image
from tests.layouts import LayoutMaker, pack


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    maker = LayoutMaker(tmp_path / "layout")
    maker.add(maker.image())
    return pack(maker.root, tmp_path / "image.tar")


def refusal(archive: Path, limits: Limits | None = None) -> str:
    with pytest.raises(InputError) as caught, open_image(f"oci-archive:{archive}", limits or Limits()):
        pass
    return caught.value.message


def append(archive: Path, member: tarfile.TarInfo, content: bytes = b"") -> None:
    member.size = len(content)
    with tarfile.open(archive, "a") as tar:
        tar.addfile(member, io.BytesIO(content))


def test_content_goes_on_after_the_archive_was_replaced(archive: Path) -> None:
    with open_image(f"oci-archive:{archive}") as image:
        archive.unlink()
        archive.write_bytes(b"another")
        with image.content.open_blob(image.blobs[0])() as file:
            assert image.blobs[0].digest.matches(file.read())


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE])
def test_links_and_devices(archive: Path, kind: bytes) -> None:
    member = tarfile.TarInfo("blobs/sha256/link")
    member.type, member.linkname = kind, "../../../etc/passwd"
    append(archive, member)
    assert "neither a regular file nor a folder" in refusal(archive)


@pytest.mark.parametrize("name", ["/etc/passwd", "../outside", "blobs/../../outside"])
def test_names_that_lead_out(archive: Path, name: str) -> None:
    append(archive, tarfile.TarInfo(name), b"x")
    assert "leads out of it" in refusal(archive)


def test_a_name_twice(archive: Path) -> None:
    append(archive, tarfile.TarInfo("./index.json"), b"{}")
    assert "holds index.json twice" in refusal(archive)


def test_a_sparse_member(archive: Path) -> None:
    member = tarfile.TarInfo("blobs/sha256/sparse")
    member.pax_headers = {
        "GNU.sparse.major": "0",
        "GNU.sparse.map": "0,1",
        "GNU.sparse.size": "1000000000000",
    }
    append(archive, member, b"x")
    assert "sparse" in refusal(archive)


def test_a_huge_extended_header_is_not_read_into_memory(archive: Path) -> None:
    member = tarfile.TarInfo("x")
    member.pax_headers = {"comment": "a" * 2_000_000}
    append(archive, member)
    assert "over the limit" in refusal(archive)


def test_a_header_for_all_members(archive: Path) -> None:
    with tarfile.open(archive) as tar:
        members = [(member, tar.extractfile(member)) for member in tar if member.isfile()]
        content = [(member, file.read() if file else b"") for member, file in members]
    with tarfile.open(archive, "w", format=tarfile.PAX_FORMAT, pax_headers={"path": "elsewhere"}) as tar:
        for member, data in content:
            tar.addfile(member, io.BytesIO(data))
    assert "extended header for all" in refusal(archive)


def test_cut_off(archive: Path) -> None:
    archive.write_bytes(archive.read_bytes()[:2000])
    assert refusal(archive)


def test_not_a_tar(tmp_path: Path) -> None:
    (tmp_path / "x.tar").write_bytes(b"hello" * 1000)
    assert "not a readable tar" in refusal(tmp_path / "x.tar")


def test_an_empty_file(tmp_path: Path) -> None:
    (tmp_path / "x.tar").write_bytes(b"")
    assert refusal(tmp_path / "x.tar")


def test_a_negative_size_ends(tmp_path: Path) -> None:
    header = bytearray(tarfile.TarInfo("oci-layout").tobuf(tarfile.USTAR_FORMAT))
    header[124:136] = b"\xff" * 12  # the size field in base-256: -1
    header[148:156] = b"%06o\0 " % sum(b" " * 8 + header[:148] + header[156:512])
    archive = tmp_path / "image.tar"
    archive.write_bytes(header * 2 + bytes(1024))
    assert "malformed header" in refusal(archive)


def test_compressed_is_named(archive: Path) -> None:
    archive.write_bytes(gzip.compress(archive.read_bytes()))
    assert "compressed with gzip" in refusal(archive)


def test_too_many_members(archive: Path) -> None:
    assert "more than 3 files" in refusal(archive, Limits(archive_members=3))


def test_a_file_of_the_top_over_its_limit(tmp_path: Path) -> None:
    maker = LayoutMaker(tmp_path / "layout")
    maker.add(maker.image())
    marker = maker.root / "oci-layout"
    marker.write_text(marker.read_text().ljust(5000))
    assert "oci-layout is over the limit of 4096 bytes" in refusal(pack(maker.root, tmp_path / "image.tar"))
