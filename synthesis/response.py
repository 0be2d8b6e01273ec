r"""The hierarchical response model.

For cohort ``j`` of study ``s`` under treatment ``t`` of class ``c``, with :math:`r_j` responders of
:math:`n_j` evaluable patients:

.. math::
   r_j \sim \mathrm{Binomial}(n_j, p_j), \qquad
   \mathrm{logit}\,p_j = \mu + \sigma_C u_c + \sigma_T v_t + \sigma_S w_s

with standard normal ``u, v, w``. Counts enter as they are: no continuity correction, none needed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pymc as pm

from priors import Priors
from priors.realise import prior_data, realise
from studies.responders import ResponseCount
from studies.selection import CohortRef
from synthesis.fit import Problem
from synthesis.observations import Sizes, order_treatments
from synthesis.packing import unpack

PRIOR_OF = {
    "mu": "response_overall",
    "class_sd": "response_class_sd",
    "treatment_sd": "response_treatment_sd",
    "study_sd": "response_study_sd",
}

KEEP: dict[str, tuple[str, ...]] = {
    "mu": (),
    "class_sd": (),
    "treatment_sd": (),
    "study_sd": (),
    "class_effect": ("class",),
    "treatment_effect": ("treatment",),
    "study_effect": ("study",),
    "log_odds": ("cohort",),
}

_STEP = {"class": 4, "treatment": 8, "study": 16, "cohort": 16}


@dataclass(frozen=True)
class ResponseData:
    """Responders of the counted cohorts.

    Attributes
    ----------
    classes, treatments, studies : tuple of str
        Identifiers, in order of display.
    treatment_class : tuple of int
        Class of each treatment.
    cohorts : tuple of CohortRef
    counts : tuple of ResponseCount
        One a cohort.
    """

    classes: tuple[str, ...]
    treatments: tuple[str, ...]
    studies: tuple[str, ...]
    treatment_class: tuple[int, ...]
    cohorts: tuple[CohortRef, ...]
    counts: tuple[ResponseCount, ...]

    endpoint = "response"

    def padded(self, sizes: Sizes) -> dict[str, np.ndarray]:
        """All arrays at the sizes of a compiled model; padding has no patients."""
        arrays = {name: np.zeros(sizes["cohort"], dtype="int64") for name in _COHORT_DATA}
        for i, (ref, count) in enumerate(zip(self.cohorts, self.counts, strict=True)):
            treatment = self.treatments.index(ref.treatment)
            arrays["cohort_treatment"][i] = treatment
            arrays["cohort_class"][i] = self.treatment_class[treatment]
            arrays["cohort_study"][i] = self.studies.index(ref.study.id)
            arrays["responders"][i], arrays["evaluable"][i] = count.responders, count.evaluable
        return arrays


_COHORT_DATA = ("cohort_class", "cohort_treatment", "cohort_study", "responders", "evaluable")


def response_data(
    counted: Sequence[CohortRef], counts: Sequence[ResponseCount], class_order: Sequence[str]
) -> ResponseData:
    """Arrange counted cohorts with their numbers of responders.

    Parameters
    ----------
    counted : sequence of CohortRef
    counts : sequence of ResponseCount
        In the same order.
    class_order : sequence of str
        Class identifiers in order of display.
    """
    classes, treatments, treatment_class = order_treatments(counted, class_order)
    studies = tuple(sorted({ref.study.id for ref in counted}))
    return ResponseData(
        classes, treatments, studies, treatment_class, tuple(counted), tuple(counts)
    )


def response_problem(data: ResponseData, priors: Priors) -> Problem:
    """The model with its data, ready for :func:`synthesis.fit.run`."""
    labels = {
        "class": data.classes,
        "treatment": data.treatments,
        "study": data.studies,
        "cohort": tuple(ref.id for ref in data.cohorts),
    }
    room = {name: -(-max(len(labels[name]), 1) // step) * step for name, step in _STEP.items()}
    sizes = Sizes(tuple(room.items()))
    values = data.padded(sizes)
    for variable, name in PRIOR_OF.items():
        values |= {k: np.asarray(v) for k, v in prior_data(priors[name], variable).items()}
    families = tuple(priors[name].family for name in PRIOR_OF.values())
    return Problem(
        kind=("response", sizes.room, families),
        build=lambda: response_model(values, priors, sizes),
        values=values,
        keep=KEEP,
        labels=labels,
    )


def response_model(values: dict[str, np.ndarray], priors: Priors, sizes: Sizes) -> pm.Model:
    """Build the model; nothing is sampled here.

    Parameters
    ----------
    values : dict
        From :meth:`ResponseData.padded`.
    priors : Priors
    sizes : Sizes

    Returns
    -------
    pymc.Model
        With dimensions ``class, treatment, study, cohort``.
    """
    with pm.Model(coords={name: np.arange(size) for name, size in sizes.items()}) as model:
        d = unpack(values)
        log_odds = realise(priors[PRIOR_OF["mu"]], "mu", d)
        for level in ("class", "treatment", "study"):
            sd = realise(priors[PRIOR_OF[f"{level}_sd"]], f"{level}_sd", d)
            raw = pm.Normal(f"{level}_effect_raw", 0.0, 1.0, dims=level)
            effect = pm.Deterministic(f"{level}_effect", sd * raw, dims=level)
            log_odds += effect[d[f"cohort_{level}"]]
        log_odds = pm.Deterministic("log_odds", log_odds, dims="cohort")
        # Binomial on the log odds scale, written out: a padded cohort has n = 0 and adds nothing
        likelihood = d["responders"] * log_odds - d["evaluable"] * pm.math.log1pexp(log_odds)
        pm.Potential("responses", likelihood, dims="cohort")
    return model
