"""What was believed before: named priors with their reasons, and what they imply.

The public names are :func:`load_priors`, :class:`Priors` and :class:`Prior`. Turning a prior into
a PyMC variable is :func:`priors.realise.realise`, imported by models only.
"""

from priors.catalogue import Prior, Priors, PriorsError, load_priors

__all__ = ["Prior", "Priors", "PriorsError", "load_priors"]
