r"""Where a pooled answer is not what the cohorts of its treatment report, which is said.

Each endpoint has a hierarchy of its own, whose spreads between classes, treatments and studies are
learned from its cohorts. The average study of a treatment with one cohort, which tells it with the
variance :math:`s^2` of its own, is drawn towards its class: with known spreads the cohort has the
weight

.. math::
   w = \frac{\sigma_T^2}{\sigma_T^2 + \sigma_S^2 + s^2}

and its class the rest, however many patients it has: an average study is asked for, and one study
tells it no closer than :math:`\sigma_S`. A treatment is called *shrunk* where that leads out of
what its cohorts report: its average study lies above the interval of each of them, or below each
(of response the exact interval), and so does the average study of their own population and
histology. Then neither the reference population nor differences between its own cohorts explain it,
but what other treatments tell.
"""

from __future__ import annotations

import pandas as pd

from studies.vocabulary import Vocabulary
from synthesis import numbers
from synthesis.endpoints import endpoint_of
from synthesis.estimands import Fit, NamedGroup
from synthesis.numbers import listed
from synthesis.questions.pooled.cohorts import cohorts_of

#: What a table, a plot and a page call it.
SHRUNK = "shrunk towards the other treatments"


def is_shrunk(fit: Fit, group: NamedGroup, estimate: float) -> bool:
    """Whether the cohorts of a treatment, taken by themselves, contradict its average study.

    Cohorts that report no interval are not asked; where none reports one the answer is no.
    """
    ids, sides = {ref.id for ref in group.cohorts}, set()
    for own in cohorts_of(fit):
        if own.ref.id in ids and (limits := own.interval) is not None:
            lower, upper = limits
            sides |= {int(v > upper) - int(v < lower) for v in (estimate, own.average)}
    return sides in ({-1}, {1})


def contradictions(
    cohorts: pd.DataFrame, pooled: pd.DataFrame, vocabulary: Vocabulary
) -> tuple[str, ...]:
    """Treatments whose pooled answer is not what their cohorts report, and why, a sentence each.

    Those that are shrunk, and those whose pooled median lies outside the range of the medians that
    two or more cohorts report.
    """
    average = pooled[(pooled["histology"] == "reference") & (pooled["target"] == "mean_study")]
    sentences, estimates = [], average.set_index(["endpoint", "treatment", "estimand"])
    for (name, treatment), group in cohorts.groupby(["endpoint", "treatment"], sort=False):
        endpoint = endpoint_of(name)
        key = (name, treatment, endpoint.estimand)
        if key not in estimates.index:
            continue
        row, reported = estimates.loc[key], group.dropna(subset=["printed_value"])
        about = f"{treatment}, {endpoint.words(vocabulary)}"
        if row["shrunk"]:
            own = listed(f"{each.label}: {each.printed}" for each in group.itertuples())
            sentences.append(
                f"{about}: the average study of "
                f"{numbers.written(row, endpoint.write)} "
                f"{endpoint.unit} lies outside what its cohorts report by themselves ({own}): it "
                f"is {SHRUNK}."
            )
        elif not endpoint.is_response and len(reported) >= 2:
            low, high = reported["printed_value"].min(), reported["printed_value"].max()
            if not low <= row["estimate"] <= high:
                sentences.append(
                    f"{about}: the pooled median of {numbers.months(row['estimate'])} months lies "
                    "outside the reported medians of its cohorts "
                    f"({numbers.months(low)} to {numbers.months(high)} months). "
                    f"{len(reported)} of {numbers.count(len(group), 'cohort')} report a median, of "
                    f"{int(reported['n'].sum())} patients, so the estimate is drawn towards the "
                    "other figures and treatments of the class."
                )
    return tuple(sentences)
