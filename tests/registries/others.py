"""go-containerregistry's registry, which is in memory only, and zot."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.programs import optional, tool
from tests.registries.running import Registry, free_port, made_storage, serving


@contextmanager
def gocontainerregistry(folder: Path, *, referrers: bool = False) -> Iterator[Registry]:
    """Run the registry of github.com/google/go-containerregistry, as ko and crane have it; nobody logs in.

    Args:
        folder: an empty or absent folder for the log.
        referrers: whether it has the referrers API.
    """
    program, port, storage = tool("gocontainerregistry"), free_port(), made_storage(folder)
    argv = [str(program), str(port), *(["referrers"] if referrers else [])]
    with serving(argv, folder / "registry.log", port) as server:
        yield Registry(
            kind="go-containerregistry-referrers" if referrers else "go-containerregistry",
            host=f"127.0.0.1:{port}",
            log=folder / "registry.log",
            storage=storage,
            server=server,
        )


@contextmanager
def zot_registry(folder: Path) -> Iterator[Registry]:
    """Run zot where it is on PATH; no registry of packages has it, so the test is skipped elsewhere."""
    program, port, storage = optional("zot"), free_port(), made_storage(folder)
    config = folder / "zot.json"
    http = {"address": "127.0.0.1", "port": str(port)}
    config.write_text(json.dumps({"storage": {"rootDirectory": str(storage)}, "http": http}))
    with serving([program, "serve", str(config)], folder / "registry.log", port) as server:
        yield Registry(
            kind="zot",
            host=f"127.0.0.1:{port}",
            log=folder / "registry.log",
            storage=storage,
            server=server,
        )
