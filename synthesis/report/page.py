"""The report page: one file that needs nothing else to be read or printed.

Text comes from the answers, everything else from one JSON text and from the scripts of the folder
``assets``. Its last section says how the answers were made.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template
from markupsafe import Markup

from studies import Registry, Study
from studies.documents import bibtex
from synthesis.endpoints import ENDPOINTS, endpoint_of
from synthesis.model.families import FAMILIES
from synthesis.numbers import LEVEL, count, decimal, is_missing, value
from synthesis.report import evidence, words
from synthesis.report.charts import LICENCE, bundle, specifications
from synthesis.report.data import as_json, page_data
from synthesis.report.evidence import knows_histology, or_nothing
from synthesis.result import Cell, Column, Finding, Picture, Result, Table, make_table, table_of

if TYPE_CHECKING:
    import pandas as pd

    from synthesis.run import Analysis

FOLDER = Path(__file__).parent
TEMPLATES, ASSETS = FOLDER / "templates", FOLDER / "assets"
#: Scripts of the page, in the order in which they are read.
SCRIPTS = ("state", "marks", "answer", "cohorts", "appraisal", "charts", "mix", "page")
BIBLIOGRAPHY = "references.bib"
NOT_ASKED = (
    "Sensitivity analyses were not run: each is another fit, and all of them take minutes. The "
    "first of these commands adds them, the second asks about one endpoint; an interrupted run "
    "goes on where it stopped."
)
AUTHORS_SHOWN = 6
# Height by width from which a figure runs over several sheets in print; A4 has about 1.4.
_TALLEST = 1.7
_SVG, _LINK = "http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"
_PLACE = re.compile(r' (?:d|points|transform|x|y|width|height)="[^"]*"')
# Answers, and a figure, whose numbers the views of the page show; answers that only the page has.
_VIEWED = ("pooled", "compare", "mix")
_OWN = ("trust", "diagnostics", "priors", "reproduce")


@dataclass(frozen=True)
class Section:
    """One part of the page: its answers, and the tables that are kept of it."""

    id: str
    title: str
    results: tuple[Result, ...] = ()

    @property
    def tables(self) -> list[str]:
        """Names of its files."""
        return list(dict.fromkeys(name for result in self.results for name in result.tables))


#: Sections in order: name, title, and the answers that each holds; "" holds every other one.
SECTIONS = (
    ("answer", "Answer", ()),
    ("certainty", "How sure can one be?", ("compare", "trust", "appraisal")),
    ("treatments", "Treatments", ("pooled",)),
    ("histology", "Pure and mixed", ("benefit",)),
    ("mix", "Your patient mix", ("mix",)),
    ("single", "One study in context", ("single",)),
    ("checks", "Model check and sensitivity", ("checks", "sensitivity", "")),
    ("since", "What recent reports changed", ("since",)),
    ("cohorts", "All cohorts", ("cohorts", "apart", "cases", "comparisons")),
    ("methods", "Methods", ("diagnostics", "priors", "reproduce")),
)


def render_page(analysis: Analysis, results: Sequence[Result], svg_of: Callable[[str], str]) -> str:
    """Render the page as HTML that refers to no file but those beside it, through links only.

    `results` are the answers; `svg_of` gives a picture of them as SVG, by its stem.
    """
    registry = analysis.registry
    cited = references(registry, analysis.cohorts["study"])
    names = registry.labels
    data = page_data(analysis)
    data["specifications"] = specifications()
    data["bibtex"] = bibtex([registry.studies[entry.id] for entry in cited])
    data["notes"] = {answer.endpoint: list(answer.sentences) for answer in analysis.answers}
    pictures = [picture for result in results for picture in result.pictures]
    return _template("page").render(
        title=words.title(analysis),
        status=words.status(analysis),
        passed=words.passed(analysis),
        alarms=words.alarms(analysis),
        research_use=words.RESEARCH_USE,
        cards=words.cards(analysis),
        flow=words.flow(analysis),
        sections=list(_sections(analysis, results)),
        methods=Markup(methods_text(analysis, on_page=True)),
        references=cited,
        bibliography=BIBLIOGRAPHY,
        colophon=f"Made by atc-synthesis from {count(len(registry.studies), 'study file')}, "
        f"seed {analysis.settings.seed}.",
        paragraphs=_paragraphs,
        css=Markup((ASSETS / "page.css").read_text(encoding="utf-8")),
        script=Markup("\n".join(_script(name) for name in SCRIPTS)),
        data=Markup(as_json(data)),
        bundle=bundle(),
        licence=LICENCE,
        # last: they may still be drawn
        figures={each.stem: _figure(each, svg_of(each.stem), names) for each in pictures},
    )


def methods_text(analysis: Analysis, *, on_page: bool) -> str:
    """The model in words and equations as HTML: headings (h3) and paragraphs (p).

    `on_page`: with links to other parts of the page.
    """
    return _template("methods").render(methods=_methods(analysis), on_page=on_page)


def _template(name: str) -> Template:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(f"{name}.html.j2")


def _script(name: str) -> str:
    return (ASSETS / f"{name}.js").read_text(encoding="utf-8")


def _sections(analysis: Analysis, results: Sequence[Result]) -> Iterator[Section]:
    """Sections with something in them; an answer that none asks for stands with the checks."""
    own = (evidence.trust(analysis), evidence.cohorts(analysis), _diagnostics(analysis))
    every = [*own, _priors(analysis), _reproduce(analysis), *results]
    every += _not_asked(analysis, results)
    asked = {name for *_, names in SECTIONS for name in names}
    for section, title, names in SECTIONS:
        found = [each for name in names for each in every if each.name == name]
        if "" in names:
            found += [each for each in every if each.name not in asked]
        if found or section == "answer":
            yield Section(section, title, tuple(map(_without_views, found)))


def _without_views(result: Result) -> Result:
    """An answer without what the views of the page show, and without findings left empty."""
    asked = {endpoint.question for endpoint in ENDPOINTS.values()}
    kept = []
    for finding in result.findings:
        tables = finding.tables
        if result.name not in _OWN:
            seen = result.name in _VIEWED and not (finding.folded and finding.sentences)
            sides = result.name == "benefit" and finding.heading.endswith("side by side")
            tables = tuple(each for each in tables if not (seen or sides or each.long))
        pictures = tuple(each for each in finding.pictures if each.stem not in _VIEWED)
        if finding.heading not in asked and (finding.sentences or tables or pictures):
            kept.append(replace(finding, tables=tables, pictures=pictures))
    return replace(result, findings=tuple(kept))


def _not_asked(analysis: Analysis, results: Sequence[Result]) -> Iterator[Result]:
    """How to ask for what takes minutes, or why it could not be asked."""
    endpoints, heading = analysis.settings.survival_endpoints, "Sensitivity"
    sentences = analysis.sensitivity_notes
    if not sentences and endpoints and not any(each.name == "sensitivity" for each in results):
        commands = ("atc report --sensitivity", f"atc sensitivity --endpoint {endpoints[0]}")
        sentences = (NOT_ASKED, *(f"- {each}" for each in commands))
    if sentences:
        yield Result("sensitivity", heading, findings=(Finding(heading, tuple(sentences)),))


def _paragraphs(sentences: Sequence[str]) -> list[tuple[str, list[str]]]:
    """Paragraphs, and lists of neighbouring items, in order."""
    parts: list[tuple[str, list[str]]] = []
    for are_items, texts in groupby(sentences, lambda text: text.startswith("- ")):
        if are_items:
            parts.append(("", [text.removeprefix("- ") for text in texts]))
        else:
            parts += [(text, []) for text in texts]
    return parts


# --- Figures -------------------------------------------------------------------------------------


def _figure(picture: Picture, svg: str, names: Mapping[str, str]) -> dict[str, Any]:
    """A picture as the page holds it: its SVG, and which reports it rests on."""
    root = ET.fromstring(svg)
    _, _, width, height = map(float, root.get("viewBox", "0 0 1 1").split())
    labels = sorted(names.get(each, each) for each in picture.studies)
    inline, tall = _inline(root, picture), height > _TALLEST * width
    return {"picture": picture, "svg": inline, "tall": tall, "studies": labels}


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
    # a hundredth of a point is less than any screen or printer shows
    text = _PLACE.sub(_rounded, ET.tostring(root, encoding="unicode"))
    return Markup(re.sub(r">\s+<", "><", text))


def _rounded(attribute: re.Match[str]) -> str:
    return re.sub(r"(\.\d\d)\d+", r"\1", attribute[0])


# --- How the answers were made -------------------------------------------------------------------


def _diagnostics(analysis: Analysis) -> Result:
    """What was checked of each fit."""

    def rounded(number: float, digits: int) -> str | None:
        return None if is_missing(number) else decimal(number, digits)

    columns = (
        ("Fit", "keep", lambda row: words.fit_label(analysis, row.fit)),
        ("Verdict", "verdict", lambda row: row.verdict),
        ("Largest R-hat", "num", lambda row: rounded(row.max_rhat, 3)),
        ("of parameter", "mono", lambda row: row.worst_parameter),
        ("Least bulk ESS", "num", lambda row: rounded(row.min_ess_bulk, 0)),
        ("Least tail ESS", "num", lambda row: rounded(row.min_ess_tail, 0)),
        ("Divergences", "num", lambda row: row.divergences),
        ("Least E-BFMI", "num", lambda row: rounded(row.min_bfmi, 2)),
        ("Chains × draws", "num", lambda row: f"{row.chains} × {row.draws}"),
        ("Advice", "wide", lambda row: row.advice),
    )
    frame = analysis.diagnostics
    note = (
        "ESS is the effective number of independent draws; E-BFMI tells how well the sampler moves "
        "between energy levels."
    )
    table = table_of("Checks of the sampler.", frame.itertuples(index=False), columns, note=note)
    findings = (Finding("Diagnostics of the fits", tables=(table,)),)
    tables = {"diagnostics": frame}
    return Result("diagnostics", "Diagnostics of the fits", findings=findings, tables=tables)


def _priors(analysis: Analysis) -> Result:
    """What each prior is, what it implies and why."""

    def prior(row: Any) -> Cell:
        default = "" if is_missing(row.instead_of) else f"instead of {row.instead_of}"
        return Cell(value(row.parameters), default)

    columns = (
        ("Of what", "wide", lambda row: Cell(value(row.role), row.name)),
        ("Prior", "keep", prior),
        (
            *(f"Implied {LEVEL} range", "keep"),
            lambda row: f"{value(row.implied_95)} {or_nothing(row.unit)}",
        ),
        ("Why, and from where", "wide", lambda row: Cell(value(row.rationale), row.source)),
    )
    frame = analysis.priors
    own = int((~frame["instead_of"].map(is_missing)).sum())
    note = f"{count(own, 'prior')} differ{'s' if own == 1 else ''} from the default." if own else ""
    rows = frame.itertuples(index=False)
    table = table_of("", rows, columns, note=note)
    findings = (Finding(f"Priors ({len(frame)})", tables=(table,), folded=True),)
    return Result("priors", "Priors", findings=findings, tables={"priors": frame})


def _reproduce(analysis: Analysis) -> Result:
    """Settings and versions from which the same page can be made; the manifest has fingerprints."""
    settings, registry = asdict(analysis.settings), analysis.registry
    if not knows_histology(analysis):  # nothing on the page rests on these two
        del settings["reference_mix"], settings["use_read_as"]
    settings["conversions"] = tuple(f"{each.from_}:{each.to}" for each in registry.conversions)
    settings["min_quality"] = registry.min_quality
    versions = analysis.manifest.get("versions", {})
    plain = (
        _pairs("Settings.", "Setting", "Value", settings),
        _pairs("Software.", "Package", "Version", versions),
    )
    finding = Finding("Settings and software", tables=plain, folded=True)
    return Result("reproduce", "Settings and software", findings=(finding,))


def _pairs(title: str, key: str, head: str, entries: Mapping[str, Any]) -> Table:
    rows = [(name, Cell(value(entry), kind="mono")) for name, entry in entries.items()]
    return make_table(title, [Column(key, "keep"), Column(head)], rows, narrow=True)


def _methods(analysis: Analysis) -> dict[str, Any]:
    """What the template of the methods must know."""
    settings, families = analysis.settings, [FAMILIES[name] for name in analysis.settings.fitted]
    return {
        "survival": bool(settings.survival_endpoints),
        "response": any(endpoint_of(name).is_response for name in settings.endpoints),
        "histology": knows_histology(analysis),
        "restrictions": [each.sentence for each in analysis.restrictions],
        "families": [family.label for family in families],
        "curves": [(family.label, family.equation) for family in families],
        "tails": [family.tail_symbol for family in families if family.has_tail],
        "level": LEVEL,
        "mix": value(settings.reference_mix),
        "sampled": _sampled(analysis.diagnostics),
    }


def _sampled(fits: pd.DataFrame) -> str:
    """How many fits were sampled, how long, and how the worst of them did."""
    sizes = [f"{n:,}" for n in sorted({*(fits["chains"] * fits["draws"])})]
    draws = sizes[0] if len(sizes) == 1 else f"{sizes[0]} to {sizes[-1]}"
    return (
        f"{count(len(fits), 'fit')} of {draws} draws, largest R-hat "
        f"{decimal(fits['max_rhat'].max(), 3)}, least bulk effective sample size "
        f"{fits['min_ess_bulk'].min():,.0f}, {count(int(fits['divergences'].sum()), 'divergence')}"
    )


# --- The studies behind the page and behind each of its figures -----------------------------------


@dataclass(frozen=True)
class Reference:
    """One entry of the reference list; what is not known is empty.

    `label` is how tables and figures call the study, with its identifier where another has that
    name; `text` has authors, title, journal, year and pages.
    """

    id: str
    label: str
    text: str
    doi: str
    pmid: str
    unverified: str

    @property
    def in_full(self) -> str:
        """The whole citation as one line of text."""
        marks = [f"doi:{self.doi}" if self.doi else "", f"PMID {self.pmid}" if self.pmid else ""]
        return " ".join(filter(None, [self.text, *marks]))


def references(registry: Registry, study_ids: Iterable[str]) -> tuple[Reference, ...]:
    """List the citations of studies, each once, by first author and year."""
    names = registry.labels

    def place(study: Study) -> tuple[str, int, str]:
        first, *_ = study.citation.authors or (names[study.id],)
        return first.casefold(), study.citation.year or 0, study.id

    cited = sorted((registry.studies[name] for name in set(study_ids)), key=place)
    return tuple(_reference(study, names[study.id]) for study in cited)


def _reference(study: Study, label: str) -> Reference:
    citation, authors = study.citation, study.citation.authors or (label,)
    more = ("et al",) if len(authors) > AUTHORS_SHOWN else ()
    place = " ".join(filter(None, (citation.journal, str(citation.year or ""))))
    place = "; ".join(filter(None, (place, citation.volume_pages)))
    who = ", ".join(authors[:AUTHORS_SHOWN] + more)
    parts = filter(None, (who, citation.title, place, citation.trial_registration))
    return Reference(
        id=study.id,
        label=label,
        text=" ".join(part.rstrip(". ") + ("" if part.endswith("?") else ".") for part in parts),
        doi=citation.doi or "",
        pmid=citation.pmid or "",
        unverified=", ".join(citation.unverified),
    )
