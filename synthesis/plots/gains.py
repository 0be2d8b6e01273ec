"""How likely a gain of more than so many months is, as a curve over the months asked for."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedFormatter, FixedLocator

from synthesis.plots.carried import KINDS, require_kinds
from synthesis.plots.cells import as_text, in_sentence, require_columns, require_unique
from synthesis.plots.page import (
    MARGIN,
    Page,
    add_axes,
    open_page,
    put_lines,
    put_text,
    text_width,
    wrap,
)
from synthesis.plots.style import (
    GRID,
    INK,
    MUTED,
    Sheet,
    Width,
    choose_hues,
    find_sheet,
    style_context,
)

GAIN_COLUMNS: tuple[str, ...] = (
    "treatment",
    "treatment_class",
    "reference",
    "delta",
    "p_gain",
    "carried_by",
    "patients",
)

#: More curves than this in one picture cannot be told apart.
MOST = 8

# Share of the width that the names take; in one column they stand below the curves.
_NAMES_SHARE = 0.34
_ASPECT: Mapping[str, float] = {"one-column": 0.74, "two-column": 0.64, "slide": 0.6}
# Heights at which the number of a curve may stand, the first free one is taken.
_LEVELS = (0.5, 0.62, 0.38, 0.74, 0.26, 0.84, 0.16, 0.56, 0.44, 0.68, 0.32, 0.79, 0.21, 0.9, 0.1)
_BADGE = 1.3  # diameter of the white field behind a number, in parts of the type size
# Solid where the contrast rests on something firmer than different studies.
_DASHES: Mapping[str, object] = {KINDS[2]: (0, (4.0, 1.6))}


def plot_gains(
    table: pd.DataFrame,
    *,
    endpoint: str = "os",
    delta: float = 1.0,
    width: Width = "two-column",
    title: str | None = None,
    limit: int = MOST,
    hues: Mapping[str, str] | None = None,
) -> Figure:
    """Draw the probability of a gain of more than so many months over these months.

    A curve a treatment, numbered on the curve and named beside it, in order of the probability at
    `delta`; broken where no report gave both treatment and reference. Where there are more than
    `limit` treatments, those with most patients are drawn and the others counted in words.

    Parameters
    ----------
    table : DataFrame
        Columns `GAIN_COLUMNS`, of one reference; ``delta`` in months, ``p_gain`` from 0 to 1.
    endpoint : str
        os or pfs.
    delta : float
        Months of gain at which the probabilities are printed; one of the table.
    width : str
        one-column (85 mm), two-column (174 mm) or slide (254 mm).
    title : str, optional
        Set above the curves.
    limit : int
        Most treatments drawn.
    hues : mapping of str to str, optional
        Colour of each treatment class, as from `class_hues`.

    Returns
    -------
    Figure
        One Axes, labelled ``gains``.

    Raises
    ------
    ValueError
        If a column is missing, there is no row, a treatment has two values at one delta, `delta`
        is not in the table, the endpoint, the width or a kind of evidence is unknown, or a class
        has no hue.
    """
    require_columns(table, GAIN_COLUMNS, "plot_gains")
    require_unique(table, ("treatment", "delta"), "plot_gains")
    require_kinds(table["carried_by"], "plot_gains")
    if endpoint not in _MEDIANS:
        raise ValueError(f"plot_gains: endpoint is {endpoint!r}; expected one of os, pfs")
    sheet = find_sheet(width)
    hues = choose_hues(hues, table["treatment_class"], "plot_gains")
    curves = _make_curves(table, delta, limit)
    left_over = table["treatment"].nunique() - len(curves)
    reference = as_text(table["reference"].iloc[0])
    plan = _Plan(endpoint, sheet, title, delta, reference, hues, curves, left_over)
    with style_context():
        return _draw(plan)


_MEDIANS: Mapping[str, str] = {
    "os": "median overall survival",
    "pfs": "median progression-free survival",
}


@dataclass(frozen=True)
class _Curve:
    """One treatment, with the probability at the months asked for."""

    treatment: str
    treatment_class: str
    kind: str
    months: np.ndarray
    chance: np.ndarray
    asked: float


@dataclass(frozen=True)
class _Plan:
    endpoint: str
    sheet: Sheet
    title: str | None
    delta: float
    reference: str
    hues: Mapping[str, str]
    curves: tuple[_Curve, ...]
    left_over: int


def _make_curves(table: pd.DataFrame, delta: float, limit: int) -> tuple[_Curve, ...]:
    patients = table.groupby("treatment", sort=False)["patients"].first()
    kept = patients.sort_values(ascending=False, kind="stable").index[:limit]
    curves = []
    for treatment, own in table[table["treatment"].isin(kept)].groupby("treatment", sort=False):
        own = own.sort_values("delta")
        months, chance = own["delta"].to_numpy(float), own["p_gain"].to_numpy(float)
        at = np.flatnonzero(np.isclose(months, delta))
        if at.size == 0:
            raise ValueError(
                f"plot_gains: {treatment} has no value at delta {delta:g}; the table has "
                f"{months[0]:g} to {months[-1]:g}"
            )
        first = own.iloc[0]
        curves.append(
            _Curve(
                str(treatment),
                as_text(first["treatment_class"]),
                as_text(first["carried_by"]),
                months,
                chance,
                float(chance[at[0]]),
            )
        )
    return tuple(sorted(curves, key=lambda curve: -curve.asked))


def _draw(plan: _Plan) -> Figure:
    sheet, size = plan.sheet, plan.sheet.body
    aside = sheet.name != "one-column"
    inner = sheet.width - 2 * MARGIN
    title = wrap(plan.title or "", sheet.title, inner, "bold")
    top = MARGIN + len(title) * 1.4 * sheet.title + (3 if title else 0) + 0.6 * size
    left = MARGIN + 1.5 * size + text_width("0.25", size) + 6
    names_width = (_NAMES_SHARE if aside else 1.0) * sheet.width - MARGIN
    plot_right = sheet.width - MARGIN - (names_width + 8 if aside else 0.6 * size)
    plot_width = plot_right - left
    plot_height = _ASPECT[sheet.name] * plot_width
    axis = 4 + 1.9 * size
    words = _axis_words(plan, plot_width)
    bottom = top + plot_height + axis + len(words) * sheet.pitch
    names = _name_lines(plan, names_width if aside else inner)
    names_top = top if aside else bottom + 6
    names_height = sum(len(lines) * sheet.pitch + 2 for _, lines in names) + 2.4 * size
    foot = wrap(_foot(plan), sheet.small, inner)
    foot_top = max(bottom, names_top + names_height) + 4
    page = open_page(sheet.width, foot_top + len(foot) * 1.3 * sheet.small + MARGIN)
    put_lines(page, MARGIN, MARGIN, title, sheet.title, pitch=1.4 * sheet.title, weight="bold")
    axes = add_axes(page, left, top, plot_width, plot_height)
    axes.set_label("gains")
    _dress(axes, plan)
    _draw_curves(axes, plan, plot_width, plot_height)
    put_lines(
        page,
        (left + plot_right) / 2,
        top + plot_height + axis,
        words,
        size,
        pitch=sheet.pitch,
        align="center",
    )
    page.figure.text(
        MARGIN + 0.6 * size,
        top + plot_height / 2,
        "Probability",
        size=size,
        rotation=90,
        ha="center",
        va="center",
        transform=page.transform,
    )
    _put_names(page, plan, names, plot_right + 8 if aside else MARGIN, names_top)
    put_lines(page, MARGIN, foot_top, foot, sheet.small, pitch=1.3 * sheet.small, color=MUTED)
    return page.figure


def _axis_words(plan: _Plan, width: float) -> tuple[str, ...]:
    words = (
        f"Gain in {_MEDIANS[plan.endpoint]} over {in_sentence(plan.reference)} "
        "of more than so many months"
    )
    size = plan.sheet.body
    lines = math.ceil(text_width(words, size) / (0.9 * width))
    # lines of about one length: no last word alone
    return wrap(words, size, max(1.1 * text_width(words, size) / lines, 0.5 * width))


def _foot(plan: _Plan) -> str:
    kinds = {curve.kind for curve in plan.curves}
    words = []
    if KINDS[2] in kinds:
        words.append("Broken: no report gave both treatment and reference.")
    if kinds - {KINDS[2]}:
        words.append("Solid: at least one report gave both.")
    if plan.left_over:
        noun = "treatment" if plan.left_over == 1 else "treatments"
        words.append(f"Not drawn: {plan.left_over} {noun} with fewer patients.")
    return " ".join(words)


def _dress(axes: Axes, plan: _Plan) -> None:
    months = plan.curves[0].months
    low, high = float(months[0]), float(months[-1])
    axes.set_xlim(low, high)
    axes.set_ylim(0, 1)
    step = 3 if high - low <= 24 else 6
    ticks = np.arange(np.ceil(low / step) * step, high + 1e-9, step)
    axes.xaxis.set_major_locator(FixedLocator(ticks))
    labels = [f"{tick:g}".replace("-", "\N{MINUS SIGN}") for tick in ticks]
    axes.xaxis.set_major_formatter(FixedFormatter(labels))
    shares = np.array([0.0, 0.25, 0.5, 0.75, 1.0])
    axes.yaxis.set_major_locator(FixedLocator(shares))
    axes.yaxis.set_major_formatter(FixedFormatter([f"{share:g}" for share in shares]))
    axes.tick_params(
        length=2.5, width=0.6, pad=1.5, labelsize=plan.sheet.body, color=INK, labelcolor=INK
    )
    axes.grid(color=GRID, linewidth=0.5, linestyle="-")
    for side in ("right", "top"):
        axes.spines[side].set_visible(False)
    asked = axes.axvline(plan.delta, color=INK, lw=0.6, ls=(0, (1.2, 1.6)), zorder=1.5)
    asked.set_gid(f"gains-{plan.endpoint}-asked")


def _draw_curves(axes: Axes, plan: _Plan, width: float, height: float) -> None:
    """Draw the curves, each with its number where no other number stands."""
    size = plan.sheet.body
    low, high = axes.get_xlim()
    places: list[tuple[float, float]] = []
    for number, curve in enumerate(plan.curves, start=1):
        hue = plan.hues[curve.treatment_class]
        (line,) = axes.plot(
            curve.months,
            curve.chance,
            color=hue,
            lw=1.2,
            ls=_DASHES.get(curve.kind, "-"),
            zorder=2,
        )
        line.set_gid(f"gains-{plan.endpoint}-{number}")
        x, y = _free_place(curve, places, (width / (high - low), height), low, size)
        places.append((x, y))
        badge = Line2D(
            [x],
            [y],
            marker="o",
            ls="none",
            ms=_BADGE * size,
            mfc="white",
            mec=hue,
            mew=0.7,
            zorder=4,
        )
        badge.set_clip_on(False)
        badge.set_gid(f"gains-{plan.endpoint}-{number}-badge")
        axes.add_line(badge)
        axes.text(x, y, str(number), size=size, ha="center", va="center_baseline", zorder=5)


def _free_place(
    curve: _Curve,
    taken: Sequence[tuple[float, float]],
    scale: tuple[float, float],
    low: float,
    size: float,
) -> tuple[float, float]:
    """Find a place on a curve for its number, clear of the others; months and probability."""
    apart = 1.15 * _BADGE * size
    best, farthest = (curve.months[0], curve.chance[0]), -1.0
    for level in _LEVELS:
        # the curve falls: turned round it rises, as interpolation asks for
        x = float(np.interp(level, curve.chance[::-1], curve.months[::-1]))
        y = float(np.interp(x, curve.months, curve.chance))
        if (x - low) * scale[0] < size:
            continue  # on the axis itself
        nearest = min(
            (np.hypot((x - a) * scale[0], (y - b) * scale[1]) for a, b in taken), default=np.inf
        )
        if nearest >= apart:
            return x, y
        if nearest > farthest:
            best, farthest = (x, y), float(nearest)
    return best


def _name_lines(plan: _Plan, width: float) -> list[tuple[str, tuple[str, ...]]]:
    """Probability and name of each curve, the name set in lines."""
    size = plan.sheet.body
    room = width - _columns(size)[2]
    return [(_chance(curve.asked), wrap(curve.treatment, size, room)) for curve in plan.curves]


def _chance(share: float) -> str:
    if share >= 0.995:
        return ">0.99"
    return "<0.01" if share < 0.005 else f"{share:.2f}"


def _columns(size: float) -> tuple[float, float, float]:
    """Left edges in points of number, probability and name, from the left of the list."""
    chance = 1.9 * size
    return 0.6 * size, chance, chance + text_width(">0.99", size) + 0.9 * size


def _put_names(
    page: Page,
    plan: _Plan,
    names: Sequence[tuple[str, tuple[str, ...]]],
    left: float,
    top: float,
) -> None:
    sheet, size = plan.sheet, plan.sheet.body
    number_at, chance_at, name_at = _columns(size)
    head = top + 0.65 * size
    put_text(page, left + chance_at, head, f"P(gain > {plan.delta:g} mo)", size, weight="bold")
    y = top + 1.9 * size
    for number, (chance, lines) in enumerate(names, start=1):
        hue = plan.hues[plan.curves[number - 1].treatment_class]
        middle = y + 0.5 * sheet.pitch
        badge = Line2D(
            [left + number_at],
            [middle],
            marker="o",
            ls="none",
            ms=_BADGE * size,
            mfc="white",
            mec=hue,
            mew=0.7,
            transform=page.transform,
        )
        page.figure.add_artist(badge)
        put_text(page, left + number_at, middle, str(number), size, align="center")
        put_text(page, left + chance_at, middle, chance, size)
        y = put_lines(page, left + name_at, y, lines, size, pitch=sheet.pitch) + 2
