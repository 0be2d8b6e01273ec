"""Historical control: the prediction for a new arm as a prior that trial software can read.

- ``mixtures``, ``fitting``: mixtures of conjugate distributions, fitted to the draws of a quantity.
- ``effective``: how many patients or events such a prior is worth.
- ``control``: the quantities of a new study under a treatment, each as a mixture.
- ``words``, ``export``: the same in sentences, as calls of the R package RBesT and as JSON.
"""

from synthesis.questions.control import HistoricalControl, control

__all__ = ["HistoricalControl", "control"]
