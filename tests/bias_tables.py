"""Invented tables of biases and of a funnel, to draw."""

from __future__ import annotations

import numpy as np
import pandas as pd
from plot_tables import AUTHORS, TREATMENTS

KINDS = ("retrospective", "prospective", "not stated")


def funnel(points=40, seed=2):
    """Printed medians in a funnel, the largest ones far out so that they are named."""
    rng, rows = np.random.default_rng(seed), []
    for number in range(points):
        treatment_class, treatment = TREATMENTS[number % len(TREATMENTS)]
        error = 0.08 + 0.8 * rng.uniform()
        deviation = error * rng.standard_normal() + 0.3 * rng.standard_normal()
        name = f"{AUTHORS[number % len(AUTHORS)]} {2000 + number}"
        rows.append(
            {
                "cohort_label": f"{name} (second line)" if number % 3 == 0 else name,
                "treatment": treatment,
                "treatment_class": treatment_class,
                "kind": KINDS[number % 3],
                "ratio": float(np.exp(deviation)),
                "standard_error": error,
                "study_sd": 0.2,
                "beyond_sampling": abs(deviation) > 1.96 * error,
            }
        )
    return pd.DataFrame(rows)


def density():
    """Prior and posterior of a common bias and of a spread."""
    log = np.linspace(-0.8, 0.8, 200)
    positive = np.linspace(0.0, 1.2, 200)
    frames = []
    for name, x, centre in (("common bias", log, 0.1), ("spread of biases", positive, 0.0)):
        for which, sd, at in (("prior", 0.25, 0.0), ("posterior", 0.15, centre)):
            height = np.exp(-0.5 * ((x - at) / sd) ** 2) / sd
            frames.append(
                pd.DataFrame({"parameter": name, "which": which, "x": np.exp(x), "density": height})
            )
    return pd.concat(frames, ignore_index=True)


def effects():
    """The two rows above the reports."""
    return pd.DataFrame(
        {
            "parameter": ["common bias", "spread of biases"],
            "label": ["Common bias, retrospective to prospective", "Spread of their own biases"],
            "detail": ["47 cohorts, 1428 patients", "26 cohorts, 929 patients"],
            "prior_text": ["1.00 (0.68-1.48)", "1.39 (1.02-3.00)"],
            "posterior_text": ["1.10 (0.82-1.48)", "1.30 (1.01-2.10)"],
            "prior_share": [0.39, 0.46],
        }
    )


def reports(rows=12):
    """Biases of reports, one of them beyond the axis."""
    rng, found = np.random.default_rng(5), []
    for number in range(rows):
        treatment_class, treatment = TREATMENTS[number % len(TREATMENTS)]
        middle, sd = 0.2 * rng.standard_normal(), 0.2 + (2.0 if number == 3 else 0.0)
        ends = np.exp([middle, middle - 1.96 * sd, middle + 1.96 * sd])
        found.append(
            {
                "cohort_label": f"{AUTHORS[number % len(AUTHORS)]} {2001 + number}",
                "treatment": treatment,
                "treatment_class": treatment_class,
                "patients": 10 + 7 * number,
                **dict(zip(("estimate", "lower", "upper"), map(float, ends), strict=True)),
                "estimate_text": f"{ends[0]:.2f} ({ends[1]:.2f}-{ends[2]:.2f})",
            }
        )
    return pd.DataFrame(found).sort_values("estimate", ascending=False, ignore_index=True)
