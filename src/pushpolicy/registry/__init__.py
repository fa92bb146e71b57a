"""Repositories, with one interface: a registry's, by an oras-py client, and an OCI image layout's."""

from __future__ import annotations

from pushpolicy.model.reference import Repository
from pushpolicy.registry.interface import Access, OpenBlob, RepositoryClient

__all__ = ["Access", "OpenBlob", "RepositoryClient", "open_repository"]


def open_repository(repository: Repository, access: Access) -> RepositoryClient:
    """The client of a repository; nothing is asked of a registry yet.

    Either kind is imported when it is needed. A registry's brings oras-py, which is imported here, in the
    thread that opens the first repository, and OPA uses the time to start.
    """
    if repository.is_layout:
        from pushpolicy.registry.layout.repository import LayoutRepository

        return LayoutRepository(repository)
    from pushpolicy.registry.remote import RemoteRepository

    return RemoteRepository(repository, access)
