"""One record."""

from __future__ import annotations

from collections.abc import Iterator

import click

from pushpolicy.audit.standing import Standing
from pushpolicy.cli.formats import Kind, Report
from pushpolicy.cli.render.audit.lines import audit_document, summary_json
from pushpolicy.cli.render.decision import count, decision_lines
from pushpolicy.model.text import printable
from pushpolicy.records.read import Record


def record(found: Record, how: Standing) -> Report:
    """One record with its decision and evidence, as ``pushpolicy.audit.show/v1``."""
    return Report(
        Kind.RECORD,
        lambda: _record_lines(found, how),
        lambda: audit_document(
            "show",
            {
                **summary_json(found.summary, how),
                "redacted": found.redacted,
                "evidence": found.evidence.value,
            },
        ),
        (found.decision,),
    )


def _record_lines(found: Record, how: Standing) -> Iterator[str]:
    """The decision as it was printed then, what is to be said beside it, and what the record holds."""
    if how.signature.by and how.wrong:  # what is verified reads as what is meant
        yield f"{click.style('NOT VALID', fg='red', bold=True)}: {'; '.join(how.wrong)}"
    yield from decision_lines(found.decision, how.remarks, doubt=how.doubt)
    summary = found.summary
    yield f"{'record:':<15} {summary.digest}"
    for tag, digest in summary.previous.items():
        yield f"{'before:':<15} {digest} of tag {printable(tag)}"
    for each in found.evidence.value.get("records", {}).get("items", ()):
        if each["verified"]:
            place = f"{each['digest']} in {each.get('registry')}/{each.get('repository')}"
            said = f"{each.get('verdict')} of {each.get('at')}, verified by {each.get('verified_by')} then"
            yield f"{'earlier:':<15} {printable(f'{place} ({said})', 500)}"
    for layer in summary.layers:
        title = layer.annotations.get("org.opencontainers.image.title", layer.media_type)
        yield f"{'holds:':<15} {printable(title)} ({layer.size} bytes, {layer.digest})"
    if found.redacted:
        reports = count(found.redacted, "report")
        yield f"{'redacted:':<15} {reports}, of which only digests were kept; the decision still replays"
    yield f"{'signature:':<15} {str(how.signature).removeprefix('signature: ')}"
