"""Where the credential of the push comes from; never its value (standards: source classes).

A secret that stands in a tracked file is `literal`, wherever else it was found: what everybody who can
read the repository knows is no secret.
"""

from __future__ import annotations

import base64
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from msgspec.structs import replace

from pushpolicy.gather.checkout import Checkout
from pushpolicy.gather.secrets.search import find
from pushpolicy.model.evidence import CredentialsEvidence, Status
from pushpolicy.model.text import printable
from pushpolicy.registry.credentials import Credential, SourceKind
from pushpolicy.reports.file import open_report
from pushpolicy.reports.format import ReportError
from pushpolicy.reports.limits import Limits
from pushpolicy.reports.parsing.values import text

# Tokens that the CI system makes for a job and that end with it.
_PLATFORM_VARIABLES = ("GITHUB_TOKEN", "CI_JOB_TOKEN")
_PLATFORM_PREFIXES = ("ghs_", "glcbt-")
# Helpers that can trade the job's identity for a short-lived token; and what shows that they do.
_IDENTITY_HELPERS = {
    "acr-env": ("AZURE_FEDERATED_TOKEN_FILE",),
    "ecr-login": (
        "AWS_WEB_IDENTITY_TOKEN_FILE",
        "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
        "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    ),
}
# User names under which registries take a token that was traded for an identity and ends within the day:
# Google's access tokens, Azure's refresh tokens. (AWS takes any kind of login under the name AWS.)
_IDENTITY_USERS = frozenset({"oauth2accesstoken", "00000000-0000-0000-0000-000000000000"})
_MIN_LITERAL = 8
_MAX_HITS = 20


def evidence(
    credential: Credential | None,
    environ: Mapping[str, str],
    checkout: Checkout,
    limits: Limits,
) -> CredentialsEvidence:
    """Classify the credential; None is that of a target that needs none."""
    if credential is None:
        return CredentialsEvidence(status=Status.COLLECTED, source="none")
    found = _classify(credential, environ, checkout)
    try:
        literal_in = tuple(_literals(credential, checkout, limits))
    except _TooMuchError as error:
        return CredentialsEvidence(status=Status.FAILED, reason=str(error))
    if literal_in:
        return replace(found, source="literal", ephemeral=False, literal_in=literal_in)
    return found


def _classify(credential: Credential, environ: Mapping[str, str], checkout: Checkout) -> CredentialsEvidence:
    source, ephemeral = _source(credential, environ)
    return CredentialsEvidence(
        status=Status.COLLECTED,
        source=source,
        ephemeral=ephemeral,
        variable=credential.variable,
        helper=credential.helper,
        path=text(str(credential.path)) if credential.path else None,
        tracked_by_git=checkout.tracks(credential.path) if credential.path else None,
    )


def _source(credential: Credential, environ: Mapping[str, str]) -> tuple[str, bool | None]:
    if credential.is_anonymous:
        return "anonymous", None
    tokens = {environ[name] for name in _PLATFORM_VARIABLES if environ.get(name)}
    if any(secret in tokens or secret.startswith(_PLATFORM_PREFIXES) for secret in credential.secrets):
        return "platform-token", True
    if credential.username in _IDENTITY_USERS:
        return "workload-identity", True
    match credential.source_kind:
        case SourceKind.HELPER:
            marks = _IDENTITY_HELPERS.get(credential.helper or "", ())
            return ("workload-identity", True) if any(map(environ.get, marks)) else ("helper", None)
        case SourceKind.FILE:
            return "file", None
        case _:
            # A variable, or standard input: what the pipeline hands over, by its secret store as far as
            # can be told from inside the job.
            return "secret-env", None


class _TooMuchError(Exception):
    """The checkout is too large to be searched."""


def _literals(credential: Credential, checkout: Checkout, limits: Limits) -> Iterator[str]:
    """Where the secret stands in tracked files, as path and line."""
    needles = set(_needles(credential))
    if not needles or checkout.root is None:
        return
    searched = hits = 0
    for name in sorted(checkout.tracked):
        path = checkout.root / name
        searched += _size(path)
        if searched > limits.max_searched:
            raise _TooMuchError(
                f"over {limits.max_searched} bytes are tracked by git: not searched for the credential"
            )
        if (line := _line(path, needles)) is not None:
            yield f"{printable(name)}:{line}"
            hits += 1
            if hits == _MAX_HITS:
                return


def _needles(credential: Credential) -> Iterator[bytes]:
    for secret in credential.secrets:
        raw = secret.encode("utf-8", "surrogateescape")
        if len(raw) >= _MIN_LITERAL:
            yield raw
        if credential.username:
            pair = credential.username.encode("utf-8", "surrogateescape") + b":" + raw
            yield pair
            yield base64.b64encode(pair).rstrip(b"=")


def _size(path: Path) -> int:
    try:
        return os.lstat(path).st_size
    except OSError:
        return 0  # tracked and deleted: that makes the checkout dirty, but holds no secret


def _line(path: Path, needles: set[bytes]) -> int | None:
    if path.is_symlink():
        return None
    try:
        with open_report(path, _size(path)) as file:
            hit = find(file.chunks(), needles)
    except ReportError:
        return None  # a submodule, or gone since git listed it
    return hit.line if hit else None
