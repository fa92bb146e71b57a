"""What pip makes of the checkout: wheels that work away from it."""

from __future__ import annotations

import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# The backend is in the test environment, by hash; nothing is fetched while a test runs.
BUILD = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]


def _wheel(source: Path, folder: Path) -> Path:
    subprocess.run([*BUILD, "--wheel-dir", str(folder), str(source)], check=True, timeout=300)
    (wheel,) = folder.glob("*.whl")
    return wheel


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of pushpolicy."""
    return _wheel(ROOT, tmp_path_factory.mktemp("wheel"))


def test_the_wheel_brings_the_whole_rule_pack(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    kept = {path.relative_to(ROOT) for path in (ROOT / "policies").rglob("*") if path.is_file()}
    assert kept
    assert {f"pushpolicy/{path}" for path in kept} <= names
    assert "pushpolicy/py.typed" in names


def test_the_wheel_works_away_from_the_checkout(wheel: Path, tmp_path: Path) -> None:
    zipfile.ZipFile(wheel).extractall(tmp_path)
    program = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); from pushpolicy.cli.main import main; "
    check = subprocess.run(
        [sys.executable, "-P", "-c", program + "sys.exit(main(['policy', 'check']))"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert check.returncode == 0, check.stderr


def test_the_source_package_of_opa_builds_the_same_wheel(opa: Path, tmp_path: Path) -> None:
    import pushpolicy_opa

    sdist = [sys.executable, "-m", "hatchling", "build", "--target", "sdist", "--directory", str(tmp_path)]
    subprocess.run(sdist, cwd=ROOT / "packages" / "opa", check=True, timeout=60, stdout=subprocess.DEVNULL)
    (archive,) = tmp_path.glob("*.tar.gz")
    with tarfile.open(archive) as opened:
        # The default from Python 3.14 on; Debian 12's has no filters.
        opened.extraction_filter = getattr(tarfile, "data_filter", None)
        opened.extractall(tmp_path)
    wheel = _wheel(tmp_path / f"pushpolicy_opa-{pushpolicy_opa.VERSION}", tmp_path)
    with zipfile.ZipFile(wheel) as opened:
        assert opened.read("pushpolicy_opa/opa") == opa.read_bytes()
    assert wheel.name.startswith(f"pushpolicy_opa-{pushpolicy_opa.VERSION}-py3-none-")
