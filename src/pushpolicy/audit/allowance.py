"""What looking at past decisions may take: each record, and all of them together."""

from __future__ import annotations

from contextlib import AbstractContextManager

from pushpolicy.budget import Budget
from pushpolicy.errors import RecordError
from pushpolicy.reports.limits import Limits

# Ten thousand records are decided again in half an hour.
LIMITS = Limits(max_run_seconds=3600)


class Allowance:
    """What may be spent from now on; in the main thread only.

    Args:
        limits: those of time, for all and for one record, of memory, of temporary files and of records count.

    Attributes:
        max_records: of one place.
    """

    def __init__(self, limits: Limits = LIMITS) -> None:
        self._budget = Budget(limits.max_run_seconds, limits.max_memory, disk=limits.max_disk)
        self._seconds = limits.max_record_seconds
        self.max_records = limits.max_records

    @property
    def is_spent(self) -> bool:
        """Whether no time is left for another record."""
        return self._budget.is_spent

    def all(self) -> AbstractContextManager[None]:
        """A context that ends with RecordError where all is spent."""
        return self._budget.spend(RecordError, "stopped")

    def record(self) -> AbstractContextManager[None]:
        """The same for one record, which must leave something for the others."""
        return self._budget.spend(RecordError, "stopped", self._seconds)
