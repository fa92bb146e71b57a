"""What oras-py imports and a push does not use is not executed by it, and works for who uses it."""

from __future__ import annotations

import subprocess
import sys

import pytest

JSONSCHEMA = """
import jsonschema
try:
    jsonschema.validate(1, {"type": "string"})
except jsonschema.ValidationError as error:
    print(error.message)
"""
OWN_CLIENT = """
import oras.provider
client = oras.provider.Registry("registry.example")
print(client.session.cookies.get_policy().allowed_domains())
"""


@pytest.mark.parametrize(("use", "said"), [(JSONSCHEMA, "1 is not of type 'string'\n"), (OWN_CLIENT, "()\n")])
def test_what_waits_until_it_is_used(use: str, said: str) -> None:
    program = f"""
import sys
import pushpolicy.registry.remote
executed = {{"jsonschema.validators", "requests.sessions"}} & set(sys.modules)
assert not executed, executed
{use}"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert (done.stdout, done.stderr) == (said, "")
