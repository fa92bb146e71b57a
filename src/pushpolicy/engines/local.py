"""OPA as a local process: hermetic, bounded, and known by the digest of its binary.

Modules that only the answer needs are imported while OPA is working.
"""

from __future__ import annotations

import json
import os
import re
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from pushpolicy.engines.interface import Problem, Program
from pushpolicy.engines.process import Limits, Process, Result, start_thread
from pushpolicy.errors import EngineError, PolicyError
from pushpolicy.model.text import printable

if TYPE_CHECKING:
    from pushpolicy.model.decision import EngineIdentity
    from pushpolicy.model.digest import Digest

OLDEST = (1, 22)
# Seconds after which OPA ends by itself, where nobody is left to end it.
_ORPHANED = 3600.0
ASK_FIRST = "let the rule ask first whether the builtin can take it, as in regex.match(`^[0-9]+$`, x)"


class LocalOpa:
    """The `opa` binary at a path.

    Args:
        executable: an absolute path; PATH is never searched, an earlier step could have changed it.
        version: the version, where the companion wheel states it; else the binary is asked.
        sha256: the digest the binary must have (hex), where the companion wheel states it.
        limits: bounds on each run.
    """

    def __init__(
        self,
        executable: Path,
        *,
        version: str | None = None,
        sha256: str | None = None,
        limits: Limits | None = None,
    ) -> None:
        self._executable = executable
        self._expected = sha256
        self._limits = limits or Limits()
        self._identification = _Identification(self, version)

    @property
    def executable(self) -> Path:
        """The path of the binary."""
        return self._executable

    def start(self, program: Program) -> LocalSession:
        """Start `opa eval`, which waits for the document before it loads the bundles; and hash the binary."""
        process = self._eval(program, "--format", "json")
        try:
            self._identification.begin()
        except EngineError:
            process.end()
            raise
        return LocalSession(self, process, program)

    def _eval(self, program: Program, *options: str, cut: int | None = None) -> Process:
        bundles = [text for bundle in program.bundles for text in ("-b", str(bundle))]
        return self.run(
            "eval",
            *options,
            "--strict-builtin-errors",
            # Without it, whether a builtin's error is seen depends on the order of clauses.
            "--disable-early-exit",
            # Counted from its start, while evidence is still gathered: for an orphan only.
            "--timeout", f"{_ORPHANED + self._limits.seconds:g}s",
            *_types(program),
            "--stdin-input",
            *bundles,
            program.query,
            descriptors=program.descriptors,
            cut=cut,
        )  # fmt: skip

    def identity(self) -> EngineIdentity:
        """The version and digest; computed in a thread since `start`."""
        from pushpolicy.model.decision import EngineIdentity

        version, digest = self._identification.result()
        if self._expected is not None and digest.hex != self._expected:
            raise EngineError(
                f"{self._executable} is not the OPA it was built as: its SHA-256 is {digest.hex}",
                "reinstall packages/opa",
            )
        check_version(version, str(self._executable))
        return EngineIdentity(name="opa", version=version, digest=digest)

    def parse(
        self, modules: Sequence[bytes], *, v0: bool = False
    ) -> list[dict[str, Any] | tuple[Problem, ...]]:
        """Parse each module, as many at once as there are processors."""
        options = ("--v0-compatible",) if v0 else ()
        from concurrent.futures import ThreadPoolExecutor

        with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
            return list(pool.map(lambda module: self._parse(module, *options), modules))

    def check(self, program: Program, *, strict: bool = True) -> tuple[Problem, ...]:
        """Run `opa check` on the bundles."""
        options = (*(["--strict"] if strict else []), "--bundle", "--format", "json", *_types(program))
        bundles = map(str, program.bundles)
        with self.run("check", *options, *bundles, descriptors=program.descriptors) as opa:
            result = opa.finish()
        if result.code == 0:
            return ()
        return problems(result, program.folder)

    def test(self, folder: Path, capabilities: Path, *options: str) -> Any:
        """Run `opa test` on a folder; a test that fails is part of the answer."""
        given = ("--format", "json", "--capabilities", str(capabilities), *options)
        with self.run("test", *given, str(folder)) as opa:
            result = opa.finish()
        if not result.stdout.strip():
            found = tuple(_in_words(result, folder)) or problems(result, folder)
            raise PolicyError("\n".join(map(str, found)))
        return _json(result.stdout)

    def prints(self, program: Program, document: bytes) -> str:
        """Run `opa eval`; what is print()ed goes to its standard error."""
        with self._eval(program, "--format", "json") as opa:
            opa.send(document)
            result = opa.finish()
        _require_success(result, program)
        return result.stderr.decode("utf-8", "replace")

    def trace(self, program: Program, document: bytes, level: str, size: int) -> tuple[str, bool]:
        """Run `opa eval --explain`, and end it where it has said enough."""
        with self._eval(program, "--format", "pretty", "--explain", level, cut=size) as opa:
            opa.send(document)
            result = opa.finish()
        if not result.is_cut:
            _require_success(result, program)
        return result.stdout.decode("utf-8", "replace"), not result.is_cut

    def ask_version(self) -> str:
        """What `opa version` says."""
        with self.run("version") as opa:
            result = opa.finish()
        first = result.stdout.decode("utf-8", "replace").splitlines()[:1]
        if result.code != 0 or not first or not first[0].startswith("Version: "):
            raise EngineError(f"{self._executable} is not OPA: `version` exits with {result.code}")
        return printable(first[0].removeprefix("Version: "), 40)

    def file_digest(self) -> Digest:
        """The digest of the binary."""
        import hashlib

        from pushpolicy.model.digest import Digest

        try:
            with self._executable.open("rb") as file:
                return Digest("sha256", hashlib.file_digest(file, "sha256").hexdigest())
        except OSError as error:
            raise EngineError(f"cannot read {self._executable}: {error.strerror}") from error

    def run(self, *arguments: str, descriptors: Sequence[int] = (), cut: int | None = None) -> Process:
        """Start the binary with these arguments and, beside the standard streams, these open files.

        `cut` is after how many bytes of output it is ended, which is then no error.
        """
        return Process([str(self._executable), *arguments], self._limits, descriptors, cut)

    def _parse(self, module: bytes, *options: str) -> dict[str, Any] | tuple[Problem, ...]:
        with self.run(
            "parse", "--format", "json", "--json-include", "locations", *options, "/dev/stdin"
        ) as opa:
            opa.send(module)
            result = opa.finish()
        if result.code != 0:
            return problems(result, Path("/dev"))
        tree = _json(result.stdout)
        if not isinstance(tree, dict):
            raise EngineError("opa parse answered something that is not a syntax tree")
        return tree


class LocalSession:
    """One running `opa eval`."""

    def __init__(self, opa: LocalOpa, process: Process, program: Program) -> None:
        self._opa, self._process, self._program = opa, process, program

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.__exit__(kind, error, trace)

    def send(self, document: bytes) -> None:
        """Hand the document over in the background."""
        self._process.send(document)

    def answer(self) -> Any:
        """Wait for the value; undefined is an error, not a false."""
        result = self._process.finish()
        _require_success(result, self._program)
        match _json(result.stdout):
            case {"result": [{"expressions": [{"value": value}]}]}:
                return value
            case answer if answer == {}:
                raise EngineError(f"OPA: {self._program.query} is undefined")
        raise EngineError("OPA: an answer in another form than `opa eval --format json` gives")

    def identity(self) -> EngineIdentity:
        """That of its binary."""
        return self._opa.identity()


class _Identification:
    """Version and digest of a binary, found out in a thread while the binary works."""

    def __init__(self, opa: LocalOpa, version: str | None) -> None:
        self._opa, self._version = opa, version
        self._digest: Digest | None = None
        self._error: EngineError | None = None
        self._thread: threading.Thread | None = None

    def begin(self) -> None:
        if self._thread is None:
            # What the thread uses is imported here, where OPA is at work already. An interrupt may leave the
            # lock of a module that is being imported taken, and a second thread would wait for it for ever.
            import hashlib  # noqa: F401

            import pushpolicy.model.digest  # noqa: F401

            thread = threading.Thread(target=self._run, daemon=True)
            start_thread(thread)
            self._thread = thread

    def result(self) -> tuple[str, Digest]:
        self.begin()
        assert self._thread is not None
        self._thread.join()
        if self._version is None or self._digest is None:
            raise self._error or EngineError("OPA could not be identified")
        return self._version, self._digest

    def _run(self) -> None:
        try:
            self._digest = self._opa.file_digest()
            self._version = self._version or self._opa.ask_version()
        except EngineError as error:
            self._error = error


def check_version(version: str, where: str) -> None:
    """Refuse an OPA whose `not` would let rules pass (import rego.v2 came with 1.22).

    Raises:
        EngineError: when it is too old, or says no version.
    """
    numbers = version.split("-")[0].split(".")[:2]
    if not all(number.isdecimal() and number.isascii() for number in numbers) or (
        tuple(map(int, numbers)) < OLDEST
    ):
        about = f"{where}: OPA {printable(version, 40)} is too old"
        raise EngineError(f"{about}: rules need 1.22 or newer", "packages/opa has a newer one")


def _require_success(result: Result, program: Program) -> None:
    """Raise what `opa eval` objects to, where it failed."""
    if result.code != 0:
        found = problems(result, program.folder)
        failed = any("eval_builtin_error" in problem.message for problem in found)
        said = "; ".join(str(problem) for problem in found[:3])
        raise EngineError(f"OPA: {said}", ASK_FIRST if failed else None)


def _types(program: Program) -> list[str]:
    return ["--schema", str(program.schema), "--capabilities", str(program.capabilities)]


def _json(content: bytes) -> Any:
    try:
        return json.loads(content)
    except (ValueError, RecursionError) as error:
        raise EngineError("OPA answered something that is not JSON; is it OPA?") from error


def problems(result: Result, folder: Path) -> tuple[Problem, ...]:
    """The errors of a run that failed; paths are given relative to `folder`."""
    for content in (result.stdout, result.stderr):
        try:
            errors = json.loads(content)["errors"]
            return tuple(problem(error, folder) for error in errors)
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            continue
    said = printable(" ".join(result.stderr.decode("utf-8", "replace").split()[:60]), 300)
    if result.code < 0 or "out of memory" in said or "cannot allocate" in said:
        return (Problem(message=f"ended by signal {-result.code} or lack of memory ({said})"),)
    return (Problem(message=said or f"exit code {result.code} without a message"),)


def _in_words(result: Result, folder: Path) -> Iterator[Problem]:
    """The errors of `opa test`, which says what does not compile in plain text alone."""
    head, place = (
        r"(?:1 error occurred(?: during loading)?: )?",
        rf"{re.escape(str(folder))}/(.+?\.rego):(\d+)",
    )
    form = re.compile(f"{head}{place}: (.+)")
    for line in result.stderr.decode("utf-8", "replace").splitlines():
        if told := form.fullmatch(line):
            yield Problem(message=printable(told[3], 300), file=printable(told[1]), row=int(told[2]))


def problem(error: dict[str, Any], folder: Path | None = None) -> Problem:
    """One of OPA's errors; paths are given relative to `folder`, where it was given files of one."""
    location, within = error.get("location") or {}, f"{folder}/" if folder else "\0"
    message = str(error["message"]).replace(within, "")
    code = f"{error['code']}: " if "code" in error else ""
    return Problem(
        message=printable(" ".join(f"{code}{message}".split()), 300),
        file=printable(str(location.get("file", "")).replace(within, "")),
        row=int(location.get("row", 0)),
    )
