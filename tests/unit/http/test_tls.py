"""By whose word a server is who it should be, and what of the environment a connection does not read."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest

from pushpolicy.http.certificates import Certificates
from pushpolicy.http.settings import Settings
from pushpolicy.http.tls import TlsContexts, authorities
from pushpolicy.model.reference import Repository
from pushpolicy.registry.layout.repository import LayoutRepository
from tests.certificates import make_certificates
from tests.clients import client_of
from tests.fake_registry import Answered, fake_registry


@pytest.fixture(autouse=True)
def no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    """The authorities are the system's, whoever runs the tests."""
    for name in ("SSL_CERT_FILE", "SSL_CERT_DIR"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (Settings(), "system"),
        (Settings(ca_file=Path("ca.pem")), "file"),
        (Settings(certificates=Certificates(authorities=(Path("ca.crt"),))), "file"),
    ],
)
def test_authorities_of_the_system_and_of_files(settings: Settings, said: str) -> None:
    assert authorities(settings) == said


@pytest.mark.parametrize("settings", [Settings(), Settings(ca_file=Path("ca.pem"))])
def test_a_variable_that_names_authorities_is_said(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = make_certificates(tmp_path).authority
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    assert authorities(settings) == "variable"
    monkeypatch.delenv("SSL_CERT_FILE")
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path))
    assert authorities(settings) == "variable"


def test_a_variable_that_names_no_file_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", "/nonexistent")
    assert authorities(Settings()) == "system"


@pytest.mark.parametrize(("name", "certifi_too"), [("0a1b2c3d.0", False), ("README", True)])
def test_certifi_is_trusted_only_where_the_system_trusts_nobody(
    name: str, certifi_too: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "authorities"
    folder.mkdir()
    (folder / name).write_bytes(make_certificates(tmp_path).authority.read_bytes())
    monkeypatch.setenv("SSL_CERT_FILE", "/nonexistent")
    monkeypatch.setenv("SSL_CERT_DIR", str(folder))
    # What OpenSSL only looks up when it needs it is not counted, so that these are certifi's.
    counted = TlsContexts(Settings()).context().cert_store_stats()["x509_ca"]
    assert bool(counted) is certifi_too


def test_no_authority_is_asked_over_plain_http_and_for_a_folder(tmp_path: Path) -> None:
    assert client_of("127.0.0.1:5000").authorities is None
    assert client_of("registry.example").authorities == "system"
    assert LayoutRepository(Repository.parse(f"oci:{tmp_path}")).authorities is None


def test_no_key_of_a_connection_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Python's own default context honours SSLKEYLOGFILE: an earlier step would read the password with it."""
    log = tmp_path / "keys"
    monkeypatch.setenv("SSLKEYLOGFILE", str(log))
    assert ssl.create_default_context().keylog_filename == str(log), "this test would show nothing"
    log.unlink(missing_ok=True)
    certificates = make_certificates(tmp_path)
    with fake_registry(lambda _: Answered(status=404), certificates) as registry:
        assert client_of(registry.host, ca_file=certificates.authority).resolve("v1") is None
        assert registry.asked
    assert not log.exists()
    assert TlsContexts(Settings()).context().keylog_filename is None
