"""Comparisons as rows of text: the same words and digits in the terminal and in the report."""

from __future__ import annotations

from synthesis.numbers import chance
from synthesis.questions.compare import Comparison
from synthesis.questions.contrasts import spread_text


def contrast_rows(comparison: Comparison, endpoint: str) -> list[dict[str, str]]:
    """Contrasts with the reference, a row a treatment in order of display.

    Parameters
    ----------
    comparison : Comparison
    endpoint : str
        One of its endpoints.

    Returns
    -------
    list of dict
        ``treatment``, ``carried_by``, ``cohorts`` and ``patients`` (of the treatment itself), every
        contrast with its interval under the name of its estimand, and ``p_gain`` for survival.
    """
    own = comparison.table[comparison.table["endpoint"] == endpoint]
    rows = []
    for treatment, part in own.groupby("treatment", sort=False):
        evidence = comparison.evidence[endpoint, str(treatment)]
        found = {
            "treatment": str(treatment),
            "carried_by": evidence.kind,
            "cohorts": str(evidence.cohorts[0]),
            "patients": str(evidence.patients[0]),
        }
        for row in part.itertuples(index=False):
            found[row.estimand] = spread_text(row.estimate, row.lower, row.upper, row.estimand)
            if row.p_gain == row.p_gain:
                found["p_gain"] = chance(row.p_gain)
        rows.append(found)
    return rows


def rank_texts(comparison: Comparison, endpoint: str) -> dict[str, str]:
    """Mean rank of each treatment with the 95 % interval of its rank, ``2.1 (1-5)``."""
    own = comparison.ranks[comparison.ranks["endpoint"] == endpoint]
    return {
        row.treatment: f"{row.mean_rank:.1f} ({row.lower:.0f}-{row.upper:.0f})"
        for row in own.drop_duplicates("treatment").itertuples(index=False)
    }
