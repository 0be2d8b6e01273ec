"""What kind of study and population a cohort is: prior and posterior of each effect."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from synthesis.estimands import summarise
from synthesis.fits import PooledSurvival
from synthesis.model.covariates import COVARIATE_LABELS, COVARIATES
from synthesis.model.survival import PRIOR_OF

COVARIATE_COLUMNS = (
    "endpoint",
    "covariate",
    "label",
    "which",
    "estimate",
    "lower",
    "upper",
    "log_sd",
    "cohorts",
)


def covariates_table(fits: Mapping[str, PooledSurvival]) -> pd.DataFrame:
    """Effects of design, line, time origin and mutation status as ratios of medians.

    Parameters
    ----------
    fits : mapping
        Survival endpoint -> fit.

    Returns
    -------
    DataFrame
        :data:`COVARIATE_COLUMNS`: for each effect a row with its prior and one with its posterior.
        ``cohorts`` counts those that differ from the reference and so tell something of it;
        ``log_sd`` is the standard deviation on the log scale.
    """
    rows = []
    for endpoint, fit in fits.items():
        if not fit.variant.covariates:
            continue
        drawn = fit.flat("covariate_effect")
        values = np.array(fit.data.covariates or np.zeros((1, len(COVARIATES))))
        for number, name in enumerate(COVARIATES):
            prior = fit.priors[PRIOR_OF[name]]
            low, high = prior.implied()
            about = {
                "endpoint": endpoint,
                "covariate": name,
                "label": COVARIATE_LABELS[name],
                "cohorts": int(np.sum(values[:, number] != 0.0)),
            }
            before = {"estimate": prior.natural(prior.quantile(0.5)), "lower": low, "upper": high}
            found = {"which": "posterior", "log_sd": float(np.std(drawn[:, number]))}
            rows.append(about | {"which": "prior", "log_sd": prior.scale} | before)
            rows.append(about | found | vars(summarise(np.exp(drawn[:, number]))))
    return pd.DataFrame(rows, columns=list(COVARIATE_COLUMNS))
