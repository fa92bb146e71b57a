"""Years of decisions away from their registry: exported, and asked the same questions with no network."""

from __future__ import annotations

import re
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from pushpolicy.audit.allowance import Allowance
from pushpolicy.audit.export.folders import writing
from pushpolicy.audit.export.source import export_sources
from pushpolicy.audit.mirror.store import Store
from pushpolicy.audit.replay import Reproduced, replays
from pushpolicy.audit.shelf import Shelf
from pushpolicy.audit.sources import RepositorySource, Source
from pushpolicy.audit.walk import Opened, Problem
from pushpolicy.engines import LocalOpa
from pushpolicy.model.reference import Reference, Repository, Target
from pushpolicy.pipeline import admit
from pushpolicy.records.signed import Trusted
from pushpolicy.registry import Access, open_repository
from pushpolicy.signing.trust import Key
from tests.jobs import GOOD, STRICT_RULES, Job
from tests.keys import entry, key
from tests.policies import write_policy
from tests.programs import tool
from tests.registries import olareg_registry
from tests.workspace import Ran, Workspace

OLD = msgspec.convert(entry("old", not_after="2025-02-01T00:00:00Z"), Key)
NEW = msgspec.convert(entry("new", not_before="2025-01-01T00:00:00Z"), Key)
TRUSTED = {
    "both": {"old": OLD, "new": NEW},
    "new": {"new": NEW},
    "another": {"another": msgspec.convert(entry("another"), Key)},
}


@pytest.fixture
def target(tmp_path: Path, opa: Path) -> Target:
    """A tag with a signed record, one by a key that is retired since, and an unsigned one."""
    job, target = Job(folder=tmp_path, engine=LocalOpa(opa)), Target.parse(f"oci:{tmp_path}/published:1.0")
    for name, day in (("old", 10), ("new", 20), (None, 25)):
        signer = (lambda name=name: key(name)) if name else None
        moment = datetime(2025, 1, day, tzinfo=UTC)
        assert admit(job.request(GOOD, target, signer=signer, evaluated_at=moment)).published
    return target


def _trusted(repository: Repository, name: str | None) -> Trusted | None:
    return (
        Trusted(keys=TRUSTED[name], repository=repository, at=datetime(2025, 3, 1, tzinfo=UTC))
        if name
        else None
    )


def _source(target: Target, name: str | None) -> Source:
    client = open_repository(target.repository, Access())
    shelf = Shelf.of(client, trusted=_trusted(target.repository, name))
    return RepositorySource(shelf, Reference(repository=target.repository))


def _told(source: Source) -> dict[str, object]:
    """What is told of each record: how it stands, or why it does not count."""
    told = dict[str, object]()
    for each in source.each(Allowance()):
        if isinstance(each, Opened):
            told[str(each.summary.digest)] = (each.standing, each.record)
        elif isinstance(each, Problem):
            told[str(each.digest)] = (each.reason, each.vouched)
    return told


def _exported(folder: Path, source: Source) -> None:
    with writing(folder) as writer:
        writer.add(source, Allowance())
        writer.end()


@pytest.mark.parametrize("name", [None, *TRUSTED])
def test_who_vouches_is_told_as_in_the_repository(tmp_path: Path, target: Target, name: str | None) -> None:
    """Whatever keys are listed when it is read: exported were all records, with what is signed about them."""
    _exported(tmp_path / "export", _source(target, None))
    (source,) = export_sources(tmp_path / "export", lambda repository: _trusted(repository, name))
    before, after = _told(_source(target, name)), _told(source)
    assert len(before) == 3
    assert after == before


def test_with_keys_only_vouched_records_are_exported(tmp_path: Path, target: Target) -> None:
    _exported(tmp_path / "export", _source(target, "both"))
    (source,) = export_sources(tmp_path / "export", lambda _: None)
    found = list(source.each(Allowance()))
    assert sum(isinstance(each, Opened) for each in found) == 2
    (problem,) = [each for each in found if isinstance(each, Problem)]
    assert "is unsigned" in problem.reason


def test_an_export_is_decided_again(tmp_path: Path, target: Target, opa: Path) -> None:
    _exported(tmp_path / "export", _source(target, None))
    (source,) = export_sources(tmp_path / "export", lambda _: None)
    found = [each for each in source.each(Allowance()) if isinstance(each, Opened)]
    results = [result for _, result in replays(found, LocalOpa(opa))]
    assert len(results) == 3
    assert all(isinstance(result, Reproduced) for result in results)


def test_layouts_are_read_by_others_and_as_a_mirror(
    workspace: Workspace, tmp_path: Path, target: Target
) -> None:
    """The same records, with their reports or without, from the registry's copy and from an export of it."""
    source = str(target.repository)
    assert workspace.run("audit", "export", source, "-o", "kept", "--raw").code == 0
    before = _told(_source(target, None))
    for number, (place, *raw) in enumerate([(source, "--raw"), ("export:kept", "--raw"), (source,)]):
        name = f"layouts{number}"
        assert workspace.run("audit", "export", place, "-o", name, "--as", "oci", *raw).code == 0
        store = Store(workspace.folder / name)
        assert store.repositories() == (target.repository,)
        layout = store.client(target.repository)
        assert layout.tags() == ("1.0",)
        shelf = Shelf.of(layout)
        assert _told(RepositorySource(shelf, Reference(repository=target.repository))) == before
        for each in RepositorySource(shelf, Reference(repository=target.repository)).each(Allowance()):
            assert isinstance(each, Opened)
            assert all(layout.has_blob(report) == bool(raw) for report in each.summary.reports)
        listed = subprocess.run(
            [tool("oras"), "discover", "--oci-layout", "--format", "json", f"{layout.repository.path}:1.0"],
            capture_output=True,
            check=True,
        )
        assert all(digest.encode() in listed.stdout for digest in before)
    ran = workspace.run("audit", "export", source, "-o", "layouts0", "--as", "oci")
    assert (ran.code, ran.complaint()) == (2, "layouts0 is not empty")
    assert workspace.run("audit", "export", source, "-o", "new", "--as", "oci", "--append").code == 2


def _asked(workspace: Workspace, source: str, place: str, *more: str) -> dict[str, Ran]:
    """What an auditor asks, of a source, and of an image."""
    (workspace.folder / "other").mkdir(exist_ok=True)
    write_policy(workspace.folder / "other", STRICT_RULES)
    trust = ("--trust", "key.pub")
    return {
        "list": workspace.run("audit", "list", source, "--format", "json"),
        "verified": workspace.run("audit", "list", source, *trust, "--format", "json"),
        "replay": workspace.run("audit", "replay", source, *trust, "--format", "json"),
        "what-if": workspace.run("audit", "replay", source, "--policy", "other", "--format", "json"),
        "show": workspace.run("audit", "show", f"{place}:1.0.0", *trust, *more, "--format", "json"),
        "verify": workspace.run("audit", "verify", f"{place}:1.0.0", *trust, *more),
    }


def test_an_export_answers_as_its_registry_did(workspace: Workspace, tmp_path: Path) -> None:
    """Every question is asked twice: of the registry, and of the export when there is no network any more."""
    secret = tmp_path / "sign.key"
    secret.write_bytes(key().private_pem())
    secret.chmod(0o600)
    with olareg_registry(tmp_path / "olareg") as registry:
        place = f"{registry.host}/team/app"
        for content in ("one", "two"):
            workspace = workspace.committed("content", content)
            assert (
                workspace.push(
                    "--policy", "pack:tests_passed", "--key", str(secret), target=f"{place}:1.0.0"
                ).code
                == 0
            )
        workspace.write("key.pub", key().public.pem)
        before = _asked(workspace, place, place)
        ran = workspace.run("audit", "export", place, "-o", "kept", "--raw", "--trust", "key.pub")
        assert (ran.code, ran.out) == (0, "kept has 2 records of 1 repository\n")
    names = ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy")
    alone = workspace.with_variables(**dict.fromkeys(names, "http://127.0.0.1:9"))
    assert alone.run("audit", "list", place).code == 51
    after = _asked(alone, "export:kept", place, "--offline", "kept")
    assert [ran.code for ran in before.values()] == [0, 0, 0, 50, 0, 0]
    for question, ran in before.items():
        assert after[question].code == ran.code, (question, after[question].err)
        # What the tag names in the registry, nobody can be asked.
        told, again = (re.sub(r"(?m)^tag:.*\n", "", each.out) for each in (ran, after[question]))
        assert again == told, question


def test_an_export_without_raw_reports_says_how_to_have_them(workspace: Workspace) -> None:
    assert workspace.push().code == 0
    assert workspace.run("audit", "export", "oci:registry", "-o", "kept").code == 0
    ran = workspace.run("audit", "replay", "export:kept", "--from", "raw")
    assert (ran.code, "`audit export --raw` writes raw reports" in ran.out) == (51, True), ran.out
