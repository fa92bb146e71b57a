"""jsonschema, which oras imports, is not executed by a push, and works for who uses it."""

from __future__ import annotations

import subprocess
import sys

PROGRAM = """
import sys
import pushpolicy.registry.transport
assert "jsonschema.validators" not in sys.modules, "jsonschema was executed"
import jsonschema
try:
    jsonschema.validate(1, {"type": "string"})
except jsonschema.ValidationError as error:
    print(error.message)
"""


def test_jsonschema_waits_until_it_is_used() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=60)
    assert (done.stdout, done.stderr) == ("1 is not of type 'string'\n", "")
