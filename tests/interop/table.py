"""What became of every file, as a table of Markdown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tests.interop.judging import Judged
from tests.interop.programs import version

_HEAD = ("tool", "options", "read as", "bound by", "listed", "with flaws", "without")


def table(planted: Sequence[Judged], clean: Sequence[Judged]) -> Iterator[str]:
    """Its lines; where both images are in one cell, the one with flaws comes first."""
    yield _row(_HEAD)
    yield _row(["---"] * len(_HEAD))
    for with_flaws, without in zip(planted, clean, strict=True):
        output = with_flaws.output
        yield _row(
            (
                f"{output.tool} {version(output.tool)}",
                f"`{output.options}`",
                output.format,
                with_flaws.bound_by or "nothing",
                " / ".join(dict.fromkeys((with_flaws.counts, without.counts))),
                with_flaws.decision,
                without.decision,
            )
        )


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
