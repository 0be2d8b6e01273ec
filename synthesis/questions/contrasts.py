r"""Contrasts of two treatments, from the draws of one fit.

With curves :math:`S_1` (treatment) and :math:`S_0` (reference) of the same draw:

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

`CONTRASTS` is the one list: a record more is a row more of every table that compares treatments.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from synthesis import numbers
from synthesis.endpoints import endpoint_of
from synthesis.estimands import Curve, Fit, NamedGroup, Target, curves, draws_of
from synthesis.fits import ResponseFit

#: Months to which hazards are averaged.
HAZARD_HORIZON = 24.0

# Points of the average, at the cubes of even steps: the early months, where most die, have most.
_STEPS = 129

# Draws whose survival is held at a time: a processor keeps them at hand.
_BLOCK = 100

#: How values are written, by their unit.
WRITERS: Mapping[str, numbers.Writer] = {
    "ratio": numbers.ratio,
    "months": numbers.months,
    "points": numbers.points,
}


@dataclass(frozen=True)
class Contrast:
    """A way to compare two treatments.

    Attributes
    ----------
    name, label : str
        In tables; in running text.
    unit : {"ratio", "months", "points"}
        Points are differences of fractions.
    of : callable
        Curves, or draws of response rates -> what `between` takes.
    between : callable
        That of ``n`` treatments and of ``m`` references -> draws of every pair, ``(draws, n, m)``.
    gain : {-1, 1}
        1 where larger values favour the treatment.
    """

    name: str
    label: str
    unit: Literal["ratio", "months", "points"]
    of: Callable[[Curve | np.ndarray], np.ndarray] = field(repr=False)
    between: Callable[[np.ndarray, np.ndarray], np.ndarray] = field(repr=False)
    gain: int = 1

    @property
    def null(self) -> float:
        """Value of no difference."""
        return 1.0 if self.unit == "ratio" else 0.0

    @property
    def write(self) -> numbers.Writer:
        """How a value is written."""
        return WRITERS[self.unit]

    @property
    def heading(self) -> str:
        """Heading of a column."""
        unit = "" if self.unit == "ratio" else f", {self.unit}"
        return f"{numbers.capitalised(self.label)}{unit}"

    def draws(self, treatment: Curve | np.ndarray, reference: Curve | np.ndarray) -> np.ndarray:
        """Draws of the contrast of two curves, or two response rates, shape ``(draws,)``."""
        return self.between(self.of(treatment), self.of(reference))[:, 0, 0]

    def favours(self, draws: np.ndarray, delta: float = 0.0) -> np.ndarray:
        """Share of draws, along the first axis, that favour the treatment by more than `delta`."""
        return np.mean(self.gain * (draws - self.null) > delta, axis=0)


def average_hazard_ratio(
    treatment: Curve, reference: Curve, horizon: float = HAZARD_HORIZON
) -> np.ndarray:
    """Draws of the average hazard ratio to a horizon in months, shape ``(draws,)``."""
    return _hazard_ratios(treatment, reference, horizon)[:, 0, 0]


def _hazard_ratios(
    treatments: Curve, references: Curve, horizon: float = HAZARD_HORIZON
) -> np.ndarray:
    months = horizon * np.linspace(0.0, 1.0, _STEPS)[1:] ** 3
    blocks = []
    for start in range(0, len(treatments.median), _BLOCK):
        rows = slice(start, start + _BLOCK)
        first = _beside(treatments.rows(rows).survival(months), 3)
        same = references is treatments
        second = first if same else _beside(references.rows(rows).survival(months), 3)
        turned = second.swapaxes(1, 2)  # (draws, times, references)
        # Deaths under one while alive under the other, by the trapezium rule from S = 1 on. The
        # two integrals add up to one less the product at the horizon; this is their difference.
        more = (
            turned[:, :1]
            - first[..., :1]
            + first[..., :-1] @ turned[:, 1:]
            - first[..., 1:] @ turned[:, :-1]
        )
        both = 1.0 - first[..., -1:] * turned[:, -1:]
        blocks.append((both + more) / (both - more))
    return np.concatenate(blocks)


def _beside(values: np.ndarray, dimensions: int) -> np.ndarray:
    """Values of one curve as those of several beside each other."""
    return values if values.ndim == dimensions else values[:, None]


def _ratios(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    return _beside(first, 2)[:, :, None] / _beside(second, 2)[:, None]


def _differences(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    return _beside(first, 2)[:, :, None] - _beside(second, 2)[:, None]


def _estimand(name: str) -> Callable[[Curve], np.ndarray]:
    return lambda drawn: drawn.estimand(name)


#: The contrast in which a gain of so many months is asked for.
GAIN = "difference_median_months"

#: Every contrast: those of survival, then those of response.
CONTRASTS = (
    Contrast("ratio_of_medians", "ratio of medians", "ratio", _estimand("median_months"), _ratios),
    Contrast(
        "average_hazard_ratio",
        "average hazard ratio to 24 months",
        "ratio",
        lambda curve: curve,
        _hazard_ratios,
        gain=-1,
    ),
    Contrast(GAIN, "difference of medians", "months", _estimand("median_months"), _differences),
    *(
        Contrast(
            f"difference_rmst_{months}m",
            f"difference of restricted means to {months} months",
            "months",
            _estimand(f"rmst_{months}m"),
            _differences,
        )
        for months in (12, 24)
    ),
    Contrast(
        "difference_response_rate",
        "difference of response rates",
        "points",
        lambda rate: rate,
        _differences,
    ),
)

#: Contrasts of response, and of survival, by name.
RESPONSE_CONTRASTS = {entry.name: entry for entry in CONTRASTS if entry.unit == "points"}
SURVIVAL_CONTRASTS = {entry.name: entry for entry in CONTRASTS if entry.unit != "points"}


def contrasts_of(endpoint: str) -> dict[str, Contrast]:
    """Contrasts of an endpoint, by name."""
    return RESPONSE_CONTRASTS if endpoint_of(endpoint).is_response else SURVIVAL_CONTRASTS


def survival_contrast(treatment: Curve, reference: Curve, name: str) -> np.ndarray:
    """Draws of a contrast of two survival curves, shape ``(draws,)``.

    Parameters
    ----------
    treatment, reference : Curve
        Of the same fit, at the same share of mixed histology and for the same target.
    name : str
        Of :data:`SURVIVAL_CONTRASTS`.
    """
    return SURVIVAL_CONTRASTS[name].draws(treatment, reference)


def drawn(
    fit: Fit, groups: Sequence[NamedGroup], share: float, target: Target = "mean_study"
) -> Curve | np.ndarray:
    """Curves of treatments side by side at a share of mixed histology, or their response rates."""
    places = [group.group.treatment_index for group in groups]
    if isinstance(fit, ResponseFit):
        return draws_of(fit, "response_rate", target)[:, places]
    return curves(fit, share, target).column(places)


def every_pair(
    contrasts: Mapping[str, Contrast],
    treatments: Curve | np.ndarray,
    references: Curve | np.ndarray | None = None,
) -> Iterator[tuple[str, np.ndarray]]:
    """Name and draws ``(draws, treatments, references)`` of each contrast.

    Parameters
    ----------
    contrasts : mapping
        Of one kind of endpoint.
    treatments, references : Curve or ndarray
        From :func:`drawn`; without references every treatment is compared with every one.
    """
    for name, contrast in contrasts.items():
        first = contrast.of(treatments)
        second = first if references is None else contrast.of(references)
        yield name, contrast.between(first, second)


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
    placed = np.empty_like(order)
    np.put_along_axis(placed, order, np.arange(1, values.shape[1] + 1)[None, :], axis=1)
    return placed


def written(row: Any, write: numbers.Writer) -> str:
    """The ``estimate``, ``lower`` and ``upper`` of a row as text."""
    return numbers.interval(row.estimate, row.lower, row.upper, write)
