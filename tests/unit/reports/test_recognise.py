"""The table of formats, and files of a usual repository that are none of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from pushpolicy.reports.declared import SUFFIXES, BrokenReportError, NotAReport, by_signs
from pushpolicy.reports.format import KINDS
from pushpolicy.reports.limits import Limits
from pushpolicy.reports.recognise import FORMATS, read
from tests.unit.gather.samples import JUNIT, sarif, trivy

STRANGERS = {
    "package.json": '{"name": "x", "version": "1.0.0", "scripts": {}}',
    "package-lock.json": '{"name": "x", "version": "1", "lockfileVersion": 3, "packages": {}}',
    "tsconfig.json": '{"compilerOptions": {"strict": true}}',
    "composer.json": '{"require": {}}',
    "openapi.json": '{"openapi": "3.1.0", "info": {"version": "1"}, "paths": {}}',
    "deployment.json": '{"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {}, "spec": {}}',
    "crd.json": '{"apiVersion": "x/v1", "kind": "VulnerabilityReport", "report": {}}',
    "list.json": "[]",
    "targets.json": '[{"targets": ["a:9090"], "labels": {}}]',
    "numbers.json": "[1, 2, 3]",
    "text.json": '"runs"',
    "index.json": '{"schemaVersion": 2, "manifests": []}',
    "artifact.json": '{"schemaVersion": 2, "artifactType": "a/b", "config": {}, "layers": []}',
    "described.json": '{"schemaVersion": 2, "metadata": {}}',
    "devcontainer.json": '{"image": "x", "features": {}}',
    "action.json": '{"runs": {"using": "node20"}, "name": "x"}',
    "commented.json": '// settings\n{"a": 1}',
    "pom.xml": "<project xmlns='http://maven.apache.org/POM/4.0.0'/>",
    "logo.svg": "<svg xmlns='http://www.w3.org/2000/svg'/>",
    "page.html": "<!DOCTYPE html><html/>",
    "AndroidManifest.xml": "<manifest/>",
    "web.config": "<configuration/>",
    "feed.xml": "<rss version='2.0'/>",
    "checkstyle.xml": "<checkstyle version='8'/>",
    "notes.md": "# testsuite\n",
    "values.yaml": "runs: 1\nversion: 2\n",
    "binary": "\x00\x01\x02",
    "blank.json": "  \n",
    "assembly.xml": "<assembly xmlns='http://maven.apache.org/ASSEMBLY/2.2.0'><id>bin</id></assembly>",
    "app.manifest": "<assembly xmlns='urn:schemas-microsoft-com:asm.v1' manifestVersion='1.0'/>",
    "sonar.xml": "<coverage version='1'><file path='a.c'><lineToCover/></file></coverage>",
    "table.xml": "<report><row/></report>",
    "log.ndjson": '{"level": "info", "msg": "started"}\n{"level": "info", "msg": "ready"}\n',
    "results.json": '{"results": {"tests": []}, "version": 2}',
    "meta.json": '{"meta": {}, "files": {}, "totals": {}}',
    "go.txt": "ok  \tgithub.com/x/y\t0.1s\n",
    "tap.md": "# TAP\n\nA stream begins with its version:\n\nTAP version 13\n1..1\nok 1\n",
    "mode.txt": "mode: dark\n",
}


@pytest.mark.parametrize("name", STRANGERS)
def test_no_other_file_is_taken_for_a_report(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text(STRANGERS[name])
    with pytest.raises(NotAReport) as caught:
        read(tmp_path / name, Limits())
    assert str(caught.value)


@pytest.mark.parametrize(
    ("content", "name"),
    [
        (JUNIT, "junit"),
        (JUNIT.replace("<testsuites>", "<!-- " + "x" * 3000 + " --><testsuites>"), "junit"),
        (trivy(), "trivy"),
        (sarif(), "sarif"),
        ('{"runs": [], "$schema": "x", "version": "2.1.0"}', "sarif"),
        ('{"ClusterName": "c", "Resources": []}', "trivy-k8s"),
        ('[{"Target": "t", "Type": "deb", "Vulnerabilities": null}]', "trivy-legacy"),
        (
            '{"kind": "VulnerabilityReport", "apiVersion": "aquasecurity.github.io/v1alpha1",'
            ' "report": {"scanner": {"name": "Trivy"}, "vulnerabilities": []}}',
            "trivy-operator",
        ),
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_content_is_recognised_whatever_the_file_is_called(
    tmp_path: Path, content: str, name: str, encoding: str
) -> None:
    (tmp_path / "file").write_bytes(content.encode(encoding))
    assert read(tmp_path / "file", Limits()).format.name == name


@pytest.mark.parametrize(
    ("content", "name"),
    [
        ("<test-run><test-suite/></test-run>", "nunit"),
        ("<assemblies><assembly/></assemblies>", "xunit"),
        ("<TestRun><Results/></TestRun>", "trx"),
        ('{"results": {"tool": {}, "summary": {}, "tests": []}}', "ctrf"),
        ('{"Action": "start", "Package": "p"}\n{"Action": "skip", "Package": "p"}\n', "gotest"),
        ('{"Action": "skip", "Package": "p"}', "gotest"),
        ("go: downloading x\n" + '{"Action": "skip", "Package": "p"}\n', "gotest"),
        ("1..1\nok 1\n", "tap"),
        ("<!DOCTYPE coverage SYSTEM 'x.dtd'><coverage line-rate='1'/>", "cobertura"),
        ("<coverage generated='1'><project/></coverage>", "clover"),
        ("<!DOCTYPE report PUBLIC '-//JACOCO//DTD Report 1.1//EN' 'report.dtd'><report/>", "jacoco"),
        ('{"meta": {"branch_coverage": false}, "files": {}, "totals": {}}', "coverage.py"),
        ("SF:a.c\nend_of_record\n", "lcov"),
        ("mode: set\n", "go-cover"),
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_test_and_coverage_reports_are_recognised(
    tmp_path: Path, content: str, name: str, encoding: str
) -> None:
    (tmp_path / "file").write_bytes(content.encode(encoding))
    assert read(tmp_path / "file", Limits()).format.name == name


def test_a_json_report_with_a_line_after_it_is_broken_and_no_stranger(tmp_path: Path) -> None:
    (tmp_path / "scan.json").write_text(trivy().replace("\n", "") + "\nscan finished\n")
    with pytest.raises(BrokenReportError):
        read(tmp_path / "scan.json", Limits())


def test_the_table_is_consistent() -> None:
    # `promises` takes only the star for special.
    assert not [name for form in FORMATS for name in form.file_names if set("?[") & set(name)]
    assert len({item.name for item in FORMATS}) == len(FORMATS)
    assert {item.kind for item in FORMATS} <= set(KINDS)
    assert all(item.marks for item in FORMATS)


def test_a_broken_file_is_known_by_what_is_left_or_by_its_name() -> None:
    found = [
        by_signs("x.json", b'{"SchemaVersion": 2, "ArtifactName"'),
        by_signs("a.sarif", b""),
        by_signs("x", b""),
    ]
    assert [item.name if item else None for item in found] == ["trivy", "sarif", None]


def test_every_name_loses_the_longest_suffix_that_any_format_declares() -> None:
    declared = {suffix for item in FORMATS for suffix in item.suffixes}
    assert set(SUFFIXES) == declared
    assert all(item.suffixes for item in FORMATS)
    for place, suffix in enumerate(SUFFIXES):
        assert not [longer for longer in SUFFIXES[place + 1 :] if longer.endswith(suffix)]


def test_what_cannot_be_opened_is_broken_where_its_name_promises_a_report(tmp_path: Path) -> None:
    with pytest.raises(BrokenReportError, match="cannot be read: No such file"):
        read(tmp_path / "junit.xml", Limits())
    with pytest.raises(NotAReport, match="cannot be read: No such file"):
        read(tmp_path / "notes", Limits())


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (" \n", "it is empty"),
        ("<!DOCTYPE html><html/>", "its name promises junit"),
        ("error: no space left\n", "its name promises junit"),
        ("{}", "its name promises junit"),
        ("<report><testsuite/></report>", "its name promises junit"),
    ],
)
def test_what_stands_in_place_of_a_promised_report_is_broken(
    tmp_path: Path, content: str, reason: str
) -> None:
    (tmp_path / "junit.xml").write_text(content)
    with pytest.raises(BrokenReportError, match=reason):
        read(tmp_path / "junit.xml", Limits())
