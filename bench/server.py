"""Decisions by one OPA server, with 1, 8 and 64 clients at once, beside an OPA process for each decision.

`server` is the server alone, asked over kept connections for what pushpolicy asks it; `evaluate, URL` is a
whole decision of pushpolicy by that server without an OPA of its own; `evaluate` is one by a local process.
All of them share this machine: with few processors the clients take from the server.
Prints Markdown for docs/benchmarks.md.

    python -m bench.server [SECONDS]
"""

from __future__ import annotations

import http.client
import os
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path

import pushpolicy_opa
from bench.documents import evidence
from pushpolicy.engines import Engine, find_engine
from pushpolicy.engines.rest import Address
from pushpolicy.engines.server import OpaServer
from pushpolicy.evaluate import PACK, PolicySet, evaluate, load_policy
from pushpolicy.evaluate.program import server_bundle
from pushpolicy.http.settings import Settings
from pushpolicy.model.document import Document
from tests.opa_servers import opa_server

_CLIENTS = (1, 8, 64)
_FINDINGS = (10, 500)
_PATH = "/v1/data/pushpolicy/server/answer?strict-builtin-errors=true&provenance=true"
Ask = Callable[[], object]


def main() -> None:
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 10.0
    local = find_engine()
    policy = load_policy([PACK], local)
    with (
        tempfile.TemporaryDirectory() as name,
        opa_server(pushpolicy_opa.binary(), Path(name), server_bundle(policy)) as running,
    ):
        process = running.server.process.pid
        theirs = OpaServer(Address(url=running.url, settings=Settings(plain_http=True)))
        for document in map(evidence, _FINDINGS):
            _head(document, seconds)
            for clients in _CLIENTS:
                _row("server", clients, seconds, process, partial(_asking, running.url, document))
                _row("evaluate, URL", clients, seconds, process, partial(_deciding, policy, document, theirs))
            for clients in _CLIENTS[:2]:
                _row("evaluate", clients, seconds, None, partial(_deciding, policy, document, local))
        print(f"\nresident memory of the server at the end: {_resident(process):.0f} MiB")


@contextmanager
def _asking(url: str, document: Document) -> Iterator[Ask]:
    """One client of the server itself, on one connection."""
    digest = f'{{"_request":{{"evidence_digest":"{document.digest}"}},'
    body = b'{"input":' + digest.encode() + document.content[1:] + b"}"
    connection = http.client.HTTPConnection(url.removeprefix("http://"))

    def ask() -> None:
        connection.request("POST", _PATH, body, {"Content-Type": "application/json"})
        answer = connection.getresponse().read()
        if b'"allow":true' not in answer:
            raise SystemExit(f"no ALLOW: {answer[:200]!r}")

    try:
        yield ask
    finally:
        connection.close()


@contextmanager
def _deciding(policy: PolicySet, document: Document, engine: Engine) -> Iterator[Ask]:
    def ask() -> None:
        if not evaluate(policy, document, engine).allowed:
            raise SystemExit("no ALLOW")

    yield ask


def _head(document: Document, seconds: float) -> None:
    findings = len(document.value["scans"]["items"][0]["findings"])
    print(f"\n{findings} findings, {len(document.content) / 1000:.0f} kB, {seconds:g} s each")
    print(f"load average before: {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors\n")
    print("| what | clients | decisions/s | ms median | ms p99 | server CPU ms each | client CPU ms each |")
    print("| --- | --- | --- | --- | --- | --- | --- |")


def _row(
    name: str,
    clients: int,
    seconds: float,
    server: int | None,
    connect: Callable[[], AbstractContextManager[Ask]],
) -> None:
    taken: list[float] = []
    end = time.monotonic() + seconds

    def work() -> None:
        with connect() as ask:
            while (begun := time.monotonic()) < end:
                ask()
                taken.append(time.monotonic() - begun)

    before, own, begun = _cpu(server), _own(), time.monotonic()
    threads = [threading.Thread(target=work) for _ in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    passed, count = time.monotonic() - begun, len(taken)
    theirs = f"{(_cpu(server) - before) / count * 1000:.1f}" if server else "-"
    ours = (_own() - own) / count * 1000
    p99 = statistics.quantiles(taken, n=100)[98] if count > 1 else taken[0]
    print(
        f"| {name} | {clients} | {count / passed:.1f} | {statistics.median(taken) * 1000:.1f}"
        f" | {p99 * 1000:.0f} | {theirs} | {ours:.1f} |",
        flush=True,
    )


def _cpu(process: int | None) -> float:
    """Seconds of processor time that a process has taken (proc(5), stat)."""
    if process is None:
        return 0.0
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _own() -> float:
    """The same of this process, and of the children that have ended."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def _resident(process: int) -> float:
    pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1024**2


if __name__ == "__main__":
    main()
