"""From the command line to a PushRequest: the one place where the parts of a push are put together."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec
from msgspec.structs import replace

from pushpolicy.cli import environment
from pushpolicy.cli.gathering import named_evidence, named_parts
from pushpolicy.cli.limits import read_limits
from pushpolicy.cli.policies import Judge
from pushpolicy.cli.registries import Registries
from pushpolicy.errors import UsageError
from pushpolicy.gather import Expected, NamedEvidence
from pushpolicy.images import Compression, LayerCompression, Selection, parse_remote, reads_stdin
from pushpolicy.model.descriptor import Platform
from pushpolicy.model.reference import Reference, Target
from pushpolicy.pipeline import PushRequest


class _Work(msgspec.Struct, frozen=True, kw_only=True):
    """One image of a run: the IMAGE argument, where it goes, and evidence of its own."""

    image: str
    target: Target
    evidence: tuple[NamedEvidence, ...] = ()


def push_request(
    judge: Judge, image: str, *, target: str, tags: tuple[str, ...], **options: Any
) -> PushRequest:
    """Everything that one push needs.

    Raises:
        UsageError: when an option is wrong.
    """
    work = _Work(image=image, target=parse_target(target, tags))
    (request,) = _requests((work,), judge, **options)
    return request


def all_requests(judge: Judge, **options: Any) -> tuple[PushRequest, ...]:
    """The same for each of the configuration's images.

    Raises:
        UsageError: as for one, and when there are no images, or two for one tag.
    """
    settings = judge.config
    if not settings.images:
        raise UsageError("--all: the configuration names no images", "`pushpolicy schema config` shows how")
    work = tuple(
        _Work(
            image=item.image,
            target=parse_target(item.target, item.tags, f"{settings.path}: target of image {number}"),
            evidence=item.evidence,
        )
        for number, item in enumerate(settings.images, start=1)
    )
    _check_distinct(work)
    return _requests(work, judge, **options)


def _check_distinct(works: Iterable[_Work]) -> None:
    seen = set[str]()
    for work in works:
        for tag in work.target.tags:
            name = f"{work.target.repository}:{tag}"
            if name in seen:
                raise UsageError(f"--all: two images are to be {name}", "give one of them another tag")
            seen.add(name)


def _requests(
    works: tuple[_Work, ...],
    judge: Judge,
    *,
    evidence: tuple[str, ...],
    limits: tuple[str, ...],
    parts: tuple[str, ...] = (),
    platforms: tuple[str, ...] = (),
    referrers: bool = False,
    compression: str | None = None,
    compression_level: int | None = None,
    **access: Any,
) -> tuple[PushRequest, ...]:
    _check_stdin(works, password=access["password_stdin"])
    selection = _selection(platforms, referrers, _layer_compression(compression, compression_level))
    sources = [parse_source(work.image) for work in works]
    named = named_evidence(evidence, judge.config) + named_parts(parts)
    registries = Registries(**access)
    # Every target first: what was given by hand is theirs before it is any source's.
    opened = [registries.target(work.target.repository) for work in works]
    at = environment.now()
    requests: list[PushRequest] = []
    for work, source, (client, credential) in zip(works, sources, opened, strict=True):
        origin, origin_credential = registries.source(source.repository) if source else (None, None)
        requests.append(
            PushRequest(
                image=work.image,
                target=work.target,
                client=client,
                policy=judge.policy,
                engine=judge.engine,
                decide=None if requests else judge.decide,
                workspace=environment.workspace(),
                environ=environment.environment(),
                credential=credential,
                evaluated_at=at,
                named=work.evidence + named,
                expected=judge.config.expected or Expected(),
                limits=read_limits(limits),
                source=origin,
                source_credential=origin_credential,
                selection=replace(selection, destination=work.target.repository),
            )
        )
    return tuple(requests)


def _selection(
    platforms: tuple[str, ...], referrers: bool, compression: LayerCompression | None
) -> Selection:
    return Selection(
        platforms=tuple(map(_platform, platforms)),
        referrers=referrers,
        compression=compression,
        docker_host=environment.environment().get("DOCKER_HOST"),
    )


def parse_source(image: str) -> Reference | None:
    """The reference of a ``docker://`` IMAGE; None for every other.

    Raises:
        UsageError: when it is malformed.
    """
    try:
        return parse_remote(image)
    except ValueError as error:
        raise UsageError(f"IMAGE: {error}", "write docker://REGISTRY/REPO[:TAG|@DIGEST]") from error


def _check_stdin(works: tuple[_Work, ...], *, password: bool) -> None:
    readers = sum(reads_stdin(work.image) for work in works) + password
    if readers > 1:
        raise UsageError(
            "standard input can be read once, by an image or by --password-stdin",
            "log in first (docker login), or write the image to a file",
        )


def _layer_compression(compression: str | None, level: int | None) -> LayerCompression | None:
    if compression is None and level is None:
        return None
    try:
        return LayerCompression(method=Compression(compression or "gzip"), level=level)
    except ValueError as error:
        raise UsageError(f"--compression-level: {error}") from error


def _platform(text: str) -> Platform:
    try:
        return Platform.parse(text)
    except ValueError as error:
        raise UsageError(f"--platform: {error}") from error


def parse_target(text: str, tags: tuple[str, ...] = (), where: str = "TARGET") -> Target:
    """Read TARGET and the further tags.

    Raises:
        UsageError: when one is malformed, or TARGET has no registry or tag.
    """
    try:
        target = Target.parse(text)
    except ValueError as error:
        raise UsageError(f"{where}: {error}") from error
    try:
        return target.with_tags(tags)
    except ValueError as error:
        raise UsageError(f"--tag: {error}", "a tag holds letters, digits and . _ -, at most 128") from error
