"""`pushpolicy policy init`: a rule to begin with, whose tests and examples hold."""

from __future__ import annotations

from pathlib import Path

from pushpolicy.errors import UsageError
from pushpolicy.evaluate.sources import RULE_NAME, policies
from pushpolicy.model.text import printable

_TEMPLATE = "new_rule"
# The words of Rego, under which nothing can be imported.
_RESERVED = frozenset(
    {
        *("as", "contains", "data", "default", "else", "every", "false", "if", "import", "in", "input"),
        *("not", "null", "package", "some", "true", "with"),
    }
)


def begin_rule(name: str, folder: Path) -> tuple[Path, ...]:
    """Write a rule with a test and examples into a new folder of that name; returns the files.

    Raises:
        UsageError: when it cannot be a rule's name, its folder is there already, or it cannot be written.
    """
    if not RULE_NAME.fullmatch(name) or name in _RESERVED:
        raise UsageError(
            f"{printable(name)!r} cannot be the name of a rule",
            "write small letters, digits and _, a letter first, 64 at most, and no word of Rego",
        )
    if (policies() / "rules" / name).exists():
        raise UsageError(f"the shipped pack has a rule named {name}", "give the rule another name")
    try:
        (folder / name).mkdir(parents=True)
        return tuple(_write(source, folder / name, name) for source in _templates())
    except FileExistsError as error:
        raise UsageError(
            f"{printable(str(error.filename))} is there already", "give the rule another name, or another DIR"
        ) from error
    except OSError as error:
        raise UsageError(f"{printable(str(error.filename))}: cannot be written: {error.strerror}") from error


def _templates() -> list[Path]:
    return sorted((policies() / "template" / _TEMPLATE).iterdir())


def _write(source: Path, folder: Path, name: str) -> Path:
    target = folder / source.name.replace(_TEMPLATE, name)
    with target.open("x", encoding="utf-8") as file:
        file.write(source.read_text("utf-8").replace(_TEMPLATE, name))
    return target
