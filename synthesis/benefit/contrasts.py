r"""Contrasts of two treatments, from the draws of one fit.

Every table, figure and sentence that compares two treatments takes its draws from here, so that
they agree to the printed digit. With curves :math:`S_1` (treatment) and :math:`S_0` (reference) of
the same draw:

- ratio of medians :math:`m_1/m_0` and difference :math:`m_1 - m_0` (months);
- difference of restricted means :math:`\int_0^\tau (S_1 - S_0)\,dt` (months), to 12 and 24 months;
- average hazard ratio to :math:`\tau = 24` months (Kalbfleisch & Prentice 1981,
  doi 10.1093/biomet/68.1.105),

  .. math::
     \theta = \frac{\int_0^\tau S_0 f_1\,dt}{\int_0^\tau S_1 f_0\,dt},

  the hazard ratio itself where hazards are proportional, and otherwise the odds that, of two
  patients one on each treatment, the one on the treatment dies first, if either dies by
  :math:`\tau`;
- difference of response rates (0 to 1).

A new study is one in which both treatments are given: the study effect is common to both.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from synthesis.estimands import Curve

#: Months to which hazards are averaged.
HAZARD_HORIZON = 24.0

# Points of the average, at the cubes of even steps: the early months, where most die, have most.
_STEPS = 129


@dataclass(frozen=True)
class Contrast:
    """A way to compare two treatments.

    Attributes
    ----------
    name : str
        In tables.
    label : str
        In running text.
    unit : {"ratio", "months", "share"}
    gain : {-1, 1}
        1 where larger values favour the treatment.
    """

    name: str
    label: str
    unit: str
    gain: int = 1

    @property
    def null(self) -> float:
        """Value of no difference."""
        return 1.0 if self.unit == "ratio" else 0.0

    def favours(self, draws: np.ndarray, delta: float | None = None) -> float:
        """Share of draws that favour the treatment, by more than `delta` where it is given."""
        return float(np.mean(self.gain * (draws - self.null) > (delta or 0.0)))


#: Contrasts of survival, by name.
SURVIVAL_CONTRASTS = {
    item.name: item
    for item in (
        Contrast("ratio_of_medians", "ratio of medians", "ratio"),
        Contrast("average_hazard_ratio", "average hazard ratio to 24 months", "ratio", -1),
        Contrast("difference_median_months", "difference of medians", "months"),
        Contrast("difference_rmst_12m", "difference of restricted means to 12 months", "months"),
        Contrast("difference_rmst_24m", "difference of restricted means to 24 months", "months"),
    )
}

#: Contrasts of response, by name.
RESPONSE_CONTRASTS = {
    "difference_response_rate": Contrast(
        "difference_response_rate", "difference of response rates", "share"
    )
}

#: The contrast in which a gain of so many months is asked for.
GAIN = "difference_median_months"


def survival_contrast(treatment: Curve, reference: Curve, name: str) -> np.ndarray:
    """Draws of a contrast of two survival curves, shape ``(draws,)``.

    Parameters
    ----------
    treatment, reference : Curve
        Of the same fit, at the same share of mixed histology and for the same target.
    name : str
        Of :data:`SURVIVAL_CONTRASTS`.
    """
    if name == "ratio_of_medians":
        return treatment.median / reference.median
    if name == "average_hazard_ratio":
        return average_hazard_ratio(treatment, reference)
    estimand = {
        "difference_median_months": "median_months",
        "difference_rmst_12m": "rmst_12m",
        "difference_rmst_24m": "rmst_24m",
    }[name]
    return treatment.estimand(estimand) - reference.estimand(estimand)


def average_hazard_ratio(
    treatment: Curve, reference: Curve, horizon: float = HAZARD_HORIZON
) -> np.ndarray:
    """Draws of the average hazard ratio to a horizon in months, shape ``(draws,)``."""
    months = horizon * np.linspace(0.0, 1.0, _STEPS)[1:] ** 3
    first, second = treatment.survival(months), reference.survival(months)
    # Deaths under one while alive under the other, by the trapezium rule from S = 1 on. The two
    # integrals add up to one less the product at the horizon; this is their difference.
    more = (
        second[:, 0]
        - first[:, 0]
        + np.einsum("ij,ij->i", first[:, :-1], second[:, 1:])
        - np.einsum("ij,ij->i", first[:, 1:], second[:, :-1])
    )
    both = 1.0 - first[:, -1] * second[:, -1]
    return (both + more) / (both - more)


@dataclass(frozen=True)
class KeptCurve(Curve):
    """A curve that computes nothing twice: it meets many others in contrasts."""

    _kept: dict[object, np.ndarray] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def estimand(self, name: str) -> np.ndarray:
        """Draws of an estimand, as of any curve."""
        if name not in self._kept:
            self._kept[name] = super().estimand(name)
        return self._kept[name]

    def survival(self, months: np.ndarray) -> np.ndarray:
        """Draws of survival, as of any curve."""
        key = months.tobytes()
        if key not in self._kept:
            self._kept[key] = super().survival(months)
        return self._kept[key]


def kept(found: Curve) -> KeptCurve:
    """The same curve, to be met often."""
    return KeptCurve(found.median, found.shape, found.family, found.tail)


def gain_curve(draws: np.ndarray, deltas: np.ndarray) -> np.ndarray:
    """Probability of a gain above each of some values, shape of ``deltas``.

    Parameters
    ----------
    draws : ndarray, shape (draws,)
        Of a difference.
    deltas : ndarray
        In the unit of the difference.
    """
    ordered = np.sort(draws)
    return 1.0 - np.searchsorted(ordered, deltas, side="right") / ordered.size


def ranks(values: np.ndarray, *, larger_is_better: bool = True) -> np.ndarray:
    """Rank of every treatment in every draw, 1 the best: ``(draws, treatments)``.

    Parameters
    ----------
    values : ndarray, shape (draws, treatments)
    larger_is_better : bool
    """
    order = np.argsort(-values if larger_is_better else values, axis=1, kind="stable")
    found = np.empty_like(order)
    np.put_along_axis(found, order, np.arange(1, values.shape[1] + 1)[None, :], axis=1)
    return found
