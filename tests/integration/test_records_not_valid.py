"""Whatever is done to a signed record, `audit verify` ends with 51 and says which thing is wrong."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from pushpolicy import errors
from pushpolicy.cli.main import main
from pushpolicy.demo.shell import Shell
from pushpolicy.errors import PushError
from pushpolicy.gather.records import _about
from pushpolicy.model.decision import Link
from pushpolicy.model.descriptor import Descriptor
from pushpolicy.model.digest import Digest
from pushpolicy.model.manifest import OCI_MANIFEST
from pushpolicy.records import format as names
from pushpolicy.records.chain import records_before
from pushpolicy.records.signed import Trusted
from pushpolicy.registry.layout.repository import LayoutRepository
from pushpolicy.signing import bundle
from pushpolicy.signing.trust import Key
from tests import workspace as workspaces
from tests.forgeries import envelopes, statements
from tests.forgeries.places import denied
from tests.forgeries.scene import TAG, Said, Scene
from tests.forgeries.table import MODULES, TABLE
from tests.forgery import Parts
from tests.keys import entry, key
from tests.workspace import Workspace, harmless


@pytest.fixture(scope="module")
def honest(project: Shell, opa: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The layout that two signed pushes of one tag wrote, each of another image."""
    del opa
    top = tmp_path_factory.mktemp("honest")
    folder, environ = workspaces.copied(project, top)
    place = Workspace(folder=folder, environ=environ, run_here=lambda *_: pytest.fail("a process of its own"))
    (top / "ci.key").touch(0o600)
    (top / "ci.key").write_bytes(key().private_pem())
    for version in ("1.0.0", "1.0.1"):
        place = place.committed("notes.txt", version)
        with place.start(
            *(
                "push",
                workspaces.IMAGE,
                f"oci:registry:{TAG}",
                "--tag",
                version,
                "--key",
                str(top / "ci.key"),
            ),
            stderr=subprocess.STDOUT,
        ) as process:
            out, _ = process.communicate()
        assert process.returncode == errors.EXIT_OK, out.decode()
    workspaces.fail_a_test(place)
    with place.start(
        *("push", workspaces.IMAGE, f"oci:registry:{TAG}", "--tag", version, "--key", str(top / "ci.key")),
        *("--denials", "oci:denials"),
        stderr=subprocess.STDOUT,
    ) as process:
        out, _ = process.communicate()
    assert process.returncode == errors.EXIT_DENIED, out.decode()
    return folder / "registry"


@pytest.fixture
def scene(honest: Path, tmp_path: Path) -> Scene:
    """A copy of the layout."""
    folder = tmp_path / "registry"
    shutil.copytree(honest, folder)
    return Scene.of(folder, honest.parent / "denials")


# What the first line of a list says, and what stands there before the name of the key if it is not so.
IS_ALLOWED = re.compile(
    r"\S+  ALLOW (?!.* (?:unknown policy: |for another repository: |is not among those decided).* verified)"
)


class Verify:
    """Runs `audit verify` in this process."""

    def __init__(self, capsys: pytest.CaptureFixture[str], folder: Path) -> None:
        self._capsys = capsys
        self._folder = folder

    def __call__(
        self, reference: str, *options: str, command: str = "verify", keys: Any = None, **fields: Any
    ) -> tuple[int, str]:
        trust = self._folder / "trust.yaml"
        trust.write_text(json.dumps({"keys": keys or {"ci": entry(**fields)}}))
        self._capsys.readouterr()
        code = main(["audit", command, reference, "--trust", str(trust), *options])
        out, err = self._capsys.readouterr()
        assert code != errors.EXIT_BUG, err
        assert harmless(out + err)
        return code, out + err


@pytest.fixture
def verify(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Verify:
    """The command line."""
    return Verify(capsys, tmp_path)


def test_the_control(scene: Scene, verify: Verify) -> None:
    code, out = verify(scene.name())
    assert code == errors.EXIT_OK, out
    assert out.splitlines()[0].endswith("verified by ci, newest of those found")
    assert "number 2 of main, and all before it are there" in out
    forged = scene.forge(lambda _: None)
    assert forged.content == scene.new[1].content
    assert verify(scene.name())[0] == errors.EXIT_OK


@pytest.mark.parametrize("case", TABLE)
def test_what_was_done_to_it_is_said(case: str, scene: Scene, verify: Verify) -> None:
    row = TABLE[case]
    asked = row.attack(scene)
    name = asked if isinstance(asked, str) else scene.name(row.tag)
    code, out = verify(name, keys=row.keys)
    assert code == errors.EXIT_RECORD, out
    wrong = [line for line in out.splitlines() if line.startswith("NOT VALID: ")]
    assert any(row.says in line for line in wrong), out
    assert out.startswith("NOT VALID: ")
    assert "unknown policy" not in out or "not checked: it is not decided again by a policy that is" in out
    if row.shown:
        return
    code, out = verify(name, command="show", keys=row.keys)
    assert not out.startswith("ALLOW "), out
    assert code == errors.EXIT_RECORD or out.startswith("DENY "), out
    code, out = verify(name, command="list", keys=row.keys)
    # The record before is there, whatever becomes of this one.
    assert not IS_ALLOWED.match(out) or f"record {scene.old[1].digest}" in out.splitlines()[0], out


@pytest.mark.parametrize("case", [*envelopes.ROWS, *statements.ROWS])
def test_what_was_signed_otherwise_promotes_nothing(case: str, scene: Scene) -> None:
    """Nor is it the record before: what is read of a repository for a push is read as strictly."""
    row = TABLE[case]
    row.attack(scene)
    keys = msgspec.convert(row.keys, dict[str, Key])
    now, image = datetime.now(UTC), scene.new[0].digest
    trusted = Trusted(keys=keys, repository=scene.client.repository, at=now)
    request: Any = SimpleNamespace(job=SimpleNamespace(keys=keys, evaluated_at=now))
    try:
        found = records_before(scene.client, {TAG: [image]}, lambda _: True, trusted=trusted)
        items, _ = _about(image, scene.client, scene.client, request)
    except PushError:  # nothing at all is read, nor pushed
        return
    assert found.chain == {TAG: Link(sequence=1)}
    assert not any(item.verified for item in items)


def test_there_are_as_many_reasons_as_were_promised() -> None:
    assert len(TABLE) == sum(len(module.ROWS) for module in MODULES)
    assert len({row.says for row in TABLE.values()}) >= 60
    assert sum(row.shown for row in TABLE.values()) < 20


@pytest.mark.parametrize("command", ["list", "show", "replay"])
def test_nothing_is_parsed_of_a_record_that_no_listed_key_vouches_for(
    command: str, scene: Scene, verify: Verify, monkeypatch: pytest.MonkeyPatch
) -> None:
    for record in (scene.new, scene.old):
        scene.remove(*record[2:])
    monkeypatch.setattr("pushpolicy.audit.shelf.read_record", lambda *_, **__: pytest.fail("it was parsed"))
    code, out = verify(scene.name(), command=command)
    assert code == errors.EXIT_RECORD
    assert f"NOT VALID: record {scene.new[1].digest} is unsigned" in out
    assert "ALLOW" not in out


def test_an_unsigned_record_beside_a_signed_one_is_ignored(scene: Scene, verify: Verify) -> None:
    """Of another time, and of a larger number; whoever can write to the repository can put it there."""

    def later(parts: Parts) -> None:
        parts.decision["chain"][TAG]["sequence"] = 99

    forged = scene.forge(later, instead=False, signer=None)
    code, out = verify(scene.name())
    assert code == errors.EXIT_OK, out
    assert f"ignored:    record {forged.digest} is unsigned" in out
    code, out = verify(scene.name(), command="show")
    assert (code, str(scene.new[1].digest) in out) == (errors.EXIT_OK, True)
    code, out = verify(scene.name(), command="list")
    assert (code, f"NOT VALID: record {forged.digest} is unsigned" in out) == (errors.EXIT_RECORD, True)


def test_another_tag_that_cannot_be_read_is_no_failure(scene: Scene, verify: Verify) -> None:
    absent = {"mediaType": OCI_MANIFEST, "digest": f"sha256:{'0' * 64}", "size": 2}
    index = json.loads((scene.folder / "index.json").read_text())
    index["manifests"].append({**absent, "annotations": {"org.opencontainers.image.ref.name": "broken"}})
    (scene.folder / "index.json").write_text(json.dumps(index))
    code, out = verify(scene.name())
    assert code == errors.EXIT_OK, out
    assert verify(scene.name("broken"))[0] == errors.EXIT_RECORD


def test_every_failure_is_told(scene: Scene, verify: Verify) -> None:
    scene.remove(scene.old[1])
    scene.flip(scene.new[1].layers[3].digest)
    time.sleep(1)
    code, out = verify(scene.name(), "--max-age", "1s")
    wrong = [line for line in out.splitlines() if line.startswith("NOT VALID: ")]
    assert code == errors.EXIT_RECORD
    assert [line.split(": ")[1] for line in wrong] == ["age", "chain", "record"]
    assert "ALLOW oci:" not in out
    code, out = verify(scene.name(), "--max-age", "1s", "--format", "json")
    found = json.loads(out)
    assert (code, found["schema"], found["valid"]) == (51, "pushpolicy.audit.verify/v1", False)
    assert (found["signature"], found["signed_by"]) == ("verified", ["ci"])
    results = {check["name"]: check["result"] for check in found["checks"]}
    assert {name for name, result in results.items() if result == "failed"} == {"age", "chain", "record"}
    assert {name for name, result in results.items() if result == "ok"} >= {"signature", "tag", "replay"}


def _seconds_later(seconds: float) -> str:
    return (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat()


def test_a_retired_key_counts_where_a_later_record_shows_that_it_is_older(
    scene: Scene, verify: Verify, tmp_path: Path
) -> None:
    """The first record is the old key's, the second is signed by the new one, and names the first."""
    _, record, *statements = scene.new
    scene.remove(*statements)
    scene.say(Said(record=record, signer="new"))
    keys = {"old": entry("ci", not_after=_seconds_later(0)), "new": entry("new")}
    code, out = verify(scene.name(), keys=keys)
    assert code == errors.EXIT_OK, out
    assert "verified by new" in out.splitlines()[0]
    code, out = verify(scene.name(), command="list", keys=keys)
    assert (code, out.count("verified by old"), out.count("verified by new")) == (errors.EXIT_OK, 1, 1)
    alone = {"old": keys["old"]}
    scene.client.put_manifest(scene.old[0], TAG)
    scene.remove(record)
    for command in ("verify", "list", "show", "replay"):
        code, out = verify(scene.name(), command=command, keys=alone)
        assert code == errors.EXIT_RECORD
        assert "is signed by the key old, which is retired since" in out
        assert "nothing that was found shows that it is older" in out


def test_a_denial_beside_the_image_counts_while_it_is_newer(scene: Scene, verify: Verify) -> None:
    """As `oras copy -r` of an audit repository brings it: it was denied later, for the same place."""
    denied(scene)
    code, out = verify(scene.name())
    assert code == errors.EXIT_RECORD
    assert "NOT VALID: result: denied since, at " in out, out
    code, out = verify(scene.name(), command="show")
    assert (code, out.startswith("DENY ")) == (errors.EXIT_OK, True), out
    scene.remove(*scene.new[1:])
    code, out = verify(scene.name())
    assert (code, "NOT VALID: result: the verdict is DENY (tests_passed)" in out) == (
        errors.EXIT_RECORD,
        True,
    )


MANY = 100_000


@pytest.mark.parametrize("kind", [names.ARTIFACT_TYPE, names.STATEMENT_TYPE, bundle.TYPE])
@pytest.mark.parametrize("command", ["verify", "list", "show"])
def test_a_flood_is_incomplete(
    command: str, kind: str, scene: Scene, verify: Verify, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody lists a hundred thousand manifests with the image, before and after what is there."""
    listed = scene.client.referrers(scene.new[0].digest)
    flood = [
        Descriptor(media_type=OCI_MANIFEST, digest=Digest.of(b"%d" % number), size=500, artifact_type=kind)
        for number in range(MANY)
    ]
    monkeypatch.setattr(LayoutRepository, "referrers", lambda *_: (*flood[:500], *listed, *flood[500:]))
    started = time.monotonic()
    code, out = verify(scene.name(), command=command)
    assert code == errors.EXIT_RECORD
    assert "incomplete: " in out
    assert time.monotonic() - started < 60
