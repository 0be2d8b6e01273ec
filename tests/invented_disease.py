"""A disease that does not exist, with its own words, reports and priors, for tests of the toolkit.

No author, drug or hospital of it exists either. It shares no word with the shipped vocabulary but
the names of the three endpoints that can be pooled.
"""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

from small_registry import landmark, median, write_file, write_registry

SUBJECT = "Xylose tumour"
VOCABULARY: dict[str, Any] = {
    "disease": "XT",
    "subject": SUBJECT,
    "classes": [
        {"id": "glimmer", "label": "Glimmer blocker", "role": "systemic", "order": 10},
        {"id": "fog", "label": "Fog therapy", "role": "supportive", "order": 20},
        {"id": "blend", "label": "Blend", "role": "mixed", "order": 30},
    ],
    "treatments": [
        {"id": "examplinib", "label": "Examplinib", "class": "glimmer"},
        {"id": "samplinib", "label": "Samplinib", "class": "glimmer"},
        {"id": "fogging", "label": "Fogging", "class": "fog"},
        {"id": "anything", "label": "Anything", "class": "blend"},
    ],
    "endpoints": [
        {"id": "os", "label": "Overall survival", "meaning": "Time to death."},
        {"id": "pfs", "label": "Time without growth", "meaning": "Time to growth or death."},
        {"id": "ttp", "label": "Time to growth", "meaning": "Time to growth, deaths censored."},
        {"id": "response", "label": "Shrinkage", "meaning": "The tumour became smaller."},
    ],
    "designs": {"chart review": "Records read afterwards.", "randomised": "Drawn by lot."},
    "lines": {"initial": "Not treated before."},
    "time_origins": {"first dose": "Day of the first dose.", "lottery": "Day of the draw."},
    "diseases": {"XT": "A tumour that lives on xylose.", "sugar cyst": "A cyst of sugars."},
    "conversions": [
        {
            "from": "ttp",
            "to": "pfs",
            "allowed": "on request",
            "reason": "Deaths without growth are missed, so the times read too long.",
        }
    ],
}

# What nobody knew before of this disease; the other priors keep their default.
PRIORS: dict[str, Any] = {
    "priors": [
        {
            "name": "overall_median",
            "role": "Median time to the event of the mean treatment, log months",
            "family": "normal",
            "location": Decimal("2.995732"),
            "scale": Decimal("0.5"),
            "reads_as": "months",
            "rationale": "Twenty months, invented.",
            "source": "No report at all",
        }
    ]
}


def citation(author: str, year: int, title: str) -> dict[str, Any]:
    """Cite an invented report."""
    return {"authors": [author, "Nobody N"], "year": year, "title": title, "journal": "J Invent"}


def arm(treatment: str, n: int, **figures: Any) -> dict[str, Any]:
    """Describe a cohort by its treatment, counted from the first dose."""
    about = {"id": treatment, "treatment": treatment, "treatment_as_printed": treatment, "n": n}
    return about | {"time_origin": "first dose"} | figures


def report(name: str, about: dict[str, Any], *arms: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Describe a report; its figures were seen in it unless told otherwise."""
    head = {"id": name, "status": "verified", "design": "chart review", "citation": about}
    return head | more | {"cohorts": list(arms)}


def interval(lower: str, upper: str) -> dict[str, Any]:
    """A confidence interval as printed."""
    return {"ci": [Decimal(lower), Decimal(upper)], "level": Decimal("0.95")}


def reports() -> tuple[dict[str, Any], ...]:
    """Six reports: of two drugs, of fog, one of another disease, and one with unlike figures."""
    example = arm(
        *("examplinib", 40),
        survival=[
            median(Decimal("20.1"), **interval("14.2", "29.8")),
            median(Decimal("9.5"), endpoint="pfs"),
        ],
        response={"responders": 12, "evaluable": 38},
    )
    specimen = arm(
        *("examplinib", 25),
        survival=[median(Decimal("17.4"), status="secondary")],
        landmarks=[landmark(12, Decimal("0.64"))],
        response={"responders": 6, "evaluable": 25},
    )
    samplinib = arm("samplinib", 33, survival=[median(Decimal("26.0"))])
    fogging = arm("fogging", 31, survival=[median(Decimal("11.3"))])
    mockup = arm("samplinib", 18, survival=[median(Decimal("8.0"), endpoint="ttp")])
    talk = arm("fogging", 22, survival=[median(Decimal("12.9"))], caution="Told in a talk.")
    cysts = arm("examplinib", 50, disease="sugar cyst", survival=[median(Decimal("60.0"))])
    by_lot, told = {"design": "randomised"}, {"status": "secondary"}
    return tuple(
        report(name, citation(author, int(name[-4:]), title), *arms, **more)
        for name, author, title, arms, more in (
            ("example2001", "Example A", "Examplinib in xylose tumour", [example], {}),
            ("specimen2004", "Specimen B", "More examplinib", [specimen], {}),
            (
                "placeholder2007",
                "Placeholder C",
                "Samplinib against fog",
                [samplinib, fogging],
                by_lot,
            ),
            ("mockup2010", "Mockup D", "Samplinib, growth only", [mockup], {}),
            ("dummy2012", "Dummy E", "Fog as a talk told it", [talk], told),
            ("cysts2015", "Example A", "Examplinib in sugar cysts", [cysts], {}),
        )
    )


def write_disease(folder: Path) -> tuple[Path, Path]:
    """Write the registry and the priors.

    Returns
    -------
    registry, priors : Path
        The folder with vocabulary, reports and the one report left out; its file of priors.
    """
    registry = write_registry(folder / "xylose", *reports(), vocabulary=VOCABULARY)
    left_out = {
        "id": "void1999",
        "n": [7],
        "reason": "It prints nothing but prose.",
        "citation": citation("Void F", 1999, "Xylose in prose"),
    }
    write_file(registry / "excluded.toml", {"excluded": [left_out]})
    write_file(registry / "priors.toml", PRIORS)
    return registry, registry / "priors.toml"
