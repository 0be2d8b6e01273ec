"""What follows: models, estimands, questions, figures and the report.

The public names are loaded when they are first used, so that listing and checking studies does
not wait for the sampler.
"""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from synthesis.fits import fit_response, fit_survival
    from synthesis.model.sampler import SamplerSettings
    from synthesis.plots import plot_curves, plot_forest, save_figure
    from synthesis.questions.checks import arviz_tree
    from synthesis.questions.compare import compare
    from synthesis.questions.histology import find_benefit
    from synthesis.questions.impact import impact
    from synthesis.questions.mix import Population, patient_mix
    from synthesis.questions.plan import Design, plan
    from synthesis.questions.pooled.tables import forest_table, pooled
    from synthesis.questions.sensitivity import sensitivity
    from synthesis.run import Analysis, analyse
    from synthesis.settings import Settings

__all__ = [
    "Analysis",
    "Design",
    "Population",
    "SamplerSettings",
    "Settings",
    "analyse",
    "arviz_tree",
    "compare",
    "find_benefit",
    "fit_response",
    "fit_survival",
    "forest_table",
    "impact",
    "patient_mix",
    "plan",
    "plot_curves",
    "plot_forest",
    "pooled",
    "save_figure",
    "sensitivity",
]

_HOME = {
    "Analysis": "synthesis.run",
    "Design": "synthesis.questions.plan",
    "Population": "synthesis.questions.mix",
    "SamplerSettings": "synthesis.model.sampler",
    "Settings": "synthesis.settings",
    "analyse": "synthesis.run",
    "arviz_tree": "synthesis.questions.checks",
    "compare": "synthesis.questions.compare",
    "find_benefit": "synthesis.questions.histology",
    "fit_response": "synthesis.fits",
    "fit_survival": "synthesis.fits",
    "forest_table": "synthesis.questions.pooled.tables",
    "impact": "synthesis.questions.impact",
    "patient_mix": "synthesis.questions.mix",
    "plan": "synthesis.questions.plan",
    "plot_curves": "synthesis.plots",
    "plot_forest": "synthesis.plots",
    "pooled": "synthesis.questions.pooled.tables",
    "save_figure": "synthesis.plots",
    "sensitivity": "synthesis.questions.sensitivity",
}


def shadowed() -> str | None:
    """Say which package that this one needs Python finds elsewhere; None where none is."""
    here = Path(__file__).parents[1]
    for name in ("studies", "priors"):
        spec = find_spec(name)
        found = None if spec is None or spec.origin is None else Path(spec.origin)
        if found is None or here not in found.parents:
            where = "nowhere" if found is None else f"at {found}"
            return (
                f"synthesis needs its own package {name} in {here}, and Python finds one {where}: "
                "rename that one, take it off the path, or install atc-synthesis in a virtual "
                "environment of its own."
            )
    return None


def __getattr__(name: str) -> Any:
    """Load a public name on first use; `ImportError` where other packages shadow what it needs."""
    if name in _HOME:
        if problem := shadowed():
            raise ImportError(problem)
        return getattr(import_module(_HOME[name]), name)
    raise AttributeError(f"module 'synthesis' has no attribute {name!r}")
