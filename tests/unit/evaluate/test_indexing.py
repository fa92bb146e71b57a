"""Rules and the lib are indexed, or refused with their lines."""

from __future__ import annotations

from pathlib import Path

import pytest

from pushpolicy.engines import LocalOpa
from pushpolicy.errors import PolicyError
from pushpolicy.evaluate.indexing import build_index, build_lib
from pushpolicy.evaluate.sources import SourceFile
from tests.policies import rule

DENY = 'deny contains {"at": {}, "msg": "x"} if '


def file(text: str) -> SourceFile:
    return SourceFile(path=Path("r.rego"), content=text.encode())


def test_a_function_that_the_lib_does_not_have_is_refused(opa: Path) -> None:
    text = rule("r", f'{DENY}data.pushpolicy.lib.topic.absent("x")')
    with pytest.raises(PolicyError, match=r"^r.rego:1: data.pushpolicy.lib.topic.absent does not exist$"):
        build_index({"r": file(text)}, LocalOpa(opa), {})


def test_a_function_brings_what_it_reads(opa: Path) -> None:
    text = rule("r", f"{DENY}data.pushpolicy.lib.topic.known(input.tests.totals)")
    index = build_index({"r": file(text)}, LocalOpa(opa), {"topic.known": ("sbom",)})
    assert index.rules["r"].requires == ("sbom", "tests")


def test_an_optional_path_that_no_read_needs_is_refused(opa: Path) -> None:
    text = rule("r", f"{DENY}input.tests.totals.failed > 0", custom="optional: [ci.actor]")
    with pytest.raises(PolicyError, match=r"custom.optional: no read of ci.actor needs it"):
        build_index({"r": file(text)}, LocalOpa(opa), {})


@pytest.mark.parametrize(
    ("read", "reason"),
    [
        ("input.weather.sunny", "input.weather is not in the evidence"),
        ("data.settings.r.max > 1", "a rule reads only its own settings"),
    ],
)
def test_the_lib_refers_to_evidence_and_itself_alone(opa: Path, read: str, reason: str) -> None:
    text = f"package pushpolicy.lib.topic\n\nimport rego.v1\n\nknown(_) if {read}\n"
    with pytest.raises(PolicyError, match=f"^lib topic.known, line 5: .*{reason}"):
        build_lib([file(text)], LocalOpa(opa))
