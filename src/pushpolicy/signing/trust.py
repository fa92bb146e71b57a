"""trust.yaml: issuers, exchanges, keys and where records go (its schema is policies/schema/trust.v1.json).

It stands beside settings.yaml in a policy of the command line, or is named by ``--trust``. It never comes
from the checkout that is judged.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Annotated, Any, Literal, TypeVar

import msgspec

from pushpolicy.errors import PolicyError
from pushpolicy.identity.exchange_kind import Exchange
from pushpolicy.identity.issuers import Issuer
from pushpolicy.model import strict_yaml
from pushpolicy.model.document import Exact
from pushpolicy.model.reference import Repository
from pushpolicy.model.text import first_of, printable
from pushpolicy.model.times import is_time
from pushpolicy.signing.keys import SigningError

Saying = TypeVar("Saying", bound=str)
# A glob over REGISTRY/REPOSITORY. A registry alone, and one with a scheme, a tag, an empty part or a line
# end, match nothing: they are refused. In Python, $ would let a line end pass.
REPOSITORIES = r"^(oci:[^\s\[\]]+|\*\*|(\*\*|\[[0-9a-fA-F:]+\]|[^\s/\[\]:]+)(:[0-9]+)?(/[^\s/\[\]:]+)+)\Z"

Glob = Annotated[str, msgspec.Meta(pattern=REPOSITORIES)]
Role = Literal["decide", "policy", "provenance", "vex", "waiver"]
Raw = Literal["keep", "digest"]
# An account of the CI system, or an address: one person, so no pattern.
Principal = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._+@-]{0,254}\Z")]
EVERY_RULE = "*"
EVERY_REPOSITORY = "**"
MAX_APPROVALS = 16


class Key(Exact, frozen=True):
    """A public key, and what its signatures count for.

    Attributes:
        key: PEM, SubjectPublicKeyInfo.
        role: what it may sign; a signature counts for its role's payload type alone.
        repositories: globs over REGISTRY/REPOSITORY; every one where there is none.
        verifier: the verifier id that its statements must carry; of the role decide alone, whose have one.
        not_before: RFC 3339 time from which it counts.
        not_after: RFC 3339 time from which it counts no more.
    """

    key: str
    role: Role
    repositories: tuple[Glob, ...] = ()
    verifier: str | None = None
    not_before: str | None = None
    not_after: str | None = None

    def covers(self, repository: Repository) -> bool:
        """Whether it is listed for this repository."""
        return not self.repositories or any(map(repository.is_covered_by, self.repositories))


class Approver(Exact, frozen=True):
    """A person whose signatures approve waivers.

    Attributes:
        key: the line of an SSH public key, as in `ssh-ed25519 AAAA...`; no other approver has it.
        not_before: RFC 3339 time from which it counts.
        not_after: RFC 3339 time from which it counts no more.
        revoked: whether nothing that it ever signed counts.
    """

    key: str
    not_before: str | None = None
    not_after: str | None = None
    revoked: bool = False


class Quorum(Exact, frozen=True):
    """How many approvers a waiver needs.

    Attributes:
        policy: the name of the policy; an approval is for this one.
        rules: how many by rule; ``*`` is every rule that is not named.
    """

    policy: Annotated[str, msgspec.Meta(min_length=1, max_length=255)]
    rules: Mapping[str, Annotated[int, msgspec.Meta(ge=0, le=MAX_APPROVALS)]]

    def needs(self, rule: str) -> int:
        """How many approvals a waiver of this rule needs."""
        return self.rules.get(rule, self.rules.get(EVERY_RULE, 0))


class Trust(Exact, frozen=True):
    """The whole file.

    Attributes:
        issuers: by a name of their own.
        exchanges: by the NAME of ``--login``.
        read_role: what reads the target before the decision: anonymous, or the name of an exchange.
        keys: by name.
        denials: where denials are recorded.
        records: the repository that records go to instead of the image's own; or one by glob of the image's.
        raw: whether records keep the raw reports, or only their digests; or which, by glob.
        verified_for: globs over REGISTRY/REPOSITORY whose pushes need a verified identity.
        approvers: by the name that the CI system has for them.
        quorum: how many of them a waiver needs; none where there is none.
    """

    issuers: Mapping[str, Issuer] = {}
    exchanges: Mapping[str, Exchange] = {}
    read_role: str | None = None
    keys: Mapping[str, Key] = {}
    denials: str | None = None
    records: str | Mapping[Glob, str] | None = None
    raw: Raw | Mapping[Glob, Raw] | None = None
    verified_for: tuple[Glob, ...] = ()
    approvers: Mapping[Principal, Approver] = {}
    quorum: Quorum | None = None

    def records_of(self, repository: Repository) -> str | None:
        """Where records about images of this repository go; None where that is not said.

        Raises:
            PolicyError: when globs name two places.
        """
        places = _said(self.records, repository)
        if len(places) > 1:
            raise PolicyError(
                f"trust.yaml: records of {repository} go to two places: {first_of(places, 2)}",
                "let the globs under `records` name one place for each repository",
            )
        return next(iter(places), None)

    def raw_of(self, repository: Repository) -> Raw | None:
        """Whether they keep the raw reports; of several globs that name it, one that says digest decides."""
        said = _said(self.raw, repository)
        return "digest" if "digest" in said else next(iter(said), None)

    def to_json(self) -> dict[str, Any]:
        """As it stands in the policy set; what is not said is left out."""
        value: dict[str, Any] = msgspec.to_builtins(self)
        return value


def _said(value: Saying | Mapping[str, Saying] | None, repository: Repository) -> list[Saying]:
    """What is said of a repository, once each: by the one word for all, or by the globs that cover it."""
    return sorted({said for glob, said in by_glob(value).items() if repository.is_covered_by(glob)})


def by_glob(value: Saying | Mapping[str, Saying] | None) -> Mapping[str, Saying]:
    """What is said of repositories, by the globs that cover them; one word is for all."""
    if value is None:
        return {}
    return {EVERY_REPOSITORY: value} if isinstance(value, str) else value


def read_trust(file: str, content: bytes) -> Trust:
    """Read a trust file strictly.

    Args:
        file: its name in messages.
        content: its bytes.

    Raises:
        PolicyError: naming the place of what is malformed, unknown, no time or no key.
    """
    try:
        value = strict_yaml.read(content)
        for place in _empty(value):
            raise ValueError(f"{place} is empty: nothing said would stand for all; say it, or leave it out")
        trust = msgspec.convert({} if value is None else value, Trust)
        _check_keys(trust.keys)
        _check_approvers(trust)
    except SigningError as error:
        raise PolicyError(f"{file}: {printable(error.message, 300)}", error.hint) from error
    except strict_yaml.YamlError as error:
        raise PolicyError(f"{file}:{error.line}: {error}") from error
    except ValueError as error:  # msgspec's too
        hint = "`pushpolicy schema trust` prints its form"
        raise PolicyError(f"{file}: {printable(str(error), 300)}", hint) from error
    return trust


def _empty(value: Any, place: str = "") -> Iterator[str]:
    """Where an empty text or list stands: what was to be filled in, and limits nothing."""
    if value in ("", []) and place:
        yield place
    elif isinstance(value, dict):
        for name, part in value.items():
            yield from _empty(part, f"{place}.{name}" if place else str(name))


def _check_keys(keys: Mapping[str, Key]) -> None:
    """What the types cannot say of keys; each stands once, as of two entries the wider would hold.

    Raises:
        SigningError: as `_check_key`.
        ValueError: as `_check_key`, and when two are the same key.
    """
    names: dict[str, str] = {}
    for name, key in keys.items():
        if (first := names.setdefault(_check_key(name, key), name)) != name:
            raise ValueError(f"keys.{name} is the key of keys.{first}: one key has one entry, with one role")


def _check_key(name: str, key: Key) -> str:
    """What the types cannot say of a key; its fingerprint.

    Raises:
        SigningError: when it is no public key of the one kind.
        ValueError: when a time of its window has no zone, or it limits what its role has not.
    """
    from pushpolicy.signing.keys import read_public

    times = [datetime.fromisoformat(time) for time in (key.not_before, key.not_after) if time]
    if any(time.tzinfo is None for time in times):
        raise ValueError(f"keys.{name}: {key.not_before or key.not_after} has no zone")
    if len(times) == 2 and times[0] >= times[1]:
        raise ValueError(f"keys.{name}: not_after is not later than not_before, so it never counts")
    if key.verifier is not None and key.role != "decide":
        raise ValueError(f"keys.{name}: verifier is for keys of the role decide; this one has {key.role}")
    try:
        return read_public(key.key).fingerprint
    except SigningError as error:
        raise SigningError(f"keys.{name}.key {error.message}", error.hint) from error


def _check_approvers(trust: Trust) -> None:
    """What the types cannot say of them, and of how many a waiver needs.

    Raises:
        SigningError: when a key is none that counts.
        ValueError: when a time is none, two share a name or a key, or there are fewer than a waiver needs.
    """
    if trust.approvers:
        from pushpolicy.signing.sshsig import read_key
    names, keys = dict[str, str](), dict[bytes, str]()
    for name, approver in trust.approvers.items():
        place = f"approvers.{name}"
        if times := [
            time for time in (approver.not_before, approver.not_after) if time and not is_time(time)
        ]:
            raise ValueError(f'{place}: {times[0]} is not a time; write it like "2027-01-01T00:00:00Z"')
        try:
            key = read_key(approver.key)
        except SigningError as error:
            raise SigningError(f"{place}.key {error.message}", error.hint) from error
        if (other := names.setdefault(name.lower(), name)) != name:
            raise ValueError(f"{place}: differs from {other} by upper and lower case alone")
        if (other := keys.setdefault(key.blob, name)) != name:
            raise ValueError(f"{place}: has the key of {other}; two approvers are two people with two keys")
    if trust.quorum and not trust.quorum.rules:
        raise ValueError("quorum.rules is empty, so no waiver would need an approval; '*' is every rule")
    most = max(trust.quorum.rules.values(), default=0) if trust.quorum else 0
    if 0 < len(trust.approvers) < most:
        raise ValueError(f"quorum: a waiver needs {most} approvals, and {len(trust.approvers)} can approve")
