"""What the process that reads foreign files does, in this one."""

from __future__ import annotations

from pathlib import Path

import pytest

from pushpolicy.reports import child
from pushpolicy.reports.format import ReportError
from pushpolicy.reports.limits import Limits
from pushpolicy.reports.messages import LATE, Asked, Form


@pytest.mark.parametrize("name", sorted({"encodings", *LATE}))
def test_what_was_left_out_is_named_when_it_is_missed(name: str) -> None:
    with pytest.raises(child._MissingError) as caught:
        child._Late.find_spec(name)
    assert f"{caught.value}.".startswith(f"{name}.")
    assert child._Late.find_spec(f"{name}x") is None


@pytest.mark.parametrize("content", [b'{"a": NaN}', b'{"a": 1, "a": 2}', b"a: &b [*b]", b"[" * 5000])
def test_extra_evidence_that_is_no_document(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "extra"
    path.write_bytes(content)
    with path.open("rb") as stream, pytest.raises(ReportError):
        child._READ[Form.EXTRA](stream, Asked("extra", Limits(), Form.EXTRA))
