"""The parts of SLSA's predicates that are read, and of what BuildKit adds to them."""

from __future__ import annotations

import msgspec


class Camel(msgspec.Struct, rename="camel", gc=False):
    """What is absent or null is None."""


class Material(Camel):
    """Something the build read: a source, a base image."""

    uri: str | None = None
    digest: dict[str, str] | None = None


class Configuration(Camel):
    """Where the build's own definition came from."""

    uri: str | None = None
    digest: dict[str, str] | None = None


class Vcs(msgspec.Struct, gc=False):
    """BuildKit's word on the checkout that the build ran in; the client sets it."""

    source: str | None = None
    revision: str | None = None


class BuildKit(msgspec.Struct, gc=False):
    """BuildKit's own metadata."""

    vcs: Vcs | None = None


class Builder(Camel):
    """Who built."""

    id: str | None = None


class Metadata02(Camel):
    """When, in v0.2."""

    build_invocation_id: str | None = msgspec.field(name="buildInvocationID", default=None)
    build_started_on: str | None = None
    build_finished_on: str | None = None
    buildkit: BuildKit | None = msgspec.field(
        name="https://mobyproject.org/buildkit@v1#metadata", default=None
    )


class Invocation(Camel):
    """What the build was started with."""

    config_source: Configuration | None = None


class Predicate02(Camel):
    """SLSA provenance v0.2."""

    builder: Builder | None = None
    build_type: str | None = None
    invocation: Invocation | None = None
    metadata: Metadata02 | None = None
    materials: list[Material] | None = None


class Workflow(Camel):
    """The workflow of GitHub's build type."""

    ref: str | None = None
    repository: str | None = None


class Definition(Camel):
    """What was to be built."""

    build_type: str | None = None
    external_parameters: dict[str, msgspec.Raw] | None = None
    resolved_dependencies: list[Material] | None = None


class Metadata1(Camel):
    """When, in v1."""

    invocation_id: str | None = None
    started_on: str | None = None
    finished_on: str | None = None
    buildkit: BuildKit | None = msgspec.field(name="buildkit_metadata", default=None)


class Details(Camel):
    """How the build went."""

    builder: Builder | None = None
    metadata: Metadata1 | None = None


class Predicate1(Camel):
    """SLSA provenance v1."""

    build_definition: Definition
    run_details: Details
