"""A policy set is of some policy."""

from __future__ import annotations

from pathlib import Path

import pytest

from pushpolicy.engines import LocalOpa
from pushpolicy.errors import PolicyError
from pushpolicy.evaluate import load_policy


def test_no_policy_is_not_the_pack(opa: Path) -> None:
    with pytest.raises(PolicyError, match="no policy was given"):
        load_policy([], LocalOpa(opa))


def test_a_policy_without_rules_is_refused(tmp_path: Path, opa: Path) -> None:
    with pytest.raises(PolicyError, match="the policy has no rules"):
        load_policy([str(tmp_path)], LocalOpa(opa))
