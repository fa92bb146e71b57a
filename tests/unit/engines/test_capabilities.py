from __future__ import annotations

import json
import subprocess
from pathlib import Path

from pushpolicy.engines.capabilities import reduced
from pushpolicy.model import canonical
from tests.policies import ROOT

SHIPPED = ROOT / "policies" / "capabilities.json"


def test_the_shipped_file_is_that_of_the_pinned_opa(opa: Path) -> None:
    shown = subprocess.run([opa, "capabilities", "--current"], capture_output=True, check=True).stdout
    assert SHIPPED.read_bytes() == canonical.encode(reduced(json.loads(shown))) + b"\n"


def test_nothing_that_reads_clock_zone_chance_or_network() -> None:
    names = {builtin["name"] for builtin in json.loads(SHIPPED.read_bytes())["builtins"]}
    forbidden = (
        "http.send",
        "net.lookup_ip_addr",
        "time.now_ns",
        "time.clock",
        "time.diff",
        "opa.runtime",
        "rand.intn",
    )
    assert not names & set(forbidden)
    assert "time.parse_rfc3339_ns" in names


def test_a_recorded_file_is_only_reduced() -> None:
    forged = {
        "builtins": [{"name": "http.send"}, {"name": "count"}],
        "allow_net": ["evil.example"],
        "features": ["x"],
    }
    assert reduced(forged) == {"builtins": [{"name": "count"}], "allow_net": [], "features": ["x"]}
    shipped = json.loads(SHIPPED.read_bytes())
    assert reduced(shipped) == shipped
