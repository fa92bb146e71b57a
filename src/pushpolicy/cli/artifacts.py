"""Policies that are artifacts: which option names one, who signs them, and what is fetched.

Nothing is kept from one run to the next: a tag is resolved in the run that uses it, once.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Self

from msgspec.structs import replace

from pushpolicy.cli import environment
from pushpolicy.cli.checkout import Checkout
from pushpolicy.cli.options import PolicyOptions, PushOptions, RegistryOptions
from pushpolicy.cli.report import say
from pushpolicy.cli.trusted import listed_keys
from pushpolicy.errors import PolicyError, UsageError
from pushpolicy.evaluate import Artifacts
from pushpolicy.evaluate.authority import lies_in
from pushpolicy.model.text import printable
from pushpolicy.signing.keys import SigningError

if TYPE_CHECKING:
    from pushpolicy.evaluate.published.artifact import Fetched, Verified
    from pushpolicy.evaluate.published.statement import PolicyStatement
    from pushpolicy.model.reference import Reference, Repository
    from pushpolicy.registry import RepositoryClient
    from pushpolicy.signing.trust import Key

_LAYOUT, _REGISTRY = "oci:", "oci://"
_SOON = timedelta(days=14)
_NOT_IN_NAMES = re.compile(r"[^\w.-]")


class PolicyRegistries(NamedTuple):
    """How the registries of policies are reached.

    Attributes:
        options: of the target's registry.
        target: that registry, which a policy is read from as the target is; None where there is none.
    """

    options: RegistryOptions = RegistryOptions()
    target: str | None = None

    @classmethod
    def of(cls, options: PushOptions, target: str | None) -> Self:
        """Those of a push to TARGET; what comes by standard input, or by --login, is for that alone."""
        from pushpolicy.model.reference import Target

        given = options.registry
        if target is None or options.login or given.password_stdin:
            return cls(RegistryOptions(ca_file=given.ca_file))
        try:
            return cls(given, Target.parse(target).repository.registry)
        except ValueError:  # told where the target is needed
            return cls()


class PolicyKey(NamedTuple):
    """Who signs the policy of a name, as ``--policy-key FILE=NAME`` says."""

    name: str
    keys: Mapping[str, Key]


class Found(NamedTuple):
    """An artifact, and what a trusted key says of it, where one was asked for."""

    reference: Reference
    fetched: Fetched
    verified: Verified | None

    @property
    def label(self) -> str:
        """What a decision says of where its policy comes from."""
        name = f"{self.reference.repository}@{self.fetched.manifest.digest}"
        where = name if self.reference.repository.is_layout else f"{_REGISTRY}{name}"
        if self.verified is None:
            return where
        key = _NOT_IN_NAMES.sub("_", self.verified.key)
        return f"{where} signed by {key} sequence {self.verified.statement.sequence}"


def is_artifact(source: str) -> bool:
    """Whether a ``--policy`` names an artifact."""
    return source.startswith(_LAYOUT)


def parse(text: str, name: str = "--policy") -> Reference:
    """The artifact that is named ``oci://REGISTRY/REPO`` or ``oci:DIR``, with :TAG or @DIGEST.

    Raises:
        UsageError: when it has another form, or neither tag nor digest.
    """
    from pushpolicy.model.reference import Reference

    try:
        reference = Reference.parse(text.removeprefix(_REGISTRY))
        if text.startswith(_REGISTRY) and reference.repository.is_layout:
            raise ValueError(f"{text[:200]!r} is a folder and a registry")
    except ValueError as error:
        hint = "write oci://REGISTRY/REPO@DIGEST, or oci:DIR@DIGEST for a folder"
        raise UsageError(f"{name}: {error}", hint) from error
    if reference.tag is None and reference.digest is None:
        raise UsageError(f"{name} {printable(text)} names neither a tag nor a digest", "add :TAG or @DIGEST")
    return reference


def fetched(
    sources: Sequence[str],
    options: PolicyOptions,
    reached: PolicyRegistries = PolicyRegistries(),  # noqa: B008 - it is frozen
) -> Artifacts:
    """What the artifacts among these sources hold, each by its source.

    Args:
        sources: of a policy.
        options: who signs artifacts.
        reached: how their registries are.

    Raises:
        UsageError: when one is named by a tag and no key says whose it is, or a key is for none.
        PolicyError: when one cannot be read, or does not count.
    """
    named = {source: parse(source) for source in sources if is_artifact(source)}
    if not named:
        if options.policy_keys or options.min_sequence:
            raise UsageError(
                "--policy-key and --min-sequence are about policies that are artifacts, and none is named",
                "add --policy oci://REGISTRY/REPO:TAG",
            )
        return {}
    from pushpolicy.cli.registries import Registries
    from pushpolicy.evaluate.published.bundle import read_bundle
    from pushpolicy.reports.limits import Limits

    registries = Registries(reached.options, Limits(), owner=reached.target)
    finder = Finder(read_keys(options.policy_keys, judged=True), options.min_sequence)
    found = {}
    # Those that only a signature vouches for come first: each needs a name of its own.
    for source, reference in sorted(named.items(), key=lambda each: each[1].digest is not None):
        finder.check_known(reference)
        with _login_hint(reference.repository, reached.target):
            one = finder.find(registries.policy(reference.repository), reference)
        held = read_bundle(one.fetched.bundle, f"policy {reference}")
        found[source] = replace(held, label=one.label)
    finder.check_used()
    return found


@contextmanager
def _login_hint(repository: Repository, target: str | None) -> Iterator[None]:
    """Say of a registry that wants a credential where that is looked for, which is not where others are."""
    from pushpolicy.registry.refusals import RefusedError

    try:
        yield
    except PolicyError as error:
        cause = error.__cause__
        if (
            repository.registry == target
            or not isinstance(cause, RefusedError)
            or cause.status not in (401, 403)
        ):
            raise
        hint = f"docker login {repository.registry}; variables and options are the target's registry's alone"
        raise PolicyError(error.message, hint) from error


class Finder:
    """Finds artifacts, and what keys say of them. Each name is for one artifact: none takes another's place.

    Args:
        keys: whose word counts, and for which name.
        least: the smallest sequence that is accepted; None where none was said.

    Raises:
        UsageError: when a smallest sequence is given, and no key that says one.
    """

    def __init__(self, keys: Sequence[PolicyKey], least: int | None) -> None:
        if least is not None and not keys:
            raise UsageError(
                "--min-sequence: without --policy-key no sequence is believed", "add --policy-key FILE=NAME"
            )
        self._unused, self._least = list(keys), least
        self._reasons = dict[str, SigningError]()

    def check_known(self, reference: Reference) -> None:
        """Refuse a tag that no key is left for: whoever can write to the repository moves it.

        Raises:
            UsageError: when it is one.
        """
        if reference.digest is None and not self._unused:
            where = f"{'' if reference.repository.is_layout else _REGISTRY}{reference.repository}"
            raise UsageError(
                f"policy {reference} is named by a tag, and whoever can write there moves it",
                f"name its digest ({where}@sha256:...), or who signs it and as what: --policy-key FILE=NAME",
            )

    def find(self, client: RepositoryClient, reference: Reference) -> Found:
        """Read an artifact, and have a key vouch for it where a digest does not.

        Raises:
            PolicyError: when it cannot be read, or is named by a tag and does not count.
        """
        from pushpolicy.evaluate.published.artifact import fetch, verified

        artifact, now = fetch(client, reference), environment.now()
        for each in self._unused:
            try:
                said = verified(artifact, each.keys, each.name, reference.repository, now, self._least or 1)
            except SigningError as error:
                self._reasons[each.name] = error
                continue
            self._unused.remove(each)
            if reference.digest is None:
                self._warn(reference, said.statement, now)
            return Found(reference, artifact, said)
        if reference.digest is None:
            refused = [self._reasons[each.name] for each in self._unused]
            reasons = "; or ".join(dict.fromkeys(error.message for error in refused))
            raise PolicyError(f"policy {reference} {reasons}", refused[0].hint)
        return Found(reference, artifact, None)

    def check_used(self) -> None:
        """Refuse a key that vouched for nothing: what it was meant for would go unnoticed.

        Raises:
            PolicyError: when there is one.
        """
        for each in self._unused:
            reason = self._reasons.get(each.name)
            told = f"it {reason.message}" if reason else "there are more names than policies"
            hint = reason.hint if reason else "name with --policy where it is"
            raise PolicyError(f"no --policy is {each.name}, as --policy-key asks: {told}", hint)

    def _warn(self, reference: Reference, statement: PolicyStatement, now: datetime) -> None:
        name = f"policy {reference} ({statement.name}, sequence {statement.sequence})"
        if self._least is None:
            no_floor = (
                "no earlier record is known here, and no --min-sequence says which releases are too old"
            )
            say(f"warning: {name}: {no_floor}", color="yellow")
        if (end := statement.end()) and end - now < _SOON:
            say(f"warning: {name} expires at {printable(str(statement.expires))}", color="yellow")


def read_keys(options: Iterable[str], *, judged: bool) -> tuple[PolicyKey, ...]:
    """What ``--policy-key FILE=NAME`` says.

    Args:
        options: as they were given.
        judged: whether a checkout is judged, which says no more than that who is trusted.

    Raises:
        UsageError: when one has another form, or holds no key.
        PolicyError: when a file lies in the judged checkout, or is a malformed trust.yaml.
    """
    from pushpolicy.evaluate.published.statement import NAME

    found = dict[str, PolicyKey]()
    for option in options:
        file, equals, name = option.rpartition("=")
        if not equals or not file or not re.match(NAME, name):
            hint = "write FILE=NAME, with the name that the policy is signed as"
            raise UsageError(f"--policy-key {printable(option)} has another form", hint)
        if name in found:
            hint = "list both keys in one trust.yaml, with role: policy"
            raise UsageError(f"--policy-key: two for the policy {name}", hint)
        if judged and lies_in(file, Checkout()):
            raise PolicyError(
                f"{printable(file)}: the checkout that is judged cannot say who is trusted",
                "keep the key beside the checkout",
            )
        found[name] = PolicyKey(name, listed_keys(Path(file), "--policy-key", "policy"))
    return tuple(found.values())
