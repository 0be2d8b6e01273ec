"""What studies of more and more patients are expected to conclude, and how narrow intervals get."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from synthesis import numbers
from synthesis.plots import marks, page, rows, style
from synthesis.plots.marks import Brush
from synthesis.plots.page import Scale
from synthesis.plots.style import INK, MIXED, MUTED, POINTS_PER_MM, PURE, Sheet
from synthesis.result import names

ASSURANCE_COLUMNS = names("population n delta p_today assurance assurance_error reliable")
EFFECT_LABELS: Mapping[str, str] = {
    "prognostic": "Under any treatment (prognostic)",
    "predictive": "Further ratio under the treatment (predictive)",
    "ratio": "Under the treatment, both together",
}
WIDTH_COLUMNS: tuple[str, ...] = (
    *("population", "n", "reliable"),
    *(f"{of}_{name}" for of in ("expected_width", "width_today") for name in EFFECT_LABELS),
)

#: Label, hue and mark of each population: neither colour nor mark alone tells them apart.
POPULATIONS: Mapping[str, tuple[str, str, str]] = {
    "all": ("All patients", INK, "square"),
    "pure": ("Pure histology", PURE, "dot"),
    "mixed": ("Mixed histology", MIXED, "diamond"),
}
_DOTTED, _Z = (0, (1.2, 1.6)), 1.96
_WIDTH = "Ratio of medians of mixed to pure tumours: upper over lower end of its 95 % interval"
_RATIOS = (1.2, 1.5, 2, 3, 4, 6, 8, 12, 20, 40, 100)


@style.style_context()
def plot_assurance(
    table: pd.DataFrame, *, width: style.Width = "one-column", title: str | None = None
) -> Figure:
    """Draw the probability that a study concludes a gain, against its number of patients.

    A line a population, with 95 % Monte Carlo limits; dotted, the probability of the gain today.
    One Axes, labelled ``assurance``. The table has the columns `ASSURANCE_COLUMNS`, is of one
    endpoint, treatment, reference and design; `width` and `title` are as of `plot_forest`.
    ValueError if a column is missing, there is no row, two rows are of one population and size, or
    the width or a population is unknown.
    """
    sheet = _checked(table, ASSURANCE_COLUMNS, width, "plot_assurance")
    delta = float(table["delta"].iloc[0])
    months = numbers.months_words(delta)
    words = f"Probability of concluding a gain of more than {months}"
    ticks = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
    y = Scale(0.0, 1.0, ticks, labels=[numbers.decimal(tick, 1) for tick in ticks])
    today = f"P(gain > {months}) today"
    figure, (axes,) = _panels(sheet, title, {"assurance": words}, table, today, y)
    of = table["population"].nunique()
    for place, (name, own) in enumerate(_by_population(table)):
        # limits of populations do not overlap when their sizes stand a little apart
        across = own["n"].to_numpy(float) * 1.03 ** (place - (of - 1) / 2)
        values, hue = own["assurance"], POPULATIONS[name][1]
        low, high = ((values + z * own["assurance_error"]).clip(0.0, 1.0) for z in (-_Z, _Z))
        axes.vlines(across, low, high, color=hue, lw=0.8, zorder=2)
        _draw_line(axes, name, across, values, own["reliable"])
        look = {"color": hue, "lw": 0.9, "ls": _DOTTED, "gid": f"plan-today-{name}"}
        axes.axhline(own["p_today"].iloc[0], zorder=1.5, **look)
    return figure


@style.style_context()
def plot_planned_widths(
    table: pd.DataFrame, *, width: style.Width = "two-column", title: str | None = None
) -> Figure:
    """Draw how narrow intervals of the effects of histology are expected to become.

    A panel an effect, beside or, in one column, below each other, a line a population: upper over
    lower end of the 95 % interval of a ratio of medians of mixed to pure tumours, on a log scale;
    dotted, the same today. An Axes an effect, labelled by it. The table has the columns
    `WIDTH_COLUMNS`, widths those of log ratios; all else is as of `plot_assurance`.
    """
    sheet = _checked(table, WIDTH_COLUMNS, width, "plot_planned_widths")
    widths = table[[name for name in WIDTH_COLUMNS if "width" in name]].to_numpy(float)
    low, high = np.exp(widths.min()) / 1.12, np.exp(widths.max()) * 1.12
    y = Scale(low, high, [ratio for ratio in _RATIOS if low <= ratio <= high], log=True)
    figure, panels = _panels(sheet, title, EFFECT_LABELS, table, "Today", y, _WIDTH)
    for name, axes in zip(EFFECT_LABELS, panels, strict=True):
        today = np.exp(float(table[f"width_today_{name}"].iloc[0]))
        axes.axhline(today, color=MUTED, lw=0.8, ls=_DOTTED, zorder=1.5)
        for population, own in _by_population(table):
            values = np.exp(own[f"expected_width_{name}"].astype(float))
            _draw_line(axes, population, own["n"], values, own["reliable"])
    return figure


def _checked(table: pd.DataFrame, columns: Sequence[str], width: str, what: str) -> Sheet:
    known = {"population": POPULATIONS}
    rows.require(table, columns, what, unique=("population", "n"), known=known)
    return style.find_sheet(width)


def _by_population(table: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    for name in POPULATIONS:
        own = table[table["population"] == name].sort_values("n")
        if len(own):
            yield name, own


def _draw_line(
    axes: Axes, name: str, across: pd.Series, values: pd.Series, reliable: pd.Series
) -> None:
    _, hue, shape = POPULATIONS[name]
    brush = Brush(axes, axes.transData, hue, f"plan-{axes.get_label()}-{name}")
    axes.plot(across, values, color=hue, lw=1.1, zorder=2.5, gid=brush.name)
    for place, (x, y, sure) in enumerate(zip(across, values, reliable, strict=True)):
        marks.put_point(brush, x, y, f"{place}", shape=shape, fill=rows.flag(sure))


def _sizes(table: pd.DataFrame) -> Scale:
    """Numbers of patients, labelled where there is room: an eighth of the range from the next."""
    sizes = sorted(set(table["n"].astype(int)))
    room, kept = math.log(sizes[-1] * 1.5625 / sizes[0]) / 8.0, sizes[-1:]
    for size in reversed(sizes[:-1]):
        if math.log(kept[0] / size) >= room:
            kept.insert(0, size)
    labels = [f"{size:,}" for size in kept]
    return Scale(sizes[0] / 1.25, sizes[-1] * 1.25, kept, log=True, labels=labels)


def _panels(
    sheet: Sheet,
    title: str | None,
    headings: Mapping[str, str],
    table: pd.DataFrame,
    today: str,
    y: Scale,
    lead: str = "",
) -> tuple[Figure, list[Axes]]:
    """A panel a heading, beside or below each other; `lead` says what all of them show."""
    inner = sheet.width - 2 * page.MARGIN
    columns = 1 if sheet.is_narrow else len(headings)
    left = page.text_width("0.0", sheet.text) + 7
    room = (inner - (columns - 1) * 2 * sheet.gap) / columns
    heads = {name: page.wrap(words, sheet.text.bold, room) for name, words in headings.items()}
    above = max(map(len, heads.values())) * sheet.text.pitch + 4
    height = sheet.choose(46, 60, 84) * POINTS_PER_MM
    step = above + height + 3.6 * sheet.body
    frame = page.make_frame(sheet, title, _legend(table, today))
    lead_lines = page.wrap(lead, sheet.text, inner)
    top = frame.top + len(lead_lines) * sheet.text.pitch + (4 if lead_lines else 0)
    paper = frame.open(top + math.ceil(len(headings) / columns) * step)
    page.put_lines(paper, page.MARGIN, frame.top, lead_lines, sheet.text)
    panels, x = [], _sizes(table)
    for place, (name, lines) in enumerate(heads.items()):
        row, column = divmod(place, columns)
        start, upper = page.MARGIN + column * (room + 2 * sheet.gap), top + row * step
        page.put_lines(paper, start, upper, lines, sheet.text.bold)
        at = (start + left, upper + above), (room - left, height)
        panels.append(page.add_axes(paper, *at, name, sheet.text, x, y))
        middle, below = start + left + (room - left) / 2, upper + above + height + 2.3 * sheet.body
        page.put_text(paper, middle, below, "Patients", sheet.text, align="center")
    return paper.figure, panels


def _legend(table: pd.DataFrame, today: str) -> list[page.LegendEntry]:
    looks = (POPULATIONS[name] for name, _ in _by_population(table))
    entries = [(label, marks.estimate_sample(shape, hue)) for label, hue, shape in looks]
    if not all(map(rows.flag, table["reliable"])):
        sample = marks.point_sample(hue=MUTED, fill=False)
        entries.append(("Open mark: weights of draws not reliable", sample))
    return [*entries, (today, _dotted_sample)]


def _dotted_sample(brush: Brush, x: float, y: float) -> None:
    marks.put_line(brush.coloured(MUTED), "", (x - 7, x + 7), y, dashed=True)
