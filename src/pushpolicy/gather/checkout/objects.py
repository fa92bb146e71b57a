"""Git's objects, read raw and hashed again: an object is what its name says, or the reading fails.

Git is given a repository of our own that holds nothing but the place of the objects. So nothing of the
checkout's configuration, hooks, attributes, replacements, grafts or index takes part, no program that it
names can run, and an object that a partial clone left out is absent, not fetched.
"""

from __future__ import annotations

import hashlib
import stat
import subprocess
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from pushpolicy.gather.checkout.program import ENVIRON, GitError, stuck
from pushpolicy.model.text import printable

SECONDS = 60
HASHES = {"sha1": hashlib.sha1, "sha256": hashlib.sha256}
_MIB = 1024 * 1024
# Requests that are written before their answers are read: few enough for the smallest buffer of a pipe.
_AHEAD = 60


class MissingObjectError(GitError):
    """An object is not in the repository; `kind` is what it should be."""

    def __init__(self, message: str, kind: str) -> None:
        super().__init__(message)
        self.kind = kind


def blob_name(content: bytes, algorithm: str) -> str:
    """The name of a blob with this content; `algorithm` is sha1 or sha256."""
    return _hashed("blob", content, algorithm)


def algorithm_of(name: str) -> str:
    """The hash that names a repository's objects, by the length of a name."""
    return "sha1" if len(name) == 40 else "sha256"


def _hashed(kind: str, content: bytes, algorithm: str) -> str:
    digest = HASHES[algorithm](b"%s %d\0" % (kind.encode(), len(content)), usedforsecurity=False)
    digest.update(content)
    return digest.hexdigest()


class Objects:
    """Reads objects; use as a context, from several threads.

    Args:
        program: the path of git.
        store: the folder `objects` of a repository.
        algorithm: sha1 or sha256.
    """

    def __init__(self, program: str, store: Path, algorithm: str) -> None:
        self._program, self._store, self.algorithm = program, store, algorithm
        self._lock = threading.Lock()
        self._failure: GitError | None = None

    def __enter__(self) -> Self:
        if self._store in stuck:
            raise GitError("git took too long on this repository before")
        self._folder = tempfile.TemporaryDirectory(prefix="pushpolicy-git-")
        try:
            self._process = self._start(Path(self._folder.name))
        except OSError as error:
            self._folder.cleanup()
            raise GitError(f"git cannot be run: {error.strerror}") from error
        except BaseException:  # an interrupt
            self._folder.cleanup()
            raise
        self._timer = threading.Timer(SECONDS, self._give_up)
        self._timer.daemon = True
        self._timer.start()
        return self

    def _start(self, place: Path) -> subprocess.Popen[bytes]:
        (place / "refs").mkdir()
        (place / "HEAD").write_text("ref: refs/heads/none\n")
        (place / "config").write_text(
            "[core]\n\trepositoryFormatVersion = 1\n\tbare = true\n\tcommitGraph = false\n"
            f"[extensions]\n\tobjectFormat = {self.algorithm}\n"
        )
        return subprocess.Popen(
            [self._program, "cat-file", "--batch"],
            cwd=place,
            env=self._environ(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._timer.cancel()
        self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            assert stream is not None
            with suppress(BrokenPipeError):
                stream.close()
        self._folder.cleanup()

    def _environ(self) -> dict[str, str]:
        return ENVIRON | {"GIT_DIR": self._folder.name, "GIT_OBJECT_DIRECTORY": str(self._store)}

    def _give_up(self) -> None:
        stuck.add(self._store)
        self._process.kill()

    def read(self, name: str, kind: str, limit: int) -> bytes:
        """One object, as `read_all` reads it."""
        return next(self.read_all([name], kind, limit))

    def read_all(self, names: Sequence[str], kind: str, limit: int) -> Iterator[bytes]:
        """The contents of several objects, in order.

        Args:
            names: hexadecimal.
            kind: commit, tree or blob.
            limit: bytes of one object.

        Raises:
            MissingObjectError: when one is not there.
            GitError: when one is of another kind, over the limit or not what its name says, or git ended.
        """
        for start in range(0, len(names), _AHEAD):
            yield from self._ask(names[start : start + _AHEAD], kind, limit)

    def read_small(self, name: str, limit: int) -> bytes | None:
        """A blob; None where it is over the limit, in bytes.

        Raises:
            GitError: as `read_all` does.
        """
        try:
            return self.read(name, "blob", limit)
        except _TooLargeError:
            return None

    def size(self, name: str) -> int | None:
        """The bytes of a blob as git says, which nothing proves; None where it does not say.

        Raises:
            GitError: when it takes too long.
        """
        self._check_file(self._store / name[:2] / name[2:])
        try:
            said = subprocess.run(
                [self._program, "cat-file", "-s", name],
                env=self._environ(),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=SECONDS,
                check=False,
            ).stdout.strip()
        except subprocess.TimeoutExpired as error:
            raise self._ended("blob", name) from error
        return int(said) if said.isdigit() else None

    def _ask(self, names: Sequence[str], kind: str, limit: int) -> list[bytes]:
        with self._lock:
            # After a failure, what git says next may be the answer to another question.
            if self._failure:
                raise self._failure
            try:
                for name in names:
                    self._check_file(self._store / name[:2] / name[2:])
                self._write(names)
                return [self._answer(name, kind, limit) for name in names]
            except _TooLargeError:
                raise
            except GitError as error:
                self._failure = error
                raise

    def _check_file(self, place: Path) -> None:
        """Git would wait for a named pipe in the place of an object that is stored by itself."""
        with suppress(OSError):
            if not stat.S_ISREG(place.stat().st_mode):
                raise GitError(f"{printable(str(place))}: it is not a regular file")

    def _write(self, names: Sequence[str]) -> None:
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):  # when git has ended; reading says so
            self._process.stdin.write("".join(f"{name}\n" for name in names).encode())
            self._process.stdin.flush()

    def _answer(self, name: str, kind: str, limit: int) -> bytes:
        answers = self._process.stdout
        assert answers is not None
        said = answers.readline(200).split()
        if said[1:] == [b"missing"]:
            raise MissingObjectError(f"the {kind} {name} is not in the repository", kind)
        if len(said) != 3 or not said[2].isdigit():
            raise self._ended(kind, name)
        if said[1] != kind.encode():
            raise GitError(f"the object {name} is no {kind}: the repository is forged or damaged")
        size = int(said[2])
        if size > limit:
            rest = size + 1
            while rest > 0 and (piece := answers.read(min(rest, _MIB))):
                rest -= len(piece)
            raise _TooLargeError(f"the {kind} {name} is over {limit} bytes")
        content = answers.read(size + 1)
        if len(content) <= size:
            raise self._ended(kind, name)
        content = content[:-1]
        if _hashed(kind, content, self.algorithm) != name:
            raise GitError(
                f"the {kind} {name} is not what its name says: the repository is forged or damaged"
            )
        return content

    def _ended(self, kind: str, name: str) -> GitError:
        return GitError(f"git ended, or took over {SECONDS} seconds, while it read the {kind} {name}")


class _TooLargeError(GitError):
    """An object is over the limit."""
