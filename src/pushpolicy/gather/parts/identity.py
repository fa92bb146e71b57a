"""Whose a part is: its job asks for an identity token whose audience is the digest of the part's list.

The list holds the digest of each report, and run and attempt, so such a token is of no use for another part.
It travels in the part, and is dropped when that is read: evidence keeps its claims and the key.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from msgspec.structs import replace

from pushpolicy.errors import InputError, UsageError
from pushpolicy.gather.ci import SYSTEMS
from pushpolicy.gather.ci.identity import Proof, TokenAccess, claimed, judged, why
from pushpolicy.gather.ci.reading import Told
from pushpolicy.gather.ci.readings import CiError
from pushpolicy.gather.ci.table import System
from pushpolicy.gather.parts import Part
from pushpolicy.gather.secrets.within import is_telling
from pushpolicy.identity.token import NoTokenError, Token, TokenError
from pushpolicy.model.digest import Digest
from pushpolicy.model.evidence import CiEvidence, Identity, PartEvidence
from pushpolicy.model.text import printable

if TYPE_CHECKING:
    from pushpolicy.identity.keys import Keyring

_HINT = "let the job have `permissions: id-token: write`, or leave --identity out and the part is asserted"


def audience(listed: Digest) -> str:
    """What the token of a part is for: its list and nothing else."""
    return f"pushpolicy-part:{listed}"


def token(listed: bytes, environ: Mapping[str, str], access: TokenAccess) -> str:
    """The token that a part with this list is to carry.

    Raises:
        UsageError: when the job can ask for none. One that lies in a variable is for another audience, so
            whoever reads the part could put it into one of their own.
        InputError: when nobody answers with one.
    """
    from pushpolicy.identity.job import ask

    try:
        return ask(environ, access.issuers, access.settings, audience(Digest.of(listed))).value
    except NoTokenError as error:
        raise UsageError(f"--identity: {error.message}", _HINT) from error
    except TokenError as error:
        raise InputError(f"--identity: {error.message}", error.hint or _HINT) from error


def evidence(
    parts: Iterable[Part], here: CiEvidence, access: TokenAccess | None, keys: Keyring
) -> tuple[PartEvidence, ...]:
    """Which parts there are, and whose each is.

    Args:
        parts: that are merged.
        here: this run, which a token has to be of.
        access: whose tokens are believed; None where nobody asks for one.
        keys: of issuers that were asked before in this run.
    """
    return tuple(
        PartEvidence(
            name=part.about.name,
            sha256=part.digest.hex,
            identity=_asserted("it carries no identity token of its job")
            if part.token is None
            else _identity(part, part.token, here, access, keys),
        )
        for part in parts
    )


def secrets(parts: Iterable[Part]) -> frozenset[str]:
    """The tokens, and their signatures, which no record may hold."""
    tokens = [_carried(part, part.token) for part in parts if part.token]
    return frozenset(secret for each in tokens for secret in each.secrets if is_telling(secret))


def _identity(
    part: Part, value: str, here: CiEvidence, access: TokenAccess | None, keys: Keyring
) -> Identity:
    from pushpolicy.identity.job import check  # with all that checks a signature

    system = next((each for each in SYSTEMS if each.name == here.provider), None)
    if access is None or system is None:
        return _asserted("nothing tells which CI system, or which issuers, its token would be of")
    carried = _carried(part, value)
    try:
        found = check(carried, access.issuers, access.settings, keys)
        return _judged(system, Proof(token=carried, found=found), here)
    except TokenError as error:
        return _asserted(why(error))
    except CiError as error:
        return _asserted(str(error))


def _carried(part: Part, value: str) -> Token:
    return Token(value=value, source=f"the part {part.about.name}", audience=audience(part.digest))


def _judged(system: System, proof: Proof, here: CiEvidence) -> Identity:
    told = claimed(system, proof)
    identity = judged(system, proof, told)
    difference = _difference(told, here)
    if difference is None:
        return identity
    return replace(identity, assurance="asserted", whole=False, reason=difference)


def _difference(told: Iterable[Told], here: CiEvidence) -> str | None:
    """In what its token is not of this run, as a message says it; None where it is."""
    run = here.run
    ours = {
        "repository_id": here.repository_id,
        "commit": here.commit,
        "run.id": run.id if run else None,
        "run.attempt": run.attempt if run else None,
    }
    for each in told:
        if each.field in ours and each.value != ours[each.field]:
            this = ours[each.field] or "not told"
            return f"its token is of {each.field} {printable(str(each.value))}, and this run's is {this}"
    return None


def _asserted(reason: str) -> Identity:
    return Identity(assurance="asserted", reason=reason)
