"""The one table of all report formats, in the order in which a file is tried."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Any

from pushpolicy.gather.format import Format, Head
from pushpolicy.gather.scans import sarif, trivy, trivy_k8s, trivy_legacy, trivy_operator
from pushpolicy.gather.tests import junit

FORMATS: tuple[Format[Any], ...] = (
    junit.FORMAT,
    trivy.FORMAT,
    trivy_k8s.FORMAT,
    trivy_legacy.FORMAT,
    trivy_operator.FORMAT,
    sarif.FORMAT,
)


def by_content(head: Head) -> Format[Any] | None:
    """The format of a well-formed file; None for one that is no report."""
    return next((item for item in FORMATS if item.recognise(head)), None)


def by_signs(file_name: str, start: bytes) -> Format[Any] | None:
    """The format that a broken file was meant to have, by its name or by what is left of it."""
    for item in FORMATS:
        if all(mark in start for mark in item.marks):
            return item
    return next((item for item in FORMATS if promises(item, file_name)), None)


def promises(item: Format[Any], file_name: str) -> bool:
    """Whether a file of this name is expected to have the format."""
    return any(fnmatchcase(file_name, pattern) for pattern in item.file_names)
