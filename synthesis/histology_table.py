"""Pure against mixed histology: prior, printed figures, posterior, and every family."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import numpy as np
import pandas as pd

from priors import Prior
from studies.figures import histology_of, outcome_of
from studies.schema import NOT_REACHED
from studies.selection import CohortRef
from studies.vocabulary import Vocabulary
from synthesis.estimands import summarise
from synthesis.models import PooledSurvival
from synthesis.reading import median_months
from synthesis.tables import NamedGroup, family_name, named_groups


@dataclass(frozen=True)
class HistologyTables:
    """What the report shows of pure and mixed histology.

    Attributes
    ----------
    ratios : DataFrame
        Printed ratios of medians, then the prior, the posterior and that of every family.
    effects : DataFrame
        ``parameter, family, which, estimate, lower, upper, log_sd``: the effects in numbers.
    """

    ratios: pd.DataFrame
    effects: pd.DataFrame


def histology_tables(
    fit: PooledSurvival, families: Sequence[PooledSurvival], vocabulary: Vocabulary
) -> HistologyTables:
    """Tables of the histology effect.

    Parameters
    ----------
    fit : PooledSurvival
        What answers are read from.
    families : sequence of PooledSurvival
        Fits of single families, to be shown beside it; none where `fit` is of one family.
    vocabulary : Vocabulary
    """
    groups = [group for group in named_groups(fit, vocabulary) if not group.is_class]
    informed = [group for group in groups if _split_cohorts(fit, group) and _one_drug(group)]
    effects = _effects([fit, *families], informed)
    return HistologyTables(_ratios(fit, effects), effects)


def _one_drug(group: NamedGroup) -> bool:
    return all(ref.role != "mixed" for ref in group.cohorts)


def _split_cohorts(fit: PooledSurvival, group: NamedGroup) -> list[CohortRef]:
    """Cohorts of a treatment whose pure and mixed patients entered apart."""
    apart = {fit.data.cohorts[arm.cohort].id for arm in fit.data.arms if arm.histology == "mixed"}
    return [ref for ref in group.cohorts if ref.id in apart]


def _predictive_name(group: NamedGroup) -> str:
    return f"predictive: {group.label}"


def _effects(fits: Sequence[PooledSurvival], informed: Sequence[NamedGroup]) -> pd.DataFrame:
    rows = []
    for fit in fits:
        parameters: list[tuple[str, Prior, np.ndarray]] = [
            ("prognostic", fit.priors["histology_prognostic"], fit.flat("prognostic"))
        ]
        for group in informed:
            draws = fit.flat("predictive")[:, group.group.treatment_index]
            parameters.append((_predictive_name(group), fit.priors["histology_predictive"], draws))
        for name, prior, draws in parameters:
            low, high = prior.implied()
            about = {"parameter": name, "family": family_name(fit)}
            rows.append(
                about
                | {
                    "which": "prior",
                    "estimate": prior.natural(prior.quantile(0.5)),
                    "lower": low,
                    "upper": high,
                    "log_sd": prior.scale,
                }
            )
            found = summarise(np.exp(draws))
            posterior = {"which": "posterior", "log_sd": float(np.std(draws))}
            rows.append(about | posterior | vars(found))
    return pd.DataFrame(rows)


def effect_density(name: str, label: str, prior: Prior, draws: np.ndarray) -> pd.DataFrame:
    """Prior density, and a Gaussian kernel estimate of the posterior, on the log ratio.

    Parameters
    ----------
    name, label : str
        Columns ``parameter`` and ``label``.
    prior : Prior
        Normal, of the log ratio.
    draws : ndarray, shape (draws,)
        Log ratios.

    Returns
    -------
    DataFrame
        ``parameter, label, which`` (prior or posterior), ``x`` (ratio), ``density`` per log unit.
    """
    from scipy.stats import gaussian_kde

    reach = 3.5 * prior.scale
    low = min(prior.location - reach, draws.min())
    high = max(prior.location + reach, draws.max())
    grid = np.linspace(low, high, 256)
    known = NormalDist(prior.location, prior.scale)
    kinds = {"prior": [known.pdf(x) for x in grid], "posterior": gaussian_kde(draws)(grid)}
    frames = [
        pd.DataFrame(
            {"parameter": name, "label": label, "which": kind, "x": np.exp(grid), "density": value}
        )
        for kind, value in kinds.items()
    ]
    return pd.concat(frames, ignore_index=True)


def _ratios(fit: PooledSurvival, effects: pd.DataFrame) -> pd.DataFrame:
    rows = [row for ref in fit.data.cohorts if (row := _printed_ratio(fit, ref)) is not None]
    prognostic = effects[effects["parameter"] == "prognostic"]
    for number, effect in enumerate(prognostic.itertuples(index=False)):
        if effect.which == "prior" and number > 0:
            continue  # one prior serves every family
        label = "Prior" if effect.which == "prior" else f"Posterior, {effect.family}"
        family = "" if effect.which == "prior" else effect.family
        limits = {"estimate": effect.estimate, "lower": effect.lower, "upper": effect.upper}
        rows.append(_ratio_row(label, effect.which) | {"family": family} | limits)
    return pd.DataFrame(rows).astype({"n_pure": "Int64", "n_mixed": "Int64"})


def _ratio_row(label: str, kind: str) -> dict[str, Any]:
    return {
        "label": label,
        "kind": kind,
        "family": "",
        "estimate": np.nan,
        "lower": np.nan,
        "upper": np.nan,
        "n_pure": None,
        "n_mixed": None,
        "p": "",
        "note": "",
    }


@dataclass(frozen=True)
class PrintedGroups:
    """Medians that a report prints of its pure and its mixed patients.

    Attributes
    ----------
    pure, mixed : float
        Months.
    n_pure, n_mixed : int or None
    p : str
        Of their comparison, as printed; empty where there is none.
    """

    pure: float
    mixed: float
    n_pure: int | None
    n_mixed: int | None
    p: str

    @property
    def ratio(self) -> float:
        """Ratio of the medians, mixed to pure."""
        return self.mixed / self.pure


def printed_groups(fit: PooledSurvival, ref: CohortRef) -> PrintedGroups | None:
    """Medians by histology of one cohort; ``None`` where it does not print both."""
    medians, sizes = {}, {}
    view, keep = fit.data.view, fit.data.view.keep(ref.study)
    for group in ref.cohort.subgroups:
        histology = histology_of(group, use_read_as=view.use_read_as)
        outcome = outcome_of(group, view.endpoint, keep)
        if histology and outcome is not None and outcome.median != NOT_REACHED:
            medians[histology] = median_months(outcome)
            sizes[histology] = group.n
    if set(medians) != {"pure", "mixed"}:
        return None
    p = next(
        (
            str(c.p)
            for c in filter(keep, ref.study.comparisons)
            if c.endpoint == fit.data.endpoint and set(c.groups) == {"pure", "mixed"}
        ),
        "",
    )
    return PrintedGroups(medians["pure"], medians["mixed"], sizes["pure"], sizes["mixed"], p)


def _printed_ratio(fit: PooledSurvival, ref: CohortRef) -> dict[str, Any] | None:
    """Ratio of the printed medians of mixed and pure patients of one cohort."""
    found = printed_groups(fit, ref)
    if found is None:
        return None
    return _ratio_row(ref.label, "printed") | {
        "estimate": found.ratio,
        "n_pure": found.n_pure,
        "n_mixed": found.n_mixed,
        "p": found.p,
        "note": f"{found.mixed:g} against {found.pure:g} months",
    }
