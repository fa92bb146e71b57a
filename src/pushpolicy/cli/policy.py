"""``pushpolicy policy``: for whoever writes rules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import msgspec

from pushpolicy.cli import environment
from pushpolicy.cli import options as shared
from pushpolicy.cli.approving import approve
from pushpolicy.cli.artifacts import fetched, is_artifact
from pushpolicy.cli.engine import judging_engine
from pushpolicy.cli.evaluate import MAX_DOCUMENT_SIZE, reading
from pushpolicy.cli.formats import Kind
from pushpolicy.cli.options import PolicyOptions
from pushpolicy.cli.policies import conftest_of, on_their_own, repository_of
from pushpolicy.cli.publishing import KEPT
from pushpolicy.cli.publishing_policy import bundle, pull, push
from pushpolicy.cli.render.decision import count
from pushpolicy.cli.report import Outputs, say, show, write_stdout
from pushpolicy.engines import LocalOpa
from pushpolicy.errors import EXIT_DIFFERS, EXIT_OK, EXIT_POLICY, InputError, PolicyError, UsageError
from pushpolicy.evaluate import PACK, PolicySet, check_policy, evaluate, load_policy
from pushpolicy.evaluate.check import not_honoured, rule_folders, unmatched, unproven, waiver_places
from pushpolicy.evaluate.examples import ExamplesError, read
from pushpolicy.files import read_file
from pushpolicy.model.decision import SCHEMA, Decision
from pushpolicy.model.document import Document
from pushpolicy.model.text import printable

if TYPE_CHECKING:
    from pushpolicy.evaluate.authoring.changes import Change


@click.group("policy", short_help="Begin, check and test the rules that decide.")
def command() -> None:
    """Begin, check and test sets of rules; a set is a folder of rules, the pack, or both."""


for _ in (approve, bundle, push, pull):
    command.add_command(_)


@command.command("init", short_help="Begin a rule, with a test and examples.")
@click.argument("name")
@click.argument("folder", metavar="[DIR]", default="policies")
def init(name: str, folder: str) -> int:
    """Begin the rule NAME: a folder NAME in DIR with the rule, a Rego test and examples, all of which hold.

    Without DIR it is the folder `policies`. What is there already is never overwritten.
    """
    from pushpolicy.evaluate.authoring.scaffold import begin_rule

    for file in begin_rule(name, Path(folder)):
        show(printable(str(file)))
    say(f"change them, then: pushpolicy policy test {printable(folder)}; it decides with --policy")
    return EXIT_OK


@command.command("check", short_help="Find what is wrong with a set.")
@click.argument("sources", nargs=-1, metavar="[pack[:PART]|DIR|FILE]...")
@shared.policy_options
@shared.config_option
@click.option("--evidence", metavar="FILE", help="Say which waivers match nothing in this evidence.")
@shared.format_option(Kind.POLICY)
def check(
    sources: tuple[str, ...],
    policy: PolicyOptions,
    config: str | None,
    evidence: str | None,
    outputs: Outputs,
) -> int:
    """Load policies as a push would, find what would silently never deny, and decide on each rule's examples.

    What is to be checked is named by arguments, or by --policy: that is the same as in a push from here,
    where a folder of this repository can only add rules. An argument is a policy of its own, unless there is
    a configuration here. A waiver or rollout that a push would not honour is noted, and so is a waiver that
    ends within 14 days.
    """
    from pushpolicy.cli.render import policy as render

    named, engine = _named(sources, policy), judging_engine(policy.engine)
    repository = repository_of(sources, policy, config)
    artifacts = fetched(named, policy)
    checked = check_policy(named, engine, repository, policy.trust, conftest_of(policy), artifacts)
    places = waiver_places(named, repository)
    notes = [
        *not_honoured(checked, environment.now(), places),
        *unproven(checked, (*named, *repository.rules)),
        *on_their_own(sources, repository),
    ]
    if evidence is not None:
        notes += unmatched(evaluate(checked, _read(Path(evidence)), engine), places)
    return outputs.write(render.checked(checked, notes))


@command.command("test", short_help="Run its Rego tests and examples.")
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

    loaded, engine, named = _load(sources, policy, config)
    result = run_tests(loaded, engine, named, threshold)
    return outputs.write(render.tested(result), EXIT_POLICY if result.faults else EXIT_OK)


@command.command("inspect", short_help="Show what is in a set, and from where.")
@click.argument("sources", nargs=-1, metavar="[pack|DIR|FILE]...")
@shared.policy_options
@shared.config_option
@shared.format_option(Kind.POLICY)
def inspect(sources: tuple[str, ...], policy: PolicyOptions, config: str | None, outputs: Outputs) -> int:
    """Show a set: what each rule reads and requires, settings, waivers, digests, and who may waive.

    With the options of a push it shows what would decide it, with the origin of each part.
    """
    from pushpolicy.cli.render import policy as render
    from pushpolicy.evaluate.authoring.inspection import inspect as look_into

    loaded, _, _ = _load(sources, policy, config)
    return outputs.write(render.inspected(look_into(loaded, environment.now())))


@command.command("docs", short_help="Print a page about a set.")
@click.argument("sources", nargs=-1, metavar="[pack|DIR|FILE]...")
@shared.policy_options
@shared.config_option
@click.option("--html", "wants_html", is_flag=True, help="Write HTML instead of Markdown.")
def docs(sources: tuple[str, ...], policy: PolicyOptions, config: str | None, *, wants_html: bool) -> int:
    """Print a page about a set of rules: what each is for, requires, can be set to, and shows by examples."""
    from pushpolicy.evaluate.authoring.html import as_html
    from pushpolicy.evaluate.authoring.reference import rules_page

    loaded, _, named = _load(sources, policy, config)
    try:
        examples = {name: read(folder, name) for name, folder in rule_folders(loaded, named)}
    except ExamplesError as error:
        raise PolicyError(str(error)) from error
    title, page = f"Rules of {loaded.source}", rules_page(loaded.index.rules, examples)
    write_stdout(as_html(title, page) if wants_html else f"# {title}\n\n{page}")
    return EXIT_OK


@command.command("waive", short_help="Print the waivers of what was denied.")
@click.argument("file", default=str(KEPT))
@click.option(
    "--rule", "rules", multiple=True, metavar="RULE", help="Only what this rule denies; repeatable."
)
@click.option("--id", "ids", multiple=True, metavar="ID", help="Only the finding of this id; repeatable.")
@click.option(
    "--purl",
    metavar="PURL",
    help="By package, with * for its version: pkg:deb/debian/openssl@*. With --id, these ids in it.",
)
@click.option("--reason", required=True, help="Why it is tolerable.")
@click.option("--approver", required=True, metavar="WHO", help="Who says so.")
@click.option("--expires", required=True, metavar="TIME", help="When it ends, as 2027-01-31T00:00:00Z.")
@click.option("--not-before", "not_before", metavar="TIME", help="When it begins. Without it, now.")
@click.option("--ticket", metavar="TEXT", help="Where it is written down.")
@click.option(
    "--repository", metavar="GLOB", help="Where it holds, REGISTRY/REPOSITORY. Without it, everywhere."
)
@click.option("--write", "target", metavar="FILE", help="Append it to the waivers at the end of this file.")
@shared.policy_options
@shared.config_option
@shared.format_option(Kind.POLICY)
def waive(
    file: str,
    rules: tuple[str, ...],
    ids: tuple[str, ...],
    purl: str | None,
    target: str | None,
    policy: PolicyOptions,
    config: str | None,
    outputs: Outputs,
    **given: Any,
) -> int:
    """Print the waivers of what was denied, one for each finding, for whoever grants them.

    With --purl it is one for each rule that denied something in the package, for all that it finds there.

    FILE is evidence, which is decided on again, or a decision (--format json). Without it, it is the
    pushpolicy-evidence.json that a denied push keeps. What nobody can waive is refused, and so is what would
    end later than the policy allows.
    """
    from pushpolicy.cli.render import policy as render
    from pushpolicy.evaluate.authoring.waivers import Grant, append, grant, select

    loaded, engine, _ = _load((), policy, config)
    denials = select(_denials(Path(file), loaded, engine), rules, ids, purl)
    by_id = purl is None or bool(ids)
    waivers = grant(loaded, denials, Grant(purl=purl, **given), environment.now(), by_id=by_id)
    if target is not None:
        append(Path(target), waivers)
        say(f"appended to {printable(target)}: {count(len(waivers), 'waiver')}")
    return outputs.write(render.waivers(waivers))


@command.command("diff", short_help="Compare two sets, or two decisions.")
@click.argument("before", metavar="A")
@click.argument("after", metavar="B")
@shared.policy_options
@click.option(
    "--fail-on",
    type=click.Choice(["any", "looser", "stricter", "none"]),
    default="none",
    show_default=True,
    help="Which change ends with exit code 50.",
)
@shared.format_option(Kind.POLICY)
def diff(before: str, after: str, policy: PolicyOptions, fail_on: str, outputs: Outputs) -> int:
    """Say what differs between two sets of rules, or two decisions, and whether it is stricter or looser.

    A and B are sets, as --policy takes them (several with commas: pack,DIR); or decisions, each a file that
    ends with .json (--format json of push, check and evaluate).
    """
    from pushpolicy.cli.render import policy as render

    names = (before, after)
    found = _of_decisions(names) if all(name.endswith(".json") for name in names) else _of_sets(names, policy)
    failing = {"any": True, "none": False}
    fails = any(failing.get(fail_on, each.direction == fail_on) for each in found)
    return outputs.write(render.changed(names, found), EXIT_DIFFERS if fails else EXIT_OK)


def _of_decisions(names: tuple[str, str]) -> Sequence[Change]:
    from pushpolicy.audit.difference import changes, difference

    before, after = (_decision(Path(name)) for name in names)
    return tuple(changes(difference(before, after)))


def _decision(path: Path) -> Decision:
    from pushpolicy.records.read import read_decision

    # A command says more beside its decision: what became of the push, how far it is from another one.
    beside = ("published", "denial", "notes", "margins", "explanations")
    with reading(path, "a decision", "--format json of `check` writes one"):
        document = _document(path)
        return read_decision(
            Document.of({key: value for key, value in document.value.items() if key not in beside})
        )


def _of_sets(names: tuple[str, str], policy: PolicyOptions) -> Sequence[Change]:
    from pushpolicy.evaluate.authoring.changes import compare

    if policy.policies or policy.conftest:
        raise UsageError("A and B name what is compared", "leave --policy and --conftest out")
    engine = judging_engine(policy.engine)
    sides = [tuple(name.split(",")) for name in names]
    # A release is compared with the folder that is to follow it: that has no signature to look for.
    unsigned = msgspec.structs.replace(policy, policy_keys=(), min_sequence=None)
    signed = [any(map(is_artifact, side)) for side in sides]
    options = [policy if has or not any(signed) else unsigned for has in signed]
    # Nothing is decided with them: in the repository of the policy itself they are what they say.
    before, after = (_set(side, given, engine) for side, given in zip(sides, options, strict=True))
    return compare(before, after)


def _set(sources: tuple[str, ...], policy: PolicyOptions, engine: LocalOpa) -> PolicySet:
    return load_policy(sources, engine, trust=policy.trust, artifacts=fetched(sources, policy))


def _denials(path: Path, policy: PolicySet, engine: LocalOpa) -> Sequence[Mapping[str, Any]]:
    """What was denied, of a decision as it is, of evidence as it would be now."""
    document = _read(path)
    if document.value.get("schema") != SCHEMA:
        return [msgspec.structs.asdict(each) for each in evaluate(policy, document, engine).violations]
    found = document.value.get("violations")
    if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
        raise InputError(f"{path}: not a decision: it has no list of violations")
    return found


def _read(path: Path) -> Document:
    with reading(path):
        return _document(path)


def _document(path: Path) -> Document:
    return Document.read(read_file(path, MAX_DOCUMENT_SIZE).removesuffix(b"\n"))


def _load(
    sources: tuple[str, ...], policy: PolicyOptions, config: str | None
) -> tuple[PolicySet, LocalOpa, tuple[str, ...]]:
    """The set that the arguments name, or the pack; what evaluates it; and the sources it was read from."""
    named, repository = _named(sources, policy), repository_of(sources, policy, config)
    engine = judging_engine(policy.engine)
    artifacts = fetched(named, policy)
    loaded = load_policy(named, engine, repository, policy.trust, conftest_of(policy), artifacts)
    return loaded, engine, (*named, *repository.rules)


def _named(sources: tuple[str, ...], policy: PolicyOptions) -> tuple[str, ...]:
    return (*sources, *policy.policies) or (PACK,)
