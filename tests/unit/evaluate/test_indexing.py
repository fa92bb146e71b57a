"""Rules and the lib are indexed, or refused with their lines."""

from __future__ import annotations

from pathlib import Path

import pytest

from pushpolicy.engines import LocalOpa
from pushpolicy.errors import PolicyError
from pushpolicy.evaluate.indexing import build_index, build_lib
from pushpolicy.evaluate.sources import SourceFile
from pushpolicy.model.index import Index
from tests.policies import rule

DENY = 'deny contains {"at": {}, "msg": "x"} if '


def file(text: str) -> SourceFile:
    return SourceFile(path=Path("r.rego"), content=text.encode())


def test_a_function_that_the_lib_does_not_have_is_refused(opa: Path) -> None:
    text = rule("r", f'{DENY}data.pushpolicy.lib.topic.absent("x")')
    with pytest.raises(
        PolicyError, match=r"^r.rego:11: data.pushpolicy.lib.topic.absent does not exist; lib has $"
    ):
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


def test_what_does_not_parse_is_refused_with_its_line(opa: Path) -> None:
    with pytest.raises(PolicyError, match=r"^r\.rego:11: "):
        build_index({"r": file(rule("r", "deny contains if ["))}, LocalOpa(opa), {})


@pytest.mark.parametrize(
    ("condition", "reason"),
    [
        ("data.settings.r.max > 1", r"data\.settings\.r\.max is not declared in custom\.settings"),
        ("data.settings.other.max > 1", "a rule reads only its own settings"),
        ("data.other.x", "a rule reads only its own settings"),
        ("1 > 0 with input as {}", "`with` in a rule would replace the evidence it judges"),
    ],
)
def test_what_a_rule_may_not_read_is_refused_with_its_line(opa: Path, condition: str, reason: str) -> None:
    text = rule("r", f"{DENY}{{ input.tests.totals.failed > 0; {condition} }}")
    with pytest.raises(PolicyError, match=rf"(?m)^r\.rego:11: .*{reason}"):
        build_index({"r": file(text)}, LocalOpa(opa), {})


def test_a_field_that_a_setting_need_not_have_is_refused(opa: Path) -> None:
    setting = "settings: {limit: {type: object, required: [max], default: {max: 1}}}"

    def index(field: str) -> Index:
        text = rule("r", f"{DENY}input.image.size > data.settings.r.limit.{field}", custom=setting)
        return build_index({"r": file(text)}, LocalOpa(opa), {})

    assert index("max").rules["r"].settings.keys() == {"limit"}
    with pytest.raises(PolicyError, match=r"^r\.rego:12: the setting limit need not have min"):
        index("min")
