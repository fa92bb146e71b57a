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
from pushpolicy.reports.format import ReportError
from pushpolicy.reports.limits import Limits
from pushpolicy.reports.parsing import jsondoc
from pushpolicy.reports.parsing.values import utc
from pushpolicy.reports.provenance.slsa_model import (
    Configuration,
    Material,
    Predicate02,
    Predicate1,
    Vcs,
    Workflow,
)

V02 = "https://slsa.dev/provenance/v0.2"
V1 = "https://slsa.dev/provenance/v1"
_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_Kind = TypeVar("_Kind")
_COMMIT_DIGESTS = ("gitCommit", "sha1")


class Provenance(msgspec.Struct, frozen=True, kw_only=True):
    """One build, as its builder tells it; nothing in it is verified.

    Attributes:
        repository: where the source came from, without the reference.
        commit: the full id of the commit; None where several are named, or changes to it were built.
    """

    builder: str | None = None
    build_type: str | None = None
    repository: str | None = None
    commit: str | None = None
    ref: str | None = None
    materials: tuple[BuildMaterial, ...] = ()
    invocation: str | None = None
    started: str | None = None
    finished: str | None = None


def provenance(predicate_type: str, content: bytes, limits: Limits) -> Provenance | None:
    """Read a predicate; None for one of another type.

    Raises:
        ReportError: when it is malformed or over a limit.
    """
    if predicate_type == V02:
        return _checked(_from_02(jsondoc.decode_value(content, Predicate02)), limits)
    if predicate_type == V1:
        return _checked(_from_1(jsondoc.decode_value(content, Predicate1)), limits)
    return None


def _from_02(found: Predicate02) -> Provenance:
    meta = found.metadata
    source = found.invocation.config_source if found.invocation else None
    stated = _Source.of(source, meta.buildkit.vcs if meta and meta.buildkit else None, found.materials)
    return Provenance(
        builder=(found.builder.id or None) if found.builder else None,
        build_type=found.build_type or None,
        repository=stated.repository,
        commit=stated.commit,
        ref=stated.ref,
        materials=_materials(found.materials),
        invocation=(meta.build_invocation_id or None) if meta else None,
        started=utc(meta.build_started_on) if meta else None,
        finished=utc(meta.build_finished_on) if meta else None,
    )


def _from_1(found: Predicate1) -> Provenance:
    definition, details = found.build_definition, found.run_details
    meta, given = details.metadata, _configured(definition.external_parameters or {})
    vcs = meta.buildkit.vcs if meta and meta.buildkit else None
    stated = _Source.of(given, vcs, definition.resolved_dependencies)
    return Provenance(
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


def _configured(parameters: dict[str, msgspec.Raw]) -> Configuration | None:
    """The source among the parameters, as BuildKit, a SLSA generator or GitHub writes it."""
    for name in ("configSource", "source"):
        if (found := _as(parameters.get(name), Configuration)) is not None:
            return found
    flow = _as(parameters.get("workflow"), Workflow)
    return Configuration(uri=f"git+{flow.repository}@{flow.ref}") if flow and flow.repository else None


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
    def of(cls, given: Configuration | None, vcs: Vcs | None, materials: list[Material] | None) -> _Source:
        """What the build was configured from, else BuildKit's word, else the only git material."""
        given, vcs = given or Configuration(), vcs or Vcs()
        repository, ref = _split(given.uri)
        sources = [each for each in materials or () if list(_commits(each.digest))]
        same = [each for each in sources if repository and _split(each.uri)[0] == repository]
        if repository is None and not vcs.source and len(sources) == 1:
            repository, ref = _split(sources[0].uri)
            same = sources
        # A revision that ends in -dirty is no commit: something else was built.
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


def _materials(found: list[Material] | None) -> tuple[BuildMaterial, ...]:
    return tuple(BuildMaterial(uri=each.uri or None, digest=each.digest or {}) for each in found or ())


def _checked(found: Provenance, limits: Limits) -> Provenance:
    if len(found.materials) > limits.max_findings:
        raise ReportError(f"its {len(found.materials)} materials are over the limit of {limits.max_findings}")
    texts = [found.builder, found.build_type, found.repository, found.ref, found.invocation]
    texts += [text for each in found.materials for text in (each.uri, *each.digest, *each.digest.values())]
    if any(len(text) > limits.max_text for text in texts if text):
        raise ReportError(f"a text is over the limit of {limits.max_text} characters")
    return found
