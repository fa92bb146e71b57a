"""Keys of the tests: one for each name, the same in a whole run."""

from __future__ import annotations

from functools import cache

from pushpolicy.signing.keys import SigningKey, generate


def key(name: str = "ci") -> SigningKey:
    """The key of this name."""
    return _made(name)


@cache
def _made(name: str) -> SigningKey:
    return generate()


def entry(name: str = "ci", role: str = "decide", **more: object) -> dict[str, object]:
    """What stands under `keys` of a trust.yaml for it."""
    return {"key": key(name).public.pem, "role": role, **more}
