"""The referrers tag schema, for registries without the referrers API (distribution-spec, same section)."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any

from pushpolicy.model.descriptor import Descriptor
from pushpolicy.model.digest import Digest
from pushpolicy.model.manifest import EMPTY_TYPE, OCI_INDEX, Manifest

# What lists say of the type of a manifest, and say nothing by it.
_UNSAID = frozenset({None, "", EMPTY_TYPE})
_TAG = re.compile(r"sha(?:256|512)-[0-9a-f]{64}")


def fallback_tag(subject: Digest) -> str:
    """The tag under which the referrers of a manifest are listed."""
    return f"{subject.algorithm[:32]}-{subject.hex[:64]}"


def is_fallback_tag(tag: str) -> bool:
    """Whether a tag belongs to the schema; cosign's own have a suffix and do not."""
    return _TAG.fullmatch(tag) is not None


def with_referrer(current: Manifest | None, referrer: Descriptor) -> Manifest:
    """The index that lists this referrer too; what others wrote into it is kept as it stands.

    Raises:
        ValueError: when the tag names something that is not an index, or the index becomes too large.
    """
    if current is None:
        document: dict[str, Any] = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": []}
    elif current.is_index:
        document = current.document()
    else:
        raise ValueError(f"it holds a {current.media_type}, not an index of referrers")
    document["manifests"] = [*document["manifests"], referrer.to_json()]
    content = json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode()
    return Manifest.parse(content, OCI_INDEX if current is None else current.media_type)


def lists(referrers: Iterable[Descriptor], digest: Digest) -> bool:
    """Whether the manifest of this digest is listed."""
    return any(entry.digest == digest for entry in referrers)


def of_type(referrers: tuple[Descriptor, ...], artifact_type: str | None) -> tuple[Descriptor, ...]:
    """Those that may be of the artifact type, those that are said to be it first; all when none is asked for.

    A list may say no type, or that of the config (go-containerregistry does), which of an artifact is the
    empty one: what such a manifest is, it says itself.
    """
    if artifact_type is None:
        return referrers
    said = [item for item in referrers if item.artifact_type == artifact_type]
    unsaid = [item for item in referrers if item.artifact_type in _UNSAID]
    return (*said, *unsaid)
