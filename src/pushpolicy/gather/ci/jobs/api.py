"""Asks the API of the CI system for the jobs of this run.

Which run it is, variables say. So the answer has to be of its commit and branch, and to show this very job at
work: the list of another run, where all went well, does neither. A list that is not whole has failed.

The token goes to one address, which is checked before. Variables alone name that address only where no
earlier job can set them; where the command line names it, or it is the vendor's own, what it says over TLS is
`reported`, else `asserted` as anything that a variable says.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import count
from typing import TypeVar
from urllib.parse import urlsplit

import msgspec

from pushpolicy.errors import PushError, UsageError
from pushpolicy.gather.ci.jobs.results import MOST, Results, by_name
from pushpolicy.gather.ci.reading import ContradictionError
from pushpolicy.gather.ci.readings import CiError
from pushpolicy.http.settings import Settings
from pushpolicy.model.evidence import CiEvidence, Contradiction, Side
from pushpolicy.model.text import printable

# A token of its own for this question, which may do nothing but read.
TOKEN = "PUSHPOLICY_JOBS_TOKEN"  # noqa: S105 (its name)
# Seconds for all pages together.
_TIME = 60.0
_REFUSED = frozenset({401, 403, 404})


class Asking(msgspec.Struct, frozen=True, kw_only=True):
    """What ``--jobs`` asks for: whom, and how servers are reached.

    Attributes:
        address: of the API, where the command line names it; None for the one that variables name.
    """

    address: str | None = None
    settings: Settings = Settings()


class Api(msgspec.Struct, frozen=True, kw_only=True):
    """The API of one CI system.

    Attributes:
        address: the variable that names it.
        server: the variable that names the server that it has to belong to.
        vendor: the host of the vendor's own server.
        only_vendor: whether an earlier job can set these variables, so that they are believed for the
            vendor's own server only.
        token: the variable of the job's own token, where that may ask.
        header: how a token is shown.
        permission: what a token needs.
        read: asks for the jobs, and returns name and result of each but this one.
    """

    address: str
    server: str
    vendor: str
    only_vendor: bool
    token: str | None
    header: Callable[[str], dict[str, str]]
    permission: str
    read: Callable[[Client, CiEvidence, Mapping[str, str]], Iterable[tuple[str, str]]]


class Listed(msgspec.Struct, frozen=True, kw_only=True):
    """What every job of a list has."""

    id: int
    name: str
    status: str


_Job = TypeVar("_Job", bound=Listed)
_Answer = TypeVar("_Answer")


class Client:
    """Asks one API, with one deadline for all of it.

    Args:
        base: its address.
        headers: what it is shown.
        permission: what its token needs, for the message when it is refused.
    """

    def __init__(self, base: str, headers: Mapping[str, str], permission: str, settings: Settings) -> None:
        # Imported here: only this needs the network.
        from pushpolicy.http.retry import Deadline
        from pushpolicy.http.transport import Transport

        self._base = base.rstrip("/")
        self._headers = headers
        self._permission = permission
        self._transport = Transport(settings)
        self._deadline = Deadline(min(_TIME, settings.total_timeout))

    def get(self, path: str, kind: type[_Answer]) -> _Answer:
        """The answer at a path, of a type.

        Raises:
            CiError: when there is none, or it is another one.
        """
        from pushpolicy.http.addresses import origin
        from pushpolicy.http.call import Call
        from pushpolicy.http.fetch import MAX_JSON, StatusError, fetch_json

        url = f"{self._base}/{path}"
        action = f"--jobs: {url.partition('?')[0]}"
        call = Call(
            action=action,
            method="GET",
            url=url,
            headers=self._headers,
            limit=MAX_JSON,
            deadline=self._deadline,
        )
        try:
            said = fetch_json(self._transport, call, allows=lambda asked: asked == origin(self._base))
            return msgspec.convert(said, kind)
        except StatusError as error:
            needs = f"; the token needs {self._permission}" if error.answer.status in _REFUSED else ""
            raise CiError(f"{error.message}{needs}") from error
        except PushError as error:
            raise CiError("; ".join(filter(None, (error.message, error.hint)))) from error
        except msgspec.ValidationError as error:
            raise CiError(f"{action}: the answer is none of its API: {printable(str(error))}") from error


def ask(api: Api, found: CiEvidence, environ: Mapping[str, str], asking: Asking) -> Results:
    """The results of the jobs of this run but this one.

    Raises:
        UsageError: when no address or token is known, or the token must not go there.
        CiError: when the answer is none, of another run, or not whole.
    """
    from pushpolicy.http.tls import authorities

    base = asking.address or _named(api, environ)
    token = _token(api, environ, base)
    headers = {"Accept": "application/json", **api.header(token)}
    client = Client(base, headers, api.permission, asking.settings)
    results = by_name(api.read(client, found, environ), "the API")
    is_theirs = asking.address is not None or _host(base) == api.vendor
    is_sure = is_theirs and base.startswith("https://") and authorities(asking.settings) != "variable"
    return Results(of=results, trust="reported" if is_sure else "asserted", address=base)


def whole(page: Callable[[int], tuple[int | None, Sequence[_Job]]]) -> list[_Job]:
    """All jobs of a list that comes in pages.

    Args:
        page: asks for a page, from 1; it returns how many jobs there are in all, where that is told, and
            those of the page.

    Raises:
        CiError: when one comes twice, there are too many, or another number than is told.
    """
    found: dict[int, _Job] = {}
    for number in count(1):
        total, jobs = page(number)
        new = {job.id: job for job in jobs}
        if len(new) < len(jobs) or new.keys() & found.keys():
            raise CiError("--jobs: the API lists a job twice; the list changed while it was read")
        found |= new
        if max(len(found), total or 0) > MOST:
            raise CiError(f"--jobs: the API lists over {MOST} jobs")
        if not jobs or len(found) == total:
            break
    if total not in (None, len(found)):
        raise CiError(f"--jobs: the API tells of {total} jobs and lists {len(found)}")
    return list(found.values())


def check_same(field: str, here: str | None, there: str) -> None:
    """What this job and the API say of the run is the same.

    Raises:
        ContradictionError: when it is not.
    """
    if here != there:
        sides = (Side(source="this job", value=str(here)), Side(source="the API", value=printable(there)))
        raise ContradictionError((Contradiction(field=field, sides=sides),))


def _named(api: Api, environ: Mapping[str, str]) -> str:
    """The address that variables name, if it may be asked with a token."""
    address, server = environ.get(api.address, ""), environ.get(api.server, "")
    hint = "name the API yourself: --jobs https://HOST/PATH, as the documentation of the server says"
    if not address:
        raise UsageError(f"--jobs api: {api.address} is not set", hint)
    if not address.startswith("https://") or _host(address) not in (_host(server), f"api.{_host(server)}"):
        shown = f"{printable(address, 200)}, {api.server} {printable(server, 200)}"
        raise UsageError(f"--jobs api: no token is sent there: {api.address} names {shown}", hint)
    if api.only_vendor and _host(address) != api.vendor:
        raise UsageError(f"--jobs api: an earlier job can set {api.address}; no token is sent there", hint)
    return address


def _token(api: Api, environ: Mapping[str, str], base: str) -> str:
    """The token of its own, else the job's, which is for the server of the job only."""
    server = _host(environ.get(api.server, ""))
    of_job = api.token if _host(base) in (server, f"api.{server}") else None
    name = next((name for name in (TOKEN, of_job) if name and environ.get(name)), None)
    if name is None:
        names = " or ".join(filter(None, (TOKEN, of_job)))
        raise UsageError(f"--jobs: {names} is not set", f"hand over a token with {api.permission}")
    token = environ[name]
    if not (token.isascii() and token.isprintable() and " " not in token):
        raise UsageError(f"--jobs: {name} holds what no token holds", "look for a space or a line end in it")
    return token


def _host(address: str) -> str:
    try:
        return urlsplit(address).netloc.lower()
    except ValueError:
        return ""
