"""The git program: where it is taken from, and how it is run."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from pushpolicy.files import is_file, real
from pushpolicy.model.text import printable

# PATH is not searched: an earlier step of the job could put another git there.
PLACES = (
    "/usr/bin/git",
    "/usr/local/bin/git",
    "/opt/homebrew/bin/git",
    "/opt/local/bin/git",
    "/home/linuxbrew/.linuxbrew/bin/git",
    "/run/current-system/sw/bin/git",
)
SECONDS = 20
_MAX_OUTPUT = 64 * 1024 * 1024
# Where git did not end in time: it is not started there again by this process.
stuck: set[Path] = set()
ENVIRON = {
    "PATH": "/usr/bin:/bin",
    "HOME": "/nonexistent",
    "LC_ALL": "C",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_ATTR_NOSYSTEM": "1",
    "GIT_ALLOC_LIMIT": "1g",
    "GIT_ALLOW_PROTOCOL": "none",
    "GIT_GRAFT_FILE": "/dev/null",
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_TERMINAL_PROMPT": "0",
}
# Of the commands that are run, none starts a program. These are here should one learn to.
_NEUTRAL = (
    "core.commitGraph=false",
    "core.fsmonitor=false",
    "core.hooksPath=/dev/null",
    "core.pager=cat",
    "log.showSignature=false",
    "protocol.allow=never",
    "safe.directory=*",  # it guards against the settings of a repository, none of which is followed
)


class GitError(Exception):
    """Git is absent, failed, or said something unexpected."""


class Git:
    """The program.

    Args:
        environ: of this process; it says where the user's own configuration is.
        given: what `--git` names, else the first in the usual places is taken.
        root: the checkout that is judged, which never brings the git that judges it.

    Raises:
        GitError: when there is none, or it lies in the checkout.
    """

    def __init__(self, environ: Mapping[str, str], given: Path | None, root: Path) -> None:
        found = find_git(given)
        if found is None:
            where = f"at {printable(str(given))}" if given else "installed; --git names one elsewhere"
            raise GitError(f"no git program is {where}")
        if any(place.is_relative_to(root) for place in (Path(os.path.normpath(found)), real(found))):
            raise GitError(f"the git program {printable(str(found))} lies inside the checkout that is judged")
        self.path = str(found)
        self._own = {name: environ[name] for name in ("HOME", "XDG_CONFIG_HOME") if name in environ}

    def run(self, git_dir: Path, *arguments: str) -> bytes:
        """What a command says about a repository; it runs outside the work tree.

        Raises:
            GitError: when it failed, took too long or said too much.
        """
        return self._run(git_dir, arguments, ENVIRON, (0,))

    def configuration(self, git_dir: Path, pattern: str) -> bytes:
        """Settings of a repository, its user and the system, whose names match; each ends with a NUL.

        Raises:
            GitError: when it failed, took too long or said too much.
        """
        environ = {name: value for name, value in ENVIRON.items() if not name.startswith("GIT_CONFIG")}
        return self._run(git_dir, ("config", "-z", "--get-regexp", pattern), environ | self._own, (0, 1))

    def _run(
        self, git_dir: Path, arguments: Sequence[str], environ: Mapping[str, str], codes: Sequence[int]
    ) -> bytes:
        if git_dir in stuck:
            raise GitError("git took too long on this repository before")
        settings = [part for setting in _NEUTRAL for part in ("-c", setting)]
        with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as complaints:
            try:
                done = subprocess.run(
                    [self.path, "--no-pager", *settings, *arguments],
                    cwd="/",
                    env={**environ, "GIT_DIR": str(git_dir)},
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=complaints,
                    timeout=SECONDS,
                    check=False,
                )
            except subprocess.TimeoutExpired as error:
                stuck.add(git_dir)
                raise GitError(f"git {arguments[0]} took more than {SECONDS} seconds") from error
            except OSError as error:
                raise GitError(f"git cannot be run: {error.strerror}") from error
            if done.returncode not in codes:
                complaints.seek(0)
                said = complaints.read(2000).decode("utf-8", "replace").strip().partition("\n")[0]
                raise GitError(f"git {arguments[0]} failed: {printable(said)}")
            if output.tell() > _MAX_OUTPUT:
                raise GitError(f"git {arguments[0]} answered more than {_MAX_OUTPUT} bytes")
            output.seek(0)
            return output.read()


def find_git(given: Path | None = None) -> Path | None:
    """The absolute path of git: the one that was given, else the first in the usual places."""
    places = [given] if given else [Path(place) for place in PLACES]
    return next((place.absolute() for place in places if is_file(place)), None)
