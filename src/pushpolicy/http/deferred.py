"""Put off the import of modules that somebody else's module names but that we do not use.

oras-py imports requests, jsonschema and http.cookiejar, which a push has no use for: they would add some
80 ms of processor time and 10 MiB to each. importlib's LazyLoader does not help: an ``import`` of a module
that is in sys.modules executes it.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, MutableSequence
from contextlib import contextmanager
from importlib import import_module
from types import ModuleType
from typing import Any


class _StandIn(ModuleType):
    """Imports the module of its name when something of it is used.

    What is imported meanwhile has its names in annotations, or calls them later.
    """

    __path__: MutableSequence[str] = []  # noqa: RUF012 (a package is told by it; nothing is ever in it)
    is_waiting = True

    def __getattr__(self, name: str) -> Any:
        def call(*arguments: Any, **named: Any) -> Any:
            return getattr(import_module(self.__name__), name)(*arguments, **named)

        return call if self.is_waiting else getattr(import_module(self.__name__), name)


@contextmanager
def deferred(*names: str) -> Iterator[None]:
    """Have what is imported within the context import stand-ins for these modules that are not loaded.

    For an import at the top of a module: that happens once, and other threads that import these modules at
    the same moment would see the stand-ins too.
    """
    made = {name: _StandIn(name) for name in names if name not in sys.modules}
    sys.modules |= made
    try:
        yield
    finally:
        for name, stand_in in made.items():
            del sys.modules[name]
            stand_in.is_waiting = False
