"""What `import pushpolicy` offers, and the one order of the steps wherever it is told."""

from __future__ import annotations

import ast
import inspect
import re
from pathlib import Path

import pytest

import pushpolicy
from pushpolicy import judging, pipeline, place, proof

README = Path(__file__).parents[2] / "README.md"
STEPS = ["gather", "evaluate", "push", "attach"]


@pytest.mark.parametrize("name", pushpolicy.__all__)
def test_every_public_name_is_there(name: str) -> None:
    assert getattr(pushpolicy, name) is not None


def test_other_names_are_not() -> None:
    with pytest.raises(AttributeError, match="no attribute 'push_anyway'"):
        _ = pushpolicy.push_anyway


def test_the_docstring_tells_the_steps_in_order() -> None:
    assert re.findall(r"^\d\. (\w+):", pushpolicy.__doc__ or "", re.MULTILINE) == STEPS


def test_the_readme_tells_the_same() -> None:
    assert " -> ".join(STEPS) in README.read_text()


def test_the_pipeline_takes_the_same_steps() -> None:
    """Judging gathers and evaluates; then the image is pushed by digest, recorded, verified, tagged."""
    told = [
        "open_all",
        "judge_all",
        "_with_credentials",
        "_prepared",
        "_send",
        "_land",
        "_verify",
        "move_all_tags",
    ]
    assert [name for name in _calls(pipeline.admit_all) if name in told] == told
    deciding = ["gather_about", "decide"]
    assert [name for name in _calls(judging._judge) if name in deciding] == deciding
    preparing = ["with_place", "with_record"]
    assert [name for name in _calls(pipeline._prepared) if name in preparing] == preparing
    assert "records_before" in _calls(place.with_place)
    recording = ["build_record", "with_statements"]
    assert [name for name in _calls(proof.with_record) if name in recording] == recording
    assert "issue" in _calls(pipeline._permit)
    assert {"_permit", "send_blobs"} <= set(_calls(pipeline._send))
    landing = ["push_by_digest", "attach_artifacts"]
    assert [name for name in _calls(pipeline._land) if name in landing] == landing
    assert "verify_push" in _calls(pipeline._verify)


def _calls(function: object) -> list[str]:
    """The names of the functions it calls, in the order in which the code stands."""
    nodes = ast.walk(ast.parse(inspect.getsource(function)))  # type: ignore[arg-type]
    calls = [node.func for node in nodes if isinstance(node, ast.Call)]
    names = [name for name in calls if isinstance(name, ast.Name)]
    return [name.id for name in sorted(names, key=lambda name: (name.lineno, name.col_offset))]
