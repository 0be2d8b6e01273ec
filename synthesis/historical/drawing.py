"""Priors as the table that a figure draws: bars for the draws, lines for the mixtures."""

from __future__ import annotations

import numpy as np
import pandas as pd

from studies.vocabulary import Vocabulary
from synthesis.historical.words import quantity_title
from synthesis.questions.control import ControlPrior, HistoricalControl

_BARS, _POINTS = 36, 241
# The picture ends where the draws nearly do.
_ENDS = (0.001, 0.999)

#: Words below the axis, and on which scale values stand, by quantity.
AXES = {
    "survival_6m": ("Share of patients", "share"),
    "survival_12m": ("Share of patients", "share"),
    "response_rate": ("Share of evaluable patients", "share"),
    "log_median": ("Median, months (log scale)", "months"),
    "hazard": ("Events a month", "rate"),
}


def density_table(prior: ControlPrior) -> pd.DataFrame:
    """Bars and lines of one prior: ``series, lower, upper, density``.

    ``series`` is ``draws``, a bar from ``lower`` to ``upper``, or the version of a mixture, a point
    of its line. Densities are on the scale of the parameter, a log median's on that of the log;
    where it stands is then in months.
    """
    low, high = np.quantile(prior.draws, _ENDS)
    room = 0.04 * (high - low)
    low, high = low - room, high + room
    kind = prior.fit.mixture.kind
    if kind != "normal":
        low = max(low, 0.0)
    if kind == "beta":
        high = min(high, 1.0)
    heights, edges = np.histogram(prior.draws, bins=_BARS, range=(low, high))
    # of all draws, also of those beyond the ends
    heights = heights / (prior.draws.size * np.diff(edges))
    parts = [_part("draws", edges[:-1], edges[1:], heights)]
    # not the ends themselves, where a density may not exist
    x = np.linspace(low, high, _POINTS + 2)[1:-1]
    parts += [_part(name, x, x, own.density(x)) for name, own in prior.mixtures.items()]
    table = pd.concat(parts, ignore_index=True)
    if prior.quantity == "log_median":
        table[["lower", "upper"]] = np.exp(table[["lower", "upper"]])
    return table


def _part(name: str, lower: np.ndarray, upper: np.ndarray, density: np.ndarray) -> pd.DataFrame:
    return pd.DataFrame({"series": name, "lower": lower, "upper": upper, "density": density})


def series_labels(found: HistoricalControl, prior: ControlPrior) -> dict[str, str]:
    """What each series of a figure is, with its effective sample size."""
    table = found.summary
    own = table[(table["endpoint"] == prior.endpoint) & (table["quantity"] == prior.quantity)]
    sizes = {row.version: f"{row.ess_elir:.1f} {row.ess_unit}" for row in own.itertuples()}
    labels = {"draws": "draws", "fitted": f"mixture, worth {sizes['fitted']}"}
    if prior.robust is not None:
        share = f"{100 * found.robust_weight:g}% vague"
        labels["robust"] = f"robust ({share}), worth {sizes['robust']}"
    return labels


def captions(found: HistoricalControl, vocabulary: Vocabulary) -> dict[str, str]:
    """Captions of the figures by the stem of their files, in order."""
    vague = "" if found.robust_weight == 0.0 else ", and with a vague component (broken line)"
    said = {}
    for prior in found.priors:
        whom = "" if prior.endpoint == "response" else f", {found.population.words}"
        said[f"historical_control_{prior.name}"] = (
            f"{quantity_title(prior, vocabulary)} under {prior.treatment} in "
            f"{vocabulary.subject_words}{whom}: draws of the prediction for a new study (bars), "
            f"the mixture of {len(prior.fit.mixture.weights)} {prior.fit.mixture.kind} "
            f"distributions fitted to them (line){vague}. Sizes are effective ones, by the "
            "expected local information ratio."
        )
    return said
