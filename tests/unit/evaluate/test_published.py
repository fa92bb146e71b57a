"""A policy artifact, without a repository: what was packed is read, and nothing else is."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pushpolicy.engines.interface import Program
from pushpolicy.errors import PolicyError, PushError
from pushpolicy.evaluate.published.artifact import Fetched, signed, store, verified
from pushpolicy.evaluate.published.bundle import pack_source, read_bundle
from pushpolicy.evaluate.published.statement import MAX_SEQUENCE, PolicyStatement
from pushpolicy.evaluate.sources import Source, SourceFile
from pushpolicy.model import canonical
from pushpolicy.model.digest import Digest
from pushpolicy.model.manifest import Manifest
from pushpolicy.model.reference import Repository
from pushpolicy.registry.layout.repository import LayoutRepository
from pushpolicy.signing.keys import SigningError
from pushpolicy.signing.trust import Key
from tests.keys import entry, key

NOW = datetime(2026, 12, 1, tzinfo=UTC)
HERE = Repository.parse("registry.example/org/policy")


def source(**data: str) -> Source:
    files = {f"{name}.yaml": text for name, text in data.items()}
    return Source(
        rules={},
        data={name: SourceFile(path=Path(name), content=text.encode()) for name, text in files.items()},
    )


class NoOpa:
    """There are no rules to be read."""

    def parse(self, modules: Sequence[bytes], *, v0: bool = False) -> Any:
        raise AssertionError

    def check(self, program: Program, *, strict: bool = True) -> Any:
        raise AssertionError


BUNDLE = pack_source(source(settings="scan_severity: {max_critical: 0}"), NoOpa())
STATEMENT = PolicyStatement.of(BUNDLE, "platform", 5, "2027-01-01T00:00:00+01:00")
ARTIFACT = signed(BUNDLE, STATEMENT, key())
with ARTIFACT.blobs[2].open() as _file:
    ENVELOPE = _file.read()
FETCHED = Fetched(manifest=ARTIFACT.manifest, bundle=BUNDLE, envelope=ENVELOPE)
KEYS = {"org": msgspec.convert(entry(role="policy"), Key)}


def read(fetched: Fetched, at: datetime = NOW, least: int = 1) -> PolicyStatement:
    return verified(fetched, KEYS, "platform", HERE, at, least).statement


def test_what_was_signed_is_what_is_read() -> None:
    assert read(FETCHED) == STATEMENT
    assert read(FETCHED, least=5) == STATEMENT
    assert read(FETCHED, datetime(2026, 12, 31, 22, 59, 59, tzinfo=UTC)) == STATEMENT
    for at, least, why in ((datetime(2026, 12, 31, 23, tzinfo=UTC), 1, "expired"), (NOW, 6, "older")):
        with pytest.raises(SigningError, match=why):
            read(FETCHED, at, least)


@given(st.data())
def test_no_change_of_a_bit_counts(data: st.DataObject) -> None:
    part = data.draw(st.sampled_from(["bundle", "envelope"]))
    content = bytearray(getattr(FETCHED, part))
    content[data.draw(st.integers(0, len(content) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(SigningError):
        read(msgspec.structs.replace(FETCHED, **{part: bytes(content)}))


@given(st.data())
def test_a_bundle_has_one_form(data: st.DataObject) -> None:
    """Whoever signed it: what is read is what is made of what was read, but for its compression."""
    content = bytearray(BUNDLE)
    content[data.draw(st.integers(0, len(content) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    try:
        held = read_bundle(bytes(content), "x")
    except PolicyError:
        return
    assert pack_source(held, NoOpa()) == BUNDLE


TEXTS = st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufeff"), max_size=9)
WAIVERS = st.lists(
    st.fixed_dictionaries(
        {"rule": st.just("r"), "id": TEXTS.filter(bool), "reason": TEXTS.filter(bool)}
        | {"approver": st.just("a"), "expires": st.just("2027-01-01T00:00:00Z")}
    ),
    max_size=3,
)


@pytest.mark.parametrize("text", ['r: {"a": "\\x7f"}', f"r:\n  ? {'a' * 2000}\n  : 1\n"])
def test_what_yaml_could_not_have_is_refused_when_it_is_packed(text: str) -> None:
    with pytest.raises(PolicyError, match=r"settings\.yaml: it holds a character, or a long key"):
        pack_source(source(settings=text), NoOpa())


@pytest.mark.parametrize(
    ("data", "why"),
    [
        ({}, "there is no policy in it"),
        ({"enforcement": "rules: {r: {mode: warn, until: soon, reason: r}}"}, "rules.r.until is not a time"),
        ({"waivers": "waivers: [{rule: r}]"}, "waivers"),
        ({"settings": "[]"}, "settings"),
        ({"trust": "keys: {a: {key: x, role: policy}}"}, "not a key in PEM"),
    ],
)
def test_what_is_wrong_whatever_it_is_used_with_is_not_packed(data: dict[str, str], why: str) -> None:
    with pytest.raises(PolicyError, match=why):
        pack_source(source(**data), NoOpa())


class Forgetful(LayoutRepository):
    """Keeps no manifest, or gives a tag to another one."""

    lost = "manifest"

    def manifest(self, digest: Digest) -> Manifest | None:
        return None if self.lost == "manifest" else super().manifest(digest)

    def resolve(self, tag: str) -> Manifest | None:
        return manifest_of("other") if self.lost == "tag" else super().resolve(tag)


def manifest_of(name: str) -> Manifest:
    return signed(BUNDLE, PolicyStatement.of(BUNDLE, name, 1, None), key()).manifest


@pytest.mark.parametrize(("lost", "is_named"), [("manifest", False), ("tag", True), ("", True)])
def test_what_was_stored_is_read_back(tmp_path: Path, lost: str, *, is_named: bool) -> None:
    place = Repository.parse(f"oci:{tmp_path / 'policies'}")
    client = Forgetful(place)
    client.lost = lost
    if lost:
        with pytest.raises(PushError, match="is not what was put there a moment ago"):
            store(client, ARTIFACT, "prod")
    else:
        store(client, ARTIFACT, "prod")
    found = LayoutRepository(place).resolve("prod")
    assert (found is not None) is is_named


@settings(max_examples=50)
@given(WAIVERS)
def test_what_is_packed_is_read(waivers: list[dict[str, str]]) -> None:
    text = canonical.encode({"waivers": waivers}).decode()
    packed = pack_source(source(waivers=text), NoOpa())
    held = read_bundle(packed, "x")
    assert canonical.decode(held.data["waivers.yaml"].content) == {"waivers": waivers}
    assert pack_source(held, NoOpa()) == packed


@pytest.mark.parametrize(
    ("name", "sequence", "expires"),
    [
        ("", 1, None),
        ("a" * 65, 1, None),
        ("a\n", 1, None),
        ("-a", 1, None),
        ("a", 0, None),
        ("a", MAX_SEQUENCE + 1, None),
        ("a", 1, "2027-01-01"),
        ("a", 1, ""),
    ],
)
def test_what_would_not_be_read_is_not_said(name: str, sequence: int, expires: str | None) -> None:
    with pytest.raises(ValueError, match=r"is malformed|is not canonical|not representable"):
        PolicyStatement.of(BUNDLE, name, sequence, expires)


def test_keys_of_an_issuer_travel_with_the_trust_that_names_their_file(tmp_path: Path) -> None:
    (tmp_path / "jwks.json").write_text('{"keys": []}')
    file = tmp_path / "trust.yaml"
    file.write_text("issuers: {ci: {issuer: 'https://ci.example', jwks: jwks.json}}")
    held = Source(rules={}, data={"trust.yaml": SourceFile(path=file, content=file.read_bytes())})
    packed = pack_source(held, NoOpa())
    trust = canonical.decode(read_bundle(packed, "x").data["trust.yaml"].content)
    assert trust["issuers"]["ci"]["jwks"] == {"keys": []}
