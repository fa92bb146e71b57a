"""The command group, and the one boundary where failures become exit codes (design section 4)."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module

import click

from pushpolicy import __version__, errors
from pushpolicy.cli import environment
from pushpolicy.cli.report import say

# Command name to the module under pushpolicy.cli that defines it as `command`, and its help line.
# A module is imported only when its command runs or prints its help: start-up is part of every push.
_COMMANDS = {
    "push": ("push", "Decide, publish on ALLOW, attach the record, verify, move the tags."),
    "check": ("check", "Decide without writing anything to the target."),
    "gather": ("gather", "Print the evidence document."),
    "run": ("run", "Run a test or scan command and capture what it did."),
    "evaluate": ("evaluate", "Decide on an existing evidence document."),
    "policy": ("policy", "Check the policies that decide."),
    "audit": ("audit", "List, show and replay past decisions; try a policy on them."),
    "doctor": ("doctor", "Say what is found here: engine, reports, CI, credential."),
    "demo": ("demo", "Show the whole way on a sample application."),
    "schema": ("schema", "Print the JSON Schema of a document."),
}


class _LazyGroup(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in _COMMANDS:
            return None
        command: click.Command = import_module(f"pushpolicy.cli.{_COMMANDS[name][0]}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in _COMMANDS.items()])


@click.command(
    cls=_LazyGroup,
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
    try:
        code = cli.main(args=argv, prog_name="pushpolicy", standalone_mode=False)
        # Every command returns its code: without one nobody knows what was done.
        return code if isinstance(code, int) else errors.EXIT_BUG
    except SystemExit:
        # click's own, when the reader of its output went away. Wherever that was: not a success.
        return errors.EXIT_INTERRUPTED
    except errors.PushPolicyError as error:
        _fail(error.message, error.hint)
        return error.exit_code
    except click.exceptions.NoArgsIsHelpError as error:
        say(error.format_message())
        return errors.EXIT_USAGE
    except click.ClickException as error:
        usage = error.ctx.command_path if isinstance(error, click.UsageError) and error.ctx else "pushpolicy"
        _fail(error.format_message(), f"see '{usage} --help'")
        return errors.EXIT_USAGE
    except (KeyboardInterrupt, click.Abort):
        _fail("interrupted", "no tag was moved, unless a report above says so")
        return errors.EXIT_INTERRUPTED
    except Exception as error:  # noqa: BLE001 - the boundary: a bug ends without a push and says so
        if isinstance(error, OSError) and _is_click_writing(error):
            _fail(f"standard output cannot be written: {error.strerror}", None)
            return errors.EXIT_INPUT
        _fail(*_crash(error))
        return errors.EXIT_BUG


def _fail(message: str, hint: str | None) -> None:
    from pushpolicy.cli.redaction import without_secrets
    from pushpolicy.model.text import printable

    for line in without_secrets(message).split("\n"):
        say(f"pushpolicy: {printable(line, 1000)}")
    if hint:
        say(f"  -> {printable(without_secrets(hint), 1000)}")


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
