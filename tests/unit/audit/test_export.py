"""What was exported reads as the repository did; no byte of it can be changed in silence."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from pushpolicy.audit.allowance import Allowance
from pushpolicy.audit.export import format as names
from pushpolicy.audit.export.folders import writing
from pushpolicy.audit.export.format import Header, Line
from pushpolicy.audit.export.source import export_sources, not_exported, read_header
from pushpolicy.audit.shelf import Shelf
from pushpolicy.audit.sources import RepositorySource, Source, Tagged
from pushpolicy.audit.walk import Opened, Problem, Read
from pushpolicy.errors import InputError, RecordError, UsageError
from pushpolicy.model.digest import Digest
from pushpolicy.model.reference import Reference, Repository, Target
from pushpolicy.registry.layout.repository import LayoutRepository
from tests.judged import make_image, publish

IMAGES = [make_image(name) for name in ("one", "two", "three")]


@pytest.fixture
def client(tmp_path: Path) -> LayoutRepository:
    """A repository with three records: two of one tag."""
    client = LayoutRepository(Repository.parse(f"oci:{tmp_path / 'layout'}"))
    for hour, (image, tag) in enumerate(zip(IMAGES, ("1.0", "1.0", "2.0"), strict=True)):
        _publish(client, hour, tag, image)
    return client


def _publish(client: LayoutRepository, hour: int, tag: str, image: object) -> None:
    target = Target.parse(f"{client.repository}:{tag}")
    publish(image, client, target, at=f"2026-11-02T{hour:02}:00:00Z")  # type: ignore[arg-type]


def _source(client: LayoutRepository) -> RepositorySource:
    return RepositorySource(Shelf.of(client), Reference(repository=client.repository))


def _export(folder: Path, *sources: Source, append: bool = False) -> Header:
    with writing(folder, append=append) as writer:
        for source in sources:
            writer.add(source, Allowance())
        return writer.end()


def _read(source: Source) -> dict[Digest, Read]:
    found = dict[Digest, Read]()
    for each in source.each(Allowance()):
        assert isinstance(each, Opened | Problem)
        found[each.summary.digest if isinstance(each, Opened) else each.digest] = each
    return found


def _sources(folder: Path) -> list[Source]:
    return list(export_sources(folder, lambda _: None))


def _problems(folder: Path) -> list[str]:
    return [
        each.reason
        for source in _sources(folder)
        for each in source.each(Allowance())
        if isinstance(each, Problem)
    ]


def test_an_export_reads_as_its_repository(client: LayoutRepository, tmp_path: Path) -> None:
    folder, source = tmp_path / "export", _source(client)
    header = _export(folder, source)
    (part,) = header.parts
    assert (part.records.lines, part.tags.lines, header.complete) == (3, 2, True)
    (again,) = _sources(folder)
    assert again.place == source.place
    before, after = _read(source), _read(again)
    assert len(before) == 3
    assert before.keys() == after.keys()
    for digest, record in before.items():
        other = after[digest]
        assert isinstance(record, Opened)
        assert isinstance(other, Opened)
        assert other.record == record.record
        assert other.standing == record.standing
    assert (
        dict(again.tags())
        == dict(source.tags())
        == {"1.0": IMAGES[1].top.digest, "2.0": IMAGES[2].top.digest}
    )


def test_a_line_has_the_documents_to_the_byte(client: LayoutRepository, tmp_path: Path) -> None:
    _export(tmp_path / "export", _source(client))
    records = _read(_source(client))
    for content in (tmp_path / "export/records.jsonl").read_bytes().splitlines():
        line = msgspec.json.decode(content, type=Line)
        record = records[Digest.parse(line.record)]
        assert isinstance(record, Opened)
        assert Digest.of(bytes(line.evidence)) == record.record.evidence.digest
        assert Digest.of(bytes(line.decision)) == record.record.decision.document().digest
        assert str(Digest.of(line.manifest.encode())) == line.record
        policy = tmp_path / "export/policies" / f"{Digest.parse(line.policy).hex}.tar.gz"
        assert policy.read_bytes() == record.record.policy


def test_what_is_added_is_what_is_new(client: LayoutRepository, tmp_path: Path) -> None:
    folder = tmp_path / "export"
    before = _export(folder, _source(client))
    start = (folder / "records.jsonl").read_bytes()
    _publish(client, 9, "2.0", IMAGES[0])
    with pytest.raises(UsageError, match="has an export already"):
        _export(folder, _source(client))
    assert read_header(folder) == before
    header = _export(folder, _source(client), append=True)
    assert [part.records.lines for part in header.parts] == [3, 1]
    assert (folder / "records.jsonl").read_bytes().startswith(start)
    (again,) = _sources(folder)
    assert _read(again).keys() == _read(_source(client)).keys()
    assert dict(again.tags())["2.0"] == IMAGES[0].top.digest
    assert _export(folder, _source(client), append=True) == header


def test_a_tag_that_was_moved_or_removed(client: LayoutRepository, tmp_path: Path) -> None:
    folder, index = tmp_path / "export", Path(client.repository.path) / "index.json"
    _export(folder, _source(client))
    index.write_text(index.read_text().replace('"2.0"', '"3.0"'))
    header = _export(folder, _source(client), append=True)
    assert [part.tags.lines for part in header.parts] == [2, 2]
    (again,) = _sources(folder)
    assert dict(again.tags()) == dict(_source(client).tags())
    assert "2.0" not in dict(again.tags())


def test_a_run_that_was_killed_is_gone_on_with(client: LayoutRepository, tmp_path: Path) -> None:
    folder = tmp_path / "export"

    class Killed(BaseException):
        pass

    class Cut(RepositorySource):
        def tagged(self, allowance: Allowance) -> Tagged:
            def cut() -> Iterator[Read]:
                yield next(self.each(allowance))
                raise Killed

            return Tagged(super().tagged(allowance).tags, cut())

    with pytest.raises(Killed), writing(folder) as writer:
        writer.add(Cut(*_source(client)), Allowance())
    with pytest.raises(InputError, match="is not complete"):
        _sources(folder)
    with (folder / "records.jsonl").open("ab") as file:
        file.write(b'{"half of a line')
    header = _export(folder, _source(client), append=True)
    assert [part.records.lines for part in header.parts] == [3]
    assert _problems(folder) == []


def test_an_export_of_an_export_is_the_same(client: LayoutRepository, tmp_path: Path) -> None:
    _export(tmp_path / "first", _source(client))
    _export(tmp_path / "second", *_sources(tmp_path / "first"))
    for name in ("records.jsonl", "policies"):
        first, second = tmp_path / "first" / name, tmp_path / "second" / name
        files = [
            (each.name, each.read_bytes())
            for each in (sorted(first.iterdir()) if first.is_dir() else [first])
        ]
        assert files == [
            (each.name, each.read_bytes())
            for each in (sorted(second.iterdir()) if second.is_dir() else [second])
        ]


def test_no_byte_can_be_changed_in_silence(client: LayoutRepository, tmp_path: Path) -> None:
    """Of every kind of place in the files, drawn anew each time: each change is told, and told as such."""
    folder = tmp_path / "export"
    _export(folder, _source(client))
    files = [folder / "records.jsonl", folder / "tags.jsonl", *(folder / "policies").iterdir()]
    for _ in range(200):
        path = random.choice(files)
        content = path.read_bytes()
        place = random.randrange(len(content))
        changed = bytearray(content)
        changed[place] ^= 1 << random.randrange(8)
        path.write_bytes(changed)
        try:
            assert _told(folder), f"{path.name} at {place}: {content[place - 40 : place + 40]!r}"
        finally:
            path.write_bytes(content)
    assert not _told(folder)


def _told(folder: Path) -> bool:
    """Whether anything is said of an export, as a fresh process would."""
    from pushpolicy.audit.export import lines

    lines._policy.cache_clear()
    try:
        for source in _sources(folder):
            assert list(source.tags())
        return bool(_problems(folder))
    except RecordError:
        return True


@pytest.mark.parametrize("lost", ["line", "twice", "swapped"])
def test_lines_cannot_be_taken_or_added(client: LayoutRepository, tmp_path: Path, lost: str) -> None:
    folder = tmp_path / "export"
    _export(folder, _source(client))
    path = folder / "records.jsonl"
    first, *rest = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(
        b"".join({"line": rest, "twice": [first, first, *rest], "swapped": [*rest, first]}[lost])
    )
    (reason,) = _problems(folder)
    assert "records.jsonl" in reason


def test_a_line_that_is_too_long_is_not_taken_into_memory(
    client: LayoutRepository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "export"
    _export(folder, _source(client))
    monkeypatch.setattr(names, "MAX_LINE", 1000)
    (reason,) = _problems(folder)
    assert "one of over 1000 bytes" in reason
    header = _export(tmp_path / "other", _source(client))
    assert header.parts[0].records.lines == 0
    assert len(header.parts[0].problems) == 3
    assert all("is over the limit" in each.reason for each in header.parts[0].problems)


def test_a_line_of_another_repository(client: LayoutRepository, tmp_path: Path) -> None:
    """Whoever writes all of an export makes its digests fit: the record is still that of another place."""
    folder = tmp_path / "export"
    _export(folder, _source(client))
    text = (folder / "export.json").read_text()
    shutil.copytree(folder, tmp_path / "other")
    other = json.loads(text)
    other["parts"][0] |= {"registry": "registry.example", "repository": "team/app"}
    (tmp_path / "other/export.json").write_text(json.dumps(other))
    assert all("of another repository" in reason for reason in _problems(tmp_path / "other"))


@pytest.mark.parametrize(
    "content", [b"", b"{}", b"[" * 100_000, b'{"schema":"pushpolicy.audit.export/v2"}', b"\xff", b"null"]
)
def test_a_header_that_is_none(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "export.json").write_bytes(content)
    with pytest.raises(InputError, match="is not valid"):
        _sources(tmp_path)


@pytest.mark.parametrize(
    ("part", "field", "value"),
    [
        ("records", "offset", -1),
        ("records", "offset", 2**62),
        ("records", "offset", 2**70),
        ("records", "size", -1),
        ("tags", "lines", -1),
        ("tags", "digest", "\x1b[31m"),
        ("records", "digest", "sha256:00"),
        (None, "at", "0001-01-01T00:00:00+23:59"),
        (None, "at", "9999-12-31T23:59:59-23:59"),
        (None, "unread", -1),
    ],
)
def test_a_header_that_cannot_be_so(
    client: LayoutRepository, tmp_path: Path, part: str | None, field: str, value: object
) -> None:
    folder = tmp_path / "export"
    _export(folder, _source(client))
    header = json.loads((folder / "export.json").read_text())
    (header["parts"][0][part] if part else header["parts"][0])[field] = value
    (folder / "export.json").write_text(json.dumps(header))
    with pytest.raises(InputError, match="is not valid"):
        _sources(folder)


def test_what_could_not_be_exported_is_told_by_whoever_reads(
    client: LayoutRepository, tmp_path: Path
) -> None:
    """An answer about what is there would pass for one about everything that was asked for."""
    folder = tmp_path / "export"
    _export(folder, _source(client))
    assert list(not_exported(folder)) == []
    with writing(folder, append=True) as writer:
        writer.fail(_source(client), "the registry \x1b[2J was down")
        writer.end()
    (absent,) = not_exported(folder)
    with pytest.raises(RecordError, match=rf"{client.repository} was not exported.*x1b\[2J was down"):
        absent.each(Allowance())
    with writing(tmp_path / "nothing") as writer:
        writer.end()
    with pytest.raises(InputError, match="has no repository"):
        list(not_exported(tmp_path / "nothing"))


def test_a_tag_of_another_repository(client: LayoutRepository, tmp_path: Path) -> None:
    folder = tmp_path / "export"
    header = _export(folder, _source(client))
    path = folder / "tags.jsonl"
    changed = path.read_bytes().replace(b'"registry":"oci"', b'"registry":"two"')
    path.write_bytes(changed)
    text = (folder / "export.json").read_text()
    text = text.replace(header.parts[0].tags.digest, str(Digest.of(changed)))
    (folder / "export.json").write_text(text)
    (source,) = _sources(folder)
    with pytest.raises(RecordError, match="of another repository"):
        list(source.tags())


def test_something_else_is_not_written_over(client: LayoutRepository, tmp_path: Path) -> None:
    (tmp_path / "work").mkdir()
    (tmp_path / "work/notes").write_text("mine")
    with pytest.raises(UsageError, match="is not empty"):
        _export(tmp_path / "work", _source(client))
    assert [path.name for path in (tmp_path / "work").iterdir()] == ["notes"]
