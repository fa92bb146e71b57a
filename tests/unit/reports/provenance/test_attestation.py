"""in-toto statements as they travel, and what SLSA provenance says of the source."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from pushpolicy.model.evidence import BuildMaterial
from pushpolicy.reports.facts import ProvenanceFacts
from pushpolicy.reports.format import Head, Identity, ReportError
from pushpolicy.reports.limits import Limits
from pushpolicy.reports.provenance import Attested, attestation, statements
from pushpolicy.reports.provenance.slsa import V02, V1, read_value
from tests.unit.reports.bytes_report import BytesReport, by_kind, only

COMMIT = "1" * 40
HEX = "a" * 64
REPOSITORY = "https://github.com/o/app"
BUILDKIT_02: dict[str, Any] = {
    "builder": {"id": "https://github.com/o/app/actions/runs/1"},
    "buildType": "https://mobyproject.org/buildkit@v1",
    "materials": [{"uri": "pkg:docker/alpine@3.20?platform=linux%2Famd64", "digest": {"sha256": HEX}}],
    "invocation": {"configSource": {"entryPoint": "Dockerfile"}, "parameters": {"frontend": "x"}},
    "metadata": {
        "buildInvocationID": "i",
        "buildStartedOn": "2026-01-02T03:04:05.5Z",
        "buildFinishedOn": "2026-01-02T03:05:05Z",
        "completeness": {"parameters": True},
        "https://mobyproject.org/buildkit@v1#metadata": {
            "vcs": {"localdir:context": ".", "revision": COMMIT, "source": REPOSITORY}
        },
    },
}
GITHUB_1: dict[str, Any] = {
    "buildDefinition": {
        "buildType": "https://actions.github.io/buildtypes/workflow/v1",
        "externalParameters": {
            "workflow": {
                "ref": "refs/heads/main",
                "repository": REPOSITORY,
                "path": ".github/workflows/x.yml",
            }
        },
        "internalParameters": {"github": {"event_name": "push"}},
        "resolvedDependencies": [
            {"uri": f"git+{REPOSITORY}@refs/heads/main", "digest": {"gitCommit": COMMIT}}
        ],
    },
    "runDetails": {
        "builder": {"id": "https://github.com/actions/runner/github-hosted"},
        "metadata": {"invocationId": "https://github.com/o/app/actions/runs/1/attempts/1"},
    },
}


def statement(predicate: Any = BUILDKIT_02, kind: str = V02, version: str = "v0.1") -> dict[str, Any]:
    return {
        "_type": f"https://in-toto.io/Statement/{version}",
        "predicateType": kind,
        "subject": [
            {"name": "app", "digest": {"sha256": HEX, "gitCommit": COMMIT}},
            {"digest": {"sha1": "x"}},
        ],
        "predicate": predicate,
    }


def envelope(content: dict[str, Any], signatures: int = 1) -> dict[str, Any]:
    return {
        "payloadType": "application/vnd.in-toto+json",
        "payload": base64.urlsafe_b64encode(json.dumps(content).encode()).decode(),
        "signatures": [{"keyid": "", "sig": "AA=="}] * signatures,
    }


def bundle(content: dict[str, Any]) -> dict[str, Any]:
    kind = "application/vnd.dev.sigstore.bundle.v0.3+json"
    return {"mediaType": kind, "verificationMaterial": {}, "dsseEnvelope": envelope(content)}


def read(*documents: dict[str, Any], indent: int | None = None) -> dict[str, tuple[Any, ...]]:
    content = "\n".join(json.dumps(document, indent=indent) for document in documents)
    return by_kind(attestation.FORMAT.read(BytesReport(content.encode()), Limits()))


def built(predicate: dict[str, Any], kind: str) -> ProvenanceFacts:
    content = json.dumps(predicate).encode()
    attested = Attested(predicate_type=kind, predicate=content, subject=Identity(), signed=True)
    return only(ProvenanceFacts, read_value(attested, Limits()))


@pytest.mark.parametrize(
    ("document", "signed"),
    [
        (statement(), False),
        (statement(version="v1"), False),
        (envelope(statement()), True),
        (envelope(statement(), signatures=0), False),
        (bundle(statement()), True),
    ],
)
def test_every_wrapping(document: dict[str, Any], signed: bool) -> None:
    for indent in (None, 1):
        found: ProvenanceFacts = read(document, indent=indent)["provenance"][0]
        assert (found.subject.name, found.subject.digests) == ("app", (f"sha256:{HEX}",))
        assert (found.predicate_type, found.signed, found.commit) == (V02, signed, COMMIT)


def test_several_in_one_file() -> None:
    kinds = read(
        envelope(statement()), envelope(statement(GITHUB_1, V1)), envelope(statement({}, "https://x"))
    )
    assert [found.predicate_type for found in kinds["provenance"]] == [V02, V1]


def test_buildkit_v02() -> None:
    assert built(BUILDKIT_02, V02) == ProvenanceFacts(
        predicate_type=V02,
        signed=True,
        builder="https://github.com/o/app/actions/runs/1",
        build_type="https://mobyproject.org/buildkit@v1",
        repository=REPOSITORY,
        commit=COMMIT,
        materials=(
            BuildMaterial(uri="pkg:docker/alpine@3.20?platform=linux%2Famd64", digest={"sha256": HEX}),
        ),
        invocation="i",
        started="2026-01-02T03:04:05.500000Z",
        finished="2026-01-02T03:05:05Z",
    )


def test_github_v1() -> None:
    found = built(GITHUB_1, V1)
    assert (found.repository, found.ref, found.commit) == (REPOSITORY, "refs/heads/main", COMMIT)
    assert found.builder == "https://github.com/actions/runner/github-hosted"
    assert len(found.materials) == 1


def git(commit: str = COMMIT, repository: str = REPOSITORY) -> dict[str, Any]:
    return {"uri": f"{repository}.git#refs/heads/main", "digest": {"sha1": commit}}


def vcs(revision: str) -> dict[str, Any]:
    return {
        "https://mobyproject.org/buildkit@v1#metadata": {"vcs": {"revision": revision, "source": REPOSITORY}}
    }


@pytest.mark.parametrize(
    ("change", "source"),
    [
        ({"invocation": {"configSource": git()}}, (REPOSITORY, COMMIT)),
        ({"materials": [git()]}, (REPOSITORY, COMMIT)),
        ({"materials": [git(), git("2" * 40, "https://github.com/o/lib")]}, (None, None)),
        ({"materials": [git("2" * 40, "https://x/y")], "metadata": vcs(COMMIT)}, (REPOSITORY, COMMIT)),
        ({"invocation": {"configSource": git()}, "metadata": vcs("2" * 40)}, (REPOSITORY, None)),
        ({"metadata": vcs(COMMIT + "-dirty")}, (REPOSITORY, None)),
        ({"metadata": vcs("1234567")}, (REPOSITORY, None)),
        ({}, (None, None)),
    ],
)
def test_the_commit_is_one_or_none(change: dict[str, Any], source: tuple[str | None, str | None]) -> None:
    found = built({"builder": {"id": "b"}, **change}, V02)
    assert (found.repository, found.commit) == source


@pytest.mark.parametrize(
    "parameters",
    [
        {"configSource": {"uri": f"{REPOSITORY}.git#main", "digest": {"sha1": COMMIT}}},
        {"source": {"uri": f"git+{REPOSITORY}@refs/tags/v1", "digest": {"gitCommit": COMMIT}}},
        {"source": "elsewhere", "workflow": {"repository": REPOSITORY, "ref": "refs/heads/main"}},
    ],
)
def test_parameters_of_v1_have_many_shapes(parameters: dict[str, Any]) -> None:
    definition = GITHUB_1["buildDefinition"] | {"externalParameters": parameters}
    found = built(GITHUB_1 | {"buildDefinition": definition}, V1)
    assert (found.repository, found.commit) == (REPOSITORY, COMMIT)


def test_an_sbom_and_vex_travel_the_same_way() -> None:
    vex = {
        "@context": "https://openvex.dev/ns",
        "statements": [{"vulnerability": "CVE-1", "status": "fixed"}],
    }
    boms = ({"bomFormat": "CycloneDX", "specVersion": "1.5"}, {"spdxVersion": "SPDX-2.3", "name": "x"})
    kinds = read(
        envelope(statement(boms[0], "https://cyclonedx.org/bom")),
        envelope(statement(boms[1], "https://spdx.dev/Document")),
        envelope(statement(vex, "https://openvex.dev/ns/v0.2.0")),
    )
    assert [bom.identity.digests for bom in kinds["sbom"]] == [(f"sha256:{HEX}",)] * 2
    assert [bom.identity.name for bom in kinds["sbom"]] == ["app", "x"]
    assert kinds["vex"][0].statements[0].products[0].identity.digests == (f"sha256:{HEX}",)


@pytest.mark.parametrize(
    "document",
    [
        statement() | {"_type": "https://example/Statement"},
        statement() | {"subject": "app"},
        statement(predicate=[]),
        statement(predicate={}, kind=V1),
        envelope(statement()) | {"payload": "?"},
        envelope(statement()) | {"payloadType": "text/plain"},
        envelope({"a": 1}),
        statement(predicate={"builder": {"id": "x" * 20_000}}),
    ],
)
def test_what_it_is_not_is_refused(document: dict[str, Any]) -> None:
    with pytest.raises(ReportError):
        read(document)


@pytest.mark.parametrize(
    ("head", "recognised"),
    [
        (Head(start=b"{", keys={"_type": b'"https://in-toto.io/Statement/v1"'}), True),
        (Head(start=b"{", keys={"payloadType": b'"application/vnd.in-toto+json"', "payload": b'""'}), True),
        (Head(start=json.dumps(bundle({})).encode() + b"\n" + b"{}"), True),
        (Head(start=b"{", keys={"mediaType": b'"application/vnd.dev.sigstore.bundle+json"'}), False),
        (Head(start=b'{"a": 1}\n{"b": 2}\n'), False),
        (Head(start=b"plain text"), False),
    ],
)
def test_recognition(head: Head, recognised: bool) -> None:
    assert attestation.FORMAT.recognise(head) is recognised


@pytest.mark.parametrize(
    "text",
    [
        json.dumps(statement()).replace('"predicateType"', '"PredicateType"'),
        json.dumps(statement()).replace("{", '{"predicateType": "https://x", ', 1),
        json.dumps(bundle(statement())).replace("{", '{"dsseenvelope": {}, ', 1),
    ],
    ids=["another case", "a key twice", "two envelopes"],
)
def test_what_two_verifiers_could_read_differently_is_refused(text: str) -> None:
    with pytest.raises(ReportError, match=r"^it has "):
        list(statements(text.encode()))
