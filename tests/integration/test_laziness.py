"""Start-up is part of every push: a command imports only what it uses."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests import imports

EVIDENCE = Path(__file__).parents[2] / "policies" / "schema" / "evidence.v1.example.json"
NETWORK = {"aiohttp", "opa_client", "oras", "requests", "rich", "urllib3"}
PARSERS = {"fastjsonschema", "msgspec", "rfc8785", "xml.etree.ElementTree", "yaml"}
# It loads OpenSSL: while OPA is at work already.
DIGESTS = {"hashlib"}
ROOMS = {f"pushpolicy.{name}" for name in ("gather", "http", "images", "push", "registry", "reports")}
PROGRAM = """
import json, sys
from pushpolicy.cli.main import main
code = main(sys.argv[2:])
with open(sys.argv[1], "w") as file:
    json.dump({"code": code, "modules": sorted(sys.modules)}, file)
"""


def _modules_after(arguments: list[str], folder: Path) -> set[str]:
    """The modules that are loaded when the command has ended as it should."""
    answer = folder / "answer.json"
    argv = [sys.executable, "-c", PROGRAM, str(answer), *arguments]
    done = subprocess.run(argv, cwd=folder, capture_output=True, text=True, timeout=60, check=False)
    assert answer.exists(), done.stderr
    said = json.loads(answer.read_text())
    assert said["code"] in (0, 10), done.stderr
    return set(said["modules"])


def _explain(module: str) -> str:
    eager = [edge for edge in imports.imports() if edge.eager]
    importers = [str(edge) for edge in eager if f"{edge.imported}.".startswith(f"{module}.")]
    return "\n  ".join([f"{module} is imported; at module level by:", *importers])


@pytest.mark.parametrize(
    ("arguments", "unused"),
    [
        pytest.param(["--version"], NETWORK | PARSERS | DIGESTS, id="version"),
        pytest.param(["--help"], NETWORK | PARSERS | DIGESTS, id="help"),
        pytest.param(["check", "--help"], NETWORK | DIGESTS, id="help of a push"),
        pytest.param(["evaluate", str(EVIDENCE)], NETWORK | ROOMS, id="evaluate"),
    ],
)
def test_a_command_imports_only_what_it_uses(
    arguments: list[str], unused: set[str], opa: Path, tmp_path: Path
) -> None:
    loaded = _modules_after(arguments, tmp_path) & unused
    assert not loaded, "\n".join(map(_explain, sorted(loaded)))


def test_what_msgspec_imports_where_it_is_there_is_left_out() -> None:
    program = (
        "import os, sys; os._exit = lambda _: print(*sys.modules); import pushpolicy.__main__ as it; it.run()"
    )
    argv = [sys.executable, "-c", program, "evaluate", "--help"]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=True)
    loaded = set(done.stdout.split())
    assert "msgspec" in loaded
    assert "typing_extensions" not in loaded


def test_a_push_without_a_token_imports_nothing_that_checks_one(tmp_path: Path) -> None:
    from tests.layouts import LayoutMaker  # images are made by few tests here

    maker = LayoutMaker(tmp_path / "image")
    maker.add(maker.image(), name="1.0")
    modules = _modules_after(["check", f"oci:{tmp_path / 'image'}", f"oci:{tmp_path / 'to'}:1.0"], tmp_path)
    assert not modules & {"jwt", "cryptography", "pushpolicy.identity.job", "pushpolicy.identity.verify"}


def test_what_tells_an_error_knows_nothing_of_networks() -> None:
    """Python 3.13.0 cannot import socket in a folder that is deleted, and that has to be told, too."""
    program = "import sys, pushpolicy.gather.secrets.search; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert not {"http.client", "socket", "ssl"} & set(done.stdout.split())
