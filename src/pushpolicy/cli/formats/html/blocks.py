"""The parts of a page: tables, facts, what is folded, and charts, whose numbers stand there as text too."""

from __future__ import annotations

from collections.abc import Iterable

from pushpolicy.cli.formats.html.charts import bar, timeline
from pushpolicy.cli.formats.html.markup import Html, cell, join, tag, text
from pushpolicy.cli.formats.page import (
    Bars,
    Block,
    Cell,
    Facts,
    Folds,
    Heat,
    HeatMap,
    Table,
    Timeline,
    Tone,
)

# From how many findings on a field of a heat map is darker.
_HEAT = (1, 3, 10)


def block(given: Block, name: str) -> Html:
    """One block; `name` is that of its place, unlike those of all others."""
    match given:
        case Table():
            return _table(given, name)
        case Facts():
            return _facts(given)
        case Timeline():
            return _timeline(given, name)
        case Bars():
            return _bars(given, name)
        case HeatMap():
            return _heat_map(given, name)
        case Folds():
            return _folds(given, name)


def _facts(given: Facts) -> Html:
    items = (tag("div", tag("dt", text(term)), tag("dd", cell(said, 600))) for term, said in given.items)
    return tag("dl", *items, class_="facts")


def _table(given: Table, name: str) -> Html:
    rows = (
        tag("tr", *(_field(head, cell(each, 600), place == 0) for place, (head, each) in enumerate(fields)))
        for fields in (zip(given.heads, row, strict=True) for row in given.rows)
    )
    kind = "rows wide" if given.wide else "rows"
    return join(_written(given.caption, given.heads, rows, name, kind), _rest(given.rest))


def _bars(given: Bars, name: str) -> Html:
    most = max((number for _, number, _ in given.items), default=0)
    rows = (
        tag(
            "tr",
            _field(given.heads[0], cell(what), is_first=True),
            _field(given.heads[1], tag("span", text(f"{number:,}"), class_="number"), is_first=False),
            tag("td", bar(number / most if most else 0), class_="bar", role="cell"),
            _field(given.heads[2], cell(more), is_first=False),
        )
        for what, number, more in given.items
    )
    heads = (*given.heads[:2], "", *given.heads[2:])
    return join(_written(given.caption, heads, rows, name, "rows bars"), _rest(given.rest))


def _written(caption: str, heads: Iterable[str], rows: Iterable[Html], name: str, kind: str) -> Html:
    """A table; its roles are named, since a narrow screen shows each row as a list of its fields."""
    named = (
        tag("th", text(head), scope="col", role="columnheader") if head else tag("td", role="cell")
        for head in heads
    )
    table = tag(
        "table",
        tag("caption", text(caption)),
        tag("thead", tag("tr", *named, role="row"), role="rowgroup"),
        tag("tbody", *rows, role="rowgroup"),
        class_=kind,
        role="table",
    )
    return tag("div", table, id=name, class_="table")


def _field(head: str, content: Html, is_first: bool) -> Html:
    said = {"data_label": head}
    if is_first:
        return tag("th", content, scope="row", role="rowheader", **said)
    return tag("td", content, role="cell", **said)


def _timeline(given: Timeline, name: str) -> Html:
    rows = (
        tag(
            "tr",
            tag("th", text(each.label), scope="row", role="rowheader", data_label=given.unit),
            *(
                tag("td", text(f"{number:,}"), class_="number", role="cell", data_label=head)
                for head, number in (
                    ("allowed", each.allowed),
                    ("denied", each.denied),
                    ("observed", each.observed),
                )
            ),
            id=f"{name}-{number}",
        )
        for number, each in enumerate(given.periods)
    )
    heads = (given.unit, "allowed", "denied", "observed")
    table = _written(given.caption, heads, rows, f"{name}-table", "rows numbers-only")
    return tag(
        "figure",
        tag("figcaption", text(given.caption)),
        timeline(given, name),
        tag("details", tag("summary", text("The same as a table")), table),
        _rest(given.rest),
    )


def _heat_map(given: HeatMap, name: str) -> Html:
    heads = (tag("th", tag("span", cell(each)), scope="col") for each in given.columns)
    rows = (
        tag(
            "tr",
            tag("th", cell(Cell(rule, code=True)), scope="row"),
            *(_heat(field, column.link) for field, column in zip(fields, given.columns, strict=True)),
        )
        for rule, fields in given.rows
    )
    table = tag(
        "table",
        tag("caption", text(given.caption), id=f"{name}-caption"),
        tag("thead", tag("tr", tag("th", text("rule"), scope="col"), *heads)),
        tag("tbody", *rows),
        class_="heat",
    )
    legend = (
        tag("li", cell(Cell(said, tone)))
        for tone, said in (
            (Tone.STRICTER, "findings that would deny, and did not"),
            (Tone.LOOSER, "findings that denied, and would not any more"),
        )
    )
    is_open = any(field.unknown for _, fields in given.rows for field in fields)
    unknown = tag("li", text("? what only newer evidence would tell")) if is_open else Html("")
    scrolled = tag(
        "div", table, class_="scroll", tabindex=0, role="region", aria_labelledby=f"{name}-caption"
    )
    return join(scrolled, tag("ul", *legend, unknown, class_="legend"), _rest(given.rest))


def _heat(field: Heat, link: str | None) -> Html:
    parts = [
        (sign, number, said)
        for sign, number, said in (
            ("▲", field.stricter, "stricter"),
            ("▽", field.looser, "looser"),
            ("?", field.unknown, "unknown"),
        )
        if number
    ]
    if not parts:
        return tag("td")
    shown = join(
        *(
            tag(
                "span",
                text(sign if sign == "?" else f"{sign}{number}"),
                tag("span", text(f" {said} "), class_="said"),
            )
            for sign, number, said in parts
        )
    )
    kind = "both" if len(parts) > 1 else parts[0][2]
    level = sum(field.stricter + field.looser >= least for least in _HEAT)
    return tag("td", tag("a", shown, href=link) if link else shown, class_=f"{kind} heat-{level}")


def _folds(given: Folds, name: str) -> Html:
    items = (
        tag(
            "details",
            tag("summary", *(tag("span", cell(each)) for each in item.title)),
            *(block(each, f"{item.name}-{number}") for number, each in enumerate(item.blocks, 1)),
            id=item.name,
        )
        for item in given.items
    )
    return join(tag("div", *items, class_="folds", id=name), _rest(given.rest))


def _rest(said: str) -> Html:
    return tag("p", text(said, 600), class_="rest") if said else Html("")
