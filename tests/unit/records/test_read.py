"""Records are read strictly: anything that was not written so is not a record."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from pushpolicy.errors import RecordError
from pushpolicy.gather import RawReport
from pushpolicy.model import canonical
from pushpolicy.model.decision import Decision, Link, RuleResult, RuleStatus, Violation, WaiverUse
from pushpolicy.model.descriptor import Descriptor
from pushpolicy.model.digest import Digest
from pushpolicy.model.document import Document
from pushpolicy.model.manifest import OCI_MANIFEST, Manifest
from pushpolicy.model.reference import Repository, Target
from pushpolicy.records import format as names
from pushpolicy.records.read import read_decision, read_record, read_summary
from pushpolicy.registry.layout.repository import LayoutRepository
from tests.judged import Judged, current, judge, make_image, publish

IMAGE = make_image()
Change = Callable[[dict[str, Any]], None]


@pytest.fixture
def client(tmp_path: Path) -> LayoutRepository:
    """An empty repository."""
    return LayoutRepository(Repository.parse(f"oci:{tmp_path / 'layout'}"))


@pytest.fixture
def target(client: LayoutRepository) -> Target:
    """Where the images go."""
    return Target.parse(f"{client.repository}:1.0")


def test_a_record_is_read_as_it_was_written(client: LayoutRepository, target: Target) -> None:
    first = publish(IMAGE, client, target)
    published = publish(IMAGE, client, target, at="2026-11-02T11:00:00Z")
    record = read_record(client, published.record.digest)
    chain = {"1.0": Link(sequence=2, previous=first.record.digest)}
    judged = judge(IMAGE, target, {"1.0": IMAGE.top.digest}, "2026-11-02T11:00:00Z", chain=chain)
    assert record.evidence == judged.evidence
    assert record.decision == judged.decision
    assert record.policy == judged.contents().policy
    assert record.summary == read_summary(client, published.record.digest)
    assert record.summary.subject.digest == IMAGE.top.digest
    assert record.summary.previous == {"1.0": first.record.digest}
    assert record.summary.reports == ()


def test_what_is_absent_or_no_record(client: LayoutRepository, target: Target) -> None:
    publish(IMAGE, client, target)
    with pytest.raises(RecordError, match="there is no record sha256"):
        read_record(client, Digest.of(b"absent"))
    with pytest.raises(RecordError, match="is not a record of pushpolicy"):
        read_record(client, IMAGE.top.digest)


def _forge(client: LayoutRepository, target: Target, change: Change) -> Digest:
    """A record whose manifest was changed by somebody who can write to the repository."""
    published = publish(IMAGE, client, target)
    manifest = client.manifest(published.record.digest)
    assert manifest
    value = json.loads(manifest.content)
    change(value)
    forged = Manifest.parse(canonical.encode(value), OCI_MANIFEST)
    client.put_manifest(forged)
    return forged.digest


def _drop_layer(value: dict[str, Any]) -> None:
    del value["layers"][0]


def _swap_layers(value: dict[str, Any]) -> None:
    value["layers"][0], value["layers"][1] = value["layers"][1], value["layers"][0]


def _repeat_layer(value: dict[str, Any]) -> None:
    value["layers"].append(value["layers"][2])


def _other_config(value: dict[str, Any]) -> None:
    value["config"] = value["layers"][0]


def _other_subject(value: dict[str, Any]) -> None:
    value["subject"]["digest"] = str(IMAGE.manifests[0].digest)


def _no_subject(value: dict[str, Any]) -> None:
    del value["subject"]


def _more_in(path: str, key: str, value: object) -> Change:
    def change(document: Any) -> None:
        for name in path.split("."):
            document = document[int(name)] if isinstance(document, list) else document[name]
        document[key] = value

    return change


def _annotation(key: str, text: str) -> Change:
    def change(value: dict[str, Any]) -> None:
        value["annotations"][key] = text

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_drop_layer, "layers are not"),
        (_swap_layers, "layers are not"),
        (_repeat_layer, "layers are not"),
        (_other_config, "config is not the empty one"),
        (_other_subject, "about another image than its subject"),
        (_no_subject, "about another image than its subject"),
        (_annotation(names.VERDICT, "DENY"), "annotation dev.pushpolicy.verdict"),
        (_annotation(names.TAGS, "2.0"), "annotation dev.pushpolicy.tags"),
        (_annotation(names.CREATED, "2030-01-01T00:00:00Z"), "annotation org.opencontainers.image.created"),
        (_annotation(names.ANCHORED, "true"), "annotation dev.pushpolicy.anchored"),
        (
            _annotation(names.TITLE, "pushpolicy record: ALLOW of all"),
            "annotation org.opencontainers.image.title",
        ),
        (_annotation(names.DESCRIPTION, "ALLOW"), "annotation org.opencontainers.image.description"),
        (_annotation(names.SEQUENCE + "1.0", "2"), "annotation dev.pushpolicy.sequence.1.0"),
        (_annotation(names.SEQUENCE + "2.0", "1"), "unknown annotation"),
        (_annotation(names.PREVIOUS + "1.0", "sha256:" + "0" * 64), "unknown annotation"),
        (_more_in("layers.0.annotations", names.TITLE, "a.json"), "other titles than"),
        (_more_in("layers.0.annotations", "more", "x"), "more about them than"),
        (_more_in("layers.2", "urls", ["https://example.com"]), "more about them than"),
        (_more_in("subject", "urls", ["https://example.com"]), "other fields than"),
        (_more_in("config", "data", "e30="), "other fields than"),
    ],
)
def test_a_forged_manifest_is_refused(
    change: Change, message: str, client: LayoutRepository, target: Target
) -> None:
    with pytest.raises(RecordError, match=message) as error:
        read_summary(client, _forge(client, target, change))
    assert error.value.exit_code == 51


def _replace_layer(client: LayoutRepository, index: int, content: bytes) -> Change:
    def change(value: dict[str, Any]) -> None:
        layer = Descriptor.of(content, value["layers"][index]["mediaType"])
        (Path(client.repository.path) / "blobs/sha256" / layer.digest.hex).write_bytes(content)
        value["layers"][index] |= {"digest": str(layer.digest), "size": layer.size}

    return change


def _chained(chain: Any, judged: Judged) -> bytes:
    return _changed(judged.decision.document(), chain=chain)


def _changed(document: Document, **fields: Any) -> bytes:
    return Document.of({**document.value, **fields}).content


@pytest.mark.parametrize(
    ("index", "content", "message"),
    [
        (0, lambda judged: _changed(judged.evidence, extra={"a": 1}), "made on other evidence"),
        (0, lambda judged: b"[]", "not a JSON object"),
        (0, lambda judged: b'{"a":1,"a":1}', "occurs twice"),
        (0, lambda judged: json.dumps(judged.evidence.value, indent=1).encode(), "not canonical"),
        (1, lambda judged: b"{}", "schema is not"),
        (1, lambda judged: _changed(judged.decision.document(), verdict="DENY"), "annotation .*title"),
        (
            1,
            lambda judged: _changed(judged.decision.document(), evidence="sha256:" + "0" * 64),
            "other evidence",
        ),
        (1, lambda judged: _changed(judged.decision.document(), more=1), "unknown field"),
        (1, lambda judged: _chained({"1.0": {}}, judged), r"chain\['1.0'\].sequence is absent"),
        (1, lambda judged: _chained({"1.0": {"sequence": "1"}}, judged), "not of type int"),
        (1, lambda judged: _chained({"1.0": {"sequence": True}}, judged), "not of type int"),
        (1, lambda judged: _chained({"1.0": {"sequence": 1, "next": 2}}, judged), "unknown field 'next'"),
        (1, lambda judged: _chained({"1.0": {"sequence": 1, "previous": "x"}}, judged), "not a digest"),
        (1, lambda judged: _chained({"1.0": 1}, judged), r"chain\['1.0'\] is not an object"),
        (1, lambda judged: _chained([], judged), "chain is not of type dict"),
        # What is in the manifest, and not in the decision.
        (1, lambda judged: _chained({}, judged), "unknown annotation 'dev.pushpolicy.sequence.1.0'"),
        (
            1,
            lambda judged: (
                replace(judged.decision, image=replace(judged.decision.image, repository="a\0b"))
                .document()
                .content
            ),
            "names a folder that cannot be",
        ),
    ],
)
def test_forged_layers_are_refused(
    index: int, content: Callable[..., bytes], message: str, client: LayoutRepository, target: Target
) -> None:
    forged = _replace_layer(client, index, content(judge(IMAGE, target, current(client, target))))
    with pytest.raises(RecordError, match=message):
        read_record(client, _forge(client, target, forged))


@pytest.mark.parametrize(
    ("field", "named"),
    [
        ({"evaluated_at": "2026-11-02T10:00:01Z"}, "time"),
        ({"image": {"digest": "sha256:" + "0" * 64}}, "image"),
        ({"image": None}, "has no image"),
        ({"target": {"registry": "oci", "repository": "elsewhere", "tags": ["1.0"]}}, "repository"),
        ({"target": {"registry": "oci", "repository": "elsewhere", "tags": ["2.0"]}}, "set of tags"),
    ],
)
def test_evidence_has_to_be_of_the_same_push(
    field: dict[str, Any], named: str, client: LayoutRepository, target: Target
) -> None:
    judged = judge(IMAGE, target)
    evidence = _changed(judged.evidence, **field)
    decision = replace(judged.decision, evidence=Digest.of(evidence)).document().content

    def change(value: dict[str, Any]) -> None:
        _replace_layer(client, 0, evidence)(value)
        _replace_layer(client, 1, decision)(value)

    with pytest.raises(RecordError, match=named):
        read_record(client, _forge(client, target, change))


def test_a_decision_of_before_keeps_its_bytes() -> None:
    """What is signed names them; a field that was added since would be in a document made anew."""
    document = Document.of({key: part for key, part in FULL.document().value.items() if key != "chain"})
    read = read_decision(document)
    assert read.chain == {}
    assert read.document() is document
    assert "chain" in replace(read, observed=not read.observed).document().value


def test_a_layer_that_was_damaged_or_removed(client: LayoutRepository, target: Target) -> None:
    digest = publish(IMAGE, client, target).record.digest
    stored = Path(client.repository.path) / "blobs/sha256" / read_summary(client, digest).layers[2].digest.hex
    stored.chmod(0o600)
    stored.write_bytes(b"x" * stored.stat().st_size)
    with pytest.raises(RecordError, match="cannot be read"):
        read_record(client, digest)
    stored.unlink()
    with pytest.raises(RecordError, match="cannot be read"):
        read_record(client, digest)


def test_an_image_that_cannot_be_read_is_not_taken_for_one_that_was_removed(
    client: LayoutRepository, target: Target
) -> None:
    digest = publish(IMAGE, client, target).record.digest
    image = Path(client.repository.path) / "blobs/sha256" / IMAGE.top.digest.hex
    image.chmod(0o600)
    image.write_bytes(b"x" * image.stat().st_size)
    with pytest.raises(RecordError, match=f"is not valid: its image {IMAGE.top.digest} cannot be read"):
        read_record(client, digest)
    image.unlink()
    assert read_record(client, digest).summary.digest == digest


def test_sizes_are_bounded(client: LayoutRepository, target: Target, monkeypatch: pytest.MonkeyPatch) -> None:
    digest = publish(IMAGE, client, target).record.digest
    monkeypatch.setattr(names, "MAX_POLICY_SIZE", 3)
    with pytest.raises(RecordError, match=r"layer of [0-9]+ bytes is over the limit of 3"):
        read_record(client, digest)


def test_more_reports_than_the_limit_are_no_record(
    client: LayoutRepository, target: Target, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "unit.xml"
    path.write_bytes(b"<u/>")
    report = RawReport(
        name="unit",
        path=path,
        kind="tests",
        format="junit",
        digest=Digest.of(b"<u/>"),
        size=4,
        media_type="application/xml",
    )
    digest = publish(IMAGE, client, target, reports=(report, report)).record.digest
    assert len(read_summary(client, digest).reports) == 2
    monkeypatch.setattr(names, "MAX_REPORTS", 1)
    with pytest.raises(RecordError, match="it holds more than 1 reports"):
        read_summary(client, digest)


def test_a_damaged_manifest_is_no_record(client: LayoutRepository, target: Target) -> None:
    digest = publish(IMAGE, client, target).record.digest
    blob = Path(client.repository.path) / "blobs/sha256" / digest.hex
    blob.chmod(0o600)
    blob.write_bytes(b"x" * blob.stat().st_size)
    with pytest.raises(RecordError, match=f"record {digest} cannot be read"):
        read_summary(client, digest)


@pytest.mark.parametrize(
    ("at", "reason"),
    [("2026-11-02T10:00:00", "has no zone"), ("2999-01-01T00:00:00Z", "which is still to come")],
)
def test_a_decision_is_of_a_time_that_was(
    at: str, reason: str, client: LayoutRepository, target: Target
) -> None:
    digest = publish(IMAGE, client, target, at=at).record.digest
    with pytest.raises(RecordError, match=reason):
        read_summary(client, digest)


def test_a_decision_is_about_each_tag_once(client: LayoutRepository, target: Target) -> None:
    decision = judge(IMAGE, target).decision
    twice = replace(decision, image=replace(decision.image, tags=("1.0", "1.0")))

    def change(value: dict[str, Any]) -> None:
        _replace_layer(client, 1, twice.document().content)(value)
        value["annotations"][names.TAGS] = "1.0,1.0"

    with pytest.raises(RecordError, match="about no tag, or one tag twice"):
        read_summary(client, _forge(client, target, change))


def test_values_are_bounded(
    client: LayoutRepository, target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    digest = publish(IMAGE, client, target).record.digest
    monkeypatch.setattr(names, "MAX_DOCUMENT_VALUES", 3)
    with pytest.raises(RecordError, match="a document in it may have more than 3 values"):
        read_summary(client, digest)


TARGET = Target.parse("registry.example.com/team/app:1.0")
VIOLATION = Violation(
    rule="one",
    id="CVE-1",
    msg="found",
    at={"id": "CVE-1", "n": [1, 2.5, {"deep": True}]},
    severity="high",
    fix="upgrade",
    evidence="scans",
    waiver={"rule": "one", "reason": "accepted", "expires": "2027-01-01T00:00:00Z"},
)
FULL = judge(
    IMAGE,
    TARGET.with_tags(("latest",)),
    warnings=(VIOLATION,),
    waived=(VIOLATION,),
    waivers=(WaiverUse(waiver={"rule": "one"}, state="used"),),
    observed=True,
).decision


def test_every_field_comes_back() -> None:
    assert read_decision(FULL.document()) == FULL


texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
rules = st.builds(
    RuleResult,
    name=texts,
    title=texts,
    status=st.sampled_from(RuleStatus),
    because=st.none() | texts,
    reason=st.none() | texts,
)
violations = st.builds(
    Violation,
    rule=texts,
    id=texts,
    msg=texts,
    at=st.dictionaries(texts, st.booleans() | texts | st.integers(-(2**53) + 1, 2**53 - 1), max_size=3),
    severity=texts,
    fix=texts,
    evidence=st.none() | texts,
)


@given(rules=st.lists(rules, max_size=3), found=st.lists(violations, max_size=3))
def test_reading_undoes_writing(rules: list[RuleResult], found: list[Violation]) -> None:
    decision = judge(IMAGE, TARGET, rules=tuple(rules), violations=tuple(found)).decision
    read = read_decision(Document.read(decision.document().content))
    assert read == decision
    assert read.document() == decision.document()


def _set(path: str, value: Any) -> Callable[[dict[str, Any]], None]:
    *folders, last = path.split(".")

    def change(document: dict[str, Any]) -> None:
        for name in folders:
            document = document[int(name)] if isinstance(document, list) else document[name]
        document[last] = value

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_set("schema", "pushpolicy.decision/v2"), "schema is not"),
        (lambda document: document.pop("schema"), "schema is not"),
        (lambda document: document.pop("evidence"), "decision.evidence is absent"),
        (lambda document: document["policy"].pop("anchored"), "decision.policy.anchored is absent"),
        (_set("allow", True), "unknown field 'allow'"),
        (_set("verdict", "allow"), r"^decision.verdict: 'allow' is not a valid"),
        (_set("verdict", True), "decision.verdict is not of type str"),
        (_set("policy.anchored", 1), "decision.policy.anchored is not of type bool"),
        (_set("policy.digest", "sha256:12"), "^decision.policy.digest: "),
        (_set("policy", []), "decision.policy is not an object"),
        (_set("image.tags", "1.0"), "decision.image.tags is not a list"),
        (_set("image.tags", [1]), r"decision.image.tags\[0\] is not of type str"),
        (_set("image.tags", ["1.0", 1]), r"decision.image.tags\[1\] is not of type str"),
        (_set("chain", {"": 1}), r"^decision.chain\[''\] is not an object"),
        (_set("engine.digest", None), "^decision.engine.digest is not of type str"),
        (_set("engine.hermeticity", "none"), "^decision.engine.hermeticity is none of local, delegated"),
        (_set("warnings.0.at", "here"), r"decision.warnings\[0\].at is not of type dict"),
        (_set("warnings.0.evidence", None), r"decision.warnings\[0\].evidence is not of type str"),
        (_set("rules.0.status", "ok"), r"^decision.rules\[0\].status: "),
    ],
)
def test_anything_else_is_refused(change: Callable[[dict[str, Any]], None], message: str) -> None:
    value = copy.deepcopy(dict(FULL.document().value))
    change(value)
    with pytest.raises(ValueError, match=message):
        read_decision(Document.of(value))


def test_the_type_is_complete() -> None:
    assert isinstance(read_decision(FULL.document()), Decision)
