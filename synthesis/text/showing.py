"""One report as text for a reader: what is printed, what is counted, what looks odd.

Reads nothing but the registry. Figures stand as printed, to the digit and in their unit.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from studies import Cohort, Problem, Registry, Study
from studies.figures import study_label
from studies.plausibility import Review, review
from studies.registry import Excluded
from studies.schema import (
    NOT_REACHED,
    Characteristic,
    Citation,
    Comparison,
    Landmark,
    Overlap,
    Patient,
    Response,
    Source,
    Subgroup,
    SurvivalOutcome,
)
from studies.selection import select
from synthesis.endpoints import ENDPOINTS, survival_endpoints
from synthesis.numbers import count
from synthesis.text.listing import labelled, shown_path

_STATUS = {
    "verified": "verified: the figures were seen in the report itself, but those marked otherwise",
    "secondary": "secondary: the figures were seen in a source about the report",
}
_ENDPOINT_WIDTH = 10
_RESPONSES = ("cr", "pr", "sd", "pd", "ne", "responders", "disease_control", "evaluable")
_PERCENTS = ("orr", "dcr", "cr", "pr", "sd", "pd")


def study_lines(registry: Registry, study_id: str) -> list[str]:
    """Set out everything that a registry holds of one report; `UnknownWordError` for another."""
    study = registry.study(study_id)
    lines = [f"{study_label(study)}  ({study.id})", *_citation(study.citation), ""]
    lines += _facts(
        ("Status", _STATUS[study.status]),
        ("Seen in", "; ".join(_source(source) for source in study.sources) or "-"),
        ("Design", _joined(study.design, study.centres)),
        ("Countries", ", ".join(study.countries)),
        ("Institutions", "; ".join(study.institutions)),
        ("Enrolled", study.enrolment),
        ("Population", study.population),
        ("Notes", study.notes),
        ("File", shown_path(registry.files[study.id])),
    )
    for cohort in study.cohorts:
        lines += ["", *_cohort(cohort, study, registry)]
    for title, body in (
        ("COMPARISONS", _comparisons(study)),
        ("OVERLAPS", _overlaps(study, registry)),
        ("COUNTED", _counted(study, registry)),
        ("PLAUSIBILITY", _plausibility(study, review(registry))),
    ):
        section = list(body)
        lines += ["", title, *section] if section else []
    return lines


def excluded_study_lines(report: Excluded) -> list[str]:
    """Set out why a report was found and left out: citation, number of patients, reason."""
    lines = [f"{report.id}: left out of the registry", *_citation(report.citation), ""]
    patients = ", ".join(str(number) for number in report.n)
    return [*lines, *_facts(("Patients", patients), ("Reason", report.reason))]


def _facts(*facts: tuple[str, str | None], indent: int = 0) -> Iterator[str]:
    for label, text in facts:
        if text:
            yield from labelled(label, text, indent=indent)


def _joined(*parts: str | None, by: str = ", ") -> str:
    return by.join(filter(None, parts))


def _with(template: str, value: object) -> str | None:
    """Return a value in its words, or nothing where it is not printed."""
    return None if value is None else template.format(value)


# --- The report ----------------------------------------------------------------------------------


def _citation(citation: Citation) -> Iterator[str]:
    place = _joined(citation.journal, _with("{}", citation.year), citation.volume_pages, by=" ")
    doi, pmid = _with("doi {}", citation.doi), _with("PMID {}", citation.pmid)
    for text in (
        ", ".join(citation.authors),
        _with("{}.", citation.title and citation.title.rstrip(".")),
        _joined(place, doi, pmid, citation.trial_registration, by=". ") + ".",
        citation.unverified and f"Not yet verified: {'; '.join(citation.unverified)}.",
    ):
        if text and text != ".":
            yield from labelled("", text, indent=2, width=0)


def _source(source: Source) -> str:
    where = _joined(_with("doi {}", source.doi), source.url)
    return f"{source.kind} ({where})" if where else source.kind


# --- A cohort ------------------------------------------------------------------------------------


def _cohort(cohort: Cohort, study: Study, registry: Registry) -> Iterator[str]:
    treatment = registry.vocabulary.treatment(cohort.treatment)
    group = registry.vocabulary.treatment_class(treatment.class_).label
    yield f"COHORT {cohort.id}"
    yield from _facts(
        ("Treatment", f'{treatment.label} ({group}), printed as "{cohort.treatment_as_printed}"'),
        ("Patients", _patients(cohort)),
        ("Disease", cohort.disease or registry.vocabulary.main_disease),
        ("Line", cohort.line or "not printed"),
        ("Time from", _time_origin(cohort)),
        ("Histology", _histology(cohort)),
        ("Read as", _read_as(cohort)),
        ("BRAF V600E", _braf(cohort)),
        ("Part of", _with("{} of the same report", cohort.part_of)),
        ("Not pooled", cohort.not_pooled),
        ("Caution", cohort.caution),
        indent=2,
    )
    figures = list(_figures(cohort, study))
    yield from ["  Figures as printed", *figures] if figures else ()
    for subgroup in cohort.subgroups:
        yield from _subgroup(subgroup, study)
    if cohort.patients:
        yield "  Single patients"
    for patient in cohort.patients:
        yield from labelled("", _patient(patient), indent=4, width=0)
    yield from _characteristics(cohort, study, 2)


def _patients(cohort: Cohort) -> str:
    if cohort.n is not None or cohort.n_implied is None:
        return "not printed" if cohort.n is None else str(cohort.n)
    implied = cohort.n_implied
    return f"not printed; {implied.value} follows from other figures ({implied.derivation})"


def _time_origin(cohort: Cohort) -> str:
    how = "presumed, not printed" if cohort.time_origin_presumed else "printed"
    return _with(f"{{}} ({how})", cohort.time_origin) or "not printed"


def _histology(cohort: Cohort) -> str | None:
    split = cohort.histology
    return split and _joined(
        _with("{} pure", split.pure),
        _with("{} mixed", split.mixed),
        _with("{} % pure", split.pure_percent),
        _with("{} % mixed", split.mixed_percent),
        _with("{} assessed", split.assessed),
        *(f"{number} {name}" for name, number in split.other.items()),
        _with("defined as: {}", split.definition),
    )


def _read_as(arm: Cohort | Subgroup) -> str | None:
    return arm.read_as and f"{arm.read_as.histology}, because {arm.read_as.reason}"


def _braf(cohort: Cohort) -> str | None:
    status = cohort.braf_v600e
    return status and _joined(
        _with("{} positive", status.positive),
        _with("{} tested", status.tested),
        _with("{} %", status.percent),
    )


def _subgroup(group: Subgroup, study: Study) -> Iterator[str]:
    words = _joined(
        f"{group.factor} {group.level}",
        _with('printed as "{}"', group.label),
        "n not printed" if group.n is None else count(group.n, "patient"),
        _with("read as {}", _read_as(group)),
    )
    yield from labelled("Subgroup", words, indent=2)
    yield from _figures(group, study)
    yield from _characteristics(group, study, 4)


def _patient(patient: Patient) -> str:
    unit = patient.unit or ""
    times = tuple((name, getattr(patient, name)) for name in survival_endpoints())
    times += (("response lasted", patient.response_duration),)
    printed = (f"{name} {time} {unit}".strip() for name, time in times if time is not None)
    return _joined(*printed, patient.event, patient.response, patient.histology)


def _characteristics(arm: Cohort | Subgroup, study: Study, indent: int) -> Iterator[str]:
    if arm.characteristics:
        yield f"{' ' * indent}Also printed"
    for printed in arm.characteristics:
        text = _characteristic(printed)
        if printed.status not in (None, study.status):
            text += f" [{printed.status}]"
        yield from labelled("", text, indent=indent + 2, width=0)


def _characteristic(printed: Characteristic) -> str:
    kind = printed.statistic if printed.statistic in ("mean", "median") else None
    value = f"{printed.value} %" if printed.statistic == "percent" else f"{printed.value}"
    figure = _joined(kind, value, printed.unit, printed.of and f"of {printed.of}", by=" ")
    return _joined(
        f"{printed.name}: {figure}",
        _with("SD {}", printed.sd),
        _with("range {}", _pair(printed.range)),
        _with("IQR {}", _pair(printed.iqr)),
        _with("interval {}", _pair(printed.ci)),
        printed.group,
        printed.note,
    )


# --- Figures -------------------------------------------------------------------------------------


def _figures(arm: Cohort | Subgroup, study: Study) -> Iterator[str]:
    figures = [(figure.endpoint, _median(figure), figure) for figure in arm.survival]
    figures += [(figure.endpoint, _landmark(figure), figure) for figure in arm.landmarks]
    if arm.response is not None:
        figures.append(("response", _response(arm.response), arm.response))
    for name, text, figure in figures:
        words = f"{text} [{figure.status or study.status}]"
        yield from labelled(name, words, indent=4, width=_ENDPOINT_WIDTH)
        if figure.note:
            yield from labelled("", figure.note, indent=6, width=_ENDPOINT_WIDTH)


def _median(figure: SurvivalOutcome) -> str:
    unit = figure.unit or ""
    limits = _with(f"{_level(figure.level)} interval {{}} {unit}", _pair(figure.ci))
    method = _with(", {} method", figure.ci_method) or ""
    return _joined(
        _with(
            "median {}" if figure.median == NOT_REACHED else f"median {{}} {unit}", figure.median
        ),
        limits and limits.strip() + method,
        _with(f"IQR {{}} {unit}", _pair(figure.iqr)),
        _with(f"range {{}} {unit}", _pair(figure.range)),
        None if figure.events is None else count(figure.events, "event"),
        _with(f"median follow-up {{}} {unit}", figure.follow_up),
        _with('printed as "{}"', figure.label),
    )


def _landmark(figure: Landmark) -> str:
    return _joined(
        f"{figure.survival} at {figure.time} {figure.unit}",
        _with(f"{_level(figure.level)} interval {{}}", _pair(figure.ci)),
        _with("{} at risk", figure.at_risk),
        "READ OFF THE CURVE" if figure.digitised else None,
        _with('printed as "{}"', figure.label),
    )


def _response(response: Response) -> str:
    return _joined(
        *(_with(name.replace("_", " ") + " {}", getattr(response, name)) for name in _RESPONSES),
        *(_with(name + " {} %", getattr(response, f"{name}_percent")) for name in _PERCENTS),
        _with(f"{_level(response.orr_level)} interval of orr {{}} %", _pair(response.orr_ci)),
        response.criteria,
        response.assessor,
    )


def _level(level: Decimal | None) -> str:
    """Return a level in words; a report that prints no level is not given one."""
    return "unlabelled" if level is None else f"{(level * 100).normalize():f} %"


def _pair(pair: tuple[Decimal, Decimal | str] | None) -> str | None:
    return pair and f"{pair[0]} to {pair[1]}"


# --- Between groups and between reports ----------------------------------------------------------


def _comparisons(study: Study) -> Iterator[str]:
    for comparison in study.comparisons:
        text = f"{_comparison(comparison)} [{comparison.status or study.status}]"
        yield from labelled(comparison.endpoint, text, indent=2, width=_ENDPOINT_WIDTH)
        if comparison.note:
            yield from labelled("", comparison.note, indent=4, width=_ENDPOINT_WIDTH)


def _comparison(comparison: Comparison) -> str:
    sign = "" if isinstance(comparison.p, str) and comparison.p[:1] in "<>=≤≥" else "= "
    sides = " ONE-SIDED" if comparison.sided == 1 else ""
    return _joined(
        " against ".join(comparison.groups),
        _with(f"p {sign}{{}}{sides}", comparison.p),
        comparison.test,
        _with("hazard ratio {}", comparison.hr),
        _with(f"{_level(comparison.level)} interval {{}}", _pair(comparison.hr_ci)),
        {True: "adjusted", False: "not adjusted", None: None}[comparison.adjusted],
        _with('"{}"', comparison.text),
    )


def _overlaps(study: Study, registry: Registry) -> Iterator[str]:
    declared: dict[str, list[tuple[Overlap, bool]]] = {}
    for overlap in study.overlaps:
        declared.setdefault(overlap.with_, []).append((overlap, True))
    for other in registry:
        for overlap in other.overlaps:
            if overlap.with_ == study.id:
                declared.setdefault(other.id, []).append((overlap, False))
    for name, overlaps in declared.items():
        other = registry.studies.get(name)
        label = "not in the registry" if other is None else study_label(other)
        reasons = dict.fromkeys(overlap.reason.rstrip(".") for overlap, _ in overlaps)
        pairs = dict.fromkeys(
            pair if here else pair[::-1] for overlap, here in overlaps for pair in overlap.pairs
        )
        text = f"{name} ({label}): {'; '.join(reasons)}"
        if pairs:
            text += f"; only {', '.join(f'{here} here and {there} there' for here, there in pairs)}"
        text += "" if any(here for _, here in overlaps) else f" [declared by {name}]"
        yield from labelled("", text, indent=2, width=0)


def _counted(study: Study, registry: Registry) -> Iterator[str]:
    for endpoint in ENDPOINTS:
        left_out = {
            entry.cohort_id: f"left out: {entry.reason}"
            for entry in select(registry, endpoint).left_out
            if entry.study_id == study.id
        }
        for cohort in study.cohorts:
            words = f"{cohort.id}: {left_out.get(cohort.id, 'counted')}"
            yield from labelled(endpoint, words, indent=2, width=_ENDPOINT_WIDTH)


# --- What looks odd ------------------------------------------------------------------------------


def _plausibility(study: Study, reviewed: Review) -> Iterator[str]:
    problems: list[tuple[str, Problem, str]] = [
        *(("Warning", problem, "") for problem in reviewed.warnings),
        *(("Stale", problem, "") for problem in reviewed.stale),
        *(("Note", problem, "") for problem in reviewed.notes),
        *(("Warning", problem, f" Acknowledged: {why}") for problem, why in reviewed.acknowledged),
    ]
    for kind, problem, aside in problems:
        if problem.file == f"{study.id}.toml":
            check = f"[{problem.check}] " if problem.check else ""
            words = f"{check}{problem.field}: found {problem.found}, expected {problem.expected}"
            yield from labelled(kind, f"{words}: {problem.action}.{aside}", indent=2, width=10)
