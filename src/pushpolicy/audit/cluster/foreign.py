"""Dask's client, in which nothing acts that its peers send.

Dask pickles: the types of results, exceptions, tracebacks. Whoever can send a pickle to its reader runs code
there, and a client reads what every worker sent. Here, where a pickle names something to be called or made,
an inert thing is made of it.
"""

from __future__ import annotations

import io
import pickle
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from pushpolicy.audit.cluster.address import AUTHORITY, CERTIFICATE, KEY, SchedulerAddress
from pushpolicy.errors import UsageError
from pushpolicy.model.text import printable

if TYPE_CHECKING:
    from distributed import Client

# Dask writes what its peers say to standard error, otherwise.
_NO_LOG = {
    "version": 1,
    "disable_existing_loggers": False,
    "handlers": {"none": {"class": "logging.NullHandler"}},
    "loggers": {
        name: {"handlers": ["none"], "propagate": False} for name in ("distributed", "tornado", "asyncio")
    },
}


class Foreign(Exception):  # noqa: N818 - it stands for whatever was pickled
    """Something that a pickle names; an exception, since that is how Dask tells of a failure."""

    named = "something unreadable"

    def __init__(self, *args: object, **_: object) -> None:
        super().__init__(*args)

    def __setstate__(self, _: object) -> None:
        """Keep nothing of what was in it, nor in what follows: in a list or a map."""

    append = extend = __setstate__

    def __setitem__(self, *_: object) -> None:
        """As `__setstate__`."""

    def __str__(self) -> str:
        named, texts = type(self).named, " ".join(_texts(self.args))
        # Most exceptions come in a call of tblib, which would have them keep their traceback.
        if named.startswith("tblib."):
            return printable(texts, 300)
        return printable(f"{named}: {texts}" if texts else named, 300)


def _texts(values: Iterable[object], depth: int = 4) -> Iterator[str]:
    """What is said in the arguments of what a pickle names; they may hold themselves."""
    for value in values if depth else ():
        if type(value) is str:
            yield value
        elif isinstance(value, tuple):
            yield from _texts(value, depth - 1)
        elif isinstance(value, dict):
            yield from _texts(value.values(), depth - 1)
        elif isinstance(value, type) and issubclass(value, Foreign):
            yield f"{value.named}:"


class _Reader(pickle.Unpickler):
    """As Python's documentation says under "Restricting Globals"."""

    def find_class(self, module: str, name: str) -> Any:
        """Bytes, which are what a worker answers; and for all else the inert thing."""
        if (module, name) == ("builtins", "bytes"):
            return bytes
        return type("Foreign", (Foreign,), {"named": printable(f"{module}.{name}", 100)})


def _loads(content: Any, *, buffers: Sequence[Any] = ()) -> Any:
    """Never raises: Dask's client would hear nothing more after that."""
    try:
        return _Reader(io.BytesIO(content), buffers=buffers).load()
    except Exception:  # noqa: BLE001 - a pickle that was made to fail can raise anything
        return Foreign()


@contextmanager
def inert() -> Iterator[None]:
    """Within it, Dask's client reads pickles so: it does that in two modules, by Python's own."""
    import distributed.client
    import distributed.protocol.pickle

    places = (vars(distributed.client), vars(distributed.protocol.pickle))
    for place in places:
        place["pickle"] = SimpleNamespace(**{**vars(pickle), "loads": _loads})
    try:
        yield
    finally:
        for place in places:
            place["pickle"] = pickle


def quiet_client(address: SchedulerAddress) -> Callable[..., Client]:
    """Dask's client for an address, which prints nothing that its peers say.

    Neither the environment nor files of the machine configure it: they can name code that it runs.

    Raises:
        UsageError: when Dask is not installed, or a certificate is none.
    """
    try:
        import dask.config
    except ModuleNotFoundError as error:
        raise UsageError(
            "--scheduler needs the Python module distributed", "pip install 'pushpolicy[dask]'"
        ) from error
    dask.config.refresh(paths=[], env={})
    dask.config.set({"logging": _NO_LOG, "distributed.scheduler.allowed-imports": []})
    from distributed import Client, Security

    class QuietClient(Client):
        """Workers can have texts printed, and warnings shown, by what they send."""

        def subscribe_topic(self, topic: str, handler: object) -> None:
            """To nothing."""

        def _handle_task_erred(self, key: Any = None, exception: Any = None, traceback: Any = None) -> None:  # noqa: ARG002
            """What a worker failed with may be anything; one that is no exception would never be told."""
            told = _loads(exception) if isinstance(exception, bytes | bytearray) else exception
            known = told if isinstance(told, BaseException) else Foreign()
            super()._handle_task_erred(key, known, None)  # type: ignore[no-untyped-call]

    if address.folder is None:
        return partial(QuietClient, address.url, security=Security(), set_as_default=False)
    authority, certificate, key = (str(address.folder / name) for name in (AUTHORITY, CERTIFICATE, KEY))
    security = Security(
        require_encryption=True,
        tls_ca_file=authority,
        tls_client_cert=certificate,
        tls_client_key=key,
    )
    return partial(QuietClient, address.url, security=security, set_as_default=False)
