"""``--scheduler``: who decides again, processes of this machine or the workers of a Dask cluster."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click
import msgspec

from pushpolicy.cli.options import group
from pushpolicy.errors import UsageError

if TYPE_CHECKING:
    from pushpolicy.engines import LocalOpa
    from pushpolicy.evaluate.batches import Answering


class ClusterOptions(msgspec.Struct, frozen=True, kw_only=True):
    """Where the scheduler is, and the folder of the certificates."""

    scheduler: str | None = None
    scheduler_tls: str | None = None


cluster_options = group(
    "cluster",
    ClusterOptions,
    click.option(
        "--scheduler",
        metavar="ADDRESS",
        help="Evaluate on the workers of a Dask cluster: tls://HOST:PORT of its scheduler, or tcp:// of this "
        "machine. Without it, by a process for each processor here.",
    ),
    click.option(
        "--scheduler-tls",
        metavar="DIR",
        help="For tls://: ca.crt, of whom the certificates count, and tls.crt and tls.key, our own.",
    ),
)


@contextmanager
def answering(options: ClusterOptions, engine: str | None, opa: LocalOpa) -> Iterator[Answering | None]:
    """What evaluates in the place of this machine's OPA; None without a cluster.

    Args:
        options: of the cluster.
        engine: the option of that name.
        opa: that of this machine, of which workers need the same.

    Raises:
        UsageError: when the options do not go together, or Dask is not installed.
        EngineError: when no scheduler answers.
    """
    if options.scheduler is None:
        if options.scheduler_tls is not None:
            raise UsageError("--scheduler-tls goes with --scheduler", "name the scheduler, or leave it out")
        yield None
        return
    if engine is not None:
        raise UsageError(
            "--engine and --scheduler: each worker evaluates with the OPA of its own installation",
            "leave one of them out",
        )
    from pushpolicy.audit.cluster.address import SchedulerAddress
    from pushpolicy.audit.cluster.client import Cluster

    address = SchedulerAddress.parse(options.scheduler, options.scheduler_tls)
    with Cluster(address, opa.identity()) as cluster:
        yield cluster.decisions
