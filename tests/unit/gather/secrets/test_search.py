"""No secret of the environment is stored, however a file spells it."""

from __future__ import annotations

import base64
import html
import json
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote
from xml.sax.saxutils import escape

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pushpolicy.errors import InputError
from pushpolicy.gather import NamedEvidence, RawReport, gather, refuse_secrets
from pushpolicy.gather.secrets.search import find, secret_values, spellings, within_base64
from pushpolicy.model.digest import Digest
from pushpolicy.registry.credentials import Credential, SourceKind
from tests.unit.gather.samples import JUNIT, make_request, write

SECRET = 'p@ss "w0rd" & <more>/+\\x'


def b64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


@pytest.mark.parametrize(
    "spell",
    [
        lambda text: text,
        quote,
        lambda text: quote(text, safe=""),
        lambda text: json.dumps(text),
        escape,
        b64,
        lambda text: b64(f"user:{text}"),
        lambda text: b64(f"u:{text}\n"),
        lambda text: b64(f"us:{text}!"),
        lambda text: base64.urlsafe_b64encode(f"\xff\xfe{text}".encode("latin-1")).decode(),
    ],
)
def test_every_spelling_is_found(spell: Callable[[str], str]) -> None:
    document = f"before\n{spell(SECRET)} after".encode()
    with pytest.raises(
        InputError, match=r"evidence:2 holds the value of the variable DEPLOY_TOKEN"
    ) as caught:
        refuse_secrets({"evidence": document}, (), secret_values({"DEPLOY_TOKEN": SECRET}))
    assert SECRET not in caught.value.message + str(caught.value.hint)


def test_reports_are_searched_as_they_are_on_disk(tmp_path: Path) -> None:
    write(tmp_path, {"reports/unit.xml": JUNIT.replace('"a"', '"topsecretvalue"')})
    reports = gather(make_request(tmp_path)).reports
    with pytest.raises(InputError, match="unit"):
        refuse_secrets({}, reports, secret_values({"API_KEY": "topsecretvalue"}))
    refuse_secrets({}, reports, secret_values({"API_KEY": "another-secret"}))


def test_the_credential_in_use_is_searched_for() -> None:
    credential = Credential(source_kind=SourceKind.FILE, username="u", secret="from-a-file")
    with pytest.raises(InputError, match="the registry's credential"):
        refuse_secrets({"record": b"...from-a-file..."}, (), secret_values({}, credential))


def test_a_report_that_is_gone_is_an_error(tmp_path: Path) -> None:
    raw = RawReport(
        name="x",
        path=tmp_path / "x",
        kind="tests",
        format="junit",
        digest=Digest.of(b""),
        size=0,
        media_type="t/x",
    )
    with pytest.raises(InputError, match="changed since"):
        refuse_secrets({}, (raw,), {})


def test_a_key_of_several_lines_is_found_by_each_line() -> None:
    line = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7"
    key = f"-----BEGIN PRIVATE KEY-----\n{line}\nshort\n-----END PRIVATE KEY-----\n"
    with pytest.raises(InputError):
        refuse_secrets({"record": f"log: {line}".encode()}, (), secret_values({"SIGNING_KEY": key}))
    refuse_secrets({"record": b"-----BEGIN PRIVATE KEY-----"}, (), secret_values({"SIGNING_KEY": key}))


@pytest.mark.parametrize("value", ["", "short", "changeme", "Password", "aaaaaaaaaaaa", "/usr/bin/env"])
def test_values_that_tell_nothing_are_not_searched_for(value: str) -> None:
    assert secret_values({"API_TOKEN": value}, None) == {}


def test_a_planted_secret_is_in_no_part_of_the_evidence(tmp_path: Path) -> None:
    environ = {f"PLANTED_{word}": f"planted-{word}-value" for word in ("TOKEN", "PASSWORD", "KEY", "SECRET")}
    write(tmp_path, {"x.json": "{}"})
    request = make_request(
        tmp_path,
        environ=environ | {"PATH": "/usr/bin:/bin"},
        credential=Credential(
            source_kind=SourceKind.VARIABLE, secret="planted-TOKEN-value", variable="PLANTED_TOKEN"
        ),
        named=(NamedEvidence(kind="extra", name="x", path="x.json"),),
    )
    gathered = gather(request)
    refuse_secrets(
        {"evidence": gathered.evidence.document().content},
        gathered.reports,
        secret_values(request.job.environ, request.job.credential),
    )
    assert "planted-" not in repr(gathered)
    assert "planted-" not in repr(request)


@given(st.binary(max_size=20), st.binary(min_size=8, max_size=40), st.binary(max_size=20))
def test_base64_holds_what_is_searched_for_wherever_it_stands(
    before: bytes, raw: bytes, after: bytes
) -> None:
    assert within_base64(raw, len(before) % 3) in base64.b64encode(before + raw + after)


def test_a_secret_is_found_as_json_xml_and_html_write_it() -> None:
    secret = 'it\'s <a> "long" & odd one'
    written = {json.dumps(secret)[1:-1], escape(secret), escape(secret, {'"': "&quot;"}), html.escape(secret)}
    assert {each.encode() for each in written} <= spellings(secret)


@given(st.text(min_size=8, max_size=40))
def test_spellings_are_never_empty(value: str) -> None:
    assert all(len(spelling) >= 8 for spelling in spellings(value))


@given(st.lists(st.binary(max_size=9), max_size=9), st.binary(min_size=1, max_size=5))
def test_a_string_is_found_across_pieces(pieces: list[bytes], needle: bytes) -> None:
    whole = b"".join(pieces)
    hit = find(pieces, [needle])
    assert (hit is not None) == (needle in whole)
    if hit is not None:
        assert hit.line == whole.count(b"\n", 0, whole.index(needle)) + 1


def test_a_secret_that_looks_like_a_path_is_searched_for() -> None:
    assert secret_values({"AWS_SECRET_ACCESS_KEY": "/base64+looks/like/this="}, None)
