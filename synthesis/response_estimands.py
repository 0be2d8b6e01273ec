r"""Disease control and complete response from the draws of a response fit.

With :math:`p` the response rate, :math:`q` the probability of stable disease for a patient who does
not respond, and :math:`c` that of a complete response for one who does (the stages of
:mod:`synthesis.response`), all per evaluable patient:

.. math::
   \text{disease control} = p + (1 - p)\,q, \qquad \text{complete response} = p\,c

so that in every draw complete response <= response <= disease control.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from studies.figures import BestResponses
from synthesis.estimands import Group, Target, response_rate
from synthesis.models import ResponseFit
from synthesis.response import STAGES, variable


def disease_control_rate(fit: ResponseFit, group: Group, target: Target) -> np.ndarray:
    """Draws of the share of evaluable patients with disease control, shape ``(draws,)``.

    Disease control is a complete or partial response or stable disease, for as long as each report
    asks for.

    Parameters
    ----------
    fit : ResponseFit
    group : Group
    target : {"mean_study", "new_study"}
    """
    rate = response_rate(fit, group, target)
    return rate + (1.0 - rate) * stage_rate(fit, "control", group, target)


def complete_response_rate(fit: ResponseFit, group: Group, target: Target) -> np.ndarray:
    """Draws of the share of evaluable patients with a complete response, shape ``(draws,)``.

    Parameters are those of :func:`disease_control_rate`.
    """
    return response_rate(fit, group, target) * stage_rate(fit, "complete", group, target)


def stage_rate(fit: ResponseFit, stage: str, group: Group, target: Target) -> np.ndarray:
    """Draws of the probability of a later stage among those who reach it, shape ``(draws,)``.

    Parameters
    ----------
    fit : ResponseFit
    stage : {"control", "complete"}
        Stable disease of those who do not respond; complete response of those who do.
    group : Group
    target : {"mean_study", "new_study"}
    """
    # the same noise for every group, and other noise than that of the response rate
    rng = np.random.default_rng([fit.seed, 7, STAGES.index(stage)])

    def flat(name: str) -> np.ndarray:
        return fit.flat(variable(stage, name))

    value = flat("mu") + flat("class_effect")[:, group.class_index]
    if group.treatment_index is not None:
        value = value + flat("treatment_effect")[:, group.treatment_index]
    elif target == "new_study":
        value = value + flat("treatment_sd") * rng.standard_normal(value.shape)
    if target == "new_study":
        value = value + flat("study_sd") * rng.standard_normal(value.shape)
    return 1.0 / (1.0 + np.exp(-value))


#: Estimands of the response endpoint: name -> its draws for a group and a target.
RESPONSE_ESTIMANDS: dict[str, Callable[[ResponseFit, Group, Target], np.ndarray]] = {
    "response_rate": response_rate,
    "disease_control": disease_control_rate,
    "complete_response": complete_response_rate,
}

# The count of a cohort without which it does not tell an estimand.
_COUNT_OF = {
    "response_rate": "responders",
    "disease_control": "control",
    "complete_response": "complete",
}


def tells(count: BestResponses, estimand: str) -> bool:
    """Whether the best responses of a cohort tell an estimand of :data:`RESPONSE_ESTIMANDS`."""
    return getattr(count, _COUNT_OF[estimand]) is not None


def told_estimands(fit: ResponseFit) -> tuple[str, ...]:
    """The response rate, and what else any cohort of a fit tells: the rest would be prior alone."""
    return tuple(
        name
        for name in RESPONSE_ESTIMANDS
        if name == "response_rate" or any(tells(count, name) for count in fit.data.counts)
    )
