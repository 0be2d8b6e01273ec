"""Benefit, influence and single results as the tables that figures and pages are made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from priors.catalogue import MEAN_PRIOR
from synthesis.estimands import Summary
from synthesis.numbers import chance, months, ratio
from synthesis.questions.contrasts import GAIN
from synthesis.questions.histology import SHARES, Benefit, months, pick, ratio, spread
from synthesis.questions.histology_effects import PROGNOSTIC
from synthesis.questions.single import POOLED_TRUTH, SingleResult
from synthesis.text.plain import count


def benefit_rows(benefit: Benefit, endpoint: str, *, show_all: bool = False) -> pd.DataFrame:
    """Medians and gains of treatments, pure above mixed, for one endpoint.

    Parameters
    ----------
    benefit : Benefit
    endpoint : str
    show_all : bool
        Also treatments with too little behind them to be shown otherwise.

    Returns
    -------
    DataFrame
        A row a treatment and histology: labels, cohorts, patients, ``median``, ``gain`` with their
        limits (months) and texts, survival at 6 and 12 months and restricted means as texts.
    """
    own = benefit.table[benefit.table["endpoint"] == endpoint]
    groups = benefit.groups[benefit.groups["endpoint"] == endpoint]
    rows = []
    for group in groups[groups["shown"] | show_all].itertuples(index=False):
        of_group = own[own["treatment"] == group.treatment]
        for histology in SHARES:
            found = of_group[of_group["histology"] == histology]
            by_name = {row.estimand: row for row in found.itertuples(index=False)}
            rows.append(
                {
                    "treatment": group.treatment,
                    "treatment_class": group.treatment_class,
                    "cohorts": group.cohorts,
                    "patients": group.patients,
                    "is_reference": group.is_reference,
                    "histology": histology,
                    **_limits("median", by_name["median_months"]),
                    "median_text": months(by_name["median_months"]),
                    "survival_6m_text": percent(by_name["survival_6m"]),
                    "survival_12m_text": percent(by_name["survival_12m"]),
                    "rmst_12m_text": months(by_name["rmst_12m"]),
                    "rmst_24m_text": months(by_name["rmst_24m"]),
                    **_gain(by_name),
                }
            )
    return pd.DataFrame(rows)


def _limits(name: str, row: Any) -> dict[str, float]:
    return {name: row.estimate, f"{name}_lower": row.lower, f"{name}_upper": row.upper}


def _gain(by_name: Mapping[str, Any]) -> dict[str, Any]:
    """Gain over the reference; missing for the reference itself."""
    if GAIN not in by_name:
        empty = dict.fromkeys(("gain", "gain_lower", "gain_upper", "p_gain"), np.nan)
        texts = dict.fromkeys(("gain_text", "ratio", "p_text", "carried_by"), "")
        return {**empty, **texts}
    row = by_name[GAIN]
    return {
        **_limits("gain", row),
        "p_gain": row.p_gain,
        "gain_text": months(row),
        "ratio": ratio(by_name["ratio_of_medians"]),
        "p_text": chance(row.p_gain),
        "carried_by": row.carried_by,
    }


def percent(row: Any) -> str:
    """A share with its interval in whole per cent: ``24 (14-36)``."""
    return spread(row, lambda value: f"{100 * value:.0f}")


def effect_rows(effects: pd.DataFrame, density: pd.DataFrame) -> pd.DataFrame:
    """Prior and posterior of each effect that has a density, a row an effect.

    Parameters
    ----------
    effects : DataFrame
        Prior and posterior rows of one endpoint.
    density : DataFrame
        Of the same endpoint.
    """
    drawn = set(density["parameter"])
    rows = []
    for posterior in effects[effects["which"] == "posterior"].itertuples(index=False):
        name = posterior.effect if posterior.effect == PROGNOSTIC else None
        name = name or f"{posterior.effect}: {posterior.treatment}"
        if name not in drawn:
            continue
        about = {
            "effect": posterior.effect,
            "treatment": posterior.treatment,
            "reference": posterior.reference,
        }
        prior = pick(effects, {"which": "prior", **about})
        rows.append(
            {
                "parameter": name,
                "label": posterior.label,
                "detail": telling_words(posterior.cohorts, posterior.patients),
                "prior_text": ratio(prior),
                "posterior_text": ratio(posterior),
                "prior_share": posterior.prior_share,
            }
        )
    return pd.DataFrame(rows)


def telling_words(cohorts: int, patients: int) -> str:
    """Cohorts whose histology is known, in few words."""
    if not cohorts:
        return "no report tells it"
    return f"{count(cohorts, 'cohort')}, n = {patients}"


def influence_rows(table: pd.DataFrame, quantities: Sequence[str] | None = None) -> pd.DataFrame:
    """The influence table with headings and numbers as they are printed.

    Parameters
    ----------
    table : DataFrame
        From :func:`~synthesis.questions.influence.influence_table`.
    quantities : sequence of str, optional
        Only these, in this order.
    """
    names = list(quantities or table["quantity"].unique())
    own = pd.concat([table[table["quantity"] == name] for name in names], ignore_index=True)
    writers = [months if unit == "months" else ratio for unit in own["unit"]]
    rows = list(own.itertuples(index=False))
    return own.assign(
        heading=[label[:1].upper() + label[1:] for label in own["label"]],
        estimate_text=[write(row) for write, row in zip(writers, rows, strict=True)],
        without_text=[without_text(row) for row in rows],
    )


def without_text(row: Any) -> str:
    """The estimate without a cohort, with its interval; empty where there is none."""
    if np.isnan(row.without):
        return ""
    write = months if row.unit == "months" else ratio
    return f"{write(row.without)} ({write(row.without_lower)}-{write(row.without_upper)})"


def single_effect_rows(result: SingleResult) -> pd.DataFrame:
    """The result alone, then what the pool says, with their priors."""
    alone = result.alone.iloc[-1]
    low, high = MEAN_PRIOR.implied()
    before = Summary(MEAN_PRIOR.natural(MEAN_PRIOR.location), low, high)
    printed = result.printed
    n = [size for size in (printed.n_pure, printed.n_mixed) if size is not None]
    first = {
        "parameter": "alone",
        "label": "This result alone",
        "detail": f"n = {sum(n)}" if n else "",
        "prior_text": ratio(before),
        "posterior_text": ratio(alone),
        "prior_share": np.nan,
    }
    return pd.concat(
        [pd.DataFrame([first]), effect_rows(result.effects, result.density)], ignore_index=True
    )


def single_printed_rows(result: SingleResult) -> pd.DataFrame:
    """The printed ratio of one report."""
    printed = result.printed
    p = f", p = {printed.p}" if printed.p else ""
    sizes = [size for size in (printed.n_pure, printed.n_mixed) if size is not None]
    return pd.DataFrame(
        [
            {
                "label": result.label,
                "detail": f"{printed.mixed:g} v {printed.pure:g} months{p}",
                "ratio": printed.ratio,
                "ratio": ratio(printed.ratio),
                "patients": float(sum(sizes)) if sizes else np.nan,
            }
        ]
    )


def exaggeration_rows(result: SingleResult) -> pd.DataFrame:
    """What significant results of a study of that size show, at stated true ratios."""
    rows = []
    for row in result.exaggeration.itertuples(index=False):
        label = "As pooled:" if row.truth == POOLED_TRUTH else "True ratio"
        shown = "" if np.isnan(row.shown_ratio) else f"shown as {ratio(row.shown_ratio)}"
        rows.append(
            {
                "label": f"{label} {ratio(row.true_ratio)}",
                "detail": f"{100 * row.power:.0f} % of studies are significant",
                "true_ratio": row.true_ratio,
                "shown_ratio": row.shown_ratio,
                "true_text": "",
                "shown_text": shown,
            }
        )
    return pd.DataFrame(rows)
