"""Whatever bytes a report holds, each format reads or refuses them, never anything else."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pushpolicy.reports.format import Format, ReportError
from pushpolicy.reports.limits import Limits
from pushpolicy.reports.recognise import FORMATS, read
from tests.report_files import SAMPLES
from tests.unit.reports.bytes_report import BytesReport

FILES = {read(path, Limits()).format.name: path.read_bytes() for path in SAMPLES.iterdir()}
ODD = [b"9" * 30, b"-1", b"1e999", b"<", b"{", b"\n"]


@pytest.mark.parametrize("item", FORMATS, ids=lambda item: item.name)
@settings(deadline=None, max_examples=50)
@given(data=st.data())
def test_damaged_reports_are_read_or_refused(item: Format, data: st.DataObject) -> None:
    sample = FILES[item.name]
    start = data.draw(st.integers(0, len(sample)))
    end = data.draw(st.integers(start, len(sample)))
    filler = data.draw(st.binary(max_size=8) | st.sampled_from(ODD))
    damaged = sample[:start] + filler + sample[end:]
    try:
        item.read(BytesReport(damaged, 16), Limits())
    except ReportError:
        return
