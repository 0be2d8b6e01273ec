"""An analysis made of tables alone, and a reader of pages: for the tests of the report."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from synthesis.endpoints import endpoint_of
from synthesis.questions.checks import Checks
from synthesis.questions.compare import compare
from synthesis.result import Cell, Column, Finding, Picture, Result, make_table
from synthesis.run import Analysis, Settings

HOSTILE = '<script>alert("x")</script><img src=x onerror=alert(1)>'
CLASS, TREATMENT = "Multikinase inhibitor", "Lenvatinib"


def forest_table(treatments=(TREATMENT,)) -> pd.DataFrame:
    """The columns by which a forest plot is cut to some treatments."""
    rows = [("class", None, CLASS, None)]
    for name in treatments:
        rows += [("treatment", name, name, None), ("cohort", name, "First 2020", "first2020")]
    rows.append(("heterogeneity", None, "SD 0.2", None))
    frame = pd.DataFrame(rows, columns=["kind", "treatment", "label", "study_id"])
    return frame.assign(treatment_class=CLASS)


def pooled_table(endpoints) -> pd.DataFrame:
    rows = [
        {
            "endpoint": endpoint,
            "treatment": TREATMENT,
            "histology": histology,
            "estimand": endpoint_of(endpoint).estimand,
            "target": target,
            "shrunk": False,
            "estimate": 3.2,
            "lower": 3.2 / width,
            "upper": 3.2 * width,
        }
        for endpoint in endpoints
        for histology in (("reference", "pure", "mixed") if endpoint == "os" else ("reference",))
        for target, width in (("mean_study", 1.5), ("new_study", 2.0))
    ]
    return pd.DataFrame(rows)


def cohort_table(endpoints) -> pd.DataFrame:
    row = {
        **{"study": "first2020", "cohort": "arm", "label": "First 2020", "year": 2020},
        **{"treatment": TREATMENT, "treatment_class": CLASS, "histology": "unknown", "n": 23},
        **{"printed": "3.1 (0.6–5.5)", "printed_value": 3.1},
        **{"printed_lower": 0.6, "printed_upper": 5.5},
        **{"estimate": 0.33, "lower": 0.21, "upper": 0.5, "entered_as": "the median's rank"},
        **{"note": "the interval lies evenly around the median", "status": "verified"},
    }
    return pd.DataFrame([{"endpoint": endpoint} | row for endpoint in endpoints])


def figures_table(endpoints) -> pd.DataFrame:
    """One verified figure for each endpoint, a secondary one, and the histology of the cohort."""
    about = {"study": "first2020", "cohort": "arm", "label": "First 2020", "group": "whole"}
    rows = []
    for endpoint in endpoints:
        row = {"endpoint": endpoint} | about
        rows.append(row | {"kind": "median", "printed": "3.1 (0.6–5.5)", "status": "verified"})
        share = {"kind": "histology", "printed": "35 % mixed", "status": "verified"}
        rows += [] if endpoint == "response" else [row | share]
    second = {"kind": "survival probability", "printed": "12-month OS 20 %", "status": "secondary"}
    return pd.DataFrame([*rows, {"endpoint": endpoints[0]} | about | second])


def left_out_table(endpoints) -> pd.DataFrame:
    columns = ["endpoint", "study", "cohort", "label", "kind", "reason", "gave_way_to"]
    second = ("second2021", "arm", "Second 2021", "overlap", "same hospital", "first2020:arm")
    third = ("third2022", "a", "Third 2022", "not_pooled", HOSTILE, None)
    rows = [(endpoint, *row) for endpoint in endpoints for row in (second, third)]
    return pd.DataFrame(rows, columns=columns)


def diagnostics_table(endpoints, verdict) -> pd.DataFrame:
    row = {
        **{"max_rhat": 1.0042, "worst_parameter": "study_sd", "min_ess_bulk": 1403.4},
        **{"min_ess_tail": 1220.0, "divergences": 0, "min_bfmi": 0.813, "draws": 1000},
        **{"chains": 4, "advice": "" if verdict == "PASS" else "Raise the number of draws."},
    }
    return pd.DataFrame([{"fit": endpoint, "verdict": verdict} | row for endpoint in endpoints])


def plot_labels(labels, width="two-column") -> Figure:
    """A figure that is drawn quickly: labels, one below the other."""
    figure = Figure(figsize=(4, 3))
    for number, label in enumerate((*labels, width)):
        figure.text(0.1, 0.9 - number / 20, label)
    return figure


def picture(stem="forest_os", studies=("first2020",), **more) -> Picture:
    """What draws it can be sent to another process."""
    caption = f"Caption of {stem}. {HOSTILE}"
    labels = {"labels": [stem, "Lenvatinib"]}
    return Picture(stem, "Overall survival", caption, plot_labels, labels, studies, **more)


def answer(*pictures: Picture) -> Result:
    """An answer with everything that an answer can have."""
    columns = [Column("Treatment", "keep"), Column("Tumours"), Column("Median, months", "num")]
    rows = [
        (Cell(TREATMENT, rows=2), "pure", "3.2 (2.1–4.8)"),
        (
            Cell(TREATMENT, rows=0),
            Cell("mixed", "extrapolated", extrapolated=True),
            Cell("5.1 (1.6–6.4)", extrapolated=True),
        ),
    ]
    table = make_table("Medians.", columns, rows, note="A note.", groups=[CLASS, CLASS])
    words = ("First.", "- one", f"- two {HOSTILE}", "Last.")
    long = make_table("", [Column("n", "num")], [(number,) for number in range(31)])
    return Result(
        "compare",
        "Treatments compared",
        (f"A lead. {HOSTILE}",),
        (
            Finding("How long?", words, (table,), pictures),
            Finding("Every number", tables=(long,), folded=True),
        ),
        {"compare": pooled_table(["os"]), "cohorts": pd.DataFrame()},
    )


def make_analysis(registry, endpoints=("os", "pfs", "response"), verdict="PASS", results=None):
    """Build an analysis from tables alone; nothing is sampled, and its answers are made up."""
    prior = {"name": "study_sd", "role": "Between studies", "family": "half-normal"}
    more = {"parameters": "half-normal(0.5)", "implied_95": "1 to 9", "unit": "factor"}
    more |= {"instead_of": ""}
    made = Analysis(
        registry=registry,
        settings=Settings(endpoints=endpoints),
        fits={},
        survival={},
        comparison=compare({}, registry.vocabulary),
        pooled=pooled_table(endpoints),
        cohorts=cohort_table(endpoints),
        figures=figures_table(endpoints),
        left_out=left_out_table(endpoints),
        diagnostics=diagnostics_table(endpoints, verdict),
        priors=pd.DataFrame([prior | more | {"rationale": "weak", "source": "a paper"}]),
        **dict.fromkeys(("families", "covariates", "model_choice"), pd.DataFrame()),
        forest={name: forest_table() for name in endpoints},
        curves={},
        checks=Checks({}, {}),
        findings=None,
        populations=(),
        sensitivity={},
        sensitivity_notes=(),
        apart=(),
        since=None,
        restrictions=(),
        manifest={"versions": {"numpy": "2.0"}, "seed": np.int64(7)},
    )
    answers = (answer(picture()),) if results is None else tuple(results)
    return with_results(made, answers)


def with_results(analysis: Analysis, results: tuple[Result, ...]) -> Analysis:
    """The analysis with these answers in the place of those of its fits."""
    analysis.__dict__["results"] = results  # as the property keeps them
    return analysis


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
        if tag in ("br", "td", "th"):
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

    @property
    def data(self) -> Any:
        """What the scripts of the page read."""
        ((_, text),) = [found for found in self.every("script") if found[0].get("id") == "data"]
        assert "<" not in text  # no text of it ends the element
        return json.loads(text)

    def section(self, name: str) -> str:
        """The text of one section."""
        ((_, words),) = [found for found in self.every("section") if found[0]["id"] == name]
        return words

    def rows(self, start: str) -> list[list[str]]:
        """Cells of the table rows whose first cell begins with `start`."""
        rows: list[list[str]] = []
        for (tag, _), words in zip(self.elements, self.texts, strict=True):
            if tag == "tr":
                rows.append([])
            elif tag in ("td", "th"):
                rows[-1].append(" ".join(words.split()))
        return [row for row in rows if row and row[0].startswith(start)]
