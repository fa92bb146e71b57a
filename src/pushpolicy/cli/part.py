"""``pushpolicy gather --part``: from options to the part of one job."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pushpolicy.cli import environment
from pushpolicy.cli.config import read_config
from pushpolicy.cli.gathering import named_evidence
from pushpolicy.cli.limits import read_limits
from pushpolicy.cli.registries import Registries
from pushpolicy.cli.request import parse_source
from pushpolicy.errors import UsageError
from pushpolicy.gather import Seen
from pushpolicy.gather.parts.write import PartRequest, write_part
from pushpolicy.images import open_image
from pushpolicy.model.digest import Digest

_ACCESS = ("plain_http", "ca_file", "cert_dir", "username", "password_stdin", "source_plain_http")


def write(
    name: str,
    output: str | None,
    *,
    image: str | None,
    target: str | None,
    config: str | None,
    evidence: tuple[str, ...],
    limits: tuple[str, ...],
    **others: Any,
) -> tuple[Seen, ...]:
    """Write the part; returns what every file was taken for.

    Raises:
        UsageError: when there is no FILE, or a TARGET, which a part is not about.
        InputError: when evidence or the image cannot be read, or the file cannot be written.
    """
    if output is None:
        raise UsageError("--part NAME needs -o FILE", "hand that file to `pushpolicy push --part FILE`")
    if target is not None:
        raise UsageError("--part: a part is about no TARGET", "leave it out; the job that pushes names it")
    request = PartRequest(
        name=name,
        output=Path(output),
        workspace=environment.workspace(),
        environ=environment.environment(),
        named=named_evidence(evidence, read_config(config)),
        limits=read_limits(limits),
        image=_digest(image, others) if image else None,
    )
    return write_part(request)


def _digest(image: str, options: Mapping[str, Any]) -> Digest:
    source = parse_source(image)
    client = None
    if source:
        client, _ = Registries(**{key: options[key] for key in _ACCESS}).source(source.repository)
    with open_image(image, client=client) as opened:
        return opened.top.digest
