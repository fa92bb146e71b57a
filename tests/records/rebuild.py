"""Build the kept records again from what they hold: `python -m tests.records.rebuild`."""

from __future__ import annotations

import gzip
import json
import sys
import tempfile
from collections.abc import Iterator, Mapping
from itertools import product
from pathlib import Path

import msgspec

from pushpolicy.model.digest import Digest
from pushpolicy.model.manifest import Manifest
from pushpolicy.model.reference import Repository
from pushpolicy.records import format as names
from pushpolicy.records.build import Contents, build_record
from pushpolicy.records.read import Record, read_record
from pushpolicy.records.statement import read_named, signed
from pushpolicy.registry.layout.repository import LayoutRepository
from pushpolicy.signing import bundle, dsse
from pushpolicy.signing.keys import PublicKey
from pushpolicy.signing.trust import Key, read_trust
from tests.records import DENIALS, FOLDER, LAYOUT, VERSIONS


class File(msgspec.Struct, frozen=True, kw_only=True):
    """A report on disk (a `RawReport`)."""

    name: str
    path: Path
    digest: Digest
    size: int
    kind: str
    format: str
    media_type: str


class Replayed(msgspec.Struct, frozen=True, kw_only=True):
    """Signs as somebody did before (a `Signer`): a signature is another one each time."""

    public: PublicKey
    signature: bytes

    def sign(self, content: bytes) -> bytes:
        """What was signed then; whether it is about this, whoever called it looks."""
        del content
        return self.signature


def kept_in(version: str, layout: str = LAYOUT) -> LayoutRepository:
    """A layout of a version."""
    return LayoutRepository(Repository.parse(f"oci:{FOLDER / version / layout}"))


def kept(client: LayoutRepository) -> Iterator[Record]:
    """Every record in it."""
    for image in client.subjects():
        for entry in client.referrers(image, names.ARTIFACT_TYPE):
            yield read_record(client, entry.digest)


def kept_keys(version: str) -> Mapping[str, Key]:
    """Those that signed them."""
    file = FOLDER / version / "trust.yaml"
    return read_trust(str(file), file.read_bytes()).keys


def record_again(client: LayoutRepository, record: Record) -> Manifest:
    """The record of the same contents."""
    with tempfile.TemporaryDirectory() as folder:
        contents = Contents(
            subject=record.summary.subject,
            evidence=record.evidence,
            decision=record.decision,
            policy=record.policy,
            reports=tuple(_reports(client, record, Path(folder))),
        )
        with build_record(contents) as built:
            return built.artifact.manifest


def _reports(client: LayoutRepository, record: Record, folder: Path) -> Iterator[File]:
    for layer in record.summary.reports:
        said, content = layer.annotations, gzip.decompress(b"".join(client.read_blob(layer)))
        path = folder / said[names.TITLE].partition("-")[2].removesuffix(".gz")
        path.write_bytes(content)
        yield File(
            name=said[names.REPORT_NAME],
            path=path,
            digest=Digest.of(content),
            size=len(content),
            kind=said[names.REPORT_KIND],
            format=said[names.REPORT_FORMAT],
            media_type=said[names.REPORT_MEDIA_TYPE],
        )


def statements_again(client: LayoutRepository, record: Record, signer: PublicKey) -> Iterator[Manifest]:
    """What is signed about the record, with the signatures that are there, as the manifests that hold it."""
    image = record.summary.subject
    for kind in (bundle.TYPE, names.STATEMENT_TYPE):
        for entry in client.referrers(image.digest, kind):
            manifest = client.manifest(entry.digest)
            assert manifest
            content = b"".join(client.read_blob(manifest.layers[0]))
            envelope = bundle.read(content) if kind == bundle.TYPE else dsse.read_envelope(content)
            named = read_named(envelope.payload)
            if named.record == record.summary.digest:
                replayed = Replayed(public=signer, signature=envelope.signature)
                yield signed(image, record.decision, named, replayed).manifest


def main() -> None:
    """Print the digest that each has now."""
    found = {}
    for version, layout in product(VERSIONS, (LAYOUT, DENIALS)):
        client = kept_in(version, layout)
        for record in kept(client):
            found[str(record.summary.digest)] = str(record_again(client, record).digest)
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main()
