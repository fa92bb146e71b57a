"""`policy check` asks for more than a push does."""

from __future__ import annotations

from pathlib import Path

import pytest

from pushpolicy.engines import LocalOpa
from pushpolicy.errors import PolicyError
from pushpolicy.evaluate import check_policy
from tests.policies import rule, write_policy

BODY = 'deny contains {"at": {}, "msg": "x"} if object.get(input.ci, "actor", "none") == "dana"'
EXAMPLE = "- {name: nobody, expect: passed, evidence: {ci: {actor: null}}}\n"


@pytest.mark.parametrize("named", [".", "r/r.rego"], ids=["a folder", "one file"])
def test_an_optional_path_needs_an_example_without_it(tmp_path: Path, opa: Path, named: str) -> None:
    write_policy(tmp_path, {"r": rule("r", BODY, custom="optional: [ci.actor]")})
    source = str(tmp_path / named)
    with pytest.raises(PolicyError, match=r"custom.optional needs an example without ci.actor"):
        check_policy([source], LocalOpa(opa))
    (tmp_path / "r" / "examples.yaml").write_text(EXAMPLE)
    assert check_policy([source], LocalOpa(opa)).index.rules["r"].optional == ("ci.actor",)
