"""The ``certs.d`` folders: certificates that one host is reached with.

Sources: docker, "Verify repository client with certificates"; containers-certs.d(5). A folder is named as
the host, with its port. In it, ``*.crt`` are authorities, and ``X.cert`` with ``X.key`` is what the
client shows. The first folder that is there counts, and no other.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import msgspec

from pushpolicy.errors import UsageError
from pushpolicy.model.text import printable

_USER = (".config/containers/certs.d", ".docker/certs.d", ".config/docker/certs.d")
_SYSTEM = (Path("/etc/containers/certs.d"), Path("/etc/docker/certs.d"))


class Certificates(msgspec.Struct, frozen=True, kw_only=True):
    """Files in PEM.

    Attributes:
        authorities: whom to trust beside the system's authorities.
        client: what to show to the host.
        key: the private key of `client`; set when that is.
    """

    authorities: tuple[Path, ...] = ()
    client: Path | None = None
    key: Path | None = None


NO_CERTIFICATES = Certificates()


def certs_d(host: str, home: Path) -> tuple[Path, ...]:
    """Where the folder of a host may be: the user's places first.

    Args:
        host: the name with its port, as it is given.
        home: the user's home folder.
    """
    return tuple(place / host for place in (*(home / name for name in _USER), *_SYSTEM))


def find_certificates(folders: Iterable[Path]) -> Certificates:
    """What the first of the folders that is there holds.

    Raises:
        UsageError: when a client certificate has no key or a key no certificate, or there are several; when
            a folder cannot be listed.
    """
    for folder in folders:
        try:
            names = sorted(path.name for path in folder.iterdir())
        except (FileNotFoundError, NotADirectoryError, PermissionError):
            continue  # a system's folder that this user may not read is nothing of this user's
        except OSError as error:
            raise UsageError(
                f"{printable(str(folder))}: {error.strerror}", "remove what stands there"
            ) from error
        return _read(folder, names)
    return NO_CERTIFICATES


def cert_dir(folder: Path, option: str = "--cert-dir") -> Certificates:
    """What a folder holds that an option names.

    Raises:
        UsageError: as `find_certificates`, and when it cannot be read.
    """
    try:
        return _read(folder, sorted(path.name for path in folder.iterdir()))
    except OSError as error:
        raise UsageError(f"{option} {printable(str(folder))}: {error.strerror}") from error


def _read(folder: Path, names: list[str]) -> Certificates:
    shown = printable(str(folder))
    certificates = {name.removesuffix(".cert") for name in names if name.endswith(".cert")}
    keys = {name.removesuffix(".key") for name in names if name.endswith(".key")}
    if unmatched := sorted(certificates ^ keys):
        lacking = "key" if unmatched[0] in certificates else "cert"
        raise UsageError(
            f"{shown}: {printable(unmatched[0])}.{lacking} is missing",
            "a client certificate is NAME.cert with NAME.key; an authority is NAME.crt",
        )
    if len(certificates) > 1:
        raise UsageError(f"{shown}: {len(certificates)} client certificates, and one can be shown")
    name = next(iter(certificates), None)
    return Certificates(
        authorities=tuple(folder / each for each in names if each.endswith(".crt")),
        client=folder / f"{name}.cert" if name is not None else None,
        key=folder / f"{name}.key" if name is not None else None,
    )
