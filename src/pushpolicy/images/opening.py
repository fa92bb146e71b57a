"""From a manifest at a source to an opened image, as much of it as is wanted."""

from __future__ import annotations

from pushpolicy.images.closure import read_closure
from pushpolicy.images.image import NO_REFERRERS, BlobSource, Image
from pushpolicy.images.limits import Limits
from pushpolicy.images.referrers import read_referrers
from pushpolicy.images.store import Store
from pushpolicy.images.subset import select
from pushpolicy.images.wanted import Wanted
from pushpolicy.model.descriptor import Descriptor
from pushpolicy.model.reference import Repository


def read_image(
    source: str,
    name: str | None,
    store: Store,
    top: Descriptor,
    content: BlobSource,
    limits: Limits,
    wanted: Wanted,
    repository: Repository | None = None,
) -> Image:
    """Read an image whole, with what refers to it where that is wanted.

    Args:
        source: the IMAGE argument.
        name: the name that the source gives the image.
        store: where its manifests and configs are read from.
        top: the manifest or index that was named.
        content: where its layers will be read from.
        limits: what is over one is refused.
        wanted: which part of it.
        repository: the repository of a registry that the store reads, if it is one.

    Raises:
        InputError: when it has not the platforms that are wanted.
        ValueError: when a part is absent, is not what its digest and size say, or is over a limit.
    """
    selected = select(source, store, top, wanted.platforms, limits)
    closure = read_closure(selected.store, selected.top, limits)
    carried = NO_REFERRERS
    if wanted.referrers and (repository is None or repository != wanted.destination):
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
        notes=(*selected.notes, *carried.left_out),
    )
