"""A policy as an OCI artifact: the bundle and the signed statement, both layers of one manifest.

`oras cp`, `crane copy` and `skopeo copy` copy a manifest with its layers; what refers to it only the first
does, if asked to. So the signature is a layer: no copy is without it. The bundle has the media type that OPA
itself looks for (opa, download/oci_download.go).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

import msgspec

from pushpolicy.errors import PolicyError, PushError
from pushpolicy.evaluate.published.statement import PolicyStatement
from pushpolicy.model.descriptor import Descriptor
from pushpolicy.model.digest import Digest
from pushpolicy.model.manifest import EMPTY_CONTENT, EMPTY_TYPE, OCI_MANIFEST, Manifest, written_artifact
from pushpolicy.model.reference import Reference, Repository
from pushpolicy.model.text import printable
from pushpolicy.registry.admitted import Admission
from pushpolicy.registry.interface import Blob, RepositoryClient
from pushpolicy.signing import dsse
from pushpolicy.signing.keys import PublicKey, Signer, SigningError
from pushpolicy.signing.trust import Key
from pushpolicy.signing.verify import POLICY_STATEMENT, verify

ARTIFACT_TYPE = "application/vnd.pushpolicy.policy.v1+json"
BUNDLE_TYPE = "application/vnd.oci.image.layer.v1.tar+gzip"
TITLE = "org.opencontainers.image.title"
PREFIX = "dev.pushpolicy.policy."
BUNDLE_NAME, STATEMENT_NAME = "policy.tar.gz", "policy.dsse.json"
_LAYERS = {BUNDLE_TYPE: 16 * 1024 * 1024, dsse.MEDIA_TYPE: 64 * 1024}  # each with the most bytes it may have
_MADE = "`pushpolicy policy push` makes such an artifact"
_MIXED = "somebody put parts of several together: find out who, and push the release again"


_CONFIG = Blob.of(EMPTY_CONTENT, EMPTY_TYPE)


class Artifact(msgspec.Struct, frozen=True, kw_only=True):
    """A finished artifact, and what has to be there before its manifest."""

    manifest: Manifest
    blobs: tuple[Blob, ...]


class Fetched(msgspec.Struct, frozen=True, kw_only=True):
    """An artifact as it was read; its bytes are those of its digests, and nothing of it is verified yet."""

    manifest: Manifest
    bundle: bytes
    envelope: bytes


class Verified(msgspec.Struct, frozen=True, kw_only=True):
    """What a trusted key says of an artifact, and the name of that key."""

    statement: PolicyStatement
    key: str


def signed(bundle: bytes, statement: PolicyStatement, key: Signer) -> Artifact:
    """A bundle and the signed statement about it, to be stored."""
    envelope = dsse.sign(POLICY_STATEMENT, statement.encoded(), key)
    layers = (
        Blob.of(bundle, BUNDLE_TYPE, {TITLE: BUNDLE_NAME}),
        Blob.of(envelope, dsse.MEDIA_TYPE, {TITLE: STATEMENT_NAME}),
    )
    written = written_artifact(ARTIFACT_TYPE, (layer.descriptor for layer in layers), shown(statement))
    manifest = Manifest.parse(written, OCI_MANIFEST)
    return Artifact(manifest=manifest, blobs=(_CONFIG, *layers))


def store(client: RepositoryClient, artifact: Artifact, tag: str) -> None:
    """Put an artifact, read it back, and only then name it by the tag.

    Raises:
        PushError: when the repository refuses, or has something else afterwards.
    """
    admission, manifest = Admission(), artifact.manifest
    for blob in artifact.blobs:
        blob.store(client, admission)
    client.put_manifest(admission.vouched(manifest))
    _check_there(client.manifest(manifest.digest), manifest, str(manifest.digest))
    for layer in manifest.layers:
        deque(client.read_blob(layer), maxlen=0)
    client.put_manifest(manifest, tag)
    _check_there(client.resolve(tag), manifest, tag)


def sequence_at(client: RepositoryClient, tag: str, key: PublicKey) -> tuple[int, bool] | None:
    """The sequence of the policy that a tag names, and whether it is this key that says so.

    None where nobody could use what is there: no such tag, or a damaged artifact.

    Raises:
        PushError: when the repository cannot be asked.
        ValueError: when the tag names something else.
    """
    found = client.resolve(tag)
    if found is None:
        return None
    if found.artifact_type != ARTIFACT_TYPE:
        raise ValueError(f"names no policy: {printable(found.artifact_type or found.media_type, 100)}")
    try:
        envelope = dsse.read_envelope(_content(client, _layers(found)[1]))
        statement = PolicyStatement.read(envelope.payload)
    except ValueError:
        return None
    return statement.sequence, envelope.is_signed_by(key)


def _check_there(found: Manifest | None, manifest: Manifest, name: str) -> None:
    if found is None or found.content != manifest.content:
        raise PushError(f"{name} is not what was put there a moment ago")


def fetch(client: RepositoryClient, reference: Reference) -> Fetched:
    """Read an artifact: its manifest once, and by the digests in that all the rest.

    Raises:
        PolicyError: when it is absent, cannot be read, or is not such an artifact.
    """
    place = reference.repository
    if place.is_layout and not Path(place.path).is_dir():
        raise PolicyError(
            f"policy {reference}: there is no folder {printable(place.path)}", "check the path after oci:"
        )
    try:
        manifest = (
            client.manifest(reference.digest) if reference.digest else client.resolve(reference.tag or "")
        )
        if manifest is None:
            of = f"--oci-layout {place.path}" if place.is_layout else str(place)
            raise PolicyError(
                f"policy {reference}: there is no such artifact",
                f"`oras repo tags {printable(of)}` lists what there is",
            )
        bundle, envelope = _layers(manifest)
        return Fetched(
            manifest=manifest, bundle=_content(client, bundle), envelope=_content(client, envelope)
        )
    except PushError as error:
        hint = error.hint or "what is stored there is damaged: `pushpolicy policy push` stores it again"
        raise PolicyError(f"policy {reference} cannot be read: {error.message}", hint) from error
    except ValueError as error:
        raise PolicyError(f"policy {reference} {error}", _MADE) from error


def _content(client: RepositoryClient, layer: Descriptor) -> bytes:
    return b"".join(client.read_blob(layer))


def _layers(manifest: Manifest) -> tuple[Descriptor, Descriptor]:
    """Its two layers, if it is one of ours.

    Raises:
        ValueError: when it is something else.
    """
    if manifest.media_type != OCI_MANIFEST or manifest.artifact_type != ARTIFACT_TYPE:
        kind = manifest.artifact_type or manifest.media_type
        raise ValueError(f"is no policy artifact: its type is {printable(kind, 100)}")
    if manifest.config is None or manifest.config.media_type != EMPTY_TYPE or manifest.subject:
        raise ValueError("is no policy artifact: it has a config or a subject")
    types = [layer.media_type for layer in manifest.layers]
    if types != list(_LAYERS):
        found = printable(", ".join(types), 200) or "none"
        raise ValueError(f"is no policy artifact: its layers are {found}, not {', '.join(_LAYERS)}")
    for layer in manifest.layers:
        if layer.size > _LAYERS[layer.media_type]:
            most = _LAYERS[layer.media_type]
            raise ValueError(f"has a layer of {layer.size} bytes, over the limit of {most}")
        if layer.urls:
            raise ValueError("has a layer that is elsewhere (urls)")
    bundle, statement = manifest.layers
    return bundle, statement


def verified(
    fetched: Fetched, keys: Mapping[str, Key], name: str, repository: Repository, at: datetime, least: int
) -> Verified:
    """What is signed about an artifact, if it counts.

    Args:
        fetched: the artifact.
        keys: those that may sign the policy of this name.
        name: of the policy.
        repository: where the artifact was found.
        at: now.
        least: the smallest sequence that is accepted.

    Raises:
        SigningError: naming why it does not count; the message reads on after the name of the artifact.
    """
    try:
        found = verify(dsse.read_envelope(fetched.envelope), keys, repository, at, "policy")
    except SigningError as error:
        raise SigningError(f"has a statement that {error.message}", error.hint or _MADE) from error
    try:
        statement = PolicyStatement.read(found.payload)
    except ValueError as error:
        raise SigningError(f"has a signed statement that {error}", _MADE) from error
    if statement.name != name:
        raise SigningError(
            f"is the policy {statement.name}, not {name}, by the statement that {found.key} signed",
            f"find out who stored it there; if {statement.name} is meant: --policy-key FILE={statement.name}",
        )
    if not Digest.parse(statement.bundle).matches(fetched.bundle):
        raise SigningError("has a bundle that its signed statement is not about", _MIXED)
    if statement.sequence < least:
        raise SigningError(
            f"is sequence {statement.sequence} of {name}, older than --min-sequence {least}",
            "an old release was put back: name the tag of a newer one, and find out who moved this one",
        )
    if (end := statement.end()) and at >= end:
        raise SigningError(
            f"expired at {statement.expires} (sequence {statement.sequence} of {name})",
            "`pushpolicy policy push` signs it anew, with a larger --sequence and another --expires",
        )
    for key, value in shown(statement).items():
        if fetched.manifest.annotations.get(key) != value:
            raise SigningError(
                f"says {key} otherwise in its annotations than in its signed statement", _MIXED
            )
    return Verified(statement=statement, key=found.key)


def shown(statement: PolicyStatement) -> dict[str, str]:
    """What a list of artifacts shows of a statement; nothing relies on it."""
    said = {"name": statement.name, "sequence": str(statement.sequence), "expires": statement.expires}
    return {f"{PREFIX}{key}": value for key, value in said.items() if value is not None}
