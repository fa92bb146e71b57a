"""`audit verify`: what a listed key vouches for is valid, and everything that is wrong is told by itself."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from pushpolicy import errors
from tests.keys import key
from tests.programs import tool
from tests.registries import Registry, distribution_registry
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


def test_without_keys_it_is_said_what_is_not_checked(signing: Signing, target: str) -> None:
    signing.push(f"{target}:1.0")
    assert signing.place.push(target=f"{target}:1.0").code == errors.EXIT_OK
    ran = signing.place.run("audit", "list", target)
    assert ran.code == errors.EXIT_OK
    lines = [line for line in ran.out.splitlines() if not line.startswith("  ")]
    assert sorted("unsigned" in line for line in lines) == [False, True]
    assert sorted("signature: not checked" in line for line in lines) == [False, True]
    ran = signing.place.run("audit", "list", target, "--format", "json")
    assert sorted(each["signature"] for each in ran.json["records"]) == ["not checked", "unsigned"]
    ran = signing.place.run("audit", "list", target, "--format", "json", "--trust", signing.trust)
    assert ran.code == errors.EXIT_RECORD
    (record,), (problem,) = ran.json["records"], ran.json["problems"]
    assert (record["signature"], record["signed_by"]) == ("verified", ["ci"])
    assert problem["reason"].endswith("is unsigned")
    ran = signing.place.run("audit", "verify", f"{target}:1.0", "--trust", signing.trust)
    assert ran.code == errors.EXIT_OK, ran.out
    assert "ignored:" in ran.out


def test_a_tag_that_was_pushed_unsigned_begins_anew_by_the_trust_file(signing: Signing, target: str) -> None:
    """docs/keys.md, "The first signed push"."""
    tag = f"{target}:1.0"
    assert signing.place.push(target=tag).code == errors.EXIT_OK
    ran = signing.place.push("--key", signing.key(), "--trust", signing.trust, target=tag)
    assert (ran.code, "was not verified" in ran.out) == (errors.EXIT_OK, False)
    ran = signing.place.run("audit", "verify", tag, "--trust", signing.trust)
    assert (ran.code, "NOT VALID" in ran.out) == (errors.EXIT_OK, False)
    assert "number 1 of 1.0, and all before it are there" in ran.out
    assert ran.out.count("is unsigned") == 1


def test_without_a_trust_file_a_push_goes_on_from_what_is_unsigned(signing: Signing, target: str) -> None:
    """Which it notes; and audit says what there is to do about it."""
    tag = f"{target}:1.0"
    assert signing.place.push(target=tag).code == errors.EXIT_OK
    ran = signing.place.push("--key", signing.key(), target=tag)
    assert (ran.code, "the record before was not verified" in ran.out) == (errors.EXIT_OK, True)
    ran = signing.place.run("audit", "verify", tag, "--trust", signing.trust)
    assert ran.code == errors.EXIT_RECORD
    first, fix, *rest = ran.out.splitlines()
    assert first.startswith("NOT VALID: chain: number 1 of the tag 1.0, record sha256:")
    assert first.endswith(", does not count: it is unsigned")
    assert "With --trust FILE a new tag begins a chain that holds" in fix
    assert sum(line.endswith("is unsigned") for line in rest) == 1


def test_a_public_key_alone_is_a_trust_file(signing: Signing) -> None:
    signing.push("oci:registry:1.0")
    file = signing.folder / "release.pub"
    file.write_text(key().public.pem)
    ran = signing.place.run("audit", "verify", "oci:registry:1.0", "--trust", str(file))
    assert (ran.code, "verified by release" in ran.out.splitlines()[0]) == (errors.EXIT_OK, True)


def test_a_copy_is_verified_offline(signing: Signing, tmp_path: Path) -> None:
    """No registry is asked: it is gone. The copy says nothing of what the tag names there now."""
    with distribution_registry(tmp_path / "distribution") as registry:
        place, copy = f"{registry.host}/team/app:main", tmp_path / "copy"
        signing.push(place, "--tag", "1.0")
        signing.place = signing.place.committed("notes.txt", "later")
        signing.push(place, "--tag", "1.1")
        to_layout = ("--from-plain-http", place, "--to-oci-layout", f"{copy}:main")
        copied = subprocess.run([tool("oras"), "copy", "-r", *to_layout], capture_output=True, check=False)
        assert copied.returncode == 0, copied.stderr
    options = ("--trust", signing.trust, "--offline", str(copy))
    ran = signing.place.run("audit", "verify", place, *options)
    assert ran.code == errors.EXIT_OK, ran.out
    assert "tag:        not checked: what main names in the registry is not asked: offline" in ran.out
    assert "chain:      not checked: number 1 of the tag main, record sha256:" in ran.out
    ran = signing.place.run("audit", "verify", place.replace("team/app", "team/other"), *options)
    assert ran.code == errors.EXIT_RECORD
    assert f"for another repository: {registry.host}/team/app" in ran.out


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("oci:registry:1.0",), "verify does not know whose signatures count"),
        (("oci:registry", "--trust", "TRUST"), "oci:registry names no image"),
        (("oci:registry:1.0", "--trust", "TRUST", "--max-age", "soon"), "--max-age soon is no duration"),
        (("oci:registry:1.0", "--trust", "absent"), "--trust absent: No such file or directory"),
        (
            ("oci:registry:1.0", "--trust", "TRUST", "--offline", "x", "--records", "oci:y"),
            "--offline and --records: the copy has the records",
        ),
    ],
)
def test_what_is_asked_wrongly_is_said(signing: Signing, arguments: tuple[str, ...], complaint: str) -> None:
    signing.push("oci:registry:1.0")
    given = [signing.trust if each == "TRUST" else each for each in arguments]
    ran = signing.place.run("audit", "verify", *given)
    assert ran.code in (errors.EXIT_USAGE, errors.EXIT_INPUT)
    assert complaint in ran.complaint()
    assert ran.hint()


def test_what_is_not_there_is_not_valid(signing: Signing) -> None:
    signing.push("oci:registry:1.0")
    ran = signing.place.run("audit", "verify", "oci:registry:2.0", "--trust", signing.trust)
    assert (ran.code, ran.err) == (errors.EXIT_RECORD, "")
    assert ran.out.startswith("NOT VALID: list: there is no oci:registry:2.0\n")


def test_records_that_are_apart(signing: Signing, distribution: Registry, olareg: Registry) -> None:
    """The image in one registry, its record and what is signed about it in another."""
    place, records = f"{distribution.host}/team/app:1.0", ("--records", f"{olareg.host}/audit/records")
    signing.push(place, *records)
    ran = signing.place.run("audit", "verify", place, "--trust", signing.trust, *records)
    assert ran.code == errors.EXIT_OK, ran.out
    ran = signing.place.run("audit", "verify", place, "--trust", signing.trust)
    assert ran.code == errors.EXIT_RECORD
    assert f"{place} has no record" in ran.out
