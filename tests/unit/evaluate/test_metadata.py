"""METADATA is read more strictly than OPA reads it."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from pushpolicy.evaluate.metadata import MetadataError, read_metadata

TEXT = """# METADATA
# title: A rule
# description: For tests.
# custom:
#   severity: high
#   fix: Fix it.
"""


_SETTING = "#   settings:\n#     n: {type: integer, default: 0"


def tree(text: str, row: int = 3) -> dict[str, Any]:
    """As OPA gives a module whose package has this block."""
    location = {"row": row, "text": base64.b64encode(text.encode()).decode()}
    return {"annotations": [{"scope": "package", "location": location}]}


def test_a_block_is_read_from_its_own_text() -> None:
    assert read_metadata(tree(TEXT)).fix == "Fix it."


@pytest.mark.parametrize(
    ("line", "row", "reason"),
    [
        ("# title: Another\n", 9, "title"),
        ("# custom: {severity: low}\n", 9, "custom"),
        ("# fix: [\n", 10, ""),
    ],
    ids=["a key twice", "custom twice", "broken"],
)
def test_what_yaml_readers_disagree_on_is_refused_with_its_line(line: str, row: int, reason: str) -> None:
    with pytest.raises(MetadataError) as caught:
        read_metadata(tree(TEXT + line))
    ((found, text),) = caught.value.problems
    assert (found, text.startswith("METADATA: ")) == (row, True)
    assert reason in text


@pytest.mark.parametrize("block", ["# - title\n", "# title\n", "# 7\n", ""])
def test_a_block_is_a_list_of_keys_and_values(block: str) -> None:
    with pytest.raises(MetadataError, match="not a list of keys and values"):
        read_metadata(tree("# METADATA\n" + block))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (TEXT + "# fix: Fix it.\n", "unknown key 'fix': it belongs below custom"),
        (
            TEXT + "# schemas: []\n",
            "unknown key 'schemas': every rule is checked against the schema of the evidence",
        ),
        (TEXT.replace("fix:", "fixx:"), "unknown key custom.'fixx'"),
        (TEXT.replace("high", "urgent"), "custom.severity is required, one of critical"),
        (TEXT.replace("Fix it.", "7"), "custom.fix is required"),
        (TEXT + "#   collections: [all]\n", "custom.collections is not a list of minimal, default, strict"),
        (TEXT + "#   controls: [PW.8.2]\n", "custom.controls is not a list of standards with an id"),
        (f"{TEXT}{_SETTING}, stricter: less}}\n", "custom.settings.n: stricter is lower or higher or limit"),
        (
            f"{TEXT}{_SETTING.replace('integer', 'string').replace('0', 'x')}, stricter: lower}}\n",
            "stricter is not said",
        ),
    ],
)
def test_what_is_absent_unknown_or_of_another_type_is_named(text: str, reason: str) -> None:
    with pytest.raises(MetadataError, match=reason):
        read_metadata(tree(text))


def test_a_rule_without_a_block_is_refused() -> None:
    with pytest.raises(MetadataError, match="a rule needs one METADATA block"):
        read_metadata({})
