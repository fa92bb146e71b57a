"""Image sources: where the image to be published is read from (design section 4, IMAGE)."""

from __future__ import annotations

from pushpolicy.images.compression import Compression, LayerCompression
from pushpolicy.images.facts import find
from pushpolicy.images.image import Image
from pushpolicy.images.limits import Limits
from pushpolicy.images.remote import parse_remote
from pushpolicy.images.selection import EVERYTHING, Selection
from pushpolicy.images.source import open_image, reads_stdin

__all__ = [
    "EVERYTHING",
    "Compression",
    "Image",
    "LayerCompression",
    "Limits",
    "Selection",
    "find",
    "open_image",
    "parse_remote",
    "reads_stdin",
]
