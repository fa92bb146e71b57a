"""Past decisions, made again by the workers of a Dask cluster.

A worker is given bytes and answers in bytes: documents and a policy, and what was decided. It needs this
version of pushpolicy with its OPA, and neither a credential nor a key; a registry it does not ask.

forms     what is asked and answered, and how an answer is read
worker    what a worker does
address   where the scheduler is, and by which certificates it is known
foreign   Dask's client, in which nothing acts that its peers send
client    batches to the workers, and their answers as they come
"""

from __future__ import annotations

from pushpolicy.audit.cluster.worker import decide

__all__ = ["decide"]
