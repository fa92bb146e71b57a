"""Which image of a layout or archive is meant: by its name, by an ID, or because there is only one.

Docker and containerd write a name whole (``docker.io/library/app:1``) and take it short (``app:1``). An ID is
the digest of anything inside: of a manifest or index, or of the config, which is Docker's image ID; of the
latter several manifests may be meant, as of an image that is compressed in two ways. What stays ambiguous is
refused, with the names that are there: publishing one of two would be a guess.
"""

from __future__ import annotations

import posixpath
import re
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Set

from msgspec.structs import replace

from pushpolicy.images.store import Store, read_manifest
from pushpolicy.model.descriptor import Descriptor
from pushpolicy.model.digest import Digest
from pushpolicy.model.manifest import INDEX_TYPES, MANIFEST_TYPES, Manifest
from pushpolicy.model.reference import HUB, HUB_NAMES, hub_path
from pushpolicy.model.text import first_of
from pushpolicy.registry.layout import CONTAINERD_NAME, names

SHOWN = 10
# From four digits on, as containerd's image store of Docker takes it (moby, daemon/containerd/image.go).
_ID = re.compile(r"(?:sha256:)?(?P<hex>[0-9a-f]{4,64})")
_WHOLE = 64


class ChoiceError(ValueError):
    """There is no image of that name, or several and none was named."""


def full_name(name: str) -> str:
    """A name in the form in which names can be compared: with registry, folder and tag."""
    host, slash, rest = name.partition("/")
    if not slash or not ("." in host or ":" in host or host == "localhost"):
        host, rest = HUB, name
    if host in HUB_NAMES:
        host, rest = HUB, hub_path(rest)
    return f"{host}/{rest}" if ":" in posixpath.basename(rest) else f"{host}/{rest}:latest"


def short_id(text: str) -> str | None:
    """The hexadecimal digits of an image ID or of its beginning; None for what can only be a name."""
    found = _ID.fullmatch(text)
    return found["hex"] if found else None


def whole_id(text: str) -> str | None:
    """The hexadecimal digits of a whole ID, which is one before it is a name, as docker takes it."""
    digits = short_id(text)
    return digits if digits and len(digits) == _WHOLE else None


def is_named(entry: Descriptor, reference: str) -> bool:
    """Whether a reference is a name of this entry of a layout, as it stands or as Docker understands it."""
    full = entry.annotations.get(CONTAINERD_NAME)
    return reference in names(entry) or (full is not None and full_name(full) == full_name(reference))


def is_image(entry: Descriptor) -> bool:
    """Whether this is a manifest or an index."""
    return entry.media_type in MANIFEST_TYPES | INDEX_TYPES


def only(entries: Iterable[Descriptor], what: str = "images") -> Descriptor | None:
    """The one manifest that these entries are; None where there is no entry.

    Args:
        entries: that could be meant.
        what: what they are, for people.

    Raises:
        ChoiceError: when they are more than one.
    """
    distinct = {entry.digest: entry for entry in entries}
    if len(distinct) > 1:
        raise ChoiceError(f"holds {len(distinct)} {what}, name one: {names_there(distinct.values())}")
    return next(iter(distinct.values()), None)


def inside(
    entries: Iterable[Descriptor], store: Store, without: Set[Digest] = frozenset()
) -> Iterator[tuple[Descriptor, Manifest]]:
    """Every manifest that is there, each once, the listed ones before those that they name.

    Args:
        entries: the listed ones.
        store: where they are read from.
        without: what is passed over, with what only it names.

    Raises:
        ValueError: when one is malformed.
    """
    pending, seen = deque(entries), set(without)
    while pending:
        entry = pending.popleft()
        if entry.digest in seen or not is_image(entry):
            continue
        seen.add(entry.digest)
        if manifest := read_manifest(store, entry):
            yield entry, manifest
            pending.extend(child for child in manifest.manifests if child.digest not in seen)


def by_id(entries: Iterable[Descriptor], store: Store, digits: str) -> Descriptor | None:
    """The manifest or index of an ID, or the manifest whose config has it; None where nothing has.

    Args:
        entries: the listed ones.
        store: where they are read from.
        digits: the hexadecimal digits of a digest, or the first of them.

    Raises:
        ChoiceError: when several things have it, or several manifests the config.
        ValueError: when a manifest on the way is malformed.
    """
    found: dict[Digest, dict[Digest, Descriptor]] = {}
    for entry, manifest in inside(entries, store):
        if entry.digest.hex == digits:
            return entry
        for digest in (entry.digest, manifest.config and manifest.config.digest):
            if digest and digest.hex.startswith(digits):
                found.setdefault(digest, {})[entry.digest] = entry
    if len(found) > 1:
        raise ChoiceError(f"holds {len(found)} things of this ID: {first_of(sorted(map(str, found)), SHOWN)}")
    # All have the ID, and names may tell of an index only.
    manifests = [entry for each in found.values() for entry in each.values()]
    only((replace(entry, annotations={}) for entry in manifests), "manifests of this image ID")
    return next(iter(manifests), None)


def names_there(entries: Iterable[Descriptor]) -> str:
    """How the entries can be named: by what is a name of one of them alone, else by digest."""
    labels = {entry.digest: names(entry)[-1] if names(entry) else "" for entry in entries}
    count = Counter(labels.values())
    alone = {digest: label for digest, label in labels.items() if label and count[label] == 1}
    return first_of(sorted(alone.get(digest, f"@{digest}") for digest in labels), SHOWN)
