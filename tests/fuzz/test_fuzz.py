"""A short run of each fuzzer, with the same inputs as far as it gets; see the programs for a long one."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from pushpolicy.reports.limits import Limits
from pushpolicy.reports.recognise import FORMATS, read
from tests.report_files import SAMPLES

ROOT = Path(__file__).parents[2]


def test_every_format_has_a_sample() -> None:
    recognised = {read(path, Limits()).format.name for path in SAMPLES.iterdir()}
    assert recognised == {item.name for item in FORMATS}


def test_no_input_breaks_gather(tmp_path: Path) -> None:
    argv = [sys.executable, "-m", "tests.fuzz", "--seconds", "8", "--keep", str(tmp_path / "kept")]
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    assert "inputs" in done.stdout


def test_no_record_breaks_audit(tmp_path: Path, opa: Path) -> None:
    del opa
    argv = [sys.executable, "-m", "tests.fuzz.records", "--seconds", "4", "--keep", str(tmp_path / "kept")]
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    assert "records, the slowest" in done.stdout
