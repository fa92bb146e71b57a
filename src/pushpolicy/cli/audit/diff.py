"""``pushpolicy audit diff``: how one decision is another than the one before."""

from __future__ import annotations

import click

from pushpolicy.audit.allowance import LIMITS, Allowance
from pushpolicy.audit.compared import compared
from pushpolicy.cli import options as shared
from pushpolicy.cli.audit.finding import find_one
from pushpolicy.cli.audit.options import code_of, trust_option
from pushpolicy.cli.formats import Kind
from pushpolicy.cli.options import RegistryOptions, read_limits
from pushpolicy.cli.render.audit.compared import comparison
from pushpolicy.cli.report import Outputs


@click.command("diff", short_help="Say how two decisions differ.")
@click.argument("before", metavar="A")
@click.argument("after", metavar="B")
@click.option("--policy", "with_policy", is_flag=True, help="Print how the text of each rule differs, too.")
@trust_option
@shared.limits_option
@shared.registry_options
@shared.format_option(Kind.COMPARED)
def command(
    before: str,
    after: str,
    with_policy: bool,
    trust: str | None,
    limits: tuple[str, ...],
    registry: RegistryOptions,
    outputs: Outputs,
) -> int:
    """Say what differs from decision A to B: who pushed, evidence, policy, and what was found.

    A and B are images or records, as `audit show` takes them. That they differ is no failure.
    """
    bounds = read_limits(limits, LIMITS)
    allowance = Allowance(bounds)
    sides = [find_one(text, registry, bounds, trust, allowance) for text in (before, after)]
    code = max(code_of([found.standing], (), place) for found, place in sides)
    with allowance.record():
        found = compared(*(opened for opened, _ in sides))
    return outputs.write(comparison(found, with_policy=with_policy), code)
