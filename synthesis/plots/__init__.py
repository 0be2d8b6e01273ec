"""Figures a journal prints: tidy tables in, matplotlib figures out.

The functions compute nothing but positions and save nothing; `save_figure` is the one writer.
Every figure is a `matplotlib.figure.Figure` made outside pyplot, so that any number can be drawn,
and the settings of the caller are left alone.
"""

from synthesis.plots.bias import plot_bias, plot_funnel
from synthesis.plots.cases import plot_cases
from synthesis.plots.checks import plot_checks
from synthesis.plots.compare import plot_compare
from synthesis.plots.cumulative import plot_cumulative
from synthesis.plots.curves import plot_curves
from synthesis.plots.digitised import plot_digitised
from synthesis.plots.files import About, save_figure
from synthesis.plots.forest import parts_of, plot_forest
from synthesis.plots.histology import plot_benefit, plot_effects, plot_singles
from synthesis.plots.impact import plot_impact
from synthesis.plots.plan import plot_assurance, plot_planned_widths
from synthesis.plots.pool import plot_pool
from synthesis.plots.sensitivity import plot_specification
from synthesis.plots.style import STYLE, class_hues, style_context

__all__ = [
    "STYLE",
    "About",
    "class_hues",
    "parts_of",
    "plot_assurance",
    "plot_benefit",
    "plot_bias",
    "plot_cases",
    "plot_checks",
    "plot_compare",
    "plot_cumulative",
    "plot_curves",
    "plot_digitised",
    "plot_effects",
    "plot_forest",
    "plot_funnel",
    "plot_impact",
    "plot_planned_widths",
    "plot_pool",
    "plot_singles",
    "plot_specification",
    "save_figure",
    "style_context",
]
