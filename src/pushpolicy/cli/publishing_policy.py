"""``pushpolicy policy bundle|push|pull``: policies that travel as artifacts."""

from __future__ import annotations

import json
from pathlib import Path

import click

from pushpolicy.cli import environment
from pushpolicy.cli import options as shared
from pushpolicy.cli.artifacts import Finder, fetched, parse, read_keys
from pushpolicy.cli.engine import judging_engine
from pushpolicy.cli.keys import signing_key
from pushpolicy.cli.options import PolicyOptions, RegistryOptions
from pushpolicy.cli.policies import conftest_of
from pushpolicy.cli.registries import Registries
from pushpolicy.cli.render.decision import count
from pushpolicy.cli.report import say, show
from pushpolicy.errors import EXIT_OK, InputError, UsageError
from pushpolicy.evaluate import PACK, PolicySet, RepositoryPolicy, check_policy
from pushpolicy.evaluate.authority import parse_repo_may
from pushpolicy.evaluate.program import server_bundle
from pushpolicy.evaluate.published.artifact import sequence_at, signed, store
from pushpolicy.evaluate.published.bundle import pack_source, read_bundle
from pushpolicy.evaluate.published.statement import MAX_SEQUENCE, PolicyStatement
from pushpolicy.evaluate.sources import Source, read_source
from pushpolicy.files import write_whole
from pushpolicy.model.reference import Reference
from pushpolicy.model.text import printable
from pushpolicy.registry import RepositoryClient
from pushpolicy.reports.limits import Limits
from pushpolicy.signing.keys import PublicKey, SigningError


@click.command("bundle", short_help="Write a set as a bundle of OPA.")
@click.argument("sources", nargs=-1, metavar="[DIR|pack[:PART]|FILE]...")
@click.option("-o", "output", metavar="FILE", required=True, help="Where to write it, as policy.tar.gz.")
@click.option(
    "--server", is_flag=True, help="All that decides by these policies, for the OPA server of --engine URL."
)
@shared.policy_options
def bundle(sources: tuple[str, ...], output: str, policy: PolicyOptions, *, server: bool) -> int:
    """Write the rules and data of DIR as an OPA bundle, for `opa eval -b` and `opa run -b`.

    Tests and examples are left out. The same folder gives the same bytes.

    With --server, what arguments and --policy name (without them the pack) is checked as by `policy check`,
    and written together with the system part and the index, for `opa run --server -b FILE`. Prints the
    digest of the policy, which the server then says in each answer. Write it with the options of a push.
    """
    if server:
        checked = _checked((*sources, *policy.policies) or (PACK,), policy)
        _write_file(server_bundle(checked), output)
        show(str(checked.identity.digest))
        return EXIT_OK
    if len(sources) != 1 or policy != PolicyOptions(engine=policy.engine):
        raise UsageError(
            "policy bundle takes one DIR, and no policies beside it",
            "--server bundles several, with all that decides by them",
        )
    source = read_source(Path(sources[0]))
    _write_file(pack_source(source, judging_engine(policy.engine)), output)
    say(f"{printable(output)}: {count(len(source.rules), 'rule')} of {printable(sources[0])}")
    return EXIT_OK


def _checked(sources: tuple[str, ...], policy: PolicyOptions) -> PolicySet:
    """The set that a push by these options decides by, whose checkout adds nothing."""
    repository = RepositoryPolicy(may=parse_repo_may(policy.repo_may))
    foreign, artifacts = conftest_of(policy), fetched(sources, policy)
    return check_policy(sources, judging_engine(policy.engine), repository, policy.trust, foreign, artifacts)


def _write_file(content: bytes, output: str) -> None:
    try:
        with write_whole(Path(output)) as file:
            file.write(content)
    except OSError as error:
        raise InputError(f"{printable(output)}: cannot be written: {error.strerror}") from error


@click.command("push", short_help="Sign a set, and store it in a registry.")
@click.argument("folder", metavar="DIR")
@click.argument("reference", metavar="REF")
@shared.key_option
@click.option("--name", required=True, help="What the policy is signed as; --policy-key asks for it.")
@click.option(
    "--sequence",
    type=click.IntRange(1, MAX_SEQUENCE),
    required=True,
    metavar="N",
    help="Larger for each release; --min-sequence refuses older ones.",
)
@click.option("--expires", metavar="TIME", help="From when on nobody is to use it, as 2027-01-31T00:00:00Z.")
@shared.engine_option
@shared.access_options
def push(
    folder: str,
    reference: str,
    key: str | None,
    name: str,
    sequence: int,
    expires: str | None,
    engine: str | None,
    registry: RegistryOptions,
) -> int:
    """Sign the rules and data of DIR, and store them as REF: oci://REGISTRY/REPO:TAG, or oci:DIR:TAG.

    Prints the artifact by its digest, which pins it: --policy oci://REGISTRY/REPO@DIGEST.
    """
    place = _parse(reference)
    if place.tag is None or place.digest is not None:
        raise UsageError(
            f"REF {printable(reference)} names no tag to store it as", "add :TAG, without a digest"
        )
    end = environment.parse_time(expires, "--expires")
    content = pack_source(read_source(Path(folder)), judging_engine(engine))
    try:
        statement = PolicyStatement.of(content, name, sequence, expires)
    except ValueError as error:
        hint = "a name is small letters, digits and . _ -"
        raise UsageError(f"the statement to be signed {error}", hint) from error
    if expires is not None and end <= environment.now():
        raise UsageError(f"--expires {printable(str(expires))} is over already", "give a later time")
    client, _ = Registries(registry, Limits()).target(place.repository)
    signer = signing_key(key)
    _check_newer(client, place, sequence, signer.public)
    try:
        artifact = signed(content, statement, signer)
    except SigningError as error:
        raise UsageError(f"the policy cannot be signed: the key {error.message}", error.hint) from error
    store(client, artifact, place.tag)
    scheme = "" if place.repository.is_layout else "oci://"
    show(f"{scheme}{place.repository}@{artifact.manifest.digest}")
    say(f"stored as {place}: {name}, sequence {sequence}, signed by {signer.public.fingerprint[:12]}")
    return EXIT_OK


@click.command("pull", short_help="Write a stored set into a folder.")
@click.argument("reference", metavar="REF")
@click.option("-o", "output", metavar="DIR", required=True, help="A folder that is not there yet.")
@shared.policy_key_options[0]
@shared.policy_key_options[1]
@shared.access_options
def pull(
    reference: str,
    output: str,
    policy_keys: tuple[str, ...],
    min_sequence: int | None,
    registry: RegistryOptions,
) -> int:
    """Write the rules and data of the artifact REF into a new folder, as --policy takes it."""
    place, finder = _parse(reference), Finder(read_keys(policy_keys, judged=False), min_sequence)
    finder.check_known(place)
    client, _ = Registries(registry, Limits()).target(place.repository)
    found = finder.find(client, place)
    finder.check_used()
    _write(read_bundle(found.fetched.bundle, f"policy {place}"), Path(output))
    show(found.label)
    return EXIT_OK


def _parse(text: str) -> Reference:
    return parse(text if text.startswith("oci:") else f"oci://{text}", "REF")


def _check_newer(client: RepositoryClient, place: Reference, sequence: int, key: PublicKey) -> None:
    """Refuse a release that would go back: whoever sets --min-sequence would be left without a policy.

    What another key signed is refused as well, as a key may have followed it; but whoever can write there
    can put one with the last number of all, so the advice is not to follow that.
    """
    try:
        found = sequence_at(client, place.tag or "", key)
    except ValueError as error:
        raise UsageError(f"REF: the tag of {place} {error}", "name another tag or repository") from error
    if found is None or found[0] < sequence:
        return
    before, ours = found
    if ours:
        hint = (
            f"give it {before + 1} or more"
            if before < MAX_SEQUENCE
            else "there is no larger one: --name another"
        )
        raise UsageError(f"--sequence {sequence}: {place} is sequence {before} already", hint)
    raise UsageError(
        f"--sequence {sequence}: {place} says it is sequence {before}, which this key did not sign",
        "where an earlier key of yours did, give it more; else find out who put it there, and delete the tag",
    )


def _write(source: Source, folder: Path) -> None:
    """The source as a folder; data files are JSON, which YAML is."""
    files = {folder / name / f"{name}.rego": file.content for name, file in source.rules.items()}
    for name, file in source.data.items():
        value = json.loads(file.content)
        files[folder / name] = json.dumps(value, indent=2, ensure_ascii=False).encode() + b"\n"
    try:
        folder.mkdir(parents=True)
        for path, content in files.items():
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(content)
    except FileExistsError as error:
        raise UsageError(f"{printable(str(folder))} is there already", "give another DIR") from error
    except OSError as error:
        raise InputError(f"{printable(str(error.filename))}: cannot be written: {error.strerror}") from error
