"""Charts as SVG. What they say stands in a table too, so that nobody needs to see them."""

from __future__ import annotations

from pushpolicy.cli.formats.html.markup import Html, join, tag, text
from pushpolicy.cli.formats.page import Period, Timeline

# In pixels. A column is a link, and never narrower than one has to be (WCAG 2.2, 2.5.8: 24); what is wider
# than the window is scrolled, from its end.
_LEFT, _TOP, _DRAWN, _BOTTOM = 52, 12, 180, 26
_WHOLE, _NARROWEST, _WIDEST = 1040, 28, 60


def bar(share: float) -> Html:
    """A bar of this part of the whole width."""
    drawn = tag("rect", x="0", y="0", width=f"{max(share * 100, 0.5):.2f}", height="10")
    return tag("svg", drawn, viewBox="0 0 100 10", preserveAspectRatio="none", aria_hidden="true")


def timeline(given: Timeline, name: str) -> Html:
    """What was allowed above the line, what was denied below it; what was observed only is hollow.

    Each column is a link to its row in the table, so that the keyboard reaches it.
    """
    column = min(max(_WHOLE // len(given.periods), _NARROWEST), _WIDEST)
    up = max((each.allowed + each.observed for each in given.periods), default=0)
    down = max((each.denied for each in given.periods), default=0)
    scale = _DRAWN / max(up + down, 1)
    zero = _TOP + up * scale
    every = max(1, -(-72 // column))
    columns = (
        _column(each, given.unit, f"#{name}-{number}", number * column + _LEFT, (column, scale, zero))
        for number, each in enumerate(given.periods)
    )
    width, height = _LEFT + column * len(given.periods) + 8, _TOP + _DRAWN + _BOTTOM
    dates = (
        tag("text", text(each.label), x=_LEFT + number * column, y=height - 6)
        for number, each in enumerate(given.periods)
        if number % every == 0 and number + every <= max(len(given.periods), every)
    )
    axis = join(
        _level(zero - up * scale, up, width) if up else Html(""),
        _level(zero + down * scale, down, width) if down else Html(""),
        tag("line", x1=_LEFT - 4, x2=width, y1=f"{zero:.1f}", y2=f"{zero:.1f}", class_="zero"),
    )
    drawing = tag(
        "svg",
        tag("g", axis, *dates, aria_hidden="true"),
        *columns,
        width=width,
        height=height,
        viewBox=f"0 0 {width} {height}",
        role="group",
        aria_label=f"{given.caption}: a column for each {given.unit}",
        class_="timeline",
    )
    legend = (
        tag(
            "li",
            tag("svg", tag("rect", x=1, y=1, width=10, height=10), viewBox="0 0 12 12", aria_hidden="true"),
            text(said),
            class_=kind,
        )
        for kind, said in (
            ("allowed", "allowed (above the line)"),
            ("observed", "observed only (above, hollow)"),
            ("denied", "denied (below the line)"),
        )
    )
    return join(
        tag(
            "div",
            drawing,
            class_="scroll newest",
            tabindex=0,
            role="region",
            aria_label=f"{given.caption}, drawn",
        ),
        tag("ul", *legend, class_="legend"),
    )


def _level(y: float, number: int, width: int) -> Html:
    return join(
        tag("line", x1=_LEFT - 4, x2=width, y1=f"{y:.1f}", y2=f"{y:.1f}", class_="level"),
        tag("text", text(f"{number:,}"), x=_LEFT - 8, y=f"{y + 4:.1f}", class_="end"),
    )


def _column(each: Period, unit: str, link: str, x: int, measures: tuple[int, float, float]) -> Html:
    column, scale, zero = measures
    counts = (("allowed", each.allowed), ("denied", each.denied), ("observed", each.observed))
    said = ", ".join(f"{number} {kind}" for kind, number in counts if number) or "nothing"
    tops = {
        "allowed": zero - each.allowed * scale,
        "observed": zero - (each.allowed + each.observed) * scale,
        "denied": zero,
    }
    bars = (
        tag(
            "rect",
            x=x + 3,
            y=f"{tops[kind]:.1f}",
            width=column - 6,
            height=f"{number * scale:.1f}",
            class_=kind,
        )
        for kind, number in counts
        if number
    )
    reach = tag("rect", x=x, y=_TOP, width=column, height=_DRAWN, class_="reach")
    told = f"{unit} {each.label}: {said}"
    return tag("a", tag("title", text(told)), reach, *bars, href=link, aria_label=told)
