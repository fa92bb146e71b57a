"""What oras-py imports and a push does not use is not executed by it, and works for who uses it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fake_registry import Answered, fake_registry
from tests.layouts import LayoutMaker

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
PUSH = """
import json, sys, threading
begun = []
start = threading.Thread.start
def note(thread):
    runs = thread._target or type(thread).run
    begun.append((runs.__module__, "oras.provider" in sys.modules))
    start(thread)
threading.Thread.start = note
from pushpolicy.cli.main import main
code = main(sys.argv[2:])
with open(sys.argv[1], "w") as file:
    used = sorted({"http.cookiejar", "jsonschema.validators", "requests.sessions"} & set(sys.modules))
    json.dump({"code": code, "begun": begun, "used": used}, file)
"""


@pytest.mark.parametrize(("use", "said"), [(JSONSCHEMA, "1 is not of type 'string'\n"), (OWN_CLIENT, "()\n")])
def test_what_waits_until_it_is_used(use: str, said: str) -> None:
    program = f"""
import sys
import pushpolicy.registry.remote
executed = {{"http.cookiejar", "jsonschema.validators", "requests.sessions"}} & set(sys.modules)
assert not executed, executed
{use}"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert (done.stdout, done.stderr) == (said, "")


def test_oras_py_is_imported_before_a_thread_starts_that_could_meet_a_stand_in(
    opa: Path, tmp_path: Path
) -> None:
    """By then OPA is started and its binary hashed, in threads that import nothing of others."""
    maker = LayoutMaker(tmp_path / "image")
    maker.add(maker.image(), name="1.0")
    answer = tmp_path / "answer.json"
    with fake_registry(lambda asked: Answered(status=404)) as registry:
        argv = ["push", "--dry-run", f"oci:{maker.root}:1.0", f"{registry.host}/team/app:1.0"]
        done = subprocess.run(
            [sys.executable, "-c", PUSH, str(answer), *argv],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert registry.asked, done.stderr
    said = json.loads(answer.read_text())
    assert said["code"] in (0, 10), done.stderr
    assert said["used"] == []
    before = {module for module, imported in said["begun"] if not imported}
    assert all(module.startswith("pushpolicy.engines.") for module in before)
    assert [module for module, imported in said["begun"] if imported]
