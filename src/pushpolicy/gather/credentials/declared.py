"""Whether a file of the pipeline shows that a variable holds a secret of the CI system's store.

From inside a job a secret looks like any other variable. Where the pipeline's file is in the commit and gives
the variable a reference to a secret, and nothing else, that is shown; `stores` has the systems in whose files
it can be. Others keep it where a job cannot see it, or in a program.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath

from pushpolicy.files import read_file
from pushpolicy.gather.checkout import Checkout
from pushpolicy.gather.credentials.stores import STORES, Store
from pushpolicy.model import strict_yaml
from pushpolicy.model.text import printable

_MAX_SIZE = 256 * 1024
_NAME = re.compile(r"\{(\w+)\}")


def declared_in(variable: str, environ: Mapping[str, str], checkout: Checkout) -> str | None:
    """The file of the commit that hands a secret to a variable of this job; None where none shows it."""
    here = [store for store in STORES if store.is_here(environ)]
    if len(here) != 1 or checkout.root is None:
        return None
    root = checkout.root
    tracked = (name for name in _files(here[0], environ) if checkout.tracks(root / name) is True)
    name = next(tracked, None)
    if name is None:
        return None
    try:
        document = here[0].read(read_file(root / name, _MAX_SIZE))
    except (OSError, strict_yaml.YamlError):
        return None
    given = list(here[0].given(document, variable, environ))
    return printable(name) if given and all(given) else None


def _files(store: Store, environ: Mapping[str, str]) -> Iterator[str]:
    """The places of its pipeline's file, relative to the repository."""
    for pattern in store.files:
        if pattern == "{GITHUB_WORKFLOW_REF}":  # OWNER/REPOSITORY/PATH@REF
            place = environ.get("GITHUB_WORKFLOW_REF", "").partition("@")[0]
            name = PurePosixPath(*PurePosixPath(place).parts[2:])
            is_one = name.parts[1:2] == ("workflows",)
        else:
            name = PurePosixPath(_NAME.sub(lambda found: environ.get(found[1], ""), pattern))
            is_one = "{" not in pattern or name.suffix in (".yml", ".yaml")
        if is_one and ".." not in name.parts and not name.is_absolute():
            yield str(name)
