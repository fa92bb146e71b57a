"""What is said of a file that is no report: what it is instead, and which report it nearly is."""

from __future__ import annotations

from typing import Any

from pushpolicy.model.text import printable
from pushpolicy.reports.format import Format, Head
from pushpolicy.reports.formats import by_signs, promises
from pushpolicy.reports.packed import bare_name

_MAX_KEYS = 6


def why_not(file_name: str, head: Head) -> str:
    """Why a well-formed file has no format of the table, in words."""
    said = _is(head)
    meant = by_signs(bare_name(file_name), head.start)
    return f"{said}; {_nearly(meant, file_name, head)}" if meant else said


def _is(head: Head) -> str:
    if head.root:
        return f"its root element is <{printable(head.root, 60)}>"
    if not head.keys:
        return "its content is no report's"
    shown = ", ".join(printable(key, 40) for key in list(head.keys)[:_MAX_KEYS])
    more = ", ..." if len(head.keys) > _MAX_KEYS else ""
    return f"the keys of its {'first element' if head.is_array else 'top level'} are {shown}{more}"


def _nearly(meant: Format[Any], file_name: str, head: Head) -> str:
    missing = [mark.decode("utf-8", "replace") for mark in meant.marks if mark not in head.start]
    if not missing:
        return f"it looks like {meant.name}, and what tells that format is not at its top level"
    by = "its name promises" if promises(meant, bare_name(file_name)) else "it looks like"
    return f"{by} {meant.name}, and {' and '.join(missing)} cannot be found in it"
