"""Batches of questions to the workers of a Dask cluster, and their answers as they come.

Only the scheduler is connected to. A batch that a lost worker had is given to another by it, a few times.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from importlib.metadata import version
from itertools import count
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any, NamedTuple, Self, TypeVar

from pushpolicy import __version__
from pushpolicy.audit.cluster import forms
from pushpolicy.audit.cluster.address import SchedulerAddress
from pushpolicy.audit.cluster.foreign import inert, quiet_client
from pushpolicy.audit.cluster.worker import decide
from pushpolicy.errors import EngineError
from pushpolicy.evaluate.batches import Answered, Question, batches
from pushpolicy.model.decision import EngineIdentity
from pushpolicy.model.digest import Digest
from pushpolicy.model.text import printable

if TYPE_CHECKING:
    from distributed import Client, Future

T = TypeVar("T")
# A worker decides on one batch while the next is on its way to it.
_AHEAD = 2
_TRIES = 3
# Seconds: to connect; until there is a worker; until some batch is done, which may be asked again in halves.
_CONNECT, _NO_WORKER, _SILENCE = 15.0, 60.0, 600.0
_AGAIN = "what was told holds; start it again, or leave --scheduler out to decide on this machine"

_SAME = f"workers need this version with its OPA: 'pushpolicy[dask]=={__version__}'"


class _Sent(NamedTuple):
    """A batch that is with the cluster."""

    asked: Digest
    batch: Sequence[Question[Any]]


class Cluster:
    """A cluster, connected to within its context.

    Args:
        address: of its scheduler.
        engine: the OPA that its workers have to have, too.
    """

    def __init__(self, address: SchedulerAddress, engine: EngineIdentity) -> None:
        self._address, self._engine = address, engine
        self._stack = ExitStack()
        self._done = SimpleQueue["Future[bytes]"]()
        self._numbers, self._name = count(), uuid.uuid4().hex
        self._client: Client

    def __enter__(self) -> Self:
        """Connect.

        Raises:
            UsageError: when Dask is not installed, or a certificate cannot be read.
            EngineError: when no scheduler answers.
        """
        connect = quiet_client(self._address)
        try:
            self._stack.enter_context(inert())
            self._client = self._stack.enter_context(connect(timeout=_CONNECT))
        except (OSError, TimeoutError, ImportError, ValueError, AssertionError) as error:
            self._stack.close()
            said = printable(str(error).splitlines()[0] if str(error) else type(error).__name__, 200)
            raise EngineError(
                f"no Dask scheduler answers at {self._address}: {said}",
                "`dask scheduler` starts one; over tls:// both sides need certificates of one authority",
            ) from error
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def decisions(self, questions: Iterable[Question[T] | Answered[T]]) -> Iterator[Answered[T]]:
        """As `evaluate.batches.decisions`, by the workers of the cluster.

        Raises:
            EngineError: when the scheduler or all workers are lost, or a worker answers out of contract; what
                was yielded before holds.
        """
        waiting, running = batches(questions), dict["Future[bytes]", _Sent]()
        self._check_workers()
        try:
            while True:
                room = max(1, _AHEAD * self._threads())
                while len(running) < room and (batch := next(waiting, None)):
                    if isinstance(batch, Answered):
                        yield batch
                    else:
                        self._send(batch, running)
                if not running:
                    return
                future = self._next()
                yield from self._answered(future, running.pop(future))
        finally:
            if self._is_connected:
                self._client.cancel(list(running))

    def _check_workers(self) -> None:
        """Require this version of all workers that are there; of later ones, their answers tell.

        A worker that cannot import what it is to do leaves the cluster, and says nothing.
        """
        try:
            self._client.wait_for_workers(1, timeout=_NO_WORKER)
        except TimeoutError:
            raise self._no_worker() from None
        asked = {
            worker: self._client.submit(version, "pushpolicy", workers=[worker], pure=False)
            for worker in self._client.nthreads()
        }
        for worker, future in asked.items():
            found = self._content(future, worker)
            if found != __version__:
                has = f"has pushpolicy {printable(str(found), 40)}, and this is {__version__}"
                raise EngineError(f"the worker {worker} {has}", _SAME)

    @property
    def _is_connected(self) -> bool:
        return self._client.status == "running"

    def _threads(self) -> int:
        """How many tasks the workers do at once."""
        try:
            return sum(self._client.nthreads().values())
        except (OSError, TimeoutError) as error:
            raise self._lost() from error

    def _lost(self) -> EngineError:
        return EngineError(f"the connection to the Dask scheduler at {self._address} was lost", _AGAIN)

    def _no_worker(self) -> EngineError:
        about = f"the Dask scheduler at {self._address} has no worker, for {_NO_WORKER:g} s"
        return EngineError(about, f"`dask worker` starts one; {_SAME}")

    def _send(self, batch: Sequence[Question[T]], running: dict[Future[bytes], _Sent]) -> None:
        policy = batch[0].policy
        documents = tuple(each.evidence.content for each in batch)
        content = forms.Question(policy.bundle(), policy.identity.source, documents).encode()
        future = self._client.submit(
            decide, content, key=f"pushpolicy-{self._name}-{next(self._numbers)}", retries=_TRIES, pure=False
        )
        running[future] = _Sent(Digest.of(content), batch)
        future.add_done_callback(self._done.put)

    def _next(self) -> Future[bytes]:
        """The next batch that is done."""
        begun = seen = time.monotonic()
        while True:
            try:
                return self._done.get(timeout=1)
            except Empty:
                if not self._is_connected:
                    raise self._lost() from None
            now = time.monotonic()
            seen = now if self._threads() else seen
            if now - seen > _NO_WORKER:
                raise self._no_worker()
            if now - begun > _SILENCE:
                raise EngineError(
                    f"the workers at {self._address} have not answered for {_SILENCE:g} s", _AGAIN
                )

    def _answered(self, future: Future[bytes], sent: _Sent) -> Iterator[Answered[Any]]:
        content = self._content(future)
        policy, documents = sent.batch[0].policy, [each.evidence for each in sent.batch]
        try:
            outcomes = forms.read_answer(content, sent.asked, policy, documents, self._engine)
        except (ValueError, TypeError, AttributeError, LookupError, RecursionError) as error:
            raise self._strange(str(error)) from error
        for each, outcome in zip(sent.batch, outcomes, strict=True):
            yield Answered(each.about, outcome)

    def _content(self, future: Future[Any], worker: str = "a worker") -> object:
        """What a task gave, once it is done."""
        try:
            failed = future.exception(timeout=_SILENCE)
            content = None if failed else future.result(timeout=_SILENCE)
        except (OSError, TimeoutError) as error:
            raise self._lost() from error
        except Exception as error:
            raise self._strange(type(error).__name__) from error
        if future.status == "cancelled":
            raise self._lost()
        if failed:
            raise EngineError(f"{worker} at {self._address} failed: {printable(str(failed), 300)}", _SAME)
        future.release()
        return content

    def _strange(self, told: str) -> EngineError:
        return EngineError(
            f"a worker at {self._address} answered out of contract: {printable(told, 300)}",
            "look at the workers: who is let into the cluster can say what it likes",
        )
