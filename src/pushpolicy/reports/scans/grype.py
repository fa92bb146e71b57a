"""Grype's JSON report, from its first versions to 0.12x.

It tells the image's config digest and layers and carries the config itself, which has to agree; the
age of its database; and all that it was set up to leave out. Matches that a rule, VEX or Grype's own
matchers set aside are under `ignoredMatches`.
"""

from __future__ import annotations

import binascii
import hashlib

import msgspec

from pushpolicy.model.evidence import Scanner
from pushpolicy.model.text import printable
from pushpolicy.reports.format import FailedRunError, Format, Head, ReportBytes
from pushpolicy.reports.limits import Limits
from pushpolicy.reports.parsing import jsondoc
from pushpolicy.reports.parsing.values import utc, version
from pushpolicy.reports.scans.grype_findings import filters, findings
from pushpolicy.reports.scans.grype_model import Database, DatabaseStatus, Descriptor, Report, Source, Target
from pushpolicy.reports.scans.run import Identity, ScanResult, within

# Whatever is scanned by the kind of the source; one that is not told may have been an image.
_KINDS = {"image": "image", "": "image", "unknown": "image"}


class _RootFs(msgspec.Struct, gc=False):
    diff_ids: list[str]


class _Config(msgspec.Struct, gc=False):
    rootfs: _RootFs


def _read(report: ReportBytes, limits: Limits) -> tuple[ScanResult, ...]:
    document = jsondoc.decode(report, Report)
    about, source = document.descriptor or Descriptor(), document.source or Source()
    status = _database(about.db)
    scan = ScanResult(
        scanner=Scanner(name="grype", version=version(about.version), db_built=utc(status.built)),
        kind=_KINDS.get(source.type or "", "code"),
        identity=_identity(source.target),
        findings=tuple(findings(document)),
        at=utc(about.timestamp),
        filters=filters(about.configuration) if about.configuration else None,
    )
    return within(limits, [scan])


def _database(database: Database | None) -> DatabaseStatus:
    status = (database.status or database) if database else DatabaseStatus()
    if status.valid is False or status.error:
        why = printable(status.error or "it does not say why")
        raise FailedRunError(f"grype says that its vulnerability database was not valid: {why}")
    return status


def _identity(target: str | Target | None) -> Identity:
    if not isinstance(target, Target):
        return Identity(name=target or None)
    repositories = (name.rpartition("@") for name in target.repo_digests or ())
    digests = [target.manifest_digest, *(digest for _, mark, digest in repositories if mark)]
    return Identity(
        name=target.user_input or None,
        # For a local image the manifest's digest is one of Grype's own making, which equals no other.
        digests=tuple(digest for digest in digests if digest),
        # Of an SBOM that Grype was given, it is some name within that SBOM.
        image_id=target.image_id if (target.image_id or "").startswith("sha256:") else None,
        diff_ids=_layers(target),
    )


def _layers(target: Target) -> tuple[str, ...]:
    """The layers that the enclosed config lists; none, when it is not the one that the image ID names."""
    if not target.config:
        return tuple(layer.digest for layer in target.layers or ())
    try:
        config = binascii.a2b_base64(target.config, strict_mode=True)
        if target.image_id != f"sha256:{hashlib.sha256(config).hexdigest()}":
            return ()
        return tuple(msgspec.json.decode(config, type=_Config).rootfs.diff_ids)
    except (binascii.Error, ValueError, RecursionError):
        return ()


def _recognise(head: Head) -> bool:
    matches = head.keys.get("matches", b"").replace(b" ", b"").replace(b"\n", b"")
    known = {"source", "descriptor"} <= set(head.keys) or matches.startswith(b'[{"vulnerability":')
    return not head.is_array and matches.startswith(b"[") and known


FORMAT: Format[tuple[ScanResult, ...]] = Format(
    name="grype",
    kind="scans",
    media_type="application/json",
    file_names=("grype*.json", "*-grype.json", "*_grype.json", "*.grype.json"),
    marks=(b'"matches"', b'"vulnerability"', b'"dataSource"'),
    recognise=_recognise,
    read=_read,
)
