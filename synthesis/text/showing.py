"""One report as text for a reader: what is printed, what is counted, what looks odd.

Reads nothing but the registry. Figures stand as printed, to the digit and in their unit.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal

from studies import Cohort, Problem, Registry, Study
from studies.excluded import Excluded
from studies.figures import study_label
from studies.plausibility import Review, review
from studies.schema import (
    NOT_REACHED,
    Characteristic,
    Citation,
    Comparison,
    HistologySplit,
    Landmark,
    Overlap,
    Patient,
    Response,
    Source,
    Subgroup,
    SurvivalOutcome,
)
from studies.selection import ENDPOINTS, select
from synthesis.text.plain import count, labelled, shown_path

_STATUS = {
    "verified": "verified: the figures were seen in the report itself, but those marked otherwise",
    "secondary": "secondary: the figures were seen in a source about the report",
}
_INDENT = 2
_ENDPOINT_WIDTH = 10
_RESPONSES = ("cr", "pr", "sd", "pd", "ne", "responders", "disease_control", "evaluable")
_PERCENTS = ("orr", "dcr", "cr", "pr", "sd", "pd")
_WORDS = {"disease_control": "disease control"}


def study_lines(registry: Registry, study_id: str) -> list[str]:
    """Set out everything that a registry holds of one report.

    Parameters
    ----------
    registry : Registry
        The registry.
    study_id : str
        Identifier of the report.

    Returns
    -------
    list of str
        Citation; how the patients were found; each cohort with its figures and their status;
        comparisons; overlaps; what is counted for each endpoint; what looks odd; the file.

    Raises
    ------
    studies.UnknownWordError
        Where the registry does not hold the report.
    """
    study = registry.study(study_id)
    lines = [f"{study_label(study)}  ({study.id})", *_citation(study.citation), ""]
    lines += _head(study)
    lines += labelled("File", shown_path(registry.files[study.id]))
    for cohort in study.cohorts:
        lines += ["", *_cohort(cohort, study, registry)]
    lines += _section("COMPARISONS", _comparisons(study))
    lines += _section("OVERLAPS", _overlaps(study, registry))
    lines += _section("COUNTED", _counted(study, registry))
    lines += _section("PLAUSIBILITY", _plausibility(study, review(registry)))
    return lines


def excluded_study_lines(report: Excluded) -> list[str]:
    """Set out why a report was found and left out.

    Parameters
    ----------
    report : Excluded
        The report.

    Returns
    -------
    list of str
        Citation, number of patients, and the reason.
    """
    lines = [f"{report.id}: left out of the registry", *_citation(report.citation), ""]
    if report.n:
        lines += labelled("Patients", ", ".join(str(number) for number in report.n))
    return lines + labelled("Reason", report.reason)


def _section(title: str, lines: Iterable[str]) -> list[str]:
    """Return a section with its title; nothing where it is empty."""
    body = list(lines)
    return ["", title, *body] if body else []


# --- The report ----------------------------------------------------------------------------------


def _citation(citation: Citation) -> Iterator[str]:
    if citation.authors:
        yield from labelled("", ", ".join(citation.authors), indent=_INDENT, width=0)
    if citation.title:
        yield from labelled("", f"{citation.title.rstrip('.')}.", indent=_INDENT, width=0)
    year = None if citation.year is None else str(citation.year)
    place = " ".join(filter(None, (citation.journal, year, citation.volume_pages)))
    codes = [
        f"doi {citation.doi}" if citation.doi else None,
        f"PMID {citation.pmid}" if citation.pmid else None,
        citation.trial_registration,
    ]
    line = ". ".join(filter(None, (place, *codes)))
    if line:
        yield from labelled("", f"{line}.", indent=_INDENT, width=0)
    if citation.unverified:
        text = f"Not yet verified: {'; '.join(citation.unverified)}."
        yield from labelled("", text, indent=_INDENT, width=0)


def _head(study: Study) -> list[str]:
    lines = labelled("Status", _STATUS[study.status])
    lines += labelled("Seen in", "; ".join(_source(source) for source in study.sources) or "-")
    lines += labelled("Design", ", ".join(filter(None, (study.design, study.centres))))
    for label, text in (
        ("Countries", ", ".join(study.countries)),
        ("Institutions", "; ".join(study.institutions)),
        ("Enrolled", study.enrolment),
        ("Population", study.population),
        ("Notes", study.notes),
    ):
        if text:
            lines += labelled(label, text)
    return lines


def _source(source: Source) -> str:
    where = ", ".join(filter(None, (source.doi and f"doi {source.doi}", source.url)))
    return f"{source.kind} ({where})" if where else source.kind


# --- A cohort ------------------------------------------------------------------------------------


def _cohort(cohort: Cohort, study: Study, registry: Registry) -> Iterator[str]:
    vocabulary = registry.vocabulary
    treatment = vocabulary.treatment(cohort.treatment)
    group = vocabulary.treatment_class(treatment.class_).label
    yield f"COHORT {cohort.id}"
    facts = [
        ("Treatment", f'{treatment.label} ({group}), printed as "{cohort.treatment_as_printed}"'),
        ("Patients", _patients(cohort)),
        ("Disease", cohort.disease or vocabulary.main_disease),
        ("Line", cohort.line or "not printed"),
        ("Time from", _time_origin(cohort)),
        ("Histology", _histology(cohort.histology)),
        ("Read as", _read_as(cohort)),
        ("BRAF V600E", _braf(cohort)),
        ("Part of", cohort.part_of and f"{cohort.part_of} of the same report"),
        ("Not pooled", cohort.not_pooled),
        ("Caution", cohort.caution),
    ]
    for label, text in facts:
        if text:
            yield from labelled(label, text, indent=_INDENT)
    figures = list(_figures(cohort, study, _INDENT * 2))
    if figures:
        yield f"{' ' * _INDENT}Figures as printed"
        yield from figures
    for subgroup in cohort.subgroups:
        yield from _subgroup(subgroup, study)
    if cohort.patients:
        yield f"{' ' * _INDENT}Single patients"
        for patient in cohort.patients:
            yield from labelled("", _patient(patient), indent=_INDENT * 2, width=0)
    yield from _characteristics(cohort.characteristics, study, _INDENT)


def _patients(cohort: Cohort) -> str:
    if cohort.n is not None:
        return str(cohort.n)
    if cohort.n_implied is None:
        return "not printed"
    implied = cohort.n_implied
    return f"not printed; {implied.value} follows from other figures ({implied.derivation})"


def _time_origin(cohort: Cohort) -> str:
    if cohort.time_origin is None:
        return "not printed"
    how = "presumed, not printed" if cohort.time_origin_presumed else "printed"
    return f"{cohort.time_origin} ({how})"


def _histology(split: HistologySplit | None) -> str:
    if split is None:
        return ""
    parts = [
        None if split.pure is None else f"{split.pure} pure",
        None if split.mixed is None else f"{split.mixed} mixed",
        None if split.pure_percent is None else f"{split.pure_percent} % pure",
        None if split.mixed_percent is None else f"{split.mixed_percent} % mixed",
        None if split.assessed is None else f"{split.assessed} assessed",
        *(f"{number} {name}" for name, number in split.other.items()),
        split.definition and f"defined as: {split.definition}",
    ]
    return ", ".join(filter(None, parts))


def _read_as(arm: Cohort | Subgroup) -> str:
    if arm.read_as is None:
        return ""
    return f"{arm.read_as.histology}, because {arm.read_as.reason}"


def _braf(cohort: Cohort) -> str:
    status = cohort.braf_v600e
    if status is None:
        return ""
    parts = [
        None if status.positive is None else f"{status.positive} positive",
        None if status.tested is None else f"{status.tested} tested",
        None if status.percent is None else f"{status.percent} %",
    ]
    return ", ".join(filter(None, parts))


def _subgroup(group: Subgroup, study: Study) -> Iterator[str]:
    printed = [f"{group.factor} {group.level}", group.label and f'printed as "{group.label}"']
    n = "n not printed" if group.n is None else count(group.n, "patient")
    read = _read_as(group)
    words = ", ".join(filter(None, (*printed, n, read and f"read as {read}")))
    yield from labelled("Subgroup", words, indent=_INDENT)
    yield from _figures(group, study, _INDENT * 2)
    yield from _characteristics(group.characteristics, study, _INDENT * 2)


def _patient(patient: Patient) -> str:
    times = [
        f"{name} {value} {patient.unit or ''}".strip()
        for name, value in (
            ("os", patient.os),
            ("pfs", patient.pfs),
            ("response lasted", patient.response_duration),
        )
        if value is not None
    ]
    return ", ".join(filter(None, (*times, patient.event, patient.response, patient.histology)))


def _characteristics(
    characteristics: Sequence[Characteristic], study: Study, indent: int
) -> Iterator[str]:
    if not characteristics:
        return
    yield f"{' ' * indent}Also printed"
    for item in characteristics:
        yield from labelled("", _characteristic(item, study), indent=indent + _INDENT, width=0)


def _characteristic(item: Characteristic, study: Study) -> str:
    value = f"{item.value} %" if item.statistic == "percent" else f"{item.value}"
    kind = item.statistic if item.statistic in ("mean", "median") else None
    pairs = [
        f"{name} {_pair(pair)}"
        for name, pair in (("range", item.range), ("IQR", item.iqr), ("interval", item.ci))
        if pair is not None
    ]
    figure = " ".join(filter(None, (kind, value, item.unit, item.of and f"of {item.of}")))
    spread = None if item.sd is None else f"SD {item.sd}"
    parts = [f"{item.name}: {figure}", spread, *pairs, item.group, item.note]
    return ", ".join(filter(None, parts)) + _other_status(item.status, study)


# --- Figures -------------------------------------------------------------------------------------


def _figures(arm: Cohort | Subgroup, study: Study, indent: int) -> Iterator[str]:
    figures = [(figure.endpoint, _median(figure), figure) for figure in arm.survival]
    figures += [(figure.endpoint, _landmark(figure), figure) for figure in arm.landmarks]
    if arm.response is not None:
        figures.append(("response", _response(arm.response), arm.response))
    for name, text, figure in figures:
        status = figure.status or study.status
        words = f"{text} [{status}]"
        yield from labelled(name, words, indent=indent, width=_ENDPOINT_WIDTH)
        if figure.note:
            yield from labelled("", figure.note, indent=indent + 2, width=_ENDPOINT_WIDTH)


def _median(figure: SurvivalOutcome) -> str:
    unit = figure.unit or ""
    median = None
    if figure.median is not None:
        of_unit = "" if figure.median == NOT_REACHED else f" {unit}"
        median = f"median {figure.median}{of_unit}"
    limits = None
    if figure.ci is not None:
        limits = f"{_level(figure.level)} interval {_pair(figure.ci)} {unit}".strip()
        limits += f", {figure.ci_method} method" if figure.ci_method else ""
    parts = [
        median,
        limits,
        None if figure.iqr is None else f"IQR {_pair(figure.iqr)} {unit}",
        None if figure.range is None else f"range {_pair(figure.range)} {unit}",
        None if figure.events is None else count(figure.events, "event"),
        None if figure.follow_up is None else f"median follow-up {figure.follow_up} {unit}",
        figure.label and f'printed as "{figure.label}"',
    ]
    return ", ".join(filter(None, parts))


def _landmark(figure: Landmark) -> str:
    text = f"{figure.survival} at {figure.time} {figure.unit}"
    if figure.ci is not None:
        text += f", {_level(figure.level)} interval {_pair(figure.ci)}"
    if figure.at_risk is not None:
        text += f", {figure.at_risk} at risk"
    if figure.digitised:
        text += ", READ OFF THE CURVE"
    return text + (f', printed as "{figure.label}"' if figure.label else "")


def _response(response: Response) -> str:
    counts = [(name, getattr(response, name)) for name in _RESPONSES]
    parts = [f"{_WORDS.get(name, name)} {value}" for name, value in counts if value is not None]
    percents = [(name, getattr(response, f"{name}_percent")) for name in _PERCENTS]
    parts += [f"{name} {value} %" for name, value in percents if value is not None]
    if response.orr_ci is not None:
        parts.append(f"{_level(response.orr_level)} interval of orr {_pair(response.orr_ci)} %")
    return ", ".join(filter(None, (*parts, response.criteria, response.assessor)))


def _level(level: Decimal | None) -> str:
    """Return a level in words; a report that prints no level is not given one."""
    if level is None:
        return "unlabelled"
    return f"{(level * 100).normalize():f} %"


def _pair(pair: tuple[Decimal, Decimal | str]) -> str:
    return f"{pair[0]} to {pair[1]}"


def _other_status(status: str | None, study: Study) -> str:
    """Mark a figure that was seen elsewhere than the others of its report."""
    return "" if status in (None, study.status) else f" [{status}]"


# --- Between groups and between reports ----------------------------------------------------------


def _comparisons(study: Study) -> Iterator[str]:
    for comparison in study.comparisons:
        text = _comparison(comparison)
        status = comparison.status or study.status
        yield from labelled(
            comparison.endpoint, f"{text} [{status}]", indent=_INDENT, width=_ENDPOINT_WIDTH
        )
        if comparison.note:
            yield from labelled("", comparison.note, indent=_INDENT * 2, width=_ENDPOINT_WIDTH)


def _comparison(comparison: Comparison) -> str:
    p = None
    if comparison.p is not None:
        sign = "" if isinstance(comparison.p, str) and comparison.p[:1] in "<>=≤≥" else "= "
        p = f"p {sign}{comparison.p}" + (" ONE-SIDED" if comparison.sided == 1 else "")
    limits = None
    if comparison.hr_ci is not None:
        limits = f"{_level(comparison.level)} interval {_pair(comparison.hr_ci)}"
    adjusted = {True: "adjusted", False: "not adjusted", None: None}[comparison.adjusted]
    parts = [
        " against ".join(comparison.groups),
        p,
        comparison.test,
        None if comparison.hr is None else f"hazard ratio {comparison.hr}",
        limits,
        adjusted,
        comparison.text and f'"{comparison.text}"',
    ]
    return ", ".join(filter(None, parts))


def _overlaps(study: Study, registry: Registry) -> Iterator[str]:
    declared: dict[str, list[tuple[Overlap, str]]] = {}
    for overlap in study.overlaps:
        declared.setdefault(overlap.with_, []).append((overlap, study.id))
    for other in registry:
        for overlap in other.overlaps:
            if overlap.with_ == study.id:
                declared.setdefault(other.id, []).append((overlap, other.id))
    for name, said in declared.items():
        known = registry.studies.get(name)
        called = "not in the registry" if known is None else study_label(known)
        reasons = dict.fromkeys(overlap.reason.rstrip(".") for overlap, _ in said)
        pairs = dict.fromkeys(
            (pair if by == study.id else pair[::-1]) for item, by in said for pair in item.pairs
        )
        text = f"{name} ({called}): {'; '.join(reasons)}"
        if pairs:
            text += f"; only {', '.join(f'{own} here and {its} there' for own, its in pairs)}"
        text += "" if any(by == study.id for _, by in said) else f" [declared by {name}]"
        yield from labelled("", text, indent=_INDENT, width=0)


def _counted(study: Study, registry: Registry) -> Iterator[str]:
    for endpoint in ENDPOINTS:
        chosen = select(registry, endpoint)
        counted = {ref.cohort.id for ref in chosen.counted if ref.study.id == study.id}
        against = {
            entry.cohort_id: entry.reason for entry in chosen.left_out if entry.study_id == study.id
        }
        for cohort in study.cohorts:
            text = "counted" if cohort.id in counted else f"left out: {against[cohort.id]}"
            words = f"{cohort.id}: {text}"
            yield from labelled(endpoint, words, indent=_INDENT, width=_ENDPOINT_WIDTH)


# --- What looks odd ------------------------------------------------------------------------------


def _plausibility(study: Study, found: Review) -> Iterator[str]:
    file = f"{study.id}.toml"
    for kind, problems in (
        ("Warning", found.warnings),
        ("Stale", found.stale),
        ("Note", found.notes),
    ):
        for problem in problems:
            if problem.file == file:
                yield from labelled(kind, problem_words(problem), indent=_INDENT, width=10)
    for problem, reason in found.acknowledged:
        if problem.file == file:
            words = f"{problem_words(problem)} Acknowledged: {reason}"
            yield from labelled("Warning", words, indent=_INDENT, width=10)


def problem_words(problem: Problem) -> str:
    """Return a problem without its file: the check, the field, what is found and expected."""
    check = f"[{problem.check}] " if problem.check else ""
    place = f"{problem.field}: " if problem.field else ""
    return f"{check}{place}found {problem.found}, expected {problem.expected}: {problem.action}."
