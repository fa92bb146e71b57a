"""Whether the layers of an image say anywhere that packages are installed in it.

The bytes are searched, not the tar: what is found may be a mere mention, but a package that scanners know is
found by one of these.
"""

from __future__ import annotations

import io
from collections.abc import Iterable

from pushpolicy.errors import PushPolicyError
from pushpolicy.images.archive import compression
from pushpolicy.images.compressors import unpacked
from pushpolicy.images.image import Image
from pushpolicy.images.options import Limits
from pushpolicy.model.descriptor import Descriptor
from pushpolicy.model.digest import Digest

# An image without packages is a few programs; of a larger one it is not said that it has none.
MAX_SIZE = 128 * 1024 * 1024
# By what Syft and Trivy find packages: databases of distributions, files of package managers, and what
# compilers write into programs.
_MARKS = (
    *(
        b"lib/apk/db/",
        b"lib/dpkg/",
        b"lib/rpm/",
        b"sysimage/rpm/",
        b"share/rpm/",
        b"lib/pacman/",
        b"var/db/pkg/",
    ),
    *(b"nix/store/", b"conda-meta/", b"site-packages/", b".dist-info/", b".egg-info", b"node_modules/"),
    *(
        b"package-lock.json",
        b"yarn.lock",
        b"pnpm-lock",
        b"/gems/",
        b".gemspec",
        b"Gemfile.lock",
        b"composer.lock",
    ),
    *(b"installed.json", b".jar\0", b".war\0", b".ear\0", b".deps.json", b"Cargo.lock", b"go.mod"),
    *(b"\xff Go buildinf:", b".dep-v0"),
)
_LONGEST = max(map(len, _MARKS))


def told(image: Image, digest: Digest) -> str | None:
    """What in the layers of one manifest tells of packages, or why that cannot be known; None for nothing."""
    layers = next(manifest.layers for manifest in image.manifests if manifest.digest == digest)
    rest = MAX_SIZE
    for layer in layers:
        try:
            rest -= _searched(image, layer, rest)
        except _FoundError as found:
            return f"layer {layer.digest} holds {found}"
        except (OSError, ValueError, PushPolicyError) as error:
            return f"layer {layer.digest} was not searched for packages: {error}"
    return None


class _FoundError(Exception):
    """A mark, as text."""


def _searched(image: Image, layer: Descriptor, limit: int) -> int:
    """Search a layer; gives its size when it is unpacked."""
    if layer.size > limit:
        raise ValueError(f"more than {MAX_SIZE} bytes are not")
    with image.content.open_blob(layer)() as stream:
        content = stream.read(layer.size + 1)
    if not layer.digest.matches(content):
        raise ValueError("it is not what its digest says")
    return _search(unpacked(io.BytesIO(content), compression(content[:8]), Limits()), limit)


def _search(blocks: Iterable[bytes], limit: int) -> int:
    size, before = 0, b""
    for block in blocks:
        text = before + block
        if mark := next((mark for mark in _MARKS if mark in text), None):
            raise _FoundError(ascii(mark.decode("latin-1")))
        size, before = size + len(block), text[-_LONGEST:]
        if size > limit:
            raise ValueError(f"more than {MAX_SIZE} bytes are not")
    return size
