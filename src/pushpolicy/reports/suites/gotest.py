"""``go test -json``: one event a line (cmd/test2json), from one run or from reruns one after another.

Every test that ran counts, subtests and their parents alike; the end of its last run decides, where a failure
stays one, and a pass after a failed run is flaky. A test without an end is an error. A package that failed
though none of its tests did (it does not compile, a data race, an exit of TestMain) or that never ended is
`undeclared`.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

import msgspec

from pushpolicy.model.evidence import Scanner
from pushpolicy.model.text import printable
from pushpolicy.reports.facts import SuiteFacts
from pushpolicy.reports.format import Facts, Format, Head, ReportBytes, ReportError
from pushpolicy.reports.limits import Limits
from pushpolicy.reports.parsing import jsondoc
from pushpolicy.reports.parsing.lines import lines, text
from pushpolicy.reports.parsing.values import seconds, utc
from pushpolicy.reports.suites import Outcome, Tally

_ENDS: dict[str, Outcome] = {"pass": "passed", "bench": "passed", "fail": "failed", "skip": "skipped"}
_ACTIONS = frozenset(_ENDS) | {
    "start", "run", "pause", "cont", "output", "attr", "artifacts", "build-output", "build-fail"
}  # fmt: skip
# What the go command itself writes between the events when a package cannot be built or run.
_TROUBLE = (b"FAIL", b"panic:", b"fatal error:", b"--- FAIL", b"exit status ", b"signal: ")
_CRASH = ("panic:", "fatal error:")
_TAIL = 500


class _Event(msgspec.Struct, rename="pascal", gc=False):
    action: str
    package: str = ""
    test: str = ""
    import_path: str = ""
    failed_build: str = ""
    time: str = ""
    elapsed: float = 0
    output: str = ""


_Key = tuple[str, str]  # package and test; a package itself is the empty test


class _Run:
    """The state of every test and package so far."""

    def __init__(self, limits: Limits) -> None:
        self.timestamp: str | None = None
        self.duration = 0.0
        self._limits = limits
        self._states: dict[_Key, Outcome | None] = {}
        self._flaky: set[_Key] = set()
        self._retries = 0
        self._builds: dict[str, bool] = {}  # import path -> whether a package failed for it
        self._outputs: dict[_Key, str] = {}
        self._trouble: list[str] = []

    def take(self, event: _Event) -> None:
        self.timestamp = self.timestamp or utc(event.time)
        key = (event.package, event.test)
        end = _ENDS.get(event.action)
        if event.action == "build-fail":
            self._builds.setdefault(event.import_path, False)
        elif event.action == "build-output":
            self._say(("", ""), event.output)
        elif end is not None:
            self._end(key, end, event)
        elif event.test or event.package:
            self._begin(key, again=event.action in ("run", "start"))
            self._say(key, event.output)

    def trouble(self, line: bytes) -> None:
        """A line that is no event."""
        if line.lstrip(b"\x16 \t").startswith(_TROUBLE) or b'"Action":"fail"' in line:
            self._trouble.append(text(line))

    def _begin(self, key: _Key, *, again: bool) -> None:
        if key not in self._states:
            self._states[key] = None
            self._states.setdefault((key[0], ""), None)
            if len(self._states) > self._limits.max_cases:
                raise ReportError(f"its test cases are over the limit of {self._limits.max_cases}")
        elif again and self._states[key] is not None:
            self._retries += bool(key[1])
            self._again(key)
        package = (key[0], "")
        if again and self._states[package] is not None:  # before Go 1.20 nothing else says so
            self._again(package)

    def _again(self, key: _Key) -> None:
        if self._states[key] == "failed":
            self._flaky.add(key)
        self._states[key] = None

    def _end(self, key: _Key, outcome: Outcome, event: _Event) -> None:
        self._begin(key, again=False)
        if self._states[key] != "failed":
            self._states[key] = outcome
        if self._states[key] != "failed":
            self._outputs.pop(key, None)
        if not event.test:
            self.duration += max(event.elapsed, 0)
            if event.failed_build:
                self._builds[event.failed_build] = True

    def _say(self, key: _Key, output: str) -> None:
        """Keep the end of what was printed; of a crash its beginning, since goroutines follow."""
        before = self._outputs.get(key, "")
        if before.startswith(_CRASH) or output.startswith(_CRASH):
            self._outputs[key] = ((before if before.startswith(_CRASH) else "") + output)[:_TAIL]
        elif output and not output.startswith("==="):
            self._outputs[key] = (before + output)[-_TAIL:]

    def result(self) -> SuiteFacts:
        tally = Tally(self._limits)
        shown: set[str] = set()
        for (package, test), state in self._states.items():
            if not test:
                continue
            outcome = state or "errors"
            tally.add(outcome, flaky=(package, test) in self._flaky)
            tally.suite(package)
            if outcome in ("failed", "errors"):
                shown.add(package)
                said = self._outputs.get((package, test), "")
                kind = "error" if outcome == "errors" else "failure"
                tally.fail(f"{package}.{test}" if package else test, kind, said or "it never ended")
        undeclared = 0
        for name, why in self._hidden(shown):
            undeclared += 1
            tally.fail(name, "error", why)
        return SuiteFacts(
            totals=tally.totals(),
            failures=tuple(tally.failures),
            undeclared=undeclared,
            tool=Scanner(name="go test"),
            suites=tally.suites(),
            retries=self._retries,
            timestamp=self.timestamp,
            duration=seconds(str(self.duration)),
        )

    def _hidden(self, shown: set[str]) -> Iterator[_Key]:
        """What failed and no test shows, and why."""
        for (package, test), state in self._states.items():
            name = package or "(no package)"
            said = self._outputs.get((package, test), "")
            if not test and state is None:
                yield name, said or "the package never ended"
            elif not test and state == "failed" and package not in shown:
                yield name, said or "the package failed"
        for path, told in self._builds.items():
            if not told:
                yield path or "(no package)", self._outputs.get(("", ""), "") or "it does not build"
        for line in self._trouble:
            yield "the test run", line


def _read(report: ReportBytes, limits: Limits) -> tuple[Facts, ...]:
    run = _Run(limits)
    for number, line in enumerate(lines(report, limits), 1):
        if not line.lstrip().startswith(b"{"):
            run.trouble(line)
            continue
        try:
            run.take(jsondoc.decode_value(line, _Event))
        except ReportError as error:
            raise ReportError(f"line {number}: {printable(str(error))}") from error
    return (run.result(),)


def _recognise(head: Head) -> bool:
    return head.root is None and any(_is_event(line) for line in islice(head.start.splitlines(), 200))


def _is_event(line: bytes) -> bool:
    if not line.startswith(b"{") or b'"Action"' not in line:
        return False
    try:
        event = jsondoc.decode_value(line, _Event)
    except ReportError:
        return False
    return event.action in _ACTIONS and bool(event.package or event.test or event.import_path)


FORMAT = Format(
    name="gotest",
    kind="tests",
    media_type="application/x-ndjson",
    suffixes=(".json", ".jsonl"),
    file_names=("go-test*.json", "gotest*.json", "*.gotest.json"),
    marks=(b'"Action":', b'"Package":'),
    recognise=_recognise,
    read=_read,
)
