"""Several sources are read one after the other, and one that cannot be read ends no other."""

from __future__ import annotations

from pathlib import Path

import pytest

from pushpolicy.audit.allowance import Allowance
from pushpolicy.audit.sources import Source, Unreadable, read_all
from pushpolicy.audit.walk import Opened
from pushpolicy.cli.options import RegistryOptions
from pushpolicy.cli.shelves import open_sources
from pushpolicy.errors import InputError, RecordError, UsageError
from pushpolicy.model.digest import Digest
from pushpolicy.model.reference import Repository, Target
from pushpolicy.registry.layout.repository import LayoutRepository
from pushpolicy.reports.limits import Limits
from tests.judged import make_image, publish


def _repository(folder: Path) -> Digest:
    """A folder with one record."""
    client = LayoutRepository(Repository.parse(f"oci:{folder}"))
    target = Target.parse(f"oci:{folder}:1.0")
    return publish(make_image(folder.name), client, target).record.digest


def _opened(*texts: str) -> list[Source]:
    return list(open_sources(texts, RegistryOptions(), Limits()))


def _told(*texts: str) -> list[Digest | Unreadable]:
    told = list[Digest | Unreadable]()
    for _, found in read_all(_opened(*texts), Allowance()):
        assert isinstance(found, Opened | Unreadable)
        told.append(found.summary.digest if isinstance(found, Opened) else found)
    return told


def test_one_after_the_other_and_each_once(tmp_path: Path) -> None:
    one, two = _repository(tmp_path / "one"), _repository(tmp_path / "two")
    assert _told(f"oci:{tmp_path}/one", f"oci:{tmp_path}/two:1.0", f"oci:{tmp_path}/one") == [one, two]


def test_one_that_cannot_be_read_ends_no_other(tmp_path: Path) -> None:
    one, two = _repository(tmp_path / "one"), _repository(tmp_path / "two")
    absent, untagged = f"oci:{tmp_path}/three", f"oci:{tmp_path}/one:9.9"
    first, second, *found = _told(absent, untagged, f"oci:{tmp_path}/one", f"oci:{tmp_path}/two")
    assert found == [one, two]
    assert first == Unreadable(f"{absent}: there is no such folder", "check the path", 20)
    assert isinstance(second, Unreadable)
    assert (second.reason, second.exit_code) == (f"there is no {untagged}", 51)


def test_alone_its_error_is_that_of_the_command(tmp_path: Path) -> None:
    _repository(tmp_path / "one")
    with pytest.raises(InputError, match="there is no such folder"):
        _told(f"oci:{tmp_path}/two")
    with pytest.raises(RecordError, match="there is no oci:"):
        _told(f"oci:{tmp_path}/one:9.9")


def test_a_malformed_one_is_refused_before_anything_is_read(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="names no registry"):
        open_sources([f"oci:{tmp_path}", "app"], RegistryOptions(), Limits())


def test_a_file_names_sources(tmp_path: Path) -> None:
    one, two = _repository(tmp_path / "one"), _repository(tmp_path / "two")
    file = tmp_path / "sources"
    file.write_text(f"\ufeff# ours\n  oci:{tmp_path}/one  # the first\n\noci:{tmp_path}/two\n")
    assert _told(f"@{file}", f"oci:{tmp_path}/one") == [one, two]
    file.write_text("# none\n")
    with pytest.raises(InputError, match="names no source"):
        _told(f"@{file}")
    file.write_bytes(b"\xff\n")
    with pytest.raises(InputError, match="is not UTF-8"):
        _told(f"@{file}")
    with pytest.raises(InputError, match="No such file"):
        _told(f"@{tmp_path}/none")


@pytest.mark.parametrize(
    "glob", ["team/*", "*/team", "**", "registry.example/*:1.0", "registry.example/a*@x"]
)
def test_a_glob_is_of_the_repositories_of_a_registry(glob: str) -> None:
    with pytest.raises(UsageError, match="glob"):
        open_sources([glob], RegistryOptions(), Limits())
