"""One answer from several survival families: their draws, stacked in proportion to their weights.

The posterior of a quantity that every family has (a median, survival at a year) is the mixture of
its posteriors under each family, with the stacking weights (Yao et al. 2018,
doi 10.1214/17-BA1091).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType

import numpy as np

from priors import Priors
from studies.selection import LeftOut
from synthesis.diagnostics import Diagnosis
from synthesis.models import SurvivalFit
from synthesis.observations import SurvivalData
from synthesis.survival import Variant

#: What stands in the place of a family's name where the answers are stacked over several.
STACKED = "stacked"

#: Families that a stacked analysis fits unless told otherwise.
STACKED_FAMILIES = ("weibull", "log-logistic", "log-normal", "long-tail")

#: Draws of a stacked fit: as many as the families can give in proportion, up to this number.
STACKED_DRAWS = 4000

_WORST_FIRST = ("FAIL", "REVIEW", "PASS")


@dataclass(frozen=True)
class StackedFit:
    """Fits of several families to the same observations, used as one.

    It has what tables and estimands ask of a :class:`~synthesis.models.SurvivalFit`.

    Attributes
    ----------
    fits : mapping
        Name of a family -> fit.
    weights : mapping
        Name of a family -> weight; adding up to one.
    rows : mapping
        Name of a family -> which of its draws are used, ``(draws,)``; those without are left out.
    """

    fits: Mapping[str, SurvivalFit]
    weights: Mapping[str, float]
    rows: Mapping[str, np.ndarray] = field(repr=False)

    @property
    def _first(self) -> SurvivalFit:
        return next(iter(self.fits.values()))

    @property
    def data(self) -> SurvivalData:
        """Observations, the same for every family."""
        return self._first.data

    @property
    def left_out(self) -> tuple[LeftOut, ...]:
        """Cohorts that are not counted."""
        return self._first.left_out

    @property
    def priors(self) -> Priors:
        """Priors of all families."""
        return self._first.priors

    @property
    def centre_share(self) -> float:
        """Share of mixed histology at which ``mu`` and the effects are stated."""
        return self._first.centre_share

    @property
    def variant(self) -> Variant:
        """What is taken otherwise than in every report."""
        return self._first.variant

    @property
    def seed(self) -> int:
        """Seed of the random numbers."""
        return self._first.seed

    @property
    def family_weights(self) -> Mapping[str, float]:
        """Weight of each family by its name in running text."""
        return {fit.family.label: self.weights[name] for name, fit in self.fits.items()}

    @property
    def diagnosis(self) -> Diagnosis:
        """The worst diagnosis of the fits that are used."""
        used = [self.fits[name].diagnosis for name in self.rows]
        return min(used, key=lambda found: (_WORST_FIRST.index(found.verdict), -found.max_rhat))

    @cached_property
    def draw_family(self) -> np.ndarray:
        """Name of the family of each draw of :meth:`flat`."""
        return np.repeat(list(self.rows), [rows.size for rows in self.rows.values()])

    @cached_property
    def has_shape(self) -> np.ndarray:
        """One where the shape of a draw of :meth:`flat` is free, else zero."""
        free = [float(self.fits[name].family.has_shape) for name in self.rows]
        return np.repeat(free, [rows.size for rows in self.rows.values()])

    def flat(self, name: str) -> np.ndarray:
        """Draws of a variable, family by family: ``(draws, ...)``."""
        parts = [self.fits[family].flat(name)[rows] for family, rows in self.rows.items()]
        return np.concatenate(parts)


def stack(
    fits: Mapping[str, SurvivalFit],
    weights: Mapping[str, float],
    *,
    draws: int = STACKED_DRAWS,
) -> StackedFit:
    """Stack fits of several families.

    Parameters
    ----------
    fits : mapping
        Name of a family -> fit, all of the same observations.
    weights : mapping
        Name of a family -> weight; not negative, adding up to one.
    draws : int
        Draws in all, taken evenly from the chains of each family; fewer where a family does not
        have enough for its weight.

    Raises
    ------
    ValueError
        If the names differ, or the weights are not those of a mixture.
    """
    if set(fits) != set(weights):
        raise ValueError(
            f"weights: found those of {', '.join(sorted(weights)) or 'none'}, expected those of "
            f"{', '.join(sorted(fits)) or 'none'}: give each fitted family one weight"
        )
    values = np.array([weights[name] for name in fits], dtype=float)
    if (values < 0.0).any() or not np.isclose(values.sum(), 1.0):
        raise ValueError(
            f"weights: found {', '.join(f'{value:g}' for value in values)}, expected shares that "
            "are not negative and add up to one"
        )
    sizes = np.array([fit.flat("mu").size for fit in fits.values()])
    used = values > 0.0
    total = int(min(draws, np.floor(np.min(sizes[used] / values[used]))))
    rows = {
        name: np.linspace(0, size - 1, count).round().astype(int)
        for name, size, count in zip(fits, sizes, _counts(values, total), strict=True)
        if count
    }
    return StackedFit(
        MappingProxyType(dict(fits)), MappingProxyType(dict(weights)), MappingProxyType(rows)
    )


def _counts(weights: np.ndarray, total: int) -> np.ndarray:
    """Whole numbers in proportion to the weights that add up to a total: largest remainders."""
    exact = weights * total
    counts = np.floor(exact + 1e-9).astype(int)
    short = total - counts.sum()
    counts[np.argsort(counts - exact, kind="stable")[:short]] += 1
    return counts
