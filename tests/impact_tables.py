"""Tables of the impact figure, made by hand: every kind of row and the longest words."""

from __future__ import annotations

import math

import pandas as pd
from plot_tables import TREATMENTS

KNOWN = "its cohorts"
NEW_TREATMENTS = 2


def estimates(endpoint: str = "os", treatments: int = 14) -> pd.DataFrame:
    """The first treatment is new to the pool, the second has a new study, the rest move."""
    rows = []
    for number, (group, treatment) in enumerate(TREATMENTS[:treatments]):
        middle = 0.05 + 0.05 * number if endpoint == "response" else 2.2 + 0.7 * number
        after = middle * (1.0 + 0.3 / (1 + number))
        row = {"endpoint": endpoint, "treatment": treatment, "treatment_class": group}
        row |= {"histology": "reference", "target": "mean_study"}
        row["estimand"] = "response_rate" if endpoint == "response" else "median_months"
        row |= {"before": middle, "before_lower": 0.4 * middle, "before_upper": 1.9 * middle}
        row |= {"after": after, "after_lower": 0.6 * after, "after_upper": 1.6 * after}
        row |= {"shift_in_sd": 0.9 / (1 + number), "after_basis": KNOWN}
        row["before_basis"] = KNOWN if number else "expected of a new treatment of its class"
        row["new"] = number < NEW_TREATMENTS
        rows.append(row)
        rows.append(row | {"target": "new_study", "before": 99.0, "after": 99.0})
    return pd.DataFrame(rows)


def ranks(endpoint: str = "os", treatments: int = 14) -> pd.DataFrame:
    rows = [
        {"endpoint": endpoint, "treatment": treatment, "rank_before": 9 + i, "rank_after": 8 + i}
        for i, (_, treatment) in enumerate(TREATMENTS[:treatments])
    ]
    return pd.DataFrame(rows)


def surprise(endpoint: str = "os") -> pd.DataFrame:
    """Medians in several units, one not reached, limits, survival at fixed times, groups."""
    kinds = [
        ("median", "whole", "3.1 (0.6-5.5)", 3.1, 0.55),
        ("lower limit", "whole", "0.6 months", 0.6, 0.0004),
        ("median", "mixed", "NR (4.7-NR), followed for 14 months", math.inf, 0.012),
        ("median", "pure", "166 (92-1204) d", 5.45, 0.31),
        ("survival at 12 months", "whole", "12 mo: 0.52 (0.35-0.67)", 0.52, 0.051),
        ("survival at 52 weeks", "pure", "52 wk: 0.00", 0.0, 0.2),
    ]
    if endpoint == "response":
        kinds = [("responders", "whole", "2/23", 2 / 23, 0.61)]
    rows = []
    for number, (figure, group, printed, value, p) in enumerate(kinds):
        time = "survival" not in figure and figure != "responders"
        middle = 4.0 if time else 0.3
        row = {"endpoint": endpoint, "label": "Delacroix-Morel 2021", "group": group}
        row["cohort"] = "second" if number == 3 else "first"
        row |= {"treatment_class": TREATMENTS[0][0], "figure": figure, "n": 5 + 40 * number}
        row |= {"printed": printed, "value": value, "predicted": middle, "p": p}
        row |= {"lower": middle / 4, "upper": middle * (30 if number == 2 else 3)}
        row |= {"lower_50": middle / 1.5, "upper_50": middle * 1.4, "headline": number == 0}
        rows.append(row)
    return pd.DataFrame(rows)
