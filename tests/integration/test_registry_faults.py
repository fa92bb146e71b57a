"""One request of a push goes wrong, each in turn and in each way; the push must succeed all the same."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from pushpolicy.model.manifest import Manifest
from tests.clients import client_of
from tests.layouts import LayoutMaker, push, referrer
from tests.proxy import Fault, Proxy, proxy_before
from tests.registries import distribution_registry, olareg_registry

TRANSIENT = [Fault.SERVER_ERROR, Fault.UNAVAILABLE, Fault.RESET, Fault.LOST, Fault.TRUNCATED]


@pytest.fixture(params=["distribution", "olareg"])
def proxy(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Proxy]:
    start = {"distribution": distribution_registry, "olareg": olareg_registry}[request.param]
    with start(tmp_path / "registry", memory=True) as registry, proxy_before(registry.host) as running:
        yield running


def push_all(proxy: Proxy, maker: LayoutMaker, image: Manifest) -> None:
    """A push as the pipeline does it, with everything read back."""
    repository = client_of(proxy.host, first_pause=0.01)
    push(repository, maker, image)
    note = push(repository, maker, referrer(maker, image, b"note about " + str(image.digest).encode()))
    repository.put_manifest(image, "v1")
    assert repository.resolve("v1") == image
    assert repository.manifest(note.digest) == note
    assert [item.digest for item in repository.referrers(image.digest)] == [note.digest]
    for blob in filter(None, (image.config, *image.layers)):
        assert blob.digest.matches(b"".join(repository.read_blob(blob)))


@pytest.mark.parametrize("fault", TRANSIENT)
def test_any_single_fault_is_survived(proxy: Proxy, tmp_path: Path, fault: Fault) -> None:
    maker = LayoutMaker(tmp_path / "layout")
    push_all(proxy, maker, maker.image(content=b"first"))
    requests = len(proxy.seen)
    for number in range(1, requests + 1):
        proxy.seen.clear()
        proxy.faults = {number: fault}
        push_all(proxy, maker, maker.image(content=f"{fault} {number}".encode()))
