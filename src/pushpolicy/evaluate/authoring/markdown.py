"""Markdown, as far as the generated pages need it."""

from __future__ import annotations


def row(*cells: str) -> str:
    """One line of a table."""
    return "| " + " | ".join(cell.replace("|", r"\|") for cell in cells) + " |"
