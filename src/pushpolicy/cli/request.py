"""From the command line to PushRequests: the one place where what belongs to a push is put together."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterable
from pathlib import Path

import msgspec

from pushpolicy.cli import environment
from pushpolicy.cli.config import Config
from pushpolicy.cli.gathering import git_program, named_evidence, named_parts, public_variables
from pushpolicy.cli.options import PublishOptions, PushOptions, SourceOptions, read_limits
from pushpolicy.cli.policies import PolicyAndEngine
from pushpolicy.cli.registries import Registries
from pushpolicy.errors import UsageError
from pushpolicy.gather import Expected, Job, NamedEvidence
from pushpolicy.images import Compression, LayerCompression, Selection, parse_remote, reads_stdin
from pushpolicy.model.descriptor import Platform
from pushpolicy.model.reference import Reference, Repository, Target
from pushpolicy.pipeline import PushRequest
from pushpolicy.push import SILENT, Progress
from pushpolicy.records.build import RawReports


class _Work(msgspec.Struct, frozen=True, kw_only=True):
    """One image of a run: the IMAGE argument, where it goes, and evidence of its own."""

    image: str
    target: Target
    evidence: tuple[NamedEvidence, ...] = ()


def push_requests(
    deciding: PolicyAndEngine,
    image: str | None,
    target: str | None,
    options: PushOptions,
    publish: PublishOptions = PublishOptions(),  # noqa: B008 - it is frozen
    progress: Progress = SILENT,
) -> tuple[PushRequest, ...]:
    """What is to be pushed: IMAGE to TARGET, or without them every image of the configuration.

    Raises:
        UsageError: when an option is wrong, or the configuration has no images, or two for one tag.
    """
    config, gathering = deciding.config, options.gathering
    is_configured = image is None or target is None
    if image is None or target is None:
        works = _configured(config)
        _check_allowed(works, publish.allow_targets)
    else:
        works = (_Work(image=image, target=parse_target(target, gathering.tags)),)
    _check_stdin(works, password=options.registry.password_stdin)
    compression = _compression(options.source)
    platforms = tuple(map(_platform, options.source.platforms))
    sources = [parse_source(work.image) for work in works]
    named = named_evidence(gathering.evidence, config) + named_parts(options.parts)
    registries = Registries(options.registry, source_plain_http=options.source.source_plain_http)
    # Every target first: what was given by hand is theirs before it is any source's.
    opened = [registries.target(work.target.repository) for work in works]
    at, environ = environment.now(), environment.environment()
    requests: list[PushRequest] = []
    for work, source, (client, credential) in zip(works, sources, opened, strict=True):
        origin, origin_credential = (
            registries.source(source.repository, is_configured=is_configured) if source else (None, None)
        )
        requests.append(
            PushRequest(
                job=Job(
                    workspace=environment.workspace(),
                    environ=environ,
                    credential=credential,
                    evaluated_at=at,
                    named=work.evidence + named,
                    expected=config.expected or Expected(),
                    limits=read_limits(gathering.limits),
                    git=git_program(gathering.git),
                    not_secret=public_variables(gathering.not_secret),
                ),
                image=work.image,
                target=work.target,
                client=client,
                policy=deciding.policy,
                engine=deciding.engine,
                # One OPA was started; it answers once.
                decide=None if requests else deciding.decide,
                raw=RawReports(publish.raw),
                mount_from=publish.mount_from,
                full=publish.verify == "full",
                progress=progress,
                source=origin,
                source_credential=origin_credential,
                selection=Selection(
                    platforms=platforms,
                    referrers=options.source.referrers,
                    destination=work.target.repository,
                    compression=compression,
                    on_compressed=progress.compression_advanced,
                    docker_host=environ.get("DOCKER_HOST"),
                ),
            )
        )
    return tuple(requests)


def _configured(config: Config) -> tuple[_Work, ...]:
    """The images of the configuration, no two of them for one tag."""
    if not config.images:
        raise UsageError("--all: the configuration names no images", "`pushpolicy schema config` shows how")
    works = tuple(
        _Work(
            image=item.image,
            target=parse_target(item.target, item.tags, f"{config.path}: target of image {number}"),
            evidence=item.evidence,
        )
        for number, item in enumerate(config.images, start=1)
    )
    seen = set[str]()
    for work in works:
        for tag in work.target.tags:
            name = f"{work.target.repository}:{tag}"
            if name in seen:
                raise UsageError(f"--all: two images are to be {name}", "give one of them another tag")
            seen.add(name)
    return works


def _check_allowed(works: Iterable[_Work], allowed: tuple[str, ...]) -> None:
    """The configuration is part of the judged checkout: it must not choose where the credential is sent."""
    for number, work in enumerate(works, start=1):
        repository = work.target.repository
        if not any(_is_within(repository, glob) for glob in allowed):
            raise UsageError(
                f"--all: {repository} is not allowed as the target of image {number}",
                "the configuration is part of what is judged; if the target is right, allow it on the command"
                f" line: --allow-target {shlex.quote(str(repository))}, or a glob",
            )


def _is_within(repository: Repository, glob: str) -> bool:
    """Whether a glob names this repository, and a folder is where its name says."""
    if ".." in str(repository).split("/"):
        return False
    # The checkout could point a link anywhere.
    folder = Path.cwd() / repository.path
    if repository.is_layout and folder.resolve() != Path(os.path.normpath(folder)):
        return False
    return repository.matches(glob)


def _check_stdin(works: Iterable[_Work], *, password: bool) -> None:
    readers = sum(reads_stdin(work.image) for work in works) + password
    if readers > 1:
        raise UsageError(
            "standard input can be read once, by an image or by --password-stdin",
            "log in first (docker login), or write the image to a file",
        )


def _compression(options: SourceOptions) -> LayerCompression | None:
    if options.compression is None and options.compression_level is None:
        return None
    try:
        method = Compression(options.compression or "gzip")
        return LayerCompression(method=method, level=options.compression_level)
    except ValueError as error:
        raise UsageError(f"--compression-level: {error}") from error


def _platform(text: str) -> Platform:
    try:
        return Platform.parse(text)
    except ValueError as error:
        raise UsageError(f"--platform: {error}") from error


def parse_source(image: str) -> Reference | None:
    """The reference of a ``docker://`` IMAGE; None for every other.

    Raises:
        UsageError: when it is malformed.
    """
    try:
        return parse_remote(image)
    except ValueError as error:
        raise UsageError(f"IMAGE: {error}", "write docker://REGISTRY/REPO[:TAG|@DIGEST]") from error


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
