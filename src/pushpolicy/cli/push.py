"""``pushpolicy push``: decide, publish on ALLOW, report."""

from __future__ import annotations

import click

from pushpolicy.cli import options as shared
from pushpolicy.cli.artifacts import PolicyRegistries
from pushpolicy.cli.formats import Kind
from pushpolicy.cli.keys import deferred_key
from pushpolicy.cli.options import PublishOptions, PushOptions
from pushpolicy.cli.policies import start_engine
from pushpolicy.cli.report import Outputs
from pushpolicy.errors import UsageError


@click.command("push", short_help="Decide, publish on ALLOW, attach the record, verify, move the tags.")
@click.argument("image", required=False)
@click.argument("target", required=False)
@shared.push_options
@shared.publish_options
@shared.format_option(Kind.DECISION)
@shared.quiet_option
def command(
    image: str | None,
    target: str | None,
    options: PushOptions,
    publish: PublishOptions,
    outputs: Outputs,
    quiet: bool,
) -> int:
    """Publish IMAGE as TARGET if policy allows it, with the evidence attached.

    IMAGE is oci:DIR[:REF], oci-archive:FILE[:REF], docker-archive:FILE[:REF] (docker save; - for standard
    input), docker-daemon:NAME[:TAG], docker://REGISTRY/REPO[:TAG|@DIGEST], or a path to one.
    TARGET is REGISTRY/REPO:TAG, or oci:DIR:TAG for a folder.
    """
    if publish.all_images and (image is not None or options.gathering.tags or publish.also):
        raise UsageError("--all: the configuration names each image with its target and tags")
    if not publish.all_images and (image is None or target is None):
        raise UsageError("IMAGE and TARGET are missing", "or --all, for the images of the configuration")
    signer = deferred_key(publish.key)
    if publish.forms and signer is None:
        raise UsageError("--statement: there is no key to sign it with", "--key names one")
    registries = PolicyRegistries.of(options, target)
    with start_engine(options.gathering.config, options.policy, options.server, registries) as deciding:
        # The larger part of the program, imported while OPA starts and its binary is hashed.
        from pushpolicy.cli import publishing

        return publishing.publish(deciding, image, target, options, publish, outputs, signer, quiet=quiet)
