"""What a verdict rests on is read from the documents of a set, or they are refused."""

from __future__ import annotations

import pytest

from pushpolicy.errors import PolicyError
from pushpolicy.evaluate.data import ENFORCEMENT_PATH, ORIGINS_PATH, WAIVERS_PATH, grounds_of
from pushpolicy.model.index import Index

INDEX = Index(rules={}, lib={})
WAIVERS = b'{"max_days":90,"waivers":[]}'


@pytest.mark.parametrize("path", [WAIVERS_PATH, ENFORCEMENT_PATH, ORIGINS_PATH])
@pytest.mark.parametrize("content", [b"{", b"[]", b'{"a":1,"a":2}', b"\xff"])
def test_a_malformed_document_is_refused(path: str, content: bytes) -> None:
    with pytest.raises(PolicyError, match=f"{path} is malformed"):
        grounds_of({WAIVERS_PATH: WAIVERS, path: content}, INDEX)


@pytest.mark.parametrize("content", [b"{}", b'{"waivers":{}}', b'{"waivers":"none"}'])
def test_a_set_has_a_list_of_waivers(content: bytes) -> None:
    with pytest.raises(PolicyError, match="it has no list of waivers"):
        grounds_of({WAIVERS_PATH: content}, INDEX)


def test_what_is_not_there_loosens_nothing() -> None:
    grounds = grounds_of({WAIVERS_PATH: WAIVERS}, INDEX)
    assert (grounds.enforcement, grounds.origins) == ({}, {})
