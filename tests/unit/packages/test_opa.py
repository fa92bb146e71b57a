"""The companion wheel brings the OPA that its go.mod pins, and says truly what it brings."""

from __future__ import annotations

import hashlib
import re
import subprocess
import sysconfig
from pathlib import Path

PACKAGE = Path(__file__).parents[3] / "packages" / "opa"


def test_the_binary_is_the_one_that_was_noted(opa: Path) -> None:
    import pushpolicy_opa

    assert hashlib.sha256(opa.read_bytes()).hexdigest() == pushpolicy_opa.SHA256


def test_the_version_is_the_one_of_go_mod(opa: Path) -> None:
    import pushpolicy_opa

    pinned = re.search(r"open-policy-agent/opa v(\S+)", (PACKAGE / "go.mod").read_text())
    said = subprocess.run([opa, "version"], capture_output=True, text=True, timeout=60, check=True).stdout
    assert pinned
    assert pinned[1] == pushpolicy_opa.VERSION
    assert f"Version: {pinned[1]}\n" in said


def test_a_known_go_release_makes_known_bytes(opa: Path) -> None:
    import pushpolicy_opa

    known = {
        (go, platform): sha256
        for sha256, go, platform in map(str.split, (PACKAGE / "checksums.txt").read_text().splitlines())
    }
    built = pushpolicy_opa.SHA256
    assert known.get((pushpolicy_opa.GO, sysconfig.get_platform()), built) == built
