"""Every request of a push in turn meets every kind of fault: alone, twice in a row, or from then on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from msgspec.structs import replace

from pushpolicy.errors import EXIT_INCOMPLETE, EXIT_PUSH
from pushpolicy.registry import Access
from tests.faults.course import QUICK, Course, Plan, Result
from tests.proxy import Fault

TRANSIENT = (
    Fault.RESET,
    Fault.LOST,
    Fault.CUT,
    Fault.SERVER_ERROR,
    Fault.BAD_GATEWAY,
    Fault.UNAVAILABLE,
    Fault.GATEWAY_TIMEOUT,
    Fault.TOO_MANY,
)
# None of these has to be survived, but none may lead to a false success either.
MISLEADING = (Fault.FORBIDDEN, Fault.NOT_FOUND, Fault.GARBLED, Fault.EMPTY)
# Most of a push's time is spent in pauses, and all of them share one interpreter.
_AT_ONCE = 12
_IMPATIENT = replace(QUICK, read_timeout=1.0)
# What a push may take when a fault lasts: README, "Limits"; here it is scaled down.
LASTING = replace(QUICK, attempts=3, read_timeout=1.0, total_timeout=4.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One push: the fault and the number of the request that meets it (first)."""

    fault: Fault
    number: int
    result: Result

    def __str__(self) -> str:
        return f"{self.fault} at request {self.number}: {self.result}"


def single(course: Course, faults: Iterable[Fault], stride: int = 1) -> list[Case]:
    """One request of each push meets the fault, and all others pass."""
    return list(_each(course, "single", faults, stride, lambda first: lambda number: number == first))


def double(course: Course, faults: Iterable[Fault], stride: int = 1) -> list[Case]:
    """A request meets the fault, and so does the next: its repetition, unless others run beside it."""
    return list(_each(course, "double", faults, stride, lambda first: lambda n: n in (first, first + 1)))


def lasting(course: Course, faults: Iterable[Fault], stride: int = 1) -> list[Case]:
    """From a request on, every one meets the fault."""
    found = _each(course, "lasting", faults, stride, lambda first: lambda n: n >= first, LASTING)
    return list(found)


# The piece of work that fails, and the look at what became of the tags where those were being moved.
IN_TIME = 2 * LASTING.total_timeout


def ended_well(case: Case) -> bool:
    """Whether a push under a lasting fault ended in time, with the exit code that says how far it came."""
    return case.result.seconds <= IN_TIME and case.result.exit_code in (EXIT_PUSH, EXIT_INCOMPLETE)


def _each(
    course: Course,
    name: str,
    faults: Iterable[Fault],
    stride: int,
    meets: Callable[[int], Callable[[int], bool]],
    access: Access | None = None,
) -> Iterator[Case]:
    """Those cases in which a request met a fault: requests in parallel are not always equally many."""
    count = course.requests()

    def run(case: tuple[Fault, int]) -> Case:
        fault, number = case
        met = meets(number)
        plan: Plan = lambda number: fault if met(number) else None  # noqa: E731
        used = access or (_IMPATIENT if fault is Fault.SILENT else QUICK)
        return Case(
            fault=fault,
            number=number,
            result=course.push(f"{name}-{fault.name.lower()}-{number}", plan, used),
        )

    cases = [
        (fault, number)
        for at, fault in enumerate(faults)
        for number in range(1 + at % stride, count + 1, stride)
    ]
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        yield from (case for case in pool.map(run, cases) if case.result.met)
