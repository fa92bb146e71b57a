"""Which records `audit` reads, and whom it believes: from its options to a shelf."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from pushpolicy.audit.shelf import Shelf
from pushpolicy.cli.options import RegistryOptions
from pushpolicy.cli.registries import Registries, parse_records
from pushpolicy.cli.trusted import listed_keys
from pushpolicy.errors import InputError, UsageError
from pushpolicy.model.reference import Reference, Repository
from pushpolicy.model.text import printable
from pushpolicy.records.signed import Trusted
from pushpolicy.registry import Access, open_repository
from pushpolicy.reports.limits import Limits


def open_shelf(
    text: str,
    options: RegistryOptions,
    limits: Limits,
    trust: str | None = None,
    offline: str | None = None,
) -> tuple[Shelf, Reference]:
    """What a REFERENCE names, and where its records are, by the options; their keys are those of --trust.

    Raises:
        UsageError: when an option is wrong, or two do not go together.
        InputError: when there is no such folder.
    """
    try:
        reference = Reference.parse(text)
        copy = Repository.parse(f"oci:{offline.removeprefix('oci:')}") if offline is not None else None
    except ValueError as error:
        raise UsageError(
            f"{'REFERENCE' if offline is None else 'REFERENCE or --offline'}: {error}"
        ) from error
    trusted = _trusted(trust, reference.repository)
    kept_in = copy or parse_records(options.records) or reference.repository
    # Not that of the images: with records elsewhere, all may be of denials, and nothing was ever pushed.
    _check_there(kept_in)
    if copy:
        if options.records is not None:
            raise UsageError("--offline and --records: the layout has the records", "leave --records out")
        return Shelf.of(open_repository(copy, Access()), trusted=trusted), reference
    registries = Registries(options, limits)
    images, _ = registries.target(reference.repository)
    if kept_in == reference.repository:
        return Shelf.of(images, trusted=trusted), reference
    records, _ = registries.records(kept_in)
    return Shelf.of(images, records, trusted), reference


def shelf_of_denials(
    text: str | None, shelf: Shelf, options: RegistryOptions, limits: Limits
) -> Shelf | None:
    """Where denials of the images of a shelf are; None where no option says.

    Raises:
        UsageError: when the option names no repository.
        InputError: when there is no such folder.
    """
    repository = parse_records(text, "--denials")
    if repository is None:
        return None
    _check_there(repository)
    registries = Registries(options, limits, owner=shelf.images.repository.registry)
    client, _ = registries.denials(repository)
    return Shelf.of(shelf.images, client, shelf.signatures.trusted)


def _trusted(file: str | None, repository: Repository) -> Trusted | None:
    """Who is believed about records of this repository; None where no file says."""
    if file is None:
        return None
    keys = listed_keys(Path(file), "--trust", "decide")
    if not any(key.role == "decide" for key in keys.values()):
        raise UsageError(
            f"--trust {printable(file)} lists no key of the role decide",
            "`pushpolicy keygen NAME --role decide` prints such an entry",
        )
    return Trusted(keys=keys, repository=repository, at=datetime.now(UTC))


def _check_there(repository: Repository) -> None:
    """Require the folder of a layout, which would else pass for one that has no records."""
    if repository.is_layout and not Path(repository.path).exists():
        raise InputError(f"{repository}: there is no such folder", "check the path")
