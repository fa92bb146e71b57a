"""Run the tests on every Python that this machine has, and say which were run.

The whole suite runs on the Python that `make` takes; on each other one (the newest of each minor release, of
the system and of pyenv) all but what is not about Python. pyproject.toml names the promised ones.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parent.parent
RELEASES = ("3.11", "3.12", "3.13", "3.14")
CLASSIFIER = "Programming Language :: Python :: "
WHOLE, PART = "everything", "what is about Python"
# What OPA, a registry or a builder answers does not depend on the Python that asks.
LEFT_OUT = """
    tests/attacks tests/corpus tests/faults tests/fuzz tests/registry_table tests/simulation
    tests/integration/test_audit_diff.py tests/integration/test_audit_export.py
    tests/integration/test_audit_fleet.py tests/integration/test_audit_gaps.py
    tests/integration/test_audit_impact.py tests/integration/test_audit_mirror.py
    tests/integration/test_audit_raw.py tests/integration/test_audit_resume.py
    tests/integration/test_audit_show.py tests/integration/test_audit_sql.py
    tests/integration/test_batches.py tests/integration/test_builders.py
    tests/integration/test_cli_exit_codes.py tests/integration/test_cluster.py
    tests/integration/test_conftest_judge.py tests/integration/test_conftest_policies.py
    tests/integration/test_deploy.py tests/integration/test_documented_what_if.py
    tests/integration/test_extra_types.py tests/integration/test_failing_open.py
    tests/integration/test_fetched_builders.py tests/integration/test_forged_policies.py
    tests/integration/test_leaves.py tests/integration/test_made_rules.py tests/integration/test_margins.py
    tests/integration/test_mirror_confirms.py tests/integration/test_odd_rules.py
    tests/integration/test_pages.py tests/integration/test_records_not_valid.py
    tests/integration/test_records_that_lie.py tests/integration/test_referrers_kinds.py
    tests/integration/test_registry_tries.py tests/integration/test_reuse.py tests/integration/test_rules.py
    tests/integration/test_sigstore.py tests/integration/test_waivers.py tests/integration/test_what_if.py
    tests/integration/test_wrong_policies.py tests/unit/evaluate/authoring/test_testing.py
"""
PYENV = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
ASK = "import sys; print('%d.%d.%d' % sys.version_info[:3], sys.base_prefix)"


class Python(NamedTuple):
    """An interpreter, as it says of itself."""

    path: Path
    version: str
    prefix: str

    @property
    def release(self) -> str:
        """Its minor release, as `3.12`."""
        return self.version.rpartition(".")[0]


class Row(NamedTuple):
    """A line of the table."""

    python: str
    ran: str
    result: str
    seconds: float
    failed: bool = False


def main() -> int:
    """Run, print the table, and return 1 when anything failed or a classifier is missing."""
    default, others = _default(), _others()
    rows = [_tested(default, WHOLE, [])]
    left_out = " ".join(f"--ignore={path}" for path in LEFT_OUT.split())
    part = [f"PYTEST=--numprocesses auto --dist worksteal {left_out}"]
    for python in others:
        if python.prefix != default.prefix:
            own = [f"VENV=.venv-{python.version}", f"PYTHON={python.path}"]
            rows.append(_tested(python, PART, [*own, *part]))
    rows += _absent({python.release for python in (default, *others)})
    for row in rows:
        print(f"{row.python:<28} {row.ran:<30} {row.seconds:>6.0f} s  {row.result}")
    return 1 if any(row.failed for row in rows) else 0


def _default() -> Python:
    found = _asked(ROOT / ".venv/bin/python")
    assert found, "make check, which runs before, makes it"
    return found


def _others() -> list[Python]:
    """The newest of each minor release and place."""
    system = [Path(f"/usr/bin/python{release}") for release in RELEASES]
    pyenv = [path for release in RELEASES for path in (PYENV / "versions").glob(f"{release}.*/bin/python3")]
    newest: dict[tuple[str, bool], Python] = {}
    for python in sorted(filter(None, map(_asked, [*system, *pyenv])), key=_age):
        newest[python.release, PYENV in python.path.parents] = python
    return list(newest.values())


def _age(python: Python) -> list[int]:
    return [int(part) for part in python.version.split(".")]


def _asked(path: Path) -> Python | None:
    try:
        said = subprocess.run([path, "-c", ASK], capture_output=True, text=True, check=True).stdout.split()
    except (OSError, subprocess.CalledProcessError):
        return None
    return Python(path, *said)


def _tested(python: Python, ran: str, variables: list[str]) -> Row:
    """Run the tests; the first run on a Python sets it up, and its wheels stay in pip's cache.

    What failed is run once more, alone: on a busy machine a test can run out of its own time. The table says
    so; what fails again has failed.
    """
    started = time.monotonic()
    failed, result = _run(["make", "test", *variables])
    if failed:
        others = [each for each in variables if not each.startswith("PYTEST=")]
        alone = "PYTEST=--numprocesses 0 --last-failed --last-failed-no-failures none"
        failed, again = _run(["make", "test", *others, alone])
        result = (
            f"FAILED, {result}, run again alone: {again}" if failed else f"{result}, run again alone: {again}"
        )
    return Row(f"{python.version} {python.prefix}", ran, result, time.monotonic() - started, failed)


def _run(argv: list[str]) -> tuple[bool, str]:
    """Whether it failed, and the summary that pytest printed."""
    summary = "no test was run"
    print(f"\n{' '.join(argv)}", flush=True)
    with subprocess.Popen(
        argv, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        for line in process.stdout:
            print(line, end="", flush=True)
            if found := re.search(r"\d+ (?:passed|failed).*(?= in [\d.]+s)", line):
                summary = found[0]
    return process.returncode != 0, summary


def _absent(here: set[str]) -> Iterator[Row]:
    """What the classifiers promise and this machine lacks, and the other way round."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    promised = {
        line.removeprefix(CLASSIFIER) for line in project["classifiers"] if line.startswith(CLASSIFIER)
    }
    for release in RELEASES:
        if release in here and release not in promised:
            yield Row(release, "", "FAILED, it has no classifier in pyproject.toml", 0, failed=True)
        if release not in here:
            yield Row(release, "not run", "not here" if release in promised else "not here, not promised", 0)


if __name__ == "__main__":
    sys.exit(main())
