"""The command group, and the one boundary where failures become exit codes (design section 4)."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import suppress
from itertools import pairwise, takewhile

import click

from pushpolicy import __version__, errors
from pushpolicy.cli import environment
from pushpolicy.cli.groups import LazyGroup
from pushpolicy.cli.report import Outputs, fail, fail_with, say

_COMMANDS = {
    "push": "Decide, publish on ALLOW, attach the record, verify, move the tags.",
    "check": "Decide without writing anything to the target.",
    "gather": "Print the evidence document.",
    "run": "Run a test or scan command and capture what it did.",
    "evaluate": "Decide on an existing evidence document.",
    "policy": "Begin, check and test the rules that decide.",
    "keygen": "Make a key that signs, and print its entry for trust.yaml.",
    "audit": "List, show, verify and replay past decisions; try a policy on them.",
    "doctor": "Say what is found here: engine, reports, CI, credential.",
    "demo": "Show the whole way on a sample application.",
    "schema": "Print the JSON Schema of a document.",
}


@click.command(
    cls=LazyGroup,
    package="pushpolicy.cli",
    lazy=_COMMANDS,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Exit codes: 0 allowed or done, 2 usage, 10 denied, 20 image or evidence unreadable, 30 policy or "
    "engine, 40 push failed, 41 pushed but incomplete, 50 replay differs, 51 record invalid, 70 bug, "
    "130 interrupted.",
)
@click.version_option(__version__, message="%(prog)s %(version)s")
@click.pass_context
def cli(ctx: click.Context) -> None:
    """Publish a container image only when policy allows it, and leave the proof beside it."""
    if environment.environment().get("NO_COLOR"):
        ctx.color = False


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args:
        argv: the arguments without the program's name; None means those of this process.

    Returns:
        the exit code of design section 4.
    """
    outputs = Outputs()
    environment.hold_keys()
    try:
        # A variable of that name, which none can have, would make of every command the completion of one.
        code = cli.main(argv, "pushpolicy", complete_var="=", standalone_mode=False, obj=outputs)
        # Every command returns its code: without one nobody knows what was done.
        return code if isinstance(code, int) else errors.EXIT_BUG
    except SystemExit:
        # click's own, when the reader of its output went away. Wherever that was: not a success.
        return errors.EXIT_INTERRUPTED
    except errors.PushPolicyError as error:
        return fail(outputs, error)
    except click.exceptions.NoArgsIsHelpError as error:
        say(error.format_message())
        return errors.EXIT_USAGE
    except click.ClickException as error:
        given = sys.argv[1:] if argv is None else argv
        context = (error.ctx if isinstance(error, click.UsageError) else None) or _context(given, outputs)
        if not outputs.asked:
            _read_format(context, given)
        hint = f"see '{context.command_path} --help'"
        return fail_with(outputs, errors.EXIT_USAGE, error.format_message(), hint)
    except (KeyboardInterrupt, click.Abort):
        hint = "no tag was moved, unless a report above says so"
        return fail_with(outputs, errors.EXIT_INTERRUPTED, "interrupted", hint)
    except Exception as error:  # noqa: BLE001 - the boundary: a bug ends without a push and says so
        if isinstance(error, OSError) and _is_click_writing(error):
            message = f"standard output cannot be written: {error.strerror}"
            return fail_with(outputs, errors.EXIT_INPUT, message, None)
        return fail_with(outputs, errors.EXIT_BUG, *_crash(error))


def _context(argv: Sequence[str], outputs: Outputs) -> click.Context:
    """Whose arguments they are, where click does not say: as of an option that lacks its value."""
    context = click.Context(cli, info_name="pushpolicy", obj=outputs)
    for word in argv:
        group = context.command
        inner = group.get_command(context, word) if isinstance(group, click.Group) else None
        if inner is None:
            break
        context = click.Context(inner, info_name=word, parent=context)
    return context


def _read_format(context: click.Context, argv: Sequence[str]) -> None:
    """Handle the ``--format`` of a command whose arguments the parser gave up on."""
    own = list(takewhile(lambda argument: argument != "--", argv))
    typed = [value for name, value in pairwise(own) if name == "--format"]
    typed += [argument.removeprefix("--format=") for argument in own if argument.startswith("--format=")]
    for option in context.command.params:
        if option.name == "outputs":
            with suppress(errors.UsageError):
                option.handle_parse_result(context, {option.name: typed} if typed else {}, [])


def _is_click_writing(error: OSError) -> bool:
    """Whether it comes from where click prints help or version, which no code of ours stands around."""
    import traceback

    return traceback.extract_tb(error.__traceback__)[-1].filename == click.utils.__file__


def _crash(error: Exception) -> tuple[str, str]:
    from pushpolicy.cli.crash import where, write_report

    try:
        hint = f"please report it with {write_report(error)}"
    except OSError:
        hint = f"please report it; it is in {where(error)}"
    return f"a bug in pushpolicy: {type(error).__name__} (nothing more was written)", hint
