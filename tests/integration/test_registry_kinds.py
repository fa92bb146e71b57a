"""The registry in this process answers as real ones do."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path

import pytest

from tests.fake_registry import fake_registry
from tests.registries import (
    Registry,
    distribution_2_registry,
    distribution_registry,
    gocontainerregistry,
    olareg_registry,
)
from tests.registry_kinds import KINDS, KindRegistry
from tests.registry_kinds.conversation import Conversation, asked_of

REAL: Mapping[str, Callable[[Path], AbstractContextManager[Registry]]] = {
    "distribution": distribution_registry,
    "distribution-2.8": distribution_2_registry,
    "go-containerregistry": gocontainerregistry,
    "go-containerregistry-referrers": partial(gocontainerregistry, referrers=True),
    "olareg": olareg_registry,
}

# It takes anything for a manifest, has one store of blobs, and a tag keeps what was deleted by digest.
_NOT_MODELLED = {"mounted", "not JSON", "another digest", "deleted"}


@pytest.mark.parametrize("kind", REAL)
def test_it_answers_as_the_real_one_does(kind: str, tmp_path: Path) -> None:
    with REAL[kind](tmp_path / "registry") as registry:
        real = Conversation(asked_of(registry.host)).said
    differ = _NOT_MODELLED if kind.startswith("go-") else set()
    modelled = Conversation(KindRegistry(KINDS[kind])).said
    assert [said for said in modelled if said[0] not in differ] == [
        said for said in real if said[0] not in differ
    ]


def test_sockets_change_nothing() -> None:
    with fake_registry(KindRegistry(KINDS["full"])) as registry:
        assert Conversation(asked_of(registry.host)).said == Conversation(KindRegistry(KINDS["full"])).said
