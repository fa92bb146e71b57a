"""What ``pushpolicy audit replay`` does with another policy, or with other settings or waivers: what-if."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec
from msgspec.structs import replace

from pushpolicy import errors
from pushpolicy.audit.what_if import Direction, WhatIf
from pushpolicy.cli.formats import FORMATS
from pushpolicy.cli.options import PolicyOptions, group
from pushpolicy.cli.policies import load
from pushpolicy.cli.render.audit.what_if_page import PUSHES
from pushpolicy.cli.report import Outputs, say
from pushpolicy.errors import UsageError
from pushpolicy.evaluate.sources import SourceFile, read_file
from pushpolicy.model.text import first_of, printable

if TYPE_CHECKING:
    from pushpolicy.audit.trial import Trial
    from pushpolicy.audit.walk import Opened
    from pushpolicy.engines import LocalOpa

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


def trial_of(policy: PolicyOptions, options: TrialOptions, opa: LocalOpa) -> Trial | None:
    """What is tried; None where decisions are only made again.

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
    return Trial(opa, other, _file(options.settings), _file(options.waivers))


def what_if(trial: Trial, records: Iterable[Opened], outputs: Outputs) -> WhatIf:
    """The effect on pushes; all of them are kept where a format asks for all."""
    few = {FORMATS["text"]: _SHOWN, FORMATS["html"]: PUSHES}
    kept = [few.get(output.format) for output in outputs.asked]
    found = WhatIf(keep=None if None in kept else max(filter(None, kept), default=_SHOWN))
    for push in trial.effects(records):
        found.add(push)
    if found.whole.total and (names := trial.strangers):
        named = printable(first_of(names, 5))
        say(f"warning: no recorded policy has the rules that the files name: {named}", color="yellow")
    return found


def code_for(found: WhatIf, options: TrialOptions) -> int:
    """The exit code: what could not be decided comes before what changed."""
    if found.not_replayable:
        return errors.EXIT_RECORD
    failing = _FAILING[options.fail_on or "any"]
    return errors.EXIT_DIFFERS if found.direction in failing else errors.EXIT_OK


def _file(name: str | None) -> SourceFile | None:
    return None if name is None else read_file(Path(name))
