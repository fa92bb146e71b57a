"""One push in a process of its own, to be ended in the middle."""

from __future__ import annotations

import multiprocessing
from multiprocessing.context import ForkServerProcess
from pathlib import Path

from pushpolicy.engines import LocalOpa
from pushpolicy.model.reference import Target
from pushpolicy.pipeline import admit
from tests.jobs import GOOD, Job


def push_process(folder: Path, opa: Path, target: Target) -> ForkServerProcess:
    """A process that pushes; what takes time to import is imported once for all of them."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["pushpolicy.pipeline", "pushpolicy.registry.remote", "fastjsonschema"])
    return context.Process(target=_push, args=(folder, opa, target))


def _push(folder: Path, opa: Path, target: Target) -> None:
    admit(Job(folder=folder, engine=LocalOpa(opa)).request(GOOD, target))
