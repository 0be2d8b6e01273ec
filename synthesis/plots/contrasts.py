"""Forest of contrasts: every treatment against the reference, and what carries each answer."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import FixedFormatter

from synthesis.plots import marks, samples
from synthesis.plots.carried import contrast_entries, put_contrast, require_kinds
from synthesis.plots.cells import (
    as_flag,
    as_number,
    as_text,
    in_sentence,
    require_columns,
    require_unique,
    signs,
)
from synthesis.plots.forest_rows import ValueColumn, fit_values
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
    put_rule,
    put_text,
    text_width,
    widest,
    wrap,
)
from synthesis.plots.scales import Scale, apply_scale, ratio_scale
from synthesis.plots.style import (
    INK,
    MUTED,
    Sheet,
    Width,
    choose_hues,
    find_sheet,
    style_context,
)

CONTRAST_COLUMNS: tuple[str, ...] = (
    "treatment",
    "treatment_class",
    "estimate",
    "lower",
    "upper",
    "estimate_text",
    "gain_text",
    "p_text",
    "carried_by",
    "cohorts",
    "patients",
    "is_reference",
)

_LABEL_SHARES: Mapping[str, float] = {"one-column": 0.31, "two-column": 0.27, "slide": 0.27}
_CLEAR, _BETWEEN, _AXIS_ROOM = 3.0, 2.4, 4.0
_INDENT = 5.0
_MINUS = "\N{MINUS SIGN}"
# Points of per cent that an axis of response may show, and where it has ticks.
_PERCENT_TICKS = (-100, -75, -50, -25, 0, 25, 50, 75, 100)


def plot_contrasts(
    table: pd.DataFrame,
    *,
    endpoint: str = "os",
    delta: float = 1.0,
    level: float = 0.95,
    width: Width = "two-column",
    title: str | None = None,
    hues: Mapping[str, str] | None = None,
) -> Figure:
    """Draw every treatment against the reference.

    A row a treatment: its cohorts and patients, the contrast with its interval, the same in
    words, the gain in months, and the probability of a gain of more than `delta`. The shape of
    the mark says what carries the contrast. Nothing is computed but positions.

    Parameters
    ----------
    table : DataFrame
        Columns `CONTRAST_COLUMNS`, in display order; estimates are ratios of medians, for
        response differences of rates (fractions). The row of the reference has ``is_reference``
        and no texts.
    endpoint : str
        os, pfs or response.
    delta : float
        Months of gain, for the heading.
    level : float
        Level of the intervals, for headings and legend.
    width : str
        one-column (85 mm), two-column (174 mm) or slide (254 mm). In one column cohorts and the
        gain in months are left out.
    title : str, optional
        Set above the columns.
    hues : mapping of str to str, optional
        Colour of each treatment class, as from `class_hues`.

    Returns
    -------
    Figure
        One Axes, labelled ``contrasts``.

    Raises
    ------
    ValueError
        If a column is missing, there is no row, two rows are of one treatment, the endpoint, the
        width or a kind of evidence is unknown, or a class has no hue.
    """
    require_columns(table, CONTRAST_COLUMNS, "plot_contrasts")
    require_unique(table, ("treatment",), "plot_contrasts")
    require_kinds(table["carried_by"], "plot_contrasts")
    if endpoint not in ("os", "pfs", "response"):
        raise ValueError(
            f"plot_contrasts: endpoint is {endpoint!r}; expected one of os, pfs, response"
        )
    sheet = find_sheet(width)
    hues = choose_hues(hues, table["treatment_class"], "plot_contrasts")
    with style_context():
        return _draw(_make_plan(table, sheet, endpoint, delta, level, title, hues))


@dataclass(frozen=True)
class _Row:
    """One treatment; `top` and `height` in points below the first row."""

    label: tuple[str, ...]
    counts: str
    estimate: tuple[float, float, float]
    texts: Mapping[str, str]
    kind: str
    treatment_class: str
    is_reference: bool
    top: float
    height: float

    @property
    def middle(self) -> float:
        return self.top + self.height / 2


@dataclass(frozen=True)
class _Column:
    """A column of text with its heading in lines."""

    name: str
    head: tuple[str, ...]
    values: ValueColumn


@dataclass(frozen=True)
class _Plan:
    """Everything decided before the first artist is made."""

    endpoint: str
    sheet: Sheet
    title: str | None
    level: float
    hues: Mapping[str, str]
    reference: str
    rows: tuple[_Row, ...]
    columns: tuple[_Column, ...]
    plot_left: float
    plot_right: float
    scale: Scale
    legend: tuple[LegendEntry, ...]

    @property
    def is_ratio(self) -> bool:
        return self.endpoint != "response"

    @property
    def height(self) -> float:
        last = self.rows[-1]
        return last.top + last.height + _CLEAR

    @property
    def head_lines(self) -> int:
        return max(len(column.head) for column in self.columns)


def _make_plan(
    table: pd.DataFrame,
    sheet: Sheet,
    endpoint: str,
    delta: float,
    level: float,
    title: str | None,
    hues: Mapping[str, str],
) -> _Plan:
    records = table.to_dict("records")
    columns, left, right = _fit_columns(records, sheet, endpoint, delta, level)
    rows = _make_rows(records, sheet)
    reference = next((" ".join(row.label) for row in rows if row.is_reference), "the reference")
    kinds = [row.kind for row in rows if not row.is_reference]
    classes = dict.fromkeys(row.treatment_class for row in rows)
    legend = [*contrast_entries(kinds)]
    scale = _fit_scale(rows, right - left, sheet, endpoint)
    if any(any(scale.clip(*row.estimate[1:])[1]) for row in rows if not row.is_reference):
        legend.append(LegendEntry("goes on beyond the axis", samples.sample_arrow))
    legend += [LegendEntry(label, samples.Swatch(hues[label])) for label in classes]
    return _Plan(
        endpoint,
        sheet,
        title,
        level,
        hues,
        reference,
        rows,
        columns,
        left,
        right,
        scale,
        tuple(legend),
    )


def _heads(endpoint: str, delta: float, level: float, sheet: Sheet) -> dict[str, tuple[str, ...]]:
    interval = f"({100 * level:g}% CrI)"
    estimate = ("Ratio of medians", interval)
    if endpoint == "response":
        estimate = ("Difference in", f"points {interval}")
    heads = {"estimate_text": estimate}
    if endpoint != "response":
        if sheet.name != "one-column":
            heads["gain_text"] = ("Longer by, months", interval)
        heads["p_text"] = ("P(gain", f">{delta:g} mo)")
    return heads


def _fit_columns(
    records: Sequence[Mapping[str, object]],
    sheet: Sheet,
    endpoint: str,
    delta: float,
    level: float,
) -> tuple[tuple[_Column, ...], float, float]:
    """Measure the text and divide the width: columns, and both ends of the plot."""
    size, gap = sheet.body, sheet.gap if sheet.name != "one-column" else 3.0
    labels = [as_text(record["treatment"]) for record in records]
    label_width = min(widest(labels, size) + _INDENT, _LABEL_SHARES[sheet.name] * sheet.width)
    treatment = _Column("treatment", ("Treatment",), ValueColumn(MARGIN, label_width, 0.0))
    left = [treatment]
    edge = MARGIN + label_width + gap
    if sheet.name != "one-column":
        head = ("Cohorts", "(patients)")
        fitted = fit_values([_counts(record) for record in records], head, size)
        left.append(_Column("counts", head, replace(fitted, left=edge)))
        edge += fitted.width + gap
    right, end = [], sheet.width - MARGIN
    for name, head in reversed(_heads(endpoint, delta, level, sheet).items()):
        fitted = _fit_signed([as_text(record[name]) for record in records], head, size)
        end -= fitted.width
        right.append(_Column(name, head, replace(fitted, left=end)))
        end -= gap
    return (*left, *reversed(right)), edge + 2, end - 4


def _counts(record: Mapping[str, object]) -> str:
    return f"{as_text(record['cohorts'])} ({as_text(record['patients'])})"


def _make_rows(records: Sequence[Mapping[str, object]], sheet: Sheet) -> tuple[_Row, ...]:
    rows, top = [], _CLEAR
    width = _LABEL_SHARES[sheet.name] * sheet.width - _INDENT
    for record in records:
        label = wrap(as_text(record["treatment"]), sheet.body, width)
        height = len(label) * sheet.pitch + _BETWEEN
        numbers = [as_number(record[name]) for name in ("estimate", "lower", "upper")]
        texts = {
            name: signs(as_text(record[name])) for name in ("estimate_text", "gain_text", "p_text")
        }
        rows.append(
            _Row(
                label,
                _counts(record),
                (numbers[0], numbers[1], numbers[2]),
                texts,
                as_text(record["carried_by"]),
                as_text(record["treatment_class"]),
                as_flag(record["is_reference"]),
                top,
                height,
            )
        )
        top += height
    return tuple(rows)


def _fit_signed(texts: Sequence[str], head: tuple[str, ...], size: float) -> ValueColumn:
    """Fit a column of figures of which some have a minus sign before them."""
    shown = [signs(text) for text in texts]
    fitted = fit_values([text.removeprefix(_MINUS) for text in shown], head, size)
    sign = text_width(_MINUS, size) if any(text.startswith(_MINUS) for text in shown) else 0.0
    widest_head = widest(head, size, "bold")
    return ValueColumn(0.0, max(fitted.width + sign, widest_head), fitted.point + sign)


def _start(column: ValueColumn, text: str, size: float) -> float:
    """Where a figure begins so that points stand below each other, signs before them."""
    sign = text_width(_MINUS, size) if text.startswith(_MINUS) else 0.0
    return column.start(text.removeprefix(_MINUS), size) - sign


def _fit_scale(rows: Sequence[_Row], width: float, sheet: Sheet, endpoint: str) -> Scale:
    inside = [row.estimate[0] for row in rows]
    ends = [end for row in rows for end in row.estimate[1:]]
    if endpoint != "response":
        return ratio_scale(inside, ends, width, sheet.body)
    known = [100 * value for value in (*inside, *ends, -0.25, 0.25) if math.isfinite(value)]
    low = max(tick for tick in _PERCENT_TICKS if tick <= min(known))
    high = min(tick for tick in _PERCENT_TICKS if tick >= max(known))
    ticks = tuple(t for t in _PERCENT_TICKS if low <= t <= high)
    if len(ticks) * 3.2 * sheet.body > width:
        ticks = tuple(t for t in ticks if t % 50 == 0)
    return Scale(low, high, ticks, log=False)


def _draw(plan: _Plan) -> Figure:
    sheet, size = plan.sheet, plan.sheet.body
    inner = sheet.width - 2 * MARGIN
    title = wrap(plan.title or "", sheet.title, inner, "bold")
    top = MARGIN + len(title) * 1.4 * sheet.title + (3 if title else 0)
    head_pitch = 1.22 * size
    rows_top = top + 4 + plan.head_lines * head_pitch + 3
    axis = _AXIS_ROOM + 2.6 * size
    directions = _directions(plan)
    unit_top = rows_top + plan.height + axis
    legend_top = unit_top + len(directions) * sheet.pitch + 5
    legend = flow_legend(plan.legend, sheet.small, inner)
    foot_top = legend_top + len(legend) * legend_pitch(sheet.small) + 2
    page = open_page(sheet.width, foot_top + 1.3 * sheet.small + MARGIN)
    put_lines(page, MARGIN, MARGIN, title, sheet.title, pitch=1.4 * sheet.title, weight="bold")
    put_rule(page, MARGIN, page.width - MARGIN, top + 1, 0.8)
    for column in plan.columns:
        start = top + 4 + (plan.head_lines - len(column.head)) * head_pitch
        put_lines(
            page, column.values.left, start, column.head, size, pitch=head_pitch, weight="bold"
        )
    put_rule(page, MARGIN, page.width - MARGIN, rows_top - 1, 0.5)
    width = plan.plot_right - plan.plot_left
    axes = add_axes(page, plan.plot_left, rows_top, width, plan.height)
    axes.set_label("contrasts")
    _dress(axes, plan)
    for number, row in enumerate(plan.rows):
        _draw_words(page, plan, row, rows_top)
        _draw_mark(axes, plan, row, number)
    centre = (plan.plot_left + plan.plot_right) / 2
    unit = "Ratio of medians (log scale)" if plan.is_ratio else "Percentage points"
    put_text(page, centre, rows_top + plan.height + 4 + 1.9 * size, unit, size, align="center")
    put_lines(
        page,
        centre,
        unit_top + 2,
        directions,
        sheet.small,
        pitch=sheet.pitch,
        align="center",
        color=MUTED,
    )
    put_legend(page, MARGIN, legend_top, legend, sheet.small)
    foot = "CrI, credible interval; mo, months." if plan.is_ratio else "CrI, credible interval."
    put_text(page, MARGIN, foot_top + 0.65 * sheet.small, foot, sheet.small, color=MUTED)
    return page.figure


def _directions(plan: _Plan) -> tuple[str, ...]:
    """Say on which side of the line the treatment is better."""
    better = {"os": "longer survival", "pfs": "longer without progression"}
    what = better.get(plan.endpoint, "more respond")
    words = f"to the right: {what} than with {in_sentence(plan.reference)}"
    width = min(2 * (plan.sheet.width - MARGIN - (plan.plot_left + plan.plot_right) / 2), 240.0)
    return wrap(words, plan.sheet.small, max(width, text_width("progression than with", 8)))


def _dress(axes: Axes, plan: _Plan) -> None:
    axes.set_ylim(plan.height, 0)
    axes.yaxis.set_visible(False)
    axes.set_facecolor("none")
    for side in ("left", "right", "top"):
        axes.spines[side].set_visible(False)
    apply_scale(axes, plan.scale, plan.sheet.body)
    labels = [signs(label) for label in plan.scale.labels]
    axes.xaxis.set_major_formatter(FixedFormatter(labels))
    null = axes.axvline(1.0 if plan.is_ratio else 0.0, color=INK, lw=0.6, zorder=0.9)
    null.set_gid(f"contrasts-{plan.endpoint}-null")


def _draw_words(page: Page, plan: _Plan, row: _Row, rows_top: float) -> None:
    sheet, size = plan.sheet, plan.sheet.body
    middle = rows_top + row.middle
    stripe = Rectangle(
        (MARGIN, rows_top + row.top + 0.6),
        1.8,
        row.height - 1.2,
        fc=plan.hues[row.treatment_class],
        ec="none",
        transform=page.transform,
    )
    page.figure.add_artist(stripe)
    for column in plan.columns:
        if column.name == "treatment":
            start = middle - len(row.label) * sheet.pitch / 2
            left = MARGIN + _INDENT
            put_lines(page, left, start, row.label, size, pitch=sheet.pitch)
            continue
        text = row.counts if column.name == "counts" else row.texts[column.name]
        if row.is_reference and column.name == "estimate_text":
            put_text(page, column.values.left, middle, "reference", size, color=MUTED)
        else:
            put_text(page, _start(column.values, text, size), middle, text, size)


def _draw_mark(axes: Axes, plan: _Plan, row: _Row, number: int) -> None:
    if row.is_reference:
        return
    factor = 1.0 if plan.is_ratio else 100.0
    estimate, lower, upper = (factor * value for value in row.estimate)
    hue = plan.hues[row.treatment_class]
    brush = marks.Brush(axes, axes.transData, hue, f"contrasts-{plan.endpoint}-{number}")
    span, beyond = plan.scale.clip(lower, upper)
    marks.put_line(brush, "interval", span, row.middle, arrows=beyond)
    put_contrast(brush, estimate, row.middle, row.kind)
