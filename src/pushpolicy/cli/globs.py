"""Many sources that are named by few words: a file of them, or a glob over what a registry has."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from pushpolicy.cli.registries import Registries
from pushpolicy.errors import InputError, PushError, RecordError, UsageError
from pushpolicy.files import read_file
from pushpolicy.model.reference import Reference, Repository
from pushpolicy.model.text import printable

_MAX_FILE = 16 * 1024 * 1024
_FORM = "REGISTRY/team/* covers team/app, REGISTRY/team/** also team/deep/er; a tag or a digest has no glob"


def named(texts: Iterable[str]) -> Iterator[str]:
    """The sources, with those of a file in the place of `@FILE`: one on each line, and remarks after a #.

    Raises:
        InputError: when there is no such file, or it names none.
    """
    for text in texts:
        if text.startswith("@"):
            yield from _lines(Path(text[1:]))
        else:
            yield text


def _lines(path: Path) -> Iterator[str]:
    try:
        lines = read_file(path, _MAX_FILE).decode("utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise InputError(f"@{printable(str(path))}: {why}", "a file names one SOURCE on each line") from error
    found = [source for line in lines if (source := line.partition("#")[0].strip())]
    if not found:
        raise InputError(f"@{printable(str(path))} names no source", "write one SOURCE on each line")
    yield from found


def is_glob(text: str) -> bool:
    """Whether a SOURCE stands for several repositories of a registry; no name has these characters."""
    return not text.startswith("oci:") and not {"*", "?"}.isdisjoint(text)


def place_of(glob: str) -> Reference:
    """A glob as a place, for what is told of it.

    Raises:
        UsageError: when it names no registry, or more than repositories.
    """
    host, _, path = glob.removeprefix("docker://").partition("/")
    try:
        registry = Repository.parse(f"{host}/any").registry
    except ValueError as error:
        raise UsageError(
            f"SOURCE: {printable(glob, 200)} names no registry before its glob", _FORM
        ) from error
    if not path or {":", "@", "[", " "} & set(path):
        raise UsageError(f"SOURCE: {printable(glob, 200)} is no glob over repositories", _FORM)
    return Reference(repository=Repository(registry=registry, path=path))


def covered(place: Reference, registries: Registries) -> tuple[Repository, ...]:
    """The repositories that a glob covers, as the registry lists them.

    Raises:
        UsageError: when credential or certificates cannot be read.
        RecordError: when the registry gives no list that can be read, or none of it is covered.
    """
    from pushpolicy.registry.catalogue import listed

    glob = place.repository
    known = glob.path[: min(glob.path.find(wild) for wild in "*?" if wild in glob.path)].rpartition("/")[0]
    access = registries.access(Repository(registry=glob.registry, path=known))
    try:
        found = listed(str(glob), access)
    except PushError as error:
        raise RecordError(error.message, error.hint) from error
    if not found:
        raise RecordError(
            f"{glob}: the registry lists no repository that this covers",
            "some list only what the credential may see, and after a while; or name the repositories: @FILE",
        )
    return found
