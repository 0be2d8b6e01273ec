"""The words of a forest plot on the page: column headings, headings, rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from matplotlib.patches import Rectangle

from synthesis.plots.forest_rows import (
    CLEAR,
    INDENT,
    Plan,
    Row,
    estimate_weight,
    header_lines,
    n_heading,
)
from synthesis.plots.page import (
    MARGIN,
    Page,
    put_lines,
    put_rule,
    put_text,
    text_width,
    widest,
    wrap,
)
from synthesis.plots.style import BAND, INK, MUTED

# Distance between two lines of a column heading, in parts of the type size.
HEADING_PITCH = 1.22


def make_headings(plan: Plan, axis_title: str) -> dict[str, tuple[str, ...]]:
    """Give the column headings in lines, by column, the plot's included."""
    columns, size = plan.columns, plan.sheet.body
    place = columns.place_style != "none"
    headings = header_lines(columns.stacked, place, plan.percent, plan.level)
    if not columns.stacked:
        headings["n"] = n_heading([row.entry for row in plan.rows])
    width = columns.plot_right - columns.plot_left - 4
    headings["plot"] = wrap(axis_title, size, width, "bold")
    return headings


def draw_header(
    page: Page, plan: Plan, headings: Mapping[str, Sequence[str]], top: float, height: float
) -> None:
    """Set the column headings between two rules, the last lines on one height."""
    columns, size = plan.columns, plan.sheet.body
    pitch = HEADING_PITCH * size
    lefts = {
        "label": (columns.label_left, "left"),
        "place": (columns.place_left, "left"),
        "n": ((columns.n_left + columns.plot_left - plan.sheet.gap) / 2, "center"),
        "plot": ((columns.plot_left + columns.plot_right) / 2, "center"),
        "printed": (columns.printed.left, "left"),
        "estimate": (columns.estimate.left, "left"),
    }
    put_rule(page, MARGIN, page.width - MARGIN, top, 0.8)
    # Where the values stand one above the other, the heading is grey where they are.
    colors = (MUTED, INK) if columns.stacked else (INK, INK)
    for name, lines in headings.items():
        x, align = lefts[name]
        start = top + 2 + height - len(lines) * pitch
        for number, line in enumerate(lines):
            put_text(
                page,
                x,
                start + (number + 0.5) * pitch,
                line,
                size,
                weight="bold",
                color=colors[number] if name == "estimate" else INK,
                align=align,
                gid=f"forest-{plan.endpoint}-head-{name}-{number}",
            )
    put_rule(page, MARGIN, page.width - MARGIN, top + height + 4, 0.5)


def draw_row_text(page: Page, plan: Plan, row: Row, rows_top: float) -> None:
    """Set the words of one row; `rows_top` is where the axes begin on the page."""
    columns, entry, size = plan.columns, row.entry, plan.sheet.body
    top, middle = rows_top + CLEAR + row.top, rows_top + CLEAR + row.middle
    name = f"forest-{plan.endpoint}-row-{entry.index}"
    if entry.level < 2:
        _draw_heading(page, plan, row, top)
        return
    pitch = (0.92 if columns.stacked else 1.0) * plan.sheet.pitch
    start = middle - len(row.label) * pitch / 2
    left = columns.label_left + INDENT
    put_lines(page, left, start, row.label, size, pitch=pitch, gid=f"{name}-label")
    if row.place:
        put_text(page, columns.place_left, middle, row.place, size, gid=f"{name}-place")
    if not columns.stacked and entry.kind == "cohort":
        if entry.n:
            put_text(page, columns.n_right, middle, entry.n, size, align="right", gid=f"{name}-n")
        if entry.events:
            put_text(
                page, columns.n_right, middle, f" ({entry.events})", size, gid=f"{name}-events"
            )
    _draw_values(page, plan, row, middle, pitch)


def _draw_values(page: Page, plan: Plan, row: Row, middle: float, pitch: float) -> None:
    """Set the printed value and the estimate, side by side or one above the other."""
    columns, size = plan.columns, plan.sheet.body
    name = f"forest-{plan.endpoint}-row-{row.entry.index}"
    heights = (len(row.printed) * pitch, len(row.estimate) * pitch)
    if columns.stacked:
        first = middle - sum(heights) / 2
        starts = (first, first + heights[0])
    else:
        starts = (middle - heights[0] / 2, middle - heights[1] / 2)
    parts = (
        ("printed", row.printed, columns.printed, "normal", MUTED if columns.stacked else INK),
        ("estimate", row.estimate, columns.estimate, estimate_weight(row.entry), INK),
    )
    for (part, lines, column, weight, color), start in zip(parts, starts, strict=True):
        x = column.start(lines[0], size, weight) if len(lines) == 1 else column.left
        put_lines(
            page,
            x,
            start,
            lines,
            size,
            pitch=pitch,
            weight=weight,
            color=color,
            gid=f"{name}-{part}",
        )


def _draw_heading(page: Page, plan: Plan, row: Row, top: float) -> None:
    """Set a class or treatment: bold, a band behind the outermost level, a swatch of the hue."""
    sheet, entry = plan.sheet, row.entry
    hue = plan.hues[entry.treatment_class]
    name = f"forest-{plan.endpoint}-row-{entry.index}"
    left = plan.columns.label_left + INDENT
    if entry.level == 0:
        band = Rectangle(
            (MARGIN, top),
            page.width - 2 * MARGIN,
            row.height,
            fc=BAND,
            ec="none",
            transform=page.transform,
            zorder=1,
        )
        page.figure.add_artist(band)
        swatch = Rectangle(
            (MARGIN, top), 1.8, row.height, fc=hue, ec="none", transform=page.transform, zorder=1.1
        )
        page.figure.add_artist(swatch)
    else:
        _clear_grid(page, plan, row, left, top)
    start = top + row.height / 2 - len(row.label) * sheet.pitch / 2
    put_lines(
        page,
        left,
        start,
        row.label,
        sheet.body,
        pitch=sheet.pitch,
        weight="bold",
        gid=f"{name}-label",
    )
    after = left + text_width(row.label[0], sheet.body, "bold") + 0.8 * sheet.body
    room = page.width - MARGIN - after
    if entry.detail and len(row.label) == 1 and text_width(entry.detail, sheet.body) <= room:
        put_text(
            page,
            after,
            top + row.height / 2,
            entry.detail,
            sheet.body,
            color=MUTED,
            gid=f"{name}-class",
        )


def _clear_grid(page: Page, plan: Plan, row: Row, left: float, top: float) -> None:
    """Keep grid lines out of a heading that runs into the plot."""
    right = left + widest(row.label, plan.sheet.body, "bold") + 2
    start = plan.columns.plot_left - 2
    if right <= start:
        return
    patch = Rectangle(
        (start, top),
        right - start,
        row.height,
        fc="white",
        ec="none",
        transform=page.transform,
        zorder=1,
    )
    page.figure.add_artist(patch)
