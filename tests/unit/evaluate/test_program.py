"""A policy set is laid out whole, or not at all."""

from __future__ import annotations

import errno
import os

import pytest

from pushpolicy.errors import PolicyError
from pushpolicy.evaluate import program
from tests.judged import policy


def test_a_full_disk_is_no_policy(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(content: bytes) -> object:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(program, "_held", refuse)
    with pytest.raises(PolicyError, match="cannot write the policy for OPA"), program.laid_out(policy()):
        pytest.fail("it was laid out")
