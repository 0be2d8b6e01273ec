"""The report page: one file that needs nothing else to be read or printed."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from synthesis.endpoints import label_of
from synthesis.numbers import capitalised, count
from synthesis.report import evidence, methods
from synthesis.report.references import references
from synthesis.result import Picture, Result

if TYPE_CHECKING:
    from studies import Registry
    from synthesis.run import Analysis

TEMPLATES = Path(__file__).parent / "templates"
BIBLIOGRAPHY = "references.bib"
SUBTITLE = "Bayesian synthesis of published cohorts"
RESEARCH_USE = (
    "For research use. Nothing on this page is a basis for treating an individual patient."
)
NOT_ASKED = (
    "Sensitivity analyses were not run: each is another fit, and all of them take minutes. The "
    "first of these commands adds this section, the second asks about one endpoint; an interrupted "
    "run goes on where it stopped."
)
# Height by width from which a figure runs over several sheets in print; A4 has about 1.4.
_TALLEST = 1.7
_SVG, _LINK = "http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"


@dataclass(frozen=True)
class Figure:
    """A picture as the page holds it: its SVG, and which reports it rests on."""

    picture: Picture
    svg: Markup
    tall: bool
    studies: tuple[str, ...]


def render_page(analysis: Analysis, results: Sequence[Result], svgs: Mapping[str, str]) -> str:
    """Render the page.

    Parameters
    ----------
    analysis : Analysis
        The finished analysis.
    results : sequence of Result
        The answers, in the order of the page.
    svgs : mapping of str to str
        Every picture of the results as SVG, by its stem.

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
    registry = analysis.registry
    own = _own_sections(analysis)
    sections = [*results, *_not_asked(analysis, results), *own]
    return environment.get_template("report.html.j2").render(
        title=f"Treatments of {registry.vocabulary.subject_words}: {SUBTITLE}",
        subtitle=_subtitle(analysis),
        passed=capitalised(methods.passed(analysis)),
        alarms=methods.alarms(analysis),
        research_use=RESEARCH_USE,
        sections=_named(sections),
        figures={
            each.stem: _figure(each, svgs[each.stem], registry)
            for result in results
            for each in result.pictures
        },
        own_sections=len(own),
        of_its_own=[name for section in own for name in section.tables],
        methods=methods.methods(analysis),
        references=references(registry, analysis.cohorts["study"]),
        bibliography=BIBLIOGRAPHY,
        colophon=f"Made by atc-synthesis from {count(len(registry.studies), 'study file')}, "
        f"seed {analysis.settings.seed}.",
        paragraphs=_paragraphs,
    )


def _own_sections(analysis: Analysis) -> tuple[Result, ...]:
    return (
        evidence.trust(analysis),
        evidence.cohorts(analysis),
        evidence.left_out(analysis),
        Result("methods", "Methods"),
        methods.diagnostics(analysis),
        methods.priors(analysis),
        methods.reproduce(analysis),
        Result("references", "References of the studies used"),
    )


def _not_asked(analysis: Analysis, results: Sequence[Result]) -> Iterator[Result]:
    """How to ask for what takes minutes, or why it could not be asked."""
    endpoints, title = analysis.settings.survival_endpoints, "Sensitivity"
    if analysis.sensitivity_notes:
        yield Result("sensitivity", title, analysis.sensitivity_notes)
    elif endpoints and not any(result.name == "sensitivity" for result in results):
        commands = ("atc report --sensitivity", f"atc sensitivity --endpoint {endpoints[0]}")
        yield Result("sensitivity", title, (NOT_ASKED, *(f"- {each}" for each in commands)))


def _named(sections: Sequence[Result]) -> list[tuple[str, Result]]:
    """Sections by identifiers that differ, also where one question is answered twice."""
    named: dict[str, Result] = {}
    for section in sections:
        times = sum(each.name == section.name for each in named.values())
        named[f"{section.name}-{times + 1}" if times else section.name] = section
    return list(named.items())


def _subtitle(analysis: Analysis) -> str:
    frame, vocabulary = analysis.cohorts, analysis.registry.vocabulary
    cohorts = frame.sort_values("n").drop_duplicates(["study", "cohort"], keep="last")
    first, *others = (label_of(name, vocabulary) for name in analysis.settings.endpoints)
    size = (
        f"{', '.join([first, *map(str.lower, others)])}. "
        f"{count(frame['study'].nunique(), 'report')}, {count(len(cohorts), 'cohort')}, "
        f"{count(int(cohorts['n'].sum()), 'patient')}."
    )
    restricted = "; ".join(each.short for each in analysis.restrictions)
    return f"{size} {capitalised(restricted)}." if restricted else size


def _paragraphs(sentences: Sequence[str]) -> list[tuple[str, list[str]]]:
    """Paragraphs, and lists of neighbouring items, in order."""
    parts: list[tuple[str, list[str]]] = []
    for text in sentences:
        if not text.startswith("- "):
            parts.append((text, []))
        elif parts and parts[-1][1]:
            parts[-1][1].append(text.removeprefix("- "))
        else:
            parts.append(("", [text.removeprefix("- ")]))
    return parts


# --- Figures -------------------------------------------------------------------------------------


def _figure(picture: Picture, svg: str, registry: Registry) -> Figure:
    root = ET.fromstring(svg)
    _, _, width, height = map(float, root.get("viewBox", "0 0 1 1").split())
    labels = tuple(entry.label for entry in references(registry, picture.studies))
    return Figure(picture, _inline(root, picture), height > _TALLEST * width, labels)


def _inline(root: ET.Element, picture: Picture) -> Markup:
    """An SVG as a part of the page: its identifiers are its own, what it says of itself is out."""
    own = f"figure-{picture.stem}"
    ET.register_namespace("", _SVG)
    ET.register_namespace("xlink", _LINK)
    for parent in list(root.iter()):
        for child in list(parent):
            if child.tag in (f"{{{_SVG}}}metadata", f"{{{_SVG}}}title"):
                parent.remove(child)
        for name, text in list(parent.attrib.items()):
            if name == "id":
                parent.set(name, f"{own}-{text}")
            elif name.endswith("href") and text.startswith("#"):
                parent.set(name, f"#{own}-{text[1:]}")
            elif "url(#" in text:
                parent.set(name, text.replace("url(#", f"url(#{own}-"))
        if parent.tag == f"{{{_SVG}}}style" and parent.text:  # a rule is one of the whole page
            parent.text = re.sub(r"(?m)^\s*\*\s*\{", f"#{own} * {{", parent.text)
    for name in ("width", "height"):
        root.attrib.pop(name, None)
    root.set("id", own)
    root.set("role", "img")
    root.set("aria-label", picture.alt or picture.caption)
    return Markup(ET.tostring(root, encoding="unicode"))
