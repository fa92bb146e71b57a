"""The pytest plugin: records which tests go through which check, or runs the mutants.

pytest -p tests.mutants.plugin --mutants-record FILE ...    which test reaches which check
pytest -p tests.mutants.plugin --mutants-run FILE ...       each check off in turn, its tests run again
"""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
from _pytest.runner import runtestprotocol

from tests.mutants import instrument

# A mutant may wait for ever, or for something that does not come.
SECONDS = 60
# Of the tests that go through a check, the quickest so many are tried before it counts as survived.
TRIED = 40

instrument.install()


def pytest_addoption(parser: pytest.Parser) -> None:
    """The options of the two runs."""
    group = parser.getgroup("mutants")
    group.addoption("--mutants-record", metavar="FILE", help="write which test reaches which check")
    group.addoption("--mutants-run", metavar="FILE", help="run the mutants that FILE lists with their tests")
    group.addoption("--mutants-out", metavar="FILE", help="where the result of --mutants-run goes")


class _Recorder:
    """Which checks each test went through, and how long it took."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._tests: dict[str, dict[str, Any]] = {}

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        """Each test by itself; what its fixtures reach counts."""
        instrument.reached.clear()
        result = yield
        self._tests.setdefault(item.nodeid, {})["checks"] = sorted(instrument.reached)
        return result

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Its seconds, and whether it passes at all."""
        test = self._tests.setdefault(report.nodeid, {})
        test["seconds"] = test.get("seconds", 0.0) + report.duration
        test["passed"] = test.get("passed", True) and report.outcome == "passed"

    def pytest_sessionfinish(self) -> None:
        """A file for each worker; who only hears of the workers' tests has nothing to write."""
        ran = {test: about for test, about in self._tests.items() if "checks" in about}
        worker = os.environ.get("PYTEST_XDIST_WORKER", "alone")
        self._path.with_name(f"{self._path.name}.{worker}").write_text(json.dumps(ran))


class _Runner:
    """Runs, for each mutant, its tests until one fails."""

    def __init__(self, given: Path, out: Path) -> None:
        self._given: dict[str, list[str]] = json.loads(given.read_text())
        self._out = out

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Instead of the usual loop."""
        items = {item.nodeid: item for item in session.items}
        signal.signal(signal.SIGALRM, _too_long)
        killed: dict[str, str | None] = {}
        for number, tests in self._given.items():
            instrument.off = number
            killed[number] = next(
                (test for test in tests[:TRIED] if test in items and _fails(items[test])), None
            )
            instrument.off = ""
            self._out.write_text(json.dumps(killed))
        return True


class _TooLongError(BaseException):
    """A test of a mutant takes too long."""


def _too_long(signum: int, frame: FrameType | None) -> None:
    raise _TooLongError


def _fails(item: pytest.Item) -> bool:
    signal.alarm(SECONDS)
    try:
        reports = runtestprotocol(item, log=False, nextitem=None)
    except _TooLongError:
        return True
    finally:
        signal.alarm(0)
    return any(report.outcome == "failed" for report in reports)


def pytest_configure(config: pytest.Config) -> None:
    """Either run."""
    if path := config.getoption("--mutants-record"):
        config.pluginmanager.register(_Recorder(Path(path)), "mutants-recorder")
    if path := config.getoption("--mutants-run"):
        runner = _Runner(Path(path), Path(config.getoption("--mutants-out")))
        config.pluginmanager.register(runner, "mutants-runner")
