"""Where a scheduler may be, and by what it has to be known."""

from __future__ import annotations

from pathlib import Path

import pytest

from pushpolicy.audit.cluster.address import SchedulerAddress
from pushpolicy.errors import UsageError


@pytest.fixture
def folder(tmp_path: Path) -> str:
    """A folder of certificates; nothing reads them here."""
    for name in ("ca.crt", "tls.crt", "tls.key"):
        (tmp_path / name).touch()
    return str(tmp_path)


@pytest.mark.parametrize("url", ["tcp://127.0.0.1:8786", "tcp://[::1]:8786", "tcp://localhost:8786"])
def test_on_this_machine_nobody_is_on_the_way(url: str) -> None:
    assert SchedulerAddress.parse(url, None).folder is None


def test_elsewhere_both_sides_have_certificates(folder: str) -> None:
    assert SchedulerAddress.parse("tls://dask.example.com:8786", folder).folder == Path(folder)


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("tcp://dask.example.com:8786", "could read and change"),
        ("tcp://10.0.0.1:8786", "could read and change"),
        ("tcp://127.0.0.1.example.com:8786", "could read and change"),
        ("tcp://localhost.example.com:8786", "could read and change"),
        ("ws://127.0.0.1:8786", "could read and change"),
        ("inproc://127.0.0.1:8786", "could read and change"),
        ("127.0.0.1:8786", "is no address"),
        ("tls://127.0.0.1", "is no address"),
        ("tcp://127.0.0.1:8786,tcp://evil:1", "is no address"),
        ("tcp://u@127.0.0.1:8786", "is no address"),
        ("tcp://127.0.0.1:8786/x", "is no address"),
        ("tls://[::1:8786", "is no address"),
        ("", "is no address"),
    ],
)
def test_no_other_address_is_taken(url: str, said: str, folder: str) -> None:
    with pytest.raises(UsageError, match=said):
        SchedulerAddress.parse(url, folder)


def test_tls_is_never_without_our_own_certificate(tmp_path: Path, folder: str) -> None:
    with pytest.raises(UsageError, match="needs certificates"):
        SchedulerAddress.parse("tls://dask.example.com:8786", None)
    for name in ("ca.crt", "tls.crt", "tls.key"):
        (tmp_path / name).unlink()
        with pytest.raises(UsageError, match=f"has no file {name}"):
            SchedulerAddress.parse("tls://dask.example.com:8786", folder)
        (tmp_path / name).touch()
