"""``pushpolicy gather --part``: from options to the part of one job."""

from __future__ import annotations

from pathlib import Path

from pushpolicy.cli import environment
from pushpolicy.cli.config import read_config
from pushpolicy.cli.gathering import git_program, named_evidence, public_variables
from pushpolicy.cli.identity import token_access
from pushpolicy.cli.options import PushOptions, read_limits
from pushpolicy.cli.registries import Registries
from pushpolicy.cli.request import parse_source
from pushpolicy.errors import UsageError
from pushpolicy.evaluate.sources import read_file
from pushpolicy.gather import Seen
from pushpolicy.gather.ci.identity import TokenAccess
from pushpolicy.gather.parts.write import PartRequest, write_part
from pushpolicy.images import open_image
from pushpolicy.model.digest import Digest
from pushpolicy.signing.trust import Trust, read_trust


def write(
    name: str,
    output: str | None,
    image: str | None,
    target: str | None,
    options: PushOptions,
    *,
    is_signed: bool = False,
) -> tuple[Seen, ...]:
    """Write the part, signed by a token of this job where asked; returns what every file was taken for.

    Raises:
        PolicyError: when the file of ``--trust`` is malformed.
        UsageError: when there is no FILE, or a TARGET, which a part is not about.
        InputError: when evidence or the image cannot be read, or the file cannot be written.
    """
    if output is None:
        raise UsageError("--part NAME needs -o FILE", "hand that file to `pushpolicy push --part FILE`")
    if target is not None:
        raise UsageError("--part: a part is about no TARGET", "leave it out; the job that pushes names it")
    gathering = options.gathering
    if gathering.jobs is not None:
        raise UsageError("--part: a part tells of no jobs", "give --jobs to the command that pushes")
    request = PartRequest(
        name=name,
        output=Path(output),
        workspace=environment.workspace(),
        environ=environment.environment(),
        named=named_evidence(gathering.evidence, read_config(gathering.config)),
        limits=read_limits(gathering.limits),
        git=git_program(gathering.git),
        not_secret=public_variables(gathering.not_secret),
        image=_digest(image, options) if image else None,
        signed_by=_issuers(options) if is_signed else None,
    )
    return write_part(request)


def _issuers(options: PushOptions) -> TokenAccess:
    file = options.policy.trust
    trust = read_trust(file, read_file(Path(file)).content) if file else Trust()
    return token_access(trust, options.registry)


def _digest(image: str, options: PushOptions) -> Digest:
    source, client = parse_source(image), None
    if source:
        limits = read_limits(options.gathering.limits)
        registries = Registries(options.registry, limits, source_plain_http=options.source.source_plain_http)
        client, _ = registries.source(source.repository)
    with open_image(image, client=client) as opened:
        return opened.top.digest
