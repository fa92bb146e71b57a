"""What peers pickle becomes nothing that acts."""

from __future__ import annotations

import os
import pickle
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import distributed
import distributed.client
import distributed.protocol.pickle
import pytest
from distributed.core import error_message
from distributed.protocol.serialize import deserialize, serialize

from pushpolicy.audit.cluster.foreign import Foreign, inert

PLACE = Path(distributed.__file__).parent


class Acts:
    """Runs something where it is unpickled."""

    def __init__(self, call: Callable[..., Any], *given: Any) -> None:
        self._how = (call, given)

    def __reduce__(self) -> tuple[Any, ...]:
        return self._how


def test_what_a_pickle_names_is_not_called(tmp_path: Path) -> None:
    content = pickle.dumps(Acts(os.mkdir, str(tmp_path / "made")))
    with inert():
        found = distributed.protocol.pickle.loads(content)
    assert isinstance(found, Foreign)
    assert str(found).startswith("posix.mkdir: ")
    assert not (tmp_path / "made").exists()
    # The control: elsewhere the same bytes do it.
    distributed.protocol.pickle.loads(content)
    assert (tmp_path / "made").exists()


@pytest.mark.parametrize(
    "content", [b"", b"\x80\x05", b"cos\nsystem\n", b"\x80\x05\x95" + b"\xff" * 8, b"Pid\n."]
)
def test_a_broken_pickle_raises_nothing(content: bytes) -> None:
    with inert():
        assert str(distributed.protocol.pickle.loads(content)) == "something unreadable"


def test_bytes_come_through_as_they_are() -> None:
    sent = serialize(b"what a worker answers")
    with inert():
        assert deserialize(*sent) == b"what a worker answers"


def test_an_exception_is_told_by_its_name() -> None:
    try:
        raise KeyError("what\x1b[31m happened")
    except KeyError as error:
        message = error_message(error)
    with inert():
        told = distributed.protocol.pickle.loads(message["exception"].data)
    assert isinstance(told, Foreign)
    assert "\x1b" not in str(told)


def test_the_client_unpickles_in_these_two_modules_alone() -> None:
    modules = [*PLACE.glob("*.py"), *PLACE.glob("comm/*.py"), *PLACE.glob("protocol/*.py")]
    own = re.compile(
        r"^\s*(import (cloud)?pickle|from (cloud)?pickle import (?!PickleBuffer$))", re.MULTILINE
    )
    found = {path.relative_to(PLACE).as_posix() for path in modules if own.search(path.read_text())}
    # The scheduler's is for no client.
    assert found - {"scheduler.py"} == {"client.py", "protocol/pickle.py"}
    assert {vars(module)["pickle"] for module in (distributed.client, distributed.protocol.pickle)} == {
        pickle
    }
