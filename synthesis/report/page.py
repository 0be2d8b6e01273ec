"""The report page: one file that needs nothing else to be read or printed.

Its last sections say how the answers were made: checks of the sampler, priors, methods, settings,
software and references.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from studies import Registry, Study
from studies.figures import study_label
from synthesis.choices import STACKED
from synthesis.endpoints import endpoint_of, label_of
from synthesis.model.families import FAMILIES
from synthesis.numbers import LEVEL, capitalised, count, decimal, is_missing, value
from synthesis.report import evidence
from synthesis.report.evidence import knows_histology, or_nothing
from synthesis.result import Cell, Column, Finding, Picture, Result, Table, make_table, table_of

if TYPE_CHECKING:
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
AUTHORS_SHOWN = 6
_ALARMS = {
    "FAIL": "These fits FAILED their checks. Do not use or quote what rests on them.",
    "REVIEW": "These fits need a REVIEW before what rests on them is used or quoted.",
}
# Height by width from which a figure runs over several sheets in print; A4 has about 1.4.
_TALLEST = 1.7
_SVG, _LINK = "http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"


def render_page(analysis: Analysis, results: Sequence[Result], svgs: Mapping[str, str]) -> str:
    """Render the page as HTML that refers to no file but those beside it, through links only.

    `results` are the answers in the order of the page; `svgs` has every picture of them as SVG, by
    its stem.
    """
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    registry = analysis.registry
    own = (
        evidence.trust(analysis),
        evidence.cohorts(analysis),
        evidence.left_out(analysis),
        Result("methods", "Methods"),
        _diagnostics(analysis),
        _priors(analysis),
        _reproduce(analysis),
        Result("references", "References of the studies used"),
    )
    sections = [*results, *_not_asked(analysis, results), *own]
    pictures = [picture for result in results for picture in result.pictures]
    return environment.get_template("report.html.j2").render(
        title=f"Treatments of {registry.vocabulary.subject_words}: {SUBTITLE}",
        subtitle=_subtitle(analysis),
        passed=capitalised(passed(analysis)),
        alarms=_alarms(analysis),
        research_use=RESEARCH_USE,
        sections=_named(sections),
        figures={each.stem: _figure(each, svgs[each.stem], registry) for each in pictures},
        own_sections=len(own),
        of_its_own=[name for section in own for name in section.tables],
        methods=_methods(analysis),
        references=references(registry, analysis.cohorts["study"]),
        bibliography=BIBLIOGRAPHY,
        colophon=f"Made by atc-synthesis from {count(len(registry.studies), 'study file')}, "
        f"seed {analysis.settings.seed}.",
        paragraphs=_paragraphs,
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
    times: Counter[str] = Counter()
    named = []
    for section in sections:
        times[section.name] += 1
        number = times[section.name]
        named.append((f"{section.name}-{number}" if number > 1 else section.name, section))
    return named


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
            continue
        if not parts or not parts[-1][1]:
            parts.append(("", []))
        parts[-1][1].append(text.removeprefix("- "))
    return parts


# --- Figures -------------------------------------------------------------------------------------


def _figure(picture: Picture, svg: str, registry: Registry) -> dict[str, Any]:
    """A picture as the page holds it: its SVG, and which reports it rests on."""
    root = ET.fromstring(svg)
    _, _, width, height = map(float, root.get("viewBox", "0 0 1 1").split())
    labels = [entry.label for entry in references(registry, picture.studies)]
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
    return Markup(ET.tostring(root, encoding="unicode"))


# --- How the answers were made -------------------------------------------------------------------


def _fit_label(analysis: Analysis, name: str) -> str:
    """Name a fit in words: "os, Weibull" is that of overall survival under that family."""
    endpoint, _, variant = name.partition(", ")
    label, family = label_of(endpoint, analysis.registry.vocabulary), analysis.settings.family
    if not variant and family != STACKED and not endpoint_of(endpoint).is_response:
        variant = FAMILIES[family].label
    return f"{label}, {variant}" if variant else label


def _alarms(analysis: Analysis) -> list[tuple[str, str, list[str]]]:
    """Say loudly which fits did not pass: verdict, headline, fits with what to do."""
    failing: dict[str, list[str]] = {verdict: [] for verdict in _ALARMS}
    for row in analysis.diagnostics.itertuples():
        if row.verdict in failing:
            words = filter(None, (_fit_label(analysis, row.fit), row.advice))
            failing[row.verdict].append(": ".join(words))
    return [(verdict, _ALARMS[verdict], fits) for verdict, fits in failing.items() if fits]


def passed(analysis: Analysis) -> str:
    """How many fits passed: "all 9 fits passed", "7 of 9 fits passed"."""
    verdicts = list(analysis.verdicts.values())
    good, every = verdicts.count("PASS"), count(len(verdicts), "fit")
    whole = f"all {every}" if len(verdicts) > 1 else f"the {every.removeprefix('1 ')}"
    return f"{whole if good == len(verdicts) else f'{good} of {every}'} passed"


def _diagnostics(analysis: Analysis) -> Result:
    """What was checked of each fit."""

    def rounded(number: float, digits: int) -> str | None:
        return None if is_missing(number) else decimal(number, digits)

    columns = (
        ("Fit", "keep", lambda row: _fit_label(analysis, row.fit)),
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
    findings, tables = (Finding("", tables=(table,)),), {"diagnostics": frame}
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
    table = table_of("What was believed before.", rows, columns, note=note)
    findings = (Finding("", tables=(table,)),)
    return Result("priors", "Priors", findings=findings, tables={"priors": frame})


def _reproduce(analysis: Analysis) -> Result:
    """Settings, versions and fingerprints from which the same page can be made again."""
    settings, registry = asdict(analysis.settings), analysis.registry
    if not knows_histology(analysis):  # nothing on the page rests on these two
        del settings["reference_mix"], settings["use_read_as"]
    settings["conversions"] = tuple(f"{each.from_}:{each.to}" for each in registry.conversions)
    versions = analysis.manifest.get("versions", {})
    plain = (
        _pairs("Settings.", "Setting", "Value", settings),
        _pairs("Software.", "Package", "Version", versions),
    )
    prints = _pairs("SHA-256.", "File", "SHA-256", registry.fingerprints)
    findings = (
        Finding("", tables=plain),
        Finding("Fingerprints of the study files", tables=(prints,), folded=True),
    )
    return Result("reproduce", "Settings, software and data", findings=findings)


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
    }


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
    cited = [registry.studies[name] for name in set(study_ids)]
    entries = [_reference(study) for study in sorted(cited, key=_place)]
    times = Counter(entry.label for entry in entries)
    return tuple(
        entry if times[entry.label] == 1 else replace(entry, label=f"{entry.label} ({entry.id})")
        for entry in entries
    )


def _place(study: Study) -> tuple[str, int, str]:
    return _authors(study)[0].casefold(), study.citation.year or 0, study.id


def _authors(study: Study) -> tuple[str, ...]:
    return study.citation.authors or (study.citation.label or study.id,)


def _reference(study: Study) -> Reference:
    citation, authors = study.citation, _authors(study)
    more = ("et al",) if len(authors) > AUTHORS_SHOWN else ()
    place = " ".join(filter(None, (citation.journal, str(citation.year or ""))))
    place = "; ".join(filter(None, (place, citation.volume_pages)))
    who = ", ".join(authors[:AUTHORS_SHOWN] + more)
    parts = filter(None, (who, citation.title, place, citation.trial_registration))
    return Reference(
        id=study.id,
        label=study_label(study),
        text=" ".join(part.rstrip(". ") + ("" if part.endswith("?") else ".") for part in parts),
        doi=citation.doi or "",
        pmid=citation.pmid or "",
        unverified=", ".join(citation.unverified),
    )
