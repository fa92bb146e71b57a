"""Our client is oras-py's: push and attach go through its methods, and its push and pull through ours."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import oras.client
import oras.container
import oras.layout
import oras.oci
import oras.provider
import pytest

from pushpolicy.errors import PushError, UsageError
from pushpolicy.model.descriptor import Descriptor
from pushpolicy.model.digest import Digest
from pushpolicy.model.reference import Repository
from pushpolicy.registry import Access
from pushpolicy.registry.remote import RemoteRepository
from tests.clients import client, client_of, login
from tests.fake_registry import Answered, Asked, fake_registry
from tests.layouts import LayoutMaker, of_bytes, push, referrer
from tests.registries import Registry, distribution_registry, olareg_registry

SECURED = {"distribution": distribution_registry, "olareg": olareg_registry}


@pytest.fixture(params=SECURED)
def secured(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Registry]:
    """One of each kind that wants a token, over TLS of a private authority."""
    with SECURED[request.param](tmp_path / "registry", auth="token", tls=True) as running:
        yield running


def remote(registry: Registry) -> RemoteRepository:
    access = Access(credential=login(registry.username, registry.password), ca_file=registry.ca_file)
    return RemoteRepository(Repository.parse(f"{registry.host}/team/app"), access)


def test_push_and_attach_go_through_its_methods(any_registry: Registry, tmp_path: Path) -> None:
    used: set[str] = set()
    theirs = {name for name in vars(oras.provider.Registry) if not name.startswith("__")}

    class Watched(RemoteRepository):
        def __getattribute__(self, name: str) -> object:
            if name in theirs:
                used.add(name)
            return super().__getattribute__(name)

    repository = Watched(Repository.parse(f"{any_registry.host}/team/app"), Access())
    maker = LayoutMaker(tmp_path / "layout")
    image = push(repository, maker, maker.image(), "v1")
    push(repository, maker, referrer(maker, image, b"note"))
    assert repository.resolve("v1") == image
    assert repository.tags() == ("v1",)
    assert len(repository.referrers(image.digest)) == 1
    assert used >= {
        "blob_exists",
        "do_request",
        "get_container",
        "get_manifest",
        "get_tags",
        "upload_blob",
        "upload_manifest",
    }


def test_its_methods_say_what_ours_do(any_registry: Registry, tmp_path: Path) -> None:
    maker = LayoutMaker(tmp_path / "layout")
    image = push(client(any_registry), maker, maker.image(), "v1")
    repository = remote(any_registry)
    name = f"{repository.repository}:v1"
    assert repository.get_tags(name) == ["v1"]
    manifest = repository.get_manifest(name)
    assert [layer["digest"] for layer in manifest["layers"]] == [str(layer.digest) for layer in image.layers]
    assert manifest.manifest.content == image.content
    note = tmp_path / "note"
    note.write_bytes(b"a note")
    layer = oras.oci.NewLayer(str(note), is_dir=False)
    assert repository.upload_blob(str(note), name, layer).status_code == 201
    assert repository.upload_blob(str(note), repository.get_container(name), layer).status_code == 200
    assert repository.blob_exists(layer, name)
    found = repository.download_blob(name, layer["digest"], str(tmp_path / "back"))
    assert Path(found).read_bytes() == b"a note"
    with repository.get_blob(repository.container(), layer["digest"], stream=True) as response:
        assert response.headers["content-length"] == "6"
        assert b"".join(response.iter_content(4)) == b"a note"
    assert repository.get_blob(repository.container(), layer["digest"]).content == b"a note"


# oras-py unpacks folders with tarfile's defaults, of which Python 3.12 and 3.13 warn.
@pytest.mark.filterwarnings("ignore:.*filter extracted tar archives:DeprecationWarning")
def test_oras_py_pushes_and_pulls_files_with_it(secured: Registry, tmp_path: Path) -> None:
    files = tmp_path / "files"
    (files / "folder").mkdir(parents=True)
    (files / "note.txt").write_text("a note")
    (files / "folder" / "inside.txt").write_text("inside")
    (files / "large").write_bytes(bytes(range(256)) * 8192)
    repository = remote(secured)
    assert isinstance(repository, oras.client.OrasClient)
    target = f"{repository.repository}:files"
    response = repository.push(
        target,
        files=[f"{files / 'note.txt'}:text/plain", str(files / "large"), str(files / "folder")],
        manifest_annotations={"org.example": "yes"},
        disable_path_validation=True,
        quiet=True,
    )
    assert response.status_code == 201
    manifest = repository.resolve("files")
    assert manifest
    assert manifest.annotations == {"org.example": "yes"}
    assert manifest.layers[0].media_type == "text/plain"
    repository.pull(target, outdir=str(tmp_path / "back"))
    for name in ("note.txt", "large", "folder/inside.txt"):
        assert (tmp_path / "back" / name).read_bytes() == (files / name).read_bytes()


def test_oras_py_attaches_with_it(any_registry: Registry, tmp_path: Path) -> None:
    maker = LayoutMaker(tmp_path / "layout")
    repository = remote(any_registry)
    image = push(repository, maker, maker.image(), "v1")
    (tmp_path / "note").write_text("a note")
    subject = oras.oci.Subject(mediaType=image.media_type, digest=str(image.digest), size=len(image.content))
    repository.push(
        f"{repository.repository}:note",
        files=[str(tmp_path / "note")],
        subject=subject,
        disable_path_validation=True,
        quiet=True,
    )
    note = repository.resolve("note")
    assert note
    assert note.subject
    assert note.subject.digest == image.digest


def test_oras_py_moves_layouts_with_it(secured: Registry, tmp_path: Path) -> None:
    maker = LayoutMaker(tmp_path / "layout")
    image = maker.add(maker.image(content=b"x" * 100_000), name="v1")
    repository = remote(secured)
    target = f"{repository.repository}:v1"
    oras.layout.NewLayout(str(maker.root)).push_to_registry(repository, target, tag="v1")
    assert repository.resolve("v1") == image
    pulled = tmp_path / "pulled"
    oras.layout.NewLayoutFromRegistry(str(pulled), repository, target, tag="v1")
    for digest in [image.digest, *(blob.digest for blob in image.layers)]:
        assert (pulled / "blobs" / "sha256" / digest.hex).read_bytes() == maker.path(digest).read_bytes()


def test_a_refusal_is_in_the_registrys_words(tmp_path: Path) -> None:
    (tmp_path / "note").write_text("a note")
    body = b'{"errors": [{"code": "DENIED", "message": "not yours"}]}'

    def answer(asked: Asked) -> Answered:
        return Answered(status=404) if asked.method == "HEAD" else Answered(status=403, body=body)

    with fake_registry(answer) as registry:
        repository = client_of(registry.host)
        assert isinstance(repository, RemoteRepository)
        target = f"{registry.host}/team/app:v1"
        with pytest.raises(PushError, match="403 Forbidden: DENIED: not yours"):
            repository.push(target, files=[str(tmp_path / "note")], disable_path_validation=True)
        with pytest.raises(PushError, match="DENIED: not yours"):
            repository.get_tags(target)


@pytest.mark.parametrize("served", [b"another note", b"a not", b""])
def test_what_is_not_the_blob_is_not_left_in_the_file(tmp_path: Path, served: bytes) -> None:
    blob = Descriptor.of(b"a note", "text/plain")
    with fake_registry(lambda asked: Answered(body=served)) as registry:
        repository = client_of(registry.host, attempts=1)
        assert isinstance(repository, RemoteRepository)
        with pytest.raises(PushError):
            repository.download_blob(repository.container(), str(blob.digest), str(tmp_path / "out" / "file"))
    assert list((tmp_path / "out").iterdir()) == []


def test_it_is_of_one_repository(any_registry: Registry, tmp_path: Path) -> None:
    repository = remote(any_registry)
    for other in (f"{any_registry.host}/team/other:v1", "example.org/team/app:v1", "app:v1"):
        with pytest.raises(ValueError, match=r"of .*/team/app only|names no registry"):
            repository.get_tags(other)
    container = oras.container.Container(f"{any_registry.host}/team/other:v1")
    with pytest.raises(ValueError, match=r"of .*/team/app only"):
        repository.upload_blob(of_bytes(b"x"), container, Descriptor.of(b"x", "text/plain"))
    with pytest.raises(UsageError, match="given with Access"):
        repository.login("user", "hidden")


def test_a_path_with_a_dot_is_no_host() -> None:
    repository = RemoteRepository(Repository.parse("example.org/my.team/app"), Access())
    assert repository.container("v1").manifest_url() == "example.org/v2/my.team/app/manifests/v1"
    digest = Digest.of(b"")
    assert repository.container(digest).manifest_url() == f"example.org/v2/my.team/app/manifests/{digest}"
