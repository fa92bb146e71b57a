"""What must hold for any file in a folder of reports: gather makes a valid document, and soon.

A file in the usual places is never an error of the command: it is read, fails its kind, or is a stranger.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pushpolicy.evaluate import validate_evidence
from pushpolicy.gather import Shared, gather
from pushpolicy.model.evidence import Evidence
from pushpolicy.reports.format import ReportError
from pushpolicy.reports.limits import Limits
from pushpolicy.reports.recognise import FORMATS
from tests.report_files import ReportFile
from tests.unit.gather.samples import make_request
from tests.unit.reports.bytes_report import BytesReport

_READERS = {item.name: item for item in FORMATS}


class Target:
    """A workspace with one report, written anew for each input; `fields` replace those of the request."""

    def __init__(self, workspace: Path, **fields: Any) -> None:
        self._folder = workspace / "reports"
        self._folder.mkdir()
        self._request = make_request(workspace, **fields)
        self._checkouts = Shared()
        self._checkouts.checkout(self._request.job)  # git is asked once

    def check(self, file: ReportFile | None) -> Evidence:
        """Gather with this one report, or with none.

        Raises:
            Exception: whatever it is, it was not to be.
        """
        if file is not None:
            (self._folder / file.name).write_bytes(file.content)
        try:
            evidence = gather(self._request, Shared(_checkouts=self._checkouts._checkouts)).evidence
        finally:
            if file is not None:
                (self._folder / file.name).unlink()
        validate_evidence(evidence.document())
        return evidence


def read_as(name: str, content: bytes) -> None:
    """Read bytes as a format, recognised or not, in small pieces.

    Raises:
        Exception: that is no ReportError.
    """
    try:
        _READERS[name].read(BytesReport(content, 61), Limits())
    except ReportError:
        return
