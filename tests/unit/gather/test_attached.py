"""What others attached to an image at its source: read, verified where a key is listed, and else marked."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest

from pushpolicy.gather import NamedEvidence
from pushpolicy.gather.attached import Beside, attached
from pushpolicy.gather.vouch import Witnesses
from pushpolicy.images import attached as bounds
from pushpolicy.images import open_image
from pushpolicy.images.image import Image
from pushpolicy.images.store import LayoutStore
from pushpolicy.model.descriptor import Descriptor
from pushpolicy.model.evidence import Evidence
from pushpolicy.model.manifest import OCI_MANIFEST, Manifest
from pushpolicy.model.reference import Repository
from pushpolicy.registry.layout import LayoutFolder
from pushpolicy.reports.facts import ProvenanceFacts, SbomFacts
from pushpolicy.reports.limits import Limits
from pushpolicy.reports.provenance.slsa import V1
from pushpolicy.signing import bundle, dsse
from pushpolicy.signing.trust import Key
from tests.keys import entry, key
from tests.layouts import LayoutMaker, child
from tests.unit.gather.samples import COMMIT, NOW, NoContent, make_request, trivy, write
from tests.unit.gather.test_gather import gathered

HERE = Path(__file__).parent
COSIGN = json.loads((HERE / "cosign.json").read_text())
REPOSITORY = Repository.parse("prod.example/team/app")
IN_TOTO = "application/vnd.in-toto+json"
BUILDER = "https://ci.example.com/build"


def listed(**keys: dict[str, object]) -> dict[str, Key]:
    return {name: msgspec.convert(value, Key) for name, value in keys.items()}


def witnesses(**keys: dict[str, object]) -> Witnesses:
    """Whoever may vouch: the tests' own builder, unless others are named."""
    given = keys or {"builder": entry("builder", "provenance")}
    return Witnesses(keys=listed(**given), repository=REPOSITORY, at=NOW)


def provenance(image: Manifest, predicate_type: str = V1, **fields: Any) -> bytes:
    source = {"uri": "git+https://git.example.com/app", "digest": {"gitCommit": COMMIT}}
    definition = {"buildType": "https://ci.example.com/v1", "externalParameters": {"source": source}}
    value = {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": "app", "digest": {"sha256": image.digest.hex}}],
        "predicateType": predicate_type,
        "predicate": {"buildDefinition": definition, "runDetails": {"builder": {"id": BUILDER}}},
    }
    return json.dumps(value | fields).encode()


def signed(payload: bytes, name: str = "builder", kind: str = IN_TOTO) -> bytes:
    return dsse.sign(kind, payload, key(name))


def bundled(payload: bytes, name: str = "builder") -> bytes:
    return bundle.write(signed(payload, name), key(name).public)


@pytest.fixture
def maker(tmp_path: Path) -> LayoutMaker:
    return LayoutMaker(tmp_path / "layout")


def refer(maker: LayoutMaker, image: Manifest, *contents: bytes, kind: str = bundle.TYPE) -> None:
    """A referrer for each, as cosign writes it."""
    for content in contents:
        config = maker.json({}, "application/vnd.oci.empty.v1+json")
        layers = [maker.blob(content, kind)]
        subject = image.descriptor.to_json()
        maker.add(maker.manifest(config=config, layers=layers, subject=subject, artifactType=kind))


def tag(maker: LayoutMaker, image: Manifest, end: str, *layers: Descriptor) -> None:
    """One manifest with a layer for each, under cosign's tag."""
    config = maker.json({}, "application/vnd.oci.image.config.v1+json")
    maker.add(maker.manifest(config=config, layers=list(layers)), name=f"sha256-{image.digest.hex}.{end}")


def signature(maker: LayoutMaker, content: bytes, signature: bytes) -> Descriptor:
    encoded = base64.b64encode(signature).decode()
    return maker.blob(content, bounds.SIGNED, annotations={"dev.cosignproject.cosign/signature": encoded})


def simple(image: Manifest) -> bytes:
    about = {"docker-manifest-digest": str(image.digest)}
    kind = "cosign container image signature"
    critical = {"identity": {"docker-reference": ""}, "image": about, "type": kind}
    return json.dumps({"critical": critical, "optional": None}).encode()


def read(maker: LayoutMaker, image: Manifest, who: Witnesses | None = None) -> Beside:
    store = LayoutStore(LayoutFolder(maker.root))
    opened = Image(
        source="oci:x",
        name=None,
        manifests=(image,),
        configs={},
        blobs=(),
        content=NoContent(),
        store=store,
    )
    return attached(opened, who or witnesses(), Limits())


def word(found: Beside) -> tuple[bool, str | None]:
    """What is said of the only one that is attached."""
    (only,) = found.listed
    assert only.verified is (only.verified_by is not None)
    assert only.verified is (only.unverified is None)
    assert found.statements.problems == ()
    return only.verified, only.verified_by or only.unverified


@pytest.mark.parametrize("form", ["bundle", "legacy"])
def test_what_cosign_wrote(maker: LayoutMaker, form: str) -> None:
    image = Manifest.parse(COSIGN["image"].encode(), OCI_MANIFEST)
    items = [(each["content"].encode(), each.get("signature")) for each in COSIGN[form]]
    if form == "bundle":
        refer(maker, image, *(content for content, _ in items))
    else:
        statements = [maker.blob(content, dsse.MEDIA_TYPE) for content, sig in items if not sig]
        signatures = [signature(maker, content, base64.b64decode(sig)) for content, sig in items if sig]
        tag(maker, image, "att", *statements)
        tag(maker, image, "sig", *signatures)
    found = read(maker, image, witnesses(ci={"key": COSIGN["key"], "role": "provenance"}))
    assert sorted(each.kind for each in found.listed) == ["signature", "statement", "statement"]
    assert {each.verified_by for each in found.listed} == {"ci"}
    ((stated, build),) = found.statements.of(ProvenanceFacts)
    assert (build.builder, build.commit, stated.vouch.by) == (BUILDER, COMMIT, "ci")
    assert len(list(found.statements.of(SbomFacts))) == 1
    assert (found.statements.problems, found.unread) == ((), ())
    # By no key, and by another one, nothing is verified, and all of it is read.
    others = read(maker, image, witnesses(other=entry("other", "provenance")))
    assert {each.unverified for each in others.listed} == {"it is signed by no listed key (other)"}
    assert len(others.statements.read) == len(found.statements.read)


def _edited(image: Manifest) -> bytes:
    value = json.loads(bundled(provenance(image)))
    other = provenance(image, predicate={"buildDefinition": {}, "runDetails": {}})
    value["dsseEnvelope"]["payload"] = base64.b64encode(other).decode()
    return json.dumps(value).encode()


def _with_envelope(change: Callable[[dict[str, Any]], object]) -> Callable[[Manifest], bytes]:
    def made(image: Manifest) -> bytes:
        value = json.loads(signed(provenance(image)))
        change(value)
        return json.dumps(value).encode()

    return made


def _by_certificate(image: Manifest) -> bytes:
    """As GitHub's artifact attestations are: no key is named, so none can verify it."""
    value = json.loads(bundled(provenance(image), "fulcio"))
    value["verificationMaterial"] = {"certificate": {"rawBytes": "MIIB"}, "tlogEntries": [{"logIndex": "1"}]}
    return json.dumps(value).encode()


UNVERIFIED: dict[str, tuple[Callable[[Manifest], bytes], str]] = {
    "plain": (provenance, "it carries no signature"),
    "another key": (
        lambda image: bundled(provenance(image), "other"),
        "is signed by no listed key (builder)",
    ),
    "a certificate": (_by_certificate, "is signed by no listed key (builder)"),
    "an edited payload": (_edited, "is signed by no listed key (builder)"),
    "another payload type": (
        lambda image: signed(provenance(image), kind="application/vnd.pushpolicy.decision+json"),
        "is signed as application/vnd.pushpolicy.decision+json, not as application/vnd.in-toto+json",
    ),
    "two signatures": (
        _with_envelope(lambda value: value["signatures"].append(value["signatures"][0])),
        "has 2 signatures, where exactly one belongs",
    ),
    "a keyid": (
        _with_envelope(lambda value: value["signatures"][0].update(keyid="a")),
        "names a key (keyid)",
    ),
    "base64 of the other alphabet": (
        _with_envelope(lambda value: value.update(payload=value["payload"].rstrip("=") + "\n")),
        "not in standard base64",
    ),
}


@pytest.mark.parametrize("case", UNVERIFIED)
def test_what_no_listed_key_vouches_for_is_read_and_marked(maker: LayoutMaker, case: str) -> None:
    made, reason = UNVERIFIED[case]
    image = maker.image()
    refer(maker, image, made(image))
    found = read(maker, image)
    verified, said = word(found)
    assert not verified
    assert reason in (said or "")
    ((stated, _),) = found.statements.of(ProvenanceFacts)
    assert (stated.origin, stated.vouch.by) == ("attached", None)


KEYS: dict[str, tuple[dict[str, object], str]] = {
    "another role": (entry("builder", "vex"), "trust.yaml lists no key of the role provenance"),
    "not yet": (entry("builder", "provenance", not_before="2027-01-01T00:00:00Z"), "counts from 2027-01-01"),
    "no more": (entry("builder", "provenance", not_after="2026-01-01T00:00:00Z"), "counted until 2026-01-01"),
    "elsewhere": (
        entry("builder", "provenance", repositories=["prod.example/other/*"]),
        "counts for prod.example/other/*, not for prod.example/team/app",
    ),
}


@pytest.mark.parametrize("case", KEYS)
@pytest.mark.parametrize("kind", ["statement", "signature"])
def test_a_key_counts_for_its_role_time_and_target(maker: LayoutMaker, case: str, kind: str) -> None:
    entered, reason = KEYS[case]
    image = maker.image()
    if kind == "statement":
        refer(maker, image, bundled(provenance(image)))
    else:
        content = simple(image)
        tag(maker, image, "sig", signature(maker, content, key("builder").sign(content)))
    verified, said = word(read(maker, image, witnesses(builder=entered)))
    assert not verified
    assert reason in (said or "")
    assert word(read(maker, image)) == (True, "builder")


def test_a_key_of_another_role_is_named(maker: LayoutMaker) -> None:
    image = maker.image()
    refer(maker, image, bundled(provenance(image), "judge"))
    who = witnesses(judge=entry("judge", "decide"), builder=entry("builder", "provenance"))
    assert word(read(maker, image, who)) == (
        False,
        "it is signed by the key judge, whose role is decide, not provenance",
    )


def test_what_is_about_something_else_is_said_and_does_not_count(maker: LayoutMaker) -> None:
    image, other = maker.image(), maker.image(content=b"other")
    refer(maker, image, bundled(provenance(other)))
    content = simple(other)
    tag(maker, image, "sig", signature(maker, content, key("builder").sign(content)))
    refer(maker, other, bundled(provenance(other)))
    found = read(maker, image)
    assert (found.listed, found.statements.read, found.statements.problems) == ((), (), ())
    whys = {each.why for each in found.unread}
    assert whys == {
        "it is a statement about something else than the image that it is attached to",
        "it is a signature of something else than the image that it is attached to",
    }


def test_what_is_said_to_be_something_else_is_not_looked_at(maker: LayoutMaker) -> None:
    image = maker.image()
    refer(maker, image, b"not json", kind="application/vnd.cncf.notary.signature")
    refer(maker, image, b"notes", kind="text/plain")
    assert read(maker, image) == Beside()


MALFORMED: dict[str, tuple[bytes, str, str]] = {
    "no JSON": (b"{", bundle.TYPE, "is not"),
    "no statement": (b"{}", IN_TOTO, "is no in-toto statement: it has no _type"),
    "two spellings": (b'{"payload":"","Payload":""}', dsse.MEDIA_TYPE, "Payload"),
    "a subject of another form": (
        b'{"_type":"https://in-toto.io/Statement/v1","predicateType":"a","subject":[{"digest":{"sha256":1}}]}',
        IN_TOTO,
        "its subject",
    ),
    "a signature of nothing": (b"{}", bounds.SIGNED, "is no signature of a container image"),
}


@pytest.mark.parametrize("case", MALFORMED)
def test_what_cannot_be_read_is_a_problem(maker: LayoutMaker, case: str) -> None:
    content, kind, reason = MALFORMED[case]
    image = maker.image()
    tag(maker, image, "att", maker.blob(content, kind))
    found = read(maker, image)
    assert found.listed == ()
    (problem,) = found.statements.problems
    assert problem.startswith("what is attached to the image cannot be read: ")
    assert f" (sha256-{image.digest.hex}.att, sha256:" in problem
    assert reason in problem


def test_a_predicate_that_cannot_be_read_is_a_problem(maker: LayoutMaker) -> None:
    image = maker.image()
    refer(maker, image, bundled(provenance(image, predicate=[])))
    (problem,) = read(maker, image).statements.problems
    assert "what is attached to the image cannot be read: " in problem


def _many(maker: LayoutMaker, image: Manifest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounds, "_MAX_ATTACHED", 1)
    refer(maker, image, *(bundled(provenance(image, predicate_type=f"t{n}")) for n in range(2)))


def _listed(maker: LayoutMaker, image: Manifest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounds, "_MAX_LISTED", 1)
    refer(maker, image, *(bundled(provenance(image, predicate_type=f"t{n}")) for n in range(2)))


def _large(maker: LayoutMaker, image: Manifest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounds, "_MAX_SIZE", 100)
    refer(maker, image, bundled(provenance(image)))


def _together(maker: LayoutMaker, image: Manifest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounds, "_MAX_TOTAL", 100)
    refer(maker, image, bundled(provenance(image)))


def _absent(maker: LayoutMaker, image: Manifest, _: pytest.MonkeyPatch) -> None:
    content = bundled(provenance(image))
    refer(maker, image, content)
    maker.path(Descriptor.of(content, bundle.TYPE).digest).unlink()


@pytest.mark.parametrize("make", [_many, _listed, _large, _together, _absent])
def test_none_of_it_is_left_out_in_silence(
    maker: LayoutMaker,
    monkeypatch: pytest.MonkeyPatch,
    make: Callable[[LayoutMaker, Manifest, pytest.MonkeyPatch], None],
) -> None:
    image = maker.image()
    make(maker, image, monkeypatch)
    found = read(maker, image)
    assert found.listed == ()
    assert len(found.statements.problems) == 1


def evidence(maker: LayoutMaker, folder: Path, files: Mapping[str, bytes], **fields: Any) -> Evidence:
    keys = listed(builder=entry("builder", "provenance"), security=entry("security", "vex"))
    with open_image(f"oci:{maker.root}:app") as image:
        work = write(folder, {"README": "", **files})
        return gathered(make_request(work, image=image, keys=keys, **fields)).evidence


def test_the_evidence_says_who_vouches_for_each(maker: LayoutMaker, tmp_path: Path) -> None:
    image = maker.add(maker.image(), name="app")
    sbom = {"bomFormat": "CycloneDX", "specVersion": "1.6", "components": [{"name": "a", "type": "library"}]}
    bom = provenance(image, "https://cyclonedx.org/bom", predicate=sbom)
    refer(maker, image, bundled(provenance(image)), bundled(bom))
    files = {
        "a.intoto.json": signed(provenance(image)),
        "b.intoto.json": provenance(image),
        "c.intoto.jsonl": b"\n".join(
            [signed(provenance(image)), signed(provenance(image, _type="https://in-toto.io/Statement/v0.1"))]
        ),
    }
    named = tuple(NamedEvidence(kind="provenance", name=None, path=name) for name in files)
    found = evidence(maker, tmp_path / "work", files, named=named)
    assert found.provenance is not None
    assert found.sbom is not None
    said = {
        item.name: (item.origin, item.bound, item.verified_by or item.unverified)
        for item in found.provenance.items
    }
    several = said.pop("c")[2], said.pop("c.2")[2]
    assert all("JSON" in (each or "") for each in several)
    attached_name = next(name for name in said if name.startswith("attached@"))
    assert said == {
        "a": ("file", True, "builder"),
        "b": ("file", True, "it carries no signature"),
        attached_name: ("attached", True, "builder"),
    }
    (listed_bom,) = found.sbom.items
    assert (listed_bom.origin, listed_bom.bound_by, listed_bom.verified_by) == (
        "attached",
        "manifest",
        "builder",
    )
    assert found.sbom.not_covered == ()
    assert [each.verified for each in found.image.attached] == [True, True]
    assert found.image.bound_to_commit == "provenance"


def test_what_is_attached_to_a_part_of_the_image_is_not_about_the_image(
    maker: LayoutMaker, tmp_path: Path
) -> None:
    image = maker.image()
    index = maker.nest(child(image, "linux/amd64"))
    maker.add(index, name="app")
    refer(maker, image, bundled(provenance(image)))
    assert evidence(maker, tmp_path / "work", {}).image.attached == ()
    refer(maker, index, bundled(provenance(image)))
    found = evidence(maker, tmp_path / "work", {})
    assert found.image.attached == ()
    assert [each.why for each in found.unread] == [
        "it is a statement about something else than the image that it is attached to"
    ]


def vex(image: Manifest) -> bytes:
    said = {
        "vulnerability": {"name": "CVE-2026-1"},
        "status": "not_affected",
        "justification": "vulnerable_code_not_in_execute_path",
        "products": [{"@id": f"pkg:oci/app@{image.digest}"}],
    }
    predicate = {"@context": "https://openvex.dev/ns/v0.2.0", "@id": "v", "author": "a", "statements": [said]}
    return provenance(image, "https://openvex.dev/ns/v0.2.0", predicate=predicate)


@pytest.mark.parametrize("place", ["attached", "a file"])
@pytest.mark.parametrize(
    ("signer", "reason"),
    [
        ("security", None),
        ("builder", "it is signed by the key builder, whose role is provenance, not vex"),
        ("other", "it is signed by no listed key (builder, security)"),
    ],
)
def test_what_is_said_of_flaws_is_for_the_keys_of_that_role(
    maker: LayoutMaker, tmp_path: Path, place: str, signer: str, reason: str | None
) -> None:
    image = maker.add(maker.image(), name="app")
    flaw = {"VulnerabilityID": "CVE-2026-1", "PkgName": "a", "InstalledVersion": "1", "Severity": "HIGH"}
    results = [{"Target": "a", "Class": "os-pkgs", "Type": "alpine", "Vulnerabilities": [flaw]}]
    with open_image(f"oci:{maker.root}:app") as opened:
        report = trivy(opened, Results=results)
    files = {"reports/trivy.json": report.encode()}
    named: tuple[NamedEvidence, ...] = ()
    if place == "attached":
        refer(maker, image, bundled(vex(image), signer))
    else:
        files["flaws.intoto.json"] = signed(vex(image), signer)
        named = (NamedEvidence(kind="vex", name=None, path="flaws.intoto.json"),)
    found = evidence(maker, tmp_path / "work", files, named=named)
    assert found.vex is not None
    (document,) = found.vex.items
    assert (document.verified_by, document.unverified) == (None if reason else signer, reason)
    ((finding,),) = (scan.findings for scan in found.scans.items)
    (claim,) = finding.vex or ()
    assert claim.verified_by == (None if reason else signer)


def test_a_key_for_what_is_said_of_flaws_vouches_for_no_build(maker: LayoutMaker) -> None:
    image = maker.image()
    refer(maker, image, bundled(provenance(image), "security"))
    who = witnesses(security=entry("security", "vex"), builder=entry("builder", "provenance"))
    assert word(read(maker, image, who)) == (
        False,
        "it is signed by the key security, whose role is vex, not provenance",
    )
