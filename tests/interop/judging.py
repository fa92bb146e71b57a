"""Gathers one file with the real command, decides with the shipped rules, and tells what is wrong."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pushpolicy import errors
from pushpolicy.demo.shell import Shell
from tests.interop.images import Contents, archive, names
from tests.interop.outputs import Output

TARGET = "oci:registry:1.0.0"


@dataclass(frozen=True, kw_only=True)
class Judged:
    """What became of one file: what the table says of it, and what is not as it has to be."""

    output: Output
    bound_by: str | None
    counts: str
    decision: str
    wrong: tuple[str, ...]


def judge(output: Output, file: Path, contents: Contents, shell: Shell, scan: Path) -> Judged:
    """Gather and check the file; an SBOM beside `scan`, since it tells of no flaw."""
    layout = shell.folder / contents.name
    image = f"docker-archive:{archive(layout).name}" if output.of_archive else f"oci:{layout.name}"
    given = f"--evidence {file}"
    told = shell.quietly(f"pushpolicy gather {image} {TARGET} {given} -o evidence.json")
    evidence = json.loads((shell.folder / "evidence.json").read_text())
    if output.findings is None:
        given += f" --evidence {scan}"
    checked = shell.run(f"pushpolicy check {image} {TARGET} {given} --format json --quiet")
    decision = json.loads(checked.output)
    items = [item for kind in ("scans", "sbom") for item in _of(evidence, kind)]
    wrong = [
        *_misread(output, file, evidence, told),
        *_miscounted(output, file, evidence),
        *(text for item in items for text in _misbound(output, item, file, layout)),
        *_misjudged(output, contents, checked.code, decision),
    ]
    return Judged(
        output=output,
        bound_by=next((item.get("bound_by") for item in items), None),
        counts=_counts(output, evidence),
        decision=f"deny: {', '.join(sorted(_violated(decision)))}" if checked.code else "allow",
        wrong=tuple(f"{contents.name}, {output.file}: {text}" for text in wrong),
    )


def _of(evidence: Mapping[str, Any], kind: str) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = evidence.get(kind, {}).get("items", [])
    return items


def _violated(decision: Mapping[str, Any]) -> frozenset[str]:
    return frozenset(violation["rule"] for violation in decision["violations"])


def _misread(output: Output, file: Path, evidence: Mapping[str, Any], told: str) -> Iterator[str]:
    read = {report["format"] for report in evidence["reports"] if Path(report["path"]).name == file.name}
    if read != {output.format}:
        yield f"read as {sorted(read)}: {told}"
    for kind in ("scans", "sbom"):
        if evidence.get(kind, {}).get("status") == "failed":
            yield f"{kind} failed: {evidence[kind]['reason']}"
        named = {(item.get("scanner") or item["tool"])["name"].lower() for item in _of(evidence, kind)}
        if named - {output.tool}:
            yield f"{kind} of {sorted(named)}"


def _miscounted(output: Output, file: Path, evidence: Mapping[str, Any]) -> Iterator[str]:
    if output.components:
        ours, theirs = [item["components"] for item in _of(evidence, "sbom")], output.components(file)
        if ours != [theirs]:
            yield f"{theirs} components, read as {ours}"
    if output.findings:
        scans, there = _of(evidence, "scans"), Counter(output.findings(file))
        seen = Counter(finding["severity"] for scan in scans for finding in scan["findings"])
        listed = Counter({word: n for scan in scans for word, n in scan["counts"]["listed"].items()})
        if not seen == +listed == there:
            yield f"lists {dict(there)}, read as {dict(seen)}, counted as {dict(+listed)}"


def _misbound(output: Output, item: Mapping[str, Any], file: Path, layout: Path) -> Iterator[str]:
    """Whether it is bound by what it should be, and really names that."""
    by = item.get("bound_by")
    if by != output.bound_by:
        yield f"bound by {by}, not {output.bound_by}"
    text = file.read_text()
    absent = [name for name in names(layout).get(by or "", ()) if name.removeprefix("sha256:") not in text]
    if absent:
        yield f"bound by {by}, and does not name {', '.join(absent)}"


def _misjudged(output: Output, contents: Contents, code: int, decision: Mapping[str, Any]) -> Iterator[str]:
    wanted = output.denied | ({"scan_severity"} if contents.planted else output.denied_empty)
    if (violated := _violated(decision)) != wanted:
        yield f"the rules {sorted(violated)} are violated, not {sorted(wanted)}"
    if code != (errors.EXIT_DENIED if wanted else errors.EXIT_OK):
        yield f"exit code {code}"
    severe = (violation["at"] for violation in decision["violations"] if violation["rule"] == "scan_severity")
    named = {name for at in severe for name in (at.get("id", ""), *at.get("aliases", ()))}
    if contents.planted and not output.ids <= named:
        yield f"{sorted(output.ids - named)} are not among the reasons, {sorted(named)}"


def _counts(output: Output, evidence: Mapping[str, Any]) -> str:
    parts = [f"{item['components']} components" for item in _of(evidence, "sbom") if output.components]
    found = sum(len(item["findings"]) for item in _of(evidence, "scans"))
    return ", ".join([*parts, *([f"{found} findings"] if output.findings else [])])
