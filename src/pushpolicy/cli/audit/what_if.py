"""What ``pushpolicy audit replay`` does with another policy, or with other settings or waivers: what-if."""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec
from msgspec.structs import replace

from pushpolicy import errors
from pushpolicy.audit.what_if import Direction, NotDecided, PushEffect, WhatIf
from pushpolicy.cli.audit.options import Decided
from pushpolicy.cli.formats import FORMATS
from pushpolicy.cli.options import PolicyOptions, group
from pushpolicy.cli.policies import load
from pushpolicy.cli.progress import telling
from pushpolicy.cli.render.audit.what_if import effect
from pushpolicy.cli.render.audit.what_if_page import PUSHES
from pushpolicy.cli.report import Outputs, say
from pushpolicy.errors import UsageError
from pushpolicy.evaluate.sources import SourceFile, read_file
from pushpolicy.model.text import first_of, printable

if TYPE_CHECKING:
    from pushpolicy.audit.trial import Trial
    from pushpolicy.engines import LocalOpa
    from pushpolicy.evaluate.batches import Answering

# Of the pushes whose decision changes; --format json has all.
_SHOWN = 20
_FAILING = {
    "any": frozenset(Direction) - {Direction.UNCHANGED},
    "stricter": frozenset({Direction.STRICTER, Direction.BOTH}),
    "looser": frozenset({Direction.LOOSER, Direction.BOTH}),
    "none": frozenset[Direction](),
}


class TrialOptions(msgspec.Struct, frozen=True, kw_only=True):
    """What is tried beside ``--policy``, and which change of past decisions fails; None for any."""

    settings: str | None = None
    waivers: str | None = None
    fail_on: str | None = None


trial_options = group(
    "trial",
    TrialOptions,
    click.option(
        "--settings",
        metavar="FILE",
        help="Try these settings (settings.yaml) with the recorded rules, or with --policy.",
    ),
    click.option(
        "--waivers",
        metavar="FILE",
        help="Try these waivers (waivers.yaml) with the recorded policy, or with --policy.",
    ),
    click.option(
        "--fail-on",
        type=click.Choice(list(_FAILING)),
        help="With --policy, --settings or --waivers: which change of past decisions ends with exit code 50."
        "  [default: any]",
    ),
)


def trial_of(
    policy: PolicyOptions, options: TrialOptions, opa: LocalOpa, answers: Answering | None
) -> Trial | None:
    """What is tried; None where decisions are only made again. `answers` evaluates in the place of `opa`.

    Raises:
        UsageError: when --fail-on stands alone.
        PolicyError: when the policy or a file is wrong.
    """
    # Here --trust says who signed records, and is no part of the policy that is tried.
    named = policy.policies or policy.conftest
    if not (named or options.settings or options.waivers):
        if options.fail_on:
            raise UsageError(
                "--fail-on says what fails a what-if", "name what is tried: --policy, --settings or --waivers"
            )
        return None
    from pushpolicy.audit.trial import Trial

    other = load(replace(policy, trust=None), opa) if named else None
    return Trial(opa, other, _file(options.settings), _file(options.waivers), answers)


class Trying:
    """Tries what is tried on each record, and counts what becomes of it.

    Args:
        history: the records.
        trial: what is tried.
        options: say what fails.
    """

    def __init__(self, history: Decided, trial: Trial, options: TrialOptions) -> None:
        self._history, self._trial = history, trial
        self._failing = _FAILING[options.fail_on or "any"]
        self._found = WhatIf()

    def report(self, outputs: Outputs, subject: str, at: datetime) -> int:
        """Tell it, row by row as it comes where that is all that is asked for; returns the exit code."""
        streams = outputs.streams and outputs.asked[0].format.of_rows
        few = {FORMATS["text"]: _SHOWN, FORMATS["html"]: PUSHES}
        kept = [0 if streams else few.get(output.format) for output in outputs.asked]
        self._found = found = WhatIf(keep=None if None in kept else max(filter(None, kept), default=0))
        with telling(quiet=streams and outputs.asked[0].path is None and sys.stdout.isatty()) as tell:
            pushes = self._pushes(tell)
            rows = pushes if streams else (*deque(pushes, maxlen=0), *found.rows)
            code = outputs.write(effect(found, self._history.ignored, subject, at, rows), lambda: self.code)
        if found.whole.total and (names := self._trial.strangers):
            named = printable(first_of(names, 5))
            say(
                f"warning: no policy that was tried has the rules that the files name: {named}",
                color="yellow",
            )
        return code

    @property
    def code(self) -> int:
        """The exit code: what could not be decided comes before what changed."""
        failing = errors.EXIT_DIFFERS if self._found.direction in self._failing else errors.EXIT_OK
        return max(self._history.code, errors.EXIT_RECORD if self._found.not_replayable else failing)

    def _pushes(self, tell: Callable[[str], None]) -> Iterator[PushEffect | NotDecided]:
        for push in self._trial.effects(self._history.each()):
            self._found.add(push)
            tell(f"{self._found.whole.changed} of {self._found.whole.total} change")
            yield push


def _file(name: str | None) -> SourceFile | None:
    return None if name is None else read_file(Path(name))
