"""Whatever is done to a signed record, `audit verify` ends with 51 and says which thing is wrong."""

from __future__ import annotations

import gzip
import io
import json
import shutil
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from pushpolicy import errors
from pushpolicy.cli.main import main
from pushpolicy.demo.shell import Shell
from pushpolicy.model.descriptor import Descriptor
from pushpolicy.model.digest import Digest
from pushpolicy.model.document import Document
from pushpolicy.model.manifest import OCI_MANIFEST, Manifest
from pushpolicy.model.reference import Repository
from pushpolicy.records import format as names
from pushpolicy.records.read import read_decision
from pushpolicy.records.statement import VERIFIER, Named, signed
from pushpolicy.registry.interface import Blob
from pushpolicy.registry.layout.repository import LayoutRepository
from pushpolicy.signing import bundle
from tests import workspace as workspaces
from tests.forgery import ALLOW_ALL, Change, Parts, assemble, parts_of
from tests.keys import entry, key
from tests.workspace import Workspace, harmless

TAG = "main"


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


@dataclass(frozen=True, kw_only=True)
class Scene:
    """A copy of the layout, in the hands of whoever can write to it.

    Attributes:
        old: the image that the tag named first, its record, and the statement about each of its tags.
        new: the same of the one that the tag names now.
    """

    folder: Path
    client: LayoutRepository
    old: tuple[Manifest, ...]
    new: tuple[Manifest, ...]

    def listed(self) -> list[Any]:
        listed: list[Any] = json.loads((self.folder / "index.json").read_text())["manifests"]
        return listed

    def remove(self, *manifests: Manifest) -> None:
        """Take manifests out of the layout."""
        gone = {str(each.digest) for each in manifests}
        index = json.loads((self.folder / "index.json").read_text())
        index["manifests"] = [each for each in index["manifests"] if each["digest"] not in gone]
        (self.folder / "index.json").write_text(json.dumps(index))
        for each in manifests:
            self.blob(each.digest).unlink()

    def blob(self, digest: Digest) -> Path:
        """The file of a blob."""
        return self.folder / "blobs" / digest.algorithm / digest.hex

    def flip(self, digest: Digest) -> None:
        """Change one bit of a blob."""
        content = bytearray(self.blob(digest).read_bytes())
        content[len(content) // 2] ^= 1
        self.blob(digest).write_bytes(content)

    def sign(self, record: Manifest, decision: Mapping[str, Any], signer: str = "ci", **named: str) -> None:
        """Sign a statement about a record, as the holder of the key can."""
        said = read_decision(Document.of(decision))
        about = Named(
            record=record.digest,
            tag=named.get("tag", TAG),
            verifier=named.get("verifier", VERIFIER),
            version="1",
        )
        assert record.subject
        self.attach(signed(record.subject, said, about, key(signer)))

    def attach(self, artifact: Any) -> None:
        """Store an artifact."""
        for blob in artifact.blobs:
            self.client.put_blob(blob.descriptor, blob.open)
        self.client.put_referrer(artifact.manifest)

    def forge(self, change: Change, *, instead: bool = True, signer: str | None = "ci") -> Manifest:
        """A record of the image that the tag names, changed and, if that is asked for, signed."""
        _, record, *statements = self.new
        parts = parts_of(self.client, record)
        change(parts)
        manifest, blobs = assemble(parts)
        if instead:
            self.remove(record, *statements)
        for blob in blobs:
            self.client.put_blob(blob.descriptor, blob.open)
        self.client.put_referrer(manifest)
        if signer:
            self.sign(manifest, parts.decision, signer)
        return manifest


def _all_of(client: LayoutRepository, image: Digest) -> tuple[Manifest, ...]:
    listed = client.referrers(image, names.ARTIFACT_TYPE) + client.referrers(image, bundle.TYPE)
    found = [client.manifest(digest) for digest in (image, *(each.digest for each in listed))]
    assert len(found) == 4
    return tuple(each for each in found if each)


@pytest.fixture
def scene(honest: Path, tmp_path: Path) -> Scene:
    """A copy of the layout."""
    folder = tmp_path / "registry"
    shutil.copytree(honest, folder)
    client = LayoutRepository(Repository.parse(f"oci:{folder}"))
    now = client.resolve(TAG)
    assert now
    (before,) = set(client.subjects()) - {now.digest}
    return Scene(folder=folder, client=client, old=_all_of(client, before), new=_all_of(client, now.digest))


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


def _name(scene: Scene, tag: str = TAG) -> str:
    return f"oci:{scene.folder}:{tag}"


def test_the_control(scene: Scene, verify: Verify) -> None:
    code, out = verify(_name(scene))
    assert code == errors.EXIT_OK, out
    assert out.splitlines()[0].endswith("verified by ci, newest of those found")
    assert "number 2 of main, and all before it are there" in out
    forged = scene.forge(lambda _: None)
    assert forged.content == scene.new[1].content
    assert verify(_name(scene))[0] == errors.EXIT_OK


# By what the trust file says of the key.
KEYS: dict[str, tuple[dict[str, Any], str]] = {
    "another key": ({"name": "other"}, "is signed by no listed key (ci)"),
    "another role": ({"role": "policy"}, "lists no key of the role decide"),
    "another repository": (
        {"repositories": ["other.example/**"]},
        "which counts for other.example/**, not for",
    ),
    "a later window": ({"not_before": "2099-01-01T00:00:00Z"}, "which counts from 2099-01-01T00:00:00Z on"),
    "another verifier": ({"verifier": "https://other"}, "and the key ci is that of https://other"),
}


@pytest.mark.parametrize("case", KEYS)
def test_a_key_that_does_not_count(case: str, scene: Scene, verify: Verify) -> None:
    fields, why = KEYS[case]
    code, out = verify(_name(scene), **fields)
    assert (code, why in out) == (
        errors.EXIT_USAGE if case == "another role" else errors.EXIT_RECORD,
        True,
    ), out


def _tampered(part: str) -> Callable[[Scene], object]:
    def change(scene: Scene) -> None:
        _, record, *statements = scene.new
        layers = zip(("evidence", "decision", "policy", "report"), record.layers, strict=False)
        digests = {name: [layer.digest] for name, layer in layers}
        digests["record"] = [record.digest]
        digests["statement"] = [each.digest for each in statements]
        digests["bundle"] = [each.layers[0].digest for each in statements]
        for digest in digests[part]:
            scene.flip(digest)

    return change


def _retagged(scene: Scene) -> None:
    scene.client.put_manifest(scene.old[0], TAG)


def _forked(scene: Scene) -> None:
    """Another record of the other image, which follows the same one."""
    scene.forge(lambda parts: _at(parts, "2026-11-30T00:00:00Z"), instead=False)


def _at(parts: Parts, time: str) -> None:
    parts.decision["evaluated_at"] = parts.evidence["evaluated_at"] = time


def _chain(**link: Any) -> Change:
    def change(parts: Parts) -> None:
        parts.decision["chain"][TAG] |= link
        for name in [name for name, value in link.items() if value is None]:
            del parts.decision["chain"][TAG][name]

    return change


def _failed_tests(parts: Parts) -> None:
    totals = parts.evidence["tests"]["totals"]
    totals |= {"failed": 1, "passed": totals["passed"] - 1}


def _always_allow(parts: Parts) -> None:
    parts.policy = {path: content for path, content in parts.policy.items() if "system/" not in path}
    parts.policy["system/main/main.rego"] = ALLOW_ALL


def _denied(parts: Parts) -> None:
    parts.decision["verdict"] = "DENY"


def _of(scene: Scene, path: str, value: Any) -> None:
    def change(parts: Parts) -> None:
        parts.decision["image"][path] = value
        parts.evidence["target"][path] = value

    scene.forge(change)


def _bomb(scene: Scene) -> None:
    """A report that is said to have a few bytes, and has 64 MiB."""
    blob = Blob.of(gzip.compress(b"\0" * (1 << 26), 9), names.REPORT_TYPE)

    def change(parts: Parts) -> None:
        parts.manifest["layers"][3] |= {"digest": str(blob.descriptor.digest), "size": blob.size}

    scene.client.put_blob(blob.descriptor, blob.open)
    scene.forge(change)


def _statement_on(scene: Scene) -> None:
    """The statement about the new image, put beside the old one, which has lost its own record."""
    value = scene.new[2].document()
    value["subject"] = {
        **value["subject"],
        "digest": str(scene.old[0].digest),
        "size": len(scene.old[0].content),
    }
    scene.remove(*scene.old[1:])
    scene.client.put_referrer(Manifest.parse(json.dumps(value).encode()))
    _retagged(scene)


# What is done, and the words that say so.
ROWS: dict[str, tuple[Callable[[Scene], object], str]] = {
    "the statement is gone": (lambda s: s.remove(*s.new[2:]), "is unsigned"),
    "the record is gone": (lambda s: s.remove(s.new[1]), "there is no record sha256:"),
    "record and statement are gone": (lambda s: s.remove(*s.new[1:]), "has no record"),
    "the record before is gone": (lambda s: s.remove(s.old[1]), ", is not there"),
    "a bit of the statement's manifest": (_tampered("statement"), "other content than its digest says"),
    "a bit of the bundle": (_tampered("bundle"), "has other content than its digest says"),
    "a bit of the record's manifest": (_tampered("record"), "other content than its digest says"),
    "a bit of the evidence": (_tampered("evidence"), "has other content than its digest says"),
    "a bit of the decision": (_tampered("decision"), "has other content than its digest says"),
    "a bit of the policy": (_tampered("policy"), "has other content than its digest says"),
    "a bit of a report": (_tampered("report"), "is not what was judged"),
    "an older image under the tag": (_retagged, "is newer, about sha256:"),
    "a statement beside another image": (_statement_on, "is of another image than it is listed with"),
    "two records after one": (_forked, "the records of the tag main fork: record sha256:"),
    "a gap in the numbers": (
        lambda s: s.forge(_chain(sequence=7)),
        "is number 7 of the tag main, and the one before",
    ),
    "an unsigned record": (lambda s: s.forge(lambda _: None, signer=None), "is unsigned"),
    "a record by another key": (
        lambda s: s.forge(lambda _: None, signer="other"),
        "is signed by no listed key",
    ),
    "a decision to come": (
        lambda s: s.forge(lambda p: _at(p, "2099-01-01T00:00:00Z")),
        "which is still to come",
    ),
    "another verdict": (lambda s: s.forge(_denied), "allow is False with 0 violations"),
    "its own system policy": (lambda s: s.forge(_always_allow), "unknown policy: its system part"),
    "tests that failed": (lambda s: s.forge(_failed_tests), "decided again, another decision comes out"),
    "another repository": (lambda s: _of(s, "repository", "staging"), "for another repository: oci/staging"),
    "another registry": (
        lambda s: _of(s, "registry", "other.example"),
        "for another repository: other.example/",
    ),
    "a report that is a bomb": (_bomb, "bytes that were judged"),
}


@pytest.mark.parametrize("case", ROWS)
def test_what_was_done_to_it_is_said(case: str, scene: Scene, verify: Verify) -> None:
    attack, why = ROWS[case]
    attack(scene)
    code, out = verify(_name(scene))
    assert code == errors.EXIT_RECORD, out
    wrong = [line for line in out.splitlines() if line.startswith("NOT VALID: ")]
    assert any(why in line for line in wrong), out
    assert out.startswith("NOT VALID: ")


@pytest.mark.parametrize("command", ["list", "show", "replay"])
def test_nothing_is_parsed_of_a_record_that_no_listed_key_vouches_for(
    command: str, scene: Scene, verify: Verify, monkeypatch: pytest.MonkeyPatch
) -> None:
    for record in (scene.new, scene.old):
        scene.remove(*record[2:])
    monkeypatch.setattr("pushpolicy.audit.shelf.read_record", lambda *_, **__: pytest.fail("it was parsed"))
    code, out = verify(_name(scene), command=command)
    assert code == errors.EXIT_RECORD
    assert f"NOT VALID: record {scene.new[1].digest} is unsigned" in out
    assert "ALLOW" not in out


def test_an_unsigned_record_beside_a_signed_one_is_ignored(scene: Scene, verify: Verify) -> None:
    """Of another time, and of a larger number; whoever can write to the repository can put it there."""

    def later(parts: Parts) -> None:
        parts.decision["chain"][TAG]["sequence"] = 99

    forged = scene.forge(later, instead=False, signer=None)
    code, out = verify(_name(scene))
    assert code == errors.EXIT_OK, out
    assert f"ignored:    NOT VALID: record {forged.digest} is unsigned" in out
    code, out = verify(_name(scene), command="show")
    assert (code, str(scene.new[1].digest) in out) == (errors.EXIT_OK, True)
    code, out = verify(_name(scene), command="list")
    assert (code, f"NOT VALID: record {forged.digest} is unsigned" in out) == (errors.EXIT_RECORD, True)


def test_another_tag_that_cannot_be_read_is_no_failure(scene: Scene, verify: Verify) -> None:
    absent = {"mediaType": OCI_MANIFEST, "digest": f"sha256:{'0' * 64}", "size": 2}
    index = json.loads((scene.folder / "index.json").read_text())
    index["manifests"].append({**absent, "annotations": {"org.opencontainers.image.ref.name": "broken"}})
    (scene.folder / "index.json").write_text(json.dumps(index))
    code, out = verify(_name(scene))
    assert code == errors.EXIT_OK, out
    assert verify(_name(scene, "broken"))[0] == errors.EXIT_RECORD


def test_every_failure_is_told(scene: Scene, verify: Verify) -> None:
    scene.remove(scene.old[1])
    scene.flip(scene.new[1].layers[3].digest)
    time.sleep(1)
    code, out = verify(_name(scene), "--max-age", "1s")
    wrong = [line for line in out.splitlines() if line.startswith("NOT VALID: ")]
    assert code == errors.EXIT_RECORD
    assert [line.split(": ")[1] for line in wrong] == ["age", "chain", "record"]
    assert "ALLOW oci:" not in out
    code, out = verify(_name(scene), "--max-age", "1s", "--format", "json")
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
    scene.sign(record, parts_of(scene.client, record).decision, "new")
    keys = {"old": entry("ci", not_after=_seconds_later(0)), "new": entry("new")}
    code, out = verify(_name(scene), keys=keys)
    assert code == errors.EXIT_OK, out
    assert "verified by new" in out.splitlines()[0]
    code, out = verify(_name(scene), command="list", keys=keys)
    assert (code, out.count("verified by old"), out.count("verified by new")) == (errors.EXIT_OK, 1, 1)
    alone = {"old": keys["old"]}
    scene.client.put_manifest(scene.old[0], TAG)
    scene.remove(record)
    for command in ("verify", "list", "show", "replay"):
        code, out = verify(_name(scene), command=command, keys=alone)
        assert code == errors.EXIT_RECORD
        assert "is signed by the key old, which is retired since" in out
        assert "nothing that was found shows that it is older" in out


def test_a_denial_beside_the_image_counts_while_it_is_newer(
    scene: Scene, honest: Path, verify: Verify
) -> None:
    """As `oras copy -r` of an audit repository brings it: it was denied later, for the same place."""
    denials = LayoutRepository(Repository.parse(f"oci:{honest.parent / 'denials'}"))
    for listed in denials.referrers(scene.new[0].digest):
        manifest = denials.manifest(listed.digest)
        assert manifest
        assert manifest.config
        for part in (manifest.config, *manifest.layers):
            content = b"".join(denials.read_blob(part))
            scene.client.put_blob(part, partial(io.BytesIO, content))
        scene.client.put_referrer(manifest)
    code, out = verify(_name(scene))
    assert code == errors.EXIT_RECORD
    assert "NOT VALID: result: denied since, at " in out, out
    code, out = verify(_name(scene), command="show")
    assert (code, out.startswith("DENY ")) == (errors.EXIT_OK, True), out
    scene.remove(*scene.new[1:])
    code, out = verify(_name(scene))
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
    code, out = verify(_name(scene), command=command)
    assert code == errors.EXIT_RECORD
    assert "incomplete: " in out
    assert time.monotonic() - started < 60
