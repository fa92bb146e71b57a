"""`audit verify --mirror`: what a registry shows no more, a mirror that saw it before tells."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from pushpolicy import errors
from pushpolicy.model.digest import Digest
from pushpolicy.model.manifest import Manifest
from pushpolicy.registry.interface import RepositoryClient
from tests.clients import client
from tests.integration.test_audit_verify import Signing
from tests.registries import Registry
from tests.workspace import Ran, Workspace


class Verifying(Signing):
    """Signed pushes to a registry without a list of its own, which anybody who may write can change."""

    def __init__(self, place: Workspace, folder: Path, registry: Registry) -> None:
        super().__init__(place, folder)
        self.registry, self.target = registry, f"{registry.host}/team/app"

    def client(self) -> RepositoryClient:
        return client(self.registry)

    def mirror(self) -> Ran:
        ran = self.place.run("audit", "mirror", self.target, "--to", "mirror")
        assert ran.code == errors.EXIT_OK, ran.err
        return ran

    def verify(self, reference: str = ":1.0", *options: str) -> Ran:
        ran = self.place.run(
            "audit",
            "verify",
            f"{self.target}{reference}",
            "--trust",
            self.trust,
            "--mirror",
            "mirror",
            *options,
        )
        assert "Traceback" not in ran.err
        return ran

    def image(self) -> Manifest:
        image = self.client().resolve("1.0")
        assert image
        return image

    def unlist(self, image: Digest, keep: Callable[[dict[str, object]], bool]) -> None:
        """Take entries out of the list of an image."""
        tag = str(image).replace(":", "-")
        index = self.client().resolve(tag)
        assert index
        document = index.document()
        document["manifests"] = [entry for entry in document["manifests"] if keep(entry)]
        self.client().put_manifest(Manifest.parse(json.dumps(document).encode(), index.media_type), tag)


@pytest.fixture
def verifying(workspace: Workspace, tmp_path: Path, distribution: Registry) -> Verifying:
    return Verifying(workspace, tmp_path / "keys", distribution)


def failures(ran: Ran) -> list[str]:
    return [line for line in ran.out.splitlines() if line.startswith("NOT VALID")]


def test_the_newest_is_confirmed(verifying: Verifying) -> None:
    verifying.push(f"{verifying.target}:1.0")
    verifying.mirror()
    ran = verifying.verify()
    assert ran.code == errors.EXIT_OK
    assert "mirror:     ok: nothing newer and nothing that is gone, by the mirror of 20" in ran.out
    verifying.push(f"{verifying.target}:1.0")
    ran = verifying.verify()
    assert ran.code == errors.EXIT_OK
    assert "which is older than this record" in ran.out
    verifying.mirror()
    for reference in (":1.0", f"@{verifying.image().digest}"):
        ran = verifying.verify(reference)
        assert (ran.code, "older than this record" in ran.out) == (errors.EXIT_OK, False)


def test_a_tag_that_was_moved_back_is_refuted(verifying: Verifying) -> None:
    """With its later record removed too, so that the registry alone shows nothing wrong."""
    verifying.push(f"{verifying.target}:1.0")
    old = verifying.image()
    verifying.mirror()
    verifying.place = verifying.place.committed("notes.txt", "later")
    verifying.push(f"{verifying.target}:1.0")
    new = verifying.image()
    verifying.mirror()
    verifying.client().put_manifest(old, "1.0")
    verifying.unlist(new.digest, lambda _: False)
    ran = verifying.place.run("audit", "verify", f"{verifying.target}:1.0", "--trust", verifying.trust)
    assert ran.code == errors.EXIT_OK  # which nobody can tell from here
    ran = verifying.verify()
    assert ran.code == errors.EXIT_RECORD
    (failure,) = failures(ran)
    assert "mirror: number 2 of the tag 1.0, record sha256:" in failure
    assert f"about {new.digest}, which it named when it was seen at 20" in failure
    assert verifying.mirror().out.count("was moved back to") == 1
    assert verifying.verify().code == errors.EXIT_RECORD


def test_a_newest_record_that_was_removed_is_told(verifying: Verifying) -> None:
    verifying.push(f"{verifying.target}:1.0")
    verifying.push(f"{verifying.target}:1.0")
    verifying.mirror()
    image = verifying.image().digest
    record, statement, *later = verifying.client().referrers(image)
    assert len(later) == 2
    verifying.unlist(image, lambda entry: entry["digest"] in (str(record.digest), str(statement.digest)))
    ran = verifying.place.run("audit", "verify", f"{verifying.target}:1.0", "--trust", verifying.trust)
    assert ran.code == errors.EXIT_OK
    ran = verifying.verify()
    assert ran.code == errors.EXIT_RECORD
    assert "mirror: number 2 of the tag 1.0" in failures(ran)[0]
    ran = verifying.verify(f"@{image}")
    assert ran.code == errors.EXIT_RECORD
    assert "and the registry does not show it so any more" in failures(ran)[0]
    assert verifying.mirror().out.count("no more") == 2


def test_a_signature_that_was_removed_is_told(verifying: Verifying) -> None:
    """Its record is then one of those that are passed over, and the one before it would count."""
    verifying.push(f"{verifying.target}:1.0")
    verifying.push(f"{verifying.target}:1.0")
    verifying.mirror()
    image = verifying.image().digest
    statements = [
        each.digest for each in verifying.client().referrers(image) if "record" not in str(each.artifact_type)
    ]
    verifying.unlist(image, lambda entry: entry["digest"] != str(statements[-1]))
    ran = verifying.place.run("audit", "verify", f"{verifying.target}:1.0", "--trust", verifying.trust)
    assert ran.code == errors.EXIT_OK
    ran = verifying.verify()
    assert ran.code == errors.EXIT_RECORD
    assert "mirror: number 2 of the tag 1.0" in failures(ran)[0]


def test_all_of_it_removed_is_told_too(verifying: Verifying) -> None:
    verifying.push(f"{verifying.target}:1.0")
    verifying.mirror()
    verifying.unlist(verifying.image().digest, lambda _: False)
    ran = verifying.verify()
    assert ran.code == errors.EXIT_RECORD
    assert any("no more there, or not so that it counts" in line for line in failures(ran))


def test_a_record_under_another_tag_is_not_taken_for_a_removed_one(verifying: Verifying) -> None:
    """What the registry does not come across by the tag is asked for by itself."""
    verifying.push(f"{verifying.target}:1.0", "--tag", "stable")
    verifying.push(f"{verifying.target}:other")
    verifying.place = verifying.place.committed("notes.txt", "later")
    verifying.push(f"{verifying.target}:1.0")
    verifying.push(f"{verifying.target}:stable")
    verifying.mirror()
    for reference in (":1.0", ":stable", ":other", f"@{verifying.image().digest}"):
        ran = verifying.verify(reference)
        assert (ran.code, failures(ran)) == (errors.EXIT_OK, [])


def test_what_the_mirror_holds_is_believed_no_more_than_the_registry(verifying: Verifying) -> None:
    """A record that no listed key vouches for refutes nothing."""
    verifying.push(f"{verifying.target}:1.0", name="other")
    verifying.mirror()
    verifying.unlist(verifying.image().digest, lambda _: False)
    verifying.push(f"{verifying.target}:1.0")
    ran = verifying.verify()
    assert ran.code == errors.EXIT_OK, ran.out


def test_a_mirror_that_has_nothing_of_it(verifying: Verifying) -> None:
    verifying.push(f"{verifying.target}:1.0")
    ran = verifying.verify()
    assert ran.code == errors.EXIT_INPUT
    assert "is no mirror" in ran.err
    verifying.mirror()
    shutil.rmtree(verifying.place.folder / "mirror" / verifying.registry.host)
    ran = verifying.verify()
    assert ran.code == errors.EXIT_INPUT
    assert f"has nothing of {verifying.target}" in ran.err
