"""The evidence document is checked here: OPA type-checks rules against the schema, and never the input."""

from __future__ import annotations

import json
from functools import cache

from pushpolicy.errors import InputError
from pushpolicy.evaluate.json_schema import Check, MismatchError, compile_schema
from pushpolicy.evaluate.sources import policies
from pushpolicy.model.canonical import MAX_DEPTH, check_depth, holds_null
from pushpolicy.model.document import Document
from pushpolicy.model.text import printable
from pushpolicy.records.floor import SCHEMA as EVIDENCE


def validate(document: Document) -> None:
    """Check a document against ``pushpolicy.evidence/v1``.

    Raises:
        InputError: naming the first place that does not fit, as in ``scans.items[0].findings[3].severity``.
    """
    schema = document.value.get("schema", EVIDENCE)
    if isinstance(schema, str) and schema != EVIDENCE:
        raise InputError(
            f"this is no evidence, but of the form {printable(schema)}", "`pushpolicy gather` writes evidence"
        )
    try:
        _check()(document.value)
        check_depth(document.value.get("extra", {}), MAX_DEPTH)
        # Looking through all of it is slow, and the word is rare.
        if b"null" in document.content and holds_null(document.value):
            raise MismatchError("holds null; a field that is not known is left out")
    except ValueError as error:
        raise InputError(
            f"the evidence does not fit its schema: {printable(str(error), 300)}",
            "`pushpolicy schema evidence` prints the schema",
        ) from error


@cache
def _check() -> Check:
    return compile_schema(json.loads((policies() / "schema" / "evidence.v1.json").read_bytes()))
