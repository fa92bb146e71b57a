"""From the command line to a PushRequest: the one place where the parts of a push are put together."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from pushpolicy.cli import environment
from pushpolicy.cli.config import read_config
from pushpolicy.cli.gathering import named_evidence
from pushpolicy.cli.policies import load
from pushpolicy.engines import find_engine
from pushpolicy.errors import UsageError
from pushpolicy.gather import Expected
from pushpolicy.model.reference import Repository, Target
from pushpolicy.pipeline import PushRequest
from pushpolicy.registry import Access, RepositoryClient, open_repository
from pushpolicy.registry.credentials import ANONYMOUS, Credential
from pushpolicy.registry.proxies import Proxies


def push_request(
    image: str,
    *,
    target: str,
    tags: tuple[str, ...],
    evidence: tuple[str, ...],
    config: str | None,
    policies: tuple[str, ...],
    engine: str | None,
    **access: Any,
) -> PushRequest:
    """Everything that one push needs, with the policy loaded before anything is gathered.

    Raises:
        UsageError: when an option or the configuration is wrong.
        PolicyError: when the policy does not load, or there is no engine.
    """
    place = parse_target(target, tags)
    settings = read_config(config)
    opa = find_engine(engine)
    policy = load(policies, settings, opa)
    client, credential = open_target(place.repository, **access)
    return PushRequest(
        image=image,
        target=place,
        client=client,
        policy=policy,
        engine=opa,
        workspace=environment.workspace(),
        environ=environment.environment(),
        credential=credential,
        evaluated_at=environment.now(),
        named=named_evidence(evidence, settings),
        expected=settings.expected or Expected(),
    )


def parse_target(text: str, tags: tuple[str, ...] = ()) -> Target:
    """Read TARGET and the further tags.

    Raises:
        UsageError: when one is malformed, or TARGET has no registry or tag.
    """
    try:
        target = Target.parse(text)
    except ValueError as error:
        raise UsageError(f"TARGET: {error}") from error
    try:
        return target.with_tags(tags)
    except ValueError as error:
        raise UsageError(f"--tag: {error}", "a tag holds letters, digits and . _ -, at most 128") from error


def open_target(
    repository: Repository,
    *,
    plain_http: bool,
    ca_file: str | None,
    username: str | None,
    password_stdin: bool,
) -> tuple[RepositoryClient, Credential | None]:
    """The repository's client, and the credential it will use; None for a layout.

    Raises:
        UsageError: when the credential or the certificates cannot be read.
    """
    if repository.is_layout:
        return open_repository(repository, Access()), None
    environ = environment.environment()
    credential = _credential(repository, username=username, password_stdin=password_stdin)
    access = Access(
        credential=credential or ANONYMOUS,
        plain_http=plain_http,
        ca_file=Path(ca_file) if ca_file else None,
        proxies=Proxies.from_environ(environ),
    )
    return open_repository(repository, access), access.credential


def _credential(repository: Repository, *, username: str | None, password_stdin: bool) -> Credential:
    from pushpolicy.registry.credentials import resolve

    password = None
    if password_stdin:
        if not username:
            raise UsageError(
                "--password-stdin needs a user name", "add --username NAME or PUSHPOLICY_USERNAME"
            )
        password = sys.stdin.readline().rstrip("\r\n")
        if not password:
            raise UsageError("--password-stdin: standard input holds no password")
    return resolve(
        repository,
        environ=environment.environment(),
        home=environment.home(),
        workspace=environment.workspace(),
        username=username,
        password_stdin=password,
    )
