"""`evaluate --watch`, as a process whose files are saved meanwhile."""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any

import pytest

from pushpolicy import errors
from tests.policies import example, rule, write_policy

WAITS = "waiting for a change"
PASSES = rule(
    "tagged", 'deny contains {"at": {"id": "t"}, "msg": "no tag"} if { not count(input.target.tags) > 0 }'
)
DENIES = PASSES.replace("> 0", "> 100")


class Watching:
    """A running `evaluate --watch`, and what it said."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.folder = folder
        command = [sys.executable, "-P", "-m", "pushpolicy", "evaluate", "evidence.json", "--watch"]
        self.process = subprocess.Popen(
            [*command, "--policy", "rules", *options],
            cwd=folder,
            env={"PATH": os.defpath, "HOME": str(folder)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._said: queue.Queue[str] = queue.Queue()
        self._reported: queue.Queue[str] = queue.Queue()
        assert self.process.stdout is not None
        assert self.process.stderr is not None
        for stream, lines in ((self.process.stderr, self._said), (self.process.stdout, self._reported)):
            threading.Thread(target=self._read, args=(stream, lines), daemon=True).start()

    @staticmethod
    def _read(stream: IO[str], lines: queue.Queue[str]) -> None:
        with stream:
            for line in stream:
                lines.put(line)
        lines.put("")

    def round(self) -> str:
        """What the next round says on standard error, once it is over."""
        text = ""
        while WAITS not in text:
            text += self._said.get(timeout=30)
        return text

    def report(self) -> dict[str, Any]:
        """The next line of standard output, which is JSON."""
        value: dict[str, Any] = json.loads(self.line())
        return value

    def line(self) -> str:
        """The next line of standard output."""
        return self._reported.get(timeout=30)

    def is_quiet(self, seconds: float = 1.0) -> bool:
        """Whether nothing is said for a while."""
        time.sleep(seconds)
        return self._said.empty()

    def end(self, number: signal.Signals = signal.SIGINT) -> tuple[int, str]:
        self.process.send_signal(number)
        code = self.process.wait(20)
        said = "".join(iter(self._said.get, ""))
        self._said.put("")
        return code, said

    def kill(self) -> None:
        """End it, and wait until its streams are closed."""
        self.process.kill()
        self.process.wait()
        for lines in (self._said, self._reported):
            while lines.get(timeout=20):
                pass
            lines.put("")


@pytest.fixture
def place(tmp_path: Path, opa: Path) -> Path:
    folder = tmp_path / "checkout"
    write_policy(folder / "rules", {"tagged": PASSES})
    (folder / "evidence.json").write_text(json.dumps(example()))
    return folder


@pytest.fixture
def watching(place: Path) -> Iterator[Callable[..., Watching]]:
    started: list[Watching] = []

    def start(*options: str) -> Watching:
        started.append(Watching(place, *options))
        return started[-1]

    yield start
    for each in started:
        each.kill()


def save_in_place(file: Path, text: str) -> None:
    file.write_text(text)


def save_by_rename(file: Path, text: str) -> None:
    other = file.with_name(f"{file.name}.tmp")
    other.write_text(text)
    other.replace(file)


def save_keeping_the_time(file: Path, text: str) -> None:
    """With the same modification time and size, as a tool that unpacks files does."""
    before = file.stat()
    file.write_text(text.ljust(before.st_size))
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))


@pytest.mark.parametrize("save", [save_in_place, save_by_rename, save_keeping_the_time])
def test_a_save_is_a_round(
    place: Path, watching: Callable[..., Watching], save: Callable[[Path, str], None]
) -> None:
    run = watching("--format", "json")
    assert "ALLOW" in run.round()
    assert run.report()["verdict"] == "ALLOW"
    save(place / "rules/tagged/tagged.rego", DENIES)
    said = run.round()
    assert "changed: rules/tagged/tagged.rego" in said
    assert "-- DENY; newly violated: tagged; " in said
    assert run.report()["verdict"] == "DENY"
    save(place / "rules/tagged/tagged.rego", PASSES)
    assert "-- ALLOW; no longer: tagged; " in run.round()


def test_everything_that_a_decision_rests_on_is_watched(
    place: Path, watching: Callable[..., Watching]
) -> None:
    trust = place.parent / "trust.yaml"  # the checkout has no say in it
    trust.write_text("{}\n")
    run = watching("--trust", str(trust))
    run.round()
    changes: list[Callable[[], object]] = [
        lambda: (place / "evidence.json").write_text(json.dumps(example()) + "\n"),
        lambda: (place / "pushpolicy.yaml").write_text("policy: [more]\n"),  # which is not there
        lambda: write_policy(place / "more", {"further": DENIES.replace("tagged", "further")}),
        lambda: (place / "more/further/further.rego").unlink(),
        lambda: (place / "pushpolicy.yaml").unlink(),
        lambda: write_policy(place / "rules", {}, settings="{}\n"),
        lambda: trust.write_text("{} # ours\n"),
        lambda: trust.unlink(),
    ]
    said = []
    for change in changes:
        change()
        said.append(run.round())
    assert ["no decision" in each for each in said] == [False, True, *[False] * 5, True]
    assert "more" in said[1]
    assert "newly violated: further" in said[2]
    assert "ALLOW" in said[4]
    assert "trust.yaml" in said[7]


def test_a_file_half_written_is_told_and_watched_on(place: Path, watching: Callable[..., Watching]) -> None:
    run = watching("--format", "json")
    run.round()
    run.report()
    text = (place / "evidence.json").read_text()
    (place / "evidence.json").write_text(text[:100])
    assert "pushpolicy: evidence.json: not an evidence document" in run.round()
    assert run.report()["schema"] == "pushpolicy.error/v1"
    (place / "rules/tagged/tagged.rego").write_text(DENIES[:-5])
    assert "no decision" in run.round()
    (place / "rules/tagged/tagged.rego").write_text(DENIES)
    (place / "evidence.json").write_text(text)
    # What is compared with is the last decision that there was.
    assert "-- DENY; newly violated: tagged" in run.round()


def test_after_a_round_that_failed_the_report_is_there_again(
    place: Path, watching: Callable[..., Watching]
) -> None:
    run = watching()
    run.round()
    for text in (DENIES[:-5], DENIES):
        (place / "rules/tagged/tagged.rego").write_text(text)
        run.round()
    assert run.line().startswith("ALLOW ")
    assert any(run.line().startswith("DENY ") for _ in range(20))


def test_which_findings_are_new_and_gone(place: Path, watching: Callable[..., Watching]) -> None:
    file = place / "rules/tagged/tagged.rego"
    file.write_text(DENIES)
    run = watching()
    run.round()
    file.write_text(DENIES.replace('"t"', '"t2"'))
    assert "-- DENY; new in tagged: t2; gone from tagged: t; " in run.round()


def test_a_burst_of_saves_is_one_round(place: Path, watching: Callable[..., Watching]) -> None:
    run = watching()
    run.round()
    for _ in range(10):
        (place / "rules/tagged/tagged.rego").write_text(DENIES)
        (place / "evidence.json").write_text(json.dumps(example()))
        time.sleep(0.03)
    run.round()
    assert run.is_quiet()


def test_what_is_not_read_is_no_change(place: Path, watching: Callable[..., Watching]) -> None:
    """What editors leave beside a file; and a report that goes into the folder itself."""
    report = place / "rules" / "report.txt"
    run = watching("--format", f"json={report}", "--format", f"text={place / 'out.yaml'}")
    run.round()
    for name in ("tagged/.tagged.rego.swp", "tagged/4913", "tagged/tagged.rego~"):
        (place / "rules" / name).write_text("x")
    assert run.is_quiet()
    assert json.loads(report.read_text())["verdict"] == "ALLOW"
    (place / "rules/tagged/tagged.rego").write_text(DENIES)
    run.round()
    # Not a second report after the first.
    assert json.loads(report.read_text())["verdict"] == "DENY"
    assert run.is_quiet()


def test_a_report_in_a_watched_folder_does_not_start_a_round(
    place: Path, watching: Callable[..., Watching]
) -> None:
    run = watching("--format", f"json={place / 'rules/report.json'}")
    run.round()
    assert run.is_quiet(1.5)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_ends_it(place: Path, watching: Callable[..., Watching], number: signal.Signals) -> None:
    run = watching("--format", f"json={place / 'out.json'}")
    run.round()
    assert run.end(number) == (errors.EXIT_INTERRUPTED, "\n")
    assert json.loads((place / "out.json").read_text())["verdict"] == "ALLOW"


def test_waiting_takes_next_to_no_processor_time(place: Path, watching: Callable[..., Watching]) -> None:
    """With a thousand files less than one percent."""
    for number in range(1000):
        (place / f"rules/tagged/t{number}_test.rego").write_text("package x\n")
    run = watching()
    run.round()
    time.sleep(0.5)
    used = [_processor_time(run.process.pid)]
    time.sleep(6)
    used.append(_processor_time(run.process.pid))
    assert (used[1] - used[0]) / 6 < 0.01


def _processor_time(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def test_a_wrong_time_is_told_at_once(watching: Callable[..., Watching]) -> None:
    run = watching("--at", "yesterday")
    assert run.process.wait(20) == errors.EXIT_USAGE
