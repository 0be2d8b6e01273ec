"""Invented tables to draw, and ways to read what was drawn.

Names, treatments and figures belong to no report. The tables have the size and the awkward rows
of a real analysis: medians not reached, days, landmarks only, one study far beyond the others.
"""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text

from synthesis.plots import plot_curves, plot_forest

ENDPOINTS = ("os", "pfs", "response")

AUTHORS = (
    "Ferrante",
    "Oduya",
    "Takemoto",
    "Brandvold",
    "Castellanos",
    "Whitcombe",
    "Nakashiro",
    "Delacroix-Morel",
    "Yun",
    "Ibarra",
    "Steenhuis",
    "Kowalczyk",
    "Rasmusson",
    "Abernathy",
    "Lindqvist",
    "Gatti",
    "Petrovic",
    "Hallberg",
    "Moreau",
)
CLASSES = {
    "Multikinase inhibitor": ("Alfatinib", "Betafenib", "Gammanib + low-dose everolisib"),
    "BRAF-directed therapy": ("Zetafenib + etametinib", "Zetafenib + etametinib + thetalizumab"),
    "Checkpoint inhibitor": ("Kappalizumab", "Lambdalizumab + mulimumab"),
    "Cytotoxic chemotherapy": ("Nutaxel (weekly)", "Xirubicin", "Xirubicin + omiplatin"),
    "Multikinase and checkpoint inhibitors": ("Alfatinib + kappalizumab", "Sigmatinib + thetali"),
    "Vascular disrupting agent": ("Taubulin", "Taubulin + nutaxel + piplatin"),
    "mTOR inhibitor": ("Upsilolimus",),
    "Peptide receptor therapy": ("177-phitreotide", "111-chitreotide"),
    "PPAR-gamma agonist": ("Chiglitazone + nutaxel",),
    "Proteasome inhibitor": ("Psizomib", "Omegazomib"),
    "Supportive care": ("Best supportive care", "No systemic therapy"),
    "Multimodal": ("Surgery + radiotherapy + chemotherapy", "Targeted era", "Multimodal, other"),
}
TREATMENTS = [(group, name) for group, names in CLASSES.items() for name in names]
COUNTRIES = ("France", "Japan", "United States", "Italy, Germany, France", "Netherlands")
DESIGNS = ("retrospective", "prospective_single_arm", "registry", "case_series", "randomised")
SIZES = (3, 8, 14, 20, 23, 36, 56, 91, 162, 1567)


def _cohort(number: int, response: bool, rng: np.random.Generator) -> dict[str, object]:
    n = SIZES[number % len(SIZES)]
    row: dict[str, object] = {
        "label": AUTHORS[number % len(AUTHORS)],
        "study_id": f"study{number}",
        "cohort_id": "all",
        "year": 2004 + number % 20,
        "design": DESIGNS[number % len(DESIGNS)],
        "country": COUNTRIES[number % len(COUNTRIES)],
        "n": n,
        "events": None if response or number % 4 == 0 else round(0.8 * n),
        "printed_not_reached": False,
        "printed_upper_not_reached": False,
    }
    if response:
        responders = int(rng.binomial(n, 0.25))
        estimate = (responders + 1) / (n + 3)
        row |= {"printed": f"{responders}/{n}", "printed_value": responders / n}
        row |= {"estimate": estimate, "lower": 0.4 * estimate, "upper": 0.7 * estimate + 0.3}
        row["estimate_text"] = f"{100 * estimate:.0f} (3-88)"
        return row
    median = float(np.exp(rng.normal(1.5, 0.6)))
    lower, upper = 0.6 * median, 1.9 * median
    if number % 11 == 5:
        row |= {"printed": "NR (4.7-NR)", "printed_lower": 4.7, "printed_not_reached": True}
        row["printed_upper_not_reached"] = True
    elif number % 23 == 7:
        row |= {"printed": "NR", "printed_not_reached": True}
    elif number % 7 == 3:
        row |= {"printed": f"{30 * median:.0f} d", "printed_value": median}
    elif number % 13 == 4:
        row |= {"printed": f"{median:.1f} ({lower:.1f}-NR)", "printed_value": median}
        row |= {"printed_lower": lower, "printed_upper_not_reached": True}
    elif number % 17 == 6:
        row["printed"] = "12 mo: 52% (35-67)"
    elif number == 12:
        row |= {"printed": "51.0 (12.2-155.3)", "printed_value": 51.0}
        row |= {"printed_lower": 12.2, "printed_upper": 155.3}
    else:
        row |= {"printed": f"{median:.1f} ({lower:.1f}-{upper:.1f})", "printed_value": median}
        row |= {"printed_lower": lower, "printed_upper": upper}
    row |= {"estimate": median**0.7 * 1.5, "lower": median**0.7, "upper": median**0.7 * 2.4}
    row["estimate_text"] = f"{row['estimate']:.1f} ({row['lower']:.1f}-{row['upper']:.1f})"
    return row


def _pooled(kind: str, label: str, response: bool, spread: float) -> dict[str, object]:
    middle, lower, upper = (0.3, 0.1, 0.6) if response else (4.6, 4.6 / spread, 4.6 * spread)
    text = "30 (10-60)" if response else f"{middle:.1f} ({lower:.1f}-{upper:.1f})"
    figures = {"estimate": middle, "lower": lower, "upper": upper, "estimate_text": text}
    return {"kind": kind, "label": label} | figures


def forest_table(endpoint: str = "os", cohorts: int = 45, treatments: int = 25) -> pd.DataFrame:
    rng = np.random.default_rng(20)
    response = endpoint == "response"
    counts = [cohorts // treatments + (i < cohorts % treatments) for i in range(treatments)]
    rows: list[dict[str, object]] = []
    number = 0
    last = ""
    for (group, treatment), count in zip(TREATMENTS, counts, strict=False):
        shared = {"treatment_class": group, "treatment": treatment}
        if group != last:
            rows.append({"kind": "class", "treatment_class": group, "label": group})
        last = group
        rows.append(shared | {"kind": "treatment", "label": treatment})
        for _ in range(count):
            rows.append(shared | {"kind": "cohort"} | _cohort(number, response, rng))
            number += 1
        pooled = f"Pooled, mean study ({count} cohort{'s'[: count > 1]}, {40 * count} patients)"
        rows.append(shared | _pooled("mean_study", pooled, response, 1.6))
        rows.append(shared | _pooled("new_study", "New study (prediction)", response, 30.0))
    words = "Heterogeneity between studies: SD 0.22 (0.03-0.47) on the log scale."
    rows.append({"kind": "heterogeneity", "label": words})
    table = pd.DataFrame(rows)
    for column in ("printed_lower", "printed_upper"):
        table[column] = table.get(column, pd.Series(math.nan, table.index)).astype(float)
    return table.astype({"year": "Int64", "n": "Int64", "events": "Int64"})


SIZE_OF = {"os": (45, 25), "pfs": (20, 11), "response": (45, 25)}


def curve_tables(treatments: int = 14, months: float = 24.0) -> tuple[pd.DataFrame, pd.DataFrame]:
    rng = np.random.default_rng(3)
    time = np.linspace(0, 60, 121)
    curves: list[pd.DataFrame] = []
    points: list[dict[str, object]] = []
    number = 0
    for which, (group, treatment) in enumerate(TREATMENTS[:treatments]):
        middle = float(np.exp(rng.normal(1.5, 0.4)))
        for _ in range(1 + which % 6):
            n = SIZES[number % len(SIZES)]
            nothing = {"time_lower": math.nan, "time_upper": math.nan}
            shared = {"treatment": treatment, "study_id": f"study{number}", "n": n}
            shared |= {"label": f"{AUTHORS[number % len(AUTHORS)]} 2020", "survival": 0.5}
            median = {"time": middle, "time_lower": 0.6 * middle, "time_upper": 1.8 * middle}
            if number % 9 == 3:
                median = {"time": math.inf, "time_lower": 5.0, "time_upper": math.inf}
            elif number % 9 == 7:
                median = {"time": middle, "time_lower": math.nan, "time_upper": math.inf}
            points.append(shared | {"kind": "median"} | median)
            landmark = {"kind": "landmark", "time": months / 2, "survival": 0.3}
            limits = {"survival_lower": 0.1, "survival_upper": 0.55} if number % 2 else {}
            points.append(shared | nothing | landmark | limits)
            number += 1
        survival = 0.5 ** ((time / middle) ** 0.85)
        curve = {"treatment": treatment, "treatment_class": group, "histology": "reference"}
        curve |= {"time": time, "survival": survival, "lower": survival**1.3}
        curve |= {"upper": survival**0.7, "last_printed": 6.0 if which % 2 else months / 2}
        curves.append(pd.DataFrame(curve))
    return pd.concat(curves, ignore_index=True), pd.DataFrame(points)


def draw(what: str, width: str) -> Figure:
    """One of each figure; drawn once and shared, so only to be read."""
    if what == "curves":
        return plot_curves(*curve_tables(), width=width, title="Pooled survival")
    cohorts, treatments = SIZE_OF[what]
    table = forest_table(what, cohorts, treatments)
    return plot_forest(table, endpoint=what, width=width, title="Survival under treatment")


def shown_texts(figure: Figure) -> list[Text]:
    """Every text that reaches the paper, tick labels included."""
    texts = list(figure.texts)
    for axes in figure.axes:
        texts += axes.texts
        for axis in (axes.xaxis, axes.yaxis):
            if axis.get_visible():
                for tick in axis.get_major_ticks():
                    texts += [tick.label1, tick.label2]
    return [text for text in texts if text.get_visible() and text.get_text()]


def boxes(figure: Figure, artists: list) -> np.ndarray:
    """Bounding boxes in points: left, bottom, right, top."""
    renderer = FigureCanvasAgg(figure).get_renderer()
    figure.draw_without_rendering()
    extents = [artist.get_window_extent(renderer).extents for artist in artists]
    return np.array(extents) * 72 / figure.dpi


def overlaps(first: np.ndarray, second: np.ndarray, slack: float = 0.1) -> np.ndarray:
    """Pairs of boxes that share more than `slack` points in both directions."""
    a, b = first[:, None], second[None]
    across = np.minimum(a[..., 2], b[..., 2]) - np.maximum(a[..., 0], b[..., 0])
    along = np.minimum(a[..., 3], b[..., 3]) - np.maximum(a[..., 1], b[..., 1])
    return np.argwhere((across > slack) & (along > slack))


#: Widths of a page, millimetres.
WIDTHS_MM = {"one-column": 85.0, "two-column": 174.0, "slide": 254.0}


def assert_printable(figure: Figure, width: str) -> None:
    """Every word inside the picture, clear of the others and of 6 points or more; of this width."""
    texts = shown_texts(figure)
    extents = boxes(figure, texts)
    clashes = [
        (texts[i].get_text(), texts[j].get_text()) for i, j in overlaps(extents, extents) if i < j
    ]
    assert clashes == [], f"words that overlap: {clashes}"
    wide, high = figure.get_size_inches() * 72
    outside = (extents[:, :2] < 0).any(1) | (extents[:, 2] > wide) | (extents[:, 3] > high)
    cut = [text.get_text() for text, out in zip(texts, outside, strict=True) if out]
    assert cut == [], f"words that are cut off: {cut}"
    assert min(text.get_fontsize() for text in texts) >= 6
    assert abs(wide * 25.4 / 72 - WIDTHS_MM[width]) < 1e-6


def by_gid(figure: Figure) -> dict[str, object]:
    named = [artist for artist in figure.findobj() if artist.get_gid()]
    assert len({artist.get_gid() for artist in named}) == len(named)
    return {artist.get_gid(): artist for artist in named}
