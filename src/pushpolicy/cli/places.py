"""Where what is told of a push goes, and how much of it: by command line, or its policy's trust.yaml."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, TypeVar

from pushpolicy.cli import environment
from pushpolicy.cli.options import PushOptions
from pushpolicy.cli.registries import parse_records
from pushpolicy.errors import UsageError
from pushpolicy.files import real
from pushpolicy.model.reference import Repository
from pushpolicy.records.build import RawReports

if TYPE_CHECKING:
    from pushpolicy.signing.trust import Trust

Said = TypeVar("Said", str, Repository)


def of_records(trust: Trust, options: PushOptions, target: Repository) -> Repository | None:
    """Where records go instead of the target: said on the command line, or by its policy's trust.yaml.

    Raises:
        PolicyError: when that names two places.
        UsageError: when either is no repository, they name two, or it needs a credential that nobody obtains.
    """
    asked = parse_records(options.registry.records)
    trusted = parse_records(trust.records_of(target), "records of the policy's trust.yaml")
    kept_in = _agreed("--records names", asked, trusted, f" for {target}")
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
    trusted: str | None = trust.raw_of(target)
    return RawReports(_agreed("--raw says", asked, trusted, f" for {target}") or RawReports.KEEP)


def of_denials(trust: Trust, option: str | None, targets: Iterable[Repository]) -> Repository | None:
    """Where denials are recorded: said on the command line, or by its policy's trust.yaml.

    Raises:
        UsageError: when either is no repository, they name two, or one that is pushed to.
    """
    asked = parse_records(option, "--denials")
    trusted = parse_records(trust.denials, "denials of the policy's trust.yaml")
    kept_in = _agreed("--denials names", asked, trusted)
    if kept_in and any(_is_same(kept_in, target) for target in targets):
        raise UsageError(
            f"denials cannot be recorded in {kept_in}: it is pushed to, and is not written to without ALLOW",
            "name a repository of its own for them, or a folder (oci:DIR)",
        )
    return kept_in


def _agreed(says: str, asked: Said | None, trusted: Said | None, about: str = "") -> Said | None:
    """What command line and policy say, where either does; neither overrules the other."""
    if asked and trusted and asked != trusted:
        raise UsageError(
            f"{says} {asked}, and the trust.yaml of the policy {trusted}{about}",
            "leave the option out, or have the policy changed",
        )
    return asked or trusted


def _is_same(one: Repository, other: Repository) -> bool:
    """Hosts know no case, and have usual ports; a folder is the same by another name."""
    if one.is_layout and other.is_layout:
        folder = environment.workspace()
        return real(folder / one.path) == real(folder / other.path)
    return one.is_layout == other.is_layout and one.is_covered_by(str(other))
