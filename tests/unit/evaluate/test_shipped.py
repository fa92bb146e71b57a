"""The shipped policies are part of the installation."""

from __future__ import annotations

from pathlib import Path

import pytest

from pushpolicy.errors import PolicyError
from pushpolicy.evaluate import shipped


def test_an_installation_without_policies_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shipped, "__file__", str(tmp_path / "src/pushpolicy/evaluate/shipped.py"))
    with pytest.raises(PolicyError, match="the shipped policies are not beside"):
        shipped.policies()
