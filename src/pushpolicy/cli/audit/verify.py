"""``pushpolicy audit verify``: whether a decision counts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import click

from pushpolicy import errors
from pushpolicy.audit.allowance import LIMITS, Allowance
from pushpolicy.audit.verified import Wanted
from pushpolicy.audit.verify import verify
from pushpolicy.cli import options as shared
from pushpolicy.cli.audit.options import duration, offline_option, trust_option
from pushpolicy.cli.formats import Kind
from pushpolicy.cli.options import RegistryOptions, read_limits
from pushpolicy.cli.render.audit.verified import verified
from pushpolicy.cli.report import Outputs
from pushpolicy.cli.shelves import copy_of, open_shelf, shelf_of_denials
from pushpolicy.engines import find_engine
from pushpolicy.errors import UsageError
from pushpolicy.model.text import printable


@click.command("verify", short_help="Verify a record: who signed it, for what, and the decision made again.")
@click.argument("reference")
@trust_option
@click.option(
    "--max-age", metavar="DURATION", help="How old the decision may be: 90d, 12h, 30m.  [default: any age]"
)
@offline_option
@click.option(
    "--denials",
    metavar="REPOSITORY",
    help="Where denials are recorded (`push --denials`): one that is newer than the ALLOW ends with 51.",
)
@click.option(
    "--mirror",
    metavar="DIR",
    help="What `audit mirror` wrote: what it saw, and the registry shows no more, ends with 51: a tag that "
    "was moved back, a record or a signature that was removed.",
)
@shared.engine_option
@shared.limits_option
@shared.registry_options
@shared.format_option(Kind.VERIFIED)
def command(
    reference: str,
    trust: str | None,
    max_age: str | None,
    offline: str | None,
    denials: str | None,
    mirror: str | None,
    engine: str | None,
    limits: tuple[str, ...],
    registry: RegistryOptions,
    outputs: Outputs,
) -> int:
    """Verify the newest record of an image, or the record of a digest; what is wrong ends with exit code 51.

    Digests, signature, key (role, repository, window), verifier id, repository and tag, verdict, policy, age,
    the chain of the tag's records, the reports that are kept, and the decision, made again. Each failure is
    told by itself.
    """
    if trust is None:
        raise UsageError(
            "verify does not know whose signatures count",
            "--trust FILE: a trust.yaml, or a public key in PEM",
        )
    if offline is not None and denials is not None:
        raise UsageError("--offline and --denials: a copy tells nothing of denials", "leave one of them out")
    bounds = read_limits(limits, LIMITS)
    shelf, place = open_shelf(reference, registry, bounds, trust, offline)
    if not (place.tag or place.digest):
        raise UsageError(f"{place} names no image", "add a tag or a digest; audit list shows both")
    wanted = Wanted(
        at=datetime.now(UTC),
        max_age=_max_age(max_age),
        denials=shelf_of_denials(denials, shelf, registry, bounds),
        mirror=copy_of(mirror, shelf, place) if mirror is not None else None,
        offline=offline is not None,
    )
    found = verify(shelf, place, find_engine(engine), wanted, Allowance(bounds))
    return outputs.write(verified(found), errors.EXIT_RECORD if found.failures else errors.EXIT_OK)


def _max_age(text: str | None) -> timedelta | None:
    if text is None:
        return None
    if (age := duration(text)) is None:
        raise UsageError(
            f"--max-age {printable(text)} is no duration", "a number and s, m, h, d or w, as in 90d"
        )
    return age
