"""Clients of the registries that tests run."""

from __future__ import annotations

from typing import Any

from pushpolicy.model.reference import Repository
from pushpolicy.registry import Access, RepositoryClient, open_repository
from pushpolicy.registry.credentials import ANONYMOUS, Credential, SourceKind
from tests.registries import Registry


def login(username: str | None, secret: str | None) -> Credential:
    """A credential as from a variable; anonymous without a user."""
    if username is None:
        return ANONYMOUS
    return Credential(source_kind=SourceKind.VARIABLE, username=username, secret=secret, variable="X")


def client(registry: Registry, repository: str = "team/app", **options: Any) -> RepositoryClient:
    """A client that may do everything; `options` are those of Access."""
    access: dict[str, Any] = {
        "credential": login(registry.username, registry.password),
        "ca_file": registry.ca_file,
    }
    return open_repository(Repository.parse(f"{registry.host}/{repository}"), Access(**access | options))


def client_of(host: str, **options: Any) -> RepositoryClient:
    """A client of the repository team/app at this address."""
    return open_repository(Repository.parse(f"{host}/team/app"), Access(**options))
