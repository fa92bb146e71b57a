"""Records that lie, signed by a key that counts: its holder is believed no more for it."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from typing import Any

from pushpolicy.evaluate.bundle import pack
from pushpolicy.records import format as names
from pushpolicy.registry.interface import Blob
from tests.forgeries.envelopes import flipped
from tests.forgeries.places import at
from tests.forgeries.scene import Attack, Row, Scene
from tests.forgery import Change, Parts
from tests.integration.test_records_that_lie import ROWS as LIES
from tests.integration.test_records_that_lie import UNKNOWN


def _failed_tests(parts: Parts) -> None:
    totals = parts.evidence["tests"]["totals"]
    totals |= {"failed": 1, "passed": totals["passed"] - 1}


def _of(path: str, value: Any) -> Change:
    def change(parts: Parts) -> None:
        parts.decision["image"][path] = value
        parts.evidence["target"][path] = value

    return change


def _report(content: bytes) -> Attack:
    """A report that is another file than was judged."""
    blob = Blob.of(content, names.REPORT_TYPE)

    def change(parts: Parts) -> None:
        parts.manifest["layers"][3] |= {"digest": str(blob.descriptor.digest), "size": blob.size}

    def attack(scene: Scene) -> None:
        scene.client.put_blob(blob.descriptor, blob.open)
        scene.forge(change)

    return attack


def _archive(change: Callable[[bytes], bytes]) -> Attack:
    """The archive of the policy is another one."""
    return lambda scene: scene.forge(lambda parts: setattr(parts, "bundle", change(pack(parts.policy))))


def _calls_out(parts: Parts) -> None:
    """A rule asks a server, as the capabilities that are recorded with it allow."""
    capabilities = parts.data("capabilities.json")
    call = {
        "name": "http.send",
        "decl": {"args": [{"type": "any"}], "result": {"type": "any"}, "type": "function"},
    }
    parts.put("capabilities.json", {**capabilities, "builtins": [*capabilities["builtins"], call]})
    path = "rules/scan_severity/scan_severity.rego"
    parts.policy[path] += b'\n_asked := http.send({"method": "GET", "url": "http://127.0.0.1:9"})\n'


def _signed(change: Change) -> Attack:
    return lambda scene: scene.forge(change)


# Of what a signed one is refused before its record is read.
FIRST = {"a folder that takes minutes to look for": "over the limit of 262144"}
ROWS = {
    "a bit of the record's manifest": Row(
        attack=flipped("record"), says="list: the records cannot be read: oci:"
    ),
    "a bit of the evidence": Row(attack=flipped("evidence"), says="has other content than its digest says"),
    "a bit of the decision": Row(attack=flipped("decision"), says="has other content than its digest says"),
    "a bit of the policy": Row(attack=flipped("policy"), says="has other content than its digest says"),
    "a bit of a report": Row(attack=flipped("report"), says="is not what was judged", shown=True),
    "an unsigned record": Row(attack=lambda s: s.forge(lambda _: None, signer=None), says="is unsigned"),
    "a record by another key": Row(
        attack=lambda s: s.forge(lambda _: None, signer="other"), says="is signed by no listed key"
    ),
    "a decision to come": Row(
        attack=_signed(at("2099-01-01T00:00:00Z")), says="2099-01-01T00:00:00Z, which is still"
    ),
    "tests that failed": Row(
        attack=_signed(_failed_tests), says="decided again, another decision comes out", shown=True
    ),
    "another repository": Row(
        attack=_signed(_of("repository", "staging")), says="for another repository: oci:staging"
    ),
    "another registry": Row(
        attack=_signed(_of("registry", "other.example")), says="for another repository: other.example/"
    ),
    "a report that is a bomb": Row(
        attack=_report(gzip.compress(b"\0" * (1 << 26), 9)), says="bytes that were judged", shown=True
    ),
    "a report that is no gzip": Row(attack=_report(b"x" * 100), says="incorrect header check", shown=True),
    "a report with something behind it": Row(
        attack=_report(gzip.compress(b"") + b"x"), says="it is not one whole gzip file", shown=True
    ),
    "a policy that is a bomb": Row(
        attack=_archive(lambda _: gzip.compress(b"\0" * (1 << 27), 9)),
        says="the policy is over the limit of 32 MiB",
    ),
    "a policy with something behind it": Row(
        attack=_archive(lambda content: content + b"x"), says="has more after its end"
    ),
    "a policy that is cut off": Row(attack=_archive(lambda content: content[:-20]), says="it is cut off"),
    "a policy that asks a server": Row(
        attack=_signed(_calls_out),
        says="anchored: unknown policy: not of a known version of pushpolicy: capabilities",
    ),
    "another report": Row(attack=_report(gzip.compress(b"x")), says="it has other bytes", shown=True),
    **{
        f"signed: {name}": Row(attack=_signed(change), says=FIRST.get(name, says))
        for name, (change, says) in LIES.items()
    },
    **{f"signed: {name}": Row(attack=_signed(change), says=says) for name, (change, says) in UNKNOWN.items()},
}
