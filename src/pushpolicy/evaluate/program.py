"""A policy set laid out for OPA: bundles with roots that no other can reach into; one for a server."""

from __future__ import annotations

import fcntl
import json
import os
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
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
        for path, content in _files(policy, name).items():
            # The index and conftest's data are both at the top, under names that only one of them has.
            files[path] = _joined(files[path], content) if path in files else content
        roots += own
    return archive({".manifest": _manifest(roots, files, revision=digest), **files}, level=6)


def _bundle(policy: PolicySet, name: str, roots: Sequence[str]) -> bytes:
    from pushpolicy.evaluate.bundle import archive

    files = _files(policy, name)
    # Not compressed: it does not leave this machine.
    return archive({".manifest": _manifest(roots, files), **files}, level=0)


def _manifest(roots: Sequence[str], files: Iterable[str], **further: str) -> bytes:
    # A pattern: OPA has a slash before the path, or none, as the bundle is a folder or an archive.
    older = {"*conftest/v0/*": 0} if any(path.startswith("conftest/v0/") for path in files) else {}
    versions = {"rego_version": 1, **({"file_rego_versions": older} if older else {})}
    return json.dumps({"roots": roots, **versions, **further}).encode()


def _joined(content: bytes, other: bytes) -> bytes:
    return json.dumps({**json.loads(content), **json.loads(other)}).encode()


def _files(policy: PolicySet, name: str) -> dict[str, bytes]:
    """Those of one bundle. Data is called as it lies there; a module says itself what it is."""
    return {
        path if path.endswith(".rego") else path.removeprefix(f"{name}/"): content
        for path, content in policy.files.items()
        if path.startswith(f"{name}/")
    }


def _roots(policy: PolicySet) -> dict[str, list[str]]:
    roots = {
        "system": ["pushpolicy/main", "pushpolicy/lib"],
        "index": ["pushpolicy/index"],
        "data": [
            "settings",
            *(f"pushpolicy/{name}" for name in ("waivers", "enforcement", "origins", "trust")),
        ],
        "rules": [f"pushpolicy/rules/{name}" for name in policy.index.rules],
    }
    if any(path.startswith("conftest/") for path in policy.files):
        from pushpolicy.evaluate.conftest.bundled import roots_of

        roots["conftest"] = roots_of(policy.files)
    return roots
