"""What a recorded decision was made on: in a few lines, or whole."""

from __future__ import annotations

import json
from collections.abc import Iterator

from pushpolicy.audit.facts import Evidence, facts
from pushpolicy.model.text import printable


def evidence_summary(evidence: Evidence) -> Iterator[str]:
    """Who pushed, from where, with which credential; and what is known of the image. A line for each."""
    for label, text in facts(evidence):
        yield f"{f'{label}:':<15} {printable(text, 500)}"


def evidence_lines(evidence: Evidence) -> Iterator[str]:
    """The whole document, as JSON that acts on no terminal or CI runner, on many lines."""
    for line in json.dumps(evidence, indent=2, sort_keys=True).splitlines():
        # `##[` is a command to some runners; in JSON only a text has it.
        yield line.replace("##", "#\\u0023")
