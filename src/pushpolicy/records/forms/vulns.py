"""Vulnerabilities v0.2 (in-toto/attestation, spec/predicates/vulns_02.md): what the scanners list.

One predicate for each scanner, of all its scans that are bound to this image. A finding stays in the list
whatever became of it: that it was suppressed, or waived, is in its annotations. An empty list says that the
scanner found nothing, so there is none where a scan left something out, or did not look at all platforms.
A time that the scanner does not tell is left out with the object that it is required in.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import quote

from pushpolicy.model import canonical
from pushpolicy.model.text import first_of, printable
from pushpolicy.records.forms.approved import Approved, FormError
from pushpolicy.records.forms.waived import Finding, Waived

PREDICATE = "https://in-toto.io/attestation/vulns/v0.2"
Scan = Mapping[str, Any]
# The kinds of findings that are no flaws of software; whatever else there will be stays in the list.
_OTHERS = frozenset({"secret", "misconfiguration", "license", "code"})
_SCORES = {"severity": "severity", "cvss": "cvss_score", "epss": "epss"}


def predicates(approved: Approved) -> tuple[dict[str, Any], ...]:
    """One predicate for each scanner, in the order of their names.

    Raises:
        FormError: when no scan is bound to the image, or one tells less than it seems to.
    """
    scans = [scan for scan in approved.collected("scans")["items"] if _looks_into_image(scan)]
    if not scans:
        raise FormError("no scan for vulnerabilities is bound to the image")
    platforms = approved.evidence.value["image"]["platforms"]
    waived = Waived(approved.decision.waived)
    groups = list(_by_scanner(scans))
    for group in groups:
        _check_whole(group, platforms)
    return tuple(_predicate(group, waived) for group in groups)


def _looks_into_image(scan: Scan) -> bool:
    """Whether a scan is of this image, and looked for flaws.

    One that does not say what it looked for did so where it lists packages, or there are none (`scan_bound`).
    """
    if scan["kind"] != "image" or not scan["bound"]:
        return False
    looked_for = scan.get("looked_for", ())
    implied = "unsaid" in looked_for and (scan.get("packages") or "empty_by" in scan)
    return bool("vulnerabilities" in looked_for or implied or any(map(is_flaw, scan["findings"])))


def is_flaw(finding: Finding) -> bool:
    """Whether a finding is a vulnerability, and no secret, licence or wrong setting."""
    return finding["kind"] not in _OTHERS


def _by_scanner(scans: Sequence[Scan]) -> Iterator[list[Scan]]:
    keys = [(scan["scanner"]["name"], scan["scanner"].get("version", "")) for scan in scans]
    for wanted in sorted(set(keys)):
        yield [scan for scan, key in zip(scans, keys, strict=True) if key == wanted]


def _check_whole(scans: Sequence[Scan], platforms: Sequence[Mapping[str, Any]]) -> None:
    for scan in scans:
        if scan.get("filters"):
            left_out = printable(first_of(scan["filters"], 3), 300)
            raise FormError(f"the scan {printable(scan['name'])} left findings out ({left_out})")
    names = Counter(each["platform"] for each in platforms)
    unseen = [
        f"{each['platform']} ({each['digest']})"
        for each in platforms
        if not any(_is_of(scan, each, is_one=names[each["platform"]] == 1) for scan in scans)
    ]
    if unseen:
        name = printable(scans[0]["scanner"]["name"])
        raise FormError(f"{name} did not look at {printable(first_of(unseen, 3), 400)}")


def _is_of(scan: Scan, platform: Mapping[str, Any], *, is_one: bool) -> bool:
    """Whether a bound scan is of this platform; two manifests of an index may share its name."""
    if scan.get("platform") != platform["platform"]:
        return False
    named = scan.get("image", {})
    told = (named.get("digest"), named.get("image_id"))
    return is_one or told[0] == platform["digest"] or told[1] == platform["config_digest"]


def _predicate(scans: Sequence[Scan], waived: Waived) -> dict[str, Any]:
    told = scans[0]["scanner"]
    scanner: dict[str, Any] = {
        # Not every scanner has an address that is known: this is what the report calls it.
        "uri": f"pkg:generic/{quote(told['name'], safe='')}",
        "result": [
            _result(scan, flaw, waived) for scan in scans for flaw in filter(is_flaw, scan["findings"])
        ],
    }
    if "version" in told:
        scanner["version"] = told["version"]
    if built := _in_order([scan["scanner"].get("db_built") for scan in scans]):
        scanner["db"] = {"lastUpdate": built[0]}
    times = _in_order([scan.get("at") for scan in scans])
    metadata = {"scanStartedOn": times[0], "scanFinishedOn": times[-1]} if times else {}
    return {"scanner": scanner, **({"metadata": metadata} if metadata else {})}


def _in_order(times: Sequence[str | None]) -> list[str]:
    """The earliest first; none where one of them is not told."""
    told = [time for time in times if time]
    return sorted(told, key=datetime.fromisoformat) if len(told) == len(times) else []


def _result(scan: Scan, finding: Finding, waived: Waived) -> dict[str, Any]:
    """A finding; what the predicate has no field for is in its one annotation, in the evidence's words."""
    told = {key: value for key, value in finding.items() if key not in ("id", "joined", *_SCORES)}
    waivers = [_waiver(each.rule, each.waiver or {}) for each in waived.of(scan["name"], finding)]
    platform = {"platform": scan["platform"]} if "platform" in scan else {}
    severity = [
        {"method": method, "score": _text(finding[key])} for key, method in _SCORES.items() if key in finding
    ]
    annotation = {**told, "scan": scan["name"], **platform, **({"waived": waivers} if waivers else {})}
    return {"id": finding["id"], "severity": severity, "annotations": [annotation]}


def _waiver(rule: str, waiver: Mapping[str, Any]) -> dict[str, Any]:
    return {"rule": rule, **{key: waiver[key] for key in ("reason", "approver", "expires") if key in waiver}}


def _text(score: object) -> str:
    return score if isinstance(score, str) else canonical.encode(score).decode()
