"""What margins are told in."""

from __future__ import annotations

import msgspec


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """Findings of one rule: the first ids, and how many there are."""

    rule: str
    ids: tuple[str, ...]
    count: int


class Margin(msgspec.Struct, frozen=True, kw_only=True):
    """How far one threshold is from where its rule would find more, or no longer what it finds by it.

    Attributes:
        stricter: which way is stricter: higher, lower, or limit (lower, and -1 is none).
        value: as it is set.
        passes: whether nothing is denied by it.
        found: the strictest value that denies no more than now; where something is denied by it, the
            strictest that would deny none of that. -1 where any limit denies.
        by: how far that is; None where there is no limit, or would have to be none.
        next: what the next stricter value than `found` denies.
    """

    rule: str
    key: str
    stricter: str
    value: float
    passes: bool
    found: float
    by: float | None = None
    next: Found


class Moment(msgspec.Struct, frozen=True, kw_only=True):
    """A time at which something ends, or is denied that was not, or is denied no longer.

    Attributes:
        at: RFC 3339 time, exact for what ends; to the minute, and not too early, for what a rule finds.
        seconds: from the time of the decision.
        ends: which waivers, rollouts and graces end, in words.
        denies: what is denied from then on.
        clears: what is not any more.
    """

    at: str
    seconds: int
    ends: tuple[str, ...] = ()
    denies: tuple[Found, ...] = ()
    clears: tuple[Found, ...] = ()


class Margins(msgspec.Struct, frozen=True, kw_only=True):
    """How far a decision is from another.

    Attributes:
        settings: thresholds that decide something on this evidence.
        free: thresholds (RULE.KEY) that no stricter value makes deny more.
        unsaid: numbers (RULE.KEY) whose declaration does not say which way is stricter, or that OPA failed
            on.
        days: how far ahead was looked.
        moments: what changes until then, the earliest first; of many the first.
    """

    settings: tuple[Margin, ...]
    free: tuple[str, ...]
    unsaid: tuple[str, ...]
    days: int
    moments: tuple[Moment, ...]
