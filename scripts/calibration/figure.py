"""Draw coverage and width of every cell of the calibration: ``tests/reference/calibration.*``.

PYTHONPATH=scripts python -m calibration.figure
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter, NullFormatter, NullLocator

from calibration.tables import CSV, LEAST, METHODS, MOST, QUANTITIES, Row, read_rows, where
from synthesis.plots.files import save_figure
from synthesis.plots.style import BAND, GRID, INK, MUTED, POINTS_PER_MM, find_sheet, style_context

_HUES = {
    "order_statistics": "#0072B2",
    "lognormal_ci": "#E69F00",
    "wald_months": "#D55E00",
    "naive": "#CC79A7",
    "stacked": "#009E73",
    "one_wrong_family": "#56B4E9",
    "patients": "#555555",
}
#: Marker of each number of arms, and where its lane lies within a line.
_ARMS = {1: ("o", 0.26), 2: ("D", 0.26), 8: ("^", 0.0), 30: ("s", -0.26)}
_LINE, _HEADING, _TOP, _BOTTOM = 15.0, 13.0, 26.0, 34.0  # points
_LEFT, _GAP, _RIGHT = 128.0, 16.0, 6.0
_COVERAGE, _WIDTH = (0.6, 1.005), (0.75, 2.6)


def draw(rows: Sequence[Row]) -> Figure:
    """Figure of one line a quantity and method: coverage on the left, width on the right."""
    sheet = find_sheet("two-column")
    lines, headings, depth = _layout(rows)
    width, height = sheet.width_mm * POINTS_PER_MM, _TOP + depth + _BOTTOM
    figure = Figure(figsize=(width / 72.0, height / 72.0), layout="none")
    each = (width - _LEFT - _GAP - _RIGHT) / 2.0
    axes = []
    for left in (_LEFT, _LEFT + each + _GAP):
        box = left / width, _BOTTOM / height, each / width, depth / height
        axes.append(figure.add_axes(box))
    _dress(axes[0], axes[1], depth, sheet.small)
    for y, text in headings:
        axes[0].text(
            -_LEFT / each + 0.01, y, text, transform=axes[0].get_yaxis_transform(), va="center",
            fontsize=sheet.body, fontweight="bold",
        )  # fmt: skip
    for y, method, own in lines:
        axes[0].text(
            -0.02, y, METHODS[method], transform=axes[0].get_yaxis_transform(), ha="right",
            va="center", fontsize=sheet.small,
        )  # fmt: skip
        _points(axes[0], y, own, [row.coverage for row in own], _COVERAGE, _HUES[method])
        if method != "patients":
            _points(axes[1], y, own, [row.width_ratio for row in own], _WIDTH, _HUES[method])
    _legend(figure, sheet.small)
    return figure


def _layout(
    rows: Sequence[Row],
) -> tuple[list[tuple[float, str, list[Row]]], list[tuple[float, str]], float]:
    """Lines and headings with their depth below the top of the axes, and the whole depth."""
    lines, headings, y = [], [], 4.0
    for quantity, label in QUANTITIES.items():
        if not where(rows, quantity=quantity):
            continue
        headings.append((y + _HEADING / 2.0, label[0].upper() + label[1:]))
        y += _HEADING
        for method in METHODS:
            own = where(rows, quantity=quantity, method=method)
            if own:
                lines.append((y + _LINE / 2.0, method, own))
                y += _LINE
        y += 3.0
    return lines, headings, y


def _dress(coverage: Axes, width: Axes, depth: float, size: float) -> None:
    for ax in (coverage, width):
        ax.set_ylim(depth, 0.0)
        ax.yaxis.set_major_locator(NullLocator())
        ax.tick_params(labelsize=size, length=2.5, width=0.6)
        ax.grid(axis="x", color=GRID, linewidth=0.4)
        for side in ("left", "right", "top"):
            ax.spines[side].set_visible(False)
    coverage.set_xlim(*_COVERAGE)
    coverage.axvspan(LEAST, MOST, color=BAND, zorder=0)
    coverage.axvline(0.95, color=INK, linewidth=0.6, zorder=1)
    coverage.set_xlabel("Coverage of the 95 % interval", fontsize=size)
    width.set_xscale("log")
    width.set_xlim(*_WIDTH)
    width.xaxis.set_major_locator(FixedLocator([0.8, 1.0, 1.25, 1.5, 2.0, 2.5]))
    width.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:g}"))
    width.xaxis.set_minor_formatter(NullFormatter())
    width.xaxis.set_minor_locator(NullLocator())
    width.axvline(1.0, color=INK, linewidth=0.6, zorder=1)
    width.set_xlabel("Width of the interval, relative to the patients' own", fontsize=size)


def _points(
    ax: Axes, y: float, rows: Sequence[Row], values: Sequence[float], limits: tuple, hue: str
) -> None:
    """One mark a cell in the lane of its number of arms; beyond the axis a wedge at its edge."""
    low, high = limits
    for arms, (marker, lane) in _ARMS.items():
        own = [value for row, value in zip(rows, values, strict=True) if row.arms == arms]
        if not own:
            continue
        at = y - lane * _LINE
        inside = [value for value in own if low <= value <= high]
        # spread within the lane by a fixed sequence: the same figure from the same table
        spread = ((np.arange(len(inside)) * 0.618) % 1.0 - 0.5) * 0.16 * _LINE
        ax.scatter(
            inside, at + spread, s=5.0, marker=marker, facecolor="none", edgecolor=hue,
            linewidth=0.45, zorder=3, clip_on=False,
        )  # fmt: skip
        for beyond, edge, wedge in ((min(own) < low, low, "<"), (max(own) > high, high, ">")):
            if beyond:
                ax.plot(
                    edge, at, marker=wedge, markersize=3.2, color=hue, linestyle="none",
                    clip_on=False, zorder=4,
                )  # fmt: skip
        middle = min(max(statistics.median(own), low), high)
        ax.plot([middle] * 2, [at - 0.13 * _LINE, at + 0.13 * _LINE], color=INK, lw=1.1, zorder=5)


def _legend(figure: Figure, size: float) -> None:
    marks = [
        Line2D([], [], linestyle="none", marker=marker, markersize=3.0, markerfacecolor="none",
               markeredgecolor=MUTED, markeredgewidth=0.6,
               label="one arm" if arms == 1 else f"{arms} arms")
        for arms, (marker, _) in _ARMS.items()
    ]  # fmt: skip
    marks += [
        Line2D([], [], color=INK, lw=1.1, linestyle="none", marker="|", markersize=5.0,
               markeredgewidth=1.1, label="median of the cells"),
        Line2D([], [], color=MUTED, linestyle="none", marker="<", markersize=3.2,
               label="cells beyond the axis"),
        Line2D([], [], color=BAND, lw=5.0, label=f"{LEAST:g}-{MOST:g}"),
    ]  # fmt: skip
    figure.legend(
        handles=marks, loc="upper left", ncols=len(marks), frameon=False, fontsize=size,
        handletextpad=0.4, columnspacing=1.6, borderaxespad=0.4,
    )  # fmt: skip


def main() -> None:
    """Draw the figure from the table and write it beside it, as PNG and SVG."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--table", type=Path, default=CSV)
    parser.add_argument("--out", type=Path, default=CSV.with_suffix(""))
    given = parser.parse_args()
    with style_context():
        figure = draw(read_rows(given.table))
    for path in save_figure(figure, given.out):
        if path.suffix == ".pdf":
            path.unlink()


if __name__ == "__main__":
    main()
