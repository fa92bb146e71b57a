"""Audit says no more of a record than was checked: forged ones beside the honest one (design section 9)."""

from __future__ import annotations

import io
import json
import shutil
import subprocess
import tarfile
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import click
import pytest
from msgspec import structs

from pushpolicy import errors
from pushpolicy.audit.compared import compared
from pushpolicy.audit.difference import difference
from pushpolicy.audit.entry import Entry
from pushpolicy.audit.history import find_record
from pushpolicy.audit.overview import Told
from pushpolicy.audit.replay import Differs, NotReplayable
from pushpolicy.audit.shelf import Shelf
from pushpolicy.audit.standing import Standing, _elsewhere, _notes, standing
from pushpolicy.audit.walk import Listing, Opened, Problem
from pushpolicy.audit.what_if import NotDecided, PushEffect, WhatIf
from pushpolicy.cli.formats import FORMATS, Kind
from pushpolicy.cli.main import main
from pushpolicy.cli.render.audit import listing as listed
from pushpolicy.cli.render.audit import record as shown_record
from pushpolicy.cli.render.audit import replay as replayed
from pushpolicy.cli.render.audit import what_if as tried
from pushpolicy.cli.render.audit.compared import comparison
from pushpolicy.demo.shell import Shell
from pushpolicy.errors import RecordError
from pushpolicy.evaluate import is_of_known_policy
from pushpolicy.evaluate.recorded import check_recorded
from pushpolicy.model.decision import Link
from pushpolicy.model.document import Document
from pushpolicy.model.manifest import OCI_INDEX
from pushpolicy.model.reference import Reference, Repository
from pushpolicy.model.text import is_unsafe
from pushpolicy.records import format as names
from pushpolicy.records.chain import records_before
from pushpolicy.records.format import ARTIFACT_TYPE
from pushpolicy.records.read import read_decision
from pushpolicy.registry.layout.repository import LayoutRepository
from tests import workspace as workspaces
from tests.forgery import ALLOW_ALL, Change, InMemory, Parts, add, forge, read
from tests.workspace import Workspace, harmless

TAG = "1.0.0"
HOSTILE = "\x1b[2J::error::x\nALLOW oci:x\u202e\u200b\x9b31m##[error]x##vso[task.setvariable]"
WAIVERS = "data/pushpolicy/waivers/data.json"
ENFORCEMENT = "data/pushpolicy/enforcement/data.json"
ORIGINS = "data/pushpolicy/origins/data.json"
FINDING = {
    "rule": "scan_severity",
    "id": "CVE-2026-1",
    "msg": "critical",
    "at": {"id": "CVE-2026-1"},
    "severity": "high",
    "fix": "upgrade",
}


@pytest.fixture(scope="module")
def honest(project: Shell, opa: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The layout that a real push wrote, decided by the pack."""
    del opa
    folder, environ = workspaces.copied(project, tmp_path_factory.mktemp("honest"))
    place = Workspace(folder=folder, environ=environ, run_here=lambda *_: pytest.fail("a process of its own"))
    with place.start("push", workspaces.IMAGE, workspaces.TARGET, stderr=subprocess.STDOUT) as process:
        out, _ = process.communicate()
    assert process.returncode == errors.EXIT_OK, out.decode()
    return folder / "registry"


def _set(document: str, path: str, value: Any) -> Change:
    """Set one field of the decision or the evidence."""
    *folders, last = path.split(".")

    def change(parts: Parts) -> None:
        place = getattr(parts, document)
        for name in folders:
            place = place[int(name)] if isinstance(place, list) else place[name]
        place[int(last) if isinstance(place, list) else last] = value

    return change


def _both(field: str, value: Any, *, evidence: str, decision: str) -> Change:
    def change(parts: Parts) -> None:
        _set("evidence", f"{evidence}{field}", value)(parts)
        _set("decision", f"{decision}{field}", value)(parts)

    return change


def _at(value: str) -> Change:
    return _both("evaluated_at", value, evidence="", decision="")


def _status(status: str, *names: str) -> Change:
    def change(parts: Parts) -> None:
        for rule in parts.decision["rules"]:
            if not names or rule["name"] in names:
                rule.pop("because", None)
                rule.pop("reason", None)
                rule["status"] = status

    return change


def _every_rule_violated(parts: Parts) -> None:
    _status("violated")(parts)
    parts.decision["violations"] = [FINDING | {"rule": rule["name"]} for rule in parts.decision["rules"]]


def _rename_rule(parts: Parts) -> None:
    parts.decision["rules"][0]["name"] = "::error::unknown"


def _always_allow(parts: Parts) -> None:
    parts.policy = {path: content for path, content in parts.policy.items() if "system/" not in path}
    parts.policy["system/main/main.rego"] = ALLOW_ALL
    parts.decision["rules"] = [
        {"name": rule["name"], "title": rule["title"], "status": "passed"} for rule in parts.decision["rules"]
    ]


def _other_pack_rule(parts: Parts) -> None:
    path = "rules/scan_severity/scan_severity.rego"
    parts.policy[path] = parts.policy[path].replace(b"deny contains", b"warn contains")


def _setting_in_silence(parts: Parts) -> None:
    settings = parts.data("data/settings/data.json")
    rule, keys = next((name, keys) for name, keys in settings.items() if keys)
    key = next(iter(keys))
    settings[rule][key] = ["none"] if isinstance(keys[key], list) else "none"
    parts.put("data/settings/data.json", settings)


def _waiver(**fields: Any) -> Change:
    """A waiver in data and decision, and a finding that it is said to cover."""

    def change(parts: Parts) -> None:
        waiver = {
            "rule": "scan_severity",
            "id": "CVE-2026-1",
            "reason": "x",
            "approver": "y",
            "origin": "local",
            "expires": parts.decision["evaluated_at"].replace("2026-", "2026-", 1),
            **fields,
        }
        data = parts.data(WAIVERS)
        parts.put(WAIVERS, data | {"waivers": [waiver]})
        parts.decision["waived"] = [FINDING | {"waiver": waiver}]
        parts.decision["waivers"] = [{"waiver": waiver, "state": "used"}]
        _status("waived", "scan_severity")(parts)

    return change


def _waived_by_nothing(parts: Parts) -> None:
    parts.decision["waived"] = [FINDING | {"waiver": {"rule": "scan_severity", "id": "CVE-2026-1"}}]
    _status("waived", "scan_severity")(parts)


def _softened_by_nothing(parts: Parts) -> None:
    parts.decision["warnings"] = [FINDING]
    _status("warned", "scan_severity")(parts)
    next(r for r in parts.decision["rules"] if r["name"] == "scan_severity")["because"] = "rollout"


def _observed_in_silence(parts: Parts) -> None:
    _softened_by_nothing(parts)
    next(r for r in parts.decision["rules"] if r["name"] == "scan_severity")["because"] = "observe"


def _missing_evidence(parts: Parts) -> None:
    parts.evidence["tests"] = {"status": "missing", "reason": "none"}


def _missing_leaf(parts: Parts) -> None:
    del parts.evidence["ci"]["event_raw"]


def _archive(change: Any) -> Change:
    def apply(parts: Parts) -> None:
        plain = io.BytesIO()
        with tarfile.open(fileobj=plain, mode="w:gz", format=tarfile.PAX_FORMAT) as archive:
            for path in sorted(parts.policy):
                member = tarfile.TarInfo(path)
                member.size = len(parts.policy[path])
                archive.addfile(member, io.BytesIO(parts.policy[path]))
            change(archive)
        parts.bundle = plain.getvalue()

    return apply


def _sparse(archive: tarfile.TarFile) -> None:
    member = tarfile.TarInfo("rules/bomb/bomb.rego")
    member.pax_headers = {
        "GNU.sparse.major": "0",
        "GNU.sparse.minor": "1",
        "GNU.sparse.size": str(2**50),
        "GNU.sparse.map": f"{2**50},0",
    }
    archive.addfile(member)


def _file(path: str, content: bytes) -> Change:
    return lambda parts: parts.policy.update({path: content})


def _deep(parts: Parts) -> None:
    value: list[Any] = []
    for _ in range(900):
        value = [value]
    parts.evidence["extra"] = {"deep": value}


def _wide(parts: Parts) -> None:
    parts.evidence["extra"] = {"wide": [[]] * 3_000_001}


def _swap_index(parts: Parts) -> None:
    index = parts.data("index/data.json")
    index["pushpolicy"]["index"]["rules"]["scan_severity"]["heads"] = []
    parts.put("index/data.json", index)


def _silence_module(parts: Parts) -> None:
    parts.policy["index/index.rego"] = b"package pushpolicy.index\n\nimport rego.v2\n\ndeny := {}\n"


def _origins(change: Any) -> Change:
    def apply(parts: Parts) -> None:
        parts.put(ORIGINS, change(parts.data(ORIGINS)))

    return apply


def _title(value: Any) -> Change:
    def apply(parts: Parts) -> None:
        parts.manifest["layers"][0]["annotations"]["org.opencontainers.image.title"] = value

    return apply


def _report(parts: Parts) -> None:
    parts.manifest["layers"][3]["annotations"]["dev.pushpolicy.report.name"] = "another"


def _folder(name: str) -> Change:
    return _both("repository", name, evidence="target.", decision="image.")


def _extended(archive: tarfile.TarFile) -> None:
    member = tarfile.TarInfo("rules/bomb/bomb.rego")
    member.pax_headers = {"comment": "1" * 2_000_000}
    archive.addfile(member)


def _unlinked(change: Change) -> Change:
    def apply(parts: Parts) -> None:
        parts.linked = False
        change(parts)

    return apply


def _as_index(parts: Parts) -> None:
    """Everything says that the image is an index."""
    for value in (parts.manifest["subject"], parts.evidence["image"]):
        value["mediaType" if "mediaType" in value else "media_type"] = OCI_INDEX


ROWS: dict[str, tuple[Change, str]] = {
    "the decision is another's": (_unlinked(_set("decision", "observed", True)), "annotation"),
    "the evidence was changed": (_unlinked(_set("evidence", "source.commit", "0" * 40)), "other evidence"),
    "the policy was changed": (_unlinked(_other_pack_rule), "does not hold the policy that decided"),
    "every rule is violated, and ALLOW": (_every_rule_violated, "allow is True"),
    "violated without a finding": (_status("violated", "tests_passed"), "not those of the violations"),
    "waived without a finding": (_status("waived", "tests_passed"), "has no such finding"),
    "warned without a finding": (_status("warned", "tests_passed"), "has no such finding"),
    "a finding of a rule that passed": (_set("decision", "warnings", [FINDING]), "passed"),
    "DENY without a finding": (_set("decision", "verdict", "DENY"), "allow is False"),
    "a rule that is not in the index": (_rename_rule, "not of those of the index"),
    "a rule left out": (lambda parts: parts.decision["rules"].pop(), "not of those of the index"),
    "no rules": (_set("decision", "rules", []), "rules none"),
    "a rule twice": (lambda p: p.decision["rules"].append(p.decision["rules"][0]), "not of those"),
    "another title of a rule": (_set("decision", "rules.0.title", HOSTILE), "other rules"),
    "another origin of a rule": (_set("decision", "rules.0.origin", "local"), "other rules"),
    "a finding of an unknown rule": (_set("decision", "warnings", [FINDING | {"rule": "x"}]), "unknown rule"),
    "waived by no waiver": (_waived_by_nothing, "waived by no waiver"),
    "waived by a waiver that ended": (_waiver(), "1 findings stand"),
    "waived for a thousand years": (_waiver(expires="3026-01-01T00:00:00Z"), "1 findings stand"),
    "waived for another finding": (_waiver(id="CVE-1", expires="2026-12-20T00:00:00Z"), "findings stand"),
    "softened by no rollout": (_softened_by_nothing, "1 findings stand"),
    "observe mode that is not told": (_observed_in_silence, "observed is false"),
    "required evidence is missing": (_missing_evidence, "findings stand"),
    "a required field is missing": (_missing_leaf, "evidence:ci.event_raw"),
    "the year 9999": (_at("9999-12-31T23:59:59Z"), "still to come"),
    "the year 9999, far west": (_at("9999-12-31T23:59:59-23:59"), "still to come"),
    "the thirtieth of February": (_at("2026-02-30T00:00:00Z"), "not valid"),
    "a time with a command in it": (_at("2026-11-02T10:00:00Z\n::error::x"), "not valid"),
    "a time without a zone": (_at("2026-11-02T10:00:00"), "no zone"),
    "no tags": (_both("tags", [], evidence="target.", decision="image."), "no tag"),
    "an empty tag": (_both("tags", [""], evidence="target.", decision="image."), "not a valid tag"),
    "a tag with a command": (_both("tags", [HOSTILE], evidence="target.", decision="image."), "valid tag"),
    "a tag twice": (_both("tags", [TAG, TAG], evidence="target.", decision="image."), "one tag twice"),
    "a repository that cannot be": (
        _both("registry", "\x1b[2J", evidence="target.", decision="image."),
        "names no registry",
    ),
    "another image": (_set("decision", "image.digest", f"sha256:{'0' * 64}"), "another image"),
    "another size of the image": (_set("manifest", "subject.size", 1), "another size or type than the image"),
    "another type of the image": (_as_index, "another size or type than the image"),
    "another schema of evidence": (_set("evidence", "schema", "pushpolicy.evidence/v2"), "no evidence"),
    "evidence with a field more": (_set("evidence", "more", 1), "its schema"),
    "evidence without an image": (_set("evidence", "image", []), "no image"),
    "evidence nested deeply": (_deep, "nested too deeply"),
    "evidence of millions of lists": (_wide, "values"),
    "it says that the pack is its policy": (
        _set("decision", "policy.source", "package"),
        "agree on the pack",
    ),
    "it says that it is not anchored": (_set("decision", "policy.anchored", False), "other policy"),
    "another reason for what it says": (_set("decision", "policy.not_anchored", ["x"]), "other policy"),
    "loosened, and not": (_set("decision", "loosened", ["x"]), "does not follow from its policy"),
    "the index asks for less": (_swap_index, "not what pushpolicy makes"),
    "the index keeps denials back": (_silence_module, "not what pushpolicy makes"),
    "a setting changed in silence": (_setting_in_silence, "who changed the setting"),
    "an origin that there is not": (
        _origins(lambda o: o | {"rules": dict.fromkeys(o["rules"], "god")}),
        "of other rules",
    ),
    "origins of another form": (_origins(lambda o: o | {"rules": 5}), "another form"),
    "origins that are a list": (_origins(lambda _: []), "malformed"),
    "waivers of another form": (lambda parts: parts.put(WAIVERS, {"waivers": [5]}), "not valid"),
    "enforcement of another form": (lambda parts: parts.put(ENFORCEMENT, {"rules": [5]}), "not valid"),
    "an index of another form": (lambda parts: parts.put("index/data.json", {"pushpolicy": 5}), "malformed"),
    "a sparse file of a petabyte in the policy": (_archive(_sparse), "not a file"),
    "a header of megabytes in the policy": (_archive(_extended), "not a file"),
    "a folder that cannot be": (_folder("/registry\0"), "a folder that cannot be"),
    "a folder that takes minutes to look for": (_folder("a/" * 400_000), "a folder that cannot be"),
    "a field that there is not": (_set("manifest", "signed", "yes"), "other fields"),
    "an address of a layer": (_set("manifest", "layers.0.urls", ["https://x.example"]), "more about them"),
    "a layer that is said to be signed": (
        _set("manifest", "layers.0.annotations.signed", "yes"),
        "more about them",
    ),
    "a subject of another type": (_set("manifest", "subject.mediaType", OCI_INDEX), "another type of image"),
    "a policy that is not an archive": (lambda p: setattr(p, "bundle", b"x"), "not a tar.gz"),
    "a title that leads elsewhere": (_title("../../evidence.json"), "other titles"),
    "a title with a command": (_title(HOSTILE), "other titles"),
    "a report that was not read": (_report, "not those that its evidence was read from"),
    "an annotation that there is not": (
        lambda p: p.extra.update({"dev.pushpolicy.signed": "yes"}),
        "unknown annotation",
    ),
    "a record before of a tag that it is not about": (
        lambda p: p.extra.update({"dev.pushpolicy.previous.v7": f"sha256:{'0' * 64}"}),
        "unknown annotation",
    ),
}


class Audit:
    """Runs audit commands in this process."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def __call__(self, *arguments: str) -> tuple[int, str, str]:
        self._capsys.readouterr()
        code = main(["audit", *arguments])
        out, err = self._capsys.readouterr()
        assert code != errors.EXIT_BUG, err
        assert harmless(out + err)
        return code, out, err


@pytest.fixture
def audit(capsys: pytest.CaptureFixture[str]) -> Audit:
    """The command line."""
    return Audit(capsys)


def _name(client: LayoutRepository, tag: str = TAG) -> str:
    return f"oci:{client.repository.path}:{tag}"


def test_the_control(honest: Path, tmp_path: Path, audit: Audit) -> None:
    """Taken apart and put together again without a change, a record is what it was."""
    client = forge(honest, tmp_path / "registry", TAG, lambda _: None)
    code, out, _ = audit("show", _name(client))
    assert code == errors.EXIT_OK
    assert out.splitlines()[0].startswith("ALLOW ")
    assert out.splitlines()[0].endswith(", unsigned, newest of those found")
    assert "(anchored)" in out
    code, out, _ = audit("list", _name(client))
    first, *rest = out.splitlines()
    assert (code, first.split()[-1]) == (errors.EXIT_OK, "unsigned")
    assert all(line.startswith("  ") for line in rest)
    code, out, _ = audit("replay", _name(client))
    assert code == errors.EXIT_OK
    assert out.startswith("reproduced: ")


@pytest.mark.parametrize("name", ROWS)
def test_a_record_that_lies_is_refused(name: str, honest: Path, tmp_path: Path, audit: Audit) -> None:
    change, says = ROWS[name]
    client = forge(honest, tmp_path / "registry", TAG, change)
    code, out, err = audit("show", _name(client))
    assert code == errors.EXIT_RECORD
    assert says in err
    assert out == ""
    code, out, _ = audit("list", _name(client))
    assert code == errors.EXIT_RECORD
    assert all(line.startswith("ignored record sha256:") for line in out.splitlines())


UNKNOWN: dict[str, tuple[Change, str]] = {
    "a system part that always allows": (_always_allow, "unknown policy: its system part"),
    "a rule of the pack with another text": (_other_pack_rule, "unknown policy: not rules"),
    "another schema": (_file("schema/evidence.v1.json", b"{}"), "unknown policy: not of a known version"),
    "rules may call more": (
        _file("capabilities.json", b'{"allow_net": null}'),
        "pushpolicy: capabilities.json",
    ),
}


@pytest.mark.parametrize("name", UNKNOWN)
def test_an_unknown_policy_is_said_in_the_first_line(
    name: str, honest: Path, tmp_path: Path, audit: Audit
) -> None:
    change, says = UNKNOWN[name]

    def claim(parts: Parts) -> None:
        change(parts)
        parts.decision["policy"] |= {"anchored": True, "source": "pack"}

    client = forge(honest, tmp_path / "registry", TAG, claim)
    code, out, _ = audit("show", _name(client))
    assert code == errors.EXIT_RECORD
    assert says in out.splitlines()[0]
    assert "(anchored)" not in out
    code, out, _ = audit("list", f"oci:{client.repository.path}")
    assert code == errors.EXIT_RECORD
    assert says in out.splitlines()[0]
    code, out, _ = audit("replay", _name(client))
    assert code == errors.EXIT_RECORD
    assert says in out.splitlines()[0]
    assert "reproduced" not in out or "unknown policy" in out.splitlines()[0]
    code, out, _ = audit("show", _name(client), "--format", "json")
    assert code == errors.EXIT_RECORD
    assert json.loads(out)["anchored"] is False


def test_a_tag_that_was_not_decided_is_said(honest: Path, tmp_path: Path, audit: Audit) -> None:
    """As `crane tag` does it."""
    client = forge(honest, tmp_path / "registry", TAG, lambda _: None)
    image = client.resolve(TAG)
    assert image
    client.put_manifest(image, "v7")
    for command in ("show", "list", "replay"):
        code, out, _ = audit(command, _name(client, "v7"))
        assert code == errors.EXIT_RECORD
        assert "the tag v7 is not among those decided (1.0.0)" in out.splitlines()[0]
        code, out, _ = audit(command, _name(client))
        assert code == errors.EXIT_OK
        assert "not among" not in out


def test_another_repository_is_said(honest: Path, tmp_path: Path, audit: Audit) -> None:
    """As `oras cp -r dev/app:v1 prod/app:v1` does it."""
    client = forge(honest, tmp_path / "prod", TAG, lambda _: None)
    for command in ("show", "list", "replay"):
        code, out, _ = audit(command, _name(client))
        assert code == errors.EXIT_RECORD
        assert "for another repository: oci:registry" in out.splitlines()[0]


def _leaves(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    children = (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    )
    for key, child in children:
        yield from _leaves(child, (*path, key))
    if path:
        yield path


def _mutations(value: Any) -> Iterator[Any]:
    yield HOSTILE
    yield [] if value != [] else {}
    if isinstance(value, bool):
        yield not value
    elif isinstance(value, int | float):
        yield -value - 1
    elif isinstance(value, str):
        yield f"{value}x"


def _mutated(value: Any, path: tuple[Any, ...], mutation: Any) -> Any:
    """A copy in which one place has another value."""
    if not path:
        return mutation
    changed = value.copy()
    changed[path[0]] = _mutated(value[path[0]], path[1:], mutation)
    return changed


@pytest.mark.parametrize("linked", [True, False])
@pytest.mark.parametrize("document", ["decision", "evidence", "manifest"])
def test_no_change_of_one_value_is_a_bug_or_an_unmarked_allow(
    honest: Path, document: str, linked: bool
) -> None:
    """Digests and annotations are put right or not: refused, or shown with what was not checked."""
    client = LayoutRepository(Repository.parse(f"oci:{honest}"))
    reference, good = Reference(repository=client.repository, tag=TAG), read(client, TAG)
    value = getattr(good, document)
    honest_digest = find_record(Shelf.of(client), reference).summary.digest
    shown = refused = 0
    for path in list(_leaves(value)):
        for mutation in _mutations(_get(value, path)):
            parts = replace(
                deepcopy(good),
                linked=linked,
                sealed=linked or document != "manifest",
                **{document: _mutated(value, path, mutation)},
            )
            try:
                forged = InMemory(client, TAG, parts)
                shelf = Shelf.of(forged)
                record = find_record(shelf, reference)
            except RecordError:
                refused += 1
                continue
            except ValueError:  # it is no manifest: no registry would take it
                continue
            if record.summary.digest == honest_digest:  # put right again
                continue
            shown += 1
            held = check_recorded(record)
            how = standing(record, held, reference)
            opened = Opened(shelf=shelf, record=record, held=held, standing=how)
            report = shown_record.record(opened, datetime.now(UTC), with_evidence=True)
            lines = list(map(click.unstyle, report.lines()))
            assert ", unsigned" in lines[0]
            assert all(map(str.isprintable, lines))
            assert not any(line.startswith(("::", "ALLOW oci:x")) for line in lines)
    assert refused > 20
    # Which engine answered is said by the decision alone; everything else is said twice, or follows.
    assert linked or document != "evidence" or not shown


def test_text_of_a_record_never_leaves_its_line(honest: Path) -> None:
    """Of a decision that would never be read: whatever a field holds, it is one field of one line."""
    client = LayoutRepository(Repository.parse(f"oci:{honest}"))
    reference = Reference(repository=client.repository, tag=TAG)
    shelf = Shelf.of(client)
    record = find_record(shelf, reference)
    value = deepcopy(dict(record.decision.document().value))
    waiver = dict.fromkeys(("rule", "id", "reason", "approver", "expires", "origin"), HOSTILE)
    finding = dict.fromkeys(("rule", "id", "msg", "severity", "fix"), HOSTILE) | {
        "at": {"id": HOSTILE, "file": HOSTILE}
    }
    value["rules"] = [
        {
            "name": HOSTILE,
            "title": HOSTILE,
            "status": status,
            "because": HOSTILE,
            "reason": HOSTILE,
            "origin": HOSTILE,
        }
        for status in ("passed", "violated", "warned", "waived", "not_applicable")
    ]
    value |= {key: [finding] for key in ("violations", "warnings", "waived")}
    value["waivers"] = [{"waiver": waiver, "state": HOSTILE, "reason": HOSTILE}]
    value["rollouts"] = [dict.fromkeys(("measure", "state", "until", "rule", "reason", "origin"), HOSTILE)]
    value["settings"] = [dict.fromkeys(("rule", "key", "value", "origin"), HOSTILE)]
    value |= {"evaluated_at": HOSTILE, "loosened": [HOSTILE], "observed": True}
    value["image"] |= {"registry": HOSTILE, "repository": HOSTILE, "tags": [HOSTILE]}
    value["engine"] |= {"name": HOSTILE, "version": HOSTILE}
    value["policy"] |= {"source": HOSTILE, "not_anchored": [HOSTILE]}
    value["chain"] = {HOSTILE: {"sequence": 7, "previous": str(record.summary.digest)}}
    for verdict in ("ALLOW", "DENY"):
        decision = read_decision(Document.of({**value, "verdict": verdict}))
        layers = tuple(
            structs.replace(each, annotations={names.TITLE: HOSTILE}) for each in record.summary.layers
        )
        summary = structs.replace(record.summary, decision=decision, layers=layers)
        hostile = structs.replace(record, summary=summary)
        how = Standing(
            unknown=(),
            anchored=False,
            claimed=False,
            elsewhere=tuple(_elsewhere(decision, reference)),
            notes=tuple(_notes(decision, reference)),
        )
        change = difference(decision, record.decision)
        assert change
        differs = Differs(summary=summary, engine=record.decision.engine, difference=change)
        failed = NotReplayable(summary=summary, reason=HOSTILE)
        problem = Problem(digest=summary.digest, reason=HOSTILE)
        listing = Listing(records=(summary,), problems=(problem,), standings={summary.digest: how})
        effect = WhatIf()
        about: dict[str, Any] = {
            "record": summary.digest,
            "image": decision.image,
            "at": HOSTILE,
            "standing": how,
        }
        for newer in (frozenset[str](), frozenset({HOSTILE})):
            effect.add(
                PushEffect(
                    **about,
                    actor=HOSTILE,
                    before=decision.verdict,
                    after=None,
                    difference=change,
                    newer=newer,
                )
            )
        effect.add(NotDecided(**about, before=decision.verdict, reason=HOSTILE))
        held = check_recorded(record)
        control = Opened(shelf=shelf, record=record, held=held, standing=how)
        opened = Opened(shelf=shelf, record=hostile, held=held, standing=how)
        told = dict.fromkeys(("commit", "branch", "event", "run", "actor", "credential_from"), HOSTILE)
        entry = structs.replace(Entry.of(opened), **told)
        row = listed.Row(entry=entry, told=Told(summary=summary, standing=how))
        now = datetime.now(UTC)
        found = listed.Listed(
            places=(reference,),
            rows=(row,),
            ignored=listing.ignored,
            read=lambda: 1,
            is_selected=True,
            overview=None,
            columns=None,
        )
        for report in (
            shown_record.record(opened, now, with_evidence=True, with_policy=True),
            listed.listing(found),
            comparison(compared(control, opened), with_policy=True),
            comparison(compared(opened, control)),
            replayed.replays([(differs, how), (failed, how)], listing.ignored, HOSTILE, now),
            tried.effect(effect, listing.ignored, HOSTILE, now, effect.rows),
        ):
            lines = list(map(click.unstyle, report.lines()))
            assert all(map(str.isprintable, lines))
            assert not any(line.lstrip().startswith("::") for line in lines)
            assert not any("##[" in line or "##vso[" in line for line in lines)
            assert not any(line.startswith(("ALLOW oci:x", "error")) for line in lines)
            if report.table:
                rows = "".join(FORMATS["csv"].render(report))
                assert not any(char != "\n" and is_unsafe(char) for char in rows)
                assert rows.count("\n") == 1 + len(list(report.table.rows()))
            # The others need a time, without which no record is valid.
            if report.page and report.kind in (Kind.WHAT_IF, Kind.RECORD):
                page = "".join(FORMATS["html"].render(report))
                assert not any(char != "\n" and is_unsafe(char) for char in page)
                assert page.count("<script") == 1


def test_a_forged_record_is_never_the_one_before(honest: Path, tmp_path: Path) -> None:
    """`previous` is the newest record that was wholly read and is valid; the others are told."""
    control = LayoutRepository(Repository.parse(f"oci:{honest}"))
    image = control.resolve(TAG)
    assert image
    (true,) = control.referrers(image.digest, ARTIFACT_TYPE)
    about = {TAG: [image.digest]}
    next_one = {TAG: Link(sequence=2, previous=true.digest)}
    assert records_before(control, about, is_of_known_policy).chain == next_one
    shutil.copytree(honest, tmp_path / "registry")
    client = LayoutRepository(Repository.parse(f"oci:{tmp_path / 'registry'}"))
    later = (datetime.now(UTC) + timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    forgeries: list[Change] = [lambda _: None, _every_rule_violated, _set("evidence", "image", [])]
    for change, at in zip(forgeries, ("9999-12-31T23:59:59Z", later, later), strict=True):
        parts = read(control, TAG)
        change(parts)
        _at(at)(parts)
        add(client, parts)
    parts = read(control, TAG)
    _always_allow(parts)
    _at(later)(parts)
    add(client, parts)
    found = records_before(client, about, is_of_known_policy)
    assert found.chain == next_one
    assert len(found.ignored) == len(forgeries)
    assert any("still to come" in line for line in found.ignored)


def _get(value: Any, path: tuple[Any, ...]) -> Any:
    for key in path:
        value = value[key]
    return value
