"""Which records `audit` reads, and whom it believes: from its options to a shelf."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from pushpolicy.audit.ahead import ReadAhead
from pushpolicy.audit.shelf import Shelf
from pushpolicy.audit.sources import AbsentSource, RepositorySource, Source
from pushpolicy.cli.globs import covered, is_glob, named, place_of
from pushpolicy.cli.options import RegistryOptions
from pushpolicy.cli.registries import Registries, parse_records
from pushpolicy.cli.trusted import listed_keys
from pushpolicy.errors import InputError, RecordError, UsageError
from pushpolicy.files import is_file, is_folder
from pushpolicy.model.reference import Reference, Repository
from pushpolicy.model.text import printable
from pushpolicy.records.signed import Trusted
from pushpolicy.registry import Access, open_repository
from pushpolicy.registry.interface import RepositoryReader
from pushpolicy.reports.limits import Limits

if TYPE_CHECKING:
    from pushpolicy.audit.verified import Copy
    from pushpolicy.signing.trust import Key


def open_shelf(
    text: str,
    options: RegistryOptions,
    limits: Limits,
    trust: str | None = None,
    offline: str | None = None,
) -> tuple[Shelf, Reference]:
    """What a REFERENCE names, and where its records are, by the options; their keys are those of --trust.

    Raises:
        UsageError: when an option is wrong, or two do not go together.
        InputError: when there is no such folder.
    """
    reference, opening = _parsed(text, "REFERENCE"), _Opening(options, limits, trust)
    if offline is None:
        return opening.shelf(reference.repository), reference
    if options.records is not None:
        raise UsageError("--offline and --records: the copy has the records", "leave --records out")
    client = _copied(offline, reference.repository)
    return Shelf.of(client, trusted=opening.trusted(reference.repository)), reference


def _copied(folder: str, repository: Repository) -> RepositoryReader:
    """A repository as an OCI layout, an export or a mirror has it.

    Raises:
        UsageError: when no folder is named.
        InputError: when it is not there.
    """
    bare = Path(re.sub("^(?:oci|export|mirror):", "", folder))
    if is_file(bare / "export.json"):
        from pushpolicy.audit.export.repository import ExportedRepository

        return ExportedRepository(bare, repository)
    if is_file(bare / "mirror.json"):
        from pushpolicy.audit.mirror.store import Store

        return Store(bare).client(repository)
    try:
        copy = Repository.parse(f"oci:{folder.removeprefix('oci:')}")
    except ValueError as error:
        raise UsageError(f"--offline: {error}") from error
    _check_there(copy)
    return open_repository(copy, Access())


def open_sources(
    texts: Iterable[str], options: RegistryOptions, limits: Limits, trust: str | None = None
) -> Iterator[Source]:
    """What several SOURCEs name, each opened when it is its turn; each once.

    Raises:
        InputError: at once, when a file of them cannot be read.
        UsageError: at once, when one of them is malformed or the keys cannot be read; later, when two
            registries would be shown one password.
    """
    opening = _Opening(options, limits, trust)
    kinds = [(text, *_kind(text)) for text in dict.fromkeys(named(texts))]
    found = [open_kind(text.removeprefix(prefix), opening) for text, prefix, open_kind in kinds]
    return chain.from_iterable(found)


class _Opening:
    """Opens the shelves of one command; its credentials and keys are read once."""

    def __init__(self, options: RegistryOptions, limits: Limits, trust: str | None) -> None:
        self._registries = Registries(options, limits)
        self._records = parse_records(options.records)
        self._keys = None if trust is None else _deciding(trust)
        self._named = set[Reference]()

    def is_new(self, place: Reference) -> bool:
        """Whether this is the first time that a place is asked for: a glob may cover one that was named."""
        is_new = place not in self._named
        self._named.add(place)
        return is_new

    def covered(self, glob: Reference) -> Iterator[Source]:
        """The repositories that a glob covers, or why they are not known; none that was named before."""
        try:
            found = covered(glob, self._registries)
        except RecordError as error:
            yield AbsentSource(glob, error)
            return
        for place in (Reference(repository=repository) for repository in found):
            if self.is_new(place):
                yield _opened(place, self)

    def trusted(self, repository: Repository) -> Trusted | None:
        """Who is believed about records of a repository; None where no file says."""
        if self._keys is None:
            return None
        return Trusted(keys=self._keys, repository=repository, at=datetime.now(UTC))

    def shelf(self, repository: Repository) -> Shelf:
        """Where the records about a repository are.

        Raises:
            UsageError: when an option is wrong.
            InputError: when there is no such folder.
        """
        kept_in = self._records or repository
        # Not that of the images: with records elsewhere, all may be of denials, and nothing was ever pushed.
        _check_there(kept_in)
        images = _read_ahead(self._registries.target(repository)[0])
        records = images if kept_in == repository else _read_ahead(self._registries.records(kept_in)[0])
        return Shelf.of(images, records, self.trusted(repository))


def _of_reference(text: str, opening: _Opening) -> Iterator[Source]:
    """One repository, tag or image: `REGISTRY/REPO[:TAG|@DIGEST]` or `oci:DIR[:TAG|@DIGEST]`."""
    place = _parsed(text, "SOURCE")
    return (_opened(each, opening) for each in (place,) if opening.is_new(each))


def _of_glob(text: str, opening: _Opening) -> Iterator[Source]:
    """Repositories of a registry: `REGISTRY/team/*`, `REGISTRY/**`."""
    return opening.covered(place_of(text))


def _opened(place: Reference, opening: _Opening) -> Source:
    try:
        return RepositorySource(opening.shelf(place.repository), place)
    except InputError as error:
        return AbsentSource(place, error)


def _of_export(text: str, opening: _Opening) -> Iterator[Source]:
    """Each repository of an export: `export:DIR`."""
    from pushpolicy.audit.export.source import export_sources, not_exported

    try:
        yield from export_sources(Path(text), opening.trusted)
        yield from not_exported(Path(text))
    except InputError as error:
        yield AbsentSource(Reference(repository=Repository(registry="export", path=text)), error)


def _of_mirror(text: str, opening: _Opening) -> Iterator[Source]:
    """All that `audit mirror` put into a folder: `mirror:DIR`; each repository is about itself."""
    from pushpolicy.audit.mirror.source import MirrorSource
    from pushpolicy.audit.mirror.store import Store

    store = Store(Path(text))
    try:
        repositories = store.repositories()
        if not repositories:
            raise InputError(
                f"mirror:{printable(text)} has no repository", "`pushpolicy audit mirror` adds one"
            )
        for repository in repositories:
            place, trusted = Reference(repository=repository), opening.trusted(repository)
            if is_folder(store.layout_of(repository)):
                held = RepositorySource(Shelf.of(store.client(repository), trusted=trusted), place)
                yield MirrorSource(held, store)
            else:
                error = InputError(
                    f"{repository} is not in mirror:{text}", "`pushpolicy audit mirror` fetches it"
                )
                yield AbsentSource(place, error)
    except InputError as error:
        yield AbsentSource(Reference(repository=Repository(registry="mirror", path=text)), error)


# What a SOURCE may begin with, and what opens the rest of it: a malformed one is refused at once, and each
# is opened when it is its turn. What begins with none of them is a reference.
_KINDS: Mapping[str, Callable[[str, _Opening], Iterator[Source]]] = {
    "export:": _of_export,
    "mirror:": _of_mirror,
}


def is_apart(text: str) -> bool:
    """Whether a text names a source of another kind than a REFERENCE does."""
    return text.startswith(tuple(_KINDS))


def _kind(text: str) -> tuple[str, Callable[[str, _Opening], Iterator[Source]]]:
    other = "", _of_glob if is_glob(text) else _of_reference
    return next(((prefix, kind) for prefix, kind in _KINDS.items() if text.startswith(prefix)), other)


def shelf_of_denials(
    text: str | None, shelf: Shelf, options: RegistryOptions, limits: Limits
) -> Shelf | None:
    """Where denials of the images of a shelf are; None where no option says.

    Raises:
        UsageError: when the option names no repository.
        InputError: when there is no such folder.
    """
    repository = parse_records(text, "--denials")
    if repository is None:
        return None
    _check_there(repository)
    registries = Registries(options, limits, owner=shelf.images.repository.registry)
    client, _ = registries.denials(repository)
    return Shelf.of(shelf.images, client, shelf.signatures.trusted)


def copy_of(text: str, shelf: Shelf, place: Reference) -> Copy:
    """What a mirror has of the repository of a place; the keys are those of its shelf.

    Raises:
        InputError: when it is no mirror, or has nothing of that repository.
        RecordError: when its journal is damaged.
    """
    from pushpolicy.audit.mirror.store import Store
    from pushpolicy.audit.verified import Copy

    folder, repository = text.removeprefix("mirror:"), place.repository
    store = Store(Path(folder))
    if repository not in store.repositories() or not is_folder(store.layout_of(repository)):
        raise InputError(
            f"--mirror {printable(folder)} has nothing of {repository}",
            f"`pushpolicy audit mirror {repository} --to {printable(folder)}`",
        )
    trusted = shelf.signatures.trusted
    return Copy(shelf=Shelf.of(store.client(repository), trusted=trusted), journal=store.journal(repository))


def _parsed(text: str, what: str) -> Reference:
    try:
        return Reference.parse(text)
    except ValueError as error:
        prefixes = "write oci:, export: or mirror: before the path of a folder"
        raise UsageError(f"{what}: {error}", prefixes if is_folder(text) else None) from error


def _deciding(file: str) -> Mapping[str, Key]:
    """The keys of a file; one of them decides."""
    keys = listed_keys(Path(file), "--trust", "decide")
    if not any(key.role == "decide" for key in keys.values()):
        raise UsageError(
            f"--trust {printable(file)} lists no key of the role decide",
            "`pushpolicy keygen NAME --role decide` prints such an entry",
        )
    return keys


def _read_ahead(client: RepositoryReader) -> RepositoryReader:
    """Of a registry, whose answers take their time."""
    return client if client.repository.is_layout else ReadAhead(client)


def _check_there(repository: Repository) -> None:
    """Require the folder of a layout, which would else pass for one that has no records."""
    if repository.is_layout and not Path(repository.path).exists():
        raise InputError(f"{repository}: there is no such folder", "check the path")
