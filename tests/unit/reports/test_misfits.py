"""What else lies in repositories and in folders of reports: none of it is taken for a report."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from pushpolicy.gather import gather
from pushpolicy.model.evidence import Status
from pushpolicy.reports.declared import NotAReport, promised
from pushpolicy.reports.limits import Limits
from pushpolicy.reports.recognise import read
from tests.unit.gather.samples import JUNIT, make_request, write

FOLDER = Path(__file__).parents[2] / "misfits"
MISFITS = sorted(FOLDER.iterdir())


@pytest.mark.parametrize("path", MISFITS, ids=lambda path: path.name)
def test_it_is_no_report(path: Path) -> None:
    with pytest.raises(NotAReport):
        read(path, Limits())


@pytest.mark.parametrize("place", [".", "reports", "coverage", "build/reports"])
def test_among_them_a_report_is_found_and_nothing_fails(tmp_path: Path, place: str) -> None:
    """Their own names promise no report either, beside the report that the folder is for."""
    shutil.copytree(FOLDER, tmp_path / place, dirs_exist_ok=True)
    write(tmp_path, {"reports/junit.xml": JUNIT})
    gathered = gather(make_request(tmp_path))
    assert [report.path for report in gathered.evidence.reports] == ["reports/junit.xml"]
    assert gathered.evidence.tests.status is Status.COLLECTED
    assert gathered.evidence.scans.status is Status.MISSING
    assert gathered.evidence.sbom is not None
    assert gathered.evidence.sbom.status is Status.MISSING
    assert {item.taken_for for item in gathered.seen} <= {None, "tests"}
    told = {each.path for each in gathered.evidence.unread}
    assert told == {item.path for item in gathered.seen if item.taken_for is None}
    assert all(each.why for each in gathered.evidence.unread)


def test_there_are_many_of_many_kinds() -> None:
    assert len(MISFITS) >= 190
    assert len([path for path in MISFITS if promised(path.name)]) >= 25
    assert len({path.suffix for path in MISFITS}) >= 15
