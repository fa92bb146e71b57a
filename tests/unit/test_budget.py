"""A budget ends the step that spends it, as an error of that step, wherever it waits."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

from pushpolicy.budget import Budget, count_as_image, count_folder, on_disk, resident
from pushpolicy.errors import EngineError, InputError, PushPolicyError

PLENTY = 2**40


@pytest.mark.parametrize("error", [InputError, EngineError])
def test_time_over_it_is_an_error_of_the_step(error: type[PushPolicyError]) -> None:
    with (
        pytest.raises(error, match="more than the 0 seconds of max-run-seconds"),
        Budget(0, PLENTY).spend(error),
    ):
        threading.Event().wait(30)


def test_its_signal_may_have_been_blocked_by_whoever_started_the_run() -> None:
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGALRM})
    try:
        started = time.monotonic()
        with pytest.raises(InputError), Budget(0, PLENTY).spend(InputError):
            threading.Event().wait(10)
        assert time.monotonic() - started < 5
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGALRM})


def test_a_file_that_is_waited_for_is_left(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(InputError), Budget(0, PLENTY).spend(InputError):
        (tmp_path / "pipe").read_bytes()


def test_no_step_takes_it_for_a_failure_of_its_own() -> None:
    with pytest.raises(InputError), Budget(0, PLENTY).spend(InputError), suppress(Exception):
        time.sleep(30)


class Destroyed:
    def __del__(self) -> None:
        time.sleep(0.5)


def _destroy_and_wait() -> None:
    Destroyed()
    time.sleep(30)


def test_it_is_not_lost_in_a_destructor() -> None:
    with pytest.raises(InputError), Budget(0, PLENTY).spend(InputError):
        _destroy_and_wait()


def test_memory_over_it_is_an_error_of_the_step() -> None:
    with (
        pytest.raises(InputError, match="more than the 1 bytes of max-memory"),
        Budget(60, 1).spend(InputError),
    ):
        time.sleep(30)


@pytest.mark.parametrize(
    ("lack", "said"), [(MemoryError(), "memory"), (RuntimeError("can't start new thread"), "threads")]
)
def test_what_the_system_does_not_give_is_an_error_of_the_step(lack: Exception, said: str) -> None:
    with (
        pytest.raises(EngineError, match=f"decided: the system gives no more {said}"),
        Budget(60, PLENTY).spend(EngineError),
    ):
        raise lack


def test_temporary_files_over_it_are_an_error_of_the_step(tmp_path: Path) -> None:
    """Of all together: those of the image by themselves, those without a name, and those in a folder."""
    count_folder(tmp_path)
    with tempfile.TemporaryFile() as kept, tempfile.TemporaryFile() as other:
        count_as_image(kept)
        before = on_disk()
        kept.write(bytes(1_000_000))
        other.write(bytes(600_000))
        kept.flush()
        other.flush()
        (tmp_path / "part").write_bytes(bytes(600_000))
        image, others = on_disk()
        assert 1_000_000 <= image - before[0] < 1_100_000
        assert 1_200_000 <= others - before[1] < 1_300_000
        with Budget(60, PLENTY, image=image, disk=others).spend(InputError):
            pass
        for limits, said in (({"image": image - 1}, "max-image-size"), ({"disk": others - 1}, "max-disk")):
            with pytest.raises(InputError, match=said), Budget(60, PLENTY, **limits).spend(InputError):
                pass
    assert on_disk()[0] < image


def test_a_file_counts_as_the_image_until_it_is_closed() -> None:
    before = on_disk()[0]
    for _ in range(20):
        with tempfile.TemporaryFile(buffering=0) as kept:
            count_as_image(kept)
            kept.write(bytes(100_000))
            assert on_disk()[0] > before
    # One of these has the place of one that was closed.
    with ExitStack() as stack:
        for _ in range(20):
            stack.enter_context(tempfile.TemporaryFile(buffering=0)).write(bytes(100_000))
        assert on_disk()[0] == before


@pytest.mark.skipif(sys.platform != "linux", reason="the memory of other processes is read from /proc")
def test_the_programs_it_runs_count() -> None:
    before = resident()
    program = "import sys; held = bytearray(80_000_000); held[::4096] = b'x' * len(held[::4096]); input()"
    with subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE) as process:
        until = time.monotonic() + 30
        while resident() < before + 70_000_000:
            assert time.monotonic() < until
            time.sleep(0.05)
        process.communicate(b"\n")


def test_what_is_within_it_goes_on_and_nothing_is_left_behind() -> None:
    before = signal.getsignal(signal.SIGALRM)
    with Budget(60, PLENTY).spend(InputError):
        time.sleep(0.3)
    assert signal.getsignal(signal.SIGALRM) == before
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


def test_one_budget_is_for_all_steps() -> None:
    budget = Budget(1, PLENTY)
    with budget.spend(InputError):
        time.sleep(0.5)
    with pytest.raises(EngineError), budget.spend(EngineError):
        time.sleep(30)


def test_in_another_thread_nothing_is_watched() -> None:
    done = []

    def work() -> None:
        with Budget(0, 1).spend(InputError):
            time.sleep(0.3)
        done.append(True)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert done == [True]


def test_a_look_that_takes_long_is_not_begun_again_within_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """The timer goes on meanwhile: on a busy machine that ended as a RecursionError."""
    depth, deepest = 0, 0

    def slow() -> tuple[int, int]:
        nonlocal depth, deepest
        depth += 1
        deepest = max(deepest, depth)
        until = time.monotonic() + 0.6
        while time.monotonic() < until:
            time.sleep(0.01)
        depth -= 1
        return 0, 0

    monkeypatch.setattr("pushpolicy.budget.on_disk", slow)
    with Budget(60, PLENTY).spend(InputError):
        until = time.monotonic() + 1
        while time.monotonic() < until:
            time.sleep(0.01)
    assert deepest == 1
