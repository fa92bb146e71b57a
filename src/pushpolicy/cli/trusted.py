"""Who is believed: the public keys of a file that the command line names."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from pushpolicy.errors import UsageError
from pushpolicy.files import read_file
from pushpolicy.model.text import printable
from pushpolicy.signing.keys import SigningError

if TYPE_CHECKING:
    from pushpolicy.signing.trust import Key, Role

_MAX_SIZE = 1024 * 1024


def listed_keys(path: Path, option: str, role: Role) -> Mapping[str, Key]:
    """The key in a PEM file, by the file's name and for everything, or those of a trust.yaml.

    Args:
        path: of the file.
        option: that named it.
        role: what the key in a PEM file is for; of a trust.yaml, all keys are given.

    Raises:
        UsageError: when there is no such file, or it lists no key of this role.
        PolicyError: when it is a malformed trust.yaml.
    """
    from pushpolicy.signing.keys import read_public
    from pushpolicy.signing.trust import Key, read_trust

    name = f"{option} {printable(str(path))}"
    try:
        content = read_file(path, _MAX_SIZE)
        if not content.lstrip().startswith(b"-----BEGIN"):
            keys = read_trust(name, content).keys
        else:
            keys = {path.stem: Key(key=read_public(content).pem, role=role)}
    except OSError as error:
        hint = "FILE holds a public key in PEM, or a trust.yaml with keys"
        raise UsageError(f"{name}: {error.strerror}", hint) from error
    except SigningError as error:
        raise UsageError(f"{name} {error.message}", error.hint) from error
    if not keys:
        raise UsageError(f"{name} lists no keys", "name a public key in PEM, or a trust.yaml with keys")
    return keys
