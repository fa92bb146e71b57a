"""A policy set laid out for OPA: four bundles with roots that no other can reach into; one for a server."""

from __future__ import annotations

import fcntl
import json
import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import BinaryIO

from pushpolicy.engines.interface import Program
from pushpolicy.errors import PolicyError
from pushpolicy.evaluate.policyset import SCHEMA, PolicySet
from pushpolicy.evaluate.sources import policies

QUERY = "data.pushpolicy.main.decision"
_DESCRIPTORS = Path("/dev/fd")
if sys.platform == "linux":
    _SEALS = fcntl.F_SEAL_WRITE | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_SEAL


@contextmanager
def laid_out(policy: PolicySet) -> Iterator[Program]:
    """Hold the set in files without a name for as long as the context lasts.

    What OPA loads is what was digested: the policy folder may change meanwhile, and a process that an earlier
    step left behind finds nothing that it could write to.

    Raises:
        PolicyError: when the files cannot be written.
    """
    with ExitStack() as stack:

        def held(content: bytes) -> int:
            return stack.enter_context(_held(content)).fileno()

        try:
            bundles = [held(_bundle(policy, name, roots)) for name, roots in _roots(policy).items()]
            schema, capabilities = held(policy.files[SCHEMA]), held(policy.capabilities)
        except OSError as error:
            raise PolicyError(f"cannot write the policy for OPA: {error}") from error
        yield Program(
            folder=_DESCRIPTORS,
            bundles=tuple(_DESCRIPTORS / str(bundle) for bundle in bundles),
            schema=_DESCRIPTORS / str(schema),
            capabilities=_DESCRIPTORS / str(capabilities),
            descriptors=(*bundles, schema, capabilities),
            query=QUERY,
            digest=lambda: policy.identity.digest,
        )


def _held(content: bytes) -> BinaryIO:
    """A file without a name that holds this; on Linux nobody can write to it any more."""
    if sys.platform != "linux":
        file: BinaryIO = tempfile.TemporaryFile()  # noqa: SIM115
    else:
        file = os.fdopen(os.memfd_create("pushpolicy", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING), "w+b")
    file.write(content)
    file.seek(0)
    if sys.platform == "linux":
        fcntl.fcntl(file, fcntl.F_ADD_SEALS, _SEALS)
    return file


def server_bundle(policy: PolicySet) -> bytes:
    """The set as one bundle for ``opa run --server -b``, which names the set in each answer; a tar.gz.

    It holds what a process of OPA on this machine is given, so that both have the same to answer; a server
    has no place for schema and capabilities, by which the set must have been checked.
    """
    from pushpolicy.evaluate.bundle import archive

    digest = str(policy.identity.digest)
    files = {
        "server/answer.rego": (policies() / "server" / "answer.rego").read_bytes(),
        "pushpolicy/server/data.json": json.dumps({"policy": digest}).encode(),
    }
    roots = ["pushpolicy/server"]
    for name, own in _roots(policy).items():
        files |= _files(policy, name)
        roots += own
    return archive({".manifest": _manifest(roots, revision=digest), **files}, level=6)


def _bundle(policy: PolicySet, name: str, roots: Sequence[str]) -> bytes:
    from pushpolicy.evaluate.bundle import archive

    # Not compressed: it does not leave this machine.
    return archive({".manifest": _manifest(roots), **_files(policy, name)}, level=0)


def _manifest(roots: Sequence[str], **further: str) -> bytes:
    return json.dumps({"roots": roots, "rego_version": 1, **further}).encode()


def _files(policy: PolicySet, name: str) -> dict[str, bytes]:
    """Those of one bundle. Data is called as it lies there; a module says itself what it is."""
    return {
        path if path.endswith(".rego") else path.removeprefix(f"{name}/"): content
        for path, content in policy.files.items()
        if path.startswith(f"{name}/")
    }


def _roots(policy: PolicySet) -> dict[str, list[str]]:
    return {
        "system": ["pushpolicy/main", "pushpolicy/lib"],
        "index": ["pushpolicy/index"],
        "data": [
            "settings",
            *(f"pushpolicy/{name}" for name in ("waivers", "enforcement", "origins", "trust")),
        ],
        "rules": [f"pushpolicy/rules/{name}" for name in policy.index.rules],
    }
