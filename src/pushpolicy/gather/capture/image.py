"""Which image a scan is given: resolved before the command runs, and again when it has ended."""

from __future__ import annotations

from collections.abc import Mapping

from pushpolicy.errors import UsageError
from pushpolicy.images import Compression, LayerCompression, Selection, find, open_image, parse_remote
from pushpolicy.images.daemon import TRANSPORT as DAEMON
from pushpolicy.images.daemon import inspected
from pushpolicy.images.source import DOCKER_ARCHIVE, UnknownSourceError, parse_source
from pushpolicy.model.text import printable
from pushpolicy.registry import RepositoryClient
from pushpolicy.reports.capture import CapturedImage
from pushpolicy.reports.parsing.values import text

_UNCOMPRESSED = Selection(compression=LayerCompression(method=Compression.NONE))


def resolve(image: str, environ: Mapping[str, str], client: RepositoryClient | None) -> CapturedImage:
    """Digest, image ID and layers of an IMAGE argument, and how a scanner is told to take this very image.

    An image of a registry is named by its digest, one of a daemon by its name, one of a file by the file,
    which must hold no other.

    Args:
        image: the IMAGE argument.
        environ: of the run; it says where the daemon is.
        client: the repository that a ``docker://`` argument names; None for any other argument.

    Raises:
        UsageError: when it names one image of several, or one of several platforms.
        InputError: when it is absent or cannot be read.
    """
    if image.startswith(DAEMON):
        name = image.removeprefix(DAEMON)
        image_id, layers = inspected(name, environ.get("DOCKER_HOST"))
        return CapturedImage(reference=text(image), argument=text(name), image_id=image_id, diff_ids=layers)
    argument, has_digest = _argument(image, client)
    with open_image(image, client=client, selection=Selection() if has_digest else _UNCOMPRESSED) as opened:
        platforms = find(opened).platforms
        if len(platforms) != 1:
            raise UsageError(
                f"--image {printable(image)} has {len(platforms)} platforms, of which a scanner takes one",
                "capture a scan of each, by its digest: docker://REGISTRY/REPO@DIGEST",
            )
        return CapturedImage(
            reference=text(image),
            argument=text(argument or f"{opened.repository}@{opened.top.digest}"),
            digest=str(opened.top.digest) if has_digest else None,
            image_id=str(platforms[0].config_digest),
            diff_ids=tuple(map(str, platforms[0].diff_ids)),
        )


def is_pinned(image: CapturedImage) -> bool:
    """Whether what the command was given can be no other image afterwards."""
    return image.where == "registry"


def _argument(image: str, client: RepositoryClient | None) -> tuple[str, bool]:
    """What a scanner is told, empty where only the image says; whether the source has its manifest."""
    if client is not None and parse_remote(image):
        return "", True
    try:
        source = parse_source(image)
    except UnknownSourceError:
        return image, False  # opening it says what is wrong
    if source.reference is not None:
        raise UsageError(
            f"--image {printable(image)}: a scanner would take the whole file",
            "give it a file that holds this image alone, and name the file",
        )
    return str(source.path), source.transport != DOCKER_ARCHIVE
