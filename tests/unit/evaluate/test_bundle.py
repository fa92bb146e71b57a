from __future__ import annotations

import gzip
import io
import json
import subprocess
import tarfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pushpolicy.errors import PolicyError
from pushpolicy.evaluate.bundle import pack, reduce_capabilities, reduced, unpack
from pushpolicy.evaluate.policyset import PolicySet
from pushpolicy.model import canonical
from tests.policies import ROOT

SHIPPED = ROOT / "policies" / "capabilities.json"


def test_the_shipped_file_is_that_of_the_pinned_opa(opa: Path) -> None:
    shown = subprocess.run([opa, "capabilities", "--current"], capture_output=True, check=True).stdout
    assert SHIPPED.read_bytes() == canonical.encode(reduced(json.loads(shown))) + b"\n"


def test_nothing_that_reads_clock_zone_chance_or_network() -> None:
    names = {builtin["name"] for builtin in json.loads(SHIPPED.read_bytes())["builtins"]}
    forbidden = (
        "http.send",
        "net.lookup_ip_addr",
        "time.now_ns",
        "time.clock",
        "time.diff",
        "opa.runtime",
        "rand.intn",
    )
    assert not names & set(forbidden)
    assert "time.parse_rfc3339_ns" in names


def test_a_recorded_file_is_only_reduced() -> None:
    forged = {
        "builtins": [{"name": "http.send"}, {"name": "count"}],
        "allow_net": ["evil.example"],
        "features": ["x"],
    }
    assert reduced(forged) == {"builtins": [{"name": "count"}], "allow_net": [], "features": ["x"]}
    shipped = json.loads(SHIPPED.read_bytes())
    assert reduced(shipped) == shipped


NAMES = st.from_regex(r"\Asystem/main(/[a-z]{1,8}){0,2}\.rego\Z")


@given(st.dictionaries(NAMES, st.binary(max_size=50)))
def test_round_trip_and_same_bytes(files: dict[str, bytes]) -> None:
    assert unpack(pack(files)) == files
    assert pack(dict(reversed(files.items()))) == pack(files)


def archive(*members: tarfile.TarInfo) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as tar:
        for member in members:
            tar.addfile(member)
    return stream.getvalue()


def link(name: str) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.type, member.linkname = tarfile.SYMTYPE, "/etc/passwd"
    return member


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"text",
        gzip.compress(b"text" * 200),
        archive(tarfile.TarInfo("a"), tarfile.TarInfo("a")),
        archive(link("capabilities.json")),
        gzip.compress(b"\0" * (65 * 1024 * 1024)),
        pack({"a": b"x" * 3000})[:-30],
    ],
    ids=range(7),  # the content holds the time
)
def test_broken_and_hostile_archives(content: bytes) -> None:
    with pytest.raises(PolicyError):
        PolicySet.from_bundle(content)


@pytest.mark.parametrize(
    "path", ["../x", "/etc/x", "system/main/data.json", "rules/a/b.rego", "system/.manifest", "x"]
)
def test_files_that_are_not_of_a_policy_set(path: str) -> None:
    with pytest.raises(PolicyError, match="not part of a policy set"):
        PolicySet.from_bundle(pack({path: b""}))


def test_an_incomplete_set() -> None:
    with pytest.raises(PolicyError, match="lacks"):
        PolicySet.from_bundle(pack({"capabilities.json": b"{}"}))


def test_what_could_not_be_read_again_is_not_written() -> None:
    with pytest.raises(PolicyError, match="over the limit of 32 MiB"):
        pack({"a": b"x" * (33 * 1024 * 1024)})
    with pytest.raises(PolicyError, match="more than 1000000 values"):
        pack({"data.json": b"[" + b"[]," * 1_000_000 + b"[]]"})


def test_a_sparse_file_is_not_read() -> None:
    """It would be read as the petabyte that it claims."""
    member = tarfile.TarInfo("capabilities.json")
    member.pax_headers = {
        "GNU.sparse.major": "0",
        "GNU.sparse.minor": "1",
        "GNU.sparse.size": str(2**50),
        "GNU.sparse.map": f"{2**50},0",
    }
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w", format=tarfile.PAX_FORMAT) as written:
        written.addfile(member)
    with pytest.raises(PolicyError, match="not a file"):
        unpack(gzip.compress(plain.getvalue()))


def test_a_bomb_is_said_to_be_too_large() -> None:
    with pytest.raises(PolicyError, match="over the limit of 32 MiB"):
        unpack(gzip.compress(b"\0" * (33 * 1024 * 1024)))


@pytest.mark.parametrize("content", [b"{", b"[]", b"1", b'{"builtins": 1}'])
def test_malformed_capabilities_are_refused(content: bytes) -> None:
    with pytest.raises(PolicyError, match="capabilities in the policy bundle are malformed"):
        reduce_capabilities(content)


def test_an_archive_that_is_cut_off_is_refused_wherever_it_ends() -> None:
    content = pack({"system/main/main.rego": b"x" * 3000})
    with pytest.raises(PolicyError, match=r"not a tar\.gz: it is cut off"):
        unpack(content[:-4])
    plain = gzip.decompress(content)
    with pytest.raises(PolicyError, match=r"main\.rego in the policy bundle is cut off"):
        unpack(gzip.compress(plain[: tarfile.BLOCKSIZE + 10]))
