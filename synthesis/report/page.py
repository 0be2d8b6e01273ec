"""The report page: one file that needs nothing else to be read or printed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from studies.selection import OVERLAP_RULE
from synthesis.model.families import FAMILIES
from synthesis.report import against, sections
from synthesis.report.families import (
    FAMILIES_LEAD,
    POPULATION_LEAD,
    family_blocks,
    population_tables,
)
from synthesis.report.figures import Picture
from synthesis.report.figures import Section as Place
from synthesis.report.pooled import pooled_blocks
from synthesis.report.predictive import PREDICTIVE_LEAD, predictive_blocks
from synthesis.report.references import cited_studies, references
from synthesis.report.trust import trust
from synthesis.report.view import LEVEL, Cell, Column, Table, count, make_table, text

if TYPE_CHECKING:
    from synthesis.run import Analysis

TEMPLATES = Path(__file__).parent / "templates"
BIBLIOGRAPHY = "references.bib"
SUBTITLE = "Bayesian synthesis of published cohorts"
RESEARCH_USE = (
    "For research use. Nothing on this page is a basis for treating an individual patient."
)
COHORTS_LEAD = (
    "Every cohort that entered, as its report prints it and as the model sees it: an estimate that "
    "differs from the printed figure has been drawn towards the other cohorts of its treatment, "
    "the more so the fewer patients stand behind it."
)


@dataclass(frozen=True)
class Section:
    """One entry of the list of contents."""

    id: str
    label: str


def render_page(analysis: Analysis, pictures: Sequence[Picture]) -> str:
    """Render the page.

    Parameters
    ----------
    analysis : Analysis
        The finished analysis.
    pictures : sequence of Picture
        The figures, in the order of the page.

    Returns
    -------
    str
        HTML that refers to no file but the tables and figures beside it, through links only.
    """
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("report.html.j2").render(_context(analysis, pictures))


def _context(analysis: Analysis, pictures: Sequence[Picture]) -> dict[str, Any]:
    by_section: dict[str, list[Picture]] = {name: [] for name in get_args(Place)}
    for picture in pictures:
        by_section[picture.section].append(picture)
    context: dict[str, Any] = {
        "title": f"Treatments of {analysis.registry.vocabulary.subject_words}: {SUBTITLE}",
        "subtitle": _subtitle(analysis),
        "research_use": RESEARCH_USE,
        "verdicts": sections.verdicts(analysis),
        "alarms": sections.alarms(analysis),
        "answers": sections.answers(analysis),
        "pooled": pooled_blocks(analysis),
        "pooled_lead": _pooled_lead(analysis),
        "forests": by_section["forest"],
        "curves": by_section["curves"],
        "compare": against.compared(analysis, pictures),
        "benefit": against.by_histology(analysis, pictures),
        "single": against.single_results(analysis, pictures),
        "mix": against.populations(analysis),
        "sensitivity": against.choices(analysis, pictures),
        "families": family_blocks(analysis),
        "families_lead": FAMILIES_LEAD,
        "population": population_tables(analysis),
        "population_lead": POPULATION_LEAD,
        "predictive": predictive_blocks(analysis, by_section["predictive"]),
        "predictive_lead": PREDICTIVE_LEAD,
        "trust": trust(analysis, _overlap_rule(analysis)),
        "diagnostics": sections.diagnostics(analysis),
        "cohorts": sections.cohorts(analysis),
        "cohorts_lead": COHORTS_LEAD,
        "left_out": sections.left_out(analysis),
        "left_out_lead": _left_out_lead(analysis),
        "priors": sections.priors(analysis),
        "methods": _methods(analysis),
        "references": references(analysis.registry, cited_studies(analysis)),
        "bibliography": BIBLIOGRAPHY,
        "colophon": _colophon(analysis),
    }
    context |= _reproduce(analysis)
    return context | {"sections": _sections(context)}


def _overlap_rule(analysis: Analysis) -> tuple[str, ...]:
    """Leave the rule on histology out where there is none to go by."""
    told = sections.tells_histology(analysis)
    return tuple(rule for rule in OVERLAP_RULE if told or "histology" not in rule)


def _sections(context: Mapping[str, Any]) -> tuple[Section, ...]:
    listed = {
        "answers": "Answers",
        "pooled": "Pooled estimates",
        "forest": "Forest plots",
        "curves": "Survival curves",
        "compare": "Treatments compared",
        "benefit": "Benefit in pure and mixed tumours",
        "single": "One published result, pooled",
        "mix": "A stated population",
        "families": "Which survival family?",
        "population": "What kind of study and population",
        "sensitivity": "Which choice changes what?",
        "predictive": "Would the model print these figures?",
        "trust": "How far this can be trusted",
        "diagnostics": "Diagnostics",
        "cohorts": "Cohorts used",
        "left-out": "Cohorts left out",
        "priors": "Priors",
        "methods": "Methods",
        "reproduce": "Settings, software, data",
        "references": "References",
    }
    optional = ("curves", "benefit", "single", "mix", "families", "population", "sensitivity")
    absent = {name for name in optional if not context[name]}
    return tuple(Section(name, label) for name, label in listed.items() if name not in absent)


def _subtitle(analysis: Analysis) -> str:
    frame = analysis.cohorts
    cohorts = frame.sort_values("n").drop_duplicates(["study", "cohort"], keep="last")
    labels = [
        sections.endpoint_label(analysis.registry, name) for name in analysis.settings.endpoints
    ]
    ends = ", ".join([labels[0], *(label.lower() for label in labels[1:])])
    size = (
        f"{ends}. {count(frame['study'].nunique(), 'report')}, {count(len(cohorts), 'cohort')}, "
        f"{count(int(cohorts['n'].sum()), 'patient')}."
    )
    restricted = "; ".join(item.short for item in analysis.restrictions)
    return f"{size} {restricted[:1].upper()}{restricted[1:]}." if restricted else size


def _colophon(analysis: Analysis) -> str:
    registry = analysis.registry
    return (
        f"Made by atc-synthesis from {count(len(registry.studies), 'study file')}, "
        f"seed {analysis.settings.seed}."
    )


def _pooled_lead(analysis: Analysis) -> str:
    mix = text(100 * analysis.settings.reference_mix)
    lead = (
        "The mean study is the average over the studies; a new study is what the next study of "
        "the same treatment would show, which adds the differences between studies."
    )
    if sections.tells_histology(analysis):
        lead += (
            " The reference mix is a population in which "
            f"{mix} % of the tumours are of mixed histology."
        )
    if not analysis.pooled["treatment"].str.endswith("(any)").any():
        return lead
    return (
        f"{lead} A class followed by (any) stands for its average treatment; for a new study of "
        "it the treatment is new as well."
    )


def _left_out_lead(analysis: Analysis) -> str:
    frame = analysis.left_out
    shared = frame[frame["kind"] == sections.OVERLAP].drop_duplicates(["study", "cohort"])
    return (
        "Every other cohort of the registry, with the reason. A cohort may be used for one "
        "endpoint and left out for another. Cohorts that share patients with a counted one "
        f"({len(shared)}) are listed in the section on trust."
    )


def _methods(analysis: Analysis) -> dict[str, Any]:
    settings = analysis.settings
    return {
        "survival": any(name != sections.RESPONSE for name in settings.endpoints),
        "response": sections.RESPONSE in settings.endpoints,
        "histology": sections.tells_histology(analysis),
        "restrictions": tuple(item.sentence for item in analysis.restrictions),
        "families": tuple(FAMILIES[name].label for name in settings.fitted),
        "curves": tuple({CURVES[name]: None for name in settings.fitted}),
        "tails": any(FAMILIES[name].has_tail for name in settings.fitted),
        "level": LEVEL,
        "mix": text(settings.reference_mix),
    }


# How the template writes the survival function of a family.
CURVES = {
    "exponential": "Weibull",
    "weibull": "Weibull",
    "log-logistic": "log-logistic",
    "log-normal": "log-normal",
    "generalised gamma": "generalised gamma",
    "long-tail": "long-tail",
}


def _reproduce(analysis: Analysis) -> dict[str, Table]:
    manifest = analysis.manifest
    settings = asdict(analysis.settings)
    if not sections.tells_histology(analysis):  # nothing on the page rests on these two
        settings = {k: v for k, v in settings.items() if k not in ("reference_mix", "use_read_as")}
    settings["conversions"] = tuple(f"{i.from_}:{i.to}" for i in analysis.registry.conversions)
    return {
        "settings": _pairs("Settings.", "Setting", "Value", settings),
        "software": _pairs("Software.", "Package", "Version", manifest.get("versions", {})),
        "fingerprints": _pairs(
            "SHA-256 of each file that was read.", "File", "SHA-256", analysis.registry.fingerprints
        ),
    }


def _pairs(title: str, key: str, value: str, entries: Mapping[str, Any]) -> Table:
    rows = [(name, Cell(text(entry), kind="mono")) for name, entry in entries.items()]
    return make_table(title, [Column(key, "keep"), Column(value)], rows, narrow=True)
