"""The links of an archive: ``docker save`` and ``podman save`` write some layers as links to others."""

from __future__ import annotations

import posixpath
import tarfile
from collections.abc import Mapping

from pushpolicy.images.section import Section

_LONGEST_CHAIN = 16


def target(member: tarfile.TarInfo, name: str) -> str:
    """The name that a link stands for.

    Raises:
        ValueError: when it leads out of the archive.
    """
    # A symbolic link is relative to its folder, a hard link to the top (POSIX pax, linkname).
    base = posixpath.dirname(name) if member.issym() else ""
    found = posixpath.normpath(posixpath.join(base, member.linkname))
    if found.startswith("/") or found.split("/")[0] == "..":
        raise ValueError(f"holds {name[:100]!r}, a link that leads out of it")
    return found


def resolved(links: Mapping[str, str], files: Mapping[str, Section]) -> dict[str, Section]:
    """The files that links lead to, by the links' names; a link to nothing or to a folder is left out.

    Raises:
        ValueError: when links lead to one another without an end.
    """
    found = {}
    for link in links:
        name = link
        for _ in range(_LONGEST_CHAIN):
            if name not in links:
                break
            name = links[name]
        else:
            raise ValueError(f"holds {link[:100]!r}, a link that has no end")
        if name in files:
            found[link] = files[name]
    return found
