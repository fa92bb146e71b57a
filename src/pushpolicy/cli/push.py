"""``pushpolicy push``: decide, publish on ALLOW, report."""

from __future__ import annotations

from typing import Any

import click

from pushpolicy.cli import options
from pushpolicy.cli.policies import judge_ahead
from pushpolicy.cli.report import outputs
from pushpolicy.errors import UsageError


@click.command("push", short_help="Decide, publish on ALLOW, attach the record, verify, move the tags.")
@click.argument("image", required=False)
@click.argument("target", required=False)
@options.gather_options
@options.part_option
@options.policy_options
@options.registry_options
@options.source_options
@click.option("--all", "everything", is_flag=True, help="Push the images of the configuration: all, or none.")
@click.option("--dry-run", is_flag=True, help="Decide only, as `pushpolicy check` does.")
@click.option(
    "--verify",
    type=click.Choice(["head", "full"]),
    default="head",
    show_default=True,
    help="How layers are verified after the push: head asks for size and presence, full reads them back.",
)
@click.option(
    "--raw",
    type=click.Choice(["keep", "digest"]),
    default="keep",
    show_default=True,
    help="Whether the record keeps the raw reports, or only their digests.",
)
@options.format_option
@options.quiet_option
def command(
    image: str | None,
    everything: bool,
    dry_run: bool,
    verify: str,
    raw: str,
    formats: tuple[str, ...],
    quiet: bool,
    **given: Any,
) -> int:
    """Publish IMAGE as TARGET if policy allows it, with the evidence attached.

    IMAGE is oci:DIR[:REF], oci-archive:FILE[:REF], docker-archive:FILE[:REF] (docker save; - for standard
    input), docker-daemon:NAME[:TAG], docker://REGISTRY/REPO[:TAG|@DIGEST], or a path to one.
    TARGET is REGISTRY/REPO:TAG, or oci:DIR:TAG for a folder.
    """
    wanted = outputs(formats)
    _check_arguments(image, everything=everything, given=given)
    with judge_ahead(given["config"], given["policies"], given["engine"]) as judge:
        # The larger part of the program, imported while OPA starts and its binary is hashed.
        from pushpolicy.cli import publishing

        requests = publishing.requests(judge, image, **given)
        if dry_run:
            outcomes = publishing.check(requests)
        else:
            outcomes = publishing.publish(requests, full=verify == "full", raw=raw, quiet=quiet)
        return publishing.report(judge.policy, outcomes, wanted, quiet=quiet, given=given)


def _check_arguments(image: str | None, *, everything: bool, given: dict[str, Any]) -> None:
    if everything and (image is not None or given["tags"]):
        raise UsageError("--all: the configuration names each image with its target and tags")
    if not everything and (image is None or given["target"] is None):
        raise UsageError("IMAGE and TARGET are missing", "or --all, for the images of the configuration")
