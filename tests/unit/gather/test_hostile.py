"""What report files are made of in the wild and by enemies: encodings, line ends, numbers, escapes, bombs."""

from __future__ import annotations

import codecs
import json
from pathlib import Path

import pytest

from pushpolicy.gather import Limits, gather
from pushpolicy.reports.declared import BrokenReportError, NotAReport
from pushpolicy.reports.facts import ScanFacts, SuiteFacts
from pushpolicy.reports.recognise import read
from tests.unit.gather.samples import FAILING, JUNIT, make_request, sarif, trivy, write
from tests.unit.reports.bytes_report import only

TAP = "TAP version 13\n1..2\nok 1 - a\nnot ok 2 - b\n"
GOTEST = (
    '{"Action":"run","Package":"p","Test":"T"}\n{"Action":"pass","Package":"p","Test":"T"}\n'
    '{"Action":"pass","Package":"p"}\n'
)
SAMPLES = {
    "junit.xml": FAILING,
    "trivy.json": trivy(),
    "lint.sarif": sarif({"ruleId": "a", "message": {"text": "b"}}),
    "unit.tap": TAP,
    "reports/go.json": GOTEST,
}
ENCODINGS = {
    "bom": lambda text: codecs.BOM_UTF8 + text.encode(),
    "utf-16-le": lambda text: codecs.BOM_UTF16_LE + text.encode("utf-16-le"),
    "utf-16-be": lambda text: codecs.BOM_UTF16_BE + text.encode("utf-16-be"),
    "crlf": lambda text: text.replace("\n", "\r\n").encode(),
    "leading blank lines": lambda text: b"\r\n \n" + text.encode(),
}


@pytest.mark.parametrize("name", SAMPLES)
@pytest.mark.parametrize("encoding", ENCODINGS)
def test_encodings_and_line_ends_change_nothing(tmp_path: Path, name: str, encoding: str) -> None:
    write(tmp_path, {f"plain/{name}": SAMPLES[name], f"other/{name}": ENCODINGS[encoding](SAMPLES[name])})
    plain, other = (read(tmp_path / folder / name, Limits()) for folder in ("plain", "other"))
    assert (plain.format, plain.facts) == (other.format, other.facts)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("trivy.json", trivy().encode().replace(b'"app"', b'"a\xffp"')),
        ("trivy.json", trivy().encode().replace(b'"app"', b"NaN")),
        ("trivy.json", trivy().encode().replace(b'"app"', b"-Infinity")),
        ("trivy.json", trivy().encode().replace(b'"app"', b'"\\ud800"')),
        ("trivy.json", b"\xff\xfe" + trivy().encode("utf-16-le") + b"\x00"),
        ("trivy.json", trivy().encode() + b" x"),
        ("trivy.json", trivy().encode().replace(b'"app"', b"[" * 200_000)),
        ("junit.xml", JUNIT.encode().replace(b'"a"', b'"\xff"')),
        ("junit.xml", JUNIT.encode().replace(b'"a"', b'"\x1b[31m"')),
        ("junit.xml", JUNIT.encode().replace(b'"a"', b'"&#27;[31m"')),
        ("junit.xml", b'<!DOCTYPE a [<!ENTITY b "c">]>' + JUNIT.encode()),
        ("junit.xml", b'<!DOCTYPE a SYSTEM "file:///etc/passwd">' + JUNIT.encode()),
        ("junit.xml", JUNIT.encode().replace(b'"a"', b'"&unknown;"')),
        ("junit.xml", b"<testsuite>" * 5_000),
        ("junit.xml", b'<testsuite name="' + b"a" * 9_000_000 + b'"/>'),
        ("junit.xml", b'<?xml version="1.0" encoding="nonsense"?>' + JUNIT.encode()),
        ("junit.xml", b'<?xml version="1.0" encoding="utf-16"?>' + JUNIT.encode()),
    ],
    ids=range(17),
)
def test_what_readers_disagree_on_is_refused_on_one_line(tmp_path: Path, name: str, content: bytes) -> None:
    write(tmp_path, {name: content})
    with pytest.raises(BrokenReportError) as caught:
        read(tmp_path / name, Limits())
    assert str(caught.value).isprintable()


def test_text_of_other_encodings_that_say_so_is_read(tmp_path: Path) -> None:
    content = '<?xml version="1.0" encoding="iso-8859-1"?>' + FAILING.replace("no", "né")
    write(tmp_path, {"junit.xml": content.encode("iso-8859-1")})
    assert only(SuiteFacts, read(tmp_path / "junit.xml", Limits()).facts).failures[0].message == "né"


def test_terminal_escapes_are_carried_through_as_data(tmp_path: Path) -> None:
    write(tmp_path, {"lint.sarif": sarif({"ruleId": "\x1b[31m", "message": {"text": "\x1b]0;title\x07"}})})
    evidence = gather(make_request(tmp_path)).evidence
    assert evidence.scans.items[0].findings[0].id == "\x1b[31m"
    assert b"\x1b" not in evidence.document().content
    assert all(seen.note.isprintable() for seen in gather(make_request(tmp_path)).seen)


def test_the_last_of_two_keys_counts_as_for_every_reader(tmp_path: Path) -> None:
    content = trivy().replace('"ArtifactName": "app"', '"ArtifactName": "x", "ArtifactName": "app"')
    assert json.loads(content)["ArtifactName"] == "app"
    write(tmp_path, {"trivy.json": content})
    assert only(ScanFacts, read(tmp_path / "trivy.json", Limits()).facts).identity.name == "app"


@pytest.mark.parametrize(
    ("name", "content", "limits"),
    [
        ("junit.xml", JUNIT, Limits(max_cases=1)),
        ("junit.xml", JUNIT, Limits(max_depth=1)),
        ("junit.xml", JUNIT, Limits(max_report_size=20)),
        ("lint.sarif", SAMPLES["lint.sarif"], Limits(max_findings=0)),
        ("lint.sarif", sarif({"ruleId": "a" * 100, "message": {"text": "b"}}), Limits(max_text=50)),
        ("unit.tap", TAP + "# " + "x" * 600_000, Limits(max_token=60)),
    ],
)
def test_limits(tmp_path: Path, name: str, content: str, limits: Limits) -> None:
    write(tmp_path, {name: content})
    read(tmp_path / name, Limits())
    with pytest.raises((BrokenReportError, NotAReport), match=r"limit|more than 1 deep"):
        read(tmp_path / name, limits)
