"""What each survival family says beside the stacked answer, and how far they lie apart."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from studies.vocabulary import Vocabulary
from synthesis.stacking import CHOICE_COLUMNS, FamilyFits, stack
from synthesis.tables import POOLED_COLUMNS, pooled_table

# Draws of each family: enough beside the pooled answer, and a tail needs time for restricted means.
_DRAWS = 2000

FAMILY_COLUMNS = ("endpoint", "family", *POOLED_COLUMNS[1:])


def model_choice_table(survival: Mapping[str, FamilyFits]) -> pd.DataFrame:
    """How well the families predict, all endpoints: :data:`~synthesis.stacking.CHOICE_COLUMNS`.

    Without rows where each endpoint has one family.
    """
    tables = [found.choice.table for found in survival.values() if found.choice is not None]
    if not tables:
        return pd.DataFrame(columns=list(CHOICE_COLUMNS))
    return pd.concat(tables, ignore_index=True)


def families_table(
    survival: Mapping[str, FamilyFits], vocabulary: Vocabulary, reference_mix: float
) -> pd.DataFrame:
    """Pooled estimates under each family: :data:`FAMILY_COLUMNS`.

    The rows are those of :func:`~synthesis.tables.pooled_table`, for one family after the other.
    """
    frames = []
    for endpoint, found in survival.items():
        for name, fit in found.by_family.items():
            thinned = stack({name: fit}, {name: 1.0}, draws=_DRAWS)
            own = pooled_table({endpoint: thinned}, vocabulary, reference_mix)
            frames.append(own.assign(family=fit.family.label))
    if not frames:
        return pd.DataFrame(columns=list(FAMILY_COLUMNS))
    return pd.concat(frames, ignore_index=True)[list(FAMILY_COLUMNS)]


@dataclass(frozen=True)
class Disagreement:
    """Where the families lie furthest apart in one estimand.

    Attributes
    ----------
    treatment : str
    lowest, highest : float
        Estimates of the families.
    lowest_family, highest_family : str
    share : float
        The distance between them as a part of the width of the 95 % interval of the pooled answer,
        on the log scale for times.
    """

    treatment: str
    lowest: float
    highest: float
    lowest_family: str
    highest_family: str
    share: float


def disagreement(families: pd.DataFrame, pooled: pd.DataFrame) -> Disagreement:
    """The treatment on which the families differ most, beside the width of its interval.

    Parameters
    ----------
    families, pooled : DataFrame
        Rows of one endpoint, estimand, histology and target, of the same treatments.
    """
    found = []
    for row in pooled.itertuples(index=False):
        own = families[families["treatment"] == row.treatment]
        low, high = own.loc[own["estimate"].idxmin()], own.loc[own["estimate"].idxmax()]
        write = (lambda x: x) if row.estimand.startswith("survival") else np.log
        apart = write(high["estimate"]) - write(low["estimate"])
        width = write(row.upper) - write(row.lower)
        found.append(
            Disagreement(
                row.treatment,
                float(low["estimate"]),
                float(high["estimate"]),
                low["family"],
                high["family"],
                float(apart / width),
            )
        )
    return max(found, key=lambda item: item.share)
