"""Who decided, and how far that is known."""

from __future__ import annotations

import pytest

from pushpolicy.model.decision import EngineIdentity
from pushpolicy.model.digest import Digest
from tests.judged import policy

DIGEST = Digest.of(b"opa")


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"server": "https://opa"},
        {"hermeticity": "sealed", "digest": DIGEST},
        {"hermeticity": "sealed", "server": "https://opa"},
        {"hermeticity": "delegated"},
        {"hermeticity": "delegated", "server": ""},
        {"hermeticity": "delegated", "server": "https://opa", "digest": DIGEST},
    ],
)
def test_an_engine_is_a_program_with_a_digest_or_a_server_without_one(given: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="a program with a digest, or a server without one"):
        EngineIdentity(name="opa", version="1.22.2", **given)  # type: ignore[arg-type]


def test_a_server_s_word_alone_anchors_nothing() -> None:
    identity = policy().identity
    server = EngineIdentity(name="opa", version="1.22.2", hermeticity="delegated", server="https://opa")
    confirmed = EngineIdentity(name="opa", version="1.22.2", digest=DIGEST, server="https://opa")
    assert identity.decided_by(confirmed) == identity
    assert not identity.decided_by(server).anchored
    assert identity.decided_by(server).not_anchored[-1] == (
        "delegated: evaluated by https://opa, and by no OPA of this machine"
    )
