"""What following a rule notes: reads and errors, each with its line."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from pushpolicy.evaluate.absence import EITHER, FIRES, Evidence, Read, Steps
from pushpolicy.evaluate.follow.values import At, Values


class Clause(msgspec.Struct, frozen=True, kw_only=True):
    """One clause of deny, warn or not_applicable, as it was visited.

    Attributes:
        head: which of them.
        row: its line in the file.
        reads: what its body reads, through helpers.
        variables: what each variable of the body stands for; one that is not named is called `$0` and so on.
    """

    head: str
    row: int
    reads: tuple[Read, ...]
    variables: Mapping[str, Values]


class Found:
    """What a visit finds, once each.

    Attributes:
        strict: reads without which the condition of a `not` fails.
        shares: whether a body says more than one thing of the same value.
    """

    def __init__(self) -> None:
        self.reads: dict[Read, None] = {}
        self.strict: dict[Read, None] = {}
        self.problems: dict[tuple[int, str], None] = {}
        self.shares = False

    def add(self, other: Found) -> None:
        """Add what another found."""
        self.reads |= other.reads
        self.strict |= other.strict
        self.problems |= other.problems
        self.shares |= other.shares


class Notes:
    """The visit of a rule, as far as it notes what it finds.

    Attributes:
        found: what was found so far.
        clauses: those that were visited so far.
    """

    def __init__(self, evidence: Evidence) -> None:
        self._evidence = evidence
        self.clauses: list[Clause] = []
        self._row = 1
        # Whether the condition of a `not` in a clause of deny itself is visited.
        self._strict = False
        # Whether something in the statement that is visited may be undefined.
        self._doubted = False
        # Whether it is asked only whether a clause can hold; errors were noted before.
        self._judging = False
        self.found = Found()

    def _read(self, values: Values, mode: int) -> None:
        if mode == FIRES and not all(isinstance(value, At) for value in values):
            mode = EITHER  # something else may take its place
        for value in values:
            if isinstance(value, At) and value.steps:
                self._note(value.steps, mode)
                self._doubted |= any(True for _ in self._evidence.absences(value.steps))

    def _filled(self, steps: Steps, mode: int) -> None:
        if self._evidence.is_array(steps):
            self._note(steps, mode, filled=True)

    def _typed(self, values: Values, kind: str, mode: int) -> None:
        """What an `extra` holds is used as something of this type: as another one it would find nothing."""
        for value in values:
            if isinstance(value, At) and self._evidence.is_untyped(value.steps):
                self.found.reads[Read(steps=value.steps, absent=mode, row=self._row, type=kind)] = None

    def _note(self, steps: Steps, mode: int, decided: int | None = None, filled: bool = False) -> None:
        read = Read(steps=steps, absent=mode, row=self._row, decided=decided, filled=filled)
        self.found.reads[read] = None
        if self._strict and mode == FIRES and decided is None:
            self.found.strict[read] = None

    def problem(self, text: str, row: int | None = None) -> None:
        """Note an error, where the visit is."""
        if not self._judging:
            self.found.problems[row or self._row, text] = None
