"""SLSA provenance v0.2 and v1: who built it, how, from which commit and which materials.

Sources: slsa.dev/provenance/v0.2 and v1; what BuildKit, GitHub and the SLSA generators put into it besides
(docs.docker.com "SLSA definitions", actions/attest-build-provenance, slsa-github-generator).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TypeVar

import msgspec

from pushpolicy.model.evidence import BuildMaterial
from pushpolicy.reports.facts import ProvenanceFacts, within
from pushpolicy.reports.format import Facts
from pushpolicy.reports.limits import Limits
from pushpolicy.reports.parsing import jsondoc
from pushpolicy.reports.parsing.values import utc
from pushpolicy.reports.provenance import Attested

V02 = "https://slsa.dev/provenance/v0.2"
V1 = "https://slsa.dev/provenance/v1"
_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_Kind = TypeVar("_Kind")
_COMMIT_DIGESTS = ("gitCommit", "sha1")


# The parts of the two predicates that are read, and of what BuildKit adds to them.
class _Camel(msgspec.Struct, rename="camel", gc=False):
    """What is absent or null is None."""


class _Material(_Camel):
    """Something the build read: a source, a base image."""

    uri: str | None = None
    digest: dict[str, str] | None = None


class _Configuration(_Camel):
    """Where the build's own definition came from."""

    uri: str | None = None
    digest: dict[str, str] | None = None


class _Vcs(msgspec.Struct, gc=False):
    """The checkout that the build ran in, as the client told BuildKit."""

    source: str | None = None
    revision: str | None = None


class _BuildKit(msgspec.Struct, gc=False):
    """BuildKit's own metadata."""

    vcs: _Vcs | None = None


class _Builder(_Camel):
    """Who built."""

    id: str | None = None


class _Metadata02(_Camel):
    """When, in v0.2."""

    build_invocation_id: str | None = msgspec.field(name="buildInvocationID", default=None)
    invocation_id: str | None = msgspec.field(
        name="buildInvocationId", default=None
    )  # as the specification has it
    build_started_on: str | None = None
    build_finished_on: str | None = None
    buildkit: _BuildKit | None = msgspec.field(
        name="https://mobyproject.org/buildkit@v1#metadata", default=None
    )


class _Invocation(_Camel):
    """What the build was started with."""

    config_source: _Configuration | None = None


class _Predicate02(_Camel):
    """SLSA provenance v0.2."""

    builder: _Builder | None = None
    build_type: str | None = None
    invocation: _Invocation | None = None
    metadata: _Metadata02 | None = None
    materials: list[_Material] | None = None


class _Workflow(_Camel):
    """The workflow of GitHub's build type."""

    ref: str | None = None
    repository: str | None = None


class _Definition(_Camel):
    """What was to be built."""

    build_type: str | None = None
    external_parameters: dict[str, msgspec.Raw] | None = None
    resolved_dependencies: list[_Material] | None = None


class _Metadata1(_Camel):
    """When, in v1."""

    invocation_id: str | None = None
    started_on: str | None = None
    finished_on: str | None = None
    buildkit: _BuildKit | None = msgspec.field(name="buildkit_metadata", default=None)


class _Details(_Camel):
    """How the build went."""

    builder: _Builder | None = None
    metadata: _Metadata1 | None = None


class _Predicate1(_Camel):
    """SLSA provenance v1."""

    build_definition: _Definition
    run_details: _Details


def read_value(attested: Attested, limits: Limits) -> tuple[Facts, ...]:
    """Read the predicate of a statement; nothing, for one of another type.

    Raises:
        ReportError: when it is malformed or over a limit.
    """
    if attested.predicate_type == V02:
        return within(limits, [_from_02(jsondoc.decode_value(attested.predicate, _Predicate02), attested)])
    if attested.predicate_type == V1:
        return within(limits, [_from_1(jsondoc.decode_value(attested.predicate, _Predicate1), attested)])
    return ()


def _from_02(found: _Predicate02, attested: Attested) -> ProvenanceFacts:
    meta = found.metadata
    source = found.invocation.config_source if found.invocation else None
    stated = _Source.of(source, meta.buildkit.vcs if meta and meta.buildkit else None, found.materials)
    return ProvenanceFacts(
        predicate_type=attested.predicate_type,
        signed=attested.signed,
        subject=attested.subject,
        builder=(found.builder.id or None) if found.builder else None,
        build_type=found.build_type or None,
        repository=stated.repository,
        commit=stated.commit,
        ref=stated.ref,
        materials=_materials(found.materials),
        invocation=(meta.build_invocation_id or meta.invocation_id or None) if meta else None,
        started=utc(meta.build_started_on) if meta else None,
        finished=utc(meta.build_finished_on) if meta else None,
    )


def _from_1(found: _Predicate1, attested: Attested) -> ProvenanceFacts:
    definition, details = found.build_definition, found.run_details
    meta, given = details.metadata, _configured(definition.external_parameters or {})
    vcs = meta.buildkit.vcs if meta and meta.buildkit else None
    stated = _Source.of(given, vcs, definition.resolved_dependencies)
    return ProvenanceFacts(
        predicate_type=attested.predicate_type,
        signed=attested.signed,
        subject=attested.subject,
        builder=(details.builder.id or None) if details.builder else None,
        build_type=definition.build_type or None,
        repository=stated.repository,
        commit=stated.commit,
        ref=stated.ref,
        materials=_materials(definition.resolved_dependencies),
        invocation=(meta.invocation_id or None) if meta else None,
        started=utc(meta.started_on) if meta else None,
        finished=utc(meta.finished_on) if meta else None,
    )


def _configured(parameters: dict[str, msgspec.Raw]) -> _Configuration | None:
    """The source among the parameters, as BuildKit, a SLSA generator or GitHub writes it."""
    for name in ("configSource", "source"):
        if (found := _as(parameters.get(name), _Configuration)) is not None:
            return found
    flow = _as(parameters.get("workflow"), _Workflow)
    return _Configuration(uri=f"git+{flow.repository}@{flow.ref}") if flow and flow.repository else None


def _as(value: msgspec.Raw | None, kind: type[_Kind]) -> _Kind | None:
    try:
        return None if value is None else msgspec.json.decode(value, type=kind)
    except (msgspec.DecodeError, RecursionError):
        return None


class _Source(msgspec.Struct, frozen=True):
    repository: str | None
    commit: str | None
    ref: str | None

    @classmethod
    def of(cls, given: _Configuration | None, vcs: _Vcs | None, materials: list[_Material] | None) -> _Source:
        """What the build was configured from, else BuildKit's word, else the only git material."""
        given, vcs = given or _Configuration(), vcs or _Vcs()
        repository, ref = _split(given.uri)
        sources = [each for each in materials or () if list(_commits(each.digest))]
        same = [each for each in sources if repository and _split(each.uri)[0] == repository]
        if repository is None and not vcs.source and len(sources) == 1:
            repository, ref = _split(sources[0].uri)
            same = sources
        # A revision that ends in -dirty names a commit that had local changes when it was built.
        stated = [*_commits(given.digest), *([vcs.revision] if vcs.revision else [])]
        stated += [commit for each in same for commit in _commits(each.digest)]
        commits = set(stated)
        only = stated[0] if len(commits) == 1 and _COMMIT.fullmatch(stated[0]) else None
        return cls(repository or vcs.source or None, only, ref)


def _commits(digest: dict[str, str] | None) -> Iterator[str]:
    return (text for name, text in (digest or {}).items() if name in _COMMIT_DIGESTS)


def _split(uri: str | None) -> tuple[str | None, str | None]:
    """Repository and reference of ``git+https://host/path@ref`` or ``https://host/path.git#ref``."""
    if not uri:
        return None, None
    address, _, fragment = uri.removeprefix("git+").partition("#")
    front, mark, ref = address.rpartition("@")
    if mark and "/" in front.partition("://")[2]:  # and no user@host
        address, fragment = front, ref
    return address.removesuffix(".git") or None, fragment or None


def _materials(found: list[_Material] | None) -> tuple[BuildMaterial, ...]:
    return tuple(BuildMaterial(uri=each.uri or None, digest=each.digest or {}) for each in found or ())
