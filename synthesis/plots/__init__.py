"""Figures a journal prints: tidy tables in, matplotlib figures out.

The functions compute nothing and save nothing; `save_figure` is the one writer. Every figure is
a `matplotlib.figure.Figure` made outside pyplot, so that any number can be drawn, and the
settings of the caller are left alone.
"""

from synthesis.plots.curves import plot_curves
from synthesis.plots.forest import plot_forest
from synthesis.plots.histology import plot_histology
from synthesis.plots.impact import plot_impact
from synthesis.plots.predictive import plot_predictive
from synthesis.plots.style import STYLE, About, class_hues, save_figure, style_context

__all__ = [
    "STYLE",
    "About",
    "class_hues",
    "plot_curves",
    "plot_forest",
    "plot_histology",
    "plot_impact",
    "plot_predictive",
    "save_figure",
    "style_context",
]
