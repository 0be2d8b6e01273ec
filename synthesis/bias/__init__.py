"""Biases of retrospective reports, and small studies: optional, and no part of the pooled answers.

:func:`bias_analysis` fits the model with a bias of retrospective reports beside the usual one, and
looks at the printed medians in a funnel.
"""

from synthesis.bias.funnel import funnel_table
from synthesis.bias.measure import BiasAnalysis, bias_analysis
from synthesis.bias.slope import slope_table

__all__ = ["BiasAnalysis", "bias_analysis", "funnel_table", "slope_table"]
