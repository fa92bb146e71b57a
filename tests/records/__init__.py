"""Records as each released version wrote them: a folder for each, with the keys that signed them.

They are read, verified, decided and built again for ever (tests/integration/test_golden_records.py). Those of
a version that is not released yet are written anew where its format changes on purpose: `python -m
tests.records`, and read what git shows.
"""

from __future__ import annotations

from pathlib import Path

FOLDER = Path(__file__).parent
VERSIONS = sorted(path.parent.name for path in FOLDER.glob("*/trust.yaml"))
# The layouts beside trust.yaml. A decision names a layout by its path.
LAYOUT, DENIALS = "registry", "denials"
