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
from pushpolicy.images.choice import full_name
from pushpolicy.model import strict_json
from pushpolicy.model.digest import Digest

_SHAPE = strict_json.Shape(dict.fromkeys(("Config", "RepoTags", "Layers", "Parent", "LayerSources")))


class SavedImage(msgspec.Struct, frozen=True, kw_only=True):
    """An image of the archive: its names, and the files of its config and layers, the lowest first."""

    names: tuple[str, ...]
    config: str
    layers: tuple[str, ...]

    def has(self, name: str) -> bool:
        """Whether this is one of its names, as Docker takes it."""
        return full_name(name) in map(full_name, self.names)

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
