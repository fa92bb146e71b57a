"""Fuzzing of audit: mutated records, put right as a forger would, through the commands that read them.

    python -m tests.fuzz.records [--seconds N] [--seed N] [--keep FOLDER]

Whatever a record holds, they end soon, with a code that means something: never with 70, nor by a signal.
Ends with 1 at the first that does not, whose layout is kept for a test.
"""

from __future__ import annotations

import argparse
import contextlib
import faulthandler
import io
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from random import Random
from typing import Any, NoReturn

from pushpolicy import errors
from pushpolicy.cli.main import main as pushpolicy
from pushpolicy.evaluate.bundle import pack
from tests import workspace as workspaces
from tests.forgery import Parts, forge
from tests.fuzz.mutations import changed, mutate
from tests.workspace import Workspace

TAG = "1.0.0"
TARGET, LAYOUT = workspaces.TARGET, workspaces.TARGET.removesuffix(f":{TAG}")
MAX_SECONDS = 60
COMMANDS = (
    ("show", TARGET),
    ("replay", TARGET),
    ("gaps", LAYOUT),
    ("fleet", LAYOUT),
    ("impact", "CVE-2026-0001", "--package", "pkg:**", LAYOUT),
)
CODES = frozenset({errors.EXIT_OK, errors.EXIT_DIFFERS, errors.EXIT_RECORD})

# What a forger meets whose record no repository would take.
NOT_MADE = (
    errors.PushPolicyError,
    *(ValueError, TypeError, AttributeError, LookupError, OverflowError, RecursionError),
)


class Broken(BaseException):
    """The rule does not hold; nothing that is tested may catch it."""


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz.records")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", type=Path, default=Path(".fuzz").absolute())
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="fuzz-") as folder:
        return by_chance(honest(Path(folder)), Path(folder), options)


def honest(folder: Path) -> Path:
    """The layout that a real push wrote."""
    (folder / "made").mkdir()
    copy, environ = workspaces.copied(workspaces.build(folder / "made"), folder)
    place = Workspace(folder=copy, environ=environ, run_here=lambda *_: _unused())
    with place.start("push", workspaces.IMAGE, workspaces.TARGET, stderr=subprocess.STDOUT) as process:
        out, _ = process.communicate()
    if process.returncode:
        raise SystemExit(out.decode())
    return copy / "registry"


def by_chance(source: Path, folder: Path, options: argparse.Namespace) -> int:
    """Mutate the record until the time is over; gives the exit code."""
    random, outcomes, number = Random(options.seed), Counter[str](), 0
    end, slowest = time.monotonic() + options.seconds, 0.0
    os.chdir(folder)  # a record names its repository as the push did
    while time.monotonic() < end:
        place, number = folder / workspaces.TARGET.split(":")[1], number + 1
        shutil.rmtree(place, ignore_errors=True)
        try:
            forge(source, place, TAG, lambda parts: forged(parts, random))
        except NOT_MADE:
            outcomes["no record"] += 1  # nothing that a repository would take
            continue
        for command in COMMANDS:
            start = time.monotonic()
            try:
                code = run("audit", *command)
            except BaseException as error:
                kept = options.keep / f"record-{options.seed}-{number}"
                shutil.copytree(place, kept / place.name)
                print(f"audit {command[0]}, in {kept}: {error!r:.300}", file=sys.stderr)
                raise
            slowest = max(slowest, time.monotonic() - start)
            outcomes[f"{command[0]} {code}"] += 1
    print(f"{number} records, the slowest command {slowest:.2f} s, {_memory()}")
    print(", ".join(f"{name}: {times}" for name, times in sorted(outcomes.items())))
    return 0


def forged(parts: Parts, random: Random) -> None:
    """Change one part; as a rule with the digests of the others put right."""
    parts.linked = random.random() < 0.8
    part = random.choice(
        ("decision", "decision", "evidence", "evidence", "policy", "policy", "bundle", "manifest")
    )
    if part == "bundle":
        parts.bundle = mutate(pack(parts.policy), random)
    elif part != "policy":
        setattr(parts, part, _object(getattr(parts, part), random))
    else:
        data = [path for path in parts.policy if path.startswith("data/")]  # the rest is known by its digest
        path = random.choice(sorted(data if random.random() < 0.8 else parts.policy))
        parts.policy[path] = mutate(parts.policy[path], random)


def _object(value: dict[str, Any], random: Random) -> Any:
    for _ in range(random.choice((1, 1, 2))):
        value = changed(value, random)
    return value


def run(*arguments: str) -> int:
    """Run pushpolicy in this process.

    Raises:
        Broken: when it ends with a code that says nothing about a record.
    """
    out, start = io.StringIO(), time.monotonic()
    # Audit has the alarm for itself. Where it hangs all the same, this says where, and ends.
    faulthandler.dump_traceback_later(2 * MAX_SECONDS, exit=True)
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
            code = pushpolicy(arguments)
    finally:
        faulthandler.cancel_dump_traceback_later()
    if time.monotonic() - start > MAX_SECONDS:
        raise Broken(f"more than {MAX_SECONDS} s")
    if code not in CODES:
        raise Broken(f"exit {code}: {out.getvalue()[-2000:]}")
    return code


def _memory() -> str:
    peaks = (
        resource.getrusage(who).ru_maxrss // 1024 for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )
    return "{} MiB at most, OPA {} MiB".format(*peaks)


def _unused() -> NoReturn:
    raise AssertionError("a process of its own is started")


if __name__ == "__main__":
    sys.exit(main())
