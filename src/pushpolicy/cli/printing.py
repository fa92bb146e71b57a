"""What rules print(), told to whoever writes them; a push says nothing of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pushpolicy.cli.options import PolicyOptions
from pushpolicy.cli.policies import PolicyAndEngine
from pushpolicy.cli.report import say
from pushpolicy.errors import EngineError
from pushpolicy.evaluate import PACK
from pushpolicy.evaluate.prints import printed
from pushpolicy.model.text import printable

if TYPE_CHECKING:
    from pushpolicy.model.document import Document

_MOST = 200


def sources(deciding: PolicyAndEngine, options: PolicyOptions) -> tuple[str, ...]:
    """What the rules that decide were read from, as it was named."""
    return (*(options.policies or (PACK,)), *deciding.config.policies)


def show_printed(deciding: PolicyAndEngine, options: PolicyOptions, evidence: Document) -> None:
    """Tell on standard error what the rules printed about this evidence, with file and line."""
    try:
        opa = deciding.judge.program("it is asked of OPA again")
        lines = printed(deciding.policy, opa, evidence, sources(deciding, options))
    except EngineError as error:
        say(f"what rules print() cannot be shown: {printable(error.message, 400)}")
        return
    for each in lines[:_MOST]:
        say(f"{printable(each.file)}:{each.line}: {printable(each.text, 400)}")
    if len(lines) > _MOST:
        say(f"... and {len(lines) - _MOST} more lines of print()")
