"""`--engine URL`: push, check and evaluate with an OPA server; what is said, and each wrong use."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from pushpolicy import errors
from pushpolicy.engines import LocalOpa
from pushpolicy.evaluate import PACK, load_policy
from pushpolicy.evaluate.program import server_bundle
from tests.fake_registry import Answered, fake_registry
from tests.opa_servers import TOKEN, OpaServer, opa_server
from tests.policies import rule, write_policy
from tests.workspace import JUNIT, TARGET, Workspace, fail_a_test


@pytest.fixture(scope="module")
def server(opa: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpaServer]:
    """It speaks TLS and asks for a token."""
    bundle = server_bundle(load_policy([PACK], LocalOpa(opa)))
    with opa_server(opa, tmp_path_factory.mktemp("opa"), bundle, tls=True, token=True) as running:
        yield running


@pytest.fixture
def place(workspace: Workspace) -> Workspace:
    return workspace.with_variables(PUSHPOLICY_OPA_TOKEN=TOKEN, **workspace.environ)


@pytest.fixture
def without_opa(monkeypatch: pytest.MonkeyPatch) -> None:
    """As where the companion wheel is not installed."""
    monkeypatch.setitem(sys.modules, "pushpolicy_opa", None)
    monkeypatch.setattr("pushpolicy.cli.engine.find_spec", lambda name: None)


def asking(server: OpaServer) -> tuple[str, ...]:
    assert server.certificates
    return "--engine", server.url, "--engine-ca-file", str(server.certificates.authority)


def test_a_push_that_a_server_confirms(place: Workspace, server: OpaServer) -> None:
    ran = place.push(*asking(server))
    assert ran.code == errors.EXIT_OK, ran.out + ran.err
    assert f"confirmed by the server {server.url}" in ran.out
    assert "(anchored)" in ran.out
    shown = place.run("audit", "show", TARGET)
    assert f"confirmed by the server {server.url}" in shown.out
    assert "not anchored" not in shown.out
    replayed = place.run("audit", "replay", TARGET)
    assert replayed.code == errors.EXIT_OK
    assert "recorded was" not in replayed.out


@pytest.mark.usefixtures("without_opa")
def test_a_push_that_only_a_server_decided(place: Workspace, server: OpaServer, opa: Path) -> None:
    ran = place.push(*asking(server), "--format", "json", "--format", "text=report.txt")
    assert ran.code == errors.EXIT_OK, ran.out + ran.err
    said = json.loads(ran.out)
    assert said["engine"] == {
        "name": "opa",
        "version": "1.22.2",
        "hermeticity": "delegated",
        "server": server.url,
    }
    assert said["policy"]["anchored"] is False
    text = (place.folder / "report.txt").read_text()
    assert f"delegated: only the server {server.url}" in text
    assert f"delegated: evaluated by {server.url}, and by no OPA of this machine" in text
    shown = place.run("audit", "show", TARGET)
    first = shown.out.splitlines()[0]
    assert f"delegated: only {server.url} evaluated the policy" in first
    assert "not anchored" in first
    replayed = place.run("audit", "replay", TARGET, "--engine", str(opa))
    assert replayed.code == errors.EXIT_OK, replayed.out + replayed.err
    assert f"recorded was opa 1.22.2 ({server.url})" in replayed.out
    listed = json.loads(place.run("audit", "list", TARGET, "--format", "json").out)
    assert "delegated" in json.dumps(listed)


def test_a_denial_says_how_it_is_reproduced(place: Workspace, server: OpaServer) -> None:
    fail_a_test(place)
    ran = place.push(*asking(server))
    assert ran.code == errors.EXIT_DENIED, ran.out + ran.err
    (line,) = (line for line in ran.out.splitlines() if line.startswith("reproduce: "))
    words = line.removeprefix("reproduce: pushpolicy ").split()
    assert words[2:] == list(asking(server))
    again = place.run(*words)
    assert again.code == errors.EXIT_DENIED, again.out + again.err
    assert f"confirmed by the server {server.url}" in again.out


def wrong(place: Workspace, *options: str) -> tuple[int, str, str]:
    ran = place.push(*options)
    assert not place.published
    return ran.code, ran.complaint(), ran.hint()


URLS = {
    "https://user:word@opa.example": "is no address of a server",
    "https://opa.example?x=1": "is no address of a server",
    "https://opa.example/#x": "is no address of a server",
    "https://": "is no address of a server",
    "https://opa.example:0": "is no address of a server",
    "https://opa.example:99999": "is no address of a server",
    "ftp://opa.example": "is no address of a server",
    "https://öpa.example": "is no address of a server",
    "http://opa.example": "over plain http anybody on the way reads along and can answer",
    "http://10.0.0.1:8181": "over plain http anybody on the way reads along and can answer",
}


@pytest.mark.parametrize("url", URLS)
def test_an_address_that_is_none(url: str, place: Workspace) -> None:
    code, said, hint = wrong(place, "--engine", url)
    assert (code, bool(hint)) == (errors.EXIT_USAGE, True)
    assert URLS[url] in said
    assert "user" not in said


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--engine-ca-file", "ca.pem"), "--engine-ca-file is for an OPA server, and --engine names none"),
        (("--engine", "https://a", "--engine-plain-http", "lab"), "why an http:// address is used"),
        (("--engine", "http://a", "--engine-plain-http", " "), "--engine-plain-http is empty"),
        (("--engine", "https://a", "--engine-token-file", "absent"), "cannot be read: No such file"),
        (("--engine", "https://a", "--engine-token-file", "two.txt"), "holds what no token holds"),
        (("--engine", "https://a", "--engine-token-file", "empty.txt"), "holds what no token holds"),
        (
            ("--engine", "https://a", "--engine-cert-dir", "../absent"),
            "--engine-cert-dir ../absent: No such file",
        ),
    ],
)
def test_what_a_server_cannot_be_reached_with(options: tuple[str, ...], says: str, place: Workspace) -> None:
    place.write("two.txt", "one two")
    place.write("empty.txt", "\n")
    code, said, _ = wrong(place, *options)
    assert code == errors.EXIT_USAGE
    assert says in said


def test_the_checkout_does_not_say_who_the_server_is(place: Workspace, server: OpaServer) -> None:
    assert server.certificates
    place.write("ca.pem", server.certificates.authority.read_bytes())
    (place.folder / "certs").mkdir()
    (links := place.folder.parent / "links").mkdir()
    (links / "ca.crt").symlink_to(place.folder / "ca.pem")
    folders = [("--engine-cert-dir", folder) for folder in ("certs", "../links")]
    for options in (("--engine-ca-file", "ca.pem"), *folders):
        code, said, hint = wrong(place, "--engine", server.url, *options)
        assert code == errors.EXIT_POLICY
        assert hint == "keep it elsewhere, where no commit can change it"
        assert "lies inside the checkout that is judged" in said


def test_no_variable_says_who_the_server_is(place: Workspace, server: OpaServer) -> None:
    assert server.certificates
    authority = str(server.certificates.authority)
    stepped = place.with_variables(SSL_CERT_FILE=authority, OPA_URL="http://127.0.0.1:1", **place.environ)
    code, said, hint = wrong(stepped, "--engine", server.url)
    assert code == errors.EXIT_POLICY
    assert "is not trusted" in said
    assert "--engine-ca-file" in hint


def test_a_token_of_a_file_and_a_refused_one(place: Workspace, server: OpaServer, tmp_path: Path) -> None:
    (tmp_path / "token").write_text(f"{TOKEN}\n")
    place = place.with_variables(**{**place.environ, "PUSHPOLICY_OPA_TOKEN": "another-token-7a3e"})
    code, said, hint = wrong(place, *asking(server))
    assert code == errors.EXIT_POLICY
    assert "it answered 401: request rejected by administrative policy" in said
    assert "PUSHPOLICY_OPA_TOKEN" in hint
    ran = place.push(*asking(server), "--engine-token-file", str(tmp_path / "token"))
    assert ran.code == errors.EXIT_OK, ran.out + ran.err


def test_a_token_that_a_server_says_back_is_not_shown(place: Workspace, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("held-in-a-file-55d1")
    answer = Answered(status=403, body=b'{"code": "x", "message": "not held-in-a-file-55d1"}')
    with fake_registry(lambda _: answer) as double:
        url = ("--engine", f"http://{double.host}", "--engine-token-file", str(tmp_path / "token"))
        code, said, _ = wrong(place, *url)
    assert code == errors.EXIT_POLICY
    assert "held-in-a-file" not in said
    assert "the token of the OPA server" in said or "the registry's credential" in said


def test_a_token_of_a_file_gets_into_no_record(place: Workspace, server: OpaServer, tmp_path: Path) -> None:
    (tmp_path / "token").write_text(TOKEN)
    bare = {name: value for name, value in place.environ.items() if name != "PUSHPOLICY_OPA_TOKEN"}
    place = replace(place, environ=bare)
    place.write("reports/junit.xml", f"{JUNIT}<!-- {TOKEN} -->\n")
    code, said, _ = wrong(place, *asking(server), "--engine-token-file", str(tmp_path / "token"))
    assert code == errors.EXIT_INPUT
    assert "reports/junit.xml" in said
    assert "the token of the OPA server" in said


@pytest.mark.parametrize("command", [("audit", "replay", TARGET), ("policy", "check"), ("policy", "test")])
def test_a_server_only_decides(command: tuple[str, ...], place: Workspace) -> None:
    assert place.push().code == errors.EXIT_OK
    ran = place.run(*command, "--engine", "https://opa.example")
    assert ran.code == errors.EXIT_USAGE
    assert "a server only decides, and this command needs the opa program" in ran.complaint()
    assert "push, check and evaluate" in ran.hint()


@pytest.mark.usefixtures("without_opa")
def test_without_an_opa_here_only_the_pack_can_be_read(place: Workspace, tmp_path: Path) -> None:
    own = write_policy(
        tmp_path / "own", {"r": rule("r", 'deny contains {"at": {}, "msg": "x"} if input.image.size < 1')}
    )
    code, said, hint = wrong(place, "--engine", "https://opa.example", "--policy", own)
    assert code == errors.EXIT_POLICY
    assert "rules that are not the pack's cannot be read: a server only decides" in said
    assert "companion wheel" in hint


def test_a_server_that_is_not_there(place: Workspace) -> None:
    code, said, hint = wrong(place, "--engine", "http://127.0.0.1:1")
    assert code == errors.EXIT_POLICY
    assert said == "the OPA server http://127.0.0.1:1: 127.0.0.1:1 refuses connections"
    assert hint == "check host and port, and that the server runs"


def test_a_server_that_asks_for_a_certificate(place: Workspace, opa: Path, tmp_path: Path) -> None:
    bundle = server_bundle(load_policy([PACK], LocalOpa(opa)))
    with opa_server(opa, tmp_path / "opa", bundle, tls=True, client=True) as running:
        assert running.certificates
        (folder := tmp_path / "certs").mkdir()
        shutil.copy(running.certificates.authority, folder / "ca.crt")
        code, said, hint = wrong(place, "--engine", running.url, "--engine-cert-dir", str(folder))
        assert code == errors.EXIT_POLICY
        assert "does not accept the client's certificate, or the lack of one" in said
        assert "--engine-cert-dir" in hint
        shutil.copy(running.certificates.client, folder / "ci.cert")
        shutil.copy(running.certificates.client_key, folder / "ci.key")
        ran = place.push("--engine", running.url, "--engine-cert-dir", str(folder))
        assert ran.code == errors.EXIT_OK, ran.out + ran.err


def test_doctor_asks_the_server(place: Workspace, server: OpaServer, opa: Path) -> None:
    ran = place.run("doctor", *asking(server))
    assert f"beside the OPA server {server.url}" in ran.out
    assert "it runs policy sha256:" in ran.out
    ran = place.run("doctor", *asking(server), "--policy", "pack:minimal")
    assert ran.code == errors.EXIT_POLICY
    assert "this run expects" in ran.out


def test_the_bundle_of_a_server_is_what_its_policy_bundle_writes(
    place: Workspace, opa: Path, tmp_path: Path
) -> None:
    size = 'deny contains {"at": {"id": "size"}, "msg": "large"} if input.image.size > 1'
    end = (datetime.now(UTC) + timedelta(days=30)).strftime("%Y-%m-%dT%H:%M:%SZ")
    waiver = f"{{rule: size, id: size, reason: x, approver: sam, expires: '{end}'}}"
    rules = {"size": rule("size", size)}
    own = write_policy(tmp_path / "own", rules, waivers=f"max_days: 90\nwaivers: [{waiver}]\n")
    (conftest := tmp_path / "conftest").mkdir()
    (conftest / "main.rego").write_text('package main\n\ndeny contains "none" if input.image.size == 0\n')
    policy = ("--policy", "pack", "--policy", own, "--conftest", str(conftest), "--repo-may", "*=waive")
    written = tmp_path / "server.tar.gz"
    ran = place.run("policy", "bundle", *policy, "--server", "-o", str(written))
    assert ran.code == errors.EXIT_OK, ran.out + ran.err
    with opa_server(opa, tmp_path / "opa", written.read_bytes()) as running:
        pushed = place.push(*policy, "--engine", running.url, "--format", "json")
        assert pushed.code == errors.EXIT_OK, pushed.out + pushed.err
        said = json.loads(pushed.out)
        assert said["policy"]["digest"] == ran.out.strip()
        assert said["engine"]["server"] == running.url
        assert {each["name"]: each["status"] for each in said["rules"]}["size"] == "waived"
        other = place.push("--engine", running.url, target="oci:registry:2.0.0")
    assert other.code == errors.EXIT_POLICY
    assert "this run expects" in other.complaint()
    assert "policy bundle --server" in other.hint()


def test_a_bundle_that_would_not_be_checked_is_not_written(place: Workspace, tmp_path: Path) -> None:
    own = write_policy(tmp_path / "own", {"r": rule("r", "deny contains x if false")})
    for arguments, code in (
        ((own, "--server"), errors.EXIT_POLICY),
        ((own, "--policy", "pack"), errors.EXIT_USAGE),
        ((own, own), errors.EXIT_USAGE),
        ((), errors.EXIT_USAGE),
        ((own, "--trust", "x"), errors.EXIT_USAGE),
    ):
        ran = place.run("policy", "bundle", *arguments, "-o", str(tmp_path / "out"))
        assert ran.code == code, ran.out + ran.err
        assert not (tmp_path / "out").exists()
