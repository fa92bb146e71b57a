"""A policy set is laid out whole, or not at all; for a server it is the same and what names it."""

from __future__ import annotations

import errno
import io
import json
import os
import tarfile

import pytest

from pushpolicy.errors import PolicyError
from pushpolicy.evaluate import program
from tests.judged import policy


def test_a_full_disk_is_no_policy(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(content: bytes) -> object:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(program, "_held", refuse)
    with pytest.raises(PolicyError, match="cannot write the policy for OPA"), program.laid_out(policy()):
        pytest.fail("it was laid out")


def held(content: bytes) -> tuple[dict[str, bytes], set[str]]:
    """The files of a bundle but its manifest, and the roots that this claims."""
    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        files = {name: archive.extractfile(name).read() for name in archive.getnames()}  # type: ignore[union-attr]
    manifest = json.loads(files.pop(".manifest"))
    assert manifest["rego_version"] == 1
    return files, set(manifest["roots"])


def test_a_server_is_given_what_opa_is_given_here_and_what_names_the_policy() -> None:
    given = policy()
    content = program.server_bundle(given)
    assert content == program.server_bundle(policy())
    files, roots = held(content)
    assert json.loads(files.pop("pushpolicy/server/data.json")) == {"policy": str(given.identity.digest)}
    assert files.pop("server/answer.rego").startswith(b"# METADATA")
    roots.remove("pushpolicy/server")
    with program.laid_out(given) as laid:
        here = [held(os.pread(int(bundle.name), 1 << 24, 0)) for bundle in laid.bundles]
    assert files == {name: content for own, _ in here for name, content in own.items()}
    assert roots == {root for _, claimed in here for root in claimed}
