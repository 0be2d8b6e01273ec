"""Sensitivity as routine: one choice at a time is made otherwise, and the fit made again.

- ``specifications``: what may be chosen otherwise, each as one change against the base analysis.
- ``observed``: which figures are counted under a specification.
- ``conclusions``: the question that is asked of every fit, and its answers from the draws.
- ``runner``, ``store``: refits that share one compiled model, each kept as soon as it is done.
- ``power_scaling``: how much prior and likelihood say, without a refit.
- ``tables``, ``words``, ``measure``: what changes under which choice, and everything together.
"""

from synthesis.questions.sensitivity import Sensitivity, sensitivity

__all__ = ["Sensitivity", "sensitivity"]
