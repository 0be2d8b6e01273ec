"""Questions that a biostatistician would ask of printed figures.

What cannot be true as written is refused when a registry is loaded. Here are the figures that can
be true and look like a slip (warnings: to be corrected, or acknowledged in the study file with a
reason), and the traps that a reader has to know of (notes). Every check states its question and why
the answer matters; only the standard library computes.
"""

from studies.plausibility.catalogue import CHECKS
from studies.plausibility.question import Check
from studies.plausibility.reviewing import Review, findings, review

__all__ = ["CHECKS", "Check", "Review", "findings", "review"]
