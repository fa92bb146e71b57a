"""The law of verified content: all of it when it is right, never all of it when it is not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pushpolicy.model.descriptor import Descriptor
from pushpolicy.registry.admitted import verified

CHUNKS = st.lists(st.binary(max_size=20), max_size=8)


@given(CHUNKS)
def test_right_content_passes_unchanged(chunks: list[bytes]) -> None:
    content = b"".join(chunks)
    assert b"".join(verified(Descriptor.of(content, "x"), chunks)) == content


@given(CHUNKS, st.data())
def test_wrong_content_never_passes_whole(chunks: list[bytes], data: st.DataObject) -> None:
    content = b"".join(chunks)
    same_size = st.binary(min_size=len(content), max_size=len(content)) if content else st.just(b"x")
    other = data.draw(st.one_of(same_size, st.binary(max_size=60)).filter(lambda other: other != content))
    passed: list[bytes] = []
    with pytest.raises(ValueError, match="sha256:"):
        passed.extend(verified(Descriptor.of(other, "x"), chunks))
    assert len(b"".join(passed)) < max(len(other), 1)
