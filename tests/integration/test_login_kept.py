"""What ``--login`` obtained is in no child's environment or arguments, no file and no output of its run."""

from __future__ import annotations

import base64
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pushpolicy import errors
from pushpolicy.model import canonical
from tests.fake_registry import Answered, Asked, fake_registry
from tests.faults.honest import Honest
from tests.policies import write_policy
from tests.workspace import IMAGE, Workspace

JOB, MINTED = "the-token-of-the-job", "a-token-of-an-hour"
FORMS = [MINTED.encode(), base64.b64encode(MINTED.encode()).rstrip(b"=")]
LOGIN = {"WWW-Authenticate": 'Basic realm="x"'}
# Lists what is started with which arguments and variables, and which variables are set (audit events).
WATCHED = """
import os, sys
from pushpolicy.__main__ import run
LISTED = {"os.exec", "os.fork", "os.posix_spawn", "os.putenv", "os.system", "subprocess.Popen"}
log = os.open(sys.argv.pop(1), os.O_WRONLY | os.O_CREAT | os.O_APPEND)
def listen(event, arguments):
    if event in LISTED:
        os.write(log, f"{event} {arguments!r} {dict(os.environ)!r}\\n".encode())
sys.addaudithook(listen)
run()
"""


def tree(process: int) -> Iterator[Path]:
    """The folders in /proc of a process and of all below it."""
    yield Path(f"/proc/{process}")
    for children in Path(f"/proc/{process}/task").glob("*/children"):
        for child in children.read_text().split():
            yield from tree(int(child))


def holds(place: Path) -> Iterator[bytes]:
    """Environment and arguments of a process, and what its open files hold, unlinked ones too."""
    try:
        yield (place / "environ").read_bytes()
        yield (place / "cmdline").read_bytes()
        yield from (link.read_bytes() for link in (place / "fd").iterdir() if link.is_file())
    except (FileNotFoundError, ProcessLookupError):  # it has ended
        return


def in_files(folder: Path) -> Iterator[bytes]:
    for path in folder.rglob("*"):
        if path.is_file() and not path.is_symlink():
            yield path.read_bytes()


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="there is no /proc to look into")
def test_what_was_obtained_is_nowhere_but_in_memory(workspace: Workspace, tmp_path: Path) -> None:
    registry, seen, running_as = Honest(), list[bytes](), list[int]()

    def answer(asked: Asked) -> Answered:
        if asked.headers.get("Authorization") == f"Bearer {MINTED}":
            for place in tree(running_as[0]):
                seen.extend(holds(place))
            seen.extend(in_files(tmp_path))
            return registry(asked)
        return registry(asked) if asked.method in ("GET", "HEAD") else Answered(status=401, headers=LOGIN)

    def token(_: Asked) -> Answered:
        said = {"access_token": MINTED, "token_type": "Bearer", "expires_in": 600}
        return Answered(body=canonical.encode(said))

    with fake_registry(answer) as running, fake_registry(token) as service:
        trust = f"exchanges: {{broker: {{url: 'http://{service.host}/token'}}}}\n"
        write_policy(tmp_path / "policy", {}, trust=trust)
        target = f"{running.host}/team/app:edge"
        options = (
            "--policy",
            "pack",
            "--policy",
            "../policy",
            "--login",
            "broker",
            "--format",
            "json=out.json",
        )
        process = subprocess.Popen(
            [sys.executable, "-P", "-c", WATCHED, str(tmp_path / "log"), "push", IMAGE, target, *options],
            cwd=workspace.folder,
            env={**workspace.environ, "PUSHPOLICY_ID_TOKEN": JOB},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        running_as.append(process.pid)
        out, err = process.communicate(timeout=120)
    assert process.returncode == errors.EXIT_OK, err.decode()
    assert registry.tags
    assert any(JOB.encode() in each for each in seen)  # the look into the process sees what is there
    log = (tmp_path / "log").read_bytes()
    assert all(program in log for program in (b"/opa'", b"git'"))
    for form in FORMS:
        assert not [each for each in (out, err, *seen, *in_files(tmp_path)) if form in each]
