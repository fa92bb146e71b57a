"""What following a rule notes: reads and errors, each with its line."""

from __future__ import annotations

from pushpolicy.evaluate.absence import EITHER, FIRES, Evidence, Read, Steps
from pushpolicy.evaluate.follow.values import At, Values


class Found:
    """What a visit finds, once each. `strict`: reads without which the condition of a `not` fails."""

    def __init__(self) -> None:
        self.reads: dict[Read, None] = {}
        self.strict: dict[Read, None] = {}
        self.problems: dict[tuple[int, str], None] = {}

    def add(self, other: Found) -> None:
        """Add what another found."""
        self.reads |= other.reads
        self.strict |= other.strict
        self.problems |= other.problems


class Notes:
    """The visit of a rule, as far as it notes what it finds.

    Attributes:
        found: what was found so far.
    """

    def __init__(self, evidence: Evidence) -> None:
        self._evidence = evidence
        self._row = 1
        # Whether the condition of a `not` in a clause of deny itself is visited.
        self._strict = False
        self.found = Found()

    def _read(self, values: Values, mode: int) -> None:
        if mode == FIRES and not all(isinstance(value, At) for value in values):
            mode = EITHER  # something else may take its place
        for value in values:
            if isinstance(value, At) and value.steps:
                self._note(value.steps, mode)

    def _filled(self, steps: Steps, mode: int) -> None:
        if self._evidence.is_array(steps):
            self._note(steps, mode, filled=True)

    def _note(self, steps: Steps, mode: int, decided: int | None = None, filled: bool = False) -> None:
        read = Read(steps=steps, absent=mode, row=self._row, decided=decided, filled=filled)
        self.found.reads[read] = None
        if self._strict and mode == FIRES and decided is None:
            self.found.strict[read] = None

    def problem(self, text: str, row: int | None = None) -> None:
        """Note an error, where the visit is."""
        self.found.problems[row or self._row, text] = None
