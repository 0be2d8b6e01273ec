"""A funnel: printed medians over what is expected of them, by their standard error."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from matplotlib.ticker import FixedFormatter, FixedLocator

from synthesis.plots.cells import as_flag, as_number, as_text, require_columns
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
    text_width,
    wrap,
)
from synthesis.plots.samples import Swatch
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

FUNNEL_COLUMNS: tuple[str, ...] = (
    "cohort_label",
    "treatment_class",
    "kind",
    "ratio",
    "standard_error",
    "study_sd",
    "beyond_sampling",
)

# Shape and fill of the mark of each kind of report; a circle holds more ink than a diamond.
_MARKS: Mapping[str, tuple[str, float, bool]] = {
    "retrospective": ("o", 4.4, True),
    "prospective": ("D", 4.2, False),
    "not stated": ("s", 4.0, False),
}
_ASPECT: Mapping[str, float] = {"one-column": 0.95, "two-column": 0.58, "slide": 0.52}
_LIMITS: Mapping[str, object] = {"sampling": (0, (4.0, 2.0)), "studies": (0, (1.0, 1.6))}

# Standard deviations of a normal distribution within which 95 % lie.
_LIMIT = 1.96
_STEPS = (0.05, 0.1, 0.2, 0.25, 0.5, 1.0)
_MOST_TICKS = 6

# A label keeps so many points off the marks, and is tried at these distances from its own.
_CLEAR, _REACHES = 1.5, (4.5, 9.0, 14.0, 20.0)

# Height of a line of a name in parts of the type size; how many lines crossed a name may be worth
# that stands nearer to another mark than to its own.
_PITCH, _ASTRAY = 1.2, 6.0


def plot_funnel(
    table: pd.DataFrame,
    *,
    width: Width = "two-column",
    title: str | None = None,
    hues: Mapping[str, str] | None = None,
) -> Figure:
    """Draw the funnel of printed medians.

    Horizontally the printed median over the expected one, on a log scale, vertically the standard
    error of the log median, 0 on top. Hues tell treatment classes, marks the kind of report.
    Broken lines are the 95 % limits by sampling error alone, dotted ones with the spread of studies
    added; a median outside of the former is named. Nothing is computed but positions.

    Parameters
    ----------
    table : DataFrame
        Columns `FUNNEL_COLUMNS`, one row a printed median: ``ratio`` above zero, ``kind`` is
        retrospective, prospective or not stated, ``study_sd`` the same in every row.
    width : str
        one-column (85 mm), two-column (174 mm) or slide (254 mm).
    title : str, optional
        Set above the plot.
    hues : mapping of str to str, optional
        Colour of each treatment class, as from `class_hues`.

    Returns
    -------
    Figure
        One Axes, labelled ``funnel``.

    Raises
    ------
    ValueError
        If a column is missing, there is no row, a kind or the width is unknown, a number is missing
        or not positive, or a class has no hue.
    """
    require_columns(table, FUNNEL_COLUMNS, "plot_funnel")
    points = tuple(_points(table))
    sheet = find_sheet(width)
    hues = choose_hues(hues, table["treatment_class"], "plot_funnel")
    spread = as_number(table["study_sd"].iloc[0])
    with style_context():
        return _draw(points, spread, sheet, title, hues)


@dataclass(frozen=True)
class _Point:
    """One printed median; `name` is empty where it is not told."""

    ratio: float
    error: float
    kind: str
    treatment_class: str
    name: str


@dataclass(frozen=True)
class _Field:
    """The plot: its place on the page in points and its scales."""

    left: float
    top: float
    width: float
    height: float
    scale: Scale
    deepest: float

    def place(self, ratio: float, error: float) -> tuple[float, float]:
        """Where a value stands, in points from the upper left corner of the plot."""
        span = math.log(self.scale.upper / self.scale.lower)
        across = math.log(ratio / self.scale.lower) / span * self.width
        return across, error / self.deepest * self.height


def _points(table: pd.DataFrame) -> Iterator[_Point]:
    for record in table.to_dict("records"):
        kind, label = as_text(record["kind"]), as_text(record["cohort_label"])
        ratio, error = as_number(record["ratio"]), as_number(record["standard_error"])
        if kind not in _MARKS:
            raise ValueError(
                f"plot_funnel: the kind of {label} is {kind!r}; expected one of {', '.join(_MARKS)}"
            )
        if not (0.0 < ratio < math.inf and 0.0 < error < math.inf):
            raise ValueError(
                f"plot_funnel: ratio and standard error of {label} are {ratio:g} and {error:g}; "
                "expected numbers above zero"
            )
        name = label if as_flag(record["beyond_sampling"]) else ""
        yield _Point(ratio, error, kind, as_text(record["treatment_class"]), name)


def _draw(
    points: Sequence[_Point],
    spread: float,
    sheet: Sheet,
    title: str | None,
    hues: Mapping[str, str],
) -> Figure:
    size, inner = sheet.body, sheet.width - 2 * MARGIN
    titles = wrap(title or "", sheet.title, inner, "bold")
    top = MARGIN + len(titles) * 1.4 * sheet.title + (3 if titles else 0) + 0.8 * size
    left = MARGIN + 1.9 * size + text_width("0.00", size) + 4
    width = sheet.width - MARGIN - left - size
    height = _ASPECT[sheet.name] * width
    field = _fit(points, spread, (left, top, width, height), size)
    unit_top = top + height + 4 + 1.9 * size
    unit = wrap("Printed over expected median (log scale)", size, width)
    legend = flow_legend(_legend(points, hues), sheet.small, inner)
    legend_top = unit_top + len(unit) * sheet.pitch + 4
    foot = wrap(_foot(points), sheet.small, inner)
    foot_top = legend_top + len(legend) * legend_pitch(sheet.small) + 2
    page = open_page(sheet.width, foot_top + len(foot) * 1.3 * sheet.small + MARGIN)
    put_lines(page, MARGIN, MARGIN, titles, sheet.title, pitch=1.4 * sheet.title, weight="bold")
    axes = _open(page, field, size)
    _draw_limits(axes, field, spread)
    for number, point in enumerate(points):
        _put_point(axes, point, hues[point.treatment_class], f"funnel-{number}")
    _put_names(page, field, points, spread, sheet)
    middle = left + width / 2
    put_lines(page, middle, unit_top, unit, size, pitch=sheet.pitch, align="center")
    page.figure.text(
        MARGIN + 0.6 * size,
        top + height / 2,
        "Standard error of the log median",
        size=size,
        color=INK,
        rotation=90,
        ha="center",
        va="center",
        transform=page.transform,
    )
    put_legend(page, MARGIN, legend_top, legend, sheet.small)
    put_lines(page, MARGIN, foot_top, foot, sheet.small, pitch=1.3 * sheet.small, color=MUTED)
    return page.figure


def _fit(
    points: Sequence[_Point], spread: float, box: tuple[float, float, float, float], size: float
) -> _Field:
    """Scales that hold every point, and the limits as far as the axis may reach."""
    deepest = 1.06 * max(point.error for point in points)
    end = math.exp(_LIMIT * math.hypot(deepest, spread))
    scale = ratio_scale([point.ratio for point in points], [end, 1.0 / end], box[2], size)
    return _Field(*box, scale, deepest)


def _open(page: Page, field: _Field, size: float) -> Axes:
    axes = add_axes(page, field.left, field.top, field.width, field.height)
    axes.set_label("funnel")
    apply_scale(axes, field.scale, size, grid=False)
    axes.set_ylim(field.deepest, 0.0)
    step = next((own for own in _STEPS if field.deepest / own <= _MOST_TICKS), float(_STEPS[-1]))
    ticks = [number * step for number in range(int(field.deepest / step) + 1)]
    axes.yaxis.set_major_locator(FixedLocator(ticks))
    axes.yaxis.set_major_formatter(FixedFormatter([f"{tick:g}" for tick in ticks]))
    axes.tick_params(
        axis="y", length=2.5, width=0.6, pad=1.5, labelsize=size, color=INK, labelcolor=INK
    )
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    null = axes.axvline(1.0, color=INK, lw=0.6, zorder=1)
    null.set_gid("funnel-null")
    return axes


def _draw_limits(axes: Axes, field: _Field, spread: float) -> None:
    errors = np.linspace(0.0, field.deepest, 200)
    for name, extra in (("sampling", 0.0), ("studies", spread)):
        reach = _LIMIT * np.hypot(errors, extra)
        for side, sign in (("left", -1.0), ("right", 1.0)):
            (line,) = axes.plot(
                np.exp(sign * reach), errors, color=MUTED, lw=0.8, ls=_LIMITS[name], zorder=1.5
            )
            line.set_gid(f"funnel-{name}-{side}")


def _put_point(axes: Axes, point: _Point, hue: str, gid: str) -> None:
    marker, size, filled = _MARKS[point.kind]
    mark = Line2D(
        [point.ratio],
        [point.error],
        marker=marker,
        ls="none",
        ms=size,
        mec="white" if filled else hue,
        mew=0.4 if filled else 1.0,
        mfc=hue if filled else "white",
        zorder=4,
    )
    mark.set_gid(f"{gid}-{point.kind.replace(' ', '-')}")
    axes.add_line(mark)


# --- Names ---------------------------------------------------------------------------------------

# Left, top, right and bottom in points from the upper left corner of the plot.
_Box = tuple[float, float, float, float]


def _put_names(
    page: Page, field: _Field, points: Sequence[_Point], spread: float, sheet: Sheet
) -> None:
    """Name the points outside of the limits where no mark, name or line is in the way.

    Where a line cannot be avoided it is interrupted by the name; where a mark cannot, the name is
    left out.
    """
    size, taken = sheet.small, []
    for point in points:
        x, y = field.place(point.ratio, point.error)
        half = _MARKS[point.kind][1] / 2 + _CLEAR
        taken.append((x - half, y - half, x + half, y + half))
    for number, point in enumerate(points):
        if not point.name:
            continue
        found = [
            (box, lines, _crosses(field, box, spread))
            for lines in _settings(point.name)
            for box in _candidates(field, point, lines, size)
            if not any(_overlap(box, other) for other in taken)
        ]
        if not found:
            continue
        own, others = taken[number], taken[:number] + taken[number + 1 : len(points)]

        def cost(item: tuple[_Box, tuple[str, ...], int], own=own, others=others) -> float:
            far = _distance(item[0], own)
            astray = any(_distance(item[0], other) < far + _CLEAR for other in others)
            return item[2] + _ASTRAY * astray + far / _REACHES[0]

        box, lines, crosses = min(found, key=cost)
        taken.append(box)
        left, top = field.left + box[0], field.top + box[1]
        if crosses:
            _put_blank(page, (left, top, box[2] - box[0], box[3] - box[1]))
        for row, line in enumerate(lines):
            middle = top + (row + 0.5) * _PITCH * size
            put_text(page, left, middle, line, size, gid=f"funnel-name-{number}-{row}")


def _settings(name: str) -> Iterator[tuple[str, ...]]:
    """A name in one line, and with what stands in brackets in a second one."""
    yield (name,)
    first, bracket, rest = name.partition(" (")
    if bracket:
        yield (first, f"({rest}")


def _candidates(field: _Field, point: _Point, lines: Sequence[str], size: float) -> Iterator[_Box]:
    """Boxes for a name inside the plot, the best first: outwards, inwards, above, below."""
    x, y = field.place(point.ratio, point.error)
    width = max(text_width(line, size) for line in lines)
    half = len(lines) * _PITCH * size / 2
    for reach in _REACHES:
        right, left = (x + reach, y - half), (x - reach - width, y - half)
        corners = [right, left] if point.ratio > 1.0 else [left, right]
        for sign in (1.0, -1.0):
            above = y + sign * (reach + half - 2.0) - half
            starts = (x - width - 2.0, x + 2.0, x - width / 2)
            corners += [(start, above) for start in starts]
        for start, above in corners:
            box = (start, above, start + width, above + 2 * half)
            if box[0] >= 1.0 and box[1] >= 0.0 and box[2] <= field.width and box[3] <= field.height:
                yield box


def _crosses(field: _Field, box: _Box, spread: float) -> int:
    """How many of the lines run through a box."""
    errors = np.linspace(box[1], box[3], 9) / field.height * field.deepest
    curves = [np.ones(errors.size)]
    for extra in (0.0, spread):
        reach = _LIMIT * np.hypot(errors, extra)
        curves += [np.exp(-reach), np.exp(reach)]
    found = 0
    for curve in curves:
        across = [field.place(float(ratio), 0.0)[0] for ratio in curve]
        found += any(box[0] - 1.0 < x < box[2] + 1.0 for x in across)
    return found


def _put_blank(page: Page, box: tuple[float, float, float, float]) -> None:
    left, top, width, height = box
    blank = Rectangle(
        (left - 0.8, top), width + 1.6, height, fc="white", ec="none", transform=page.transform
    )
    blank.set_zorder(2)
    page.figure.add_artist(blank)


def _distance(one: _Box, other: _Box) -> float:
    """Distance in points between two boxes; 0 where they touch."""
    across = max(one[0] - other[2], other[0] - one[2], 0.0)
    return math.hypot(across, max(one[1] - other[3], other[1] - one[3], 0.0))


def _overlap(one: _Box, other: _Box) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


# --- Legend --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Mark:
    """Sample of the mark of a kind of report."""

    kind: str

    def __call__(self, page: Page, x: float, y: float) -> None:
        """Draw the mark."""
        marker, size, filled = _MARKS[self.kind]
        mark = Line2D(
            [x],
            [y],
            marker=marker,
            ls="none",
            ms=size,
            mec=INK,
            mew=0.4 if filled else 1.0,
            mfc=INK if filled else "white",
            transform=page.transform,
        )
        page.figure.add_artist(mark)


@dataclass(frozen=True)
class _Limit:
    """Sample of one of the limits."""

    name: str

    def __call__(self, page: Page, x: float, y: float) -> None:
        """Draw the line."""
        line = Line2D(
            (x - 8, x + 8), (y, y), color=MUTED, lw=0.8, ls=_LIMITS[self.name],
            transform=page.transform,
        )  # fmt: skip
        page.figure.add_artist(line)


def _legend(points: Sequence[_Point], hues: Mapping[str, str]) -> list[LegendEntry]:
    kinds = [kind for kind in _MARKS if any(point.kind == kind for point in points)]
    words = {"not stated": "design not stated"}
    entries = [LegendEntry(words.get(kind, kind), _Mark(kind)) for kind in kinds]
    entries.append(LegendEntry("95% limits, sampling error alone", _Limit("sampling")))
    entries.append(LegendEntry("with the spread of studies", _Limit("studies")))
    classes = dict.fromkeys(point.treatment_class for point in points)
    ordered = [label for label in hues if label in classes]
    return entries + [LegendEntry(label, Swatch(hues[label])) for label in ordered]


def _foot(points: Sequence[_Point]) -> str:
    names = any(point.name for point in points)
    told = (
        " Named where there is room: outside of the limits by sampling error alone."
        if names
        else ""
    )
    return (
        "Expected: median of the average study of the same treatment, histology and kind of "
        f"population, as the other cohorts have it. Right of 1: longer than expected.{told}"
    )
