"""oras-py's own methods, on our transport: its requests, time limits and credential."""

from __future__ import annotations

from pathlib import Path

import oras.oci

from pushpolicy.model.reference import Repository
from pushpolicy.registry import Access
from pushpolicy.registry.api import Api
from tests.clients import client
from tests.layouts import LayoutMaker, push
from tests.registries import Registry


def test_they_go_through_it(any_registry: Registry, tmp_path: Path) -> None:
    maker = LayoutMaker(tmp_path / "layout")
    image = push(client(any_registry), maker, maker.image(), "v1")
    repository = client(any_registry).repository
    transport = Api(Repository.parse(str(repository)), Access(ca_file=any_registry.ca_file)).transport
    name = f"{repository}:v1"
    assert transport.get_tags(name) == ["v1"]
    manifest = transport.get_manifest(name)
    assert [layer["digest"] for layer in manifest["layers"]] == [str(layer.digest) for layer in image.layers]
    note = tmp_path / "note"
    note.write_bytes(b"a note")
    layer = oras.oci.NewLayer(str(note), is_dir=False)
    assert transport.upload_blob(str(note), transport.get_container(name), layer).status_code in (200, 201)
    found = transport.download_blob(name, layer["digest"], str(tmp_path / "back"))
    assert Path(found).read_bytes() == b"a note"
