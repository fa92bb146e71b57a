"""From the command line to PushRequests: the one place where what belongs to a push is put together."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable, Iterable
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from pushpolicy.cli import environment, places
from pushpolicy.cli.config import Config
from pushpolicy.cli.gathering import asked_jobs, git_program, named_evidence, named_parts, public_variables
from pushpolicy.cli.identity import token_access
from pushpolicy.cli.options import (
    PublishOptions,
    PushOptions,
    SourceOptions,
    read_limits,
)
from pushpolicy.cli.policies import PolicyAndEngine
from pushpolicy.cli.registries import Registries
from pushpolicy.errors import UsageError
from pushpolicy.evaluate import PolicySet
from pushpolicy.files import real
from pushpolicy.gather import Expected, Job, NamedEvidence, RecordsAccess
from pushpolicy.images import Compression, LayerCompression, Selection, parse_remote, reads_stdin
from pushpolicy.model.descriptor import Platform
from pushpolicy.model.reference import Reference, Repository, Target
from pushpolicy.pipeline import PushRequest
from pushpolicy.push import SILENT, Progress
from pushpolicy.reports.limits import Limits
from pushpolicy.signing.keys import Signer

if TYPE_CHECKING:
    from pushpolicy.cli.login import Logins


class _Work(msgspec.Struct, frozen=True, kw_only=True):
    """One image of a run: IMAGE, where it goes, whether tags move there, and evidence of its own."""

    image: str
    target: Target
    evidence: tuple[NamedEvidence, ...] = ()
    immutable: bool = False


def push_requests(
    deciding: PolicyAndEngine,
    image: str | None,
    target: str | None,
    options: PushOptions,
    publish: PublishOptions = PublishOptions(),  # noqa: B008 - it is frozen
    progress: Progress = SILENT,
    signer: Callable[[], Signer] | None = None,
) -> tuple[PushRequest, ...]:
    """What is to be pushed: IMAGE to TARGET and further ones, or every image of the configuration.

    Raises:
        UsageError: when an option is wrong, the configuration has no images, or one target is named twice.
    """
    config, gathering = deciding.config, options.gathering
    is_configured = image is None or target is None
    if image is None or target is None:
        works = _configured(config)
        _check_allowed(works, publish.allow_targets)
    else:
        works = _targeted(image, parse_target(target, gathering.tags), publish.also)
    _check_stdin(works, password=options.registry.password_stdin)
    selection = _selection(options.source, progress)
    sources = [parse_source(work.image) for work in works]
    named = named_evidence(gathering.evidence, config) + named_parts(options.parts)
    limits = read_limits(gathering.limits)
    logins = _logins(options, deciding.policy, works)
    registries = Registries(
        options.registry, limits, source_plain_http=options.source.source_plain_http, logins=logins
    )
    # Every target first: what was given by hand is theirs before it is any source's.
    opened = [registries.target(work.target.repository) for work in works]
    trust = deciding.policy.trust
    kept_in = [places.of_records(trust, options, work.target.repository) for work in works]
    refused = places.of_denials(trust, publish.denials, [work.target.repository for work in works])
    denials, denials_credential = registries.denials(refused) if refused else (None, None)
    shelves = [registries.records(place) if place else (None, None) for place in kept_in]
    job = _job(deciding, options, limits)
    requests: list[PushRequest] = []
    work_at = zip(works, sources, opened, kept_in, shelves, strict=True)
    for work, source, (client, credential), place, (records, shown) in work_at:
        login = registries.login(work.target.repository)
        own = (work.target.repository.registry, credential)
        apart = RecordsAccess(place.registry, shown) if place and shown else None
        origin, origin_credential = (
            registries.source(source.repository, is_configured=is_configured) if source else (None, None)
        )
        requests.append(
            PushRequest(
                job=job(
                    credential=credential,
                    # What is the target's own is judged as that.
                    records=apart if apart != own else None,
                    promise=login.promise if login else None,
                    named=work.evidence + named,
                    immutable=config.immutable or work.immutable,
                ),
                image=work.image,
                target=work.target,
                client=client,
                login=login,
                policy=deciding.policy,
                engine=deciding.judge.engine,
                engine_credential=deciding.judge.credential,
                # One OPA was started; it answers once.
                decide=None if requests else deciding.decide,
                raw=places.raw_reports(trust, publish.raw, work.target.repository),
                mount_from=publish.mount_from,
                full=publish.verify == "full",
                progress=progress,
                records=records,
                onlooker=registries.onlooker(place or work.target.repository),
                denials=denials,
                denials_credential=denials_credential,
                signer=signer,
                forms=tuple(dict.fromkeys(publish.forms)),
                source=origin,
                source_credential=origin_credential,
                selection=selection(destination=work.target.repository),
            )
        )
    return tuple(requests)


def _job(deciding: PolicyAndEngine, options: PushOptions, limits: Limits) -> partial[Job]:
    """What is the same of the job of every image."""
    gathering, trust = options.gathering, deciding.policy.trust
    return partial(
        Job,
        workspace=environment.workspace(),
        environ=environment.environment(),
        evaluated_at=environment.now(),
        expected=deciding.config.expected or Expected(),
        limits=limits,
        git=git_program(gathering.git),
        not_secret=public_variables(gathering.not_secret),
        jobs=asked_jobs(gathering.jobs, options.registry),
        tokens=token_access(trust, options.registry),
        keys=trust.keys,
        verified_for=trust.verified_for,
    )


def _selection(source: SourceOptions, progress: Progress) -> partial[Selection]:
    """Which part of every image, and what goes along."""
    return partial(
        Selection,
        platforms=tuple(map(_platform, source.platforms)),
        referrers=source.referrers,
        compression=_compression(source),
        on_compressed=progress.compression_advanced,
        docker_host=environment.environment().get("DOCKER_HOST"),
    )


def _logins(options: PushOptions, policy: PolicySet, works: Iterable[_Work]) -> Logins | None:
    if options.login is None:  # an empty name is none that is known
        return None
    from pushpolicy.cli.login import Logins

    targets = [work.target.repository for work in works]
    return Logins.of(options.login, policy.trust, options.registry, targets)


def _targeted(image: str, target: Target, also: tuple[str, ...]) -> tuple[_Work, ...]:
    """One image for TARGET and further ones, each in a repository of its own."""
    targets = (target, *(parse_target(text, where="--also") for text in also))
    seen = set[str]()
    for each in targets:
        repository = each.repository
        # Hosts know no case; a folder is the same by another name.
        folder = environment.workspace() / repository.path
        place = str(real(folder)) if repository.is_layout else str(repository).lower()
        if place in seen:
            raise UsageError(
                f"--also: {repository} is a target already",
                "name a repository once; --tag adds tags to TARGET",
            )
        seen.add(place)
    return tuple(_Work(image=image, target=each) for each in targets)


def _configured(config: Config) -> tuple[_Work, ...]:
    """The images of the configuration, no two of them for one tag."""
    if not config.images:
        raise UsageError("--all: the configuration names no images", "`pushpolicy schema config` shows how")
    works = tuple(
        _Work(
            image=item.image,
            target=parse_target(item.target, item.tags, f"{config.path}: target of image {number}"),
            evidence=item.evidence,
            immutable=item.immutable,
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
                f" line: --allow-target {shlex.quote(str(repository))}, or a glob of as many parts"
                " (* stops at a slash)",
            )


def _is_within(repository: Repository, glob: str) -> bool:
    """Whether a glob names this repository, and a folder is where its name says."""
    if ".." in str(repository).split("/"):
        return False
    # The checkout could point a link anywhere.
    folder = environment.workspace() / repository.path
    if repository.is_layout and real(folder) != Path(os.path.normpath(folder)):
        return False
    return repository.matches(glob)


def _check_stdin(works: Iterable[_Work], *, password: bool) -> None:
    # One image for several targets is read once.
    readers = sum(map(reads_stdin, {work.image for work in works})) + password
    if readers > 1:
        raise UsageError(
            "standard input can be read once, by an image or by --password-stdin",
            "log in first (docker login), or write the image to a file",
        )


def _compression(options: SourceOptions) -> LayerCompression | None:
    if options.compression is None and options.compression_level is None:
        return None
    method = Compression(options.compression or "gzip")
    # Said before an image is read: it is a matter of this installation, not of the image.
    if method is Compression.ZSTD and find_spec("zstandard") is None:
        raise UsageError(
            "--compression zstd needs the Python module zstandard", "pip install 'pushpolicy[zstd]'"
        )
    try:
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
