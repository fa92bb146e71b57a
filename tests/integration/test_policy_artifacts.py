"""`policy bundle`, `push` and `pull`, with real registries, other people's tools, and OPA."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pushpolicy import errors
from pushpolicy.evaluate.published.artifact import BUNDLE_NAME, PREFIX, STATEMENT_NAME
from pushpolicy.evaluate.published.bundle import read_bundle
from pushpolicy.evaluate.published.statement import MAX_SEQUENCE
from tests.keys import key
from tests.policies import ROOT, example, rule, write_policy
from tests.policy_artifacts import RULE, TEXT, Forged
from tests.programs import installed, tool
from tests.registries import PASSWORD, USERNAME, Registry, distribution_registry
from tests.workspace import IMAGE, TARGET, Ran, Workspace

SIZE = rule("too_large", 'deny contains {"at": {"id": "image"}, "msg": "too large"} if input.image.size > 10')
SETTINGS = "# Ours alone.\nscan_severity:\n  max_critical: 0\n"
WAIVERS = "max_days: 30\nwaivers: []\n"
Copy = Callable[[str, str, Path], None]


@pytest.fixture
def place(workspace: Workspace) -> Workspace:
    """The checkout; beside it, that of the organisation's policies, and its key."""
    above = workspace.folder.parent
    write_policy(above / "organisation", {RULE: TEXT}, settings=SETTINGS, waivers=WAIVERS)
    workspace.write("../organisation/README.md", "# Policies of the organisation\n")
    workspace.write(f"../organisation/{RULE}/{RULE}_test.rego", "package x_test\n\nimport rego.v2\n")
    (above / "org.key").write_bytes(key().private_pem())
    (above / "org.key").chmod(0o600)
    (above / "org.pub").write_text(key().public.pem)
    return workspace


def push(place: Workspace, reference: str, *more: str, sequence: int = 1) -> Ran:
    options = ("--key", "../org.key", "--name", "platform", "--sequence", str(sequence))
    return place.run("policy", "push", "../organisation", reference, *options, *more)


def check(place: Workspace, policy: str, *options: str) -> Ran:
    return place.run("check", IMAGE, TARGET, "--policy", "pack", "--policy", policy, *options)


ORG = ("--policy-key", "../org.pub=platform", "--min-sequence", "1")


def run(*argv: str | Path, folder: Path) -> str:
    environ = {**os.environ, "HOME": str(folder), "DOCKER_CONFIG": str(folder)}
    argv = (*argv,)
    done = subprocess.run(
        argv, cwd=folder, env=environ, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_pushed_it_decides_by_its_digest_and_by_its_tag(place: Workspace, any_registry: Registry) -> None:
    name = f"oci://{any_registry.host}/org/policy"
    ran = push(place, f"{name}:prod", "--expires", "2999-01-01T00:00:00Z")
    assert ran.code == errors.EXIT_OK, ran.err
    pinned = ran.out.strip()
    assert pinned.startswith(f"{name}@sha256:")
    by_digest = check(place, pinned)
    assert by_digest.code == errors.EXIT_OK, by_digest.err
    assert f"pack, {pinned} sha256:" in by_digest.out
    by_tag = check(place, f"{name}:prod", *ORG)
    assert by_tag.code == errors.EXIT_OK, by_tag.err
    assert f"pack, {pinned} signed by org sequence 1 sha256:" in by_tag.out
    # The same digest, since the same decides; and it may be said in any command.
    assert by_tag.out.partition("sequence 1 ")[2][:71] == by_digest.out.partition(f"{pinned} ")[2][:71]
    seen = place.run("policy", "inspect", "--policy", "pack", "--policy", f"{name}:prod", *ORG)
    assert seen.code == errors.EXIT_OK, seen.err
    assert "scan_severity" in seen.out


def test_its_rules_deny_and_its_waivers_count(place: Workspace) -> None:
    folder = place.folder.parent / "organisation"
    write_policy(folder, {"too_large": SIZE})
    push(place, "oci:../policies:prod")
    denied = check(place, "oci:../policies:prod", *ORG)
    assert denied.code == errors.EXIT_DENIED, denied.err
    assert "too_large  not met" in denied.out
    waiver = {"rule": "too_large", "id": "image", "reason": "r", "approver": "a", "expires": soon()}
    write_policy(folder, {}, waivers=json.dumps({"waivers": [waiver]}))
    push(place, "oci:../policies:prod", sequence=2)
    allowed = check(place, "oci:../policies:prod", *ORG)
    assert allowed.code == errors.EXIT_OK, allowed.out + allowed.err
    assert "(anchored)" in allowed.out


def test_what_reproduces_a_denial_says_who_signs_the_policy(place: Workspace) -> None:
    write_policy(place.folder.parent / "organisation", {"too_large": SIZE})
    push(place, "oci:../policies:prod")
    denied = place.push("--policy", "pack", "--policy", "oci:../policies:prod", *ORG)
    assert denied.code == errors.EXIT_DENIED
    (command,) = (line for line in denied.out.splitlines() if line.startswith("reproduce:"))
    again = place.shell(command.partition(" ")[2].strip())
    assert (again.code, again.err) == (errors.EXIT_DENIED, "")


def soon() -> str:
    from datetime import timedelta

    from pushpolicy.cli import environment

    return f"{environment.now() + timedelta(days=9):%Y-%m-%dT%H:%M:%SZ}"


def oras(source: str, target: str, folder: Path) -> None:
    run(tool("oras"), "cp", "--from-plain-http", "--to-plain-http", source, target, folder=folder)


def crane(source: str, target: str, folder: Path) -> None:
    run(tool("crane"), "copy", "--insecure", source, target, folder=folder)


def skopeo(source: str, target: str, folder: Path) -> None:
    options = ("--insecure-policy", "copy", "--src-tls-verify=false", "--dest-tls-verify=false")
    program = installed("skopeo", "skopeo")
    run(program, *options, f"docker://{source}", f"docker://{target}", folder=folder)


def regctl(source: str, target: str, folder: Path) -> None:
    hosts = {name.partition("/")[0] for name in (source, target)}
    for host in hosts:
        run(tool("regctl"), "registry", "set", "--tls=disabled", host, folder=folder)
    run(tool("regctl"), "image", "copy", source, target, folder=folder)


@pytest.mark.parametrize("copy", [oras, crane, skopeo, regctl], ids=lambda copy: copy.__name__)
def test_no_copy_is_without_its_signature(
    place: Workspace, olareg: Registry, distribution: Registry, tmp_path: Path, copy: Copy
) -> None:
    source, target = f"{olareg.host}/org/policy:prod", f"{distribution.host}/mirror/policy:prod"
    pinned = push(place, source).out.strip()
    copy(source, target, tmp_path)
    ran = check(place, f"oci://{target}", *ORG)
    assert ran.code == errors.EXIT_OK, ran.err
    assert pinned.partition("@")[2] in ran.out


def test_a_layout_that_oras_made_serves_offline(place: Workspace, olareg: Registry, tmp_path: Path) -> None:
    source = f"{olareg.host}/org/policy:prod"
    push(place, source)
    layout = place.folder.parent / "offline"
    options = ("--from-plain-http", "--to-oci-layout")
    run(tool("oras"), "cp", *options, source, f"{layout}:prod", folder=tmp_path)
    assert check(place, "oci:../offline:prod", *ORG).code == errors.EXIT_OK


def test_oras_pulls_what_opa_evaluates(place: Workspace, olareg: Registry, opa: Path, tmp_path: Path) -> None:
    write_policy(place.folder.parent / "organisation", {"too_large": SIZE})
    push(place, f"{olareg.host}/org/policy:prod")
    run(
        tool("oras"),
        "pull",
        "--plain-http",
        f"{olareg.host}/org/policy:prod",
        "-o",
        "pulled",
        folder=tmp_path,
    )
    assert {path.name for path in (tmp_path / "pulled").iterdir()} == {BUNDLE_NAME, STATEMENT_NAME}
    (tmp_path / "evidence.json").write_text(json.dumps(example()))
    bundle = str(tmp_path / "pulled" / BUNDLE_NAME)
    assert opa_says(opa, bundle, "data.pushpolicy.rules.too_large.deny", tmp_path)[0]["msg"] == "too large"
    assert opa_says(opa, bundle, "data.settings", tmp_path) == {"scan_severity": {"max_critical": 0}}
    assert opa_says(opa, bundle, "data.pushpolicy.waivers", tmp_path) == {"max_days": 30, "waivers": []}


def opa_says(opa: Path, bundle: str, query: str, folder: Path) -> Any:
    said = run(opa, "eval", "-b", bundle, "-i", "evidence.json", "--format", "json", query, folder=folder)
    return json.loads(said)["result"][0]["expressions"][0]["value"]


def test_opa_itself_downloads_it(place: Workspace, olareg: Registry, opa: Path, tmp_path: Path) -> None:
    """Its own downloader for OCI artifacts takes the first layer of the type that the bundle has."""
    push(place, f"{olareg.host}/org/policy:prod")
    config = {
        "services": {"registry": {"url": f"http://{olareg.host}", "type": "oci"}},
        "bundles": {"policy": {"service": "registry", "resource": f"{olareg.host}/org/policy:prod"}},
        "persistence_directory": str(tmp_path / "state"),
    }
    (tmp_path / "config.json").write_text(json.dumps(config))
    (tmp_path / "evidence.json").write_text(json.dumps(example()))
    argv = ("exec", "--config-file", "config.json", "--decision", "settings", "evidence.json")
    said = run(opa, *argv, folder=tmp_path)
    assert "max_critical" in said


def test_a_bundle_is_the_same_wherever_it_is_made(place: Workspace) -> None:
    folder = place.folder.parent / "organisation"
    assert place.run("policy", "bundle", "../organisation", "-o", "../one.tar.gz").code == errors.EXIT_OK
    for path in sorted(folder.rglob("*"), reverse=True):
        os.utime(path, (1, 1))
        path.chmod(0o700)
    (folder / "settings.yaml").write_text("scan_severity: {max_critical: 0} # ours\n")
    assert place.run("policy", "bundle", "../organisation", "-o", "../two.tar.gz").code == errors.EXIT_OK
    one, two = ((place.folder.parent / f"{name}.tar.gz").read_bytes() for name in ("one", "two"))
    assert one == two
    assert one[4:10] == bytes([0, 0, 0, 0, 2, 255])  # no time, no system
    assert set(read_bundle(one, "one").rules) == {RULE}


def test_what_is_pulled_is_what_was_pushed(place: Workspace) -> None:
    push(place, "oci:../policies:prod")
    ran = place.run("policy", "pull", "oci:../policies:prod", "-o", "../pulled", "--policy-key", ORG[1])
    assert ran.code == errors.EXIT_OK, ran.err
    assert "signed by org sequence 1" in ran.out
    for name in ("organisation", "pulled"):
        assert place.run("policy", "bundle", f"../{name}", "-o", f"../{name}.gz").code == errors.EXIT_OK
    one, two = ((place.folder.parent / f"{name}.gz").read_bytes() for name in ("organisation", "pulled"))
    assert one == two
    again = place.run("policy", "pull", "oci:../policies:prod", "-o", "../pulled", "--policy-key", ORG[1])
    assert again.code == errors.EXIT_USAGE
    assert "is there already" in again.complaint()
    unsaid = place.run("policy", "pull", "oci:../policies:prod", "-o", "../unsaid")
    assert (unsaid.code, "named by a tag" in unsaid.complaint()) == (errors.EXIT_USAGE, True)
    old = place.run("policy", "pull", "oci:../policies:prod", "-o", "../old", *ORG[:2], "--min-sequence", "2")
    assert (old.code, "older than" in old.complaint()) == (errors.EXIT_POLICY, True)
    assert not (place.folder.parent / "old").exists()


def test_a_release_never_goes_back_and_never_over_an_image(place: Workspace) -> None:
    assert push(place, "oci:../policies:prod", sequence=7).code == errors.EXIT_OK
    for sequence in (7, 6):
        ran = push(place, "oci:../policies:prod", sequence=sequence)
        assert (ran.code, "is sequence 7 already" in ran.complaint()) == (errors.EXIT_USAGE, True)
        assert ran.hint() == "give it 8 or more"
    place.push()
    ran = push(place, TARGET, sequence=8)
    assert (ran.code, "names no policy" in ran.complaint()) == (errors.EXIT_USAGE, True)


@pytest.mark.parametrize("last", [9, MAX_SEQUENCE - 1, MAX_SEQUENCE])
def test_a_number_that_another_key_signed_is_not_followed(place: Workspace, last: int) -> None:
    """Whoever can write there could have all numbers used up: nobody could release any more."""
    Forged(statement={"sequence": last}, signers=("other",)).store(place.folder.parent / "policies", "prod")
    ran = push(place, "oci:../policies:prod", sequence=8)
    assert (ran.code, f"sequence {last}, which this key did not sign" in ran.complaint()) == (2, True)
    assert "find out who put it there" in ran.hint()
    assert str(last + 1) not in ran.err


def test_the_number_of_a_release_is_the_one_that_is_signed(place: Workspace) -> None:
    shown = {"annotations": {f"{PREFIX}sequence": "1"}}
    Forged(statement={"sequence": 9}, document=shown).store(place.folder.parent / "policies", "prod")
    ran = push(place, "oci:../policies:prod", sequence=8)
    assert (ran.code, "is sequence 9 already" in ran.complaint()) == (errors.EXIT_USAGE, True)
    Forged(statement={"sequence": MAX_SEQUENCE}).store(place.folder.parent / "policies", "end")
    ran = push(place, "oci:../policies:end", sequence=8)
    assert ran.hint() == "there is no larger one: --name another"
    Forged(envelope=b"{}").store(place.folder.parent / "policies", "broken")
    assert push(place, "oci:../policies:broken", sequence=1).code == errors.EXIT_OK


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (["--name", "Platform!"], "the statement to be signed is malformed"),
        (["--expires", "tomorrow"], "--expires 'tomorrow' is no time"),
        (["--expires", "2099-01-01"], "--expires '2099-01-01' has no zone"),
        (["--expires", "2020-01-01T00:00:00Z"], "is over already"),
        (["--sequence", "0"], "0 is not in the range"),
        (["--key", "../org.pub"], "is a public key, where the private one belongs"),
    ],
)
def test_what_cannot_be_signed_is_refused(place: Workspace, options: list[str], why: str) -> None:
    ran = push(place, "oci:../policies:prod", *options)
    assert (ran.code, why in ran.err) == (errors.EXIT_USAGE, True), ran.err
    assert not (place.folder.parent / "policies").exists()


@pytest.mark.parametrize("reference", ["oci:../policies", "oci:../policies@sha256:" + "0" * 64, "policies"])
def test_a_release_is_stored_as_a_tag(place: Workspace, reference: str) -> None:
    assert push(place, reference).code == errors.EXIT_USAGE


def test_what_would_not_load_is_not_signed(place: Workspace) -> None:
    folder = place.folder.parent / "organisation"
    (folder / RULE / f"{RULE}.rego").write_text(TEXT.replace("deny contains", "denied contains"))
    ran = push(place, "oci:../policies:prod")
    assert ran.code == errors.EXIT_POLICY, ran.err
    assert f"../organisation/{RULE}/{RULE}.rego:" in ran.err
    empty = place.folder.parent / "empty"
    empty.mkdir()
    ran = place.run("policy", "bundle", "../empty", "-o", "x")
    assert (ran.code, "no policy in it" in ran.complaint()) == (errors.EXIT_POLICY, True)


def test_a_record_says_that_the_signature_is_not_verified_there(place: Workspace) -> None:
    """Its rules and data are in the record; what was signed about them is not."""
    pinned = push(place, "oci:../policies:prod").out.strip()
    options = ("--policy", "pack", "--policy", "oci:../policies:prod", *ORG)
    assert place.push(*options).code == errors.EXIT_OK
    shown = place.run("audit", "show", TARGET)
    assert shown.code == errors.EXIT_OK, shown.err
    said = f"{pinned} signed by org sequence 1"
    assert "not anchored: its policy is not verified here" in shown.out.splitlines()[0]
    assert re.search(rf"policy: +pack, {re.escape(said)} sha256:\w+ \(not verified here\)", shown.out)
    listed = place.run("audit", "list", "oci:registry")
    assert (listed.code, "its policy is not verified here" in listed.out) == (errors.EXIT_OK, True)
    replayed = place.run("audit", "replay", TARGET)
    assert replayed.code == errors.EXIT_OK, replayed.out
    same = place.run("audit", "replay", TARGET, "--policy", "pack", "--policy", pinned)
    assert same.code == errors.EXIT_OK, same.out


PAGE = (ROOT / "docs/policy-artifacts.md").read_text()
COMMANDS = [line.strip() for line in PAGE.splitlines() if line.startswith("    pushpolicy ")]
BLOCKS = dict(
    zip(
        ("rule", "enforcement", "waivers"),
        re.findall(r"```(?:rego|yaml)\n(.*?)```", PAGE, re.DOTALL),
        strict=True,
    )
)


def follow(place: Workspace, registry: Registry, command: str, *more: str) -> Ran:
    """A command of the page; what is about the policy's own folder runs there."""
    is_theirs = " . " in f"{command} " or "keygen" in command
    folder = place.folder.parent / "organisation" if is_theirs else place.folder
    return replace(place, folder=folder).shell(command.replace("registry.example", registry.host), *more)


def test_the_page_begins_as_it_is_written(place: Workspace, olareg: Registry) -> None:
    (place.folder.parent / "keys").mkdir()
    made, pushed, by_digest, by_tag = COMMANDS[:4]
    assert follow(place, olareg, made).code == errors.EXIT_OK
    digest = follow(place, olareg, pushed).out.strip().rpartition("@")[2]
    for command in (by_digest.replace("sha256:DIGEST", digest), by_tag):
        ran = follow(place, olareg, command)
        assert ran.code == errors.EXIT_OK, command + ran.err


def test_an_organisation_lives_with_it(place: Workspace, olareg: Registry) -> None:
    folder, soon_ = place.folder.parent / "organisation", soon()
    shutil.rmtree(folder)
    dated = {name: re.sub(r"20\d\d-[-0-9T:]+Z", soon_, text) for name, text in BLOCKS.items()}
    write_policy(folder, {"licence_named": dated["rule"]}, enforcement=dated["enforcement"])
    (place.folder.parent / "keys").mkdir(mode=0o700)
    for name in ("org.key", "org.pub"):
        (place.folder.parent / name).rename(place.folder.parent / "keys" / name)
    checked, released, pushed, replayed, inspected = COMMANDS[4:]

    def tried(repository: str) -> Ran:
        return follow(place, olareg, pushed.replace("shop/web", f"shop/{repository}"))

    def release(sequence: int) -> None:
        ran = follow(place, olareg, released.replace("101", str(sequence)))
        assert ran.code == errors.EXIT_OK, ran.err

    assert follow(place, olareg, checked).code == errors.EXIT_OK
    release(101)
    for repository in ("web", "api", "legacy"):
        ran = tried(repository)
        assert (ran.code, "warned:" in ran.out) == (errors.EXIT_OK, True), ran.out + ran.err
        assert "licence_named (artifact)" in ran.out
    (folder / "enforcement.yaml").unlink()
    what_if = follow(place, olareg, replayed)
    assert what_if.code == errors.EXIT_OK, what_if.err
    assert "stricter" in what_if.out
    release(102)
    assert {tried(repository).code for repository in ("web", "api", "legacy")} == {errors.EXIT_DENIED}
    write_policy(folder, {}, waivers=dated["waivers"].replace("registry.example", olareg.host))
    release(103)
    assert tried("api").code == errors.EXIT_DENIED
    allowed = tried("legacy")
    assert (allowed.code, "waived" in allowed.out, "(anchored)" in allowed.out) == (0, True, True), (
        allowed.out
    )
    seen = follow(place, olareg, inspected)
    assert seen.code == errors.EXIT_OK, seen.err
    assert "waiver (artifact) of licence_named linux/amd64" in seen.out


def test_what_is_given_by_hand_is_for_the_registry_of_the_target(place: Workspace, tmp_path: Path) -> None:
    given = place.with_variables(PUSHPOLICY_USERNAME=USERNAME, PUSHPOLICY_PASSWORD=PASSWORD)
    with (
        distribution_registry(tmp_path / "target", auth="basic") as target,
        distribution_registry(tmp_path / "other", auth="basic") as other,
    ):
        image = f"{target.host}/org/app:1.0.0"
        for registry in (target, other):
            assert push(given, f"oci://{registry.host}/org/policy:prod").code == errors.EXIT_OK
        options = ("--policy", "pack", *ORG, "--policy")
        own = given.run("check", IMAGE, image, *options, f"oci://{target.host}/org/policy:prod")
        assert own.code == errors.EXIT_OK, own.err
        for ran in (
            given.run("check", IMAGE, image, *options, f"oci://{other.host}/org/policy:prod"),
            given.run("policy", "inspect", *options, f"oci://{target.host}/org/policy:prod"),
        ):
            assert (ran.code, "401 Unauthorized" in ran.complaint()) == (errors.EXIT_POLICY, True), ran.err
            assert ran.hint().startswith("docker login ")
            assert "(no credential was shown)" in ran.complaint()


@pytest.mark.parametrize("name", ["oci:../policies:prod", "oci://registry.example/org/policy:prod", "pack"])
def test_the_checkout_names_no_artifact(place: Workspace, name: str) -> None:
    push(place, "oci:../policies:prod")
    place.committed("pushpolicy.yaml", f"policy: ['{name}']\n")
    ran = place.run("check", IMAGE, TARGET, "--policy", "pack")
    assert (ran.code, "is not there" in ran.complaint()) == (errors.EXIT_POLICY, True)
    assert "--policy takes pack, pack:strict and oci://REGISTRY/REPO@DIGEST as well" in ran.hint()


def test_what_it_would_have_decided(place: Workspace) -> None:
    """Also in audit, whose --policy is the same."""
    assert place.push().code == errors.EXIT_OK
    write_policy(place.folder.parent / "organisation", {"too_large": SIZE})
    pinned = push(place, "oci:../policies:prod").out.strip()
    ran = place.run("audit", "replay", TARGET, "--policy", "pack", "--policy", pinned)
    assert ran.code == errors.EXIT_DIFFERS, ran.err
    assert "too_large" in ran.out
    sides = "pack,../organisation", "--fail-on", "any"
    for before, keys in ((pinned, ()), ("oci:../policies:prod", ORG)):
        same = place.run("policy", "diff", f"pack,{before}", *sides, *keys)
        assert same.code == errors.EXIT_OK, same.out + same.err
    unsigned = place.run("policy", "diff", "pack", *sides, *ORG)
    assert (unsigned.code, "none is named" in unsigned.complaint()) == (errors.EXIT_USAGE, True)
