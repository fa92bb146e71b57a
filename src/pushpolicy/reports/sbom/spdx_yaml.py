"""SPDX 2.2 and 2.3 as YAML: the same document as in JSON, read strictly and up to the size of strict_yaml."""

from __future__ import annotations

import re

import msgspec

from pushpolicy.model import strict_yaml
from pushpolicy.model.text import printable
from pushpolicy.reports.format import Format, Head, Part, Parts, ReportBytes, ReportError
from pushpolicy.reports.limits import Limits
from pushpolicy.reports.parsing import jsondoc
from pushpolicy.reports.sbom.spdx import Document, bom

_KEY = re.compile(rb"^[\"']?spdxVersion[\"']?\s*:", re.MULTILINE)
_BROKEN = re.compile(rb"^SPDXVersion:", re.MULTILINE)


def _read(report: ReportBytes, limits: Limits) -> Parts:
    try:
        value = strict_yaml.read(jsondoc.utf8(report.content()))
        document = msgspec.convert(value, Document)
    except strict_yaml.YamlError as error:
        raise ReportError(f"line {error.line}: {error}") from error
    except msgspec.ValidationError as error:
        raise ReportError(f"it does not read as its format: {printable(str(error))}") from error
    return Parts([Part("sbom", bom(document, limits))])


def _recognise(head: Head) -> bool:
    is_text = head.root is None and not head.keys and not head.is_array
    return is_text and _KEY.search(head.start) is not None and _BROKEN.search(head.start) is None


FORMAT: Format[Parts] = Format(
    name="spdx-yaml",
    kind="sbom",
    media_type="application/yaml",
    file_names=("*.spdx.yaml", "*.spdx.yml"),
    marks=(b"spdxVersion:", b"SPDXID:"),
    recognise=_recognise,
    read=_read,
)
