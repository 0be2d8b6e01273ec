"""League table: every pair of treatments as a shaded cell with its ratio and interval."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from synthesis.plots.carried import KINDS, require_kinds
from synthesis.plots.cells import as_number, as_text, require_columns, require_unique, signs
from synthesis.plots.page import (
    MARGIN,
    LegendEntry,
    Page,
    add_axes,
    flow_legend,
    legend_pitch,
    open_page,
    put_legend,
    put_lines,
    put_text,
    widest,
    wrap,
)
from synthesis.plots.style import INK, MUTED, Sheet, Width, find_sheet, style_context, tint

LEAGUE_COLUMNS: tuple[str, ...] = (
    "treatment",
    "reference",
    "estimate",
    "lower",
    "upper",
    "estimate_text",
    "interval_text",
    "carried_by",
)

# Two hues of one lightness, safe for the colour-blind; the sign is also that of the number.
BETTER, WORSE = "#0072B2", "#D55E00"
# Log ratio, or difference of rates, at which a cell has the full shade, and that shade.
_FULL: Mapping[str, float] = {"ratio": math.log(4.0), "difference": 0.5}
_DEEPEST = 0.6
_LABEL_SHARES: Mapping[str, float] = {"one-column": 0.34, "two-column": 0.25, "slide": 0.24}
#: Type is never smaller than this, in points.
SMALLEST = 6.0
_FRAMES: Mapping[str, tuple[float, object]] = {KINDS[0]: (1.4, "-"), KINDS[1]: (0.8, (0, (2, 1.2)))}


def plot_league(
    table: pd.DataFrame,
    *,
    endpoint: str = "os",
    level: float = 0.95,
    width: Width = "two-column",
    title: str | None = None,
    limit: int | None = None,
) -> Figure:
    """Draw every pair of treatments.

    The cell in the row of one treatment and the column of another holds the contrast of the first
    with the second: above 1 (for response: above 0) the treatment of the row is better. Its
    interval stands below it or, where that has no room, on the other side of the diagonal, the
    lower limit above the upper one. Bold: the interval leaves out no difference. Frames say what
    carries a contrast: solid where patients were allocated at random, broken where one report gave
    both.

    Parameters
    ----------
    table : DataFrame
        Columns `LEAGUE_COLUMNS`, a row for each pair, the better treatment first, in order of
        display. Ratios, for response differences of rates (fractions).
    endpoint : str
        os, pfs or response.
    level : float
        Level of the intervals, for the words below.
    width : str
        one-column (85 mm), two-column (174 mm) or slide (254 mm).
    title : str, optional
        Set above the table.
    limit : int, optional
        Most treatments drawn, the first ones; by default as many as have room for a number.

    Returns
    -------
    Figure
        One Axes, labelled ``league``, in points.

    Raises
    ------
    ValueError
        If a column is missing, there is no row, a pair has two rows or none, or the endpoint, the
        width or a kind of evidence is unknown.
    """
    require_columns(table, LEAGUE_COLUMNS, "plot_league")
    require_unique(table, ("treatment", "reference"), "plot_league")
    require_kinds(table["carried_by"], "plot_league")
    if endpoint not in ("os", "pfs", "response"):
        raise ValueError(
            f"plot_league: endpoint is {endpoint!r}; expected one of os, pfs, response"
        )
    sheet = find_sheet(width)
    with style_context():
        return _draw(_make_plan(table, sheet, endpoint, level, title, limit))


@dataclass(frozen=True)
class _Plan:
    """Everything decided before the first artist is made; lengths in points."""

    sheet: Sheet
    endpoint: str
    level: float
    title: str | None
    treatments: tuple[str, ...]
    labels: tuple[tuple[str, ...], ...]
    pairs: Mapping[tuple[str, str], Mapping[str, object]]
    left: float
    cell: tuple[float, float]
    shows_interval: bool
    size: float
    left_over: int

    @property
    def null(self) -> float:
        return 0.0 if self.endpoint == "response" else 1.0


def _make_plan(
    table: pd.DataFrame,
    sheet: Sheet,
    endpoint: str,
    level: float,
    title: str | None,
    limit: int | None,
) -> _Plan:
    every = tuple(dict.fromkeys([*table["treatment"], *table["reference"]]))
    room = _LABEL_SHARES[sheet.name] * sheet.width
    left = MARGIN + room + 4
    inside = sheet.width - MARGIN - left
    texts = [signs(as_text(text)) for text in table["estimate_text"]]
    limits = [limit for text in table["interval_text"] for limit in _limits(signs(as_text(text)))]
    needed = max(widest(texts, SMALLEST, "bold"), widest(limits, SMALLEST)) + 2.4
    fitting = max(int(inside / needed), 2)
    kept = every[: min(limit or fitting, fitting)]
    pairs = {
        (str(row["treatment"]), str(row["reference"])): row for row in table.to_dict("records")
    }
    _require_pairs(kept, pairs)
    # no wider than a number and its interval want: a table of three needs no whole page
    wide = min(inside / len(kept), 60.0)
    shown = [row for pair, row in pairs.items() if set(pair) <= set(kept)]
    intervals = [signs(as_text(row["interval_text"])) for row in shown]
    size = max(min(sheet.body, sheet.body * 0.94 * wide / max(needed, 1)), SMALLEST)
    shows = widest(intervals, SMALLEST) + 2 <= wide
    labels = tuple(
        wrap(f"{i} {name}", sheet.body, room - 2) for i, name in enumerate(kept, start=1)
    )
    lines = max(len(label) for label in labels)
    tall = max(2.6 * size, lines * sheet.pitch + 2)
    return _Plan(
        sheet,
        endpoint,
        level,
        title,
        kept,
        labels,
        pairs,
        left,
        (wide, tall),
        shows,
        size,
        len(every) - len(kept),
    )


def _require_pairs(
    kept: tuple[str, ...], pairs: Mapping[tuple[str, str], Mapping[str, object]]
) -> None:
    for i, first in enumerate(kept):
        for second in kept[i + 1 :]:
            if (first, second) not in pairs:
                raise ValueError(f"plot_league: no row for {first} against {second}")


def _draw(plan: _Plan) -> Figure:
    sheet = plan.sheet
    inner = sheet.width - 2 * MARGIN
    title = wrap(plan.title or "", sheet.title, inner, "bold")
    top = MARGIN + len(title) * 1.4 * sheet.title + (3 if title else 0)
    head = 1.5 * sheet.body
    count = len(plan.treatments)
    wide, tall = plan.cell
    bottom = top + head + count * tall
    legend = flow_legend(_legend_entries(plan), sheet.small, inner)
    legend_top = bottom + 5
    foot = wrap(_foot(plan), sheet.small, inner)
    foot_top = legend_top + len(legend) * legend_pitch(sheet.small) + 2
    page = open_page(sheet.width, foot_top + len(foot) * 1.3 * sheet.small + MARGIN)
    put_lines(page, MARGIN, MARGIN, title, sheet.title, pitch=1.4 * sheet.title, weight="bold")
    for number in range(1, count + 1):
        x = plan.left + (number - 0.5) * wide
        middle = top + 0.5 * head
        put_text(page, x, middle, str(number), sheet.body, weight="bold", align="center")
    axes = add_axes(page, plan.left, top + head, count * wide, count * tall)
    axes.set_label("league")
    axes.set_xlim(0, count * wide)
    axes.set_ylim(count * tall, 0)
    axes.set_axis_off()
    for i, label in enumerate(plan.labels):
        middle = top + head + (i + 0.5) * tall
        start = middle - len(label) * sheet.pitch / 2
        put_lines(page, MARGIN, start, label, sheet.body, pitch=sheet.pitch)
        _draw_diagonal(axes, plan, i)
        for j in range(i + 1, count):
            pair = plan.pairs[plan.treatments[i], plan.treatments[j]]
            _draw_cell(axes, plan, (i, j), pair)
    put_legend(page, MARGIN, legend_top, legend, sheet.small)
    put_lines(page, MARGIN, foot_top, foot, sheet.small, pitch=1.3 * sheet.small, color=MUTED)
    return page.figure


def _draw_diagonal(axes: Axes, plan: _Plan, i: int) -> None:
    wide, tall = plan.cell
    axes.add_patch(
        Rectangle((i * wide, i * tall), wide, tall, fc=tint(INK, 0.12), ec="white", lw=0.6)
    )
    axes.text(
        (i + 0.5) * wide,
        (i + 0.5) * tall,
        str(i + 1),
        size=plan.size,
        weight="bold",
        ha="center",
        va="center_baseline",
    )


def _draw_cell(axes: Axes, plan: _Plan, place: tuple[int, int], row: Mapping[str, object]) -> None:
    (i, j), (wide, tall) = place, plan.cell
    left, top = j * wide, i * tall
    estimate, lower, upper = (as_number(row[name]) for name in ("estimate", "lower", "upper"))
    cell = Rectangle((left, top), wide, tall, fc=tint(*_shade(plan, estimate)), ec="white", lw=0.6)
    cell.set_gid(f"league-{plan.endpoint}-{i}-{j}")
    axes.add_patch(cell)
    frame = _FRAMES.get(as_text(row["carried_by"]))
    if frame is not None:
        inset = 1.2
        axes.add_patch(
            Rectangle(
                (left + inset, top + inset),
                wide - 2 * inset,
                tall - 2 * inset,
                fc="none",
                ec=INK,
                lw=frame[0],
                ls=frame[1],
                zorder=3,
            )
        )
    clear = lower > plan.null or upper < plan.null
    middle = (left + wide / 2, top + tall / 2)
    above = 0.55 * plan.size if plan.shows_interval else 0.0
    axes.text(
        middle[0],
        middle[1] - above,
        signs(as_text(row["estimate_text"])),
        size=plan.size,
        weight="bold" if clear else "normal",
        ha="center",
        va="center_baseline",
        zorder=4,
    )
    interval = signs(as_text(row["interval_text"]))
    if plan.shows_interval:
        _put_small(axes, middle[0], middle[1] + 0.62 * plan.size, interval)
        return
    # mirrored at the diagonal, one limit above the other
    x, y = (i + 0.5) * wide, (j + 0.5) * tall
    for limit, down in zip(_limits(interval), (-0.55, 0.6), strict=True):
        _put_small(axes, x, y + down * SMALLEST, limit)


def _limits(interval: str) -> tuple[str, str]:
    lower, _, upper = interval.partition(" to " if " to " in interval else "\N{EN DASH}")
    return lower, upper


def _put_small(axes: Axes, x: float, y: float, text: str) -> None:
    axes.text(x, y, text, size=SMALLEST, ha="center", va="center_baseline", color=MUTED, zorder=4)


def _shade(plan: _Plan, estimate: float) -> tuple[str, float]:
    """Give the hue of a cell and its share, the deeper the further from no difference."""
    is_ratio = plan.endpoint != "response"
    far = math.log(estimate) if is_ratio else estimate
    share = min(abs(far) / _FULL["ratio" if is_ratio else "difference"], 1.0)
    return BETTER if far >= 0 else WORSE, _DEEPEST * share


def _legend_entries(plan: _Plan) -> list[LegendEntry]:
    kept = set(plan.treatments)
    shown = [row for pair, row in plan.pairs.items() if set(pair) <= kept]
    kinds = {as_text(row["carried_by"]) for row in shown}
    hues = {"in favour of the row": BETTER, "in favour of the column": WORSE}
    used = {_shade(plan, as_number(row["estimate"]))[0] for row in shown}
    entries = [
        LegendEntry(text, _sample_cell(tint(hue, _DEEPEST / 2), None))
        for text, hue in hues.items()
        if hue in used
    ]
    words = {KINDS[0]: "randomised in one report", KINDS[1]: "both in one report, not randomised"}
    entries += [
        LegendEntry(words[kind], _sample_cell("white", frame))
        for kind, frame in _FRAMES.items()
        if kind in kinds
    ]
    return entries


def _sample_cell(hue: str, frame: tuple[float, object] | None):
    def draw(page: Page, x: float, y: float) -> None:
        thick, dashes = frame or (0.0, "-")
        cell = Rectangle(
            (x - 7, y - 3),
            14,
            6,
            fc=hue,
            ec=INK if frame else "none",
            lw=thick,
            ls=dashes,
            transform=page.transform,
        )
        page.figure.add_artist(cell)

    return draw


def _foot(plan: _Plan) -> str:
    what = "Ratio of medians" if plan.endpoint != "response" else "Difference, percentage points"
    where = "below it"
    if not plan.shows_interval:
        where = "on the other side of the diagonal, the lower limit above the upper one"
    words = [
        f"{what}: row against column, its {100 * plan.level:g}% credible interval {where}; bold "
        "where the interval leaves out no difference."
    ]
    words.append("Treatments by mean rank.")
    if plan.left_over:
        noun = "treatment" if plan.left_over == 1 else "treatments"
        words.append(f"Not drawn: {plan.left_over} {noun} of lower rank.")
    return " ".join(words)
