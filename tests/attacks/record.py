"""Whoever can write to the repository: of a record that lies, audit shows no more than was checked.

A sample of the table of tests/integration/test_records_that_lie.py, one of each kind, as a user meets it.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path
from time import sleep

from pushpolicy import errors
from pushpolicy.model.reference import Repository
from pushpolicy.registry import Access, open_repository
from tests.attacks.table import Attack, Run
from tests.forgery import Change as Forge
from tests.forgery import forge
from tests.integration.test_records_that_lie import ROWS as LIES
from tests.integration.test_records_that_lie import UNKNOWN
from tests.keys import entry, key
from tests.layouts import of_bytes
from tests.workspace import TARGET, Workspace, fail_a_test

SAMPLE = (
    "the decision is another's",
    "the evidence was changed",
    "the policy was changed",
    "every rule is violated, and ALLOW",
    "violated without a finding",
    "a rule left out",
    "no rules",
    "waived by no waiver",
    "waived by a waiver that ended",
    "softened by no rollout",
    "observe mode that is not told",
    "required evidence is missing",
    "a required field is missing",
    "the year 9999",
    "a time with a command in it",
    "a tag with a command",
    "another image",
    "another size of the image",
    "the index asks for less",
    "a setting changed in silence",
    "a sparse file of a petabyte in the policy",
)


def shown(command: str) -> Run:
    """The record of the tag, by this command of audit."""
    return lambda place: place.run("audit", command, TARGET)


SHOW = shown("show")
APART = ("--records", "oci:records")


def published(place: Workspace) -> None:
    """The image was pushed, and its record lies beside it."""
    ran = place.push()
    assert ran.code == errors.EXIT_OK, ran.err


def recorded_apart(place: Workspace) -> None:
    """The image was pushed, and its record lies in a repository that others have records in, too."""
    ran = place.push(*APART)
    assert ran.code == errors.EXIT_OK, ran.err


def of_another(place: Workspace) -> None:
    """Of the two repositories that have the image, only the other one has a decision."""
    shutil.rmtree(place.folder / "records")
    ran = place.push(*APART, target="oci:other:1.0.0")
    assert ran.code == errors.EXIT_OK, ran.err


VERIFY = ("audit", "verify", TARGET, "--trust", "../trust.yaml")
OF_TESTS = ("--policy", "pack:tests_passed")


def signed(place: Workspace) -> Workspace:
    """The image was pushed and signed; a folder is there for denials."""
    (place.folder.parent / "trust.yaml").write_text(json.dumps({"keys": {"ci": entry()}}))
    (place.folder / "denials").mkdir()
    place = place.with_variables(PUSHPOLICY_SIGNING_KEY=key().private_pem().decode())
    ran = place.push(*OF_TESTS)
    assert ran.code == errors.EXIT_OK, ran.err
    return place


def denied(place: Workspace) -> None:
    """The same image was to be pushed again, a while after that."""
    fail_a_test(place)
    sleep(1.1)
    ran = place.push(*OF_TESTS, "--denials", "oci:denials")
    assert ran.code == errors.EXIT_DENIED, ran.err


def denied_beside(place: Workspace) -> None:
    """That denial lies beside the image, as if it was what is said of it."""
    denied(place)
    source, image = (
        open_repository(Repository.parse(f"oci:{place.folder / name}"), Access())
        for name in ("denials", "registry")
    )
    for manifest in filter(None, map(source.resolve, source.tags())):
        for blob in filter(None, (manifest.config, *manifest.layers)):
            image.put_blob(blob, of_bytes(b"".join(source.read_blob(blob))))
        image.put_referrer(manifest)


def state(folder: Path) -> str:
    """What a folder holds."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return hashlib.sha256(b"".join(str(path).encode() + path.read_bytes() for path in files)).hexdigest()


def was_changed(place: Workspace) -> bool:
    """Whether audit wrote to the repository."""
    return (place.folder.parent / "state").read_text() != state(place.folder / "registry")


def forged(name: str, change: Forge, says: str) -> Attack:
    """The record of the push is replaced by another one, whose digests are right."""

    def strike(place: Workspace) -> None:
        folder = place.folder / "registry"
        forge(folder, place.folder.parent / "forged", "1.0.0", change)
        shutil.rmtree(folder)
        shutil.move(place.folder.parent / "forged", folder)
        (place.folder.parent / "state").write_text(state(folder))

    return Attack(
        name=name,
        prepare=published,
        strike=strike,
        run=SHOW,
        code=errors.EXIT_RECORD,
        says=says,
        writes=was_changed,
    )


ROWS = [
    *(forged(name, *LIES[name]) for name in SAMPLE),
    *(forged(name, change, says) for name, (change, says) in UNKNOWN.items()),
    Attack(
        name="an image is shown as approved that was denied since",
        prepare=signed,
        strike=denied,
        run=lambda place: place.run(*VERIFY, "--denials", "oci:denials"),
        code=errors.EXIT_RECORD,
        says="denied since, at ",
        writes=lambda _: False,
    ),
    Attack(
        name="a signed denial is copied onto the image",
        prepare=signed,
        strike=denied_beside,
        run=lambda place: place.run(*VERIFY),
        code=errors.EXIT_RECORD,
        says="denied since, at ",
        writes=lambda _: False,
    ),
    Attack(
        name="the record of the digest is about another repository",
        prepare=recorded_apart,
        strike=of_another,
        run=lambda place: place.run("audit", "show", TARGET, *APART),
        code=errors.EXIT_RECORD,
        says="has no record",
        writes=lambda _: False,
    ),
]
