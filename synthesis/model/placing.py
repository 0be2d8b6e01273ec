r"""Where the data know an arm well, the sampler moves about what they say of it.

The effects that add up to a location are standard normal before the data. An arm of hundreds of
patients fixes its location to a tenth of what the prior allows and so ties all of them: a sampler
would creep along a narrow ridge. Where a registry has such *sharp* arms, the effects :math:`r` are
therefore a linear map of what is sampled, :math:`z`. Let the arms have estimates with the errors
:math:`s_i`. Let :math:`B` hold the row of the design of each arm, times the standard deviations of
the effects and over :math:`s_i`, and :math:`v` the distance of each estimate from its mean under
the prior, over :math:`s_i`. With :math:`B B^\top + I = L L^\top`

.. math::
   r = z + B^\top L^{-\top} \{L^{-1} v - (L + I)^{-1} B z\}, \qquad
   \det \frac{\partial r}{\partial z} = \prod_i L_{ii}^{-1} .

If `z` is standard normal, `r` has the mean and the variance of the effects given the estimates,
for whatever standard deviations (the square root filter of Andrews, in
Tippett et al. 2003, Mon Weather Rev 131:1485-1490). The
model is the same: the density of `r` is what it was, estimates and errors only place the map.
Log shapes have a map of their own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from synthesis.model.covariates import COVARIATES
from synthesis.model.families import FAMILIES, Family
from synthesis.model.likelihoods import arm_log_likelihood

if TYPE_CHECKING:
    from synthesis.model.observations import Arm, SurvivalData

#: The effects on the location of an arm, in the order of the columns of the design.
EFFECTS = ("mu", "class", "treatment", "study", "cohort", *COVARIATES, "prognostic", "predictive")

#: Dimension of those that are many.
WIDTH = {level: level for level in ("class", "treatment", "study", "cohort")}
WIDTH |= {"predictive": "treatment", "shape_treatment": "treatment", "shape_cohort": "cohort"}

#: The effects on the log shape of an arm.
SHAPE_EFFECTS = ("shape_mean", "shape_treatment", "shape_cohort")

#: SD of an estimate, log months, below which an arm is sharp: an eighth of that of the prior.
SHARP_SD = 0.135
_LEAST_PATIENTS = 50  # fewer are never sharp

# Grids of locations, about the printed times and then about the estimate, and of log shapes, whose
# estimate tells nothing from this error on.
_LOCATIONS, _REACH, _SDS = 161, 1.5, 5.0
_LOG_SHAPES = np.linspace(-0.8, 2.0, 29)
_VAGUE = 0.5
_STEP = float(_LOG_SHAPES[1] - _LOG_SHAPES[0])


class Estimate(NamedTuple):
    """What its figures alone say of an arm: mean and SD of its location, log months, and shape."""

    mean: float
    sd: float
    log_shape: float
    log_shape_sd: float


def estimates(data: SurvivalData, family: Family) -> dict[int, Estimate]:
    """Arm -> estimate of its location, of all that are large enough to be sharp, sharpest first."""
    each = {
        i: estimate(arm, family)
        for i, arm in enumerate(data.arms)
        if arm.chains and arm.n >= _LEAST_PATIENTS
    }
    return dict(sorted(each.items(), key=lambda item: item[1].sd))


def estimate(arm: Arm, family: Family) -> Estimate:
    """Mean and SD of the location of an arm, any location and shape being as likely before."""
    log_times = np.log(np.concatenate([chain.time for chain in arm.chains]))
    location = np.linspace(log_times.min() - _REACH, log_times.max() + _REACH, _LOCATIONS)
    log_shape = _LOG_SHAPES if family.has_shape else np.zeros(1)
    weights = [0.0] * len(arm.chains)
    for _ in range(2):
        value = arm_log_likelihood(arm.chains, weights, location[:, None], log_shape, family)
        both = np.exp(value - value.max())
        p, of_shape = (both.sum(axis=axis) / both.sum() for axis in (1, 0))
        mean = p @ location
        sd = max(np.sqrt(p @ (location - mean) ** 2), 0.5 * (location[1] - location[0]))
        location = mean + sd * np.linspace(-_SDS, _SDS, _LOCATIONS)
    middle = of_shape @ log_shape
    spread = np.sqrt(of_shape @ (log_shape - middle) ** 2 + _STEP**2 / 12.0)
    return Estimate(float(mean), float(sd), float(middle), float(spread))


def sharp_count(data: SurvivalData) -> int:
    """Number of sharp arms, under the usual family."""
    found = estimates(data, FAMILIES["log-logistic"]).values()
    return sum(own.sd < SHARP_SD for own in found)


def placing_data(
    data: SurvivalData, family: Family, values: Mapping[str, np.ndarray], sizes: Mapping[str, int]
) -> dict[str, np.ndarray]:
    """Rows of the design over the errors, and distances from the prior, of the sharpest arms.

    The values are all other data of the model. Its room for ``sharp`` arms may be nought; beyond
    the data rows are zero. ``sharp_location_design`` is ``(sharp, effects)``,
    ``sharp_location_gap`` ``(sharp,)``; so are those of the ``shape``.
    """
    room = sizes["sharp"]
    # without a tail the generalised gamma is the log-normal, whose curves are quick to compute
    near = FAMILIES["log-normal"] if family.name == "generalised gamma" else family
    found = list(estimates(data, near).items())[:room] if room else []
    location, shape = _Rows(EFFECTS, sizes), _Rows(SHAPE_EFFECTS, sizes)
    for i, own in found:
        cohort, share = data.arms[i].cohort, data.arms[i].share
        shared = values["cohort_shared"][cohort]
        if share is None:
            share = 1.0 / (1.0 + np.exp(-values["share_logit_location"][cohort]))
        apart = share - values["centre_share"]
        entries = {
            "mu": (0, 1.0),
            "class": (values["arm_class"][i], 1.0),
            "treatment": (values["arm_treatment"][i], 1.0),
            "study": (values["arm_study"][i], np.sqrt(shared)),
            "cohort": (cohort, np.sqrt(1.0 - shared)),
            "prognostic": (0, apart),
            "predictive": (values["arm_treatment"][i], apart),
        }
        numbers = zip(COVARIATES, values["cohort_covariates"][cohort], strict=True)
        entries |= {name: (0, number) for name, number in numbers}
        location.add(entries, own.mean, own.sd, values)
        if values["shape_free"] and own.log_shape_sd < _VAGUE:
            entries = {"shape_mean": (0, 1.0), "shape_cohort": (cohort, 1.0)}
            entries |= {"shape_treatment": (values["cohort_treatment"][cohort], 1.0)}
            shape.add(entries, own.log_shape, own.log_shape_sd, values)
    return location.arrays("location") | shape.arrays("shape")


class _Rows:
    """Rows of a design, each over the error of its estimate, with the distance from the prior."""

    def __init__(self, effects: Sequence[str], sizes: Mapping[str, int]) -> None:
        room = sizes["sharp"]
        width = {name: sizes[WIDTH[name]] if name in WIDTH else 1 for name in effects}
        self._design = {name: np.zeros((room, width[name])) for name in effects}
        self._gap, self._next = np.zeros(room), 0

    def add(
        self,
        entries: Mapping[str, tuple[int, float]],
        mean: float,
        sd: float,
        values: Mapping[str, np.ndarray],
    ) -> None:
        """Add the row of an arm: effect -> its column and entry."""
        for name, (column, entry) in entries.items():
            self._design[name][self._next, column] = entry / sd
        centre = sum(e * values.get(f"{n}_location", 0.0) for n, (_, e) in entries.items())
        self._gap[self._next] = (mean - centre) / sd
        self._next += 1

    def arrays(self, what: str) -> dict[str, np.ndarray]:
        """The design, ``(sharp, effects)``, and the distances, ``(sharp,)``."""
        design = np.concatenate([*self._design.values()], axis=1)
        return {f"sharp_{what}_design": design, f"sharp_{what}_gap": self._gap}
