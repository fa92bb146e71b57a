"""``pushpolicy policy approve``: what an approver signs, and the approval that a waiver gets."""

from __future__ import annotations

from pathlib import Path

import click

from pushpolicy.cli import options as shared
from pushpolicy.cli.artifacts import fetched
from pushpolicy.cli.engine import judging_engine
from pushpolicy.cli.options import PolicyOptions
from pushpolicy.cli.policies import conftest_of, repository_of
from pushpolicy.cli.report import show, write_stdout
from pushpolicy.errors import EXIT_OK, InputError, UsageError
from pushpolicy.evaluate import PACK, load_policy
from pushpolicy.evaluate.approvals import statement
from pushpolicy.evaluate.authoring.approving import approver_of, find
from pushpolicy.files import read_file
from pushpolicy.model.text import printable
from pushpolicy.signing.sshsig import MAX_ARMOR


@click.command("approve", short_help="Print what approves a waiver, to be signed.")
@click.argument("sources", nargs=-1, metavar="[pack|DIR|FILE]...")
@click.option("--rule", required=True, metavar="RULE", help="Of the waiver.")
@click.option("--for", "named", required=True, metavar="ID", help="The id, purl or evidence that it names.")
@click.option("--repository", metavar="REGISTRY/REPOSITORY", help="Which of several waivers for it.")
@click.option("--signature", metavar="FILE", help="Print the approval with this signature of ssh-keygen.")
@shared.policy_options
@shared.config_option
def approve(
    sources: tuple[str, ...],
    rule: str,
    named: str,
    repository: str | None,
    signature: str | None,
    policy: PolicyOptions,
    config: str | None,
) -> int:
    """Print the bytes that approve a waiver when they are signed (docs/quorum.md).

    They go to ssh-keygen: `pushpolicy policy approve ... | ssh-keygen -Y sign -n waiver@pushpolicy -f KEY`.
    With --signature, print what it wrote as the entry for `approvals` of the waiver, if it counts.
    Name the policies as a push does: the text of the rule is signed, too.
    """
    sources = (*sources, *policy.policies) or (PACK,)
    loaded = load_policy(
        sources,
        judging_engine(policy.engine),
        repository_of(sources, policy, config),
        policy.trust,
        conftest_of(policy),
        fetched(sources, policy),
    )
    waiver = find(loaded.waivers, rule, named, repository)
    if signature is None:
        write_stdout(statement(waiver, loaded.files).decode())
        return EXIT_OK
    try:
        armor = read_file(Path(signature), MAX_ARMOR).decode("ascii")
    except OSError as error:
        raise InputError(f"{printable(signature)}: {error.strerror}") from error
    except ValueError as error:
        raise UsageError(f"{printable(signature)} holds no SSH signature") from error
    principal = approver_of(loaded, waiver, armor)
    lines = "".join(f"\n        {line}" for line in armor.splitlines())
    show(f"    approvals:\n    - principal: {principal}\n      signature: |{lines}")
    return EXIT_OK
