"""Tables of benefit to draw: awkward labels, gains beyond the axis, answers that are all prior."""

from __future__ import annotations

import numpy as np
import pandas as pd
from plot_tables import TREATMENTS
from scipy import stats


def text(values):
    first, low, high = values
    between = " to " if low < 0 else "-"
    return f"{first:.1f} ({low:.1f}{between}{high:.1f})"


def benefit(treatments=8):
    """Medians and gains; the last treatment is the reference."""
    rows = []
    names = [*TREATMENTS[: treatments - 1], ("Supportive care", "Best supportive care")]
    for number, (group, name) in enumerate(names):
        reference = number == treatments - 1
        for histology, factor in (("pure", 1.0), ("mixed", 3.5)):
            median = factor * np.array([3.0, 1.6, 5.5]) * (1.0 + 0.35 * number)
            gain = np.array([1.2, -2.5, 6.0]) * factor * number
            gain = np.full(3, np.nan) if reference else gain
            rows.append(
                {
                    "treatment": name,
                    "treatment_class": group,
                    "histology": histology,
                    **dict(zip(("median", "median_lower", "median_upper"), median, strict=True)),
                    "median_text": text(median),
                    **dict(zip(("gain", "gain_lower", "gain_upper"), gain, strict=True)),
                    "gain_text": "" if reference else text(gain),
                    "p_text": "" if reference else ">0.99",
                    "cohorts": number + 1,
                    "patients": 17 * (number + 1),
                    "is_reference": reference,
                }
            )
    return pd.DataFrame(rows)


EFFECTS = {
    "prognostic": ("Mixed against pure, any treatment", 0.7, 1.1, 0.35),
    "predictive: A": ("Extra gain of mixed under alfatinib + kappalizumab", 0.2, 0.02, 0.19),
    "predictive: B": ("Extra gain of mixed under nutaxel (weekly)", 0.2, 0.0, 0.2),
}


def effects():
    rows = [
        {
            "parameter": name,
            "label": label,
            "detail": "3 cohorts, n = 61",
            "prior_text": text((1.0, np.exp(-2 * prior), np.exp(2 * prior))),
            "posterior_text": text(np.exp([mean, mean - 2 * sd, mean + 2 * sd])),
            "prior_share": sd**2 / prior**2,
        }
        for name, (label, prior, mean, sd) in EFFECTS.items()
    ]
    return pd.DataFrame(rows)


def density():
    frames = []
    for name, (_, prior, mean, sd) in EFFECTS.items():
        grid = np.linspace(-2.5, 2.5, 200)
        for which, law in (("prior", stats.norm(0, prior)), ("posterior", stats.norm(mean, sd))):
            own = {"parameter": name, "which": which, "x": np.exp(grid), "density": law.pdf(grid)}
            frames.append(pd.DataFrame(own))
    return pd.concat(frames, ignore_index=True)


def printed():
    row = {"label": "Delacroix-Morel 2019", "detail": "6.0 v 2.5 months, p = 0.03"}
    return pd.DataFrame([row | {"ratio": 2.4, "ratio_text": "2.40", "patients": 23.0}])


def shown():
    rows = [
        {
            "label": f"True ratio {ratio:.2f}",
            "detail": "12 % of studies are significant",
            "true_ratio": ratio,
            "shown_ratio": np.nan if number == 0 else ratio**1.4,
            "true_text": "",
            "shown_text": "" if number == 0 else f"shown as {ratio**1.4:.2f}",
        }
        for number, ratio in enumerate((1.05, 1.5, 3.0))
    ]
    return pd.DataFrame(rows)


def influence(unit="ratio", cohorts=5):
    rows = []
    for quantity in ("First quantity", "Second quantity under alfatinib + kappalizumab"):
        for number in range(cohorts):
            away = 1.0 + 0.1 * number
            estimate = np.array([3.0, 1.5, 6.0])
            without = estimate * away
            missing = number == cohorts - 1
            rows.append(
                {
                    "quantity": quantity,
                    "heading": quantity,
                    "unit": unit,
                    "cohort_label": f"Castellanos {2001 + number} (second cohort)",
                    "treatment": "Zetafenib + etametinib + thetalizumab",
                    "patients": 20 + number,
                    **dict(zip(("estimate", "lower", "upper"), estimate, strict=True)),
                    "without": np.nan if missing else without[0],
                    "without_lower": np.nan if missing else without[1],
                    "without_upper": np.nan if missing else without[2],
                    "estimate_text": text(estimate),
                    "without_text": "" if missing else text(without),
                    "pareto_k": 0.2 * number,
                    "reliable": number < 3,
                }
            )
    return pd.DataFrame(rows)
