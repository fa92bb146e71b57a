"""Which files a command may have written."""

from __future__ import annotations

from pathlib import Path

import pytest

from pushpolicy.errors import InputError
from pushpolicy.gather.capture.written import marks
from pushpolicy.reports.limits import Limits
from tests.unit.gather.samples import JUNIT, write


def test_more_files_than_can_be_looked_at_are_refused(tmp_path: Path) -> None:
    write(tmp_path, {f"reports/{number}.xml": JUNIT for number in range(3)})
    assert len(marks(tmp_path, (), Limits(max_files=3))) == 3
    with pytest.raises(InputError, match="more than 2 files") as caught:
        marks(tmp_path, (), Limits(max_files=2))
    assert "max-files" in str(caught.value.hint)
