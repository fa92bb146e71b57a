"""Who vouches for what others say of an image: a key that trust.yaml lists, or nobody.

The signature is looked at first, and what it is about is what is read then.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

import msgspec

from pushpolicy.files import open_regular
from pushpolicy.gather.request import RawReport
from pushpolicy.model import strict_json
from pushpolicy.model.reference import Repository
from pushpolicy.model.strict_json import Shape
from pushpolicy.model.text import printable

if TYPE_CHECKING:
    from pushpolicy.signing.keys import PublicKey
    from pushpolicy.signing.trust import Key, Role

_ATTESTATION = "in-toto"  # the format of reports that can be signed
_MAX_REASON = 400
_SHAPE = Shape(dict.fromkeys(("dsseEnvelope", "payload")))


class Vouch(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of who vouches for a statement.

    Attributes:
        by: the name of the key that signed it; None where nobody that is trusted did.
        reason: why not.
        payload: the bytes that it signed.
    """

    by: str | None = None
    reason: str | None = None
    payload: bytes | None = None

    def fields(self) -> dict[str, Any]:
        """As the evidence has them."""
        return {"verified": self.by is not None, "verified_by": self.by, "unverified": self.reason}


UNSIGNED = Vouch(reason="it carries no signature")


class Witnesses(msgspec.Struct, frozen=True, kw_only=True):
    """Whose signatures count: keys of the policy's trust.yaml, for the target, when it is decided.

    Attributes:
        role: of those keys; vex for what is said of flaws, provenance for everything else.
    """

    keys: Mapping[str, Key]
    repository: Repository
    at: datetime
    role: Role = "provenance"

    def of(self, content: bytes) -> Vouch:
        """Who signed a statement: a Sigstore bundle v0.3, an envelope (DSSE), or plain, which nobody did."""
        try:
            names = strict_json.outline(content, _SHAPE)
        except ValueError as error:
            return Vouch(reason=printable(f"it {error}", _MAX_REASON))
        if not names.keys() & _SHAPE.fields.keys():
            return UNSIGNED
        return self._vouched(lambda: self._signed(content, is_bundle="dsseEnvelope" in names))

    def of_file(self, raw: RawReport) -> Vouch:
        """Who signed a report; it is read again where a key could have."""
        from pushpolicy.signing.dsse import MAX_ENVELOPE

        if raw.format != _ATTESTATION:
            return UNSIGNED
        if not self._any:
            return self._nobody
        try:
            with open_regular(raw.path) as file:
                content = file.read(MAX_ENVELOPE + 1)
        except OSError as error:
            return Vouch(reason=printable(f"it cannot be read again: {error.strerror or error}", _MAX_REASON))
        if len(content) > MAX_ENVELOPE:
            return Vouch(reason=f"it is larger than {MAX_ENVELOPE} bytes")
        if not raw.digest.matches(content):
            return Vouch(reason="its file holds other bytes than were read: it is compressed, or was changed")
        return self.of(content)

    def of_signature(self, content: bytes, signature: bytes) -> Vouch:
        """Who signed these bytes."""
        from pushpolicy.signing.verify import who_signed

        def signed_by(key: PublicKey) -> bool:
            return key.verifies(signature, content)

        def verified() -> Vouch:
            return Vouch(
                by=who_signed(signed_by, self.keys, self.repository, self.at, self.role), payload=content
            )

        return self._vouched(verified)

    @property
    def _any(self) -> bool:
        return any(key.role == self.role for key in self.keys.values())

    @property
    def _nobody(self) -> Vouch:
        return Vouch(reason=f"trust.yaml lists no key of the role {self.role}")

    def _vouched(self, verified: Callable[[], Vouch]) -> Vouch:
        if not self._any:
            return self._nobody
        from pushpolicy.signing.keys import SigningError

        try:
            return verified()
        except SigningError as error:
            return Vouch(reason=printable(f"it {error.message}", _MAX_REASON))

    def _signed(self, content: bytes, *, is_bundle: bool) -> Vouch:
        from pushpolicy.signing import bundle, dsse
        from pushpolicy.signing.verify import verify

        envelope = bundle.read(content) if is_bundle else dsse.read_envelope(content)
        signed = verify(envelope, self.keys, self.repository, self.at, self.role)
        return Vouch(by=signed.key, payload=signed.payload)
