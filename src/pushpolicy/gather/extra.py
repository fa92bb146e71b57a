"""``--evidence extra.NAME=FILE``: any JSON or YAML that the user adds under a name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pushpolicy.errors import InputError, UsageError
from pushpolicy.gather.format import ReportError
from pushpolicy.gather.jsondoc import utf8
from pushpolicy.gather.reading import open_report
from pushpolicy.gather.reports import Reports
from pushpolicy.gather.request import GatherRequest, NamedEvidence, RawReport
from pushpolicy.gather.values import text
from pushpolicy.model import canonical, strict_yaml
from pushpolicy.model.text import printable


def collect(request: GatherRequest, reports: Reports) -> tuple[Mapping[str, Any], list[RawReport]]:
    """Read every `extra` file.

    Raises:
        UsageError: when one has no name, or a name is given twice.
        InputError: when one is absent, malformed, over a limit, or holds what JSON cannot say.
    """
    values: dict[str, Any] = {}
    raws: list[RawReport] = []
    for named in request.named:
        if named.kind != "extra":
            continue
        if not named.name or named.name in values:
            raise UsageError(f"--evidence {printable(str(named))}: an extra needs a name of its own")
        values[text(named.name)], raw = _one(named, text(named.name), request)
        raws.append(raw)
        reports.note(raw.path, "extra", f"{raw.format} under the name {printable(raw.name)!r}")
    return values, raws


def _one(named: NamedEvidence, name: str, request: GatherRequest) -> tuple[Any, RawReport]:
    path = request.workspace / named.path
    try:
        with open_report(path, request.limits.max_extra_size) as file:
            content = utf8(file.content())
            is_json = path.suffix.lower() == ".json" or content.lstrip()[:1] in (b"{", b"[")
            value = canonical.decode(content) if is_json else strict_yaml.read(content)
            canonical.encode(value)
            form = "json" if is_json else "yaml"
            raw = RawReport(
                name=name,
                path=path,
                kind="extra",
                format=form,
                digest=file.finish(),
                size=file.size,
                media_type=f"application/{form}",
            )
            return value, raw
    except (ReportError, ValueError, RecursionError) as error:
        hint = "an extra is one JSON or YAML document, without what readers disagree on"
        raise InputError(f"--evidence {printable(str(named))}: {printable(str(error))}", hint) from error
