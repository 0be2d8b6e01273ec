"""Everything about benefit by histology that one question asks for, from fits at hand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

import numpy as np
import pandas as pd

from studies.vocabulary import Vocabulary
from synthesis.estimands import Fit
from synthesis.model.sampler import Progress
from synthesis.questions.histology import Benefit, benefit_by_histology
from synthesis.questions.influence import (
    INFLUENCE_COLUMNS,
    cohort_weights,
    histology_quantities,
    influence_table,
    median_quantities,
)
from synthesis.questions.single import SingleResult, results_by_histology, single_result


@dataclass(frozen=True)
class Findings:
    """Benefit by histology, what moved it, and the results that are behind it.

    Attributes
    ----------
    benefit : Benefit
    influence : DataFrame
        :data:`~synthesis.questions.influence.INFLUENCE_COLUMNS`: effects of histology, then the
        median of every treatment at the reference mix, by endpoint.
    singles : mapping
        Endpoint -> each report's own difference between pure and mixed tumours; that from which
        this project starts first.
    """

    benefit: Benefit
    influence: pd.DataFrame = field(repr=False)
    singles: Mapping[str, tuple[SingleResult, ...]]

    def influence_of(self, endpoint: str, unit: str) -> pd.DataFrame:
        """Rows of an endpoint in one unit, ratio or months."""
        own = self.influence
        return own[(own["endpoint"] == endpoint) & (own["unit"] == unit)]


def find_benefit(
    fits: Mapping[str, Fit],
    vocabulary: Vocabulary,
    *,
    reference: str | None = None,
    delta: float = 1.0,
    mix: float = 0.4,
    known: Mapping[str, Mapping[str, np.ndarray]] = MappingProxyType({}),
    progress: Progress | None = None,
) -> Findings:
    """Compare treatments by histology, leave every cohort out, and read single results.

    Parameters
    ----------
    fits : mapping
        Endpoint -> fit.
    vocabulary : Vocabulary
    reference, delta
        As in :func:`~synthesis.questions.histology.benefit_by_histology`.
    mix : float
        Share of mixed histology of the medians whose influences are measured.
    known : mapping
        Endpoint -> log likelihoods of the cohorts by family, where they were computed before; see
        :func:`~synthesis.questions.influence.cohort_weights`.
    progress : callable, optional
        Called with a sentence at each stage.

    Raises
    ------
    ValueError, NotComparedError
        As :func:`~synthesis.questions.histology.benefit_by_histology`.
    """
    tell = progress or (lambda _: None)
    tell("benefit by histology")
    benefit = benefit_by_histology(fits, vocabulary, reference=reference, delta=delta)
    moved, singles = [], {}
    for endpoint in benefit.endpoints:
        fit = fits[endpoint]
        weights = cohort_weights(
            fit,
            known=known.get(endpoint, {}),
            progress=lambda words, e=endpoint: tell(f"{e}: {words}"),
        )
        share = mix if benefit.told[endpoint] else fit.centre_share
        asked = histology_quantities(fit, vocabulary) if benefit.told[endpoint] else []
        asked += median_quantities(fit, vocabulary, share)
        moved.append(influence_table(fit, asked, vocabulary, weights))
        tell(f"{endpoint}: single results")
        singles[endpoint] = tuple(
            single_result(fit, ref, vocabulary) for ref in results_by_histology(fit)
        )
    frames = [frame for frame in moved if not frame.empty]
    none = pd.DataFrame(columns=list(INFLUENCE_COLUMNS))
    table = pd.concat(frames, ignore_index=True) if frames else none
    return Findings(benefit, table, singles)
