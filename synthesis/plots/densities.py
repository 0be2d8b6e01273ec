"""Prior and posterior densities over each other, in a strip of a row."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes

from synthesis.plots import marks
from synthesis.plots.scales import Scale
from synthesis.plots.style import INK, tint


def put_densities(
    axes: Axes, own: pd.DataFrame, scale: Scale, strip: tuple[float, float], gid: str
) -> None:
    """Draw prior (broken outline) and posterior (filled) of one quantity, on one vertical scale.

    Parameters
    ----------
    axes : Axes
        Vertical positions are points, downwards.
    own : DataFrame
        Columns ``which`` (prior, posterior), ``x``, ``density`` of one quantity.
    scale : Scale
        Of the axes: what lies beyond it is left out.
    strip : (float, float)
        Top and height of the strip.
    gid : str
        Identifier of the curves, with ``{which}`` in the place of prior or posterior; that of the
        filled area ends in ``-area``.
    """
    peak = float(own["density"].max())
    top, height = strip
    base, most = top + height - 1, height - 4
    for which in ("posterior", "prior"):
        curve = own[(own["which"] == which)].sort_values("x")
        curve = curve[curve["x"].between(scale.lower, scale.upper)]
        if curve.empty:
            continue
        name = gid.format(which=which)
        x = curve["x"].to_numpy(dtype=float)
        y = base - most * curve["density"].to_numpy(dtype=float) / peak
        if which == "posterior":
            area = axes.fill_between(
                x, y, base, fc=tint(INK, marks.AREA_SHARE), ec="none", lw=0, zorder=2
            )
            area.set_gid(f"{name}-area")
        style = "-" if which == "posterior" else (0, (2.5, 1.8))
        (drawn,) = axes.plot(x, y, color=INK, lw=0.9, ls=style, zorder=3)
        drawn.set_gid(name)
