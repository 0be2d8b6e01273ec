"""What studies of more and more patients are expected to conclude, and how narrow intervals get."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from synthesis.plots.cells import as_flag, require_columns, require_unique
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
from synthesis.plots.style import GRID, HUES, INK, MUTED, Sheet, Width, find_sheet, style_context

ASSURANCE_COLUMNS: tuple[str, ...] = (
    "population",
    "n",
    "delta",
    "p_today",
    "assurance",
    "assurance_error",
    "reliable",
)
EFFECT_LABELS: Mapping[str, str] = {
    "prognostic": "Under any treatment (prognostic)",
    "predictive": "Further ratio under the treatment (predictive)",
    "ratio": "Under the treatment, both together",
}
WIDTH_COLUMNS: tuple[str, ...] = (
    "population",
    "n",
    "reliable",
    *(f"expected_width_{name}" for name in EFFECT_LABELS),
    *(f"width_today_{name}" for name in EFFECT_LABELS),
)

# Label, hue and mark of each population: neither colour nor mark alone tells them apart.
_POPULATIONS: Mapping[str, tuple[str, str, str]] = {
    "all": ("All patients", INK, "o"),
    "pure": ("Pure histology", HUES[0], "s"),
    "mixed": ("Mixed histology", HUES[9], "D"),
}
_DOTTED = (0, (1.2, 1.6))
_WIDTH = "Ratio of medians of mixed to pure tumours: upper over lower end of its 95 % interval"
_UNSURE = "Open mark: weights of draws not reliable"
_SETTLED = 0.8
_Z = 1.96
_RATIOS = (1.2, 1.5, 2, 3, 4, 6, 8, 12, 20, 40, 100)
_HEIGHT_MM: Mapping[str, float] = {"one-column": 46, "two-column": 60, "slide": 84}


def plot_assurance(
    table: pd.DataFrame, *, width: Width = "one-column", title: str | None = None
) -> Figure:
    """Draw the probability that a study concludes a gain, against its number of patients.

    A line a population, with 95 % Monte Carlo limits; dotted, the probability of the gain today.

    Parameters
    ----------
    table : DataFrame
        Columns `ASSURANCE_COLUMNS`, of one endpoint, treatment, reference and design.
    width : str
        one-column (85 mm), two-column (174 mm) or slide (254 mm).
    title : str, optional
        Set above the axes.

    Returns
    -------
    Figure
        One Axes, labelled ``assurance``.

    Raises
    ------
    ValueError
        If a column is missing, there is no row, two rows are of one population and size, or the
        width or a population is unknown.
    """
    sheet = _checked(table, ASSURANCE_COLUMNS, width, "plot_assurance")
    delta = float(table["delta"].iloc[0])
    months = f"{delta:g} {'month' if delta == 1.0 else 'months'}".replace("-", "\N{MINUS SIGN}")
    words = f"Probability of concluding a gain of more than {months}"
    entries = [*_entries(table), _dotted(f"P(gain > {months}) today")]
    with style_context():
        page, (axes,) = _panels(sheet, title, [words], entries)
        axes.set_label("assurance")
        _dress(axes, sheet, table["n"])
        axes.set_ylim(0.0, 1.0)
        ticks = (0.0, 0.2, 0.4, 0.6, _SETTLED, 1.0)
        axes.yaxis.set_major_locator(FixedLocator(ticks))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.1f}"))
        for number, (name, own) in enumerate(_by_population(table)):
            places = _spread(own["n"], number, table["population"].nunique())
            values = own["assurance"].to_numpy(float)
            half = _Z * own["assurance_error"].to_numpy(float)
            low, high = np.clip(values - half, 0.0, 1.0), np.clip(values + half, 0.0, 1.0)
            axes.vlines(places, low, high, color=_POPULATIONS[name][1], lw=0.8, zorder=2)
            _draw_line(axes, name, places, values, own["reliable"])
            _draw_today(axes, name, float(own["p_today"].iloc[0]))
    return page.figure


def plot_planned_widths(
    table: pd.DataFrame, *, width: Width = "two-column", title: str | None = None
) -> Figure:
    """Draw how narrow intervals of the effects of histology are expected to become.

    A panel an effect, a line a population: upper over lower end of the 95 % interval of a ratio of
    medians of mixed to pure tumours, on a log scale; dotted, the same today.

    Parameters
    ----------
    table : DataFrame
        Columns `WIDTH_COLUMNS`, of one endpoint, treatment, reference and design; widths are those
        of log ratios.
    width, title
        As in `plot_assurance`; panels stand below each other in one column.

    Returns
    -------
    Figure
        An Axes an effect, labelled by it.

    Raises
    ------
    ValueError
        As `plot_assurance`.
    """
    sheet = _checked(table, WIDTH_COLUMNS, width, "plot_planned_widths")
    names = list(EFFECT_LABELS)
    widths = [f"{kind}_{name}" for kind in ("expected_width", "width_today") for name in names]
    ends = np.exp([table[widths].to_numpy(float).min(), table[widths].to_numpy(float).max()])
    low, high = ends[0] / 1.12, ends[1] * 1.12
    ticks = [ratio for ratio in _RATIOS if low <= ratio <= high]
    with style_context():
        entries = [*_entries(table), _dotted("Today")]
        page, panels = _panels(sheet, title, list(EFFECT_LABELS.values()), entries, _WIDTH)
        for name, axes in zip(names, panels, strict=True):
            axes.set_label(name)
            _dress(axes, sheet, table["n"])
            axes.set_yscale("log")
            axes.set_ylim(low, high)
            axes.yaxis.set_major_locator(FixedLocator(ticks))
            axes.yaxis.set_minor_locator(NullLocator())
            axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
            today = np.exp(float(table[f"width_today_{name}"].iloc[0]))
            axes.axhline(today, color=MUTED, lw=0.8, ls=_DOTTED, zorder=1.5)
            for own_name, own in _by_population(table):
                values = np.exp(own[f"expected_width_{name}"].to_numpy(float))
                _draw_line(axes, own_name, own["n"].to_numpy(float), values, own["reliable"])
    return page.figure


def _checked(table: pd.DataFrame, columns: Sequence[str], width: str, what: str) -> Sheet:
    require_columns(table, columns, what)
    require_unique(table, ("population", "n"), what)
    unknown = [name for name in table["population"].unique() if name not in _POPULATIONS]
    if unknown:
        raise ValueError(
            f"{what}: population is {unknown[0]!r}; expected one of {', '.join(_POPULATIONS)}"
        )
    return find_sheet(width)


def _by_population(table: pd.DataFrame) -> list[tuple[str, pd.DataFrame]]:
    found = []
    for name in _POPULATIONS:
        own = table[table["population"] == name].sort_values("n")
        if len(own):
            found.append((name, own))
    return found


def _spread(sizes: pd.Series, number: int, of: int) -> np.ndarray:
    """Sizes moved apart a little on the log scale, so that limits of populations do not overlap."""
    return sizes.to_numpy(float) * 1.03 ** (number - (of - 1) / 2)


def _draw_line(
    axes: Axes, name: str, places: np.ndarray, values: np.ndarray, reliable: pd.Series
) -> None:
    _, hue, mark = _POPULATIONS[name]
    (line,) = axes.plot(places, values, color=hue, lw=1.1, zorder=2.5)
    line.set_gid(f"plan-{axes.get_label()}-{name}")
    sure = np.array([as_flag(value) for value in reliable])
    for chosen, fill in ((sure, hue), (~sure, "white")):
        axes.plot(
            places[chosen],
            values[chosen],
            ls="none",
            marker=mark,
            ms=3.6,
            mfc=fill,
            mec=hue,
            mew=0.9,
            clip_on=False,
            zorder=3,
        )


def _draw_today(axes: Axes, name: str, value: float) -> None:
    line = axes.axhline(value, color=_POPULATIONS[name][1], lw=0.9, ls=_DOTTED, zorder=1.5)
    line.set_gid(f"plan-today-{name}")


def _dress(axes: Axes, sheet: Sheet, sizes: pd.Series) -> None:
    ticks = sorted(set(sizes.astype(int)))
    axes.set_xscale("log")
    axes.set_xlim(ticks[0] / 1.25, ticks[-1] * 1.25)
    axes.xaxis.set_major_locator(FixedLocator(_apart(ticks)))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.0f}"))
    axes.tick_params(length=2.5, width=0.6, pad=1.5, labelsize=sheet.body)
    axes.grid(color=GRID, linewidth=0.5)
    for side in ("right", "top"):
        axes.spines[side].set_visible(False)


def _apart(ticks: Sequence[int]) -> list[int]:
    """Sizes whose labels have room: those nearer to the last than a seventh of the range go."""
    room = math.log(ticks[-1] * 1.5625 / ticks[0]) / 8.0
    kept = [ticks[-1]]
    for tick in reversed(ticks[:-1]):
        if math.log(kept[0] / tick) >= room:
            kept.insert(0, tick)
    return kept


def _panels(
    sheet: Sheet,
    title: str | None,
    headings: Sequence[str],
    entries: Sequence[LegendEntry],
    lead: str = "",
) -> tuple[Page, list[Axes]]:
    """Page with a panel a heading, beside or below each other, the legend below all.

    ``lead`` says above the panels what all of them show.
    """
    size = sheet.body
    inner = sheet.width - 2 * MARGIN
    columns = 1 if sheet.name == "one-column" else len(headings)
    rows = len(headings) // columns
    left = text_width("0.0", size) + 7
    room = (inner - (columns - 1) * 2 * sheet.gap) / columns
    heads = [wrap(words, size, room) for words in headings]
    deep = max(map(len, heads)) * sheet.pitch + 4
    height = _HEIGHT_MM[sheet.name] * 72 / 25.4
    below = 3.6 * size
    title_lines = wrap(title or "", sheet.title, inner, "bold")
    lead_top = MARGIN + len(title_lines) * 1.4 * sheet.title + (3 if title_lines else 0)
    lead_lines = wrap(lead, size, inner)
    top = lead_top + len(lead_lines) * sheet.pitch + (4 if lead_lines else 0)
    legend = flow_legend(entries, size, inner)
    legend_top = top + rows * (deep + height + below)
    page = open_page(sheet.width, legend_top + len(legend) * legend_pitch(size) + MARGIN)
    put_lines(
        page, MARGIN, MARGIN, title_lines, sheet.title, pitch=1.4 * sheet.title, weight="bold"
    )
    put_lines(page, MARGIN, lead_top, lead_lines, size, pitch=sheet.pitch)
    panels = []
    for number, lines in enumerate(heads):
        x = MARGIN + (number % columns) * (room + 2 * sheet.gap)
        y = top + (number // columns) * (deep + height + below)
        put_lines(page, x, y, lines, size, pitch=sheet.pitch)
        panels.append(add_axes(page, x + left, y + deep, room - left, height))
        middle = x + left + (room - left) / 2
        put_text(page, middle, y + deep + height + 2.3 * size, "Patients", size, align="center")
    put_legend(page, MARGIN, legend_top, legend, size)
    return page, panels


def _entries(table: pd.DataFrame) -> list[LegendEntry]:
    found = [_population_entry(name) for name, _ in _by_population(table)]
    if not all(as_flag(value) for value in table["reliable"]):
        found.append(LegendEntry(_UNSURE, lambda page, x, y: _sample(page, x, y, MUTED, "o", True)))
    return found


def _population_entry(name: str) -> LegendEntry:
    label, hue, mark = _POPULATIONS[name]
    return LegendEntry(label, lambda page, x, y: _sample(page, x, y, hue, mark, False))


def _dotted(text: str) -> LegendEntry:
    def draw(page: Page, x: float, y: float) -> None:
        line = Line2D([x - 7, x + 7], [y, y], color=MUTED, lw=0.9, ls=_DOTTED)
        line.set_transform(page.transform)
        page.figure.add_artist(line)

    return LegendEntry(text, draw)


def _sample(page: Page, x: float, y: float, hue: str, mark: str, is_open: bool) -> None:
    if not is_open:
        line = Line2D([x - 7, x + 7], [y, y], color=hue, lw=1.1, transform=page.transform)
        page.figure.add_artist(line)
    point = Line2D(
        [x],
        [y],
        marker=mark,
        ls="none",
        ms=3.6,
        mfc="white" if is_open else hue,
        mec=hue,
        mew=0.9,
        transform=page.transform,
    )
    page.figure.add_artist(point)
