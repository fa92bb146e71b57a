from __future__ import annotations

from typing import Any, cast

import pytest

from pushpolicy.attach.audience import Audience
from pushpolicy.errors import PushError
from pushpolicy.model.digest import Digest
from pushpolicy.registry import RepositoryClient

RECORD = Digest.of(b"record")


class Seen:
    """A repository as it answers whoever shows nothing."""

    def __init__(self, *, tags: bool | Exception, record: bool | Exception = False) -> None:
        self.tags, self.record, self.asked = tags, record, list[Digest | None]()

    def is_known(self) -> bool:
        return self._answer(None, self.tags)

    def manifest(self, digest: Digest) -> Any:
        return digest if self._answer(digest, self.record) else None

    def _answer(self, asked: Digest | None, answer: bool | Exception) -> bool:
        self.asked.append(asked)
        if isinstance(answer, Exception):
            raise answer
        return answer


@pytest.mark.parametrize(
    ("tags", "record", "before", "after"),
    [
        (True, False, True, True),
        (False, True, False, True),
        (False, False, False, False),
        (PushError("refused"), True, False, True),
        (PushError("refused"), PushError("refused"), False, False),
        (RuntimeError("a bug"), RecursionError(), False, False),
    ],
)
def test_whatever_it_answers_is_a_note_or_none(
    tags: bool | Exception, record: bool | Exception, before: bool, after: bool
) -> None:
    seen = Seen(tags=tags, record=record)
    audience = Audience(cast("RepositoryClient", seen), "everybody")
    assert (audience.note() is not None) == before
    audience.look_again(RECORD)
    assert (audience.note() == "everybody") == after
    assert seen.asked == ([None] if before else [None, RECORD])
