"""Foreign files are read by a process that can do nothing else; its death is a report that cannot be read."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pushpolicy.reports import process, reader
from pushpolicy.reports.declared import BrokenReportError, NotAReport
from pushpolicy.reports.format import KINDS, ReadFile, ReportError
from pushpolicy.reports.limits import Limits
from pushpolicy.reports.recognise import read as read_here
from tests.processes import memory

SAMPLES = Path(__file__).parents[2] / "reports"
ALL = sorted(path for path in SAMPLES.rglob("*") if path.is_file())
on_linux = pytest.mark.skipif(sys.platform != "linux", reason="/proc and seccomp are Linux's")
PROGRAM = """
import os, _socket
from pushpolicy.reports.confine import confine
assert confine()
try:
    {}
except OSError as error:
    os._exit(100 + error.errno)
os._exit(0)
"""
EPERM = 101
# What a report that takes over its reader might try.
ACTS = {
    "open a file": "open('/etc/hostname')",
    "write a file": "open('/tmp/new', 'x')",
    "make a connection": "_socket.socket()",
    "start a program": "os.execv('/bin/true', ['true'])",
    "start a process": "os.fork()",
    "look into its parent": "open(f'/proc/{os.getppid()}/environ')",
    "end its parent": "os.kill(os.getppid(), 9)",
    "delete a file": "os.unlink('/tmp/nothing')",
    "list a folder": "os.listdir('/')",
}


@pytest.fixture
def junit(tmp_path: Path) -> Path:
    path = tmp_path / "junit.xml"
    path.write_text('<testsuite tests="1"><testcase name="a"/></testsuite>')
    return path


@pytest.fixture
def fresh() -> Iterator[None]:
    """No child is there, before and after."""
    reader.stop()
    yield
    reader.stop()


def _told(read: Callable[[Path, Limits], ReadFile], path: Path) -> object:
    try:
        return read(path, Limits())
    except NotAReport as error:
        return str(error)
    except BrokenReportError as error:
        return str(error), error.kinds, error.run_failed


@pytest.mark.parametrize("path", ALL, ids=lambda path: str(path.relative_to(SAMPLES)))
def test_the_child_reads_what_this_process_would_read(path: Path) -> None:
    assert _told(reader.read, path) == _told(read_here, path)


def test_a_broken_file_keeps_the_format_that_it_was_to_have_and_why(junit: Path) -> None:
    junit.write_text('<testsuite tests="2"><testcase name="a"/>')
    with pytest.raises(BrokenReportError, match="no element found") as caught:
        reader.read(junit, Limits())
    assert caught.value.meant.name == "junit"


@on_linux
def test_it_has_no_environment_and_no_file_of_ours(
    junit: Path, monkeypatch: pytest.MonkeyPatch, fresh: None
) -> None:
    monkeypatch.setenv("PUSHPOLICY_PASSWORD", "correct-horse-battery")
    with junit.open() as inherited:
        os.set_inheritable(inherited.fileno(), True)
        reader.read(junit, Limits())
        proc = Path("/proc") / str(reader._children[0].process.pid)
        assert (proc / "environ").read_bytes() == b""
        links = [str(each.readlink()) for each in (proc / "fd").iterdir()]
    assert [link for link in links if not link.startswith(("socket:", "/dev/null"))] == []
    assert b"correct-horse-battery" not in memory(proc)


# What `pushpolicy push` does first, and then as if it read a file.
FORKS = """
import sys, pathlib
from pushpolicy.reports import reader
from pushpolicy.reports.limits import Limits
reader.start()
child = reader._children[0]
print(child.process.pid, flush=True)
sys.stdin.readline()
print(reader.read(pathlib.Path(sys.argv[1]), Limits()).format.name, flush=True)
assert reader._children == [child]
sys.stdin.readline()
"""


@on_linux
def test_a_fork_keeps_nothing_of_the_environment_and_no_file(junit: Path, tmp_path: Path) -> None:
    secret = "correct-" + "horse-battery"
    environ = {**os.environ, "PUSHPOLICY_PASSWORD": secret, "GITHUB_TOKEN": secret}
    (tmp_path / "key.pem").write_text("")
    with (tmp_path / "key.pem").open() as key:
        os.set_inheritable(key.fileno(), True)
        ours = subprocess.Popen(
            [sys.executable, "-c", FORKS, str(junit)],
            env=environ,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            close_fds=False,
        )
    with ours:
        assert ours.stdin
        assert ours.stdout
        proc = Path("/proc") / ours.stdout.readline().decode().strip()
        ours.stdin.write(b"\n")
        ours.stdin.flush()
        assert ours.stdout.readline() == b"junit\n"
        assert secret.encode() not in (proc / "environ").read_bytes()
        assert secret.encode() not in memory(proc)
        links = [str(each.readlink()) for each in (proc / "fd").iterdir()]
        assert [link for link in links if not link.startswith(("socket:", "/dev/null"))] == []
    assert ours.returncode == 0
    assert not proc.exists()


@on_linux
@pytest.mark.parametrize("act", ACTS.values(), ids=ACTS)
def test_it_cannot(act: str) -> None:
    ran = subprocess.run([sys.executable, "-c", PROGRAM.format(act)], check=False, timeout=60)
    assert ran.returncode == EPERM


# What the child does in place of reading, and what is said of the file then.
READY = "import os, sys, time, _socket; s = _socket.socket(fileno=0); s.recv(999)\n"
READY += "s.sendall((18).to_bytes(8, 'big') + b'{\"confined\":false}'); s.recvmsg(999, 999)\n"
ENDS = {
    "killed": ("os.kill(os.getpid(), 9)", "the process that read it ended with signal 9"),
    "processor time": ("os.kill(os.getpid(), 24)", "more processor time than --limit max-run-seconds"),
    "memory": ("os._exit(3)", "two thirds of --limit max-memory"),
    "an exit": ("os._exit(1)", "the process that read it ended with code 1"),
    "silence": ("time.sleep(60)", "more than 0 seconds (--limit max-seconds)"),
    "a stream without end": ("s.sendall(bytes([1] * 8)); time.sleep(60)", "what it says is over"),
    "no JSON": ("s.sendall(bytes([0] * 7 + [1]) + b'{'); time.sleep(60)", "does not have the form of facts"),
    "no format": (
        "b = b'{\"format\":\"x\"}'; s.sendall(len(b).to_bytes(8, 'big') + b); time.sleep(60)",
        "does not have the form of facts",
    ),
    "a module": (
        "b = b'{\"needs\":\"os\"}'; s.sendall(len(b).to_bytes(8, 'big') + b); time.sleep(60)",
        "does not have the form of facts",
    ),
    "no facts": (
        'b = b\'{"format":"junit","facts":[{"type":"SuiteFacts"}]}\'; '
        "s.sendall(len(b).to_bytes(8, 'big') + b); time.sleep(60)",
        "does not have the form of facts",
    ),
    "facts of no kind": (
        'b = b\'{"format":"junit","facts":[{"type":"CaptureFacts"}]}\'; '
        "s.sendall(len(b).to_bytes(8, 'big') + b); time.sleep(60)",
        "does not have the form of facts",
    ),
}


@pytest.mark.parametrize(("act", "said"), ENDS.values(), ids=ENDS)
def test_its_death_is_a_report_that_cannot_be_read(
    junit: Path, act: str, said: str, monkeypatch: pytest.MonkeyPatch, fresh: None
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(process, "_START", READY + act)
        patched.setattr(process, "_GRACE", 2)
        with pytest.raises(BrokenReportError, match=re.escape(said)) as caught:
            reader.read(junit, Limits(max_seconds=0))
        assert caught.value.kinds == ("tests",)
        reader.stop()
    assert reader.read(junit, Limits()) == read_here(junit, Limits())


def test_its_death_is_an_extra_or_a_statement_that_cannot_be_read(
    junit: Path, monkeypatch: pytest.MonkeyPatch, fresh: None
) -> None:
    monkeypatch.setattr(process, "_START", READY + "os.kill(os.getpid(), 9)")
    with pytest.raises(ReportError, match="ended with signal 9"):
        reader.read_extra(junit, Limits())
    with junit.open("rb") as file, pytest.raises(ReportError, match="ended with signal 9"):
        reader.read_statement(file, Limits())


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ('{"format":"json","value":{"a":null}}', "it holds null"),
        ('{"format":"json","value":' + "[" * 65 + "]" * 65 + "}", "does not have the form"),
        ('{"format":"json","value":{"a":1,"a":2}}', "does not have the form"),
        ('{"format":"toml","value":1}', "does not have the form"),
        ("{}", "does not have the form"),
    ],
)
def test_an_extra_that_it_makes_up_is_held_to_the_same(
    junit: Path, answer: str, said: str, monkeypatch: pytest.MonkeyPatch, fresh: None
) -> None:
    content = answer.replace('"value"', f'"digest":"{"0" * 64}","size":1,"value"').encode()
    act = f"b = {content!r}; s.sendall(len(b).to_bytes(8, 'big') + b); time.sleep(60)"
    monkeypatch.setattr(process, "_START", READY + act)
    with pytest.raises(ReportError, match=said):
        reader.read_extra(junit, Limits())


def test_what_nothing_tells_the_kind_of_fails_every_kind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fresh: None
) -> None:
    (tmp_path / "x").write_bytes(b"\0")
    monkeypatch.setattr(process, "_START", READY + "os._exit(1)")
    with pytest.raises(BrokenReportError) as caught:
        reader.read(tmp_path / "x", Limits())
    assert caught.value.kinds == KINDS


@on_linux
def test_it_needs_no_more_memory_than_it_may(tmp_path: Path, fresh: None) -> None:
    """What it would need is told as the limit; the next file is read again."""
    path = tmp_path / "trivy.json"
    path.write_bytes(b'{"SchemaVersion":2,"ArtifactName":"' + b"x" * 60_000_000 + b'","Results":[]}')
    limits = Limits(max_memory=60_000_000)
    with pytest.raises(BrokenReportError, match="needs more than 40000000 bytes of memory") as caught:
        reader.read(path, limits)
    assert caught.value.kinds == ("scans",)
    path.write_bytes(b'{"SchemaVersion":2,"ArtifactName":"x","Results":[]}')
    assert reader.read(path, limits) == read_here(path, limits)


def test_what_few_files_need_is_imported_when_one_needs_it(tmp_path: Path, fresh: None) -> None:
    """Another child has it; it reads the files that follow too."""
    reader._late.clear()
    path = tmp_path / "junit.xml"
    children = []
    for at in ("2026-11-24T10:00:00Z", "Tue, 24 Nov 2026 10:00:00 GMT", "Tue, 24 Nov 2026 10:00:01 GMT"):
        path.write_text(f'<testsuite tests="1" timestamp="{at}"><testcase name="a"/></testsuite>')
        assert reader.read(path, Limits()) == read_here(path, Limits())
        children += reader._children
    assert children[0] is not children[1] is children[2]
    assert reader._late == {"email.utils"}


@pytest.mark.parametrize("text", ["<testsuite>", "", "<testsuite errors='x'/>", "\0\u202e<testsuite/>"])
def test_what_it_cannot_read_is_told_as_here(junit: Path, text: str) -> None:
    junit.write_text(text)
    told = _told(reader.read, junit)
    assert told == _told(read_here, junit)
    assert isinstance(told, tuple)
    assert told[1:] == (("tests",), False)


def test_a_doubled_key_is_told_as_here(tmp_path: Path) -> None:
    path = tmp_path / "a.capture.json"
    path.write_text('{"schema": "pushpolicy.capture/v1", "name": "a", "name": "b"}')
    told = _told(reader.read, path)
    assert told == _told(read_here, path)
    assert "key 'name' occurs twice" in str(told)


@pytest.mark.parametrize("encoding", ["cp1253", "rot13", "mbcs", "no-such"])
def test_an_encoding_that_it_does_not_have_is_not_known(junit: Path, encoding: str, fresh: None) -> None:
    junit.write_text(f'<?xml version="1.0" encoding="{encoding}"?>{junit.read_text()}')
    assert _told(reader.read, junit) == ("it has an unknown encoding", ("tests",), False)


def test_a_reader_that_cannot_be_started_is_a_report_that_cannot_be_read(
    junit: Path, monkeypatch: pytest.MonkeyPatch, fresh: None
) -> None:
    monkeypatch.setattr(sys, "executable", "/absent/python")
    with pytest.raises(BrokenReportError, match="cannot be started: No such file"):
        reader.read(junit, Limits())
