"""``pushpolicy evaluate``: decide on a document that exists already."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pushpolicy import errors
from pushpolicy.cli import environment
from pushpolicy.cli import options as shared
from pushpolicy.cli.formats import Kind
from pushpolicy.cli.options import PolicyOptions, ServerOptions
from pushpolicy.cli.policies import read_policy
from pushpolicy.cli.report import Outputs
from pushpolicy.engines import Engine
from pushpolicy.errors import InputError, UsageError
from pushpolicy.evaluate import PolicySet, evaluate, evaluate_bytes
from pushpolicy.files import read_file
from pushpolicy.model.document import Document

if TYPE_CHECKING:
    from pushpolicy.model.decision import Decision

MAX_DOCUMENT_SIZE = 512 * 1024 * 1024
_HINT = "`pushpolicy gather` writes one"


@click.command("evaluate", short_help="Decide on an existing evidence document.")
@click.argument("evidence")
@shared.config_option
@shared.policy_options
@shared.server_options
@click.option("--at", metavar="TIME", help="Decide as of this time instead of the document's own.")
@click.option(
    "--explain",
    "explained",
    multiple=True,
    metavar="RULE",
    help="Say why RULE says what it says: what led to it, what it reads, and what was there; repeatable.",
)
@click.option(
    "--trace",
    type=click.Choice(["fails", "notes", "full"]),
    help="With --explain, show OPA's own trace of the rule, too: what failed, what was noted, or all.",
)
@click.option("--margins", "told", is_flag=True, help="Say how far it is from another decision.")
@click.option("--watch", is_flag=True, help="Decide again whenever the evidence or the policy is saved.")
@shared.format_option(Kind.DECISION)
def command(
    evidence: str,
    config: str | None,
    policy: PolicyOptions,
    server: ServerOptions,
    at: str | None,
    outputs: Outputs,
    *,
    explained: tuple[str, ...],
    trace: str | None,
    told: bool,
    watch: bool,
) -> int:
    """Decide on the document EVIDENCE, as `pushpolicy gather` writes it and a denied push keeps it.

    The decision is as of the time in the document. It is never a permit: nothing can be pushed with it.
    What rules print() is shown on standard error.

    With --margins: by how much each threshold passes or fails, and what the next 30 days change, by asking
    OPA again with other values and at later times.
    """
    time = None if at is None else environment.parse_time(at).strftime("%Y-%m-%dT%H:%M:%SZ")
    if trace and not explained:
        raise UsageError("--trace is of the rules that --explain names", "add --explain RULE")

    def decide(outputs: Outputs) -> Decision:
        from pushpolicy.cli.printing import show_printed, sources
        from pushpolicy.cli.render import decision as render
        from pushpolicy.evaluate.prints import printing_rules

        deciding = read_policy(config, policy, server)
        if explained:
            from pushpolicy.evaluate.explain import check_names

            check_names(explained, deciding.policy)
        decision, document = _decide(deciding.policy, Path(evidence), time, deciding.judge.engine)
        if printing_rules(deciding.policy):
            show_printed(deciding, policy, document)
        report = render.decided(decision, document)
        if explained:
            from pushpolicy.cli.render.explain import with_explanations
            from pushpolicy.evaluate.explain import Asked, explain

            opa = deciding.judge.program("--explain asks OPA again")
            asked = Asked(rules=explained, sources=sources(deciding, policy), trace=trace)
            report = with_explanations(report, explain(deciding.policy, opa, decision, document, asked))
        if told:
            from pushpolicy.cli.render.margins import with_margins
            from pushpolicy.evaluate.margins import margins

            opa = deciding.judge.program("--margins asks OPA again")
            found = margins(deciding.policy, opa, document, decision)
            report = with_margins(report, found)
        outputs.write(report, _code(decision))
        return decision

    if watch:
        from pushpolicy.cli import watch as watching

        return watching.watch(decide, watching.Paths(evidence, config, policy), outputs)
    return _code(decide(outputs))


def _code(decision: Decision) -> int:
    return errors.EXIT_OK if decision.allowed else errors.EXIT_DENIED


def _decide(policy: PolicySet, path: Path, time: str | None, engine: Engine) -> tuple[Decision, Document]:
    """The decision, and the document that it is on."""
    with reading(path):
        # The line end of a text file is no part of the document.
        content = read_file(path, MAX_DOCUMENT_SIZE).removesuffix(b"\n")
        if time is None:
            return evaluate_bytes(policy, content, engine)
        document = Document.read(content)
    document = Document.of({**document.value, "evaluated_at": time})
    return evaluate(policy, document, engine), document


@contextmanager
def reading(path: Path, wanted: str = "an evidence document", hint: str = _HINT) -> Iterator[None]:
    """Read a document, or fail as for evidence that was named.

    Raises:
        InputError: when the file cannot be read, or is no strict JSON.
    """
    try:
        yield
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}", hint) from error
    except ValueError as error:
        raise InputError(f"{path}: not {wanted}: {error}", hint) from error
