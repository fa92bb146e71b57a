"""Image sources: where the image to be published is read from (design section 4, IMAGE)."""

from __future__ import annotations

from pushpolicy.images.facts import attestations, platforms
from pushpolicy.images.image import Image
from pushpolicy.images.limits import Limits
from pushpolicy.images.source import open_image

__all__ = ["Image", "Limits", "attestations", "open_image", "platforms"]
