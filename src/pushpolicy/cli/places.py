"""Where what is told of a push goes, and how much of it: by command line, or its policy's trust.yaml."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pushpolicy.cli.options import PushOptions
from pushpolicy.cli.registries import parse_records
from pushpolicy.errors import UsageError
from pushpolicy.model.reference import Repository
from pushpolicy.records.build import RawReports

if TYPE_CHECKING:
    from pushpolicy.signing.trust import Trust


def of_records(trust: Trust, options: PushOptions, target: Repository) -> Repository | None:
    """Where records go instead of the target: said on the command line, or by its policy's trust.yaml.

    Raises:
        PolicyError: when that names two places.
        UsageError: when either is no repository, they name two, or it needs a credential that nobody obtains.
    """
    asked = parse_records(options.registry.records)
    trusted = parse_records(trust.records_of(target), "records of the policy's trust.yaml")
    if asked and trusted and asked != trusted:
        raise UsageError(
            f"--records names {asked}, and the trust.yaml of the policy {trusted}",
            "leave the option out, or have the policy changed",
        )
    kept_in = asked or trusted
    if options.login and kept_in and not kept_in.is_layout:
        raise UsageError(
            f"--login {options.login}: records in {kept_in} would need a credential of their own",
            "keep them beside the image, or in a folder (oci:DIR)",
        )
    return kept_in


def raw_reports(trust: Trust, asked: str | None, target: Repository) -> RawReports:
    """Whether records about the target keep the raw reports.

    Raises:
        UsageError: when command line and policy differ.
    """
    trusted = trust.raw_of(target)
    if asked and trusted and asked != trusted:
        raise UsageError(
            f"--raw says {asked}, and the trust.yaml of the policy {trusted} for {target}",
            "leave the option out, or have the policy changed",
        )
    return RawReports(asked or trusted or RawReports.KEEP)
