"""Reads the table of any CI system, and holds what its sources say against one another.

What is a law of all systems stands here: sources of one field that speak say the same; a run is of a branch
or of a tag, never of both; one that belongs to a pull request is no push, whatever else is said.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, TypeVar

import msgspec

from pushpolicy.gather.ci.event_file import Payload
from pushpolicy.gather.ci.readings import CiError, Value
from pushpolicy.gather.ci.table import Source, System
from pushpolicy.model.evidence import (
    CiEvidence,
    Contradiction,
    PullRequest,
    Run,
    Runner,
    Side,
    Status,
    Upstream,
)
from pushpolicy.model.text import printable
from pushpolicy.reports.parsing.values import text

_Part = TypeVar("_Part", bound=msgspec.Struct)
_NAME = re.compile(r"\{(\w+)\}")
# What an event is called where the system does not say what caused the run.
UNTOLD = "untold"
# Which events a run may have that belongs to a pull request.
_OF_PULL_REQUESTS = ("pull_request", "merge_queue")


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """What one source says of one field.

    Attributes:
        source: a variable, a path in the event file, or a claim of the job's token.
        in_payload: whether the event file says it.
        in_token: whether the token says it.
    """

    field: str
    value: Value
    source: str
    in_payload: bool = False
    in_token: bool = False


class ContradictionError(CiError):
    """Two sources of one field say different things; both are kept."""

    def __init__(self, contradictions: tuple[Contradiction, ...]) -> None:
        super().__init__("; ".join(map(str, contradictions)))
        self.contradictions = contradictions


def tell(system: System, environ: Mapping[str, str]) -> tuple[Told, ...]:
    """What each source of a system says, in the order of its table.

    Raises:
        CiError: when a value is not what it has to be.
    """
    raw = _raw_event(system, environ)
    payload = system.read_payload(system.event_file, environ) if system.event_file else Payload()
    _check_shape(system, payload, raw)
    return tuple(_told(system, environ, payload))


def compose(system: System, told: tuple[Told, ...]) -> CiEvidence:
    """The evidence that follows from what is told.

    Raises:
        ContradictionError: when two sources of one field differ.
    """
    contradictions = tuple(_contradictions(told))
    if contradictions:
        raise ContradictionError(contradictions)
    said = {each.field: each.value for each in told}
    raw, tag = _text(said, "event_raw"), _text(said, "tag")
    branch, ref = _text(said, "branch"), _text(said, "ref")
    event = _event(system, said)
    return CiEvidence(
        status=Status.COLLECTED,
        provider=_text(said, "provider") or system.name,
        event=event,
        event_raw=raw or UNTOLD,
        untrusted_trigger=raw if raw in system.untrusted else None,
        repository=_text(said, "repository"),
        repository_id=_text(said, "repository_id"),
        ref=ref or (f"refs/heads/{branch}" if branch else f"refs/tags/{tag}" if tag else None),
        ref_type="branch" if branch else "tag" if tag else None,
        branch=branch,
        tag=tag,
        commit=_text(said, "commit"),
        pull_request=_pull_request(said) if event == "pull_request" else None,
        ref_protected=_truth(said, "ref_protected"),
        default_branch=_text(said, "default_branch"),
        default_branch_by=_told_by(told, "default_branch"),
        actor=_text(said, "actor"),
        run=_part(said, "run", Run, "id"),
        job=_text(said, "job"),
        environment=_text(said, "environment"),
        workflow=_text(said, "workflow"),
        runner=_part(said, "runner", Runner),
        upstream=_part(said, "upstream", Upstream),
    )


def _raw_event(system: System, environ: Mapping[str, str]) -> str | None:
    sources = system.fields.get("event_raw", ())
    raw = next((environ[each.name] for each in sources if environ.get(each.name)), None)
    if raw is None and sources and system.quiet == "other":
        raise CiError(f"{sources[0].name} is not set")
    return text(raw) if raw else None


def _check_shape(system: System, payload: Payload, raw: str | None) -> None:
    """A payload is of the event that the variables name, and holds what nothing else tells."""
    for key, events in system.shapes.items():
        if payload.at(key) is not None and raw not in events:
            of = Side(source=f"event file: {key}", value=events[0])
            said = Side(source=system.fields["event_raw"][0].name, value=str(raw))
            raise ContradictionError((Contradiction(field="event", sides=(said, of)),))
    needed = system.needs.get(raw or "")
    if needed and not isinstance(payload.at(needed), dict):
        why = payload.unreadable or "it describes no pull request"
        raise CiError(f"the event file does not tell where the pull request comes from: {why}")


def _told(system: System, environ: Mapping[str, str], payload: Payload) -> Iterator[Told]:
    for field, sources in system.fields.items():
        for source in sources:
            shown = f"{system.payload_name}: {source.name}" if source.in_payload else source.name
            value = _value(source, shown, environ, payload)
            if value is not None:
                yield Told(field=field, value=value, source=shown, in_payload=source.in_payload)

    address = system.run_url and _NAME.sub(lambda found: environ.get(found[1]) or "\0", system.run_url)
    if address and "\0" not in address:
        yield Told(field="run.url", value=text(address), source="the variables of its address")


def _value(source: Source, shown: str, environ: Mapping[str, str], payload: Payload) -> Value | None:
    if not all(condition.holds(environ) for condition in source.when):
        return None
    said = payload.text_at(source.name) if source.in_payload else environ.get(source.name)
    if not said:
        return None
    try:
        return source.reading(text(said))
    except CiError as error:
        raise CiError(f"{shown}: {error}") from error


def _contradictions(told: tuple[Told, ...]) -> Iterator[Contradiction]:
    first: dict[str, Told] = {}
    for each in told:
        other = first.setdefault(each.field, each)
        if _folded(other) != _folded(each):
            yield _between(each.field, other, each)
    ref, kind = first.get("ref"), first.get("ref_type")
    named = [first[field] for field in ("branch", "tag") if field in first]
    if len(named) > 1:
        yield _between("ref", *named)
    for each in named:
        if ref and ref.value != f"refs/{'heads' if each.field == 'branch' else 'tags'}/{each.value}":
            yield _between("ref", ref, each)
        if kind and kind.value != each.field:
            yield _between("ref_type", kind, each)


def _folded(each: Told) -> Value:
    """GitHub and GitLab take a repository's name in any case."""
    return (
        each.value.lower()
        if each.field.endswith("repository") and isinstance(each.value, str)
        else each.value
    )


def _between(field: str, *sides: Told) -> Contradiction:
    """Of sides that tell two fields each says which."""
    named = ("" if each.field == field else f"{each.field} " for each in sides)
    values = (f"{of}{printable(str(each.value))}" for of, each in zip(named, sides, strict=True))
    shown = (Side(source=each.source, value=value) for each, value in zip(sides, values, strict=True))
    return Contradiction(field=field, sides=tuple(shown))


def _event(system: System, said: Mapping[str, Value]) -> str:
    raw, told = _text(said, "event_raw"), _text(said, "event")
    if told in _OF_PULL_REQUESTS:
        return told
    event = told or (system.events.get(raw, "other") if raw else system.quiet)
    is_of_pull_request = any(name.startswith("pull_request.") for name in said)
    if is_of_pull_request and event not in _OF_PULL_REQUESTS:
        return "other" if raw in system.untrusted else "pull_request"
    return "tag" if event == "push" and "tag" in said else event


def _pull_request(said: Mapping[str, Value]) -> PullRequest:
    """One whose origin is not told, or gone, counts as one from a fork."""
    head, base = (_text(said, f"pull_request.{side}_repository") for side in ("head", "base"))
    told = _truth(said, "pull_request.from_fork")
    from_fork = told if told is not None else not head or head.lower() != (base or "").lower()
    rest = {name: said.get(f"pull_request.{name}") for name in ("number", "head", "base", "head_commit")}
    return msgspec.convert({"from_fork": from_fork, "head_repository": head, **rest}, PullRequest)


def _part(said: Mapping[str, Value], name: str, kind: type[_Part], needed: str | None = None) -> _Part | None:
    found: dict[str, Any] = {
        field.removeprefix(f"{name}."): value for field, value in said.items() if field.startswith(f"{name}.")
    }
    if not found or (needed and needed not in found):
        return None
    return msgspec.convert(found, kind)


def _told_by(told: tuple[Told, ...], field: str) -> str | None:
    """`variable` where one of its sources is one; `payload` where nothing else tells it."""
    kinds = {each.in_payload for each in told if each.field == field}
    return None if not kinds else "variable" if False in kinds else "payload"


def _text(said: Mapping[str, Value], field: str) -> str | None:
    value = said.get(field)
    return str(value) if value is not None else None


def _truth(said: Mapping[str, Value], field: str) -> bool | None:
    value = said.get(field)
    return value if isinstance(value, bool) else None
