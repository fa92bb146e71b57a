"""What is generated from the table of formats is up to date, and complete."""

from __future__ import annotations

from pathlib import Path

from msgspec.structs import fields

from pushpolicy.cli.options import limits_option, read_limits
from pushpolicy.reports.catalogue import DOCUMENT, by_kind, markdown, told
from pushpolicy.reports.declared import FORMATS as DECLARED
from pushpolicy.reports.format import Declared
from pushpolicy.reports.limits import Limits
from pushpolicy.reports.recognise import FORMATS

ROOT = Path(__file__).parents[3]


def test_the_page_is_up_to_date() -> None:
    assert (ROOT / DOCUMENT).read_text(encoding="utf-8") == markdown(), "run `make index`"


def test_what_the_formats_declare_is_up_to_date() -> None:
    fields = Declared.__struct_fields__
    declared = [[getattr(item, name) for name in fields] for item in FORMATS]
    assert [[getattr(item, name) for name in fields] for item in DECLARED] == declared, "run `make index`"


def test_every_format_is_explained() -> None:
    assert sum(len(items) for items in by_kind().values()) == len(FORMATS)
    assert all(len(told(item)) > 40 for item in FORMATS)


def test_every_limit_is_an_option_and_explained() -> None:
    option = limits_option(lambda: None).__click_params__[0]  # type: ignore[attr-defined]
    for item in fields(Limits):
        name = item.name.replace("_", "-")
        assert name in option.help
        assert f"| `{name}` |" in markdown()
        assert getattr(read_limits([f"{name}=7KiB"]), item.name) == 7 * 1024
