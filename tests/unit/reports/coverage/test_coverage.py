"""What was covered is counted within bounds."""

from __future__ import annotations

import pytest

from pushpolicy.model.evidence import Covered
from pushpolicy.reports.coverage import Table
from pushpolicy.reports.format import ReportError
from pushpolicy.reports.limits import Limits


def test_no_place_counts_more_than_every_reader_of_json_agrees_on() -> None:
    table = Table(Limits())
    table.add("f", 1, 1, 10**9)
    with pytest.raises(ReportError, match="it counts 1000000001 in one place"):
        table.add("f", 2, 1, 10**9 + 1)
    assert table.sum() == Covered(covered=1, total=10**9)
