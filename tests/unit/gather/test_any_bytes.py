"""Whatever bytes a test or coverage report holds, it is read or refused, never anything else."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pushpolicy.gather.format import Format, ReportError
from pushpolicy.gather.formats import FORMATS
from pushpolicy.gather.request import Limits
from tests.unit.gather.bytes_report import BytesReport

SAMPLES = {
    "junit": b"<testsuite tests='1' time='1'><testcase name='a'><failure>x</failure></testcase></testsuite>",
    "capture": b'{"argv":["a"],"ended":"2026-11-24T00:00:01Z","exit_code":0,"kind":"tests","name":"a",'
    b'"reports":[{"path":"a","sha256":"0","size":1}],"schema":"pushpolicy.capture/v1",'
    b'"started":"2026-11-24T00:00:00Z"}',
    "nunit": b"<test-run total='1'><test-suite result='Failed'><test-case/></test-suite></test-run>",
    "xunit": b"<assembly total='1' time='1'><collection><test result='Pass'/></collection></assembly>",
    "trx": b"<TestRun><Results><UnitTestResult outcome='Passed'/></Results><ResultSummary/></TestRun>",
    "ctrf": b'{"results":{"summary":{"start":1,"stop":2,"failed":1},"tests":[{"status":"passed"}]}}',
    "gotest": b'{"Action":"run","Package":"p","Test":"T"}\n{"Action":"pass","Package":"p","Elapsed":1}\n',
    "tap": b"TAP version 13\n1..2\nok 1 - a # SKIP\nnot ok 2\n  ---\n  message: x\n  ...\n",
    "cobertura": b"<coverage><class filename='f'><line number='1' hits='1'/></class></coverage>",
    "clover": b"<a><file name='f'><metrics statements='3'/><line num='1' type='stmt' count='1'/></file></a>",
    "jacoco": b"<report><sourcefile name='f'><line nr='1' ci='1' mb='2'/></sourcefile></report>",
    "coverage.py": b'{"meta":{},"files":{"a":{"executed_lines":[1],"missing_lines":[2]}},"totals":{}}',
    "lcov": b"TN:\nSF:a\nDA:1,1\nBRDA:1,0,0,-\nLF:1\nend_of_record\n",
    "go-cover": b"mode: set\na.go:1.2,3.4 2 1\n",
}


def check(item: Format[Any], content: bytes) -> None:
    try:
        item.read(BytesReport(content, 16), Limits())
    except ReportError:
        return


@pytest.mark.parametrize(
    "item", [item for item in FORMATS if item.name in SAMPLES], ids=lambda item: item.name
)
@settings(deadline=None)
@given(data=st.data())
def test_damaged_reports_are_read_or_refused(item: Format[Any], data: st.DataObject) -> None:
    sample = SAMPLES[item.name]
    start = data.draw(st.integers(0, len(sample)))
    end = data.draw(st.integers(start, len(sample)))
    filler = data.draw(
        st.binary(max_size=8) | st.sampled_from([b"9" * 30, b"-1", b"1e999", b"<", b"{", b"\n"])
    )
    check(item, sample[:start] + filler + sample[end:])


@pytest.mark.parametrize("kind", ["tests", "coverage"])
def test_every_format_has_a_sample(kind: str) -> None:
    assert {item.name for item in FORMATS if item.kind == kind} <= SAMPLES.keys()
