"""Maven Failsafe's ``failsafe-summary.xml``, in which ``verify`` reads whether the integration tests passed.

It sums up the reports of the classes beside it, and says what none of them can: that the run as a whole
failed or ran out of time (maven-surefire, failsafe-summary.xsd). ``<completed>`` counts every test.
"""

from __future__ import annotations

from pushpolicy.model.evidence import Totals
from pushpolicy.model.text import printable
from pushpolicy.reports.facts import SuiteFacts
from pushpolicy.reports.format import Facts, Format, ReportBytes, ReportError
from pushpolicy.reports.limits import Limits
from pushpolicy.reports.parsing import markup
from pushpolicy.reports.parsing.values import count
from pushpolicy.reports.suites import Tally

_COUNTS = ("completed", "errors", "failures", "skipped")
_ROOT = "failsafe-summary"


class _Reader(markup.Elements):
    def __init__(self, limits: Limits) -> None:
        super().__init__(limits)
        self.root: dict[str, str] = {}
        self.texts: dict[str, str] = {}

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self.descend(name)
        if len(self.path) == 1:
            self.root = attributes
        elif len(self.path) == 2:
            self.collect_text()

    def end(self, name: str) -> None:
        self.path.pop()
        if len(self.path) == 1:
            if name in self.texts:
                raise ReportError(f"it says <{printable(name, 40)}> more than once")
            self.texts[name] = self.take_text().strip()


def _read(report: ReportBytes, limits: Limits) -> tuple[Facts, ...]:
    reader, tally = _Reader(limits), Tally(limits)
    markup.parse(report.chunks(), reader, limits)
    numbers = {name: count(reader.texts.get(name)) for name in _COUNTS}
    for name, number in numbers.items():
        if number is None:
            said = printable(reader.texts.get(name, "absent"), 40)
            raise ReportError(f"its <{name}> is {said}, and no number")
    completed, errors, failures, skipped = (number or 0 for number in numbers.values())
    passed = completed - errors - failures - skipped
    if passed < 0:
        raise ReportError("it counts more failures, errors and skipped tests than tests")
    problems = []
    if message := reader.texts.get("failureMessage"):
        problems.append(message)
    if reader.root.get("timeout", "false").lower() != "false":
        problems.append("the run was ended by its timeout")
    if reader.root.get("result", "null") not in ("null", "254", "0", ""):  # 254: no tests were run
        problems.append(f"the result of the run is {reader.root['result']}")
    for problem in problems:
        tally.fail("the test run", "error", problem)
    totals = Totals(total=completed, passed=passed, failed=failures, errors=errors, skipped=skipped)
    shown = failures + errors
    return (
        SuiteFacts(
            totals=totals,
            failures=tuple(tally.failures),
            undeclared=max(len(problems) - shown, 0),
        ),
    )


FORMAT = Format(
    name="failsafe-summary",
    kind="tests",
    media_type="application/xml",
    suffixes=(".xml",),
    places=("target/failsafe-reports",),
    file_names=("failsafe-summary.xml",),
    marks=(b"<failsafe-summary",),
    recognise=lambda head: head.root == _ROOT,
    read=_read,
)
