"""`--key exec:PROGRAM`, and what programs are told that pushpolicy starts: of a key nothing."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from pushpolicy import errors
from pushpolicy.gather.checkout import find_git
from tests.keys import key
from tests.plugins import SIGN, kept_folder, plugin
from tests.registries import Registry
from tests.workspace import JUNIT, Workspace

POLICY = ("--policy", "pack:tests_passed")


@pytest.fixture
def kept() -> Iterator[Path]:
    """A folder that a program may lie in."""
    with kept_folder() as folder:
        yield folder


def test_a_push_is_signed_by_the_key_that_a_program_holds(workspace: Workspace, kept: Path) -> None:
    ran = workspace.push(*POLICY, "--key", f"exec:{plugin(kept)}")
    assert ran.code == errors.EXIT_OK, ran.err
    assert f"({key().public.fingerprint[:16]}), as a verification summary" in ran.out


def test_so_is_a_policy(workspace: Workspace, kept: Path) -> None:
    workspace.write("rules/settings.yaml", "tests_passed: {}\n")
    stored = "policy", "push", "rules", "oci:policies:1", "--name", "acme", "--sequence", "1"
    ran = workspace.run(*stored, "--key", f"exec:{plugin(kept)}")
    assert ran.code == errors.EXIT_OK, ran.err
    assert f"signed by {key().public.fingerprint[:12]}" in ran.err
    ran = workspace.run(*stored[:-1], "2", "--key", f"exec:{plugin(kept, sign='exit 1')}")
    assert ran.code == errors.EXIT_USAGE
    assert "the policy cannot be signed: the key exec:" in ran.complaint()


@pytest.mark.parametrize(
    ("public", "sign", "why"),
    [
        ("exit 4", SIGN, "--key exec:{program} public ended with exit code 4: without a word"),
        ("cat {folder}/ci.pub", "echo no >&2; exit 1", "exec:{program} sign ended with exit code 1: no"),
        ("cat {folder}/ci.pub", "echo no", "exec:{program} sign printed 3 bytes that are no signature"),
    ],
)
def test_without_a_signature_nothing_is_sent(
    workspace: Workspace, kept: Path, olareg: Registry, public: str, sign: str, why: str
) -> None:
    program = plugin(kept, public, sign)
    target = f"{olareg.host}/team/app:1"
    ran = workspace.push(*POLICY, "--key", f"exec:{program}", target=target)
    assert ran.code == errors.EXIT_USAGE
    assert why.format(program=program) in ran.complaint()
    assert not [each for each in olareg.requests() if each.method not in ("GET", "HEAD")]


def test_before_an_allow_it_is_not_run(workspace: Workspace, kept: Path) -> None:
    program = plugin(kept, public=f"touch {kept}/ran")
    ran = workspace.push("--policy", "pack:coverage_minimum", "--key", f"exec:{program}")
    assert ran.code == errors.EXIT_DENIED
    assert not (kept / "ran").exists()


def test_one_of_the_checkout_is_not_run(workspace: Workspace, kept: Path) -> None:
    program = plugin(workspace.path("bin/x").parent)
    (kept / "link").symlink_to(program)
    for name in (program, kept / "link"):
        ran = workspace.push(*POLICY, "--key", f"exec:{name}")
        assert ran.code == errors.EXIT_USAGE
        assert "lies inside the checkout that is judged" in ran.complaint()


@pytest.mark.parametrize("name", ["signer", "", "signer --slot 1"])
def test_it_is_an_absolute_path_without_arguments(workspace: Workspace, name: str) -> None:
    ran = workspace.push(*POLICY, "--key", f"exec:{name}")
    assert ran.code == errors.EXIT_USAGE
    assert "is no absolute path" in ran.complaint()
    assert not workspace.published


SECRETS = {
    "PUSHPOLICY_SIGNING_KEY": key("other").private_pem().decode(),
    "PUSHPOLICY_KEY_PASSPHRASE": "said-by-nobody-1",
}
OWN = {"PUSHPOLICY_JOBS_TOKEN": "said-by-nobody-2", "PUSHPOLICY_OPA_TOKEN": "said-by-nobody-3"}


class Spies:
    """Stand before programs, and write down what each is given.

    Args:
        folder: that they lie in.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        (folder / "seen").mkdir()

    def before(self, program: str | Path | None, name: str) -> Path:
        """A program that does what this one does; None for one that says yes."""
        spy = self._folder / name
        then = f'exec {program} "$@"' if program else "exit 0"
        spy.write_text(f"#!/bin/sh\n/usr/bin/env > {self._folder}/seen/{name}.$$\n{then}\n")
        spy.chmod(0o755)
        return spy

    def seen(self) -> dict[str, str]:
        """The environments that each program was given, as text."""
        found: dict[str, str] = {}
        for file in sorted((self._folder / "seen").iterdir()):
            found[file.stem] = found.get(file.stem, "") + file.read_text()
        return found


def _helper(spies: Spies, home: Path, folder: Path) -> None:
    """A credential helper that is asked for every registry."""
    answer = json.dumps({"Username": "me", "Secret": "of-the-registry"})
    real = folder / "answering"
    real.write_text(f"#!/bin/sh\necho '{answer}'\n")
    real.chmod(0o755)
    spies.before(real, "docker-credential-spy")
    (home / ".docker").mkdir(parents=True, exist_ok=True)
    (home / ".docker/config.json").write_text(json.dumps({"credsStore": "spy"}))


def test_no_program_is_told_of_a_key(workspace: Workspace, kept: Path, opa: Path, olareg: Registry) -> None:
    """OPA, git, a credential helper, a program that signs, and a command that is captured."""
    spies, home = Spies(kept), Path(workspace.environ["HOME"])
    _helper(spies, home, kept)
    engine, git = spies.before(opa, "opa"), spies.before(find_git(), "git")
    signer, scanner = spies.before(plugin(kept), "signs"), spies.before(None, "scanner")
    pair = base64.b64encode(b"me:of-the-registry").decode()
    place = workspace.with_variables(
        **SECRETS,
        **OWN,
        PATH=f"{kept}:{workspace.environ['PATH']}",
        GITHUB_TOKEN="said-by-nobody-4",
        MY_REGISTRY=f'{{"auths": {{"x": {{"auth": "{pair}"}}}}}}',
        HSM_PIN="for the program that signs",
    )
    assert place.run("run", "scans", "--name", "spied", "--", str(scanner)).code == 0
    options = (*POLICY, "--engine", str(engine), "--git", str(git), "--key", f"exec:{signer}")
    target = f"{olareg.host}/team/app:1"
    ran = place.push(*options, target=target)
    assert ran.code == errors.EXIT_OK, ran.err
    seen = spies.seen()
    assert seen.keys() == {"opa", "git", "docker-credential-spy", "signs", "scanner"}
    private = SECRETS["PUSHPOLICY_SIGNING_KEY"].splitlines()[1]
    for program, environ in seen.items():
        for value in (private, "said-by-nobody-1", "said-by-nobody-2", "said-by-nobody-3"):
            assert value not in environ, program
    # What signs has what its token may need, and nothing by which one pushes.
    assert "HSM_PIN=for the program that signs" in seen["signs"]
    for value in ("PUSHPOLICY_", "said-by-nobody-4", "of-the-registry", pair, str(kept) + ":"):
        assert value not in seen["signs"]


def test_a_key_that_a_report_holds_is_found_although_no_program_inherits_it(workspace: Workspace) -> None:
    """Records hold no secret of the run, and this one is no longer in the environment."""
    line = SECRETS["PUSHPOLICY_SIGNING_KEY"].splitlines()[1]
    workspace.write("junit.xml", JUNIT.replace("test_page", line))
    ran = workspace.with_variables(**SECRETS).push(*POLICY)
    assert ran.code == errors.EXIT_INPUT
    assert "PUSHPOLICY_SIGNING_KEY" in ran.complaint()
    assert line not in ran.out + ran.err
    assert not workspace.published
