"""Whoever makes the image: what is judged must be what others run, and nothing else may be published."""

from __future__ import annotations

import base64
import gzip
import io
import json
import os
import shutil
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import zstandard

from pushpolicy import errors
from pushpolicy.model.digest import Digest
from pushpolicy.model.manifest import OCI_CONFIG, OCI_INDEX, OCI_MANIFEST
from tests.attacks.table import Attack, Change
from tests.layouts import LAYER, pack, tar_layer
from tests.workspace import TARGET, Ran, Workspace

ZSTD = zstandard.ZstdCompressor()
EVIL = tar_layer("usr/bin/evil", b"#!/bin/sh")
REFERENCE = "vnd.docker.reference"
IN_TOTO = "application/vnd.in-toto+json"
TAR = "application/vnd.oci.image.layer.v1.tar"
RECORD = "application/vnd.pushpolicy.record.v1+json"
Value = dict[str, Any]


class Layout:
    """The image of the workspace, taken apart; `write` lets the layout name another manifest."""

    def __init__(self, place: Workspace) -> None:
        self.folder = place.folder / "image"
        self.index: Value = json.loads((self.folder / "index.json").read_bytes())
        self.manifest: Value = json.loads(self.path(self.index["manifests"][0]).read_bytes())
        if "config" in self.manifest:
            self.config: Value = json.loads(self.path(self.manifest["config"]).read_bytes())

    def path(self, blob: Value) -> Path:
        return self.folder / "blobs" / str(blob["digest"]).replace(":", "/")

    def store(self, content: bytes | Value, **fields: Any) -> Value:
        """Add a blob; its descriptor."""
        raw = content if isinstance(content, bytes) else json.dumps(content).encode()
        blob = {"mediaType": LAYER, "digest": str(Digest.of(raw)), "size": len(raw), **fields}
        self.path(blob).write_bytes(raw)
        return blob

    def write(self, manifest: bytes | Value, **fields: Any) -> None:
        """Let the layout name this manifest."""
        self.index["manifests"] = [self.store(manifest, mediaType=OCI_MANIFEST, **fields)]
        (self.folder / "index.json").write_text(json.dumps(self.index))

    def evil(self) -> Value:
        """A whole manifest of another image for the same platform."""
        config = {**self.config, "rootfs": {"type": "layers", "diff_ids": [str(Digest.of(EVIL))]}}
        layer = self.store(gzip.compress(EVIL))
        return {**self.manifest, "config": self.store(config, mediaType=OCI_CONFIG), "layers": [layer]}


Make = Callable[[Layout], object]


def made(make: Make) -> Change:
    """The image is another one."""

    def strike(place: Workspace) -> None:
        make(Layout(place))

    return strike


def names_something(place: Workspace) -> bool:
    """Whether the target has a manifest: blobs that nothing names may be left by a push that broke off."""
    stored = (place.folder / "registry").glob("blobs/sha256/*")
    return any(b"schemaVersion" in path.read_bytes() for path in stored)


def image(name: str, make: Make, says: str, code: int = errors.EXIT_INPUT) -> Attack:
    """An image that is refused before anything of it is named."""
    return Attack(name=name, strike=made(make), code=code, says=says, writes=names_something)


def renamed(old: str, new: str) -> Make:
    """The manifest with a second key beside one, which Go's parsers take for it, and take last."""

    def make(layout: Layout) -> None:
        layout.write({**layout.manifest, new: layout.evil()[old]})

    return make


def text(change: Callable[[bytes], bytes]) -> Make:
    """The bytes of the manifest are others."""
    return lambda layout: layout.write(change(json.dumps(layout.manifest).encode()))


def configured(change: Callable[[bytes], bytes]) -> Make:
    """The bytes of the config are others."""

    def make(layout: Layout) -> None:
        config = layout.store(change(json.dumps(layout.config).encode()), mediaType=OCI_CONFIG)
        layout.write({**layout.manifest, "config": config})

    return make


def of_platform(manifest: Value, layout: Layout, platform: Value | None = None, **annotations: str) -> Value:
    """A child of an index."""
    platform = platform or {"os": "linux", "architecture": "amd64"}
    return layout.store(manifest, mediaType=OCI_MANIFEST, platform=platform, annotations=annotations)


def indexed(*more: Callable[[Layout], Value], **fields: Any) -> Make:
    """An index over the image and further children."""

    def make(layout: Layout) -> None:
        children = [of_platform(layout.manifest, layout), *(child(layout) for child in more)]
        index = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": children}
        added = {name: [of_platform(layout.evil(), layout)] for name in fields}
        layout.index["manifests"] = [layout.store({**index, **added}, mediaType=OCI_INDEX)]
        (layout.folder / "index.json").write_text(json.dumps(layout.index))

    return make


def arm(layout: Layout) -> Value:
    """An image for another platform, which nobody scanned."""
    manifest = layout.evil()
    config = {**layout.config, "architecture": "arm64"}
    config["rootfs"] = {"type": "layers", "diff_ids": [str(Digest.of(EVIL))]}
    manifest["config"] = layout.store(config, mediaType=OCI_CONFIG)
    return of_platform(manifest, layout, {"os": "linux", "architecture": "arm64"})


def names_the_manifest(place: Workspace) -> None:
    """The scan names the manifest that it is about, beside the image ID."""
    report = place.folder / "reports" / "trivy-sample.json"
    value = json.loads(report.read_bytes())
    digest = Layout(place).index["manifests"][0]["digest"]
    value["Metadata"]["RepoDigests"] = [f"status-page@{digest}"]
    report.write_text(json.dumps(value))


def twin(layout: Layout) -> None:
    """Before the image that was scanned another one of its config, which runtimes choose first."""
    evil = {**layout.manifest, "layers": [layout.manifest["layers"][0], layout.store(gzip.compress(EVIL))]}
    children = [of_platform(each, layout) for each in (evil, layout.manifest)]
    index = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": children}
    layout.index["manifests"] = [layout.store(index, mediaType=OCI_INDEX)]
    (layout.folder / "index.json").write_text(json.dumps(layout.index))


def namesake(layout: Layout) -> None:
    """Before the image that was scanned another one for the same platform, which the report names, too."""
    children = [of_platform(each, layout) for each in (layout.evil(), layout.manifest)]
    report = layout.folder.parent / "reports" / "trivy-sample.json"
    value = json.loads(report.read_bytes())
    value["Metadata"]["RepoDigests"] = [f"status-page@{each['digest']}" for each in children]
    report.write_text(json.dumps(value))
    layout.index["manifests"] = [
        layout.store({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": children}, mediaType=OCI_INDEX)
    ]
    (layout.folder / "index.json").write_text(json.dumps(layout.index))


def by_sha512(layout: Layout) -> Value:
    """A child that its index names by another digest than registries do."""
    content = json.dumps(layout.manifest).encode()
    (layout.folder / "blobs" / "sha512").mkdir()
    digest = str(Digest.of(content, "sha512"))
    return layout.store(content, mediaType=OCI_MANIFEST, digest=digest)


def large_config(layout: Layout) -> None:
    """A config of megabytes, as the image of a thousand entries."""
    layout.config["config"]["Labels"]["x"] = "x" * 2**20
    layout.manifest["config"] = layout.store(layout.config, mediaType=OCI_CONFIG)
    indexed(*[lambda layout: of_platform(layout.manifest, layout)] * 100)(layout)


def attesting(platform: str, subject: str | None = None, **changes: Any) -> Callable[[Layout], Value]:
    """An image that runs and is marked as an attestation, so that no scan of it is asked for."""

    def make(layout: Layout) -> Value:
        child = arm(layout)
        manifest = json.loads(layout.path(child).read_bytes())
        manifest["layers"][0]["mediaType"] = IN_TOTO
        manifest |= changes
        os_, _, architecture = platform.partition("/")
        about = subject or of_platform(layout.manifest, layout)["digest"]
        marks = {f"{REFERENCE}.type": "attestation-manifest", f"{REFERENCE}.digest": about}
        return of_platform(manifest, layout, {"os": os_, "architecture": architecture}, **marks)

    return make


def other_bytes(layout: Layout) -> None:
    """A blob file holds other bytes of the same number."""
    path = layout.path(layout.manifest["layers"][1])
    content = path.read_bytes()
    path.write_bytes(content[:20] + content[:19:-1])


def with_layer(content: Callable[[bytes], bytes], **fields: Any) -> Make:
    """The second layer is stored otherwise; the scan is bound by the config, which stays as it is."""

    def make(layout: Layout) -> None:
        first, second = layout.manifest["layers"]
        tar = gzip.decompress(layout.path(second).read_bytes())
        layer = layout.store(content(tar), **fields)
        layout.write({**layout.manifest, "layers": [first, layer]})

    return make


def in_other_order(layout: Layout) -> None:
    """The layers are those of the config, the first last."""
    layout.write({**layout.manifest, "layers": layout.manifest["layers"][::-1]})


def one_twice(layout: Layout) -> None:
    """One layer stands for both."""
    layout.write({**layout.manifest, "layers": layout.manifest["layers"][:1] * 2})


def published_before(place: Workspace) -> None:
    """The target has this image under another tag."""
    ran = place.push(target="oci:registry:0.9.0")
    assert ran.code == errors.EXIT_OK, ran.err


def tagged(place: Workspace) -> bool:
    """Whether the target has the tag."""
    return '"1.0.0"' in (place.folder / "registry/index.json").read_text()


def statement(layout: Layout, **fields: Any) -> bytes:
    """An in-toto statement about the image."""
    about = of_platform(layout.manifest, layout)["digest"].removeprefix("sha256:")
    value = {
        "_type": "https://in-toto.io/Statement/v0.1",
        "predicateType": "https://slsa.dev/provenance/v1",
        "subject": [{"name": "_", "digest": {"sha256": about}}],
        "predicate": {},
        **fields,
    }
    return json.dumps(value).encode()


def stating(config: Value, *contents: Callable[[Layout], bytes]) -> Callable[[Layout], Value]:
    """A child that is marked as an attestation, with this config and these layers."""

    def make(layout: Layout) -> Value:
        layers = [layout.store(each(layout), mediaType=IN_TOTO) for each in contents]
        diff_ids = {"type": "layers", "diff_ids": [layer["digest"] for layer in layers]}
        stored = layout.store({**config, "rootfs": diff_ids}, mediaType=OCI_CONFIG)
        manifest = {**layout.manifest, "config": stored, "layers": layers}
        about = of_platform(layout.manifest, layout)["digest"]
        marks = {f"{REFERENCE}.type": "attestation-manifest", f"{REFERENCE}.digest": about}
        return of_platform(manifest, layout, {"os": "unknown", "architecture": "unknown"}, **marks)

    return make


ELSE = {"sha256": "0" * 64}
TABLE = {"containerd.io/snapshot/stargz/toc.digest": "sha256:" + "1" * 64}
NOTHING = {"os": "unknown", "architecture": "unknown", "config": {}}
# A child that is no attestation is an image, and nobody scanned that.
UNSCANNED = "no image scan is bound to unknown/unknown"
RUNNING = {"os": "linux", "architecture": "arm64", "config": {"Entrypoint": ["/usr/bin/evil"]}}


def attested(place: Workspace) -> None:
    """The image has an attestation, as BuildKit writes it."""
    indexed(stating(NOTHING, statement))(Layout(place))


def attests(
    name: str, child: Callable[[Layout], Value], says: str = UNSCANNED, code: int = errors.EXIT_DENIED
) -> Attack:
    """An index with a marked child that is more than an attestation."""

    def strike(place: Workspace) -> None:
        layout = Layout(place)
        (index,) = layout.index["manifests"]
        first = json.loads(layout.path(index).read_bytes())["manifests"][0]
        layout.manifest = json.loads(layout.path(first).read_bytes())
        indexed(child)(layout)

    return Attack(name=name, prepare=attested, strike=strike, code=code, says=says, writes=names_something)


NOTE = "application/vnd.example.note.v1+json"
SOCI = "application/vnd.amazon.soci.index.v2+json"


def noting(
    config: Value, layer: Value | None = None, platform: Value | None = None, kind: str = NOTE
) -> Callable[[Layout], Value]:
    """A child that says that it is an artifact."""

    def make(layout: Layout) -> Value:
        layers = [layer or layout.store(b"a note", mediaType="text/plain")]
        manifest = {
            **layout.manifest,
            "artifactType": kind,
            "config": layout.store(config, mediaType=kind),
            "layers": layers,
        }
        return of_platform(manifest, layout, platform or {"os": "unknown", "architecture": "unknown"})

    return make


def noted(place: Workspace) -> None:
    """The image has a note beside it, which nothing would run."""
    indexed(noting({}))(Layout(place))


def notes(
    name: str,
    child: Callable[[Layout], Value],
    says: str,
    code: int = errors.EXIT_INPUT,
    *,
    first: bool = False,
) -> Attack:
    """An index with an artifact that something could run, or read the image by."""

    def strike(place: Workspace) -> None:
        layout = Layout(place)
        (index,) = layout.index["manifests"]
        first_of_old = json.loads(layout.path(index).read_bytes())["manifests"][0]
        layout.manifest = json.loads(layout.path(first_of_old).read_bytes())
        children = [of_platform(layout.manifest, layout), child(layout)]
        value = {
            "schemaVersion": 2,
            "mediaType": OCI_INDEX,
            "manifests": children[::-1] if first else children,
        }
        layout.index["manifests"] = [layout.store(value, mediaType=OCI_INDEX)]
        (layout.folder / "index.json").write_text(json.dumps(layout.index))

    return Attack(name=name, prepare=noted, strike=strike, code=code, says=says, writes=names_something)


def with_evil_layer(layout: Layout) -> Value:
    """An artifact with a layer that runtimes unpack."""
    return noting({}, layout.store(gzip.compress(EVIL)))(layout)


AMD = {"os": "linux", "architecture": "amd64"}


def linked_out(layout: Layout) -> None:
    """A blob is a link to a file outside the layout."""
    path = layout.path(layout.manifest["layers"][1])
    shutil.move(path, layout.folder.parent / "outside")
    path.symlink_to(layout.folder.parent / "outside")


def linked_blobs(layout: Layout) -> None:
    """The folder of the blobs is a link."""
    shutil.move(layout.folder / "blobs", layout.folder.parent / "elsewhere")
    (layout.folder / "blobs").symlink_to("../elsewhere")


def pipe(layout: Layout) -> None:
    """A blob is a named pipe."""
    path = layout.path(layout.manifest["layers"][1])
    path.unlink()
    os.mkfifo(path)


def foreign(layout: Layout) -> None:
    """A layer is to be fetched from elsewhere."""
    layer = {
        **layout.manifest["layers"][1],
        "digest": str(Digest.of(b"x")),
        "urls": ["https://evil.example/x"],
    }
    layout.write({**layout.manifest, "layers": [layout.manifest["layers"][0], layer]})


def sized(layout: Layout) -> None:
    """A layer is said to be shorter than it is."""
    layer = {**layout.manifest["layers"][1], "size": 10}
    layout.write({**layout.manifest, "layers": [layout.manifest["layers"][0], layer]})


def more_layers(layout: Layout) -> None:
    """A layer that the config does not list."""
    layers = [*layout.manifest["layers"], layout.store(gzip.compress(EVIL))]
    layout.write({**layout.manifest, "layers": layers})


def two_names(layout: Layout) -> None:
    """Two images of one name: which is meant?"""
    entry = layout.index["manifests"][0]
    layout.index["manifests"].append({**entry, **layout.store(layout.evil(), mediaType=OCI_MANIFEST)})
    (layout.folder / "index.json").write_text(json.dumps(layout.index))


def layout_index(layout: Layout) -> None:
    """The layout's index in another case: others read the other list."""
    other = [layout.store(layout.evil(), mediaType=OCI_MANIFEST)]
    (layout.folder / "index.json").write_text(json.dumps({**layout.index, "Manifests": other}))


def as_archive(place: Workspace) -> None:
    """The image is an archive."""
    pack(place.folder / "image", place.folder / "image.tar")


def archived(name: str, change: Callable[[tarfile.TarFile], None], says: str) -> Attack:
    """The image as an archive, to which a member was added."""

    def strike(place: Workspace) -> None:
        with tarfile.open(place.folder / "image.tar", "a") as tar:
            change(tar)

    return Attack(
        name=name,
        prepare=as_archive,
        strike=strike,
        run=of_archive,
        code=errors.EXIT_INPUT,
        says=says,
        writes=names_something,
    )


def of_archive(place: Workspace) -> Ran:
    """Push the archive."""
    return place.run("push", "oci-archive:image.tar", TARGET)


def member(name: str, content: bytes = b"", **fields: Any) -> Callable[[tarfile.TarFile], None]:
    """A member of an archive."""

    def add(tar: tarfile.TarFile) -> None:
        info = tarfile.TarInfo(name)
        info.size = len(content)
        for key, value in fields.items():
            setattr(info, key, value)
        tar.addfile(info, io.BytesIO(content))

    return add


def polyglot(tar: bytes) -> bytes:
    """A tar whose first name begins a frame that zstd skips: it ends where the other layer begins."""
    name = b"\x50\x2a\x4d\x18" + len(tar).to_bytes(4, "little")
    return name + tar[8:] + zstandard.ZstdCompressor().compress(EVIL)


def skipping(tar: bytes) -> bytes:
    """The layer, after a frame that zstd skips and in which another tar stands."""
    header = b"\x50\x2a\x4d\x18" + (len(EVIL) - 8).to_bytes(4, "little")
    return header + EVIL[8:] + zstandard.ZstdCompressor().compress(tar)


def by_manifest(name: str, content: Callable[[bytes], bytes], says: str, kind: str = TAR) -> Attack:
    """A layer of an image that is scanned by the digest of its manifest, so that no layer is unpacked."""

    def strike(place: Workspace) -> None:
        made(with_layer(content, mediaType=kind))(place)
        names_the_manifest(place)

    return Attack(name=name, strike=strike, code=errors.EXIT_INPUT, says=says, writes=names_something)


def elsewhere(layout: Layout) -> Value:
    """Another image, which is in the target perhaps."""
    return layout.store(layout.evil(), mediaType=OCI_MANIFEST)


def as_record(layout: Layout) -> None:
    """The image passes for a record of another one, which registries list beside that."""
    layout.write({**layout.manifest, "artifactType": RECORD, "subject": elsewhere(layout)})


def forged_child(layout: Layout) -> Value:
    """A forged record of another image, brought along as a child of the index."""
    record = {**layout.manifest, "artifactType": RECORD, "subject": elsewhere(layout)}
    return of_platform(record, layout, {"os": "unknown", "architecture": "unknown"})


def saved(kind: str, content: Callable[[bytes], bytes], says: str) -> Attack:
    """A layer of what `docker save` writes is compressed otherwise than once, as a whole."""

    def save(place: Workspace, content: Callable[[bytes], bytes]) -> None:
        layout = Layout(place)
        layers = [gzip.decompress(layout.path(layer).read_bytes()) for layer in layout.manifest["layers"]]
        files = {f"{number}/layer.tar": content(layer) for number, layer in enumerate(layers)}
        manifest = [{"Config": "config.json", "RepoTags": ["status-page:1"], "Layers": [*files]}]
        files |= {"config.json": layout.path(layout.manifest["config"]).read_bytes()}
        with tarfile.open(place.folder / "saved.tar", "w") as tar:
            for name, stored in {**files, "manifest.json": json.dumps(manifest).encode()}.items():
                member(name, stored)(tar)

    whole = {"gzip": gzip.compress, "zstd": ZSTD.compress}[kind]
    return Attack(
        name=f"{says}, in a layer of docker save ({kind})",
        prepare=lambda place: save(place, whole),
        strike=lambda place: save(place, content),
        run=lambda place: place.run("push", "docker-archive:saved.tar", TARGET),
        code=errors.EXIT_INPUT,
        says=says,
        writes=names_something,
    )


def exported(place: Workspace) -> None:
    """The image is what Docker 29 saves: a layout, and what manifest.json says of it."""
    layout = Layout(place)
    (entry,) = layout.index["manifests"]
    entry["annotations"] = {"io.containerd.image.name": "docker.io/library/status-page:1"}
    (layout.folder / "index.json").write_text(json.dumps(layout.index))
    blobs = [str(layout.path(each).relative_to(layout.folder)) for each in layout.manifest["layers"]]
    config = str(layout.path(layout.manifest["config"]).relative_to(layout.folder))
    described = [{"Config": config, "RepoTags": ["status-page:1"], "Layers": blobs}]
    (layout.folder / "manifest.json").write_text(json.dumps(described))
    pack(layout.folder, place.folder / "saved.tar")


def named_otherwise(place: Workspace) -> None:
    """The layout gives the name to another image of that config: who loads by manifest.json never sees it."""
    layout = Layout(place)
    evil = {**layout.manifest, "layers": [layout.manifest["layers"][0], layout.store(gzip.compress(EVIL))]}
    (entry,) = layout.index["manifests"]
    layout.index["manifests"] = [{**entry, **layout.store(evil, mediaType=OCI_MANIFEST)}]
    (layout.folder / "index.json").write_text(json.dumps(layout.index))
    pack(layout.folder, place.folder / "saved.tar")


def embedded(layout: Layout) -> None:
    """The descriptor of the config brings other content along, which some programs take without asking."""
    evil = json.dumps({**layout.config, "config": {"Entrypoint": ["/usr/bin/evil"]}}).encode()
    config = {**layout.manifest["config"], "data": base64.b64encode(evil).decode()}
    layout.write({**layout.manifest, "config": config})


UNCOMPRESSED = "uncompressed where the config says"
ROWS = [
    image("another layer than the config says", with_layer(lambda tar: gzip.compress(EVIL)), UNCOMPRESSED),
    image(
        "a second member in a layer",
        with_layer(lambda tar: gzip.compress(tar) + gzip.compress(EVIL)),
        UNCOMPRESSED,
    ),
    image("bytes after a layer", with_layer(lambda tar: gzip.compress(tar) + b"evil"), "the layer"),
    image("a layer that is not compressed", with_layer(lambda tar: tar), "media type says gzip"),
    image(
        "a layer of another compression than its type says",
        with_layer(lambda tar: zstandard.ZstdCompressor().compress(tar)),
        "media type says gzip",
    ),
    image("a tar that some take for zstd", with_layer(polyglot, mediaType=TAR), "skippable frame of zstd"),
    image("zstd that some take for a tar", with_layer(skipping, mediaType=f"{TAR}+zstd"), "skippable frame"),
    image(
        "a tar that some take for bzip2",
        with_layer(lambda _: tar_layer("BZh9", b"x"), mediaType=TAR),
        "bzip2",
    ),
    image("bytes before a layer", with_layer(lambda tar: b"\n" + gzip.compress(tar)), "media type says gzip"),
    image(
        "a layer that begins with a member of nothing",
        with_layer(lambda tar: gzip.compress(b"") + gzip.compress(tar)),
        "begins with gzip content of nothing",
    ),
    by_manifest("a tar that some take for zstd, scanned by its digest", polyglot, "skippable frame of zstd"),
    by_manifest(
        "a foreign tar that some take for zstd, scanned by its digest",
        polyglot,
        "says no compression, its content a skippable frame of zstd",
        "application/vnd.oci.image.layer.nondistributable.v1.tar",
    ),
    by_manifest(
        "something unknown that some take for a tar and some for zstd, scanned by its digest",
        polyglot,
        "the layer begins with a skippable frame of zstd",
        "application/x-tar",
    ),
    saved("gzip", lambda tar: gzip.compress(b"") + gzip.compress(tar), "begins with gzip content of nothing"),
    saved("gzip", lambda tar: gzip.compress(tar) + bytes(9) + gzip.compress(b""), "bytes after the end"),
    saved("zstd", lambda tar: ZSTD.compress(b"") + ZSTD.compress(tar), "begins with zstd content of nothing"),
    Attack(
        name="a saved archive whose two lists give one name to two images",
        prepare=exported,
        strike=named_otherwise,
        run=lambda place: place.run("push", "docker-archive:saved.tar:status-page:1", TARGET),
        code=errors.EXIT_INPUT,
        says="index.json and manifest.json contradict each other about status-page:1",
        writes=names_something,
    ),
    image("content in a descriptor that is not what its digest says", embedded, "is other content than that"),
    image("a record of another image", as_record, "is no image but the record"),
    image("a child that is a record of another image", indexed(forged_child), "is no image but the record"),
    image("layers in another order", in_other_order, UNCOMPRESSED),
    image("one layer for two", one_twice, "is said to be two things"),
    image("a blob of other bytes", other_bytes, "the content to be sent"),
    Attack(
        name="other bytes under a digest that the target has",
        prepare=published_before,
        strike=made(other_bytes),
        code=errors.EXIT_INPUT,
        says="the content to be sent",
        writes=tagged,
    ),
    image(
        "a layer with a table of contents of its own",
        with_layer(gzip.compress, annotations=TABLE),
        "scan_bound  not met",
        errors.EXIT_DENIED,
    ),
    attests(
        "a marked child that runs",
        stating(RUNNING, statement),
        "it is marked as an attestation and is none: its config is for a platform",
        errors.EXIT_INPUT,
    ),
    attests(
        "a marked child for no platform that runs",
        stating({**NOTHING, "config": {"Entrypoint": ["/usr/bin/evil"]}}, statement),
    ),
    attests("a marked child whose layer is a tar", stating(NOTHING, lambda _: EVIL)),
    attests("a marked child with a tar beside its statement", stating(NOTHING, statement, lambda _: EVIL)),
    attests("a statement with a tar after it", stating(NOTHING, lambda layout: statement(layout) + EVIL)),
    attests(
        "a statement of millions of values, each of which takes memory",
        stating(NOTHING, lambda layout: statement(layout)[:-1] + b', "x": [' + b"[]," * 4_000_000 + b"0]}"),
    ),
    attests(
        "a statement about something else",
        stating(NOTHING, lambda layout: statement(layout, subject=[{"name": "x", "digest": ELSE}])),
    ),
    notes(
        "an artifact with the config of an image for a platform",
        noting({**AMD, "config": {"Entrypoint": ["/usr/bin/evil"]}}),
        "it is no artifact that nothing would run: its config is for a platform",
    ),
    notes(
        "an artifact that runs, for whatever platform",
        noting({"config": {"Entrypoint": ["/usr/bin/evil"]}}),
        "it is no artifact that nothing would run: its config says how it is run",
    ),
    notes(
        "an artifact with a layer that is unpacked",
        with_evil_layer,
        "it is no artifact that nothing would run: it has a layer of an image",
    ),
    notes(
        "an artifact that runtimes choose before the image",
        noting({}, platform=AMD),
        "the index gives it the platform linux/amd64, and no image before it has that",
        first=True,
    ),
    notes(
        "an artifact for a platform that nobody scanned",
        noting({}, platform={"os": "linux", "architecture": "arm64"}),
        "the index gives it the platform linux/arm64, and no image before it has that",
    ),
    notes(
        "a statement that refers to another image",
        noting({}, {"mediaType": IN_TOTO, "digest": str(Digest.of(b"{}")), "size": 2}),
        "it makes a statement",
    ),
    notes(
        "a table of contents beside the image",
        noting({}, platform=AMD, kind=SOCI),
        "scan_bound  not met",
        errors.EXIT_DENIED,
    ),
    image(
        "an image marked as an attestation, for arm64",
        indexed(attesting("linux/arm64")),
        "no image scan is bound to linux/arm64",
        errors.EXIT_DENIED,
    ),
    image(
        "two lists of layers, one in another case",
        renamed("layers", "Layers"),
        "the key 'Layers', which is 'layers' to programs that ignore case",
    ),
    image(
        "two configs, one in another case",
        renamed("config", "Config"),
        "the key 'Config', which is 'config' to programs that ignore case",
    ),
    image(
        "two lists of layers, one with a long s",
        renamed("layers", "layer\u017f"),
        "which is 'layers' to programs that ignore case",
    ),
    image(
        "the list of layers in another case alone",
        text(lambda raw: raw.replace(b'"layers"', b'"Layers"')),
        "the key 'Layers', which is 'layers' to programs that ignore case",
    ),
    image(
        "layers twice",
        text(lambda raw: raw[:-1] + b', "layers": []}'),
        "the key 'layers', which occurs twice",
    ),
    image(
        "a field twice, after many others",
        text(lambda raw: raw[:-1] + b"".join(b', "%d": 1' % n for n in range(100_000)) + b', "0": 1}'),
        "the key '0', which occurs twice",
    ),
    image("NaN in a manifest", text(lambda raw: raw[:-1] + b', "x": NaN}'), "it holds NaN"),
    image("a byte order mark before a manifest", text(lambda raw: b"\xef\xbb\xbf" + raw), "byte order mark"),
    image("text after a manifest", text(lambda raw: raw + b"{}"), "Extra data"),
    image(
        "a digest in another case beside the digest",
        text(lambda raw: raw.replace(b'"digest"', b'"Digest": "sha256:' + b"0" * 64 + b'", "digest"', 1)),
        "which is 'config.digest' to programs that ignore case",
    ),
    image(
        "os twice in a config",
        configured(lambda raw: raw[:-1] + b', "os": "windows"}'),
        "the key 'os', which occurs twice",
    ),
    image(
        "OS beside os in a config",
        configured(lambda raw: raw[:-1] + b', "OS": "windows"}'),
        "which is 'os' to programs that ignore case",
    ),
    image(
        "rootFS beside rootfs in a config",
        configured(lambda raw: raw[:-1] + b', "rootFS": {}}'),
        "which is 'rootfs' to programs that ignore case",
    ),
    image(
        "Entrypoint twice in a config",
        configured(lambda raw: raw.replace(b'"Entrypoint"', b'"Entrypoint": ["evil"], "Entrypoint"')),
        "the key 'Entrypoint', which occurs twice",
    ),
    image(
        "Manifests beside manifests in an index",
        indexed(Manifests=1),
        "which is 'manifests' to programs that ignore case",
    ),
    image("Manifests beside manifests in the layout", layout_index, "index.json has the key 'Manifests'"),
    image("an index that names a manifest by sha512", indexed(by_sha512), "is not named by its sha256"),
    image(
        "an index that names one manifest thousands of times",
        indexed(*[lambda layout: of_platform(layout.manifest, layout)] * 2000),
        "has more than 1000 manifests",
    ),
    image(
        "an index that names one large config hundreds of times",
        large_config,
        "manifests and configs over the limit of 64 MiB",
    ),
    Attack(
        name="an image that nobody scanned with the config of one that was",
        prepare=names_the_manifest,
        strike=made(twin),
        code=errors.EXIT_INPUT,
        says="uncompressed where the config says",
        writes=names_something,
    ),
    image(
        "a scan of one of two images for a platform, which names both",
        namesake,
        "it names several images for linux/amd64",
        errors.EXIT_DENIED,
    ),
    image("a platform that nobody scanned", indexed(arm), "scan_bound  not met", errors.EXIT_DENIED),
    image(
        "an index that says another platform",
        indexed(lambda layout: of_platform(layout.evil(), layout, {"os": "linux", "architecture": "s390x"})),
        "the index says linux/s390x",
    ),
    image(
        "an attestation of nothing that is here",
        indexed(attesting("unknown/unknown", "sha256:" + "0" * 64)),
        "does not speak of an image of its index",
    ),
    image(
        "another image than was scanned",
        lambda layout: layout.write(layout.evil()),
        "scan_bound  not met",
        errors.EXIT_DENIED,
    ),
    image("a blob that is a link out of the layout", linked_out, "is a link that leads out of the layout"),
    image("blobs that are a link out of the layout", linked_blobs, "is a link that leads out of the layout"),
    image("a blob that is a pipe", pipe, "is not a regular file"),
    image("a layer to be fetched from elsewhere", foreign, "foreign layers"),
    image("a layer of another size", sized, "bytes, not 10"),
    image("a layer that the config does not list", more_layers, "diff_ids for"),
    image("two images of one name", two_names, "holds 2 images"),
    archived(
        "a member that leads out of the archive", member("../../evil", b"x"), "a name that leads out of it"
    ),
    archived(
        "a member with an absolute name", member("/etc/cron.d/evil", b"x"), "a name that leads out of it"
    ),
    archived(
        "a link in the archive",
        member("blobs/sha256/x", type=tarfile.SYMTYPE, linkname="/etc/passwd"),
        "neither a regular file nor a folder",
    ),
    archived(
        "a hard link in the archive",
        member("blobs/sha256/x", type=tarfile.LNKTYPE, linkname="index.json"),
        "neither a regular file nor a folder",
    ),
    archived(
        "a member with a header of megabytes",
        member("x", pax_headers={"comment": "1" * 1_000_000}),
        "extended headers over the limit",
    ),
    archived("a second index in the archive", member("index.json", b"{}"), "holds index.json twice"),
    archived(
        "a second index in the archive, spelt otherwise",
        member("./index.json", b"{}"),
        "holds index.json twice",
    ),
]
