"""Figures a journal prints: tidy tables in, matplotlib figures out.

The functions compute nothing and save nothing; `save_figure` is the one writer. Every figure is
a `matplotlib.figure.Figure` made outside pyplot, so that any number can be drawn, and the
settings of the caller are left alone.
"""

from synthesis.plots.benefit import plot_benefit, plot_effects
from synthesis.plots.bias import plot_bias
from synthesis.plots.contrasts import plot_contrasts
from synthesis.plots.curves import plot_curves
from synthesis.plots.forest import plot_forest
from synthesis.plots.funnel import plot_funnel
from synthesis.plots.gains import plot_gains
from synthesis.plots.historical import plot_historical
from synthesis.plots.impact import plot_impact
from synthesis.plots.influence import plot_influence
from synthesis.plots.league import plot_league
from synthesis.plots.network import plot_network
from synthesis.plots.planning import plot_assurance, plot_planned_widths
from synthesis.plots.predictive import plot_predictive
from synthesis.plots.rankogram import plot_ranks
from synthesis.plots.specification import plot_specification
from synthesis.plots.style import STYLE, About, class_hues, save_figure, style_context

__all__ = [
    "STYLE",
    "About",
    "class_hues",
    "plot_assurance",
    "plot_benefit",
    "plot_bias",
    "plot_contrasts",
    "plot_curves",
    "plot_effects",
    "plot_forest",
    "plot_funnel",
    "plot_gains",
    "plot_historical",
    "plot_impact",
    "plot_influence",
    "plot_league",
    "plot_network",
    "plot_planned_widths",
    "plot_predictive",
    "plot_ranks",
    "plot_specification",
    "save_figure",
    "style_context",
]
