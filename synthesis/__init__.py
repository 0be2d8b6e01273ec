"""What follows: models, estimands, tables, figures and the report.

The public names are loaded when they are first used, so that listing and checking studies does
not wait for the sampler.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from synthesis.fits import fit_response, fit_survival
    from synthesis.model.sampler import SamplerSettings
    from synthesis.plots import plot_curves, plot_forest, save_figure
    from synthesis.questions.pooled import forest_table
    from synthesis.run import Analysis, analyse
    from synthesis.settings import Settings

__all__ = [
    "Analysis",
    "SamplerSettings",
    "Settings",
    "analyse",
    "fit_response",
    "fit_survival",
    "forest_table",
    "plot_curves",
    "plot_forest",
    "save_figure",
]

_HOME = {
    "Analysis": "synthesis.run",
    "SamplerSettings": "synthesis.model.sampler",
    "Settings": "synthesis.settings",
    "analyse": "synthesis.run",
    "fit_response": "synthesis.fits",
    "fit_survival": "synthesis.fits",
    "forest_table": "synthesis.questions.pooled",
    "plot_curves": "synthesis.plots",
    "plot_forest": "synthesis.plots",
    "save_figure": "synthesis.plots",
}


def __getattr__(name: str) -> Any:
    """Load a public name on first use."""
    if name in _HOME:
        return getattr(import_module(_HOME[name]), name)
    raise AttributeError(f"module 'synthesis' has no attribute {name!r}")
