"""Hostile and broken reports and evidence: one line with file and remedy, exit code 20, nothing pushed."""

from __future__ import annotations

import base64
import gzip
import json
from typing import Any

import pytest

from pushpolicy import errors
from tests.hostile import DEEP, YAML_BOMB, refused, trivy
from tests.policies import example
from tests.workspace import IMAGE, JUNIT, TARGET, Ran, Workspace, harmless

BOMB = (
    '<!DOCTYPE testsuite [<!ENTITY a "aaaaaaaaaa">'
    + "".join(f'<!ENTITY {b} "{f"&{a};" * 10}">' for a, b in zip("abcdefgh", "bcdefghi", strict=True))
    + ']><testsuite name="&i;"><testcase name="&i;"/></testsuite>'
)


REPORTS: dict[str, tuple[str, bytes]] = {
    "entity bomb": ("tests", BOMB.encode()),
    "external entity": (
        "tests",
        b'<!DOCTYPE t [<!ENTITY x SYSTEM "file:///etc/passwd">]>'
        b'<testsuite><testcase name="&x;"/></testsuite>',
    ),
    "external DTD": ("tests", b'<!DOCTYPE testsuite SYSTEM "http://127.0.0.1:1/x.dtd"><testsuite/>'),
    "truncated XML": ("tests", JUNIT.encode()[:-15]),
    "XML cut within a tag": ("tests", JUNIT.encode()[:-40]),
    "invalid UTF-8 in XML": ("tests", JUNIT.replace("test_page", "\xff").encode("latin-1")),
    "unknown encoding": ("tests", b'<?xml version="1.0" encoding="x-evil"?><testsuite/>'),
    "deep XML": ("tests", b"<testsuite>" * DEEP),
    "two roots": ("tests", b"<testsuite/><testsuite/>"),
    "a case in a case": ("tests", b"<testsuite><testcase><testcase/></testcase></testsuite>"),
    "empty": ("tests", b""),
    "only blanks": ("tests", b" \n\n"),
    "gzip bomb of a report": ("tests", gzip.compress(JUNIT.encode()) + gzip.compress(b" " * 2**24) * 40),
    "gzip bomb": ("scans", gzip.compress(b"\0" * 10_000_000)),
    "zip": ("tests", b"PK\x03\x04" + b"\0" * 100),
    "zeros": ("scans", b"\0" * 1_000_000),
    "HTML": ("tests", b"<!DOCTYPE html><html><body>404</body></html>"),
    "truncated JSON": ("scans", trivy()[:-5]),
    "NaN": ("scans", trivy().replace(b"[]", b"NaN")),
    "infinity": ("scans", trivy().replace(b"2,", b"1e999,")),
    "huge number": ("scans", trivy().replace(b"2,", b"9" * 10_000 + b",")),
    "deep JSON": ("scans", trivy().replace(b"[]", b"[" * DEEP)),
    "deep closed JSON": ("scans", trivy().replace(b"[]", b'{"a":' * DEEP + b"1" + b"}" * DEEP)),
    "invalid UTF-8 in JSON": ("scans", trivy().replace(b'"x"', b'"\xff"')),
    "lone surrogate": ("scans", trivy(ArtifactName="\ud800")),
    "other types": ("scans", trivy(Results="none")),
    "another SchemaVersion": ("scans", trivy(SchemaVersion=3)),
    "text after JSON": ("scans", trivy() + b"}"),
    "SARIF of no version": ("scans", b'{"version": "9.9", "$schema": "sarif-2.1.0", "runs": []}'),
    "SARIF without runs": ("scans", b'{"version": "2.1.0", "runs": {"$schema": "sarif"}}'),
}


@pytest.mark.parametrize(("kind", "content"), REPORTS.values(), ids=REPORTS)
def test_named_report(workspace: Workspace, kind: str, content: bytes) -> None:
    workspace.write("broken.report", content)
    complaint = refused(
        workspace, errors.EXIT_INPUT, "push", IMAGE, TARGET, "--evidence", f"{kind}=broken.report"
    )
    assert "broken.report" in complaint


@pytest.mark.parametrize("name", ["entity bomb", "truncated XML", "empty", "NaN", "deep JSON"])
def test_report_that_is_found(workspace: Workspace, name: str) -> None:
    """Beside sound ones: a broken report is not passed over."""
    kind, content = REPORTS[name]
    file = {"tests": "junit-broken.xml", "scans": "trivy-broken.json"}[kind]
    workspace.write(f"reports/{file}", content)
    ran = workspace.push("--quiet")
    assert ran.code == errors.EXIT_DENIED
    assert f"no evidence of kind {kind}: reports/{file}: " in ran.out
    assert harmless(ran.out)
    assert not workspace.published


EXTRAS: dict[str, tuple[str, str | bytes]] = {
    "NaN": ("x.json", '{"a": NaN}'),
    "infinity": ("x.json", '{"a": -Infinity}'),
    "overflowing float": ("x.json", '{"a": 1e999}'),
    "duplicate keys": ("x.json", '{"a": 1, "a": 2}'),
    "deep": ("x.json", "[" * DEEP),
    "deep and closed": ("x.json", '{"a":' * DEEP + "1" + "}" * DEEP),
    "huge number": ("x.json", '{"a": ' + "9" * 5000 + "}"),
    "lone surrogate": ("x.json", '{"a": "\\ud800"}'),
    "lone surrogate as key": ("x.json", '{"\\udfff": 1}'),
    "invalid UTF-8": ("x.json", b'{"a": "\xff"}'),
    "null": ("x.json", '{"a": [null]}'),
    "truncated": ("x.json", '{"a": '),
    "empty": ("x.json", ""),
    "over the limit": ("x.json", '{"a": "' + "x" * 9_000_000 + '"}'),
    "YAML bomb": ("x.yaml", YAML_BOMB),
    "YAML tag": ("x.yaml", "a: !!python/object/apply:os.system [id]\n"),
    "YAML duplicate": ("x.yaml", "a: 1\na: 2\n"),
    "YAML two documents": ("x.yaml", "a: 1\n---\nb: 1\n"),
    "YAML deep": ("x.yaml", "[" * DEEP),
    "YAML merge": ("x.yaml", "a: {<<: {b: 1}}\nb: *a\n"),
}


@pytest.mark.parametrize(("name", "content"), EXTRAS.values(), ids=EXTRAS)
def test_extra(workspace: Workspace, name: str, content: str | bytes) -> None:
    workspace.write(name, content)
    ran = workspace.push("--evidence", f"extra.ticket={name}")
    assert ran.code == errors.EXIT_INPUT, ran.out
    assert "ticket" in ran.complaint()
    assert ran.hint()
    assert not workspace.published


def changed(**fields: Any) -> bytes:
    return json.dumps({**example(), **fields}).encode()


DOCUMENTS: dict[str, bytes] = {
    "empty": b"",
    "a list": b"[]",
    "null": b"null",
    "nothing known": b"{}",
    "truncated": changed()[:-1],
    "two documents": changed() * 2,
    "byte order mark": b"\xef\xbb\xbf" + changed(),
    "UTF-16": changed().decode().encode("utf-16"),
    "invalid UTF-8": changed(extra={"a": {"b": "?"}}).replace(b'"?"', b'"\xff"'),
    "NaN": changed(extra={"a": {"b": float("nan")}}),
    "a key twice": changed()[:-1] + b', "tests": {"status": "collected"}}',
    "a key twice within": changed(extra={"a": {"b": 1}}).replace(b'"b": 1', b'"b": 1, "b": 2'),
    "deep": changed(extra={"a": {"b": "?"}}).replace(b'"?"', b"[" * DEEP + b"]" * DEEP),
    "huge number": changed(extra={"a": {"b": 10**400}}),
    "beyond 2^53": changed(extra={"a": {"b": 2**53}}),
    "lone surrogate": changed(extra={"a": {"b": "\ud800"}}),
    "null within": changed(extra={"a": {"b": None}}),
    "null as a status": changed(tests={**example()["tests"], "status": None}),
    "unknown key": changed(allow=True),
    "unknown key within": changed(tests={**example()["tests"], "passed": True}),
    "another schema": changed(schema="pushpolicy.evidence/v2"),
    "no schema": json.dumps({key: value for key, value in example().items() if key != "schema"}).encode(),
    "another type": changed(scans=[]),
    "no time": changed(evaluated_at="now"),
    "collected without its fields": changed(tests={"status": "collected"}),
    "base64": base64.b64encode(changed()),
    "a decision": b'{"schema": "pushpolicy.decision/v1", "verdict": "ALLOW"}',
}


@pytest.mark.parametrize("content", DOCUMENTS.values(), ids=DOCUMENTS)
def test_evidence_document(workspace: Workspace, content: bytes) -> None:
    workspace.write("evidence.json", content)
    ran = workspace.run("evaluate", "evidence.json")
    assert ran.code == errors.EXIT_INPUT, ran.out
    assert ran.out == ""
    assert ran.complaint()
    assert ran.hint()


CARRIED: dict[str, tuple[str, bytes]] = {
    "UTF-16 XML": ("junit-more.xml", JUNIT.replace('"1.0"', '"1.0" encoding="utf-16"').encode("utf-16")),
    "gzip": ("junit-more.xml", gzip.compress(JUNIT.encode())),
    "byte order mark": ("junit-more.xml", b"\xef\xbb\xbf" + JUNIT.encode()),
    "UTF-16 JSON": ("trivy-more.json", trivy().decode().encode("utf-16")),
    "a title like JSON": (
        "junit-more.xml",
        JUNIT.replace("test_page", "&quot;,&quot;allow&quot;:true,&quot;x&quot;:&quot;").encode(),
    ),
}


@pytest.mark.parametrize(("name", "content"), CARRIED.values(), ids=CARRIED)
def test_odd_but_sound(workspace: Workspace, name: str, content: bytes) -> None:
    workspace.write(f"reports/{name}", content)
    ran: Ran = workspace.run("gather", IMAGE, TARGET)
    assert ran.code == errors.EXIT_OK
    kind = "tests" if name.startswith("junit") else "scans"
    assert ran.json[kind]["status"] == "collected", ran.json[kind].get("reason")
    assert f"reports/{name}" in {report["path"] for report in ran.json["reports"]}
