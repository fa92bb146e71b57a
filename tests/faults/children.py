"""Pushes in processes of their own, to be ended in the middle or to race one another."""

from __future__ import annotations

import multiprocessing
import sys
from multiprocessing.context import ForkServerContext, ForkServerProcess
from multiprocessing.synchronize import Barrier
from pathlib import Path

from pushpolicy.engines import LocalOpa
from pushpolicy.errors import PushPolicyError
from pushpolicy.model.reference import Target
from pushpolicy.pipeline import admit
from pushpolicy.registry import open_repository
from tests.faults.course import QUICK
from tests.faults.images import IMAGES, layered
from tests.jobs import GOOD, Job
from tests.judged import publish


def context() -> ForkServerContext:
    """Processes in which everything that takes time to import is there from the start."""
    made = multiprocessing.get_context("forkserver")
    made.set_forkserver_preload(["tests.faults.children", "pushpolicy.registry.remote", "fastjsonschema"])
    return made


def push_process(image: str, target: Target) -> ForkServerProcess:
    """A process that pushes one of `IMAGES`."""
    return context().Process(target=_push, args=(image, target))


def gate_process(folder: Path, opa: Path, target: Target) -> ForkServerProcess:
    """A process that gathers, decides and pushes."""
    return context().Process(target=_admit, args=(folder, opa, target))


def racing_process(content: str, at: str, target: Target, start: Barrier) -> ForkServerProcess:
    """A process that pushes an image of this content, judged at this time, once all are there.

    It ends with the exit code that the command would end with.
    """
    return context().Process(target=_race, args=(content, at, target, start))


def _push(image: str, target: Target) -> None:
    publish(IMAGES[image], open_repository(target.repository, QUICK), target)


def _admit(folder: Path, opa: Path, target: Target) -> None:
    admit(Job(folder=folder, engine=LocalOpa(opa)).request(GOOD, target))


def _race(content: str, at: str, target: Target, start: Barrier) -> None:
    client, image = open_repository(target.repository, QUICK), layered(content, 300)
    start.wait(60)
    try:
        publish(image, client, target, at)
    except PushPolicyError as error:
        sys.exit(error.exit_code)
