"""Pure against mixed tumours: what was believed, what was printed, what follows."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from synthesis.plots import marks, samples
from synthesis.plots.cells import as_numbers, require_columns, require_unique
from synthesis.plots.densities import put_densities
from synthesis.plots.histology_rows import (
    HEADING_SPACE,
    Block,
    Line,
    fit_blocks,
    make_median_lines,
    make_ratio_lines,
)
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
    wrap,
)
from synthesis.plots.scales import Scale, apply_scale, month_scale, ratio_scale
from synthesis.plots.style import (
    INK,
    MUTED,
    Sheet,
    Width,
    choose_hues,
    find_sheet,
    style_context,
)

DENSITY_COLUMNS: tuple[str, ...] = ("parameter", "label", "which", "x", "density")
RATIO_COLUMNS: tuple[str, ...] = (
    "label",
    "kind",
    "family",
    "estimate",
    "lower",
    "upper",
    "n_pure",
    "n_mixed",
    "p",
)
MEDIAN_COLUMNS: tuple[str, ...] = (
    "treatment",
    "treatment_class",
    "histology",
    "estimate",
    "lower",
    "upper",
    "cohorts",
    "patients",
)

# A density is drawn, and stretches the axis, where it exceeds this share of its peak.
_VISIBLE = 0.01


def plot_histology(
    density: pd.DataFrame,
    ratios: pd.DataFrame,
    medians: pd.DataFrame,
    *,
    width: Width = "two-column",
    title: str | None = None,
    endpoint: str = "overall survival",
    level: float = 0.95,
    hues: Mapping[str, str] | None = None,
) -> Figure:
    """Draw the effect of histology: ratio of medians (A) and medians of both groups (B).

    A holds for each parameter the prior (broken outline) and posterior (filled) density, then
    the ratios that reports printed (open squares, area by patients) and the model's, by
    survival family. B holds for each treatment the predicted medians of pure (open circle) and
    mixed tumours (filled dot). In one column B stands below A. Nothing is computed but
    positions; each density is scaled to the height of its strip.

    Parameters
    ----------
    density : DataFrame
        Columns `DENSITY_COLUMNS`; ``which`` is prior or posterior, ``x`` a ratio of medians
        (mixed to pure), ``density`` per unit of its logarithm, since the axis is logarithmic.
    ratios : DataFrame
        Columns `RATIO_COLUMNS`, in display order; ``kind`` is printed, posterior or prior. May
        be empty. A column ``estimate_text``, where present, is shown as it stands; otherwise
        estimate and interval are shown to two digits. Infinity is drawn as an arrow.
    medians : DataFrame
        Columns `MEDIAN_COLUMNS`, in display order, one row for each treatment and
        ``histology`` (pure, mixed); months. ``estimate_text`` as in `ratios`.
    width : str
        one-column (85 mm), two-column (174 mm) or slide (254 mm).
    title : str, optional
        Set above both parts.
    endpoint : str
        What the medians are of, for the headings.
    level : float
        Level of the model's intervals, for headings and legend.
    hues : mapping of str to str, optional
        Colour of each treatment class, as from `class_hues`.

    Returns
    -------
    Figure
        Two Axes, labelled ``ratio`` and ``medians``.

    Raises
    ------
    ValueError
        If a column is missing, a table that must have rows has none, a treatment and histology
        have two medians, the width is unknown, or a class has no hue.
    """
    require_columns(density, DENSITY_COLUMNS, "plot_histology, density")
    require_columns(ratios, RATIO_COLUMNS, "plot_histology, ratios", may_be_empty=True)
    require_columns(medians, MEDIAN_COLUMNS, "plot_histology, medians")
    require_unique(medians, ("treatment", "histology"), "plot_histology, medians")
    sheet = find_sheet(width)
    hues = choose_hues(hues, medians["treatment_class"], "plot_histology")
    with style_context():
        return _draw(_make_plan(density, ratios, medians, sheet, title, endpoint, level, hues))


@dataclass(frozen=True)
class _Plan:
    """Everything decided before the first artist is made; pairs are (ratios, medians)."""

    sheet: Sheet
    title: str | None
    level: float
    hues: Mapping[str, str]
    blocks: tuple[Block, Block]
    lines: tuple[tuple[Line, ...], tuple[Line, ...]]
    scales: tuple[Scale, Scale]
    density: pd.DataFrame


def _make_plan(
    density: pd.DataFrame,
    ratios: pd.DataFrame,
    medians: pd.DataFrame,
    sheet: Sheet,
    title: str | None,
    endpoint: str,
    level: float,
    hues: Mapping[str, str],
) -> _Plan:
    headings = (
        f"Ratio of median {endpoint}, mixed to pure (above 1: mixed live longer)",
        f"Median {endpoint} of pure and mixed tumours, mean study",
    )
    interval = f"({100 * level:g}% CrI)"
    blocks = fit_blocks(density, ratios, medians, sheet, interval, headings)
    median_lines = make_median_lines(medians, blocks[1], sheet)
    last = median_lines[-1]
    # One above the other, the strips of the densities have no neighbour to match.
    room = last.top + last.height if blocks[1].left > blocks[0].left else 0.0
    return _Plan(
        sheet=sheet,
        title=title,
        level=level,
        hues=hues,
        blocks=blocks,
        lines=(make_ratio_lines(density, ratios, blocks[0], sheet, room), median_lines),
        scales=_fit_scales(density, ratios, medians, blocks, sheet),
        density=density,
    )


def _fit_scales(
    density: pd.DataFrame,
    ratios: pd.DataFrame,
    medians: pd.DataFrame,
    blocks: tuple[Block, Block],
    sheet: Sheet,
) -> tuple[Scale, Scale]:
    peaks = density.groupby(["parameter", "which"])["density"].transform("max")
    visible = density.loc[density["density"] >= _VISIBLE * peaks, "x"]
    widths = [block.plot_right - block.plot_left for block in blocks]
    return (
        ratio_scale(
            as_numbers(ratios["estimate"]),
            [*visible, *as_numbers(ratios["lower"]), *as_numbers(ratios["upper"])],
            widths[0],
            sheet.body,
        ),
        month_scale(
            as_numbers(medians["estimate"]),
            [*as_numbers(medians["lower"]), *as_numbers(medians["upper"])],
            widths[1],
            sheet.body,
        ),
    )


def _draw(plan: _Plan) -> Figure:
    sheet = plan.sheet
    inner = sheet.width - 2 * MARGIN
    title = wrap(plan.title or "", sheet.title, inner, "bold")
    legend = flow_legend(_legend_entries(plan), sheet.small, inner)
    top = MARGIN + len(title) * 1.4 * sheet.title + (3 if title else 0)
    heights = [_block_height(plan, part) for part in (0, 1)]
    side_by_side = plan.blocks[1].left > plan.blocks[0].left
    tops = (top, top if side_by_side else top + heights[0] + 8)
    legend_top = max(start + height for start, height in zip(tops, heights, strict=True)) + 5
    foot_top = legend_top + len(legend) * legend_pitch(sheet.small) + 2
    height = foot_top + 1.3 * sheet.small + MARGIN

    page = open_page(sheet.width, height)
    put_lines(page, MARGIN, MARGIN, title, sheet.title, pitch=1.4 * sheet.title, weight="bold")
    for part, start in enumerate(tops):
        _draw_block(page, plan, part, start)
    put_legend(page, MARGIN, legend_top, legend, sheet.small)
    put_text(
        page,
        MARGIN,
        foot_top + 0.65 * sheet.small,
        _foot_words(plan),
        sheet.small,
        color=MUTED,
    )
    return page.figure


def _rows_offset(plan: _Plan, part: int) -> float:
    """Distance in points from the top of a part to its first row."""
    block, size = plan.blocks[part], plan.sheet.body
    return len(block.heading) * 1.25 * size + block.head_lines * 1.22 * size + 10


def _rows_height(plan: _Plan, part: int) -> float:
    last = plan.lines[part][-1]
    return last.top + last.height + 2


def _block_height(plan: _Plan, part: int) -> float:
    axis = 4 + 2.6 * plan.sheet.body
    return _rows_offset(plan, part) + _rows_height(plan, part) + axis


def _draw_block(page: Page, plan: _Plan, part: int, top: float) -> None:
    """Draw one part: heading, column heads, rows, axis."""
    block, sheet = plan.blocks[part], plan.sheet
    size = sheet.body
    pitch = 1.22 * size
    put_text(page, block.left, top + 0.625 * size, "AB"[part], size, weight="bold")
    head_top = put_lines(
        page, block.left + 1.4 * size, top, block.heading, size, pitch=1.25 * size, weight="bold"
    )
    put_rule(page, block.left, block.right, head_top + 2, 0.8)
    for column in block.columns:
        start = head_top + 4 + (block.head_lines - len(column.head)) * pitch
        put_lines(page, column.left, start, column.head, size, pitch=pitch, weight="bold")
    head_bottom = head_top + 4 + block.head_lines * pitch + 2
    put_rule(page, block.left, block.right, head_bottom, 0.5)

    rows_top = top + _rows_offset(plan, part)
    height = _rows_height(plan, part)
    axes = add_axes(page, block.plot_left, rows_top, block.plot_right - block.plot_left, height)
    axes.set_label(("ratio", "medians")[part])
    _dress(axes, plan, part, height)
    for line in plan.lines[part]:
        _draw_words(page, plan, block, line, rows_top)
        _draw_marks(axes, plan, part, line)
    centre = (block.plot_left + block.plot_right) / 2
    unit = ("Ratio (log scale)", "Months (log scale)")[part]
    put_text(page, centre, rows_top + height + 4 + 1.9 * size, unit, size, align="center")


def _dress(axes: Axes, plan: _Plan, part: int, height: float) -> None:
    axes.set_ylim(height, 0)
    axes.yaxis.set_visible(False)
    axes.set_facecolor("none")
    for side in ("left", "right", "top"):
        axes.spines[side].set_visible(False)
    apply_scale(axes, plan.scales[part], plan.sheet.body)
    if part == 0:
        reference = axes.axvline(1.0, color=INK, lw=0.6, zorder=0.9)
        reference.set_gid("histology-reference")


def _draw_words(page: Page, plan: _Plan, block: Block, line: Line, rows_top: float) -> None:
    """Set label and values of one row."""
    sheet = plan.sheet
    middle = rows_top + line.top + line.height / 2
    if line.kind == "heading":
        # The white space of a heading stands above it.
        middle += HEADING_SPACE / 2
    weight = "bold" if line.kind == "heading" else "normal"
    label_height = len(line.label) * sheet.pitch + len(line.detail) * 1.2 * sheet.small
    below = put_lines(
        page,
        block.left,
        middle - label_height / 2,
        line.label,
        sheet.body,
        pitch=sheet.pitch,
        weight=weight,
    )
    put_lines(
        page, block.left, below, line.detail, sheet.small, pitch=1.2 * sheet.small, color=MUTED
    )
    for column in block.columns[1:]:
        texts = line.texts.get(column.name, ())
        start = middle - len(texts) * sheet.pitch / 2
        for number, text in enumerate(texts):
            x = column.values.start(text, sheet.body)
            put_text(page, x, start + (number + 0.5) * sheet.pitch, text, sheet.body)


def _draw_marks(axes: Axes, plan: _Plan, part: int, line: Line) -> None:
    scale = plan.scales[part]
    middle = line.top + line.height / 2
    name = f"histology-{'ab'[part]}-{line.index}"
    if line.kind == "density":
        _draw_densities(axes, plan, line)
        return
    for number, mark in enumerate(line.marks):
        y = middle + (number - (len(line.marks) - 1) / 2) * plan.sheet.pitch
        hue = plan.hues[line.treatment_class] if line.treatment_class else INK
        brush = marks.Brush(axes, axes.transData, hue, f"{name}-{mark.kind}")
        lower = mark.estimate if math.isnan(mark.lower) else mark.lower
        upper = mark.estimate if math.isnan(mark.upper) else mark.upper
        if math.isnan(lower):
            continue
        if math.isinf(mark.estimate) and math.isnan(mark.lower):
            # Nothing but the arrow: a short shaft shows where it points.
            lower = scale.at_share(0.92)
        span, beyond = scale.clip(lower, upper)
        printed = mark.kind == "printed"
        if span[0] < span[1]:
            marks.put_line(
                brush,
                "interval",
                span,
                y,
                thickness=0.6 if printed else 0.9,
                dashed=mark.kind == "prior",
                ends=(printed and not math.isnan(mark.lower), printed and not math.isnan(upper)),
                arrows=beyond,
            )
        if math.isinf(mark.estimate):
            continue
        if printed:
            marks.put_square(brush, mark.estimate, y, marks.square_side(mark.patients))
        elif mark.kind in ("pure", "prior"):
            marks.put_ring(brush, mark.estimate, y)
        else:
            marks.put_dot(brush, mark.estimate, y)


def _draw_densities(axes: Axes, plan: _Plan, line: Line) -> None:
    """Draw prior and posterior of one parameter over each other, on one vertical scale."""
    own = plan.density[plan.density["parameter"] == line.parameter]
    gid = f"histology-{{which}}-{line.index}"
    put_densities(axes, own, plan.scales[0], (line.top, line.height), gid)


def _legend_entries(plan: _Plan) -> list[LegendEntry]:
    interval = f"{100 * plan.level:g}% CrI"
    entries = [
        LegendEntry("A: prior density", samples.sample_prior_outline),
        LegendEntry("A: posterior density", samples.sample_area),
    ]
    kinds = {mark.kind for line in plan.lines[0] for mark in line.marks}
    if "printed" in kinds:
        entries.append(LegendEntry("A: printed ratio (area by n)", samples.sample_square))
    if "posterior" in kinds:
        entries.append(LegendEntry(f"A: posterior, {interval}", samples.sample_model))
    if "prior" in kinds:
        entries.append(LegendEntry(f"A: prior, {interval}", samples.sample_prior))
    entries.append(LegendEntry(f"B: pure, {interval}", samples.sample_ring))
    entries.append(LegendEntry(f"B: mixed, {interval}", samples.sample_model))
    classes = dict.fromkeys(line.treatment_class for line in plan.lines[1])
    entries += [LegendEntry(label, samples.Swatch(plan.hues[label])) for label in classes]
    return entries


def _foot_words(plan: _Plan) -> str:
    """Explain the abbreviations in use."""
    texts = [text for lines in plan.lines for line in lines for text in line.all_texts]
    reached = "; NR, not reached" if any("NR" in text for text in texts) else ""
    return f"CrI, credible interval{reached}."
