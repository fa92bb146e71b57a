"""Image sources: where the image to be published is read from (design section 4, IMAGE)."""

from __future__ import annotations

from pushpolicy.images.facts import find
from pushpolicy.images.image import Image
from pushpolicy.images.options import EVERYTHING, Compression, LayerCompression, Limits, Selection
from pushpolicy.images.remote import parse_remote
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
