"""The options of the command line: their words, ranges and help."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

SUFFIXES = (".svg", ".pdf", ".png")
MIN_DRAWS = 4  # per chain; with fewer no convergence can be judged

# These words stand here a second time because the modules that own them import the sampler or the
# plots, which help must not; a test compares them.
ENDPOINTS = ("os", "pfs", "response")
FAMILIES = (
    "exponential",
    "weibull",
    "log-logistic",
    "log-normal",
    "generalised gamma",
    "long-tail",
)
STACKED = "stacked"
SURVIVAL_ENDPOINTS = ("os", "pfs")
LINES = ("pretreated", "first-line")
DESIGNS = ("retrospective", "case_series", "registry", "prospective_single_arm", "randomised")
TIME_ORIGINS = ("diagnosis", "treatment start", "randomisation")
WIDTHS = ("one-column", "two-column", "slide")

MOST_COMPONENTS = 4
HISTOLOGIES = ("pure", "mixed", "reference")
CHOICES = ("priors", "family", "likelihood", "selection", "classes", "studies")

STUDY_KINDS = ("single-arm", "randomised")
POPULATIONS = ("all", "pure", "mixed")

STATUSES = ("verified", "secondary")
LIST_FORMATS = ("table", "csv", "json")
EXPORT_FORMATS = ("csv", "json", "bibtex", "table")
CHECK_FORMATS = ("text", "json")

_YEARS = re.compile(r"(\d{4})?(-)?(\d{4})?")
_CONVERSION = re.compile(r"[^\s:]+:[^\s:]+")


def _one_of(words: Sequence[str]) -> Callable[[str | list[str] | None], Any]:
    """Build the check of an option that takes one of some words, or several of them."""

    def check(value: str | list[str] | None) -> str | list[str] | None:
        for word in [value] if isinstance(value, str) else value or []:
            if word not in words:
                raise typer.BadParameter(f"'{word}' is not one of {', '.join(words)}.")
        return value

    return check


def _between(least: float, most: float, hint: str) -> Callable[[float | None], Any]:
    """Build the check of an option that takes a number in a range."""

    def check(value: float | None) -> float | None:
        if value is not None and not least <= value <= most:
            raise typer.BadParameter(f"{value} is not {hint}.")
        return value

    return check


def _years(value: str | None) -> str | None:
    """Check a year or a range of years."""
    if value is not None:
        first, dash, last = _parts(value)
        if not (first or last) or (last and not dash):
            raise typer.BadParameter(f"'{value}' is not 2015, 2015-2020, 2015- or -2020.")
        if first and last and first > last:
            raise typer.BadParameter(f"'{value}' ends before it begins.")
    return value


def _parts(value: str) -> tuple[str | None, str | None, str | None]:
    found = _YEARS.fullmatch(value.strip())
    return (None, None, None) if found is None else found.group(1, 2, 3)


def first_and_last(value: str | None) -> tuple[int | None, int | None]:
    """Return the first and the last year of `--year`; None where it is open.

    Parameters
    ----------
    value : str or None
        ``2015``, ``2015-2020``, ``2015-`` or ``-2020``.
    """
    if value is None:
        return None, None
    first, dash, last = _parts(value)
    if dash is None:
        last = first
    return (None if first is None else int(first)), (None if last is None else int(last))


def _conversions(value: list[str] | None) -> list[str] | None:
    """Check the form of endpoint conversions."""
    for text in value or []:
        if not _CONVERSION.fullmatch(text):
            raise typer.BadParameter(f"'{text}' is not FROM:TO, as in ttp:pfs.")
    return value


def examples(*lines: str) -> str:
    """Return the end of a command's help: lines that can be typed as they stand."""
    return "\b\nExamples:\n" + "\n".join(f"  {line}" for line in lines)


def _choice(name: str, words: Sequence[str], text: str) -> Any:
    """Build an option that takes one of some words."""
    return typer.Option(name, metavar="|".join(words), callback=_one_of(words), help=text)


# --- Which studies -------------------------------------------------------------------------------

RegistryOption = Annotated[
    list[Path] | None,
    typer.Option(
        "--registry",
        metavar="DIR",
        help="Folder of study files, or one file, beside the shipped ones; may be repeated.",
    ),
]
OnlyOption = Annotated[
    bool, typer.Option("--only", help="Only what --registry names, without the shipped studies.")
]
TreatmentOption = Annotated[
    str | None, typer.Option("--treatment", metavar="T", help="Only this treatment.")
]
ClassOption = Annotated[
    str | None, typer.Option("--class", metavar="C", help="Only treatments of this class.")
]
PrintsOption = Annotated[
    str | None, typer.Option("--endpoint", metavar="E", help="Only cohorts that print it.")
]
DesignOption = Annotated[
    str | None, typer.Option("--design", metavar="D", help="Only reports of this design.")
]
YearOption = Annotated[
    str | None,
    typer.Option(
        "--year", metavar="YEARS", callback=_years, help="2015, 2015-2020, 2015- or -2020."
    ),
]
StatusOption = Annotated[
    str | None, _choice("--status", STATUSES, "Whether the report itself was seen.")
]
DiseaseOption = Annotated[
    str | None, typer.Option("--disease", metavar="D", help="Only cohorts with this disease.")
]

# --- What is analysed ----------------------------------------------------------------------------

VerifiedOption = Annotated[
    bool, typer.Option("--verified-only", help="Use only figures seen in the report itself.")
]
ConvertOption = Annotated[
    list[str] | None,
    typer.Option(
        "--convert",
        metavar="FROM:TO",
        callback=_conversions,
        help="Read one endpoint as another, as in ttp:pfs; may be repeated.",
    ),
]
PriorsOption = Annotated[
    Path | None,
    typer.Option("--priors", metavar="FILE", help="Priors that replace those of the same name."),
]
SeedOption = Annotated[
    int | None,
    typer.Option(
        "--seed",
        metavar="N",
        callback=_between(0, 2**32 - 1, "a whole number from 0 to 4294967295"),
        help="Seed of the random numbers.",
    ),
]
DrawsOption = Annotated[
    int | None,
    typer.Option(
        "--draws",
        metavar="N",
        callback=_between(MIN_DRAWS, math.inf, f"a whole number of {MIN_DRAWS} or more"),
        help="Draws kept of each chain.",
    ),
]
MixOption = Annotated[
    float | None,
    typer.Option(
        "--reference-mix",
        metavar="X",
        callback=_between(0.0, 1.0, "a fraction from 0 to 1 (0.4, not 40, for 40 percent)"),
        help="Share of mixed histology in the reference population, a fraction.",
    ),
]
FamilyOption = Annotated[
    str | None,
    _choice(
        "--family",
        (STACKED, *FAMILIES),
        "Survival family of the answers; stacked: several, weighted by how well they predict.",
    ),
]
OneFamilyOption = Annotated[
    str | None,
    _choice("--family", FAMILIES, "The one survival family that is fitted (log-logistic)."),
]
CacheOption = Annotated[
    bool, typer.Option("--cache/--no-cache", help="Reuse fits of the same data and settings.")
]
EndpointsOption = Annotated[
    list[str] | None,
    _choice("--endpoint", ENDPOINTS, "Only this endpoint; may be repeated."),
]
PooledOption = Annotated[str | None, _choice("--endpoint", ENDPOINTS, "Only this endpoint.")]
SurvivalOption = Annotated[str, _choice("--endpoint", SURVIVAL_ENDPOINTS, "The survival endpoint.")]
ChoicesOption = Annotated[
    list[str] | None,
    _choice("--choice", CHOICES, "Only these choices are made otherwise; may be repeated."),
]
HistologyOption = Annotated[
    str,
    _choice("--histology", HISTOLOGIES, "Of the patients; reference: the reference mix."),
]
DeltaOption = Annotated[
    float,
    typer.Option(
        "--delta",
        metavar="MONTHS",
        callback=_between(-60.0, 60.0, "a number of months from -60 to 60"),
        help="Months of gain whose probability is given.",
    ),
]
SurvivalEndpointsOption = Annotated[
    list[str] | None,
    _choice("--endpoint", SURVIVAL_ENDPOINTS, "Only this endpoint; may be repeated."),
]
KindOption = Annotated[str, _choice("--design", STUDY_KINDS, "One arm, or two of equal size.")]
PopulationsOption = Annotated[
    list[str] | None,
    _choice("--population", POPULATIONS, "Who would be treated; may be repeated (all three)."),
]
ByOption = Annotated[str, _choice("--by", ("histology",), "What patients are told apart by.")]
ReferenceOption = Annotated[
    str | None,
    typer.Option(
        "--reference",
        metavar="T",
        help="What gains are over (supportive care where it is pooled).",
    ),
]
MixedOption = Annotated[
    float | None,
    typer.Option(
        "--mixed",
        metavar="X",
        callback=_between(0.0, 1.0, "a fraction from 0 to 1 (0.3, not 30, for 30 percent)"),
        help="Share of the patients with mixed histology, a fraction (the reference mix).",
    ),
]
BrafOption = Annotated[
    float | None,
    typer.Option(
        "--braf",
        metavar="X",
        callback=_between(0.0, 1.0, "a fraction from 0 to 1 (0.2, not 20, for 20 percent)"),
        help="Share of the patients with BRAF V600E, a fraction (unselected patients).",
    ),
]
LineOption = Annotated[
    str | None, _choice("--line", LINES, "Line of treatment (half way between the two).")
]
DesignOfOption = Annotated[
    str | None, _choice("--design", DESIGNS, "As in studies of this design (half way).")
]
OriginOption = Annotated[
    str | None, _choice("--time-origin", TIME_ORIGINS, "From when time runs (half way).")
]
RobustOption = Annotated[
    float,
    typer.Option(
        "--robust",
        metavar="W",
        callback=_between(0.0, 0.99, "a weight from 0 (none) to 0.99"),
        help="Weight of a vague component, for when the new study disagrees with the past.",
    ),
]
ComponentsOption = Annotated[
    int | None,
    typer.Option(
        "--components",
        metavar="K",
        callback=_between(1, MOST_COMPONENTS, f"a number from 1 to {MOST_COMPONENTS}"),
        help="Components of each mixture (as many as a criterion asks for).",
    ),
]
EndpointArgument = Annotated[
    str,
    typer.Argument(
        metavar="ENDPOINT", callback=_one_of(ENDPOINTS), help=f"One of {', '.join(ENDPOINTS)}."
    ),
]

# --- Where the answer goes -----------------------------------------------------------------------

WidthOption = Annotated[str, _choice("--width", WIDTHS, "Width of the picture.")]
OutputOption = Annotated[
    Path | None,
    typer.Option("-o", "--output", metavar="FILE", help="Write to this file, not to the terminal."),
]
FolderOption = Annotated[
    Path, typer.Option("--folder", metavar="DIR", help="Where the study files go.")
]
ListFormatOption = Annotated[str, _choice("--format", LIST_FORMATS, "How it is written.")]
ExportFormatOption = Annotated[str, _choice("--format", EXPORT_FORMATS, "How it is written.")]
CheckFormatOption = Annotated[str, _choice("--format", CHECK_FORMATS, "How it is written.")]
