"""Where reports are looked for: all that a format declares of its files is looked at."""

from __future__ import annotations

from pathlib import Path

import pytest

from pushpolicy.gather.find import candidates
from pushpolicy.reports.format import Format
from pushpolicy.reports.limits import Limits
from pushpolicy.reports.recognise import FORMATS
from tests.unit.gather.samples import write


@pytest.mark.parametrize("item", FORMATS, ids=[item.name for item in FORMATS])
def test_the_places_and_suffixes_of_every_format_are_searched(tmp_path: Path, item: Format) -> None:
    modules = [f"service/api/{place}" for place in item.places if "/" in place]
    folders = ("reports", *(place for place in item.places if "/" not in place), *modules)
    files = {
        f"{folder}/x{end}{packed}" for folder in folders for end in item.suffixes for packed in ("", ".gz")
    }
    write(tmp_path, dict.fromkeys(files, ""))
    assert {path.relative_to(tmp_path).as_posix() for path in candidates(tmp_path, Limits())} == files
