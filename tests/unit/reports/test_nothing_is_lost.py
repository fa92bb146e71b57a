"""No reader gives fewer findings or failures than its file lists, whatever was changed in the file."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

import pytest

from pushpolicy.reports.facts import ScanFacts, SuiteFacts
from pushpolicy.reports.format import Facts, ReportError
from pushpolicy.reports.limits import Limits
from pushpolicy.reports.pipeline import PipelineFacts
from pushpolicy.reports.recognise import FORMATS
from tests.deletions import deletions
from tests.report_files import SAMPLES
from tests.unit.reports.bytes_report import BytesReport
from tests.unit.reports.counted import COUNTED, JSON, counted, mutations

READERS = {item.name: item.read for item in FORMATS}


def shown(facts: tuple[Facts, ...]) -> int:
    """Findings, or failures and errors; a total that no case shows stands for as many as it says."""
    scans = [each for each in facts if isinstance(each, ScanFacts)]
    suites = [each for each in facts if isinstance(each, SuiteFacts)]
    bad = sum(each.totals.failed + each.totals.errors + each.undeclared for each in suites)
    leaks = [each for each in facts if isinstance(each, PipelineFacts)]
    return sum(len(each.findings) for each in scans) + bad + sum(map(_listed, leaks))


def _listed(leaks: PipelineFacts) -> int:
    return len(leaks.findings) + len(leaks.risks)


def changed(name: str, sample: bytes) -> Iterator[bytes]:
    yield sample
    more = mutations(sample) if name in JSON else ()
    yield from chain((each.left for each in deletions(sample)), more)


@pytest.mark.parametrize("name", COUNTED)
def test_no_reader_gives_fewer_than_its_file_lists(name: str) -> None:
    sample = next(path for path in SAMPLES.iterdir() if path.name.rpartition(".")[0].split(".")[0] == name)
    read, lost = 0, []
    for content in changed(name, sample.read_bytes()):
        try:
            facts = READERS[name](BytesReport(content), Limits())
        except ReportError:
            continue
        read += 1
        if shown(facts) < (listed := counted(name, content)):
            lost.append(f"{listed} listed, {shown(facts)} read: {content[:3000]!r}")
    assert lost == []
    assert counted(name, sample.read_bytes()) > 0
    assert read > 2
