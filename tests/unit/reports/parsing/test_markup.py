"""XML is read whole and well-formed, or refused."""

from __future__ import annotations

import pytest

from pushpolicy.reports.format import ReportError
from pushpolicy.reports.limits import Limits
from pushpolicy.reports.parsing import markup


class Names(markup.Elements):
    """Only walks."""

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self.descend(name)

    def end(self, name: str) -> None:
        self.path.pop()


BROKEN = [
    (b"", "well-formed"),
    (b"<", "well-formed"),
    (b"text", "well-formed"),
    (b"\xff<a/>", "well-formed"),
    (b"<?xml version='1.0' encoding='x-unknown'?><a/>", "unknown encoding"),
    (b"<?xml version='1.0' encoding='shift_jis'?><a/>", "unknown encoding"),
]


@pytest.mark.parametrize(
    ("content", "reason"), [*BROKEN, (b"<a>", "well-formed"), (b"<a/><b/>", "well-formed")]
)
def test_what_is_not_well_formed_is_refused(content: bytes, reason: str) -> None:
    with pytest.raises(ReportError, match=reason):
        markup.parse([content], Names(Limits()), Limits())


@pytest.mark.parametrize(("content", "reason"), [*BROKEN[3:], (b"", "before its first element")])
def test_a_document_without_a_root_has_no_name(content: bytes, reason: str) -> None:
    with pytest.raises(ReportError, match=reason):
        markup.root_name(content)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-16-le"])
@pytest.mark.parametrize("piece", [1, 5, 1000])
def test_a_prefix_is_left_out_wherever_it_is_declared(encoding: str, piece: int) -> None:
    seen = []

    class Seen(Names):
        def start(self, name: str, attributes: dict[str, str]) -> None:
            super().start(name, attributes)
            seen.append(name)

    text = "<?xml version='1.0'?><a>" + "<b/>" * 100 + "<x:c xmlns:x='urn:x'><x:d/></x:c><e/></a>"
    content = text.encode(encoding)
    chunks = [content[place : place + piece] for place in range(0, len(content), piece)]
    markup.parse(chunks, Seen(Limits()), Limits())
    assert seen == ["a", *["b"] * 100, "c", "d", "e"]
