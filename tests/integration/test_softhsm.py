"""docs/keys.md: the key of a PKCS#11 token, as the page makes it, and the script that signs with it."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from pushpolicy import errors
from pushpolicy.signing.keys import read_public
from tests.plugins import kept_folder
from tests.policies import ROOT
from tests.programs import installed
from tests.workspace import Workspace

PAGE = (ROOT / "docs/keys.md").read_text(encoding="utf-8")
SECTION = PAGE.partition("### A PKCS#11 token\n")[2].partition("\n### ")[0]
MAKES, SCRIPT = re.findall(r"```sh\n(.*?)```", SECTION, re.DOTALL)
MODULE = Path("/usr/lib/softhsm/libsofthsm2.so")


@pytest.fixture(scope="module")
def token() -> Iterator[Path]:
    """A folder with the token and the script, both made as the page says."""
    for name, package in {"softhsm2-util": "softhsm2", "pkcs11-tool": "opensc", "openssl": "openssl"}.items():
        installed(name, package)
    assert str(MODULE) in MAKES
    assert str(MODULE) in SCRIPT
    with kept_folder() as folder:
        subprocess.run(["/bin/sh", "-euc", MAKES], cwd=folder, check=True, capture_output=True)
        (folder / "hsm").write_text(SCRIPT)
        (folder / "hsm").chmod(0o700)
        yield folder


def variables(token: Path) -> dict[str, str]:
    (pin,) = re.findall(r" HSM_PIN=(\S+)", MAKES)
    return {"SOFTHSM2_CONF": str(token / "softhsm2.conf"), "HSM_PIN": pin}


def public(token: Path) -> str:
    done = subprocess.run(
        [token / "hsm", "public"],
        env={"PATH": "/usr/bin:/bin", **variables(token)},
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout


def test_a_push_is_signed_by_the_token(workspace: Workspace, token: Path) -> None:
    fingerprint = read_public(public(token)).fingerprint
    place = workspace.with_variables(**variables(token))
    trust = workspace.folder.parent / "trust.yaml"
    indented = "".join(f"      {line}\n" for line in public(token).splitlines())
    trust.write_text(f"keys:\n  release:\n    role: decide\n    key: |\n{indented}")
    options = ("--policy", "pack:tests_passed", "--trust", str(trust))
    ran = place.push(*options, "--key", f"exec:{token}/hsm", "--format", "json")
    assert ran.code == errors.EXIT_OK, ran.err
    assert ran.json["published"]["signature"] == {"key": fingerprint, "name": "release", "approval": True}


def test_what_the_token_says_is_told(workspace: Workspace, token: Path) -> None:
    place = workspace.with_variables(**variables(token) | {"HSM_PIN": "1111-1111"})
    ran = place.push("--policy", "pack:tests_passed", "--key", f"exec:{token}/hsm")
    assert ran.code == errors.EXIT_USAGE
    assert "hsm sign ended with exit code 1: " in ran.complaint()
    assert "CKR_PIN_INCORRECT" in ran.complaint()
    assert not workspace.published
