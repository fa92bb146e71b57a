"""``pushpolicy policy``: for whoever writes rules."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import click

from pushpolicy.cli import environment
from pushpolicy.cli import options as shared
from pushpolicy.cli.config import read_config
from pushpolicy.cli.formats import Kind, Report
from pushpolicy.cli.options import PolicyOptions
from pushpolicy.cli.policies import judging_engine, repository_policy
from pushpolicy.cli.render.decision import count
from pushpolicy.cli.report import Outputs
from pushpolicy.errors import EXIT_OK, EXIT_POLICY
from pushpolicy.evaluate import PACK, PolicySet, check_policy, load_policy
from pushpolicy.evaluate.check import not_honoured, unproven
from pushpolicy.model.document import Document, plain
from pushpolicy.model.text import printable


@click.group("policy", short_help="Check and test the policies that decide.")
def command() -> None:
    """Work on policies."""


@command.command("check")
@click.argument("sources", nargs=-1, metavar="[pack|DIR|FILE]...")
@shared.policy_options
@shared.config_option
@shared.format_option(Kind.POLICY)
def check(sources: tuple[str, ...], policy: PolicyOptions, config: str | None, outputs: Outputs) -> int:
    """Load policies as a push would, find what would silently never deny, and decide on each rule's examples.

    What is to be checked is named by arguments or by --policy.
    """
    named = _named(sources, policy)
    repository = repository_policy(read_config(config), policy)
    checked = check_policy(named, judging_engine(policy.engine), repository, policy.trust)
    notes = (
        *not_honoured(checked, environment.now()),
        *unproven(checked, (*named, *repository.rules)),
    )
    return outputs.write(
        Report(Kind.POLICY, lambda: _lines(checked, notes), lambda: _document(checked, notes))
    )


@command.command("test")
@click.argument("sources", nargs=-1, metavar="[pack|DIR|FILE]...")
@shared.policy_options
@shared.config_option
@click.option(
    "--threshold",
    type=click.FloatRange(0, 100),
    default=0,
    metavar="PERCENT",
    help="Fail where tests and examples reach less of a rule's lines.",
)
@shared.format_option(Kind.POLICY)
def test(
    sources: tuple[str, ...], policy: PolicyOptions, config: str | None, threshold: float, outputs: Outputs
) -> int:
    """Run the Rego tests of each rule (RULE/*_test.rego), and decide on its examples (RULE/examples.yaml).

    What an example expects to be denied has to be denied, or refused by the schema, without any leaf of its
    evidence, too. What rules and tests print() is shown. A rule that denies needs an example that shows it.

    What is to be tested is named by arguments or by --policy. Ends with 30 where anything fails.
    """
    from pushpolicy.cli.render import policy as render
    from pushpolicy.evaluate.authoring.testing import run_tests

    named, repository = _named(sources, policy), repository_policy(read_config(config), policy)
    engine = judging_engine(policy.engine)
    loaded = load_policy(named, engine, repository, policy.trust)
    result = run_tests(loaded, engine, (*named, *repository.rules), threshold)
    return outputs.write(render.tested(result), EXIT_POLICY if result.faults else EXIT_OK)


def _named(sources: tuple[str, ...], policy: PolicyOptions) -> tuple[str, ...]:
    return (*sources, *policy.policies) or (PACK,)


def _lines(checked: PolicySet, notes: Iterable[str]) -> Iterator[str]:
    rules, identity = checked.index.rules, checked.identity
    yield f"{identity.source}: {count(len(rules), 'rule')} checked, digest {identity.digest}"
    for name, rule in sorted(rules.items()):
        requires = ", ".join(rule.requires) or "image and target only"
        yield f"  {name:<20} {rule.title} (reads {requires})"
        for leaf in rule.leaves:
            yield f"  {'':<20} requires {leaf.path}{', not empty' if leaf.filled else ''}"
        for path in rule.optional:
            yield f"  {'':<20} optional {path}"
    yield from (click.style(f"note: {printable(note, 500)}", fg="yellow") for note in notes)


def _document(checked: PolicySet, notes: Iterable[str]) -> Document:
    """``pushpolicy.policy.check/v1``."""
    rules = [
        {
            "name": name,
            "title": rule.title,
            "requires": rule.requires,
            "leaves": [{"path": leaf.path, "filled": leaf.filled} for leaf in rule.leaves],
            "optional": rule.optional,
        }
        for name, rule in sorted(checked.index.rules.items())
    ]
    return Document.of(
        plain(
            {
                "schema": "pushpolicy.policy.check/v1",
                "policy": checked.identity,
                "rules": rules,
                "notes": list(notes),
            }
        )
    )
