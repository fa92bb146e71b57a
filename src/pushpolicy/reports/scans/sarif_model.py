"""The parts of a SARIF log that are read (SARIF 2.1.0, section 3). Tools write null for what is absent."""

from __future__ import annotations

from typing import Any

import msgspec


class _Struct(msgspec.Struct, rename="camel", gc=False):
    pass


class Text(_Struct):
    """A message."""

    text: str | None = None


class Configuration(_Struct):
    """How a rule, or an override of it, is configured."""

    level: str | None = None
    default_level: str | None = None  # 2.0.0 drafts


class RuleProperties(_Struct):
    """What GitHub, Docker Scout and others add to a rule; a property bag holds anything."""

    security_severity: Any = msgspec.field(name="security-severity", default=None)
    tags: Any = None
    fixed_version: Any = msgspec.field(name="fixed_version", default=None)
    purls: Any = None
    cvss_v3_severity: Any = msgspec.field(name="cvssV3_severity", default=None)


class Rule(_Struct):
    """A reporting descriptor."""

    id: str | None = None
    guid: str | None = None
    short_description: Text | None = None
    default_configuration: Configuration | None = None
    properties: RuleProperties | None = None


class Component(_Struct):
    """The driver or an extension of a tool."""

    name: str | None = None
    guid: str | None = None
    version: str | None = None
    semantic_version: str | None = None
    rules: list[Rule] | None = None


class Tool(Component):
    """A tool; 2.0.0 drafts and 1.0.0 name it here rather than in the driver."""

    driver: Component | None = None
    extensions: list[Component] | None = None


class ComponentReference(_Struct):
    """Names an extension, or the driver, by its index, GUID or name."""

    index: int | None = None
    guid: str | None = None
    name: str | None = None


class RuleReference(_Struct):
    """Names a rule by its index, id or GUID."""

    id: str | None = None
    guid: str | None = None
    index: int | None = None
    tool_component: ComponentReference | None = None


class Artifact(_Struct):
    """A file."""

    uri: str | None = None


class Region(_Struct):
    """A place in a file."""

    start_line: int | None = None


class Physical(_Struct):
    """A file and a place in it."""

    artifact_location: Artifact | None = None
    region: Region | None = None


class Logical(_Struct):
    """A place in something else than a file: Grype names the image and the path in it."""

    fully_qualified_name: str | None = None


class Location(_Struct):
    """Where a result is."""

    physical_location: Physical | None = None
    logical_locations: list[Logical] | None = None


class Suppression(_Struct):
    """Why a result was set aside."""

    kind: str | None = None
    state: str | None = None
    status: str | None = None  # SARIF 2.1.0 errata 01 renamed it


class Provenance(_Struct):
    """Which invocation gave a result."""

    invocation_index: int | None = None


class ResultProperties(_Struct):
    """A rating of the result itself, where the rule has none or another."""

    security_severity: Any = msgspec.field(name="security-severity", default=None)


class Result(_Struct):
    """One result."""

    rule_id: str | None = None
    rule_index: int | None = None
    rule: RuleReference | None = None
    kind: str | None = None
    level: str | None = None
    message: Text | str | None = None
    locations: list[Location] | None = None
    suppressions: list[Suppression] | None = None
    baseline_state: str | None = None
    provenance: Provenance | None = None
    properties: ResultProperties | None = None


class Override(_Struct):
    """An invocation's own configuration of a rule."""

    configuration: Configuration | None = None
    descriptor: RuleReference | None = None


class Notification(_Struct):
    """What the tool has to say of its own run."""

    level: str | None = None
    message: Text | str | None = None
    descriptor: RuleReference | None = None


class Invocation(_Struct):
    """One invocation of the tool."""

    execution_successful: bool | None = None
    tool_execution_successful: bool | None = None  # 2.0.0 drafts
    exit_code: int | None = None
    exit_signal_name: str | None = None
    process_start_failure_message: str | None = None
    start_time_utc: str | None = None
    end_time_utc: str | None = None
    rule_configuration_overrides: list[Override] | None = None
    tool_execution_notifications: list[Notification] | None = None
    tool_configuration_notifications: list[Notification] | None = None


class Control(_Struct):
    """What was checked out."""

    revision_id: str | None = None


class RunProperties(_Struct):
    """What Trivy adds to a run about its image; a property bag holds anything."""

    image_name: Any = None
    image_id: Any = msgspec.field(name="imageID", default=None)
    repo_digests: Any = None
    repo_tags: Any = None


class Run(_Struct):
    """One run of one tool."""

    tool: Tool
    results: list[Result] | None = None
    invocations: list[Invocation] | None = None
    version_control_provenance: list[Control] | None = None
    properties: RunProperties | None = None
    external_property_file_references: dict[str, Any] | None = None
    rules: Any = None  # 1.0.0, by their ids


class Log(_Struct):
    """A whole file."""

    version: str
    runs: list[Run]
    inline_external_properties: list[Any] | None = None


def text(value: object) -> str | None:
    """A value of a property bag, where it is a text."""
    return value if isinstance(value, str) and value else None


def texts(value: object) -> tuple[str, ...]:
    """The texts of a list, or the one text that stands in its place."""
    items = value if isinstance(value, list) else [value]
    return tuple(item for item in items if isinstance(item, str) and item)
