"""trust.yaml: issuers, exchanges, keys and where records go (its schema is policies/schema/trust.v1.json).

It stands beside settings.yaml in a policy of the command line, or is named by ``--trust``. It never comes
from the checkout that is judged.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, Literal, TypeVar

import msgspec

from pushpolicy.errors import PolicyError
from pushpolicy.identity.exchange_kind import Exchange
from pushpolicy.identity.issuers import Issuer
from pushpolicy.model import strict_yaml
from pushpolicy.model.document import Exact
from pushpolicy.model.text import printable

Entry = TypeVar("Entry")
# A glob over REGISTRY/REPOSITORY. One with a scheme, a tag or an empty part matches nothing: it is refused.
REPOSITORIES = r"^(oci:[^\s\[\]]+|(\*\*|\[[0-9a-fA-F:]+\]|[^\s/\[\]:]+)(:[0-9]+)?(/[^\s/\[\]:]+)*)$"


class Key(Exact, frozen=True):
    """A public key, and what its signatures count for.

    Attributes:
        key: PEM, SubjectPublicKeyInfo.
        role: what it may sign; a signature counts for its role's payload type alone.
        repositories: globs over REGISTRY/REPOSITORY; every one where there is none.
        verifier: the verifier id that its statements must carry.
        not_before: RFC 3339 time from which it counts.
        not_after: RFC 3339 time from which it counts no more.
    """

    key: str
    role: Literal["decide", "policy", "vex", "waiver"]
    repositories: tuple[str, ...] = ()
    verifier: str | None = None
    not_before: str | None = None
    not_after: str | None = None


class Trust(Exact, frozen=True):
    """The whole file.

    Attributes:
        issuers: by a name of their own.
        exchanges: by the NAME of ``--login``.
        read_role: what reads the target before the decision: anonymous, or the name of an exchange.
        keys: by name.
        denials: where denials are recorded.
        records: the repository that records go to instead of the image's own.
        raw: whether records keep the raw reports, or only their digests.
        verified_for: globs over REGISTRY/REPOSITORY whose pushes need a verified identity.
    """

    issuers: Mapping[str, Issuer] = {}
    exchanges: Mapping[str, Exchange] = {}
    read_role: str | None = None
    keys: Mapping[str, Key] = {}
    denials: str | None = None
    records: str | None = None
    raw: Literal["keep", "digest"] | None = None
    verified_for: tuple[Annotated[str, msgspec.Meta(pattern=REPOSITORIES)], ...] = ()

    def to_json(self) -> dict[str, Any]:
        """As it stands in the policy set; what is not said is left out."""
        value: dict[str, Any] = msgspec.to_builtins(self)
        return value


def read_trust(file: str, content: bytes) -> Trust:
    """Read a trust file strictly.

    Args:
        file: its name in messages.
        content: its bytes.

    Raises:
        PolicyError: naming the place of what is malformed, unknown or no time.
    """
    try:
        value = strict_yaml.read(content)
        trust = msgspec.convert({} if value is None else value, Trust)
        for name, key in trust.keys.items():
            for time in filter(None, (key.not_before, key.not_after)):
                if datetime.fromisoformat(time).tzinfo is None:
                    raise ValueError(f"keys.{name}: {time} has no zone")
    except strict_yaml.YamlError as error:
        raise PolicyError(f"{file}:{error.line}: {error}") from error
    except ValueError as error:  # msgspec's too
        hint = "`pushpolicy schema trust` prints its form"
        raise PolicyError(f"{file}: {printable(str(error), 300)}", hint) from error
    return trust


def stricter(files: Sequence[Trust]) -> Trust:
    """What all of several trust files say.

    Whom one of them does not trust is not trusted, what one demands is demanded; where two name another
    place or role, which is stricter cannot be told.

    Raises:
        PolicyError: when it cannot be told.
    """
    first, *others = files or [Trust()]
    for other in others:
        first = Trust(
            issuers=_issuers(first.issuers, other.issuers),
            exchanges=_common(first.exchanges, other.exchanges),
            keys=_common(first.keys, other.keys),
            read_role=_same("read_role", first.read_role, other.read_role),
            denials=_same("denials", first.denials, other.denials),
            records=_same("records", first.records, other.records),
            raw=_same("raw", first.raw, other.raw),
            verified_for=tuple(sorted({*first.verified_for, *other.verified_for})),
        )
    return first


def _issuers(one: Mapping[str, Issuer], other: Mapping[str, Issuer]) -> Mapping[str, Issuer]:
    """Those that both name; a file that names none leaves it to the other."""
    if not one or not other:
        return one or other
    # None at all would stand for those that are known.
    if not (common := _common(one, other)):
        raise PolicyError(
            "two trust files name issuers, and none that is the same in both: no token could be believed",
            "let one of them name the issuers",
        )
    return common


def _common(one: Mapping[str, Entry], other: Mapping[str, Entry]) -> dict[str, Entry]:
    return {name: entry for name, entry in one.items() if other.get(name) == entry}


def _same(name: str, one: Entry | None, other: Entry | None) -> Entry | None:
    if one is not None and other is not None and one != other:
        raise PolicyError(
            f"two trust files say another {name}, and which is stricter cannot be told",
            "let one of them say it",
        )
    return other if one is None else one
