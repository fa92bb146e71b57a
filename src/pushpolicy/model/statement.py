"""The form of an in-toto statement (in-toto attestation v0.1 and v1, statement.md)."""

from __future__ import annotations

from pushpolicy.model.strict_json import Shape

STATEMENT_TYPE = "https://in-toto.io/Statement/"
STATEMENT_SHAPE = Shape(
    {
        **dict.fromkeys(("_type", "predicateType", "predicate")),
        # resource_descriptor.md
        "subject": Shape(
            dict.fromkeys(
                ("name", "uri", "digest", "content", "downloadLocation", "mediaType", "annotations")
            )
        ),
    }
)
