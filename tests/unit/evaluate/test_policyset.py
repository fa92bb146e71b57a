"""A policy set is of some policy."""

from __future__ import annotations

from pathlib import Path

import pytest

from pushpolicy.engines import LocalOpa
from pushpolicy.errors import PolicyError
from pushpolicy.evaluate import load_policy
from tests.policies import rule, write_policy


def test_no_policy_is_not_the_pack(opa: Path) -> None:
    with pytest.raises(PolicyError, match="no policy was given"):
        load_policy([], LocalOpa(opa))


@pytest.mark.parametrize("sources", [("",), (" ",), ("pack", "")])
def test_an_empty_name_is_not_this_folder(
    sources: tuple[str, ...], tmp_path: Path, opa: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A pipeline says `--policy "$UNSET"`, and the checkout holds nothing but a rule that never denies."""
    never = 'deny contains {"at": {"id": "x"}, "msg": "x"} if input.image.digest == "sha256:0"'
    write_policy(tmp_path, {"r": rule("r", never)})
    monkeypatch.chdir(tmp_path)
    with pytest.raises(PolicyError, match="a policy has an empty name"):
        load_policy(sources, LocalOpa(opa))


def test_a_policy_without_rules_is_refused(tmp_path: Path, opa: Path) -> None:
    with pytest.raises(PolicyError, match="the policy has no rules"):
        load_policy([str(tmp_path)], LocalOpa(opa))


def test_no_rule_comes_from_two_sources(tmp_path: Path, opa: Path) -> None:
    text = rule("r", 'deny contains {"at": {}, "msg": "x"} if input.tests.totals.failed > 0')
    sources = [write_policy(tmp_path / name, {"r": text}) for name in ("a", "b")]
    with pytest.raises(PolicyError, match=r"b/r/r\.rego: a rule named r is in .*a/r/r\.rego too"):
        load_policy(sources, LocalOpa(opa))
