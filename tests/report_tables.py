"""An analysis made of tables alone, and a reader of pages: for the tests of the report."""

from __future__ import annotations

from html.parser import HTMLParser

import numpy as np
import pandas as pd
from synthesis.histology_table import HistologyTables

from synthesis.benefit.compare import compare
from synthesis.questions.checks import Coverage, Inside
from synthesis.questions.pooled import Answer
from synthesis.run import Analysis
from synthesis.settings import Settings
from synthesis.stacking import FamilyFits, ModelChoice

HOSTILE = '<script>alert("x")</script><img src=x onerror=alert(1)>'
CLASS, TREATMENT = "Multikinase inhibitor", "Lenvatinib"

FOREST_ROW = {
    "kind": "cohort",
    "treatment_class": CLASS,
    "treatment": TREATMENT,
    "label": "First 2020",
    "study_id": "first2020",
    "cohort_id": "arm",
    "year": 2020,
    "design": "retrospective",
    "country": "France",
    "n": 23,
    "events": pd.NA,
    "printed": "3.1 (0.6-5.5)",
    "printed_value": 3.1,
    "printed_lower": 0.6,
    "printed_upper": 5.5,
    "printed_not_reached": False,
    "printed_upper_not_reached": False,
    "estimate": 3.3,
    "lower": 2.1,
    "upper": 5.0,
    "estimate_text": "3.3 (2.1-5.0)",
    "note": None,
}
NOTHING_PRINTED = {
    "study_id": None,
    "cohort_id": None,
    "printed": None,
    "printed_value": np.nan,
    "printed_lower": np.nan,
    "printed_upper": np.nan,
    "n": pd.NA,
    "year": pd.NA,
    "design": None,
    "country": None,
}


def forest_table(treatments=(TREATMENT,), scale=1.0) -> pd.DataFrame:
    rows = [FOREST_ROW | NOTHING_PRINTED | {"kind": "class", "treatment": None, "label": CLASS}]
    for name in treatments:
        own = FOREST_ROW | {"treatment": name}
        rows.append(own | NOTHING_PRINTED | {"kind": "treatment", "label": name})
        rows.append(own)
        rows.append(own | NOTHING_PRINTED | {"kind": "mean_study", "label": "Pooled, mean study"})
        rows.append(own | NOTHING_PRINTED | {"kind": "new_study", "label": "New study"})
    last = {"kind": "heterogeneity", "treatment": None, "treatment_class": None, "label": "SD 0.2"}
    frame = pd.DataFrame([*rows, FOREST_ROW | NOTHING_PRINTED | last])
    numbers = ["printed_value", "printed_lower", "printed_upper", "estimate", "lower", "upper"]
    frame[numbers] *= scale
    return frame.astype({"year": "Int64", "n": "Int64", "events": "Int64"})


def curve_tables() -> tuple[pd.DataFrame, pd.DataFrame]:
    time = np.linspace(0.0, 24.0, 25)
    survival = np.exp(-time / 5.0)
    curves = pd.DataFrame(
        {
            "treatment": TREATMENT,
            "treatment_class": CLASS,
            "histology": "reference",
            "time": time,
            "survival": survival,
            "lower": survival**1.2,
            "upper": survival**0.8,
            "last_printed": 12.0,
        }
    )
    point = {"treatment": TREATMENT, "study_id": "first2020", "label": "First 2020", "n": 23}
    middle = {"kind": "median", "time": 3.1, "time_lower": 0.6, "time_upper": 5.5, "survival": 0.5}
    unknown = {"survival_lower": np.nan, "survival_upper": np.nan}
    return curves, pd.DataFrame([point | middle | unknown])


def histology_tables() -> HistologyTables:
    ratio = {"label": "First 2020", "kind": "printed", "family": None, "estimate": 2.33}
    known = {"lower": np.nan, "upper": np.nan, "n_pure": 15, "n_mixed": 8, "p": 0.026}
    model = {"label": "Any treatment", "kind": "posterior", "family": "weibull", "estimate": 3.4}
    rest = {"lower": 0.95, "upper": 7.2, "n_pure": None, "n_mixed": None, "p": None}
    ratios = pd.DataFrame([ratio | known | {"note": "log-rank"}, model | rest | {"note": None}])
    prior = {"which": "prior", "estimate": 1.0, "lower": 0.25, "upper": 3.9, "log_sd": 0.7}
    after = {"which": "posterior", "estimate": 3.5, "lower": 0.95, "upper": 7.0, "log_sd": 0.35}
    about = {"parameter": "prognostic", "family": "Weibull"}
    effects = pd.DataFrame([about | prior, about | after])
    return HistologyTables(ratios, effects)


def pooled_table(endpoints) -> pd.DataFrame:
    rows = []
    for endpoint in endpoints:
        estimands = {"response_rate": 0.153, "disease_control": 0.4, "complete_response": 0.02}
        if endpoint != "response":
            estimands = {"median_months": 3.2, "survival_6m": 0.254}
        for histology in ("reference", "pure", "mixed") if endpoint == "os" else ("reference",):
            for estimand, value in estimands.items():
                for target, width in (("mean_study", 1.5), ("new_study", 2.0)):
                    rows.append(
                        {
                            "endpoint": endpoint,
                            "treatment": TREATMENT,
                            "histology": histology,
                            "estimand": estimand,
                            "target": target,
                            "estimate": value,
                            "lower": value / width,
                            "upper": value * width,
                            "cohorts": 0 if estimand == "complete_response" else 1,
                            "patients": 0 if estimand == "complete_response" else 23,
                        }
                    )
    return pd.DataFrame(rows)


def families_table(endpoints) -> pd.DataFrame:
    """The pooled rows under two families, the second a tenth above the first."""
    columns = ["endpoint", "family", "treatment", "histology", "estimand", "target"]
    columns += ["estimate", "lower", "upper", "cohorts", "patients"]
    frames = [pd.DataFrame(columns=columns)]
    for endpoint in endpoints:
        for label, factor in (("Weibull", 1.0), ("log-logistic", 1.1)):
            own = pooled_table([endpoint]).assign(family=label)
            own[["estimate", "lower", "upper"]] *= factor
            frames.append(own[columns])
    return pd.concat(frames[1:], ignore_index=True) if endpoints else frames[0]


def model_choice(endpoint) -> ModelChoice:
    """The log-logistic ahead by four, with three quarters of the weight."""
    row = {"endpoint": endpoint, "family": "log-logistic", "elpd": -60.0, "se": 8.0}
    row |= {"elpd_difference": 0.0, "se_difference": 0.0, "p_loo": 5.0}
    row |= {"largest_k": 0.81, "high_k": 2, "weight": 0.75}
    other = row | {"family": "Weibull", "elpd": -64.0, "elpd_difference": -4.0}
    other |= {"se_difference": 1.5, "largest_k": 0.4, "high_k": 0, "weight": 0.25}
    weights = {"weibull": 0.25, "log-logistic": 0.75}
    return ModelChoice(pd.DataFrame([row, other]), pd.DataFrame(), weights, 12, stacked=True)


def covariates_table(endpoints) -> pd.DataFrame:
    columns = ["endpoint", "covariate", "label", "which", "estimate", "lower", "upper"]
    columns += ["log_sd", "cohorts"]
    label = "Pretreated rather than first-line"
    rows = [
        (endpoint, "pretreated", label, which, estimate, estimate / width, estimate * width, sd, 7)
        for endpoint in endpoints
        for which, estimate, width, sd in (("prior", 1.0, 1.5, 0.2), ("posterior", 0.9, 1.3, 0.15))
    ]
    return pd.DataFrame(rows, columns=columns)


def cohort_table(endpoints) -> pd.DataFrame:
    row = {
        "study": "first2020",
        "cohort": "arm",
        "label": "First 2020",
        "year": 2020,
        "treatment": TREATMENT,
        "treatment_class": CLASS,
        "histology": "unknown",
        "n": 23,
        "printed": "3.1 (0.6-5.5)",
        "printed_value": 3.1,
        "printed_lower": 0.6,
        "printed_upper": 5.5,
        "estimate": 0.33,
        "lower": 0.21,
        "upper": 0.5,
        "entered_as": "the median's rank",
        "note": "the interval lies evenly around the median",
        "status": "verified",
    }
    return pd.DataFrame([{"endpoint": endpoint} | row for endpoint in endpoints])


def figures_table(endpoints) -> pd.DataFrame:
    """One verified figure for each endpoint, a secondary one, and the histology of the cohort."""
    about = {"study": "first2020", "cohort": "arm", "label": "First 2020", "group": "whole"}
    rows = []
    for endpoint in endpoints:
        row = {"endpoint": endpoint} | about
        rows.append(row | {"kind": "median", "printed": "3.1 (0.6-5.5)", "status": "verified"})
        share = {"kind": "histology", "printed": "35 % mixed", "status": "verified"}
        rows += [] if endpoint == "response" else [row | share]
    second = {"kind": "survival probability", "printed": "12 mo: 0.20", "status": "secondary"}
    return pd.DataFrame([*rows, {"endpoint": endpoints[0]} | about | second])


def left_out_table(endpoints) -> pd.DataFrame:
    second = {"study": "second2021", "cohort": "arm", "label": "Second 2021", "kind": "overlap"}
    third = {"study": "third2022", "cohort": "a", "label": "Third 2022", "kind": "no_figure"}
    rows = []
    for endpoint in endpoints:
        why = {"reason": "same hospital", "gave_way_to": "first2020:arm"}
        rows.append({"endpoint": endpoint} | second | why)
        rows.append({"endpoint": endpoint} | third | {"reason": HOSTILE, "gave_way_to": None})
    return pd.DataFrame(rows)


def diagnostics_table(endpoints, verdict) -> pd.DataFrame:
    row = {
        "max_rhat": 1.0042,
        "worst_parameter": "study_sd",
        "min_ess_bulk": 1403.4,
        "min_ess_tail": 1220.0,
        "divergences": 0,
        "min_bfmi": 0.813,
        "draws": 1000,
        "chains": 4,
        "advice": "" if verdict == "PASS" else "Raise the number of draws.",
    }
    return pd.DataFrame([{"fit": endpoint, "verdict": verdict} | row for endpoint in endpoints])


def make_analysis(registry, endpoints=("os", "pfs", "response"), verdict="PASS") -> Analysis:
    """Build an analysis from tables alone; nothing is sampled."""
    survival = [endpoint for endpoint in endpoints if endpoint != "response"]
    stems = [f"forest_{endpoint}" for endpoint in endpoints]
    stems += [f"predictive_checks_{endpoint}" for endpoint in endpoints]
    stems += ["curves_os"] if "os" in endpoints else []
    prior = {"name": "study_sd", "role": "Between studies", "family": "half-normal"}
    more = {"parameters": "half-normal(0.5)", "implied_95": "1 to 9", "unit": "factor"}
    more |= {"instead_of": ""}
    return Analysis(
        registry=registry,
        settings=Settings(endpoints=endpoints),
        fits={},
        survival={name: FamilyFits({}, model_choice(name), None) for name in survival},
        verdicts=dict.fromkeys(endpoints, verdict),
        forest={
            name: forest_table(scale=0.05 if name == "response" else 1.0) for name in endpoints
        },
        curves={"os": curve_tables()} if "os" in survival else {},
        predictive=(predictive := {name: predictive_table(name) for name in endpoints}),
        coverage={name: coverage(len(table)) for name, table in predictive.items()},
        histology=histology_tables() if "os" in survival else None,
        pooled=pooled_table(endpoints),
        cohorts=cohort_table(endpoints),
        figures=figures_table(endpoints),
        left_out=left_out_table(endpoints),
        diagnostics=diagnostics_table(endpoints, verdict),
        priors=pd.DataFrame([prior | more | {"rationale": "weak", "source": "a paper"}]),
        families=families_table(survival),
        covariates=covariates_table(survival),
        comparison=compare({}, registry.vocabulary),
        findings=None,
        populations=(),
        sensitivity={},
        sensitivity_notes=(),
        captions={stem: f"Caption of {stem}. {HOSTILE}" for stem in stems},
        answers=(Answer(question="How long?", text=f"3.3 months. {HOSTILE}"),),
        contradictions=("Lenvatinib lies outside.",),
        restrictions=(),
        manifest={"versions": {"numpy": "2.0"}, "seed": np.int64(7)},
    )


def predictive_table(endpoint) -> pd.DataFrame:
    """One figure as expected, and one far from it."""
    about = {"endpoint": endpoint, "study": "first2020", "cohort": "arm", "label": "First (arm)"}
    about |= {"year": 2020, "treatment": TREATMENT, "treatment_class": CLASS}
    about |= {"histology": "not printed", "n": 23}
    share = {"value": 0.2, "predicted": 0.3, "lower": 0.1, "upper": 0.6}
    share |= {"lower_50": 0.2, "upper_50": 0.4, "pit": 0.2, "within": True}
    if endpoint == "response":
        return pd.DataFrame([about | share | {"figure": "response rate", "printed": "4/23"}])
    time = {"figure": "median", "printed": "31.0 (6.0-55.0)", "value": 31.0, "predicted": 3.3}
    time |= {"lower": 1.4, "upper": 7.9, "lower_50": 2.4, "upper_50": 4.4}
    time |= {"pit": 0.9988, "within": False}
    mark = {"figure": "survival at 12 months", "printed": "12 mo: 0.20"}
    return pd.DataFrame([about | time, about | share | mark])


def coverage(figures) -> Coverage:
    x = np.linspace(0.0, 1.0, 11)
    columns = {"position": x, "share": x, "lower": x**2, "upper": np.sqrt(x)}
    inside = tuple(Inside(level, 1, figures, level * figures, 0, figures) for level in (0.5, 0.95))
    return Coverage(pd.DataFrame(columns), inside)


class Page(HTMLParser):
    """What a browser would make of a page: elements in order, and the text of each."""

    VOID = frozenset({"meta", "link", "img", "br"})

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self._open: list[int] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        self.texts.append("")
        if tag == "br":
            self.handle_data(" ")
        if tag not in self.VOID:
            self._open.append(len(self.elements) - 1)

    def handle_endtag(self, tag):
        assert self.elements[self._open.pop()][0] == tag

    def handle_data(self, data):
        for number in self._open:
            self.texts[number] += data

    def every(self, *tags: str) -> list[tuple[dict[str, str | None], str]]:
        found = zip(self.elements, self.texts, strict=True)
        return [(attrs, " ".join(text.split())) for (tag, attrs), text in found if tag in tags]

    def rows(self, start: str) -> list[list[str]]:
        """Cells of the table rows whose first cell begins with `start`."""
        rows: list[list[str]] = []
        for (tag, _), words in zip(self.elements, self.texts, strict=True):
            if tag == "tr":
                rows.append([])
            elif tag in ("td", "th"):
                rows[-1].append(" ".join(words.split()))
        return [row for row in rows if row and row[0].startswith(start)]
