"""What every engine can do: answer one document. A local OPA process and an OPA server both fit."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

if TYPE_CHECKING:
    from pushpolicy.model.decision import EngineIdentity
    from pushpolicy.model.digest import Digest


class Program(msgspec.Struct, frozen=True, kw_only=True):
    """A policy set as it lies there for OPA.

    Attributes:
        folder: what the other paths are in; left out of messages.
        bundles: bundles, folders or archives, each with a manifest that names its roots.
        schema: the JSON Schema of the input, one file (a folder would check nothing).
        capabilities: the builtins that rules may use.
        query: the entrypoint.
        digest: that of the policy set, computed when it is asked for: by who is not given the bundles.
        descriptors: open files that a process of OPA has to have, too: those that are at /dev/fd.
    """

    folder: Path
    bundles: tuple[Path, ...]
    schema: Path
    capabilities: Path
    query: str
    digest: Callable[[], Digest]
    descriptors: tuple[int, ...] = ()


class Session(Protocol):
    """An engine that has loaded a program, or is loading it."""

    def send(self, document: bytes) -> None:
        """Hand over the input, canonical JSON; returns at once. Once per session."""

    def answer(self) -> Any:
        """The value of the program's query for the input.

        Raises:
            EngineError: when the engine fails, takes too long, or the value is undefined.
        """

    def identity(self) -> EngineIdentity:
        """Which OPA answered; after its answer.

        Raises:
            EngineError: when it is not the one it should be, or older than 1.22.
        """


class Engine(Protocol):
    """Something that evaluates Rego."""

    def start(self, program: Program) -> AbstractContextManager[Session]:
        """Begin loading at once; leaving the context leaves nothing running.

        Raises:
            EngineError: when the engine cannot be started.
        """


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """Something OPA objects to, with where; `file` is as OPA was given it, relative to the program."""

    message: str
    file: str = ""
    row: int = 0

    def __str__(self) -> str:
        return f"{self.file}:{self.row}: {self.message}" if self.file else self.message


class Compiler(Protocol):
    """What the policy set needs beyond answers; only a local binary offers it."""

    def parse(
        self, modules: Sequence[bytes], *, v0: bool = False
    ) -> list[dict[str, Any] | tuple[Problem, ...]]:
        """The syntax tree of each module with locations, comments and annotations, or its errors.

        Args:
            modules: their texts.
            v0: whether they are in the Rego from before OPA 1.0.

        Raises:
            EngineError: when OPA itself fails.
        """

    def check(self, program: Program, *, strict: bool = True) -> tuple[Problem, ...]:
        """Everything `opa check` objects to, with ``--strict`` or without.

        Raises:
            EngineError: when OPA itself fails.
        """


class Toolchain(Engine, Compiler, Protocol):
    """Both, with tests and traces, for whoever writes rules."""

    def test(self, folder: Path, capabilities: Path, *options: str) -> Any:
        """What `opa test --format json` answers about the modules and data in a folder.

        Raises:
            PolicyError: when they do not compile; with ``--coverage`` also when a test fails.
            EngineError: when OPA itself fails.
        """

    def prints(self, program: Program, document: bytes) -> str:
        """What rules print() that a query about a document needs; of more than 1 MiB the beginning.

        Raises:
            EngineError: when OPA fails or takes too long.
        """

    def trace(self, program: Program, document: bytes, level: str, size: int) -> tuple[str, bool]:
        """OPA's own trace (notes, fails, full) of a query about a document, and whether it is all of it.

        Args:
            program: with the query.
            document: the input.
            level: which events.
            size: how many bytes at most.

        Raises:
            EngineError: when OPA fails or takes too long.
        """
