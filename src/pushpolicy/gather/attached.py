"""What others attached to the image at its source, read as evidence: statements about it, and signatures.

Only what is about this very digest counts. Who vouches for it is found out before any of it is read; what
nobody that is trusted signed is read too, and is marked.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

from pushpolicy.gather.image import Stated, Statements, read_content
from pushpolicy.gather.vouch import Vouch, Witnesses
from pushpolicy.images.attached import Attachment, read_attached
from pushpolicy.images.image import Image
from pushpolicy.images.statements import Said, said
from pushpolicy.model import strict_json
from pushpolicy.model.digest import Digest
from pushpolicy.model.evidence import AttachedEvidence, Unread
from pushpolicy.model.text import printable
from pushpolicy.reports.format import ReportError
from pushpolicy.reports.limits import Limits

if TYPE_CHECKING:
    from pushpolicy.signing.trust import Role

# cosign sign, in a bundle; and in the payload of a signature (cosign, specs/SIGNATURE_SPEC.md).
_SIGNATURE = "https://sigstore.dev/cosign/sign/v1"
_SIGNED = "cosign container image signature"
# OpenVEX as a predicate (cosign attest --type openvex).
_FLAWS = "https://openvex.dev/ns"
_SHOWN = 12
_NOT_READ = "what is attached to the image cannot be read"


class OtherError(ValueError):
    """It is no statement or signature of this image."""


class Beside(msgspec.Struct, frozen=True, kw_only=True):
    """What is attached.

    Attributes:
        listed: all that is about the image.
        statements: what they are evidence of.
        unread: what is about something else, and why.
    """

    listed: tuple[AttachedEvidence, ...] = ()
    statements: Statements = Statements()
    unread: tuple[Unread, ...] = ()


def attached(image: Image, witnesses: Witnesses, limits: Limits) -> Beside:
    """Read it; what cannot be read is a problem of the kinds of evidence that it may be.

    Args:
        image: that would be pushed.
        witnesses: whose signatures count; each key for what its role says.
        limits: of what is read.
    """
    found = read_attached(image)
    listed: list[AttachedEvidence] = []
    stated: list[Stated] = []
    problems, unread = [*found.problems], list[Unread]()
    for item in found.items:
        place = f"{item.place}, {item.digest}"
        try:
            about, facts = _read(item, image.top.digest, witnesses, limits)
            listed.append(about)
            stated.extend(facts)
        except OtherError as error:
            unread.append(Unread(path=place, why=str(error)))
        except (OSError, ReportError) as error:
            problems.append(f"{_NOT_READ}: {printable(str(error), 400)} ({place})")
        except ValueError as error:
            problems.append(f"{_NOT_READ}: it {printable(str(error), 400)} ({place})")
    statements = Statements(read=tuple(stated), problems=tuple(problems))
    return Beside(listed=tuple(listed), statements=statements, unread=tuple(unread))


def _read(
    item: Attachment, image: Digest, witnesses: Witnesses, limits: Limits
) -> tuple[AttachedEvidence, tuple[Stated, ...]]:
    """What it is, and what it is evidence of.

    Raises:
        OtherError: when it is about something else.
        ValueError: when it is malformed.
        ReportError: when its predicate is.
        OSError: when the disk is full.
    """
    if item.signature is not None:
        vouch = witnesses.of_signature(item.content, item.signature)
        _check_signed(item.content, image)
        about = AttachedEvidence(kind="signature", place=item.place, digest=item.digest, **vouch.fields())
        return about, ()
    vouch, statement = _vouched(item.content, witnesses)
    if not statement.is_about(image):
        raise OtherError("it is a statement about something else than the image that it is attached to")
    about = AttachedEvidence(
        kind="signature" if statement.predicate_type == _SIGNATURE else "statement",
        place=item.place,
        digest=item.digest,
        predicate_type=printable(statement.predicate_type, 400),
        **vouch.fields(),
    )
    facts = read_content(statement.content, limits)
    name = f"attached@{item.digest.hex[:_SHOWN]}"
    stated = Stated(name=name, origin="attached", sha256=item.digest.hex, facts=facts, vouch=vouch)
    return about, (stated,)


def _vouched(content: bytes, witnesses: Witnesses) -> tuple[Vouch, Said]:
    """Who vouches for a statement, by the role that it takes, and the statement.

    Raises:
        ValueError: when it is malformed.
    """
    roles: tuple[Role, ...] = ("provenance", "vex")
    found = {role: replace(witnesses, role=role).of(content) for role in roles}
    statement = said(next((vouch.payload for vouch in found.values() if vouch.payload), content))
    return found["vex" if statement.predicate_type.startswith(_FLAWS) else "provenance"], statement


def _check_signed(content: bytes, image: Digest) -> None:
    value = strict_json.read(content)
    critical = value.get("critical") if isinstance(value, dict) else None
    signed = critical.get("image") if isinstance(critical, dict) else None
    if not isinstance(critical, dict) or not isinstance(signed, dict) or critical.get("type") != _SIGNED:
        raise ValueError("is no signature of a container image")
    if signed.get("docker-manifest-digest") != str(image):
        raise OtherError("it is a signature of something else than the image that it is attached to")
