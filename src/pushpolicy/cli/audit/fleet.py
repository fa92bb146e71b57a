"""``pushpolicy audit fleet``: which policy each repository uses."""

from __future__ import annotations

import click
from msgspec.structs import replace

from pushpolicy import errors
from pushpolicy.audit.allowance import LIMITS, Allowance
from pushpolicy.audit.fleet import Parts, compared, last_decision
from pushpolicy.audit.sources import all_of
from pushpolicy.cli import options as shared
from pushpolicy.cli.audit.options import sources_argument
from pushpolicy.cli.formats import Kind
from pushpolicy.cli.options import PolicyOptions, RegistryOptions, read_limits
from pushpolicy.cli.policies import load
from pushpolicy.cli.render.audit.fleet import fleet
from pushpolicy.cli.report import Outputs
from pushpolicy.cli.shelves import open_sources
from pushpolicy.engines import find_engine
from pushpolicy.model.digest import Digest


@click.command(
    "fleet", short_help="Say which policy each repository was decided by last, and who lags behind."
)
@sources_argument
@shared.policy_options
@shared.limits_option
@shared.registry_options
@shared.format_option(Kind.FLEET)
def command(
    sources: tuple[str, ...],
    policy: PolicyOptions,
    limits: tuple[str, ...],
    registry: RegistryOptions,
    outputs: Outputs,
) -> int:
    """Say which policy and waivers the last decision of each repository used, and who lags behind.

    They are compared with --policy; without it, with the policy that most of them used, or where that is a
    signed artifact, with the newest release of it that is in use.
    """
    bounds = read_limits(limits, LIMITS)
    # Here --trust says who signed records, and is no part of the policy that they are compared with.
    opened, policy = open_sources(sources, registry, bounds, policy.trust), replace(policy, trust=None)
    named = load(policy, find_engine(policy.engine)) if policy.policies or policy.conftest else None
    allowance, known = Allowance(bounds), dict[Digest, Parts]()
    members, unreadable = all_of(opened, lambda each: last_decision(each, known, allowance))
    is_wrong = any(member.ignored for member in members)
    own = errors.EXIT_RECORD if is_wrong else errors.EXIT_OK
    code = max([own, *(failure.exit_code for failure in unreadable)])
    return outputs.write(fleet(compared(members, named), unreadable), code)
