"""The ``manifest.json`` of ``docker save`` (moby, image/spec/v1.2.md, "Combined Image JSON").

Other writers are read too: podman and skopeo, buildx, Bazel, ko, kaniko, jib and crane differ in how they
name the files, and some compress the layers. The older ``repositories`` file says nothing more.
"""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from typing import Any

import msgspec

from pushpolicy.images.archive import DOCKER_MANIFEST
from pushpolicy.images.layout import ChoiceError
from pushpolicy.model import strict_json
from pushpolicy.model.digest import Digest
from pushpolicy.model.reference import HUB, HUB_NAMES, hub_path
from pushpolicy.model.text import first_of

_SHOWN = 10
_SHAPE = strict_json.Shape(dict.fromkeys(("Config", "RepoTags", "Layers", "Parent", "LayerSources")))


class SavedImage(msgspec.Struct, frozen=True, kw_only=True):
    """An image of the archive: its names, and the files of its config and layers, the lowest first."""

    names: tuple[str, ...]
    config: str
    layers: tuple[str, ...]

    @property
    def image_id(self) -> str:
        """The digest in the config's file name, in hexadecimal; empty where the writer put none."""
        stem = posixpath.basename(self.config).removesuffix(".json").removeprefix("sha256:")
        try:
            return Digest("sha256", stem).hex
        except ValueError:
            return ""


def read_saved(content: bytes) -> tuple[SavedImage, ...]:
    """Read a ``manifest.json``.

    Raises:
        ValueError: when it is malformed.
    """
    try:
        value = strict_json.read(content, _SHAPE)
    except ValueError as error:
        raise ValueError(f"{DOCKER_MANIFEST} {error}") from error
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise ValueError(f"{DOCKER_MANIFEST} is not a list of objects")
    return tuple(map(_image, value))


def choose(images: tuple[SavedImage, ...], reference: str | Digest | None) -> SavedImage:
    """The image that the reference names, or the only one; a digest is an image ID.

    Raises:
        ChoiceError: when there is none, or more than one.
    """
    found = [image for image in images if reference is None or _is_named(image, reference)]
    there = sorted({image.names[0] if image.names else f"@sha256:{image.image_id}" for image in images})
    shown = first_of(there, _SHOWN)
    if not found:
        raise ChoiceError(
            f"has no image named {str(reference)!r}; it has {shown}" if images else "holds no image"
        )
    if len({(image.config, image.layers) for image in found}) > 1:
        raise ChoiceError(f"holds {len(found)} such images, name one: {shown}")
    return found[0]


def full_name(name: str) -> str:
    """A name in the form in which names can be compared: with registry, folder and tag."""
    host, slash, rest = name.partition("/")
    if not slash or not ("." in host or ":" in host or host == "localhost"):
        host, rest = HUB, name
    if host in HUB_NAMES:
        host, rest = HUB, hub_path(rest)
    return f"{host}/{rest}" if ":" in posixpath.basename(rest) else f"{host}/{rest}:latest"


def _is_named(image: SavedImage, reference: str | Digest) -> bool:
    if isinstance(reference, Digest):
        return image.image_id == reference.hex
    return full_name(reference) in map(full_name, image.names)


def _image(value: Mapping[str, Any]) -> SavedImage:
    config = value.get("Config")
    if not isinstance(config, str):
        raise ValueError(f"{DOCKER_MANIFEST} names no Config")
    return SavedImage(names=_texts(value, "RepoTags"), config=config, layers=_texts(value, "Layers"))


def _texts(value: Mapping[str, Any], name: str) -> tuple[str, ...]:
    items = value.get(name) or []
    if not isinstance(items, list) or not all(isinstance(item, str) for item in items):
        raise ValueError(f"{name} of {DOCKER_MANIFEST} is not a list of strings")
    return tuple(items)
