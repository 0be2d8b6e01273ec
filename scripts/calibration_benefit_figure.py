"""Reliability diagram of gains and ranks: ``tests/reference/benefit_calibration.*``."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from calibration_benefit import EDGES, bins
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from synthesis.plots import style

_PANELS = {"gain": "Gain of more than 0, 1 or 3 months", "rank": "Each rank of each treatment"}
_ERRORS = 1.96


def draw(rows: pd.DataFrame, path: Path) -> None:
    """Write the figure as SVG and PNG.

    Parameters
    ----------
    rows : DataFrame
        :data:`calibration_benefit.COLUMNS`.
    path : Path
        Of the SVG.
    """
    with style.style_context():
        figure = _figure(rows)
        figure.savefig(path, metadata={"Date": None})
        figure.savefig(path.with_suffix(".png"), dpi=200)


def _figure(rows: pd.DataFrame) -> Figure:
    width = style.find_sheet("two-column").width / 72.0
    figure = Figure(figsize=(width, 0.52 * width), layout="constrained")
    axes = figure.subplots(1, len(_PANELS), sharey=True)
    for axis, (kind, title) in zip(axes, _PANELS.items(), strict=True):
        _panel(axis, rows[rows["kind"] == kind], title)
    axes[0].set_ylabel("share that is true")
    return figure


def _panel(axis: Axes, rows: pd.DataFrame, title: str) -> None:
    found = bins(rows, EDGES)
    said = np.array([own.said for own in found])
    true = np.array([own.true for own in found])
    error = _ERRORS * np.array([own.error for own in found])
    axis.plot([0.0, 1.0], [0.0, 1.0], color=style.MUTED, lw=0.8, ls=(0, (4, 3)))
    axis.errorbar(
        said,
        true,
        yerr=error,
        fmt="o",
        ms=4,
        color=style.HUES[0],
        ecolor=style.HUES[0],
        elinewidth=1,
    )
    axis.set_xlim(-0.02, 1.02)
    axis.set_ylim(-0.08, 1.08)
    axis.set_aspect("equal")
    axis.set_xlabel("probability that is said")
    worlds = rows["world"].nunique()
    axis.set_title(f"{title}\n{len(rows)} statements in {worlds} registries", fontsize=7)
