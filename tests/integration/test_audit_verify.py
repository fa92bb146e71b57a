"""`audit verify`: what a listed key vouches for is valid, and everything that is wrong is told by itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from pushpolicy import errors
from tests.keys import key
from tests.registries import Registry
from tests.workspace import Workspace


class Signing:
    """A workspace whose pushes are signed, and who is believed."""

    def __init__(self, place: Workspace, folder: Path) -> None:
        folder.mkdir()
        self.place = place
        self.folder = folder
        self.trust = self.listed("trust.yaml")

    def key(self, name: str = "ci") -> str:
        """The file of a private key."""
        path = self.folder / f"{name}.key"
        path.write_bytes(key(name).private_pem())
        path.chmod(0o600)
        return str(path)

    def listed(self, file: str, name: str = "ci", **fields: str) -> str:
        """A trust.yaml that lists a key."""
        lines = ["keys:", f"  {name}:", "    role: decide"]
        lines += [f'    {field}: "{value}"' for field, value in fields.items()]
        pem = "\n".join(f"      {line}" for line in key(name).public.pem.splitlines())
        path = self.folder / file
        path.write_text("\n".join([*lines, "    key: |", pem, ""]))
        return str(path)

    def push(self, target: str, *options: str, name: str = "ci") -> None:
        ran = self.place.push("--key", self.key(name), *options, target=target)
        assert ran.code == errors.EXIT_OK, ran.err


@pytest.fixture
def signing(workspace: Workspace, tmp_path: Path) -> Signing:
    """Pushes that are signed by the key `ci`."""
    return Signing(workspace, tmp_path / "keys")


@pytest.fixture(params=["layout", "distribution", "olareg"])
def target(request: pytest.FixtureRequest) -> str:
    """A repository of each kind."""
    if request.param == "layout":
        return "oci:registry"
    registry: Registry = request.getfixturevalue(request.param)
    return f"{registry.host}/team/app"


def test_what_a_listed_key_signed_is_valid(signing: Signing, target: str) -> None:
    signing.push(f"{target}:1.0")
    signing.push(f"{target}:1.0")
    ran = signing.place.run("audit", "verify", f"{target}:1.0", "--trust", signing.trust)
    assert ran.code == errors.EXIT_OK
    first = ran.out.splitlines()[0]
    assert first.startswith("ALLOW ")
    assert first.endswith("verified by ci, newest of those found")
    for command in ("list", "show", "replay"):
        ran = signing.place.run("audit", command, f"{target}:1.0", "--trust", signing.trust)
        assert ran.code == errors.EXIT_OK
        assert "verified by ci" in ran.out.splitlines()[0]
        ran = signing.place.run("audit", command, f"{target}:1.0")
        assert "signature: not checked" in ran.out.splitlines()[0]
