"""`pushpolicy keygen`, and the key that signs as it is handed over."""

from __future__ import annotations

import os
import stat
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from pushpolicy import errors
from pushpolicy.cli import environment, keys
from pushpolicy.errors import UsageError
from pushpolicy.signing.keys import Signer, read_private
from pushpolicy.signing.trust import read_trust
from tests.keys import key
from tests.workspace import Workspace


@pytest.fixture
def beside(workspace: Workspace) -> Path:
    """A folder beside the checkout, which only its owner can enter."""
    folder = workspace.folder.parent / "keys"
    folder.mkdir(mode=0o700)
    return folder


def test_what_is_printed_is_its_entry_for_trust_yaml(workspace: Workspace, beside: Path) -> None:
    ran = workspace.run("keygen", str(beside / "release"), "--role", "policy")
    assert ran.code == errors.EXIT_OK, ran.err
    private, public = beside / "release.key", beside / "release.pub"
    trusted = read_trust("trust.yaml", ran.out.encode()).keys["release"]
    assert (trusted.role, trusted.key) == ("policy", public.read_text())
    assert read_private(private.read_bytes()).public.pem == trusted.key
    assert stat.S_IMODE(private.stat().st_mode) == 0o600
    assert "BEGIN PRIVATE" not in ran.out + ran.err


def test_its_folder_is_made_for_its_owner_alone(workspace: Workspace, beside: Path) -> None:
    assert workspace.run("keygen", str(beside / "a/b/ci.1")).code == errors.EXIT_OK
    assert stat.S_IMODE((beside / "a/b").stat().st_mode) == 0o700
    assert sorted(file.name for file in (beside / "a/b").iterdir()) == ["ci.1.key", "ci.1.pub"]
    (beside / "file").write_text("")
    ran = workspace.run("keygen", str(beside / "file/ci"))
    assert (ran.code, "no folder can be made there" in ran.complaint()) == (errors.EXIT_USAGE, True)


@pytest.mark.parametrize("there", ["a.key", "a.pub"])
def test_nothing_is_overwritten(workspace: Workspace, beside: Path, there: str) -> None:
    (beside / there).symlink_to("/nonexistent/target")
    ran = workspace.run("keygen", str(beside / "a"))
    assert ran.code == errors.EXIT_USAGE
    assert f"{there} is there already" in ran.complaint()
    assert [file.name for file in beside.iterdir()] == [there]


@pytest.mark.parametrize("name", ["ci", "sub/../ci"])
def test_no_private_key_is_written_into_a_work_tree(workspace: Workspace, name: str) -> None:
    workspace.path("sub/x")
    ran = workspace.run("keygen", name)
    assert ran.code == errors.EXIT_USAGE
    assert "in the git work tree" in ran.complaint()
    assert not list(workspace.folder.rglob("*.key"))


@pytest.mark.parametrize("name", ["..", "-x", "a b", "a\nb", "é"])
def test_a_key_has_a_plain_name(workspace: Workspace, beside: Path, name: str) -> None:
    ran = workspace.run("keygen", "--", f"{beside}/{name}")
    assert ran.code == errors.EXIT_USAGE
    assert not list(beside.iterdir())


def kept(folder: Path, content: bytes = key().private_pem(), mode: int = 0o600) -> str:
    path = folder / "ci.key"
    path.write_bytes(content)
    path.chmod(mode)
    return str(path)


def signing_key(option: str | None) -> Signer:
    """As a command has it: what programs inherit has no key."""
    environment.hold_keys()
    assert not {"PUSHPOLICY_SIGNING_KEY", "PUSHPOLICY_KEY_PASSPHRASE"} & os.environ.keys()
    return keys.signing_key(option)


def test_a_key_comes_from_a_file_or_from_a_variable(beside: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PUSHPOLICY_SIGNING_KEY", raising=False)
    assert signing_key(kept(beside)).public.pem == key().public.pem
    monkeypatch.setenv("PUSHPOLICY_SIGNING_KEY", key("other").private_pem().decode())
    assert signing_key(None).public.pem == key("other").public.pem
    with pytest.raises(UsageError, match="no key to sign with"):
        signing_key(None)


def test_an_encrypted_key_is_opened_by_the_variable(beside: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sealed = key().sealed_pem(b"one two")
    file = kept(beside, sealed)
    monkeypatch.setenv("COSIGN_PASSWORD", "one two")  # which is for cosign alone
    with pytest.raises(UsageError, match=r"ci\.key is encrypted, and there is no passphrase"):
        signing_key(file)
    for option in (file, None):
        monkeypatch.setenv("PUSHPOLICY_SIGNING_KEY", sealed.decode())
        monkeypatch.setenv("PUSHPOLICY_KEY_PASSPHRASE", "one two")
        assert signing_key(option).public.pem == key().public.pem
    monkeypatch.setenv("PUSHPOLICY_KEY_PASSPHRASE", "other")
    with pytest.raises(UsageError, match="not opened by this passphrase"):
        signing_key(file)


def test_keygen_writes_an_encrypted_key(workspace: Workspace, beside: Path) -> None:
    ran = workspace.run("keygen", str(beside / "ci"), "--encrypted")
    assert (ran.code, "there is no passphrase" in ran.complaint()) == (errors.EXIT_USAGE, True)
    assert not list(beside.iterdir())
    environ = {**workspace.environ, "PUSHPOLICY_KEY_PASSPHRASE": "one two"}
    ran = replace(workspace, environ=environ).run("keygen", str(beside / "ci"), "--encrypted")
    assert ran.code == errors.EXIT_OK, ran.err
    private, public = beside / "ci.key", beside / "ci.pub"
    assert read_private(private.read_bytes(), b"one two").public.pem == public.read_text()
    assert stat.S_IMODE(private.stat().st_mode) == 0o600
    assert "one two" not in ran.out + ran.err


def test_the_key_itself_is_no_option(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UsageError, match="--key holds the key itself") as refused:
        signing_key(key().private_pem().decode())
    assert key().private_pem().decode().splitlines()[1] not in f"{refused.value}{refused.value.hint}"


def test_what_the_file_holds_is_named(beside: Path) -> None:
    with pytest.raises(UsageError, match=r"ci\.key is a public key, where the private one belongs"):
        signing_key(kept(beside, key().public.pem.encode()))
    with pytest.raises(UsageError, match="No such file"):
        signing_key(str(beside / "none"))
    with pytest.raises(UsageError, match="not a regular file"):
        signing_key(str(beside))


@pytest.mark.parametrize("mode", [0o604, 0o602, 0o666])
def test_a_key_that_others_may_have_is_refused(mode: int) -> None:
    with TemporaryDirectory() as folder:  # that of the test lies in one that others cannot enter
        name = kept(Path(folder), mode=mode)
        assert signing_key(name)  # nor this one
        Path(folder).chmod(0o755)
        with pytest.raises(UsageError, match="other users of this machine may"):
            signing_key(name)


def test_a_key_that_git_tracks_is_refused(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    place = workspace.committed("deploy/ci.key", key().private_pem())
    (place.folder / "deploy/ci.key").chmod(0o600)
    monkeypatch.chdir(place.folder)
    with pytest.raises(UsageError, match="tracked by git"):
        signing_key("deploy/ci.key")
    place.path("link.key").symlink_to("deploy/ci.key")
    with pytest.raises(UsageError, match="tracked by git"):
        signing_key("link.key")
    assert signing_key(kept(place.folder))  # untracked
