"""The figure of the calibration: differences between rank ECDFs and uniform ones, with bands."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from sbc import bands
from synthesis.plots import style

_COLUMNS = 6
_INSIDE, _OUTSIDE = style.HUES[0], "#D55E00"


def draw(models: dict[str, Any], path: Path) -> None:
    """Write the figure of the models of the reference file."""
    with style.style_context():
        figure = _figure(models)
        figure.savefig(path, dpi=150)
        plt.close(figure)


def _figure(models: dict[str, Any]) -> Figure:
    rows = {name: -(-len(own["quantities"]) // _COLUMNS) for name, own in models.items()}
    height = 0.95 * sum(rows.values()) + 0.55 * len(models)
    figure = plt.figure(
        figsize=(style.find_sheet("two-column").width / 72, height), layout="constrained"
    )
    parts = np.atleast_1d(figure.subfigures(len(models), 1, height_ratios=list(rows.values())))
    for part, (name, own) in zip(parts, models.items(), strict=True):
        part.suptitle(
            f"{name.capitalize()} model: rank ECDF less uniform, {own['replicates']} simulated "
            f"registries, {own['draws']} draws each, 95 % simultaneous bands",
            x=0.01,
            ha="left",
        )
        part.supxlabel("rank of the true value, as a share of the draws", fontsize=5.5)
        axes = part.subplots(rows[name], _COLUMNS, sharex=True, sharey=True, squeeze=False).ravel()
        for axis, (quantity, figures) in zip(axes, own["quantities"].items(), strict=False):
            _panel(axis, quantity, figures, own)
        for axis in axes[len(own["quantities"]) :]:
            axis.set_axis_off()
    return figure


def _panel(axis: Any, quantity: str, figures: dict[str, Any], own: dict[str, Any]) -> None:
    band = bands.band(own["replicates"], own["draws"])
    ranks = np.sort(figures["ranks"])
    ecdf = np.searchsorted(ranks, np.arange(own["draws"]), side="right") / ranks.size
    axis.fill_between(band.z, band.lower - band.z, band.upper - band.z, color=style.GRID, lw=0)
    axis.axhline(0.0, color=style.MUTED, lw=0.5)
    colour = _INSIDE if figures["inside"] else _OUTSIDE
    axis.step(band.z, ecdf - band.z, where="mid", color=colour, lw=0.9)
    name = quantity.replace("_", " ").replace(", first", "")
    axis.set_title(name, fontsize=5.5, pad=2)
    axis.set_xlim(0.0, 1.0)
    axis.set_xticks([0.0, 0.5, 1.0])
    axis.tick_params(labelsize=5, length=2)
