"""The options of the command line: their words, ranges and help."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Annotated, Any, get_args
from zipfile import BadZipFile, ZipFile

import typer

from studies.problems import closest
from studies.schema import Status, Unit
from synthesis import choices
from synthesis.endpoints import ENDPOINTS, survival_endpoints
from synthesis.model.covariates import DESIGNS, LINES, TIME_ORIGINS
from synthesis.staging import OutputError, check_file

SUFFIXES = (".svg", ".pdf", ".png", ".tiff", ".tif")
# A bibliography that begins so may be written anew; others may be those of a manuscript.
BIBLIOGRAPHY_MARK = "% Reports drawn in the forest plot "
MIN_DRAWS = 4  # per chain; with fewer no convergence can be judged

_YEARS = re.compile(r"(\d{4})?-(\d{4})?|(\d{4})")
_CONVERSION = re.compile(r"[^\s:]+:[^\s:]+")

Check = Callable[[Any], Any]
# Types of options that need not be given.
ANY, SEVERAL = str | None, list[str] | None
NUMBER, INTEGER, INTEGERS = float | None, int | None, list[int] | None


# --- Kinds of options ----------------------------------------------------------------------------


def examples(*lines: str) -> str:
    """Return the end of a command's help: lines that can be typed as they stand."""
    return "\b\nExamples:\n" + "\n".join(f"  {line}" for line in lines)


def option(
    kind: Any, name: str, metavar: str | None, text: str, check: Check | None = None, **more: Any
) -> Any:
    """Build the annotation of an option: its type, name, what stands for its value, and help."""
    known = typer.Option(*name.split(), metavar=metavar, callback=check, help=text, **more)
    return Annotated[kind, known]


def argument(kind: Any, metavar: str, text: str, check: Check | None = None) -> Any:
    """Build the annotation of an argument."""
    return Annotated[kind, typer.Argument(metavar=metavar, callback=check, help=text)]


def flag(name: str, text: str) -> Any:
    """Build the annotation of an option that is there or not."""
    return option(bool, name, None, text)


def choice(kind: Any, name: str, words: Iterable[str], text: str) -> Any:
    """Build the annotation of an option that takes one of some words, or several of them."""
    known = tuple(words)
    return option(kind, name, "|".join(known), text, _one_of(known))


def number(
    kind: Any, name: str, metavar: str, least: float, most: float, hint: str, text: str
) -> Any:
    """Build the annotation of an option that takes a number in a range, which `hint` names."""

    def check(value: float | None) -> float | None:
        if value is not None and not least <= value <= most:
            raise typer.BadParameter(f"{value} is not {hint}.")
        return value

    return option(kind, name, metavar, text, check)


def fraction(name: str, example: int, text: str) -> Any:
    """Build the annotation of an option that takes a share; `example` is one in percent."""
    hint = f"a fraction from 0 to 1 ({example / 100:g}, not {example}, for {example} percent)"
    return number(float | None, name, "X", 0.0, 1.0, hint, text)


def _one_of(words: tuple[str, ...]) -> Check:
    def check(value: str | list[str] | None) -> str | list[str] | None:
        for word in [value] if isinstance(value, str) else value or []:
            if word not in words:
                nearest = closest(word, words)
                hint = f"; did you mean '{nearest}'?" if nearest else "."
                raise typer.BadParameter(f"'{word}' is not one of {', '.join(words)}{hint}")
        return value

    return check


# --- What is checked, and read, of a word --------------------------------------------------------


def _years(value: str | None) -> tuple[int | None, int | None]:
    """The first and the last year of `--year`; None where it is open."""
    if value is None:
        return None, None
    match = _YEARS.fullmatch(value.strip())
    years = match.groups() if match else ()
    if not any(years):
        raise typer.BadParameter(f"'{value}' is not 2015, 2015-2020, 2015- or -2020.")
    first, last, only = (None if year is None else int(year) for year in years)
    if None not in (first, last) and first > last:
        raise typer.BadParameter(f"'{value}' ends before it begins.")
    return (first, last) if only is None else (only, only)


def _gone(value: int | None) -> None:
    """Say what stands in the place of an option that is gone."""
    if value is not None:
        raise typer.BadParameter(
            "one robust distribution is written instead of mixtures; automixfit of RBesT makes "
            "mixtures of the draws in historical_control_draws.csv (--out)."
        )


def _conversions(value: list[str] | None) -> list[str] | None:
    """Check the form of endpoint conversions."""
    for text in value or []:
        if not _CONVERSION.fullmatch(text):
            raise typer.BadParameter(f"'{text}' is not FROM:TO, as in ttp:pfs.")
    return value


def _columns(value: str | None) -> tuple[str, ...] | None:
    """Columns of `--columns`, each once."""
    if value is None:
        return None
    columns = tuple(dict.fromkeys(filter(None, re.split(r"[\s,]+", value))))
    _one_of(choices.COLUMNS)([*columns] or value)
    return columns


def _picture(value: Path) -> Path:
    """Check that a picture can be written, and that it replaces no bibliography but its own."""
    if value.suffix.lower() not in SUFFIXES:
        suffix = f"'{value.suffix}'" if value.suffix else "no suffix"
        raise typer.BadParameter(f"{value} has {suffix}; name the picture *{', *'.join(SUFFIXES)}.")
    value = Path(os.path.realpath(value)) if value.is_symlink() else value
    path = value.with_suffix(".bib")
    check_file(value)
    check_file(path)
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
        ours = text.startswith(BIBLIOGRAPHY_MARK) and not path.is_symlink()
    except FileNotFoundError:
        return value
    except OSError:
        ours = False
    if not ours:
        raise OutputError(
            f"{path} is a bibliography of your own, and that of the picture would replace it; "
            "give the picture another name (-o)."
        )
    return value


def _document(value: Path | None) -> Path | None:
    """Check that a document can be written, and that no text of a person's own is lost."""
    if value is None:
        return None
    if value.suffix.lower() != ".docx":
        raise typer.BadParameter(f"{value} is no Word document; name it *.docx.")
    check_file(value, "--word")
    try:
        with ZipFile(value) as parts:
            ours = f":lastModifiedBy>{choices.MAKER}<".encode() in parts.read("docProps/core.xml")
    except FileNotFoundError:
        return value
    except (OSError, BadZipFile, KeyError):
        ours = False
    if not ours:
        raise OutputError(
            f"{value} was edited since it was made, or is a document of your own, and the new one "
            "would replace it; give another name (--word)."
        )
    return value


# --- Which studies -------------------------------------------------------------------------------

RegistryOption = option(
    list[Path] | None, "--registry", "DIR",
    "Folder of study files, or one file, beside the shipped ones; may be repeated.",
)  # fmt: skip
OnlyOption = flag("--only", "Only what --registry names, without the shipped studies.")
TreatmentOption = option(SEVERAL, "--treatment", "T", "Only this treatment; may be repeated.")
ClassOption = option(ANY, "--class", "C", "Only treatments of this class.")
ClassesOption = option(SEVERAL, "--class", "C", "Only treatments of this class; may be repeated.")
PrintsOption = option(ANY, "--endpoint", "E", "Only cohorts that report it.")
DesignOption = option(ANY, "--design", "D", "Only reports of this design.")
DiseaseOption = option(ANY, "--disease", "D", "Only cohorts with this disease.")
YearOption = option(ANY, "--year", "YEARS", "2015, 2015-2020, 2015- or -2020.", _years)
StatusOption = choice(ANY, "--status", get_args(Status), "Whether the report itself was seen.")

# --- What is analysed ----------------------------------------------------------------------------

VerifiedOption = flag("--verified-only", "Use only figures seen in the report itself.")
QualityOption = number(
    int, "--min-quality", "N", 0, 10, "a whole number from 0 to 10",
    "Use only reports with so many of the ten items of their appraisal answered yes.",
)  # fmt: skip
ConvertOption = option(
    SEVERAL, "--convert", "FROM:TO",
    "Read one endpoint as another, as in ttp:pfs; may be repeated.", _conversions,
)  # fmt: skip
PriorsOption = option(
    Path | None,
    "--priors",
    "FILE",
    "Priors that replace those of the same name, also of a priors.toml of the registry.",
)
MixOption = fraction(
    "--reference-mix", 40, "Share of mixed histology in the reference population, a fraction."
)
FamilyOption = choice(
    ANY, "--family", (choices.STACKED, *choices.FAMILIES),
    "Survival family of the answers; stacked: several, weighted by how well they predict.",
)  # fmt: skip
OneFamilyOption = choice(
    ANY, "--family", choices.FAMILIES, "The one survival family that is fitted (log-logistic)."
)
SeedOption = number(
    int | None, "--seed", "N", 0, 2**32 - 1, "a whole number from 0 to 4294967295",
    "Seed of the random numbers.",
)  # fmt: skip
DrawsOption = number(
    int | None, "--draws", "N", MIN_DRAWS, math.inf, f"a whole number of {MIN_DRAWS} or more",
    "Draws kept of each chain.",
)  # fmt: skip
CacheOption = flag("--cache/--no-cache", "Reuse fits of the same data and settings.")

# --- What is asked -------------------------------------------------------------------------------

ONLY_THIS, REPEATED = "Only this endpoint.", "Only this endpoint; may be repeated."
EndpointArgument = argument(
    str, "ENDPOINT", f"One of {', '.join(ENDPOINTS)}.", _one_of(tuple(ENDPOINTS))
)
PooledOption = choice(ANY, "--endpoint", ENDPOINTS, ONLY_THIS)
EndpointsOption = choice(SEVERAL, "--endpoint", ENDPOINTS, REPEATED)
SurvivalOption = choice(str, "--endpoint", survival_endpoints(), "The survival endpoint.")
SurvivalEndpointsOption = choice(SEVERAL, "--endpoint", survival_endpoints(), REPEATED)
ReferenceOption = option(
    ANY, "--reference", "T", "What gains are over (supportive care where it is pooled)."
)
DeltaOption = number(
    float, "--delta", "MONTHS", -60.0, 60.0, "a number of months from -60 to 60",
    "Months of gain whose probability is given.",
)  # fmt: skip
ConfoundingOption = choice(
    str, "--confounding", choices.CONFOUNDING,
    "Confounding that gains allow for: that of the priors, none, or so many times as long anyway.",
)  # fmt: skip
AllOption = flag("--all", "Also treatments with one small cohort.")
HistologyOption = choice(
    str, "--histology", choices.HISTOLOGIES, "Of the patients; reference: the reference mix."
)
ByOption = choice(str, "--by", ("histology",), "What patients are told apart by.")
ChangesOption = choice(
    SEVERAL, "--choice", choices.CHANGES, "Only these choices are made otherwise; may be repeated."
)
KindOption = choice(str, "--design", choices.STUDY_KINDS, "One arm, or two of equal size.")
PopulationsOption = choice(
    SEVERAL, "--population", choices.POPULATIONS,
    "Who would be treated; may be repeated (all three).",
)  # fmt: skip
SinceOption = option(
    INTEGER, "--since", "YEAR", "Also say what the reports published since a year changed."
)
RobustOption = number(
    float, "--robust", "W", 0.0, 0.99, "a weight from 0 (none) to 0.99",
    "Weight of a vague component, for when the new study disagrees with the past.",
)  # fmt: skip
ComponentsOption = option(INTEGER, "--components", None, "", _gone, hidden=True)

# --- Of which patients ---------------------------------------------------------------------------

MixedOption = fraction(
    "--mixed", 30, "Share of the patients with mixed histology, a fraction (the reference mix)."
)
BrafOption = fraction(
    "--braf",
    20,
    "Share of the patients with BRAF V600E, a fraction, 0 for wild type (unselected patients).",
)
LineOption = choice(ANY, "--line", LINES, "Line of treatment (first-line).")
DesignOfOption = choice(ANY, "--design", DESIGNS, "As in studies of this design (prospective).")
OriginOption = choice(ANY, "--time-origin", TIME_ORIGINS, "From when time runs (treatment start).")

# --- Where the answer goes -----------------------------------------------------------------------

ApartOption = option(
    ANY, "--disease", "D", "Of another disease that is pooled apart, such as squamous."
)
WidthOption = choice(
    str, "--width", choices.WIDTHS, "Width of the picture: 85 mm, 174 mm, or a slide of 16:9."
)
SortOption = choice(
    ANY, "--sort", choices.ORDERS,
    "Order of treatments and cohorts (treatments by effect, cohorts by year).",
)  # fmt: skip
ColumnsOption = option(
    ANY, "--columns", "A,B,...",
    f"Columns of text, of {', '.join(choices.COLUMNS)} (what the width has room for).", _columns,
)  # fmt: skip
OutputOption = option(
    Path | None, "-o --output", "FILE", "Write to this file, not to the terminal."
)
PictureOption = option(
    Path, "-o --output", "FILE", "The picture: .svg, .pdf, .png or .tiff (300 dpi).", _picture
)
TablesOption = choice(
    SEVERAL, "--format", choices.TABLES,
    "Also write the tables as they are read, for a manuscript; may be repeated.",
)  # fmt: skip
WordOption = option(
    Path | None, "--word", "FILE",
    "Also write a manuscript (*.docx): methods, summary of findings, figures, references.",
    _document,
)  # fmt: skip
FolderOption = option(Path, "--folder", "DIR", "Where the files go.")
VocabularyOption = choice(
    ANY, "--vocabulary", ("treatments", "disease"),
    "Start vocabulary.toml instead: treatments beside the shipped ones, or another disease, with "
    "its priors.toml.",
)  # fmt: skip
ImportFolderOption = option(
    Path | None, "--folder", "DIR",
    "New or empty folder for the study files, or one with a vocabulary alone; otherwise named like "
    "the file.",
)  # fmt: skip
ArmsOption = option(int, "--arms", "N", "Arms of the report.", min=1, max=50)
StudyOption = option(str, "--study", "ID", "The report that prints the curve.")
CohortOption = option(str, "--cohort", "C", "The cohort that the curve is of.")
LevelOption = option(ANY, "--level", "L", "Its subgroup of this level, such as mixed.")
UnitOption = choice(str, "--unit", get_args(Unit), "Unit of the times in FILE.")
ListFormatOption = choice(str, "--format", ("table", "csv", "json"), "How it is written.")
ExportFormatOption = choice(
    str, "--format", ("csv", "json", "bibtex", "table"), "How it is written."
)
CheckFormatOption = choice(str, "--format", ("text", "json"), "How it is written.")
