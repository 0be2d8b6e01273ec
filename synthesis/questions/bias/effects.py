r"""The biases of retrospective reports: their mean, their spread, and that of each report.

A retrospective report multiplies the median that a prospective one would have shown by
:math:`e^{B + b_s}`: :math:`B \sim \mathrm{Normal}(0, s^2)` is common to all of them (the effect of
design of the usual model, optimistic or pessimistic), and :math:`b_s \sim
\mathrm{Normal}(0, \sigma_B^2)` is its own (Welton et al. 2009,
doi 10.1111/j.1467-985X.2008.00548.x).

The sampler knows only the sum :math:`e_s` of a report's own bias and its study effect, which is
:math:`\mathrm{Normal}(0, \sigma_S^2 + \sigma_B^2)`. Its share of bias follows from that,

.. math::
   b_s \mid e_s \sim \mathrm{Normal}\{\rho e_s,\ \rho\,\sigma_S^2\},
   \qquad \rho = \frac{\sigma_B^2}{\sigma_S^2 + \sigma_B^2},

and is drawn afterwards. Where cohorts of one report share a part of the variance only, each has a
bias of its own beside the shared one, in the same parts.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from scipy.special import ndtr
from scipy.stats import gaussian_kde, norm

from priors import Prior
from studies.vocabulary import Vocabulary
from synthesis.estimands import (
    cohort_labels,
    curve,
    effect_density,
    patients_of,
    reference_share,
    summarise,
)
from synthesis.fits import PooledSurvival, bias_spread
from synthesis.model.arrays import shared_parts
from synthesis.model.covariates import COVARIATES
from synthesis.model.survival import BIAS_PRIOR
from synthesis.questions.bias.funnel import KINDS, PROSPECTIVE, RETROSPECTIVE, cohort_kinds
from synthesis.questions.contrasts import treatments_of
from synthesis.questions.histology_effects import prior_share

COMMON, SPREAD = "common bias", "spread of biases"

#: Populations of the medians: that of every report, and that of an unbiased study.
HALF_WAY, AS_PROSPECTIVE = "half way between the designs", "prospective study"

REPORT_COLUMNS = (
    *("endpoint", "study", "cohort", "cohort_label", "treatment", "treatment_class", "design"),
    *("patients", "estimate", "lower", "upper", "own", "own_lower", "own_upper", "p_optimistic"),
)

_LABELS = {
    COMMON: "Common bias, retrospective to prospective",
    SPREAD: "Spread of the reports' own biases",
}


def kinds_table(fit: PooledSurvival) -> pd.DataFrame:
    """Reports, cohorts, patients and treatments of each kind of report, a row each."""
    sizes, kinds = patients_of(fit), cohort_kinds(fit)
    rows = []
    for kind in KINDS:
        refs = [ref for ref, of in zip(fit.data.cohorts, kinds, strict=True) if of == kind]
        rows.append(
            {
                "endpoint": fit.data.endpoint,
                "kind": kind,
                "reports": len({ref.study.id for ref in refs}),
                "cohorts": len(refs),
                "patients": sum(sizes[ref.id] for ref in refs),
                "treatments": len({ref.treatment for ref in refs}),
            }
        )
    return pd.DataFrame(rows)


def treatments_of_both_kinds(fit: PooledSurvival, vocabulary: Vocabulary) -> tuple[str, ...]:
    """Labels of the treatments that retrospective and prospective reports gave.

    Without groups of patients who had different treatments: these are not alike between reports.
    """
    kinds: dict[str, set[str]] = {}
    for ref, kind in zip(fit.data.cohorts, cohort_kinds(fit), strict=True):
        if ref.role != "mixed":
            kinds.setdefault(ref.treatment, set()).add(kind)
    return tuple(
        vocabulary.treatment(name).label
        for name in fit.data.treatments
        if kinds.get(name, set()) >= {RETROSPECTIVE, PROSPECTIVE}
    )


def common_bias(fit: PooledSurvival) -> np.ndarray:
    """Draws of the common bias on the scale of log medians, ``(draws,)``."""
    return fit.flat("covariate_effect")[:, COVARIATES.index("retrospective")]


def bias_effects(fit: PooledSurvival) -> pd.DataFrame:
    """Prior and posterior of the common bias and of the spread of the biases, a row each.

    The common bias is a ratio of medians, retrospective to prospective; the spread is the factor
    that one report in forty exceeds, 1.96 SD. ``log_sd`` is the standard deviation of the log
    ratio, or of the SD. The fit is of the variant that estimates the spread.
    """
    kinds = kinds_table(fit).set_index("kind")[["cohorts", "patients"]]
    both = kinds.loc[[RETROSPECTIVE, PROSPECTIVE]].sum()
    priors, common = fit.priors, common_bias(fit)
    design, spread, sds = priors["covariate_retrospective"], priors[BIAS_PRIOR], bias_spread(fit)
    factors = np.array([spread.natural(sd) for sd in sds])
    above = float(ndtr(design.location / design.scale)), float(np.mean(common > 0.0))
    rows = []
    for name, prior, draws, natural, optimistic, behind in (
        (COMMON, design, common, np.exp(common), above, both),
        (SPREAD, spread, sds, factors, (np.nan, np.nan), kinds.loc[RETROSPECTIVE]),
    ):
        low, high = prior.implied()
        sd = prior_sd(prior)
        before = {"estimate": prior.natural(prior.quantile(0.5)), "lower": low, "upper": high}
        after = vars(summarise(natural))
        rows += [
            {
                "endpoint": fit.data.endpoint,
                "effect": name,
                "label": _LABELS[name],
                "which": which,
                **summary,
                "log_sd": log_sd,
                "prior_share": share,
                "p_optimistic": p,
                "cohorts": int(behind["cohorts"]),
                "patients": int(behind["patients"]),
            }
            for which, summary, log_sd, share, p in (
                ("prior", before, sd, 1.0, optimistic[0]),
                ("posterior", after, float(np.std(draws)), prior_share(sd, draws), optimistic[1]),
            )
        ]
    return pd.DataFrame(rows)


def prior_sd(prior: Prior) -> float:
    """Standard deviation of a prior; of a half-normal that of its positive half."""
    half = prior.family == "half_normal"
    return prior.scale * (np.sqrt(1.0 - 2.0 / np.pi) if half else 1.0)


def bias_densities(fit: PooledSurvival) -> pd.DataFrame:
    """Prior and posterior densities: ``parameter, label, which, x, density``.

    ``x`` is what the table of effects shows, a ratio or a factor, and ``density`` is per unit of
    its logarithm.
    """
    design = fit.priors["covariate_retrospective"]
    frames = [effect_density(COMMON, _LABELS[COMMON], design, common_bias(fit))]
    prior, sds = fit.priors[BIAS_PRIOR], bias_spread(fit)
    grid = np.linspace(0.0, max(3.5 * prior.scale, float(sds.max())), 256)
    # mirrored draws: a density does not fall towards zero because nothing lies beyond it
    mirrored = 2.0 * gaussian_kde(np.concatenate([sds, -sds]))(grid)
    x, unit = np.array([prior.natural(sd) for sd in grid]), np.log(prior.natural(1.0))
    for which, density in (
        ("prior", 2.0 * norm.pdf(grid, scale=prior.scale)),
        ("posterior", mirrored),
    ):
        columns = {"parameter": SPREAD, "label": _LABELS[SPREAD], "which": which}
        frames.append(pd.DataFrame(columns | {"x": x, "density": density / unit}))
    return pd.concat(frames, ignore_index=True)


def own_biases(fit: PooledSurvival) -> np.ndarray:
    """Draws of each cohort's own bias on the scale of log medians, ``(draws, cohorts)``.

    Without the common bias; 0 for a cohort that is not of a retrospective report.
    """
    data, rng = fit.data, np.random.default_rng([fit.seed, 17])
    spread, study = bias_spread(fit) ** 2, fit.flat("study_sd") ** 2
    part = (spread / np.maximum(study + spread, 1e-300))[:, None]
    levels = {}
    for level in ("study", "cohort"):
        effect = fit.flat(f"{level}_effect")
        noise = np.sqrt(part * study[:, None]) * rng.standard_normal(effect.shape)
        levels[level] = part * effect + noise
    order = [data.studies.index(ref.study.id) for ref in data.cohorts]
    shared = np.array(shared_parts(data))
    biases = np.sqrt(shared) * levels["study"][:, order] + np.sqrt(1.0 - shared) * levels["cohort"]
    return biases * np.array([kind == RETROSPECTIVE for kind in cohort_kinds(fit)])


def reports_table(fit: PooledSurvival, vocabulary: Vocabulary) -> pd.DataFrame:
    """The bias of each cohort of a retrospective report, the most optimistic first.

    ``estimate`` is its whole bias, common and own, as a ratio of medians to what a prospective
    study would have shown; ``own`` is what it has beyond the common bias; ``p_optimistic`` is the
    probability that the whole bias is above 1.
    """
    common, biases = common_bias(fit), own_biases(fit)
    labels, sizes = cohort_labels(fit.data.cohorts), patients_of(fit)
    rows: list[dict[str, Any]] = []
    for number, (ref, kind) in enumerate(zip(fit.data.cohorts, cohort_kinds(fit), strict=True)):
        if kind != RETROSPECTIVE:
            continue
        whole, alone = common + biases[:, number], summarise(np.exp(biases[:, number]))
        rows.append(
            {
                "endpoint": fit.data.endpoint,
                "study": ref.study.id,
                "cohort": ref.cohort.id,
                "cohort_label": labels[ref.id],
                "treatment": vocabulary.treatment(ref.treatment).label,
                "treatment_class": vocabulary.treatment_class(ref.treatment_class).label,
                "design": ref.study.design.replace("_", " "),
                "patients": sizes[ref.id],
                **vars(summarise(np.exp(whole))),
                "own": alone.estimate,
                "own_lower": alone.lower,
                "own_upper": alone.upper,
                "p_optimistic": float(np.mean(whole > 0.0)),
            }
        )
    rows.sort(key=lambda row: -row["estimate"])
    return pd.DataFrame(rows, columns=list(REPORT_COLUMNS))


def medians_table(
    usual: PooledSurvival, biased: PooledSurvival, vocabulary: Vocabulary, reference_mix: float
) -> pd.DataFrame:
    """Median of the average study under each treatment, without and with the bias model.

    Two populations: the one of every report, which lies half way between a retrospective and a
    prospective study, and that of a prospective study, which has no bias. The usual model knows the
    common bias too (as an effect of design); what the bias model adds is that retrospective reports
    count for less. In months; ``ratio`` is with the bias model to without, in the same population,
    ``ratio_to_pooled`` with the bias model to the usual pooled median, which is half way.
    """
    fits, rows = {"usual": usual, "biased": biased}, []
    for group in treatments_of(usual, vocabulary):
        logs = {
            name: np.log(
                curve(fit, group.group, reference_share(fit, reference_mix), "mean_study").median
            )
            for name, fit in fits.items()
        }
        pooled = float(np.exp(np.median(logs["usual"])))
        for population, steps in ((HALF_WAY, 0.0), (AS_PROSPECTIVE, -0.5)):
            medians = {
                name: summarise(np.exp(logs[name] + steps * common_bias(fit)))
                for name, fit in fits.items()
            }
            row: dict[str, Any] = {
                "endpoint": usual.data.endpoint,
                "treatment": group.label,
                "treatment_class": group.class_label,
                "population": population,
            }
            for name, median in medians.items():
                row |= {name: median.estimate}
                row |= {f"{name}_lower": median.lower, f"{name}_upper": median.upper}
            row |= {
                "ratio": medians["biased"].estimate / medians["usual"].estimate,
                "ratio_to_pooled": medians["biased"].estimate / pooled,
                "cohorts": len(group.cohorts),
                "patients": group.patients,
            }
            rows.append(row)
    return pd.DataFrame(rows)
