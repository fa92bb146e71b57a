"""From a manifest at a source to an opened image, as much of it as was asked for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from pushpolicy.images.closure import Closure, read_closure
from pushpolicy.images.config import SHAPE
from pushpolicy.images.image import NO_REFERRERS, BlobSource, Image
from pushpolicy.images.lazy import with_footer
from pushpolicy.images.limits import Limits
from pushpolicy.images.referrers import read_referrers
from pushpolicy.images.selection import Selection
from pushpolicy.images.store import Store
from pushpolicy.images.subset import select
from pushpolicy.model import strict_json
from pushpolicy.model.descriptor import Descriptor
from pushpolicy.model.manifest import CONFIG_TYPES
from pushpolicy.model.reference import Repository


def read_image(
    source: str,
    name: str | None,
    store: Store,
    top: Descriptor,
    content: BlobSource,
    limits: Limits,
    selection: Selection,
    repository: Repository | None = None,
) -> Image:
    """Read an image whole, with what refers to it where that is asked for.

    Args:
        source: the IMAGE argument.
        name: the name that the source gives the image.
        store: where its manifests and configs are read from.
        top: the manifest or index that was named.
        content: where its layers will be read from.
        limits: what is over one is refused.
        selection: which part of it.
        repository: the repository of a registry that the store reads, if it is one.

    Raises:
        InputError: when it has not the platforms that are asked for.
        ValueError: when a part is absent, is not what its digest and size say, or is over a limit.
    """
    selected = select(source, store, top, selection.platforms, limits)
    closure = read_closure(selected.store, selected.top, limits)
    carried = NO_REFERRERS
    if selection.referrers and (repository is None or repository != selection.destination):
        carried = read_referrers(store, closure.manifests, limits)
    return Image(
        source=source,
        name=name,
        manifests=closure.manifests,
        configs=closure.configs,
        blobs=closure.blobs,
        content=content,
        repository=repository,
        referrers=carried,
        # Of an image in a registry each layer would have to be asked for; there annotations tell.
        footers=frozenset() if repository else with_footer(content, _layers(closure)),
        notes=(*selected.notes, *carried.left_out, *_spellings(closure)),
    )


def _layers(closure: Closure) -> Iterable[Descriptor]:
    return {layer.digest: layer for manifest in closure.manifests for layer in manifest.layers}.values()


def _spellings(closure: Closure) -> Iterator[str]:
    """How fields of configs are spelled that only programs which ignore case read, as Go's do."""
    configs = {m.config.digest for m in closure.manifests if m.config and m.config.media_type in CONFIG_TYPES}
    for digest in configs:
        try:
            _, spellings = strict_json.read_noting(closure.configs[digest], SHAPE)
        except ValueError as error:
            raise ValueError(f"config {digest} {error}") from error
        yield from (f"config {digest}: {spelling}" for spelling in spellings)
