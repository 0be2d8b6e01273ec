"""The bias analysis as the tables that its figures are made of."""

from __future__ import annotations

import pandas as pd

from synthesis.benefit.histology_words import ratio
from synthesis.bias.words import Tables
from synthesis.text.plain import count


def effect_rows(tables: Tables) -> pd.DataFrame:
    """The common bias and the spread of biases, a row each with prior and posterior as texts."""
    rows = []
    for name, own in tables.effects.groupby("effect", sort=False):
        by_which = {row.which: row for row in own.itertuples(index=False)}
        after = by_which["posterior"]
        behind = f"{count(after.cohorts, 'cohort')}, {count(after.patients, 'patient')}"
        rows.append(
            {
                "parameter": name,
                "label": after.label,
                "detail": behind,
                "prior_text": ratio(by_which["prior"]),
                "posterior_text": ratio(after),
                "prior_share": after.prior_share,
            }
        )
    return pd.DataFrame(rows)


def report_rows(tables: Tables) -> pd.DataFrame:
    """The reports' own biases with ``estimate_text``."""
    texts = [ratio(row) for row in tables.reports.itertuples(index=False)]
    return tables.reports.assign(estimate_text=pd.Series(texts, dtype=object))
