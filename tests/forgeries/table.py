"""All rows."""

from __future__ import annotations

from tests.forgeries import envelopes, places, records, statements
from tests.forgeries.scene import Row

MODULES = (envelopes, statements, places, records)
TABLE: dict[str, Row] = {name: row for module in MODULES for name, row in module.ROWS.items()}
