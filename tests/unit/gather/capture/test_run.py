"""`run` captures what a command did, and no end but a good one looks like a pass."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from pushpolicy.errors import InputError, UsageError
from pushpolicy.gather.capture import process
from pushpolicy.gather.capture.record import Captured, RunRequest, run
from pushpolicy.model import canonical
from pushpolicy.reports.capture import Capture, parse
from pushpolicy.reports.format import ReportError
from tests.unit.gather.samples import JUNIT, write


def captured(workspace: Path, *argv: str, **fields: Any) -> Captured:
    given: dict[str, Any] = {"kind": "tests", "environ": dict(os.environ), "name": "unit"}
    return run(RunRequest(argv=argv, workspace=workspace, **(given | fields)))


def python(code: str) -> tuple[str, ...]:
    return (sys.executable, "-c", code)


def on_disk(workspace: Path, name: str = "unit") -> Capture:
    return parse((workspace / f"reports/{name}.capture.json").read_bytes())


def test_a_command_that_writes_nothing(tmp_path: Path) -> None:
    done = captured(tmp_path, *python("raise SystemExit(3)"))
    assert done.ended.status == 3
    capture = on_disk(tmp_path)
    assert (capture.exit_code, capture.signal, capture.passed, capture.reports) == (3, None, False, ())
    assert capture.argv == python("raise SystemExit(3)")
    assert capture.ended is not None
    assert capture.started <= capture.ended
    assert canonical.encode(canonical.decode(done.path.read_bytes())) == done.path.read_bytes()
    assert [path.name for path in done.path.parent.iterdir()] == ["unit.capture.json"]


def test_what_is_for_pushpolicy_alone_is_none_of_the_command_s(tmp_path: Path) -> None:
    secrets = ("PUSHPOLICY_PASSWORD", "PUSHPOLICY_SIGNING_KEY", "PUSHPOLICY_JOBS_TOKEN")
    given = dict.fromkeys((*secrets, "PUSHPOLICY_CI", "NPM_TOKEN"), "a-value-of-its-own")
    path = tmp_path / "seen"
    code = f"import os, pathlib as p; p.Path({str(path)!r}).write_text(' '.join(sorted(os.environ)))"
    captured(tmp_path, *python(code), environ={**os.environ, **given})
    seen = path.read_text().split()
    assert not {*secrets} & {*seen}
    assert {"PUSHPOLICY_CI", "NPM_TOKEN", "PATH"} <= {*seen}


def test_the_reports_it_wrote_and_no_other(tmp_path: Path) -> None:
    write(tmp_path, {"reports/old.xml": JUNIT, "reports/again.xml": JUNIT, "reports/notes.json": "{}"})
    code = (
        "import pathlib as p;"
        f"[p.Path(n).write_text({JUNIT!r}) for n in ('reports/new.xml', 'reports/again.xml', 'out.xml')];"
        "p.Path('reports/package.json').write_text('{}');"
        "p.Path('reports/broken.xml').write_text('<testsuite>')"
    )
    done = subprocess.run(
        [sys.executable, "-P", "-m", "pushpolicy", "run", "tests", "--report", "*.xml", "--", *python(code)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    capture = on_disk(tmp_path, Path(sys.executable).name)
    names = ["out.xml", "reports/again.xml", "reports/broken.xml", "reports/new.xml"]
    assert [report.path for report in capture.reports] == names
    assert capture.passed


def test_a_signal_that_ends_it(tmp_path: Path) -> None:
    done = captured(tmp_path, *python("import os; os.kill(os.getpid(), 9)"))
    assert done.ended.status == 128 + 9
    assert (done.capture.exit_code, done.capture.signal, done.capture.passed) == (None, "SIGKILL", False)


@pytest.mark.parametrize(("program", "status"), [("no-such-program", 127), ("./plain", 126), ("nul\0", 126)])
def test_what_cannot_be_run_is_no_pass(tmp_path: Path, program: str, status: int, monkeypatch: Any) -> None:
    monkeypatch.chdir(write(tmp_path, {"plain": "text"}))
    done = captured(tmp_path, program)
    assert (done.ended.status, done.capture.exit_code) == (status, status)
    assert done.ended.problem


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_signals_are_passed_on(tmp_path: Path, number: signal.Signals) -> None:
    code = (
        "import signal, sys, time, pathlib\n"
        f"signal.signal({int(number)}, lambda *_: sys.exit(7))\n"
        "pathlib.Path('ready').touch()\n"
        "time.sleep(60)"
    )
    argv = [sys.executable, "-P", "-m", "pushpolicy", "run", "tests", "--name", "unit", "--", *python(code)]
    with subprocess.Popen(argv, cwd=tmp_path, start_new_session=True, stderr=subprocess.PIPE) as started:
        wait_for(tmp_path / "ready")
        assert on_disk(tmp_path).ended is None
        started.send_signal(number)
        assert started.wait(30) == 7
    assert on_disk(tmp_path).exit_code == 7


def wait_for(path: Path) -> None:
    until = time.monotonic() + 30
    while not path.exists():
        assert time.monotonic() < until
        time.sleep(0.05)


def test_a_capture_that_is_killed_has_no_end(tmp_path: Path) -> None:
    code = "import pathlib, time; pathlib.Path('ready').touch(); time.sleep(2)"
    argv = [sys.executable, "-P", "-m", "pushpolicy", "run", "tests", "--name", "unit", "--", *python(code)]
    with subprocess.Popen(argv, cwd=tmp_path, start_new_session=True) as started:
        wait_for(tmp_path / "ready")
        started.kill()
    assert (on_disk(tmp_path).ended, on_disk(tmp_path).passed) == (None, False)


def test_output_and_input_are_the_commands_own(tmp_path: Path) -> None:
    code = (
        "import sys; sys.stdout.buffer.write(sys.stdin.buffer.read() + b'\\x1b[1m\\0');"
        "sys.stderr.buffer.write(b'e')"
    )
    done = subprocess.run(
        [sys.executable, "-P", "-m", "pushpolicy", "run", "tests", "-q", "--", *python(code)],
        cwd=tmp_path,
        input=b"\xff in",
        capture_output=True,
        check=False,
    )
    assert (done.stdout, done.stderr) == (b"\xff in\x1b[1m\0", b"e")


def test_the_same_command_may_run_again_and_another_may_not_hide_it(tmp_path: Path) -> None:
    captured(tmp_path, "false")
    captured(tmp_path, "false")
    with pytest.raises(UsageError, match="capture of another command"):
        captured(tmp_path, "true")
    assert on_disk(tmp_path).exit_code == 1


@pytest.mark.parametrize("name", ["../x", "a/b", ".hidden", "x" * 200, "ü"])
def test_a_name_that_no_file_should_have(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match="cannot be the name"):
        captured(tmp_path, "true", name=name)


def test_a_capture_that_cannot_be_written_runs_nothing(tmp_path: Path) -> None:
    write(tmp_path, {"reports": "a file"})
    with pytest.raises(InputError, match="cannot be written"):
        captured(tmp_path, *python("open('ran', 'w')"))
    assert not (tmp_path / "ran").exists()


def test_a_capture_that_cannot_be_replaced_stays_without_an_end(tmp_path: Path) -> None:
    code = "import shutil; shutil.rmtree('reports'); open('reports', 'w').write('x')"
    with pytest.raises(InputError, match="cannot be written"):
        captured(tmp_path, *(sys.executable, "-c", f"import os; os.chdir({str(tmp_path)!r}); {code}"))


def test_secrets_do_not_get_into_it(tmp_path: Path) -> None:
    environ = {"API_TOKEN": "abcdefgh12345"}
    captured(tmp_path, "true", "abcdefgh12345", "--password", "hunter2", environ=environ)
    content = (tmp_path / "reports/unit.capture.json").read_text()
    assert "abcdefgh12345" not in content
    assert "hunter2" not in content


GOOD: dict[str, Any] = {
    "schema": "pushpolicy.capture/v1",
    "kind": "tests",
    "name": "unit",
    "argv": ["npm", "test"],
    "started": "2026-11-24T10:00:00Z",
    "ended": "2026-11-24T10:01:00Z",
    "exit_code": 0,
}


@pytest.mark.parametrize(
    "change",
    [
        {"schema": "pushpolicy.capture/v2"},
        {"kind": "extra"},
        {"argv": []},
        {"exit_code": "0"},
        {"exit_code": None},
        {"ended": None},
        {"signal": "SIGKILL"},
        {"started": "yesterday"},
        {"unknown": 1},
        {"reports": [{"path": "../x", "sha256": "0" * 64, "size": 1}]},
        {"reports": [{"path": "/x", "sha256": "0" * 64, "size": 1}]},
    ],
)
def test_a_capture_that_is_wrong_is_refused(change: dict[str, Any]) -> None:
    value = {key: item for key, item in (GOOD | change).items() if item is not None}
    parse(canonical.encode(GOOD))
    with pytest.raises(ReportError, match="no capture"):
        parse(canonical.encode(value))


def test_duplicate_keys_are_refused_in_it() -> None:
    with pytest.raises(ReportError):
        parse(canonical.encode(GOOD)[:-1] + b',"exit_code":0}')


def test_how_it_ended_is_told_as_shells_do() -> None:
    assert process.run(["true"], os.environ).status == 0
    assert process.run(["sh", "-c", "kill -SEGV $$"], os.environ).status == 128 + signal.SIGSEGV
