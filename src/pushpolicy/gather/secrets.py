"""No secret may be stored: searches all that will be for the values that the environment holds.

Which variables hold secrets is told by their names. A hit stops the run; it names file and variable,
never the value.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping

from pushpolicy.errors import InputError
from pushpolicy.gather.encodings import spellings
from pushpolicy.gather.occurrences import find
from pushpolicy.gather.request import RawReport
from pushpolicy.model.text import printable
from pushpolicy.registry.credentials import Credential
from pushpolicy.reports.format import ReportError
from pushpolicy.reports.packed import MAX_RATIO, Bounds
from pushpolicy.reports.reading import open_report

MIN_LENGTH = 8
# The target's comes first.
_CREDENTIALS = ("the registry's credential", "the credential of the source's registry")
_SECRET_NAME = re.compile(
    r"(?:^|[_-])(?:(?:ACCESS|API|AUTH|REFRESH|ID|JOB|BEARER|DEPLOY)?TOKENS?|SECRETS?|PASSWORDS?|PASSWD|PASSPHRASE|PASS"
    r"|(?:API|PRIVATE|SIGNING|SECRET|ACCESS)?KEYS?|CREDENTIALS?|CREDS|AUTH|PAT|JWT|COOKIE|DSN)(?:[_-]|\d*$)",
    re.IGNORECASE,
)
# Names that hold such a word and mean something else: a place, a name, a key that is no secret.
_PUBLIC_NAME = re.compile(
    r"(?:_|^)(?:FILE|PATH|DIR|SOCK|URL|URI|HOST|ENDPOINT|NAME|USER|USERNAME|ENABLED|METHOD|TYPE)$"
    r"|(?:_|^)(?:CACHE|PUBLIC|SORT|PARTITION|STEP|JOB|PROJECT|ISSUE)_?KEY$"
    r"|^GPG_KEYS?$",  # a fingerprint, which Python's and Node's images carry and reports on them repeat
    re.IGNORECASE,
)
_COMMON = frozenset(
    {
        "changeme",
        "disabled",
        "enabled",
        "optional",
        "password",
        "required",
        "undefined",
        "username",
        "localhost",
        "anonymous",
        "production",
        "staging",
        "development",
    }
)


def secret_values(environ: Mapping[str, str], *credentials: Credential | None) -> dict[str, str]:
    """The secret values that must not be stored, by what they are called in a message."""
    found = {
        f"the variable {name}": value
        for name, value in environ.items()
        if is_secret_name(name) and _is_telling(value)
    }
    for credential, name in zip(credentials, _CREDENTIALS, strict=False):
        for secret in credential.secrets if credential else ():
            if _is_telling(secret) and secret not in found.values():
                found[name] = secret
    return found


def is_secret_name(name: str) -> bool:
    """Whether a variable of this name usually holds a secret."""
    return _SECRET_NAME.search(name) is not None and _PUBLIC_NAME.search(name) is None


def _is_telling(value: str) -> bool:
    """Whether the value is long and particular enough that finding it means something."""
    value = value.strip()
    if len(value) < MIN_LENGTH or value.lower() in _COMMON or len(set(value)) < 4:
        return False
    return not os.path.exists(value)  # noqa: PTH110 - unlike Path.exists, false for what no path can be


def refuse_secrets(
    documents: Mapping[str, bytes],
    reports: Iterable[RawReport],
    environ: Mapping[str, str],
    *credentials: Credential | None,
) -> None:
    """Search what will be stored.

    Args:
        documents: content that is held in memory, by the name that a message gives it.
        reports: the files that will be stored; each is read again, in constant memory.
        environ: the environment of the run.
        credentials: those that the run uses, for the target and for a source that is in a registry.

    Raises:
        InputError: when a secret value is found, or a report cannot be read again.
    """
    needles = {
        spelling: name
        for name, value in secret_values(environ, *credentials).items()
        for spelling in spellings(value.strip())
    }
    for name, content in documents.items():
        _search(name, (content,), needles)
    for report in reports:
        try:
            # What was read once, within its limits, is searched whole.
            unpack = Bounds(report.size * MAX_RATIO, MAX_RATIO)
            with open_report(report.path, report.size, unpack=unpack) as file:
                _search(str(report.path), (file.packed,), needles)
                _search(str(report.path), file.chunks(), needles)
        except ReportError as error:
            raise InputError(f"{printable(str(report.path))} changed since it was read: {error}") from error


def _search(name: str, pieces: Iterable[bytes], needles: Mapping[bytes, str]) -> None:
    hit = find(pieces, needles)
    if hit is not None:
        raise InputError(
            f"{printable(name)}:{hit.line} holds the value of {needles[hit.needle]}",
            "nothing was stored or pushed; keep the secret out of the report, and replace it",
        )
