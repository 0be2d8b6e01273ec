"""Invented tables to draw, and ways to read what was drawn.

Names, treatments and figures belong to no report. The tables have the size and the awkward rows
of a real analysis: medians not reached, days, landmarks only, one study far beyond the others.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator

import numpy as np
import pandas as pd
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Rectangle
from matplotlib.text import Text

from synthesis.plots import style_context
from synthesis.plots.style import SHEETS

ENDPOINTS = ("os", "pfs", "response")
AUTHORS = (
    *("Ferrante", "Oduya", "Takemoto", "Brandvold", "Castellanos", "Whitcombe", "Nakashiro"),
    *("Delacroix-Morel", "Yun", "Ibarra", "Steenhuis", "Kowalczyk", "Rasmusson", "Abernathy"),
    *("Lindqvist", "Gatti", "Petrovic", "Hallberg", "Moreau"),
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
REFERENCE = "Best supportive care"


def limits(name: str, values) -> dict[str, float]:
    """An estimate with its limits under the names of a table."""
    names = (name, f"{name}_lower", f"{name}_upper") if name else ("estimate", "lower", "upper")
    return dict(zip(names, map(float, values), strict=True))


def around(middle: float, factor: float) -> tuple[float, float, float]:
    return middle, middle / factor, middle * factor


# --- Forest and curves ---------------------------------------------------------------------------


def _cohort(number: int, response: bool, rng: np.random.Generator) -> dict[str, object]:
    n = SIZES[number % len(SIZES)]
    row: dict[str, object] = {"kind": "cohort", "label": AUTHORS[number % len(AUTHORS)], "n": n}
    row |= {"year": 2004 + number % 20, "design": DESIGNS[number % len(DESIGNS)]}
    row |= {"country": COUNTRIES[number % len(COUNTRIES)]}
    row |= {"printed_not_reached": False, "printed_upper_not_reached": False}
    row["events"] = None if response or number % 4 == 0 else round(0.8 * n)
    if response:
        count = int(rng.binomial(n, 0.25))
        middle = (count + 1) / (n + 3)
        row |= {"printed": f"{count}/{n}", "printed_value": count / n}
        row |= {"printed_lower": 0.4 * count / n, "printed_upper": 0.5 + 0.5 * count / n}
        return row | limits("", (middle, 0.4 * middle, 0.7 * middle + 0.3))
    median = float(np.exp(rng.normal(1.5, 0.6)))
    low, high = 0.6 * median, 1.9 * median
    given = {"printed_value": median, "printed_lower": low, "printed_upper": high}
    words = f"{median:.1f} ({low:.1f}–{high:.1f})"
    if number % 11 == 5:
        given, words = {"printed_lower": 4.7, "printed_not_reached": True}, "NR (4.7–NR)"
    elif number % 23 == 7:
        given, words = {"printed_not_reached": True}, "NR"
    elif number % 7 == 3:
        given, words = {"printed_value": median}, f"{median:.1f} ({30 * median:.0f} days)"
    elif number % 13 == 4:
        given |= {"printed_upper": math.nan, "printed_upper_not_reached": True}
        words = f"{median:.1f} ({low:.1f}–NR)"
    elif number % 17 == 6:
        given, words = {}, "12-month OS 52.4 % (35–67)"
    elif number == 12:
        given = {"printed_value": 51.0, "printed_lower": 12.2, "printed_upper": 155.3}
        words = "51.0 (12.2–155)"
    return row | given | {"printed": words} | limits("", around(median**0.7 * 1.5, 1.6))


def forest_table(endpoint: str = "os", cohorts: int = 45, treatments: int = 25) -> pd.DataFrame:
    rng, response = np.random.default_rng(20), endpoint == "response"
    counts = [cohorts // treatments + (i < cohorts % treatments) for i in range(treatments)]
    middle = around(0.3, 2.0) if response else around(4.6, 1.6)
    rows: list[dict[str, object]] = []
    number, last = 0, ""
    for (group, treatment), count in zip(TREATMENTS, counts, strict=False):
        shared = {"treatment_class": group, "treatment": treatment}
        if group != last:
            own = limits("", middle) if len(CLASSES[group]) > 1 else {}
            rows.append({"kind": "class", "treatment_class": group, "label": group} | own)
        last = group
        rows.append(shared | {"kind": "treatment", "label": treatment})
        for _ in range(count):
            rows.append(shared | _cohort(number, response, rng))
            number += 1
        effect = math.exp(-0.02 * number)
        for kind, factor in (("mean_study", 1.6), ("new_study", 3.0 if response else 30.0)):
            rows.append(shared | {"kind": kind} | limits("", around(middle[0] * effect, factor)))
    words = "Heterogeneity between studies: SD 0.22 (0.03–0.47) on the log scale."
    rows.append({"kind": "heterogeneity", "label": words})
    table = pd.DataFrame(rows)
    for column in ("printed_lower", "printed_upper"):
        table[column] = table.get(column, pd.Series(math.nan, table.index)).astype(float)
    return table.astype({"year": "Int64", "n": "Int64", "events": "Int64"})


def curve_tables(treatments: int = 14) -> tuple[pd.DataFrame, pd.DataFrame]:
    rng, time = np.random.default_rng(3), np.linspace(0, 60, 121)
    curves: list[pd.DataFrame] = []
    points: list[dict[str, object]] = []
    number = 0
    for which, (group, treatment) in enumerate(TREATMENTS[:treatments]):
        middle, count = float(np.exp(rng.normal(1.5, 0.4))), 1 + which % 6
        patients = 0
        for _ in range(count):
            n = SIZES[number % len(SIZES)]
            patients += n
            nothing = {"time_lower": math.nan, "time_upper": math.nan}
            shared = {"treatment": treatment, "study_id": f"study{number}", "n": n}
            shared |= {"label": f"{AUTHORS[number % len(AUTHORS)]} 2020", "survival": 0.5}
            median = {"time": middle, "time_lower": 0.6 * middle, "time_upper": 1.8 * middle}
            if number % 9 == 3:
                median = {"time": math.inf, "time_lower": 5.0, "time_upper": math.inf}
            points.append(shared | {"kind": "median"} | median)
            landmark = {"kind": "landmark", "time": 12.0, "survival": 0.3}
            ends = {"survival_lower": 0.1, "survival_upper": 0.55} if number % 2 else {}
            points.append(shared | nothing | landmark | ends)
            for step in range(5) if number % 11 == 2 else ():
                listed = {"kind": "listed", "time": middle * step / 2, "survival": 0.7**step}
                points.append(shared | nothing | listed)
            number += 1
        survival = 0.5 ** ((time / middle) ** 0.85)
        curve = {"treatment": treatment, "treatment_class": group, "time": time}
        curve |= {"survival": survival, "lower": survival**1.3, "upper": survival**0.7}
        curve |= {"last_printed": 6.0 if which % 2 else 12.0}
        curves.append(pd.DataFrame(curve | {"cohorts": count, "patients": patients, "compared": 0}))
    return pd.concat(curves, ignore_index=True), pd.DataFrame(points)


def digitised_tables() -> tuple[pd.DataFrame, ...]:
    time = np.sort(np.random.default_rng(8).exponential(7.0, size=24))
    curve = pd.DataFrame({"time": [0.0, *time[:22]], "survival": 1.0 - np.arange(23) / 24.0})
    read = curve.assign(kind="read", survival=curve["survival"].clip(upper=0.985))
    median = {"kind": "median", "time": 5.2, "time_lower": 2.9, "time_upper": math.inf}
    printed = [median | {"survival": 0.5}, {"kind": "landmark", "time": 12.0, "survival": 0.21}]
    points = pd.concat([read, pd.DataFrame(printed)], ignore_index=True)
    at_risk = pd.DataFrame({"time": [0.0, 3.0, 6.0, 12.0, 18.0], "n": [24, 15, 10, 4, 2]})
    return curve, points, at_risk


# --- Treatments against a reference, and by histology --------------------------------------------


def _compared(endpoint: str, treatments: int) -> Iterator[dict[str, object]]:
    kinds = ("randomised", "within one study", "across studies")
    names = [*TREATMENTS[: treatments - 1], ("Supportive care", REFERENCE)]
    for number, (group, name) in enumerate(names):
        is_reference = number == treatments - 1
        row = {"endpoint": endpoint, "treatment": name, "treatment_class": group}
        row |= {"cohorts": number + 1, "patients": 17 * (number + 1), "compared": 0}
        row |= {"evidence": "" if is_reference else kinds[number % 3]}
        effect = 1.0 if is_reference else 3.0 * 0.8**number
        gain = (math.nan,) * 3
        if endpoint == "response":
            row |= limits("", (0.1 * number - 0.3, 0.1 * number - 0.5, 0.1 * number))
            row |= limits("value", around(0.2 + 0.05 * number, 1.5))
        else:
            row |= limits("", around(effect, 2.0))
            row |= limits("value", around(3.0 * effect, 1.6))
            gain = gain if is_reference else (effect - 1.2, effect - 3.5, effect + 30.0)
        row |= limits("gain", gain) | {"is_reference": is_reference}
        missing = math.isnan(gain[0])
        row |= limits("adjusted", (math.nan,) * 3 if missing else around(effect / 1.2, 2.6))
        row["p_gain_adjusted"] = math.nan if missing else 0.9 - 0.09 * number
        yield row | {"p_gain": math.nan if missing else 1.0 - 0.09 * number}


def compare_table(treatments: int = 10) -> pd.DataFrame:
    return pd.DataFrame([row for name in ENDPOINTS for row in _compared(name, treatments)])


def benefit_table(treatments: int = 8) -> pd.DataFrame:
    """Medians and gains; the last treatment is the reference, the first is known, half of the
    second, nothing of the others."""
    rows = []
    for endpoint in ("os", "pfs"):
        for number, shared in enumerate(_compared(endpoint, treatments)):
            for histology, factor in (("pure", 1.0), ("mixed", 3.5)):
                middle = factor * 3.0 * (1.0 + 0.35 * number)
                gain = np.array([1.2, -2.5, 6.0]) * factor * number
                gain = np.full(3, np.nan) if shared["is_reference"] else gain
                known = number == 0 or (number == 1 and histology == "pure")
                row = shared | limits("median", around(middle, 1.8)) | limits("gain", gain)
                row |= {"histology": histology, "extrapolated": not known}
                chances = (math.nan, math.nan) if shared["is_reference"] else (0.997, 0.9)
                rows.append(row | dict(zip(("p_gain", "p_gain_adjusted"), chances, strict=True)))
    return pd.DataFrame(rows)


EFFECTS = {
    "prognostic": ("Mixed against pure, any treatment", 0.7, 1.1, 0.35),
    "predictive: A": ("Extra gain of mixed under alfatinib + kappalizumab", 0.2, 0.02, 0.19),
    "predictive: B": ("Extra gain of mixed under nutaxel (weekly)", 0.2, 0.0, 0.2),
}


def effect_tables(
    column: str = "endpoint", keys: tuple[object, ...] = ("os", "pfs")
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Densities, effects and the ratios that reports give."""
    rows, frames, reported = [], [], []
    grid = np.linspace(-2.5, 2.5, 200)
    for key in keys:
        for name, (label, prior, mean, sd) in EFFECTS.items():
            row = {column: key, "parameter": name, "label": label, "cohorts": 3, "patients": 61}
            row |= limits("prior", np.exp([0.0, -2 * prior, 2 * prior]))
            row |= limits("posterior", np.exp([mean, mean - 2 * sd, mean + 2 * sd]))
            rows.append(row | {"prior_share": sd**2 / prior**2})
            for which, centre, spread in (("prior", 0.0, prior), ("posterior", mean, sd)):
                height = np.exp(-0.5 * ((grid - centre) / spread) ** 2) / spread
                own = {column: key, "parameter": name, "which": which}
                frames.append(pd.DataFrame(own | {"x": np.exp(grid), "density": height}))
        given = {"label": "Delacroix-Morel 2019", "pure": 2.5, "mixed": 6.0, "ratio": 2.4}
        reported.append({column: key} | given | {"p": "0.03", "patients": 23.0})
    return pd.concat(frames, ignore_index=True), pd.DataFrame(rows), pd.DataFrame(reported)


def single_tables() -> tuple[pd.DataFrame, ...]:
    density, effects, reported = effect_tables("result", (0, 1))
    shown = pd.DataFrame(
        [
            {"result": key, "truth": "stated", "true_ratio": ratio, "power": 0.12}
            | {"shown_ratio": math.nan if ratio == 1.05 else ratio**1.4}
            for key in (0, 1)
            for ratio in (1.05, 1.5, 3.0)
        ]
    )
    return density, effects, reported.assign(endpoint=["os", "pfs"]), shown


# --- Checks, impact, years, sensitivity, plan, bias ----------------------------------------------


def cumulative_table() -> pd.DataFrame:
    """Two treatments whose answers settle over the years."""
    rows = [
        ("Lenvatinib", 2017, 6.1, 2.9, 12.5, 1, 17, "Tarn 2017"),
        ("Lenvatinib", 2019, 4.4, 2.8, 7.0, 3, 71, "Holm 2019, Vik 2019"),
        ("Lenvatinib", 2024, 4.3, 3.3, 5.6, 5, 180, "Aas 2021, Brekke 2024"),
        ("Paclitaxel", 2000, 5.8, 2.4, 13.9, 1, 19, "Lund 2000"),
        ("Paclitaxel", 2016, 5.0, 3.2, 7.8, 2, 75, "Moe 2016"),
    ]
    names = ["treatment", "year", "estimate", "lower", "upper", "cohorts", "patients", "reports"]
    return pd.DataFrame(rows, columns=names).assign(compared=0)


def case_table() -> pd.DataFrame:
    """Single patients of two classes; one has no time, and of one the end is not stated."""
    months = [1.0, 21.0, 23.0, None, 14.0, 0.0, 58.0]
    status = ["died", "died", "not stated", "died", "alive", "died", "alive"]
    classes = ["Multikinase inhibitor"] * 4 + ["Surgery"] * 3
    return pd.DataFrame({"treatment_class": classes, "months": months, "status": status})


def pool_table() -> pd.DataFrame:
    """Hazard ratios of three studies, their mean and a new study."""
    rows = [
        ("study", "Moe 2016", 0.71, 0.48, 1.05, 0.72, 0.55, 0.96),
        ("study", "Lund 2018", 0.55, 0.31, 0.98, 0.69, 0.49, 0.94),
        ("study", "Vik 2021", 0.92, 0.60, 1.41, 0.78, 0.58, 1.10),
        ("mean", "Mean", None, None, None, 0.73, 0.54, 0.98),
        ("new_study", "New study", None, None, None, 0.73, 0.42, 1.27),
    ]
    reported = ["reported", "reported_lower", "reported_upper"]
    names = ["kind", "label", *reported, "estimate", "lower", "upper"]
    return pd.DataFrame(rows, columns=names).astype(dict.fromkeys(reported, float))


def check_tables() -> tuple[pd.DataFrame, pd.DataFrame]:
    position = np.linspace(0.0, 1.0, 41)
    band = {"lower": np.clip(position - 0.2, 0, 1), "upper": np.clip(position + 0.2, 0, 1)}
    frame = pd.DataFrame({"position": position, "share": position**1.2} | band)
    positions = pd.concat([frame.assign(endpoint=name) for name in ENDPOINTS], ignore_index=True)
    kinds = ("median", "survival at 12 months", "lower limit", "upper limit")
    rows = []
    for endpoint, number in itertools.product(ENDPOINTS, range(8)):
        figure = "response rate" if endpoint == "response" else kinds[number % 4]
        is_share = figure.startswith(("survival", "response"))
        value = 0.4 if is_share else math.inf if number == 2 else 7.3
        ends = dict(
            zip(("predicted", "lower", "upper"), around(0.3 if is_share else 5, 3), strict=True)
        )
        pit = 0.01 + 0.13 * number
        row = {"endpoint": endpoint, "label": f"{AUTHORS[number]} 2020", "figure": figure}
        row |= {"treatment": TREATMENTS[number][1], "n": SIZES[number], "value": value}
        row |= {"histology": "mixed" if number == 4 else "not reported"}
        rows.append(row | ends | {"pit": pit, "within": 0.025 < pit < 0.975})
    return positions, pd.DataFrame(rows)


def impact_tables(
    endpoint: str = "os", treatments: int = 14
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """The first treatment is new to the pool, the second has a new study, the rest move."""
    rows, ranks = [], []
    for number, (group, treatment) in enumerate(TREATMENTS[:treatments]):
        response = endpoint == "response"
        middle = 0.05 + 0.05 * number if response else 2.2 + 0.7 * number
        row = {"endpoint": endpoint, "treatment": treatment, "treatment_class": group}
        row |= {"histology": "reference", "target": "mean_study"}
        row["estimand"] = "response_rate" if response else "median_months"
        row |= limits("before", around(middle, 1.9))
        row |= limits("after", around(middle * (1.0 + 0.3 / (1 + number)), 1.6))
        row |= {"shift_in_sd": 0.9 / (1 + number), "after_basis": "its cohorts"}
        row["before_basis"] = "its cohorts" if number else "expected of a new treatment"
        rows += [row | {"new": number < 2}, row | {"new": number < 2, "target": "new_study"}]
        about = {"endpoint": endpoint, "treatment": treatment}
        ranks.append(about | {"rank_before": 9 + number, "rank_after": 8 + number})
    kinds = [
        ("median", "whole", "3.1 months (0.6–5.5)", 3.1, 0.55),
        ("lower limit", "whole", "0.6 months", 0.6, 0.0004),
        ("median", "mixed", "not reached (4.7–NR), followed for 14 months", math.inf, 0.012),
        ("median", "pure", "5.5 months (166 days)", 5.45, 0.31),
        ("survival at 12 months", "whole", "52 % (35–67)", 0.52, 0.051),
        ("survival at 52 weeks", "pure", "0 %", 0.0, 0.2),
    ]
    if endpoint == "response":
        kinds = [("responders", "whole", "2/23", 2 / 23, 0.61)]
    surprise = []
    for number, (figure, group, printed, value, p) in enumerate(kinds):
        middle = 4.0 if "survival" not in figure and figure != "responders" else 0.3
        row = {"endpoint": endpoint, "label": "Delacroix-Morel 2021", "group": group, "p": p}
        row |= {"cohort": "second" if number == 3 else "first", "figure": figure}
        row |= {"treatment_class": TREATMENTS[0][0], "n": 5 + 40 * number, "printed": printed}
        row |= {"value": value, "predicted": middle, "lower": middle / 4, "upper": middle * 3}
        row |= {"lower_50": middle / 1.5, "upper_50": middle * 1.4, "headline": number == 0}
        surprise.append(row)
    return pd.DataFrame(rows), pd.DataFrame(surprise), pd.DataFrame(ranks)


ASPECTS = {
    "Priors": ("Median of the mean treatment", "Spread of treatments", "Unknown shares"),
    "Survival family": ("Alfatial", "Betalogistic", "Gammanormal"),
    "Likelihood": ("Probabilities only where a median is not reported", "Medians only"),
    "Which figures count": ("Verified figures only", "Overlapping reports: another rule"),
    "Without one report": ("Each report in turn",),
}


def specification_table(kind: str = "ratio_of_medians", reports: int = 40) -> pd.DataFrame:
    """As many choices as a real analysis has; those furthest away are numbered."""
    rng = np.random.default_rng(3)
    shared = {"direction": 0, "kind": kind, "changes": False, "mark": ""}
    base = {"specification": "base", "heading": "", "aspect": "", "label": "base"}
    rows = [shared | base | limits("", around(1.3, 1.5))]
    for heading, aspects in ASPECTS.items():
        for aspect in aspects:
            for way in range(reports if heading == "Without one report" else 3):
                middle = float(np.exp(rng.normal(0.25, 0.25)))
                name = f"{aspect.split()[0]}_{heading.split()[0]}_{way}".lower()
                row = {"specification": name, "heading": heading, "aspect": aspect}
                row |= {"label": f"Choice {name}", "changes": middle / 1.5 > 1.0}
                row["direction"] = (-1, 0, 1)[way] if heading == "Priors" else 0
                rows.append(shared | row | limits("", around(middle, 1.5)))
    frame = pd.DataFrame(rows)
    frame["group"] = frame["heading"].str.lower()
    far = frame[frame["heading"] == "Without one report"].nlargest(9, "estimate").index
    frame.loc[far, "mark"] = [str(number) for number in range(1, 10)]
    if kind == "p_gain":
        frame["estimate"] = frame["estimate"].rank(pct=True)
        frame[["lower", "upper"]] = np.nan
    if kind == "difference_median_months":
        frame[["estimate", "lower", "upper"]] -= 1.0
    return frame


def plan_table(sizes: tuple[int, ...] = (20, 40, 60, 80, 320)) -> pd.DataFrame:
    rows, today = [], {"prognostic": 1.3, "predictive": 0.75, "ratio": 1.4}
    populations = enumerate(("all", "pure", "mixed"))
    for (number, population), n in itertools.product(populations, sizes):
        row = {"population": population, "n": n, "delta": 1.0, "p_today": 0.5 + 0.1 * number}
        row |= {"assurance": 0.02 * number + n / 400, "assurance_error": 0.03}
        row |= {"reliable": n < 300 or number != 1}
        for effect, width in today.items():
            expected = width - 0.1 * np.log(n) * (3 - number) / 3
            row |= {f"width_today_{effect}": width, f"expected_width_{effect}": expected}
        rows.append(row)
    return pd.DataFrame(rows)


def bias_tables(reports: int = 12) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Densities, the two effects, and the biases of reports, one of them beyond the axis."""
    names = {"common bias": np.linspace(-0.8, 0.8, 200), "spread": np.linspace(0.0, 1.2, 200)}
    frames, effects, rows = [], [], []
    for number, (name, x) in enumerate(names.items()):
        for which, sd in (("prior", 0.25), ("posterior", 0.15)):
            own = {"parameter": name, "which": which, "x": np.exp(x)}
            frames.append(pd.DataFrame(own | {"density": np.exp(-0.5 * (x / sd) ** 2) / sd}))
        row = {"effect": name, "label": f"{name.capitalize()} of retrospective reports"}
        row |= {"prior_share": 0.39, "cohorts": 47 - number, "patients": 1428}
        for which, factor in (("prior", 1.5), ("posterior", 1.3)):
            effects.append(row | {"which": which} | limits("", around(1.1, factor)))
    rng = np.random.default_rng(5)
    for number in range(reports):
        group, treatment = TREATMENTS[number % len(TREATMENTS)]
        middle = float(np.exp(0.2 * rng.standard_normal()))
        row = {"cohort_label": f"{AUTHORS[number]} {2001 + number}", "treatment": treatment}
        row |= {"treatment_class": group, "patients": 10 + 7 * number}
        rows.append(row | limits("", around(middle, 90.0 if number == 3 else 1.5)))
    return pd.concat(frames), pd.DataFrame(effects), pd.DataFrame(rows)


def funnel_table(points: int = 40) -> pd.DataFrame:
    """Reported medians in a funnel, those far out named."""
    rng, rows = np.random.default_rng(2), []
    for number in range(points):
        error = 0.08 + 0.8 * rng.uniform()
        deviation = error * rng.standard_normal() + 0.3 * rng.standard_normal()
        name = f"{AUTHORS[number % len(AUTHORS)]} {2000 + number}"
        row = {"cohort_label": f"{name} (second line)" if number % 3 == 0 else name}
        row["treatment_class"] = TREATMENTS[number % len(TREATMENTS)][0]
        row["kind"] = ("retrospective", "prospective", "not stated")[number % 3]
        row |= {"ratio": float(np.exp(deviation)), "standard_error": error, "study_sd": 0.2}
        rows.append(row | {"beyond_sampling": abs(deviation) > 1.96 * error})
    return pd.DataFrame(rows)


# --- Reading what was drawn ----------------------------------------------------------------------


def shown_texts(figure: Figure) -> list[Text]:
    """Every text that reaches the paper, tick labels included."""
    return [*figure.texts, *(text for axes in figure.axes for text in axes.texts)]


def words(figure: Figure) -> list[str]:
    return [text.get_text() for text in shown_texts(figure)]


def page_of(figure: Figure) -> str:
    """The words of a figure as they stand beside and below each other, its axes, marks of rows."""
    placed = []
    for text in shown_texts(figure):
        x, y = text.get_transform().transform(text.get_position()) * 72 / figure.dpi
        placed.append((-y, x, text.get_text()))
    lines: list[list[tuple[float, str]]] = []
    last = -math.inf
    for y, x, own in sorted(placed):
        if y - last > 1.5:
            lines.append([])
            last = y
        lines[-1].append((x, own))
    page = ["  ".join(own for _, own in sorted(line)) for line in lines]
    artists = [own for axes in figure.axes for own in axes.get_children() if own.get_gid()]
    for axes in figure.axes:
        null = [
            at(own)
            for own in axes.lines
            if (own.get_gid() or "").endswith("null") and len({*own.get_xdata()}) == 1
        ]
        told = [axes.get_xscale(), _span(*axes.get_xlim()), *(f"line at {x:g}" for x in null)]
        page.append(f"[{axes.get_label()}: {', '.join(told)}]")
    for gid, label in labels_of(figure).items():
        marks = [_mark(own) for own in artists if own.get_gid().startswith(f"{gid}-")]
        page.append("  ".join([label, *filter(None, marks)]))
    return "".join(f"{line}\n" for line in page)


def at(mark) -> float:
    """Where a mark stands on its horizontal axis."""
    return mark.get_xdata()[0]


#: Filled and open signs of the markers; those of strokes and arrow heads.
SIGNS = {"o": "●○", "s": "■□", "D": "◆◇", "^": "▲△", "v": "▼▽", "|": "||", 4: "◂◂", 5: "▸▸"}


def _span(first: float, *last: float) -> str:
    return " to ".join(f"{round(x, 6) + 0.0:.3g}" for x in (first, *last))


def _mark(artist) -> str:
    """A mark in short: its sign and where it stands on the axis; a broken line is ╌."""
    if isinstance(artist, Patch):
        box = artist.get_path().get_extents(artist.get_patch_transform())
        return f"{'▭' if isinstance(artist, Rectangle) else '⬖'} {_span(box.x0, box.x1)}"
    if not isinstance(artist, Line2D):
        return "" if isinstance(artist, Text) else "filled"
    x, y = artist.get_data()
    if artist.get_marker() != "None":
        return f"{SIGNS[artist.get_marker()][is_open(artist)]} {_span(x[0])}"
    sign = "─" if artist.get_linestyle() == "-" else "╌"
    if len(x) > 2:
        return f"{sign} highest at {_span(x[np.argmin(y)])}"
    return f"{sign} {_span(*x)}" if y[0] == y[1] else f"│ {_span(x[0])}"


def axes_named(figure: Figure, name: str):
    (found,) = [axes for axes in figure.axes if axes.get_label() == name]
    return found


def is_open(mark) -> bool:
    return to_hex(mark.get_markerfacecolor()) == "#ffffff"


def boxes(figure: Figure, artists: list) -> np.ndarray:
    """Bounding boxes in points: left, bottom, right, top."""
    with style_context():  # as when it is saved: glyphs without hints
        renderer = FigureCanvasAgg(figure).get_renderer()
        figure.draw_without_rendering()
        extents = [artist.get_window_extent(renderer).extents for artist in artists]
    return np.array(extents).reshape(-1, 4) * 72 / figure.dpi


def overlaps(first: np.ndarray, second: np.ndarray, slack: float = 0.1) -> np.ndarray:
    """Pairs of boxes that share more than `slack` points in both directions."""
    a, b = first[:, None], second[None]
    across = np.minimum(a[..., 2], b[..., 2]) - np.maximum(a[..., 0], b[..., 0])
    along = np.minimum(a[..., 3], b[..., 3]) - np.maximum(a[..., 1], b[..., 1])
    return np.argwhere((across > slack) & (along > slack))


def assert_clear(figure: Figure, width: str, *, is_forest: bool = False) -> None:
    """Every word inside the picture, clear of the others and of 6.5 points or more.

    Every mark is inside, too, and clear of the words.
    """
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
    assert min(text.get_fontsize() for text in texts) >= 6.5
    if is_forest and width == "slide":
        assert abs(high / wide - 9 / 16) < 1e-9
        assert wide * 25.4 / 72 > SHEETS[width].width_mm - 1e-6
    else:
        assert abs(wide * 25.4 / 72 - SHEETS[width].width_mm) < 1e-6
    marks = [line for axes in figure.axes for line in axes.lines if line.get_marker() != "None"]
    extents = boxes(figure, marks)
    assert (extents[:, :2] > 0).all()
    assert (extents[:, 2:] < (wide, high)).all()
    clashes = overlaps(extents, boxes(figure, figure.texts))
    assert [figure.texts[i].get_text() for _, i in clashes if figure.texts[i].get_text()] == []


def labels_of(figure: Figure) -> dict[str, str]:
    """The label of each row, by the beginning of its identifiers."""
    lines: dict[str, list[str]] = {}
    for text in figure.texts:
        row, mark, _ = (text.get_gid() or "").rpartition("-label-")
        if mark:
            lines.setdefault(row, []).append(text.get_text())
    return {row: " ".join(own) for row, own in lines.items()}


def row_of(figure: Figure, label: str) -> str:
    """Beginning of the identifiers of the first row with a label."""
    return next(row for row, own in labels_of(figure).items() if own == label)


def by_gid(figure: Figure) -> dict[str, object]:
    named = [artist for artist in figure.findobj() if artist.get_gid()]
    assert len({artist.get_gid() for artist in named}) == len(named)
    return {artist.get_gid(): artist for artist in named}
