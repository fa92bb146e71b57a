"""What was named is what is opened, or nothing is: archives as containerd writes them, and who made them."""

from __future__ import annotations

import gzip
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from random import Random
from typing import Any

import pytest
import zstandard

from pushpolicy.errors import InputError
from pushpolicy.images import Image, Selection, open_image
from pushpolicy.model.descriptor import Platform
from tests.docker_archives import write
from tests.exports import ImageStore, Value
from tests.layouts import tar_layer

LAYERS = tuple(tar_layer(name, name.encode() * 50) for name in ("base", "app", "more"))
NAMES = (
    "docker.io/library/app:full",
    "docker.io/library/app:zstd",
    "docker.io/library/app:latest",
    "docker.io/team/app:full",
    "registry.example:5000/team/app:full",
    "localhost/app:full",
)
# How people write each of them, too.
SHORT = {
    NAMES[0]: ("app:full", "library/app:full", "index.docker.io/library/app:full"),
    NAMES[1]: ("app:zstd",),
    NAMES[2]: ("app", "docker.io/app", "app:latest"),
    NAMES[3]: ("team/app:full",),
}


@dataclass
class Export:
    """An archive, and what is known of it by how it was made.

    Attributes:
        named: what each name that was asked for is.
        targets: everything that was asked for, by digest.
        sparse: the indexes that are not whole.
    """

    store: ImageStore
    files: dict[str, Any]
    named: dict[str, Value]
    targets: dict[str, Value]
    sparse: set[str]

    def manifests(self) -> dict[str, Value]:
        """Every manifest and index that is in the archive."""
        found = dict(self.targets)
        for target in self.targets.values():
            for each in self.store.read(target).get("manifests", ()):
                if f"blobs/sha256/{each['digest'].removeprefix('sha256:')}" in self.files:
                    found[each["digest"]] = each
        return found

    def meant(self, reference: str) -> Value | None:
        """What a reference means, told by how the archive was made; None where that is not one thing."""
        if reference.startswith("@"):
            digest = reference[1:]
            found = self.manifests()
            if digest in found:
                return found[digest]
            of_config = [
                each
                for each in found.values()
                if self.store.read(each).get("config", {}).get("digest") == digest
            ]
            return of_config[0] if len(of_config) == 1 else None
        if reference:
            names = [name for name in self.named if reference == name or reference in SHORT.get(name, ())]
            return self.named[names[0]] if names else None
        return next(iter(self.targets.values())) if len(self.targets) == 1 else None

    def references(self) -> list[str]:
        """Everything that it could be asked for."""
        names = [name for whole in NAMES for name in (whole, *SHORT.get(whole, ()))]
        found = self.manifests()
        configs = [
            self.store.read(each)["config"]["digest"]
            for each in found.values()
            if "manifests" not in self.store.read(each)
        ]
        return ["", *names, *(f"@{digest}" for digest in (*found, *configs))]


def export_of(source: Random) -> Export:
    """Several images that share layers and configs, in one export."""
    store = ImageStore()
    images = [
        store.image(LAYERS[:count], compression, architecture)
        for count in (2, 3)
        for compression in ("+gzip", "+zstd", "")
        for architecture in ("amd64", "arm64")
    ]
    targets, absent = list[Value](), list[Value]()
    for _ in range(source.randint(1, 4)):
        chosen = source.sample(images, source.randint(1, 3))
        if source.random() < 0.5:
            targets.append(chosen[0])
            continue
        proofs = [store.proof(image) for image in chosen if source.random() < 0.5]
        if source.random() < 0.3:
            absent += [*chosen[1:], *proofs[:1]]
        targets.append(store.index(*chosen, *proofs))
    # What manifest.json describes is there.
    first = [store.read(target).get("manifests", [target])[0]["digest"] for target in targets]
    gone = [each for each in absent if each["digest"] not in first]
    left = source.sample(NAMES, len(NAMES))
    pairs = [(name, target) for target in targets for name in _taken(left, source)]
    source.shuffle(pairs)
    return Export(
        store=store,
        files=store.export(*pairs, without=gone, host=source.choice(["amd64", "arm64"])),
        named={name: target for name, target in pairs if name},
        targets={target["digest"]: target for _, target in pairs},
        sparse={
            target["digest"]
            for target in targets
            if any(each in gone for each in store.read(target).get("manifests", ()))
        },
    )


def _taken(names: list[str], source: Random) -> list[str | None]:
    """Some of the names, or that there is none."""
    return [names.pop() for _ in range(min(len(names), source.randint(0, 2)))] or [None]


def contents(image: Image) -> list[bytes]:
    """The layers of a single image, uncompressed by another program than ours."""
    found = []
    for layer in image.top.layers:
        with image.content.open_blob(layer)() as file:
            content = file.read()
        assert layer.digest.matches(content)
        found.append(plain(content))
    return found


def plain(content: bytes) -> bytes:
    """It, uncompressed."""
    if content.startswith(b"\x1f\x8b"):
        return gzip.decompress(content)
    if content.startswith(b"\x28\xb5\x2f\xfd"):
        return zstandard.ZstdDecompressor().decompressobj().decompress(content)
    return content


def check(export: Export, image: Image, target: Value, *, built: bool) -> None:
    """It is what was meant: by its digest, or, where layers had to be compressed, by what it is made of."""
    manifest = export.store.read(target)
    if built and any(layer["mediaType"].endswith(".tar") for layer in manifest.get("layers", ())):
        assert image.top.config
        assert str(image.top.config.digest) == manifest["config"]["digest"]
        assert contents(image) == [export.store.blobs[layer["digest"]] for layer in manifest["layers"]]
    else:
        assert str(image.top.digest) == target["digest"]


@pytest.mark.parametrize("part", range(4))
def test_what_is_opened_is_what_the_name_meant(part: int, tmp_path: Path) -> None:
    opened = refused = 0
    for seed in range(part, 100, 4):
        source = Random(seed)
        export = export_of(source)
        archive = write(tmp_path / "s.tar", export.files)
        for reference in ["", *source.sample(export.references(), 10)]:
            target = export.meant(reference)
            is_meant = target is not None and target["digest"] not in export.sparse
            for transport in ("docker-archive", "oci-archive"):
                text = f"{transport}:{archive}" + (f":{reference}" if reference else "")
                with ExitStack() as stack:
                    image = None
                    with suppress(InputError):
                        image = stack.enter_context(open_image(text))
                    assert (image is not None) is is_meant, (seed, text)
                    if image and target:
                        check(export, image, target, built=transport == "docker-archive")
                opened, refused = opened + (image is not None), refused + (image is None)
    assert min(opened, refused) > 100


@pytest.mark.parametrize("transport", ["docker-archive", "oci-archive"])
def test_one_platform_is_that_of_the_index_that_was_named(transport: str, tmp_path: Path) -> None:
    """Also of an index that is sparse, where the platform is there; not where only another image has it."""
    opened = refused = 0
    for seed in range(60):
        export = export_of(Random(seed))
        archive = write(tmp_path / "s.tar", export.files)
        for name, target in export.named.items():
            there = export.manifests()
            for architecture in ("amd64", "arm64"):
                platform = Platform(os="linux", architecture=architecture)
                children = export.store.read(target).get("manifests", [{**target, **there[target["digest"]]}])
                fitting = [each for each in children if each["platform"]["architecture"] == architecture]
                with ExitStack() as stack:
                    image, selection = None, Selection(platforms=(platform,))
                    with suppress(InputError):
                        image = stack.enter_context(
                            open_image(f"{transport}:{archive}:{name}", selection=selection)
                        )
                    is_there = bool(fitting) and all(each["digest"] in there for each in fitting)
                    assert (image is not None) is is_there, (seed, name, architecture)
                    if image and len(fitting) == 1:
                        check(export, image, fitting[0], built=transport == "docker-archive")
                    elif image:
                        images = [str(entry.digest) for entry in image.top.manifests]
                        assert images[: len(fitting)] == [each["digest"] for each in fitting]
                opened, refused = opened + (image is not None), refused + (image is None)
    assert min(opened, refused) > 20


@pytest.mark.parametrize("transport", ["docker-archive", "oci-archive"])
def test_the_beginning_of_two_ids_is_refused_and_a_longer_one_is_not(transport: str, tmp_path: Path) -> None:
    store, seen = ImageStore(), dict[str, Value]()
    for number in count():
        image = store.image(LAYERS[:1], annotations={"number": str(number)})
        begin = image["digest"].removeprefix("sha256:")[:4]
        if begin in seen:
            break
        seen[begin] = image
    archive = write(tmp_path / "s.tar", store.export((None, image), (None, seen[begin])))
    with pytest.raises(InputError, match="holds 2 things of this ID: sha256:"):
        open_image(f"{transport}:{archive}:{begin}").__enter__()
    for each in (image, seen[begin]):
        with open_image(f"{transport}:{archive}:{each['digest'].removeprefix('sha256:')[:12]}") as opened:
            assert str(opened.top.digest) == each["digest"]


def test_three_digits_are_a_name(tmp_path: Path) -> None:
    store = ImageStore()
    image = store.image(LAYERS[:1])
    archive = write(tmp_path / "s.tar", store.export((None, image)))
    with pytest.raises(InputError, match="has no image named"):
        open_image(f"docker-archive:{archive}:{image['digest'][7:10]}").__enter__()


def test_a_name_goes_before_an_id(tmp_path: Path) -> None:
    """As with Docker, which takes `cafe` for `cafe:latest` where it has that."""
    store = ImageStore()
    images = [store.image(LAYERS[:1]), store.image(LAYERS[:2])]
    digits = images[0]["digest"].removeprefix("sha256:")[:12]
    files = store.export((None, images[0]), (f"docker.io/library/{digits}:latest", images[1]))
    archive = write(tmp_path / "s.tar", files)
    for transport in ("docker-archive", "oci-archive"):
        with open_image(f"{transport}:{archive}:{digits}") as opened:
            assert str(opened.top.digest) == images[1]["digest"]


@pytest.mark.parametrize("transport", ["docker-archive", "oci-archive"])
def test_a_whole_id_goes_before_a_name(transport: str, tmp_path: Path) -> None:
    """Docker takes no such name; whoever makes an archive could give an image the ID of another for one."""
    store = ImageStore()
    images = [store.image(LAYERS[:1]), store.image(LAYERS[:2])]
    digits = images[0]["digest"].removeprefix("sha256:")
    archive = write(tmp_path / "s.tar", store.export((None, images[0]), (digits, images[1])))
    for reference in (digits, f"sha256:{digits}"):
        with open_image(f"{transport}:{archive}:{reference}") as opened:
            assert str(opened.top.digest) == images[0]["digest"]


def test_a_whole_id_that_nothing_has_is_a_name_in_a_layout(tmp_path: Path) -> None:
    """Such as the commit of a repository whose objects are SHA-256."""
    store = ImageStore()
    image, commit = store.image(LAYERS[:1]), "c0ffee00" * 8
    archive = write(tmp_path / "s.tar", store.export((commit, image)))
    with open_image(f"oci-archive:{archive}:{commit}") as opened:
        assert str(opened.top.digest) == image["digest"]
