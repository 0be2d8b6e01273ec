"""Judging a fit: PASS, REVIEW or FAIL, with what is wrong and what to do.

Limits follow Vehtari et al. 2021 (doi 10.1214/20-BA1221) and Betancourt 2016 (arXiv 1604.00695):
rank-normalised R-hat below 1.01, bulk and tail effective sizes above 400, no divergence, and an
energy fraction (E-FMI) above 0.3. R-hat and effective size come first: a chain can be stuck
without a single divergence.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Literal

import numpy as np
from arviz import bfmi, ess, rhat
from xarray import Dataset, DataTree

Verdict = Literal["PASS", "REVIEW", "FAIL"]

RHAT_PASS, RHAT_FAIL = 1.01, 1.05
ESS_PASS, ESS_FAIL = 400.0, 100.0
DIVERGENT_SHARE_FAIL = 0.01
BFMI_PASS = 0.3


@dataclass(frozen=True)
class Diagnosis:
    """What the sampler's draws are worth.

    Attributes
    ----------
    verdict : {"PASS", "REVIEW", "FAIL"}
    max_rhat : float
        Largest rank-normalised split R-hat of any parameter, which ``worst_parameter`` names.
    min_ess_bulk, min_ess_tail : float
        Smallest effective sizes of any parameter.
    divergences : int
    min_bfmi : float
        Smallest energy fraction of any chain.
    draws, chains : int
    advice : str
        What does not pass and what to do; empty for PASS.
    """

    verdict: Verdict
    max_rhat: float
    worst_parameter: str
    min_ess_bulk: float
    min_ess_tail: float
    divergences: int
    min_bfmi: float
    draws: int
    chains: int
    advice: str

    @property
    def has_enough_draws(self) -> bool:
        """Whether chains agree and the effective sizes suffice."""
        least = min(self.min_ess_bulk, self.min_ess_tail)
        return self.max_rhat < RHAT_PASS and least > ESS_PASS


def diagnose(tree: DataTree) -> Diagnosis:
    """Judge the draws of one fit.

    Parameters
    ----------
    tree : DataTree
        Groups ``posterior`` and ``sample_stats`` (``diverging``, ``energy``). Quantities that do
        not vary (a share that is printed) are not judged.
    """
    posterior = tree["posterior"].to_dataset()
    with warnings.catch_warnings():
        # a printed share is constant: its R-hat is 0/0 and is dropped below
        warnings.filterwarnings("ignore", "invalid value", RuntimeWarning)
        convergence = _flat(rhat(posterior))
    judged = {name for name, value in convergence.items() if np.isfinite(value)}
    bulk, tail = (_flat(ess(posterior, method=method)) for method in ("bulk", "tail"))
    worst = max(judged, key=convergence.__getitem__)
    stats = tree["sample_stats"].to_dataset()
    chains, draws = stats["diverging"].shape
    figures = {
        "max_rhat": convergence[worst],
        "min_ess_bulk": min(bulk[name] for name in judged),
        "min_ess_tail": min(tail[name] for name in judged),
        "divergences": int(stats["diverging"].sum()),
        "min_bfmi": float(bfmi(tree)["energy"].min()),
    }
    verdict, advice = _judge(figures, chains * draws)
    return Diagnosis(
        verdict=verdict,
        worst_parameter=worst,
        draws=draws,
        chains=chains,
        advice=advice,
        **figures,
    )


def _flat(values: Dataset) -> dict[str, float]:
    """Each scalar under its name with coordinates, ``study_effect[sparano2021]``."""
    flat = {}
    for name, array in values.data_vars.items():
        for index in np.ndindex(array.shape):
            where = [str(array[d].to_numpy()[i]) for d, i in zip(array.dims, index, strict=True)]
            flat[f"{name}[{', '.join(where)}]" if where else str(name)] = float(
                array.to_numpy()[index]
            )
    return flat


def _judge(figures: dict[str, float], total: int) -> tuple[Verdict, str]:
    advice = []
    if figures["max_rhat"] >= RHAT_PASS:
        advice.append("chains disagree: more draws, or a look at the model")
    if min(figures["min_ess_bulk"], figures["min_ess_tail"]) <= ESS_PASS:
        advice.append("few effective draws: more draws")
    if figures["divergences"]:
        advice.append("divergent transitions: smaller steps (a higher target acceptance)")
    if figures["min_bfmi"] < BFMI_PASS:
        advice.append("energy poorly explored: tighter priors on the standard deviations")
    failed = (
        figures["max_rhat"] >= RHAT_FAIL
        or min(figures["min_ess_bulk"], figures["min_ess_tail"]) < ESS_FAIL
        or figures["divergences"] > DIVERGENT_SHARE_FAIL * total
    )
    verdict: Verdict = "FAIL" if failed else "REVIEW" if advice else "PASS"
    return verdict, "; ".join(advice)
