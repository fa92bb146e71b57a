"""Another program is asked one thing; its time and output are bounded, and nothing of it stays."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from pushpolicy.programs import Answer, StoppedError, ask

SH = "/bin/sh"


def asked(script: str, content: bytes = b"", *, seconds: float = 30, limit: int = 1000) -> Answer:
    environ = {"PATH": "/usr/bin:/bin", "A": "b"}
    return ask([SH, "-c", script], content, environ=environ, folder=Path("/"), seconds=seconds, limit=limit)


def test_it_reads_and_answers() -> None:
    assert asked("cat; echo two >&2; exit 3", b"one\0\xff") == Answer(3, b"one\0\xff", b"two\n")
    assert asked("kill -9 $$").code == -9


def test_it_sees_what_it_is_given_and_nothing_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEAKED", "by us")
    seen = dict(line.split(b"=", 1) for line in asked("env; pwd").output.splitlines() if b"=" in line)
    assert seen.pop(b"A") == b"b"
    assert seen.keys() <= {b"PATH", b"PWD", b"OLDPWD", b"SHLVL", b"_"}
    assert asked("pwd").output == b"/\n"


def test_much_is_written_while_it_is_read() -> None:
    much = os.urandom(1_000_000)
    assert asked("cat", much, limit=len(much)).output == much


@pytest.mark.parametrize("script", ["exec <&-; sleep 0.1", "exit 0", "exec <&- >&- 2>&-; sleep 0.1"])
def test_it_need_not_read(script: str) -> None:
    assert asked(script, bytes(1_000_000)) == Answer(0, b"", b"")


def test_it_says_no_more_than_it_may() -> None:
    assert asked("printf 12345", limit=5).output == b"12345"
    with pytest.raises(StoppedError, match="says more than 5 bytes"):
        asked("printf 123456; sleep 60", limit=5)
    # Of what it complains the end counts.
    assert asked("yes | head -c 100000 >&2; printf end >&2", limit=5).complaint == b"\ny\nend"[-5:]


@pytest.mark.parametrize("script", ["sleep 60 & echo $!; wait", "sleep 60 & echo $! >&2; yes >&2"])
def test_it_ends_in_time_with_its_children(script: str, tmp_path: Path) -> None:
    started = time.monotonic()
    with pytest.raises(StoppedError, match="did not answer within 0 s"):
        asked(f"(cd {tmp_path}; sleep 60 & echo $! > child); {script}", seconds=0.4)
    assert time.monotonic() - started < 10
    assert _has_ended(int((tmp_path / "child").read_text()))


def _has_ended(process: int) -> bool:
    """Whether it is gone, or dead and waited for by nobody."""
    for _ in range(100):
        try:
            state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
        except FileNotFoundError:
            return True
        if state == "Z":
            return True
        time.sleep(0.02)
    return False


def test_what_it_leaves_behind_is_not_waited_for() -> None:
    started = time.monotonic()
    assert asked("setsid sleep 5 & echo one").output == b"one\n"
    assert time.monotonic() - started < 4


def test_one_that_cannot_be_run_is_an_error() -> None:
    with pytest.raises(FileNotFoundError):
        ask(["/nonexistent"], environ={}, folder=Path("/"), seconds=1, limit=1)
