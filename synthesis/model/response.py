r"""The hierarchical response model.

Of the :math:`n_j` evaluable patients of cohort ``j``, :math:`r_j` respond, of whom :math:`k_j`
completely; the disease of :math:`d_j - r_j` others is stable, so that :math:`d_j` have disease
control. The four groups (complete, partial, stable, the rest) are one multinomial, which is exactly
the product of three binomials, one behind the other (continuation ratios):

.. math::
   r_j \sim \mathrm{Binomial}(n_j, p_j), \qquad
   d_j - r_j \sim \mathrm{Binomial}(n_j - r_j, q_j), \qquad
   k_j \sim \mathrm{Binomial}(r_j, c_j)

These are the stages ``response``, ``control`` and ``complete``. Each has a hierarchy of its own,
for study ``s`` under treatment ``t`` of class ``c``:

.. math::
   \mathrm{logit}\,p_j = \mu + \sigma_C u_c + \sigma_T v_t + \sigma_S w_s

with standard normal ``u, v, w``; ``q`` and ``c`` likewise. A cohort enters a stage where its report
determines the count: one that prints a response rate alone enters the first and says nothing of the
others. The stages share no parameter, so none of them learns from another. Counts enter as they
are: no continuity correction, none needed. Patients who were not evaluable are among the rest where
the printed denominator holds them.

Variables of the first stage have plain names (``mu``, ``class_effect``, ...); those of the others
begin with the name of their stage (``control_mu``).

Source: Agresti 2013, Categorical Data Analysis, 3rd ed., chapter 8 (continuation-ratio logits).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from priors import Priors, prior_data
from studies.responses import BestResponses, ResponseCount
from studies.selection import CohortRef
from synthesis.model.arrays import Sizes, with_spare
from synthesis.model.observations import order_treatments
from synthesis.model.sampler import Problem

#: Stages of the model in order.
STAGES = ("response", "control", "complete")


def variable(stage: str, name: str) -> str:
    """Name of a stage's variable: ``mu`` of the first stage, ``control_mu`` of the second."""
    return name if stage == STAGES[0] else f"{stage}_{name}"


LEVELS = ("class", "treatment", "study")

PRIOR_OF = {
    variable(stage, name): f"{stage}_{prior}"
    for stage in STAGES
    for name, prior in (("mu", "overall"), *((f"{level}_sd",) * 2 for level in LEVELS))
}

_KEEP: dict[str, tuple[str, ...]] = {
    "mu": (),
    **{f"{level}_sd": () for level in LEVELS},
    **{f"{level}_effect": (level,) for level in LEVELS},
    "log_odds": ("cohort",),
}

KEEP = {variable(stage, name): dims for stage in STAGES for name, dims in _KEEP.items()}


def trials(count: BestResponses) -> dict[str, tuple[int, int]]:
    """Successes and trials of each stage that a cohort's best responses determine."""
    stages = {"response": (count.responders, count.evaluable)}
    if count.control is not None:
        stable, others = count.control - count.responders, count.evaluable - count.responders
        stages["control"] = (stable, others)
    if count.complete is not None:
        stages["complete"] = (count.complete, count.responders)
    return stages


@dataclass(frozen=True)
class ResponseData:
    """Best responses of the counted cohorts."""

    classes: tuple[str, ...]
    treatments: tuple[str, ...]
    studies: tuple[str, ...]
    """`classes`, `treatments` and `studies` are identifiers in order of display."""
    treatment_class: tuple[int, ...]
    """Class of each treatment."""
    cohorts: tuple[CohortRef, ...]
    counts: tuple[BestResponses, ...]
    """One a cohort."""

    endpoint = "response"

    @property
    def stages(self) -> tuple[str, ...]:
        """Stages of which some cohort says anything."""
        known = {stage for count in self.counts for stage in trials(count)}
        return tuple(stage for stage in STAGES if stage in known)

    def padded(self, sizes: Sizes) -> dict[str, np.ndarray]:
        """All arrays at the sizes of a compiled model; padding has no patients."""
        arrays = {name: np.zeros(sizes["cohort"], dtype="int64") for name in _COHORT_DATA}
        for i, (ref, count) in enumerate(zip(self.cohorts, self.counts, strict=True)):
            treatment = self.treatments.index(ref.treatment)
            arrays["cohort_treatment"][i] = treatment
            arrays["cohort_class"][i] = self.treatment_class[treatment]
            arrays["cohort_study"][i] = self.studies.index(ref.study.id)
            for stage, (successes, of) in trials(count).items():
                arrays[f"{stage}_successes"][i], arrays[f"{stage}_trials"][i] = successes, of
        return arrays


_COHORT_DATA = (
    *(f"cohort_{level}" for level in LEVELS),
    *(f"{stage}_{what}" for stage in STAGES for what in ("successes", "trials")),
)


def response_data(
    counted: Sequence[CohortRef], counts: Sequence[ResponseCount], class_order: Sequence[str]
) -> ResponseData:
    """Arrange counted cohorts with their best responses, which are in the same order.

    A plain count knows nothing but the responders; classes come in order of display.
    """
    classes, treatments, treatment_class = order_treatments(counted, class_order)
    studies = tuple(sorted({ref.study.id for ref in counted}))
    known = tuple(
        count
        if isinstance(count, BestResponses)
        else BestResponses(count.responders, count.evaluable, count.derivation)
        for count in counts
    )
    return ResponseData(classes, treatments, studies, treatment_class, tuple(counted), known)


def response_problem(data: ResponseData, priors: Priors) -> Problem:
    """The model with its data, ready for :func:`synthesis.model.sampler.run`."""
    labels = {
        "class": data.classes,
        "treatment": data.treatments,
        "study": data.studies,
        "cohort": tuple(ref.id for ref in data.cohorts),
    }
    sizes = Sizes(tuple((name, with_spare(name, max(len(own), 1))) for name, own in labels.items()))
    values = data.padded(sizes)
    for variable, name in PRIOR_OF.items():
        values |= {k: np.asarray(v) for k, v in prior_data(priors[name], variable).items()}
    return Problem(
        model="response",
        families={variable: priors[name].family for variable, name in PRIOR_OF.items()},
        sizes=sizes,
        values=values,
        keep=KEEP,
        labels=labels,
    )
