"""Parts of several jobs: what they carry, how they merge, and what is refused."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pushpolicy.errors import InputError, UsageError
from pushpolicy.gather import Gathered, Limits, NamedEvidence, Shared, gather
from pushpolicy.gather.parts import open_parts
from pushpolicy.gather.parts.write import PartRequest, write_part
from pushpolicy.gather.request import RawReport
from pushpolicy.gather.secrets.search import refuse_secrets
from pushpolicy.model import canonical
from pushpolicy.model.digest import Digest
from tests.unit.gather.capture.test_capture import capture
from tests.unit.gather.samples import (
    COMMIT,
    FAILING,
    JUNIT,
    make_checkout,
    make_image,
    make_request,
    trivy,
    write,
)
from tests.unit.gather.test_gather import VALIDATE

CI = {
    "GITHUB_EVENT_NAME": "push",
    "GITHUB_ACTIONS": "true",
    "GITHUB_SHA": COMMIT,
    "PATH": "/usr/local/bin:/usr/bin:/bin",
}


def named(kind: str | None, name: str | None, path: str) -> NamedEvidence:
    return NamedEvidence(kind=kind, name=name, path=path)


def part(
    folder: Path, name: str, files: dict[str, str | bytes], *evidence: NamedEvidence, **fields: Any
) -> Path:
    """A part that a job wrote, which had these files."""
    workspace = write(folder / f"job-{len(list(folder.iterdir()))}", files)
    workspace.mkdir(exist_ok=True)
    output = folder / f"{name}-{len(list(folder.iterdir()))}.part"
    request: dict[str, Any] = {
        "name": name,
        "output": output,
        "workspace": workspace,
        "environ": CI,
        "named": evidence,
    }
    write_part(PartRequest(**(request | fields)))
    return output


def merged(folder: Path, *parts: Path, more: tuple[NamedEvidence, ...] = (), **fields: Any) -> Gathered:
    """What the job that pushes gathers from them."""
    workspace = folder / "push"
    workspace.mkdir(exist_ok=True)
    names = (*more, *(named("part", None, str(path)) for path in parts))
    given: dict[str, Any] = {"environ": CI, "named": names}
    with Shared() as shared:
        result = gather(make_request(workspace, **(given | fields)), shared)
        VALIDATE(json.loads(result.evidence.document().content))
        for raw in result.reports:
            assert Digest.of(raw.path.read_bytes()) == raw.digest
        refuse_secrets({}, result.reports, {})
    assert not any(raw.path.exists() for raw in result.reports if "pushpolicy-parts-" in str(raw.path))
    return result


def test_the_reports_of_several_jobs_come_together(tmp_path: Path) -> None:
    scan = gzip.compress(trivy(make_image()).encode())
    one = part(tmp_path, "py311", {"reports/junit.xml": JUNIT, "reports/trivy.json.gz": scan})
    two = part(tmp_path, "py312", {"reports/junit.xml": FAILING})
    result = merged(tmp_path, one, two)
    found = result.evidence
    assert [(report.name, report.totals.total) for report in found.tests.reports] == [
        ("py311/junit", 2),
        ("py312/junit", 1),
    ]
    assert found.tests.totals is not None
    assert (found.tests.totals.total, found.tests.totals.failed) == (3, 1)
    assert [(scan.name, scan.bound) for scan in found.scans.items] == [("py311/trivy", True)]
    assert [report.path for report in found.reports] == [
        "py311:reports/junit.xml",
        "py312:reports/junit.xml",
        "py311:reports/trivy.json.gz",
    ]
    assert len(result.reports) == 3


def test_names_that_were_given_stay(tmp_path: Path) -> None:
    one = part(tmp_path, "a", {"x/unit.xml": JUNIT}, named("tests", "unit", "x/unit.xml"))
    assert [report.name for report in merged(tmp_path, one).evidence.tests.reports] == ["unit"]


def test_one_name_with_other_bytes_is_an_error(tmp_path: Path) -> None:
    one = part(tmp_path, "a", {"unit.xml": JUNIT}, named("tests", "unit", "unit.xml"))
    two = part(tmp_path, "b", {"unit.xml": FAILING}, named("tests", "unit", "unit.xml"))
    with pytest.raises(InputError, match=r"two tests reports are named 'unit': a:unit\.xml and b:unit\.xml"):
        merged(tmp_path, one, two)
    write(tmp_path / "push", {"mine.xml": FAILING})
    with pytest.raises(InputError, match="two tests reports are named 'unit'"):
        merged(tmp_path, one, more=(named("tests", "unit", "mine.xml"),))


def test_one_name_with_the_same_bytes_counts_once(tmp_path: Path) -> None:
    parts = [part(tmp_path, name, {"unit.xml": JUNIT}, named("tests", "unit", "unit.xml")) for name in "ab"]
    assert len(merged(tmp_path, *parts).evidence.tests.reports) == 1


def test_jobs_may_write_the_same_bytes(tmp_path: Path) -> None:
    parts = [part(tmp_path, name, {"junit.xml": JUNIT}) for name in "ab"]
    assert [report.name for report in merged(tmp_path, *parts).evidence.tests.reports] == [
        "a/junit",
        "b/junit",
    ]


def test_a_part_that_is_there_twice_counts_once_and_two_of_one_name_are_an_error(tmp_path: Path) -> None:
    one = part(tmp_path, "a", {"junit.xml": JUNIT})
    same = part(tmp_path, "a", {"junit.xml": JUNIT})
    assert one.read_bytes() == same.read_bytes()
    assert len(merged(tmp_path, one, same).evidence.tests.reports) == 1
    other = part(tmp_path, "a", {"junit.xml": FAILING})
    with pytest.raises(InputError, match="two parts are named 'a' and differ"):
        merged(tmp_path, one, other)


def test_what_could_not_be_read_in_a_job_fails_the_push_too(tmp_path: Path) -> None:
    one = part(tmp_path, "a", {"junit.xml": "<testsuite>", "reports/ok.xml": JUNIT})
    tests = merged(tmp_path, one).evidence.tests
    assert tests.status == "failed"
    assert "part a: junit.xml: it is not well-formed XML" in str(tests.reason)


def test_extras_travel_along(tmp_path: Path) -> None:
    one = part(tmp_path, "a", {"x.json": '{"a": 1}'}, named("extra", "x", "x.json"))
    two = part(tmp_path, "b", {"y.yaml": "a: 1"}, named("extra", "x", "y.yaml"))
    assert merged(tmp_path, one).evidence.extra == {"x": {"a": 1}}
    with pytest.raises(InputError, match="two extras are named 'x'"):
        merged(tmp_path, one, two)


def test_captures_still_speak_of_their_reports(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {
        "reports/unit.capture.json": capture({"dist/unit.xml": JUNIT}, exit_code=1, commit=COMMIT),
        "dist/unit.xml": JUNIT,
    }
    found = merged(tmp_path, part(tmp_path, "a", files)).evidence
    assert [(r.name, r.undeclared) for r in found.tests.reports] == [("a/unit", 1)]
    assert [(r.name, r.kind, r.captured_by) for r in found.reports] == [
        ("a/unit", "tests", "a/unit"),
        ("a/unit", "captures", None),
    ]
    assert found.tests.status == "collected"


def test_a_part_is_bound_to_its_image_or_its_commit(tmp_path: Path) -> None:
    image = make_image()
    nowhere = {"PATH": CI["PATH"]}
    mine = part(tmp_path, "a", {"junit.xml": JUNIT}, image=image.top.digest, environ=nowhere)
    assert merged(tmp_path, mine, environ=nowhere).evidence.tests.status == "collected"
    other = part(tmp_path, "b", {"junit.xml": JUNIT}, image=Digest.of(b"other"))
    with pytest.raises(InputError, match="the part 'b' is about the image"):
        merged(tmp_path, other)
    commit = part(tmp_path, "c", {"junit.xml": JUNIT}, environ=CI | {"GITHUB_SHA": "2" * 40})
    with pytest.raises(InputError, match="the part 'c' is about the commit"):
        merged(tmp_path, commit)
    with pytest.raises(InputError, match="nothing here tells which one this is"):
        merged(tmp_path, commit, environ=nowhere)
    with pytest.raises(InputError, match="nothing says what these reports are about"):
        part(tmp_path, "d", {"junit.xml": JUNIT}, environ=nowhere)


def test_a_part_is_of_this_run_and_attempt(tmp_path: Path) -> None:
    run = CI | {"GITHUB_RUN_ID": "7", "GITHUB_RUN_ATTEMPT": "2"}
    mine = part(tmp_path, "a", {"junit.xml": JUNIT}, environ=run)
    assert merged(tmp_path, mine, environ=run).evidence.tests.status == "collected"
    for other, said in (
        (run | {"GITHUB_RUN_ID": "6"}, "it is of run 6, and this is 7"),
        (run | {"GITHUB_RUN_ATTEMPT": "1"}, "it is of attempt 1, and this is 2"),
        (CI, "it is of no run, and this is 7"),
    ):
        theirs = part(tmp_path, "b", {"junit.xml": JUNIT}, environ=other)
        with pytest.raises(InputError, match=f"the part 'b': {said}"):
            merged(tmp_path, theirs, environ=run)
    with pytest.raises(InputError, match="it is of run 7, and this is no run"):
        merged(tmp_path, mine)


def test_reports_that_git_tracks_stay_marked(tmp_path: Path) -> None:
    environ = {"PATH": CI["PATH"]}
    checkout = make_checkout(tmp_path / "checkout", {"reports/junit.xml": JUNIT})
    output = tmp_path / "a.part"
    write_part(
        PartRequest(
            name="a",
            output=output,
            workspace=checkout,
            environ=environ,
            named=(named("tests", None, "reports/junit.xml"),),
        )
    )
    names = (named("part", None, str(output)),)
    with Shared() as shared:
        found = gather(make_request(checkout, named=names, environ=environ), shared).evidence
    # The one in the checkout is not even looked for: nobody named it here.
    assert [(report.path, report.tracked_by_git) for report in found.reports] == [
        ("a:reports/junit.xml", True)
    ]


def test_what_a_part_looked_at_and_did_not_read_is_told_with_it(tmp_path: Path) -> None:
    one = part(tmp_path, "a", {"junit.xml": JUNIT, "trivy.json": "{}"})
    found = merged(tmp_path, one).evidence
    assert [each.path for each in found.unread] == ["a:trivy.json"]


def test_a_secret_gets_into_no_part(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds the value of the variable API_TOKEN"):
        part(
            tmp_path,
            "a",
            {"junit.xml": JUNIT.replace('"a"', '"tok3n-value"')},
            environ=CI | {"API_TOKEN": "tok3n-value"},
        )
    assert not list(tmp_path.glob("*.part"))


def test_wrong_options(tmp_path: Path) -> None:
    one = part(tmp_path, "a", {"junit.xml": JUNIT})
    with pytest.raises(UsageError, match="cannot be the name of a part"):
        part(tmp_path, "../a", {})
    with pytest.raises(UsageError, match="holds no other part"):
        part(tmp_path, "b", {}, named("part", None, str(one)))
    with pytest.raises(UsageError, match="calls itself a"):
        merged(tmp_path, more=(named("part", "b", str(one)),))
    with pytest.raises(InputError, match="there is no such file"):
        merged(tmp_path, tmp_path / "absent.part")


def rewritten(path: Path, change: Callable[[list[tuple[tarfile.TarInfo, bytes]]], None]) -> Path:
    """The part with its members changed."""
    with tarfile.open(path) as archive:
        members = [(header, archive.extractfile(header).read()) for header in archive]  # type: ignore[union-attr]
    change(members)
    with tarfile.open(path, "w") as archive:
        for header, content in members:
            header.size = len(content) if header.isreg() else 0
            archive.addfile(header, io.BytesIO(content))
    return path


def edited(**fields: Any) -> Callable[[list[tuple[tarfile.TarInfo, bytes]]], None]:
    def change(members: list[tuple[tarfile.TarInfo, bytes]]) -> None:
        value = canonical.decode(members[0][1]) | fields
        members[0] = (members[0][0], canonical.encode({k: v for k, v in value.items() if v is not None}))

    return change


def unnamed(members: list[tuple[tarfile.TarInfo, bytes]]) -> None:
    """The first file is given an empty name."""
    (first,) = canonical.decode(members[0][1])["files"]
    edited(files=[first | {"names": {"tests": ""}}])(members)


def holding(folder: Path, path: str, content: bytes) -> Path:
    """A part whose list is true, with a file that its writer took for a report."""

    def change(members: list[tuple[tarfile.TarInfo, bytes]]) -> None:
        digest = Digest.of(content).hex
        edited(files=[{"path": path, "sha256": digest, "size": len(content)}])(members)
        members[1] = (members[1][0], content)

    return rewritten(part(folder, "a", {"junit.xml": JUNIT}), change)


def header(name: str, kind: bytes = tarfile.REGTYPE, link: str = "") -> tarfile.TarInfo:
    made = tarfile.TarInfo(name)
    made.type, made.linkname = kind, link
    return made


@pytest.mark.parametrize(
    "change",
    [
        lambda members: members.clear(),
        lambda members: members.pop(),
        lambda members: members.reverse(),
        lambda members: members.append((header("more"), b"x")),
        lambda members: members.insert(1, (header("../../evil"), b"x")),
        lambda members: members.__setitem__(
            1, (header("reports/00000", tarfile.SYMTYPE, "/etc/passwd"), b"")
        ),
        lambda members: members.__setitem__(1, (members[1][0], members[1][1][:-1] + b" ")),
        lambda members: members.__setitem__(1, (members[1][0], members[1][1] + b" ")),
        edited(schema="pushpolicy.part/v2"),
        edited(commit=None),
        edited(name="a/b"),
        edited(problems={"nonsense": ["x"]}),
        edited(files=[{"path": "x/..", "sha256": "0" * 64, "size": 1}]),
        edited(more=1),
        unnamed,
    ],
)
def test_a_part_that_was_tampered_with_is_refused(
    tmp_path: Path, change: Callable[[list[tuple[tarfile.TarInfo, bytes]]], None]
) -> None:
    one = rewritten(part(tmp_path, "a", {"junit.xml": JUNIT}), change)
    with pytest.raises(InputError) as caught:
        merged(tmp_path, one)
    assert "\n" not in caught.value.message
    assert one.name in caught.value.message


@pytest.mark.parametrize("content", [b"", b"x" * 2000, b"\x1f\x8b" + b"0" * 600])
def test_what_is_no_part_is_refused(tmp_path: Path, content: bytes) -> None:
    write(tmp_path, {"a.part": content})
    with pytest.raises(InputError, match=r"a\.part"):
        merged(tmp_path, tmp_path / "a.part")


def test_a_part_cut_short_is_refused(tmp_path: Path) -> None:
    one = part(
        tmp_path, "a", {"junit.xml": JUNIT.replace('<testcase name="a"/>', '<testcase name="a"/>' * 200)}
    )
    whole = one.read_bytes()
    for size in range(512, len(whole) - 10_240, 700):
        one.write_bytes(whole[:size])
        with pytest.raises(InputError):
            merged(tmp_path, one)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    folder = tmp_path_factory.mktemp("whole")
    return part(folder, "a", {"junit.xml": JUNIT, "reports/trivy.json": trivy()}).read_bytes().rstrip(b"\0")


@settings(deadline=None)
@given(data=st.data())
def test_a_damaged_part_is_read_as_it_was_or_refused(whole: bytes, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(whole)))
    end = data.draw(st.integers(start, min(len(whole), start + 600)))
    filler = data.draw(
        st.binary(max_size=8) | st.sampled_from([b"9" * 12, b"\0" * 512, b"S", b"2", b"x", b"L"])
    )
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        path = folder / "a.part"
        path.write_bytes(whole[:start] + filler + whole[end:] + b"\0" * 1024)
        (folder / "unpacked").mkdir()
        try:
            (opened,) = open_parts(folder, (named("part", None, str(path)),), folder / "unpacked", Limits())
        except InputError:
            return
        for file in opened.files:
            assert Digest.of(file.path.read_bytes()).hex == file.listed.sha256


@pytest.mark.parametrize(
    ("path", "content", "said", "hint"),
    [
        ("x.json", b'{"name": "x"}', "a:x.json is no report that pushpolicy knows", "with the version"),
        ("junit.xml", b"<testsuite>", "a:junit.xml: it is not well-formed XML", "could read it"),
    ],
)
def test_a_file_of_a_part_that_is_no_report_here_is_refused(
    tmp_path: Path, path: str, content: bytes, said: str, hint: str
) -> None:
    with pytest.raises(InputError) as caught:
        merged(tmp_path, holding(tmp_path, path, content))
    assert said in caught.value.message
    assert hint in str(caught.value.hint)


def test_a_run_that_failed_in_a_job_fails_its_kind(tmp_path: Path) -> None:
    log = b'{"version": "2.1.0", "runs": [{"tool": {"driver": {"name": "x"}}}]}'
    scans = merged(tmp_path, holding(tmp_path, "lint.sarif", log)).evidence.scans
    assert (scans.status, "a:lint.sarif" in str(scans.reason)) == ("failed", True)


@pytest.mark.parametrize(
    ("limits", "said"),
    [
        (Limits(max_files=1), "its 2 files are over the limit of 1"),
        (Limits(max_report_size=20), r"a/junit\.xml has another size than listed, or one over the limit"),
    ],
)
def test_a_part_over_a_limit_is_refused(tmp_path: Path, limits: Limits, said: str) -> None:
    files: dict[str, str | bytes] = {"a/junit.xml": JUNIT, "b/junit.xml": FAILING}
    one = part(tmp_path, "a", files, named("tests", None, "*/junit.xml"))
    assert len(merged(tmp_path, one).evidence.tests.reports) == 2
    with pytest.raises(InputError, match=said):
        merged(tmp_path, one, limits=limits)


def test_a_list_over_the_limit_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one = part(tmp_path, "a", {"junit.xml": JUNIT})
    monkeypatch.setattr("pushpolicy.gather.parts.MAX_LIST", 20)
    with pytest.raises(InputError, match=r"its part\.json is over the limit of 20 bytes"):
        merged(tmp_path, one)


def test_a_part_that_cannot_be_opened_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.part").mkdir()
    with pytest.raises(InputError, match=r"a\.part: cannot be read: it is not a regular file"):
        merged(tmp_path, tmp_path / "a.part")


@pytest.mark.parametrize("changed", [FAILING[:-1] + " ", FAILING + " "], ids=["other bytes", "more bytes"])
def test_a_report_that_changes_while_its_part_is_written_gets_into_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changed: str
) -> None:
    def search(_documents: object, raws: list[RawReport], _secrets: object) -> None:
        raws[0].path.write_text(changed)

    monkeypatch.setattr("pushpolicy.gather.parts.write.refuse_secrets", search)
    with pytest.raises(InputError, match=r"cannot be written: .*junit\.xml changed since it was read"):
        part(tmp_path, "a", {"junit.xml": FAILING})
    assert not list(tmp_path.glob("*.part"))
