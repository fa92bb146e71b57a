"""The results of a replay in a file: whatever was written of it when it was cut is known, and no more."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from pushpolicy.audit.difference import Difference, FindingChange, RuleChange
from pushpolicy.audit.replay import Differs, NotReplayable, Replay, Reproduced
from pushpolicy.audit.resumed import results
from pushpolicy.errors import InputError, UsageError
from pushpolicy.model.decision import EngineIdentity, RuleStatus, Verdict
from pushpolicy.model.digest import Digest
from pushpolicy.model.reference import Target
from pushpolicy.records.read import Summary
from tests.judged import judge, make_image

IMAGE = make_image()
RUN = Digest.of(b"run")
ENGINE = EngineIdentity(name="opa", version="1.22.2", digest=Digest.of(b"opa"))
DIFFERENCE = Difference(
    before=Verdict.ALLOW,
    after=Verdict.DENY,
    rules=(RuleChange(rule="one", before=None, after=RuleStatus.VIOLATED),),
    findings=(FindingChange(rule="one", id="x", msg="a\nb \u2028", before=None, after="violation"),),
    fields=("rules", "verdict"),
)

TARGET = Target.parse("registry.example.com/team/app:1.0")


def _summary(number: int) -> Summary:
    return Summary(
        digest=Digest.of(str(number).encode()),
        subject=IMAGE.top.descriptor,
        decision=judge(IMAGE, TARGET).decision,
        layers=(),
    )


FOUND: Sequence[Replay] = (
    Reproduced(summary=_summary(0), engine=ENGINE),
    Differs(summary=_summary(1), engine=ENGINE, difference=DIFFERENCE),
    NotReplayable(summary=_summary(2), reason="a\n\u2028\x1b[1m"),
    Reproduced(summary=_summary(3), engine=ENGINE),
)


def _written(path: Path) -> bytes:
    with results(path, RUN, ENGINE) as kept:
        for each in FOUND:
            kept.keep(each)
            kept.keep(each)  # known already
    return path.read_bytes()


def test_wherever_it_is_cut_what_is_known_is_right_and_the_rest_is_written_anew(tmp_path: Path) -> None:
    path = tmp_path / "results"
    whole = _written(path)
    assert whole.count(b"\n") == 1 + len(FOUND)
    for size in range(len(whole)):
        path.write_bytes(whole[:size])
        with results(path, RUN, ENGINE) as kept:
            known = [kept.of(each.summary) for each in FOUND]
            assert known == [*FOUND[: kept.count], *[None] * (len(FOUND) - kept.count)]
            assert kept.count == max(whole[:size].count(b"\n") - 1, 0)
        assert _written(path) == whole


def test_what_is_no_result_is_never_read_as_one(tmp_path: Path) -> None:
    path = tmp_path / "results"
    whole = _written(path)
    header, line, *_ = whole.splitlines(keepends=True)
    for wrong in (
        *(b"", b"\n", b"x", header[:-1] + b" \n", line),
        header + b"\n",
        header + line.replace(b"reproduced", b"allowed"),
        header + line.replace(b"sha256:", b"sha256:0"),
        header + line.replace(b"}", b',"more":1}'),
        header + b"\0" * 40 + b"\n" + line,
    ):
        path.write_bytes(wrong)
        if wrong in header:
            continue
        with pytest.raises(UsageError, match="--resume"), results(path, RUN, ENGINE):
            pass
        assert path.read_bytes() == wrong


def test_another_run_and_another_process_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "results"
    with results(path, RUN, ENGINE), pytest.raises(UsageError, match="is in use by another run"):  # noqa: SIM117
        with results(path, RUN, ENGINE):
            pass
    with pytest.raises(UsageError, match="is of another run"), results(path, Digest.of(b"x"), ENGINE):
        pass
    with pytest.raises(UsageError, match="is no file"), results(tmp_path, RUN, ENGINE):
        pass
    with pytest.raises(InputError, match="No such file"), results(tmp_path / "a" / "b", RUN, ENGINE):
        pass


def test_nobody_else_writes_what_is_believed(tmp_path: Path) -> None:
    with results(tmp_path / "results", RUN, ENGINE):
        assert (tmp_path / "results").stat().st_mode & 0o777 == 0o600
