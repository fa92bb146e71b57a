"""``audit gaps`` finds what was pushed around the gate, moved, copied, denied since, or is no approval."""

from __future__ import annotations

import json
import re
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from pushpolicy.audit.gap import Kind
from pushpolicy.model.digest import Digest
from pushpolicy.model.manifest import OCI_CONFIG, Manifest
from pushpolicy.model.reference import Repository, Target
from pushpolicy.registry.interface import RepositoryClient
from pushpolicy.registry.layout.repository import LayoutRepository
from tests.clients import client
from tests.judged import make_image, publish
from tests.keys import entry, key
from tests.layouts import LayoutMaker, push, referrer
from tests.policies import ROOT, rule, write_policy
from tests.registries import Registry
from tests.workspace import Ran, Workspace, fail_a_test, harmless

ALWAYS = 'deny contains {"at": {"id": "always"}, "msg": "always"} if input.image.size > 0'
HOSTILE = "\x1b[2J::error::x\u202e##vso[task.setvariable]"


def _look(workspace: Workspace, *arguments: str) -> Ran:
    return workspace.run("audit", "gaps", *arguments, "--format", "json")


def _found(ran: Ran) -> dict[str, list[str]]:
    """The tags of each kind; 51 says that there is one."""
    found: dict[str, list[str]] = {}
    for gap in ran.json["gaps"]:
        found.setdefault(gap["kind"], []).append(gap.get("tag", ""))
    assert ran.code == (51 if found else 0), ran.err
    return found


def _layout(workspace: Workspace) -> LayoutRepository:
    return LayoutRepository(Repository.parse(f"oci:{workspace.folder / 'registry'}"))


def _resolved(there: RepositoryClient, tag: str) -> Manifest:
    manifest = there.resolve(tag)
    assert manifest
    return manifest


def _in_days(days: int) -> str:
    return (datetime.now(UTC) + timedelta(days=days)).strftime("%Y-%m-%dT%H:%M:%SZ")


def test_nothing_is_wrong_with_what_was_pushed(workspace: Workspace, any_registry: Registry) -> None:
    place = f"{any_registry.host}/team/app"
    assert workspace.push("--tag", "latest", target=f"{place}:1.0").code == 0
    ran = workspace.run("audit", "gaps", place)
    assert (ran.code, ran.out) == (0, "no gaps: 2 tags in 1 repository\n"), ran.err


def test_around_the_gate(workspace: Workspace, any_registry: Registry, tmp_path: Path) -> None:
    """A tag that was never pushed by pushpolicy, one that was moved to that, and one that was set by hand."""
    place = f"{any_registry.host}/team/app"
    for tag in ("1.0", "2.0"):
        assert workspace.push(target=f"{place}:{tag}").code == 0
    there, maker = client(any_registry), LayoutMaker(tmp_path / "layout")
    stranger = push(there, maker, maker.image(), "nightly")
    there.put_manifest(_resolved(there, "1.0"), "copy")
    there.put_manifest(stranger, "2.0")
    found = _found(_look(workspace, place))
    assert found == {"no-record": ["2.0", "nightly"], "moved": ["2.0"], "copied": ["copy"]}
    assert _found(_look(workspace, f"{place}:1.0")) == {}
    assert _found(_look(workspace, f"{place}:copy")) == {"copied": ["copy"]}
    assert _found(_look(workspace, f"{place}@{stranger.digest}")) == {"untagged": [""]}
    # What is left out is counted, and hides nothing else of the same tag.
    ran = _look(workspace, place, "--ignore", "moved", "--ignore", "copied")
    assert _found(ran) == {"no-record": ["2.0", "nightly"]}
    assert ran.json["not_counted"] == {"copied": 1, "moved": 1}
    assert _found(_look(workspace, place, "--only", "denied")) == {}
    ran = workspace.run("audit", "gaps", place, "oci:nowhere")
    assert ran.code == 51
    assert ran.out.startswith("4 gaps (2 no-record, 1 moved, 1 copied): 4 tags in 1 repository\n")
    assert "not read: oci:nowhere: there is no such folder" in ran.out
    assert all(len(line) <= 80 for line in ran.out.splitlines())


def test_as_a_table(workspace: Workspace) -> None:
    assert workspace.push().code == 0
    image = _resolved(_layout(workspace), "1.0.0")
    _layout(workspace).put_manifest(image, "copy")
    ran = workspace.run("audit", "gaps", "oci:registry", "--format", "csv")
    assert ran.code == 51
    header, row = ran.out.splitlines()
    assert header == "kind,repository,tag,digest,record,since,says,fix"
    assert row.startswith(f"copied,oci:registry,copy,{image.digest},sha256:")
    ran = workspace.run("audit", "gaps", "oci:registry", "--format", "jsonl")
    assert (ran.code, ran.json["kind"], ran.json["tag"]) == (51, "copied", "copy")


def test_of_an_export(workspace: Workspace) -> None:
    """As it was when it was exported, which the first line says."""
    assert workspace.push().code == 0
    _layout(workspace).put_manifest(_resolved(_layout(workspace), "1.0.0"), "copy")
    assert workspace.run("audit", "export", "oci:registry", "-o", "history").code == 0
    shutil.rmtree(workspace.folder / "registry")
    ran = workspace.run("audit", "gaps", "export:history")
    assert ran.code == 51, ran.err
    assert re.match(
        r"1 gap \(1 copied\): 2 tags in 1 repository as of 20\S+Z, when they were copied", ran.out
    )


def test_of_a_mirror(workspace: Workspace, tmp_path: Path) -> None:
    """By the tags that were seen last: one that is gone is kept, and is none; denials of it are elsewhere."""
    assert workspace.push().code == 0
    there, maker = _layout(workspace), LayoutMaker(tmp_path / "layout")
    push(there, maker, maker.image(), "gone")
    push(there, maker, maker.image(), "stranger")
    assert workspace.run("audit", "mirror", "oci:registry", "--to", "copy").code in (0, 51)
    assert _found(_look(workspace, "mirror:copy")) == {"no-record": ["gone", "stranger"]}
    index = workspace.folder / "registry/index.json"
    value = json.loads(index.read_text())
    name = "org.opencontainers.image.ref.name"
    value["manifests"] = [
        each for each in value["manifests"] if each.get("annotations", {}).get(name) != "gone"
    ]
    index.write_text(json.dumps(value))
    assert workspace.run("audit", "mirror", "oci:registry", "--to", "copy").code in (0, 51)
    ran = workspace.run("audit", "gaps", "mirror:copy")
    assert re.match(
        r"1 gap \(1 no-record\): 2 tags in 1 repository as of 20\S+Z, when they were copied", ran.out
    )
    assert "registry:stranger\n" in ran.out
    refused = workspace.run("audit", "gaps", "mirror:copy", "--denials", "oci:denials")
    assert (refused.code, "its images are not there" in refused.complaint()) == (2, True)


def test_it_asks_for_no_more_than_a_list(workspace: Workspace, any_registry: Registry) -> None:
    place = f"{any_registry.host}/team/app"
    for number in range(12):
        target = Target.parse(f"{place}:1.{number}")
        publish(make_image(str(number)), client(any_registry), target, at=f"2026-01-01T00:{number:02}:00Z")

    def asked(command: str) -> list[str]:
        before = len(any_registry.requests())
        ran = workspace.run("audit", command, place)
        assert ran.code in (0, 51), ran.err
        return [request.path for request in any_registry.requests()[before:] if "/team/app/" in request.path]

    for_list, for_gaps = asked("list"), asked("gaps")
    # Two that read at once may each fetch what all records share.
    assert len(set(for_gaps)) <= len(set(for_list)) + 1
    # What the tag names, what is listed with it, and of the record the manifest, its image and three blobs.
    assert len(for_gaps) <= 12 * 7 + 20


def test_a_tag_that_was_put_back(workspace: Workspace) -> None:
    """Both images are allowed for it, and the newer one was decided last."""
    assert workspace.push(target="oci:registry:main").code == 0
    there = _layout(workspace)
    old = _resolved(there, "main")
    place = workspace.committed("README.md", "changed")
    assert place.push(target="oci:registry:main").code == 0
    assert _found(_look(place, "oci:registry")) == {}
    there.put_manifest(old, "main")
    ran = _look(place, "oci:registry")
    assert _found(ran) == {"moved": ["main"]}
    assert ran.json["gaps"][0]["digest"] == str(old.digest)


def test_the_same_image_in_another_repository(workspace: Workspace, tmp_path: Path) -> None:
    """With its records, as `oras copy -r` brings them: they were decided for where they are from."""
    assert workspace.push().code == 0
    (workspace.folder / "registry").rename(workspace.folder / "prod")
    ran = _look(workspace, "oci:prod")
    assert _found(ran) == {"copied": ["1.0.0"]}
    assert ran.json["gaps"][0]["says"] == "it is allowed for oci:registry:1.0.0"


def test_records_elsewhere(workspace: Workspace) -> None:
    assert workspace.push("--records", "oci:audit").code == 0
    assert _found(_look(workspace, "oci:registry")) == {"no-record": ["1.0.0"]}
    assert _found(_look(workspace, "oci:registry", "--records", "oci:audit")) == {}


def test_what_was_denied(workspace: Workspace, any_registry: Registry) -> None:
    """After it was allowed, and without ever being allowed."""
    place, apart = f"{any_registry.host}/team/app", f"{any_registry.host}/audit/denials"
    assert workspace.push(target=f"{place}:1.0").code == 0
    fail_a_test(workspace)
    assert workspace.push("--denials", apart, target=f"{place}:2.0").code == 10
    assert _found(_look(workspace, place)) == {}
    assert _found(_look(workspace, place, "--denials", apart)) == {"denied": ["1.0"]}
    ran = _look(workspace, f"{place}:1.0", "--denials", f"{any_registry.host}/audit/nothing")
    assert _found(ran) == {}


def test_denied_and_pushed_by_hand(workspace: Workspace, tmp_path: Path) -> None:
    fail_a_test(workspace)
    assert workspace.push("--denials", "oci:denials").code == 10
    source = LayoutRepository(Repository.parse(f"oci:{workspace.folder / 'image'}"))
    there, maker = _layout(workspace), LayoutMaker(tmp_path / "layout")
    (image,) = (source.resolve(tag) for tag in source.tags())
    assert image
    for blob in (image.config, *image.layers):
        assert blob
        maker.blob(b"".join(source.read_blob(blob)))
    push(there, maker, image, "1.0.0")
    found = _found(_look(workspace, "oci:registry", "--denials", "oci:denials"))
    assert found == {"denied": ["1.0.0"], "no-record": ["1.0.0"]}


@pytest.mark.parametrize("kind", ["observed", "loosened", "unanchored"])
def test_a_record_that_is_no_approval(workspace: Workspace, kind: str) -> None:
    place, options = workspace, ["--policy", "pack"]
    if kind == "loosened":
        settings = {"settings": {"scan_severity": {"max_critical": -1}}}
        place = workspace.committed("pushpolicy.yaml", json.dumps(settings))
        options += ["--repo-may", "scan_severity=settings"]
    else:
        observe = f'observe: {{until: "{_in_days(9)}", reason: trying}}\n' if kind == "observed" else "{}"
        deny = ALWAYS if kind == "observed" else ALWAYS.replace("> 0", "== 7")
        folder = workspace.folder.parent / "policy"
        options += ["--policy", write_policy(folder, {"r": rule("r", deny)}, enforcement=observe)]
    ran = place.push(*options)
    assert ran.code == 0, ran.out
    found = _found(_look(place, "oci:registry"))
    assert found == {each: ["1.0.0"] for each in (kind, "unanchored")}
    if kind == "unanchored":
        assert _found(_look(place, "oci:registry", "--ignore", "unanchored")) == {}


def test_a_waiver_that_has_ended_since(workspace: Workspace) -> None:
    fail_a_test(workspace)
    waiver = {"rule": "tests_passed", "id": "junit/failed", "reason": "x", "approver": "CISO"}
    folder = workspace.folder.parent / "organisation"
    folder.mkdir()
    waivers = {"waivers": [waiver | {"expires": _in_days(20)}]}
    (folder / "waivers.yaml").write_text(json.dumps(waivers))
    ran = workspace.push("--policy", "pack", "--policy", str(folder))
    assert ran.code == 0, ran.out
    usual = ("oci:registry", "--ignore", "unanchored")
    assert _found(_look(workspace, *usual)) == {}
    assert _found(_look(workspace, *usual, "--at", _in_days(19))) == {}
    ran = _look(workspace, *usual, "--at", _in_days(21))
    assert _found(ran) == {"waiver-ended": ["1.0.0"]}
    assert ran.json["gaps"][0]["says"].startswith("waived: tests_passed junit/failed until ")


def test_only_what_a_listed_key_signed_counts(workspace: Workspace, tmp_path: Path) -> None:
    trust = tmp_path / "trust.yaml"
    trust.write_text(json.dumps({"keys": {"ci": entry()}}))
    signing = workspace.with_variables(PUSHPOLICY_SIGNING_KEY=key().private_pem().decode())
    assert signing.push().code == 0
    assert workspace.push(target="oci:registry:unsigned").code == 0
    assert _found(_look(workspace, "oci:registry")) == {}
    ran = _look(workspace, "oci:registry", "--trust", str(trust))
    # Both are of one image: that is allowed, but not for this tag.
    assert _found(ran) == {"copied": ["unsigned"], "invalid": [""]}
    assert "is unsigned" in ran.json["gaps"][1]["says"]
    alone = _look(workspace, "oci:registry:1.0.0", "--trust", str(trust))
    assert _found(alone) == {"invalid": ["1.0.0"]}


def test_a_record_that_is_gone_or_broken(workspace: Workspace) -> None:
    assert workspace.push(target="oci:registry:main").code == 0
    there = _layout(workspace)
    (first,) = there.referrers(_resolved(there, "main").digest)
    place = workspace.committed("README.md", "changed")
    assert place.push(target="oci:registry:main").code == 0
    blobs = place.folder / "registry/blobs/sha256"
    (second,) = there.referrers(_resolved(there, "main").digest)
    decision = there.manifest(second.digest)
    assert decision
    (blobs / first.digest.hex).unlink()
    assert _found(_look(place, "oci:registry")) == {"removed": [""]}
    (blobs / decision.layers[1].digest.hex).write_bytes(b"{}")
    ran = _look(place, "oci:registry")
    assert _found(ran) == {"no-record": ["main"]}
    assert ran.json["gaps"][0]["says"].startswith(f"no valid record: record {second.digest} ")


def test_what_no_runtime_runs_is_no_gap(workspace: Workspace, tmp_path: Path) -> None:
    """Told by content: a signature's name, or an artifact type, hides no image."""
    assert workspace.push().code == 0
    there, maker = _layout(workspace), LayoutMaker(tmp_path / "layout")
    image = _resolved(there, "1.0.0")
    config = maker.json({}, OCI_CONFIG)
    signed = [maker.blob(b"{}", "application/vnd.dev.cosign.simplesigning.v1+json")]
    name = str(image.digest).replace(":", "-")
    push(there, maker, maker.manifest(config=config, layers=signed), f"{name}.sig")
    push(there, maker, referrer(maker, image, b"chart"), "chart")
    ran = _look(workspace, "oci:registry")
    assert (_found(ran), ran.json["tags"], ran.json["others"]) == ({}, 1, 2)
    hidden = maker.image(artifactType="application/vnd.example", content=b"other")
    push(there, maker, hidden, f"{name}.att")
    assert _found(_look(workspace, "oci:registry")) == {"no-record": [f"{name}.att"]}


def test_an_image_without_a_tag(workspace: Workspace, distribution: Registry, tmp_path: Path) -> None:
    """Found where something is listed with it; parts of an index are none, whatever is listed with them."""
    there, maker = client(distribution), LayoutMaker(tmp_path / "layout")
    stranger = push(there, maker, maker.image())
    push(there, maker, referrer(maker, stranger, b"signed"))
    part = push(there, maker, maker.image(content=b"part"))
    push(there, maker, referrer(maker, part, b"signed"))
    push(there, maker, maker.nest(part.descriptor), "1.0")
    found = _found(_look(workspace, f"{distribution.host}/team/app"))
    assert found == {"no-record": ["1.0"], "untagged": [""]}


def test_what_is_over_the_limit_is_not_called_absent(workspace: Workspace) -> None:
    for tag in ("a", "b"):
        assert workspace.push(target=f"oci:registry:{tag}").code == 0
        workspace = workspace.committed("README.md", tag)
    ran = workspace.run("audit", "gaps", "oci:registry", "--limit", "max-records=1")
    assert ran.code == 51
    assert "no record that was read is about it" in ran.out
    assert "incomplete: " in ran.out


def test_hostile_names_and_what_cannot_be_read(workspace: Workspace) -> None:
    assert workspace.push().code == 0
    index = workspace.folder / "registry/index.json"
    value = json.loads(index.read_text())
    absent = value["manifests"][0] | {"digest": str(Digest.of(b"gone"))}
    value["manifests"].append(absent | {"annotations": {"org.opencontainers.image.ref.name": HOSTILE}})
    index.write_text(json.dumps(value))
    ran = workspace.run("audit", "gaps", "oci:registry")
    assert (ran.code, ran.err) == (51, "")
    assert ran.out.startswith("1 gap (1 unreadable): ")
    assert harmless(ran.out)
    assert not any(line.lstrip().startswith("::") for line in ran.out.splitlines())


def test_two_options_that_contradict(workspace: Workspace) -> None:
    ran = workspace.run("audit", "gaps", "oci:registry", "--only", "moved", "--ignore", "moved")
    assert (ran.code, ran.complaint()) == (2, "--only and --ignore: each says what counts")


def test_each_kind_is_explained() -> None:
    page = (ROOT / "docs/audit.md").read_text()
    assert [kind for kind in Kind if f"| `{kind}` | " not in page] == []
