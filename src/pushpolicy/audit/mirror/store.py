"""The folder of a mirror: which repositories are in it, and where each is."""

from __future__ import annotations

from pathlib import Path

import msgspec

from pushpolicy.audit.mirror.journal import Journal
from pushpolicy.errors import InputError
from pushpolicy.model import strict_json
from pushpolicy.model.digest import Digest
from pushpolicy.model.reference import Repository
from pushpolicy.model.text import printable
from pushpolicy.registry.layout import OWN_PREFIX, LayoutFolder, locked
from pushpolicy.registry.layout.repository import LayoutRepository

SCHEMA = "pushpolicy.audit.mirror/v1"
_NAMES = "mirror.json"
_JOURNAL = "journal.jsonl"
# No part of a repository's name begins so: one may lie below another.
_LEAF = "_mirror"
_MAX_NAMES = 64 * 1024 * 1024


class Store:
    """A folder that holds repositories as `audit mirror` keeps them.

    Args:
        folder: may be absent, as long as nothing is read from it.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._files = LayoutFolder(folder)

    def repositories(self) -> tuple[Repository, ...]:
        """What is in it, sorted.

        Raises:
            InputError: when it is no mirror.
        """
        where = printable(str(self.folder))
        try:
            found = self._read()
        except OSError as error:
            raise InputError(f"{where}: {printable(error.strerror or str(error))}") from error
        except ValueError as error:
            raise InputError(f"{where}: {_NAMES} {printable(str(error), 200)}") from error
        if found is None:
            raise InputError(
                f"{where} is no mirror: it has no {_NAMES}", f"`pushpolicy audit mirror SOURCE --to {where}`"
            )
        return found

    def layout_of(self, repository: Repository) -> Path:
        """The folder of a repository's layout; computed, and never read from a file."""
        if repository.is_layout:
            name = Digest.of(repository.path.encode("utf-8", "surrogateescape")).hex[:32]
            return self.folder / repository.registry / name / _LEAF
        return self.folder / repository.registry.lower() / repository.path / _LEAF

    def client(self, repository: Repository) -> LayoutRepository:
        """What is held of a repository, as one; it is about that, and not about its folder."""
        return LayoutRepository(Repository(registry="oci", path=str(self.layout_of(repository))))

    def journal(self, repository: Repository) -> Journal:
        """What was seen of a repository.

        Raises:
            RecordError: when it is malformed.
        """
        return Journal.read(self.layout_of(repository) / _JOURNAL)

    def add(self, repository: Repository) -> None:
        """Have it be in the mirror.

        Raises:
            InputError: when the folder holds something else, or cannot be written.
        """
        where = printable(str(self.folder))
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with locked(self._files):
                known = self._read()
                others = (each for each in self.folder.iterdir() if not each.name.startswith(OWN_PREFIX))
                if known is None and any(others):
                    raise InputError(
                        f"{where} holds something else than a mirror",
                        "name an empty folder, or an absent one",
                    )
                names = sorted({str(each) for each in (*(known or ()), repository)})
                if known is None or repository not in known:
                    value = {"schema": SCHEMA, "repositories": names}
                    self._files.replace(_NAMES, msgspec.json.format(msgspec.json.encode(value)) + b"\n")
        except ValueError as error:
            raise InputError(f"{where}: {_NAMES} {printable(str(error), 200)}") from error
        except OSError as error:
            raise InputError(f"{where}: {printable(error.strerror or str(error))}") from error

    def _read(self) -> tuple[Repository, ...] | None:
        content = self._files.read(_NAMES, _MAX_NAMES)
        if content is None:
            return None
        value = strict_json.read(content)
        if not isinstance(value, dict) or value.get("schema") != SCHEMA:
            raise ValueError(f"is not of the schema {SCHEMA}")
        listed = value.get("repositories")
        if not isinstance(listed, list) or not all(isinstance(name, str) for name in listed):
            raise ValueError("has no list of repositories")
        return tuple(Repository.parse(name) for name in listed)
