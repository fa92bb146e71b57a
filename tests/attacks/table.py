"""What a row of the table is, and how it is run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from pushpolicy import errors
from tests.workspace import Ran, Workspace

# Changes the place before a run; gives another Workspace where variables change.
Change = Callable[[Workspace], Workspace | None]
Run = Callable[[Workspace], Ran]


def push(*options: str) -> Run:
    """`pushpolicy push` of the workspace's image, with further options."""
    return lambda place: place.push(*options)


PUSH = push()


def unchanged(_: Workspace) -> None:
    """Nothing is prepared."""


@dataclass(frozen=True, kw_only=True)
class Attack:
    """One way to break the promise.

    Attributes:
        name: what is done, in words; unique within its module.
        strike: what the attacker does.
        code: the exit code that refuses it.
        says: the rule or the words that refuse it; in what is printed.
        prepare: what is there without the attack, too.
        run: the command that is attacked.
        writes: whether something was written that must not be.
    """

    name: str
    strike: Change
    code: int = errors.EXIT_DENIED
    says: str
    prepare: Change = unchanged
    run: Run = PUSH
    writes: Callable[[Workspace], bool] = lambda place: place.published


def changed(place: Workspace, change: Change) -> Workspace:
    """The place after a change."""
    return change(place) or place


def chain(*changes: Change) -> Change:
    """One change after another."""

    def strike(place: Workspace) -> Workspace:
        for change in changes:
            place = changed(place, change)
        return place

    return strike
