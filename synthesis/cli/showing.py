"""One report as text for a reader: what is printed, what is counted, what looks odd.

Reads nothing but the registry. Figures stand as printed, to the digit and in their unit.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from studies import Cohort, Registry, Study, schema
from studies.plausibility import review
from studies.registry import Excluded
from studies.schema import NOT_REACHED, Subgroup
from synthesis.cli.listing import labelled, shown_path
from synthesis.counting import select
from synthesis.endpoints import ENDPOINTS, survival_endpoints
from synthesis.numbers import count, printed_p

_STATUS = {
    "verified": "verified: the figures were seen in the report itself, but those marked otherwise",
    "secondary": "secondary: the figures were seen in a source about the report",
}
_ENDPOINT_WIDTH = 10
_RESPONSES = ("cr", "pr", "sd", "pd", "ne", "responders", "disease_control", "evaluable")
_PERCENTS = ("orr", "dcr", "cr", "pr", "sd", "pd")
_FIELD = re.compile(r"{(\w+)}")


def study_lines(registry: Registry, study_id: str) -> list[str]:
    """Set out everything that a registry holds of one report; `UnknownWordError` for another."""
    study = registry.study(study_id)
    lines = [f"{registry.labels[study.id]}  ({study.id})", *_citation(study.citation), ""]
    lines += _facts(
        ("Status", _STATUS[study.status]),
        ("Seen in", "; ".join(map(_source, study.sources)) or "-"),
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
        ("APPRAISAL", _appraisal(study)),
        ("OVERLAPS", _overlaps(study, registry)),
        ("COUNTED", _counted(study, registry)),
        ("PLAUSIBILITY", _plausibility(study, registry)),
    ):
        section = list(body)
        lines += ["", title, *section] if section else []
    return lines


def excluded_study_lines(report: Excluded) -> list[str]:
    """Set out why a report was found and left out: citation, number of patients, reason."""
    lines = [f"{report.id}: left out of the registry", *_citation(report.citation), ""]
    patients = ", ".join(map(str, report.n))
    return [*lines, *_facts(("Patients", patients), ("Reason", report.reason))]


def _facts(*facts: tuple[str, str | None], indent: int = 0) -> Iterator[str]:
    for label, text in facts:
        if text:
            yield from labelled(label, text, indent=indent)


def _joined(*parts: str | None, by: str = ", ") -> str:
    return by.join(filter(None, parts))


def _filled(record: schema.Record | None, *templates: str, by: str = ", ", **more: str) -> str:
    """Join templates filled with the fields of a record, but those of what is not printed."""
    if record is None:
        return ""
    pairs = {name: " to ".join(map(str, own)) for name, own in record if isinstance(own, tuple)}
    known = {**dict(record), **pairs, **more}
    printed = (
        template.format(**known).strip()
        for template in templates
        if all(known[name] is not None for name in _FIELD.findall(template))
    )
    return _joined(*printed, by=by)


def _level(level: Decimal | None) -> str:
    """A level in words; a report that prints no level is not given one."""
    return "unlabelled" if level is None else f"{(level * 100).normalize():f} %"


# --- The report ----------------------------------------------------------------------------------


def _citation(citation: schema.Citation) -> Iterator[str]:
    place = _filled(citation, "{journal}", "{year}", "{volume_pages}", by=" ")
    more = _filled(citation, "doi {doi}", "PMID {pmid}", "{trial_registration}", by=". ")
    where = _joined(place, more, by=". ")
    for text in (
        ", ".join(citation.authors),
        citation.title and f"{citation.title.rstrip('.')}.",
        where and f"{where}.",
        citation.unverified and f"Not yet verified: {'; '.join(citation.unverified)}.",
    ):
        if text:
            yield from labelled("", text, indent=2, width=0)


def _source(source: schema.Source) -> str:
    where = _filled(source, "doi {doi}", "{url}")
    return f"{source.kind} ({where})" if where else source.kind


# --- A cohort ------------------------------------------------------------------------------------


def _cohort(cohort: Cohort, study: Study, registry: Registry) -> Iterator[str]:
    treatment = registry.vocabulary.treatment(cohort.treatment)
    group = registry.vocabulary.treatment_class(treatment.class_).label
    origin = "presumed, not printed" if cohort.time_origin_presumed else "printed"
    yield f"COHORT {cohort.id}"
    yield from _facts(
        ("Treatment", f'{treatment.label} ({group}), printed as "{cohort.treatment_as_printed}"'),
        ("Patients", _patients(cohort)),
        ("Disease", cohort.disease or registry.vocabulary.main_disease),
        ("Line", cohort.line or "not printed"),
        ("Time from", _filled(cohort, f"{{time_origin}} ({origin})") or "not printed"),
        ("Histology", _histology(cohort)),
        ("Read as", _read_as(cohort)),
        (
            "BRAF V600E",
            _filled(cohort.braf_v600e, "{positive} positive", "{tested} tested", "{percent} %"),
        ),
        ("Part of", _filled(cohort, "{part_of} of the same report")),
        ("Formed by", _filled(cohort.formed_by, "{kind}: {reason}")),
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
    implied = "{value} follows from other figures ({derivation})"
    number = "not printed" if cohort.n is None else str(cohort.n)
    return _joined(number, cohort.n is None and _filled(cohort.n_implied, implied), by="; ")


def _histology(cohort: Cohort) -> str:
    split = cohort.histology
    figures = ("{pure} pure", "{mixed} mixed", "{pure_percent} % pure", "{mixed_percent} % mixed")
    return _joined(
        _filled(split, *figures, "{assessed} assessed"),
        *(f"{number} {name}" for name, number in (split.other if split else {}).items()),
        _filled(split, "defined as: {definition}"),
    )


def _read_as(arm: Cohort | Subgroup) -> str:
    return _filled(arm.read_as, "{histology}, because {reason}")


def _subgroup(group: Subgroup, study: Study) -> Iterator[str]:
    words = _joined(
        _filled(group, "{factor} {level}", 'printed as "{label}"'),
        "n not printed" if group.n is None else count(group.n, "patient"),
        group.read_as and f"read as {_read_as(group)}",
    )
    yield from labelled("Subgroup", words, indent=2)
    yield from _figures(group, study)
    yield from _characteristics(group, study, 4)


def _patient(patient: schema.Patient) -> str:
    times = (f"{name} {{{name}}} {{unit}}" for name in survival_endpoints())
    words = ("response lasted {response_duration} {unit}", "{event}", "{response}", "{histology}")
    return _filled(patient, *times, *words, unit=patient.unit or "")


def _characteristics(arm: Cohort | Subgroup, study: Study, indent: int) -> Iterator[str]:
    if arm.characteristics:
        yield f"{' ' * indent}Also printed"
    for printed in arm.characteristics:
        text = _characteristic(printed)
        if printed.status not in (None, study.status):
            text += f" [{printed.status}]"
        yield from labelled("", text, indent=indent + 2, width=0)


def _characteristic(printed: schema.Characteristic) -> str:
    kind = printed.statistic if printed.statistic in ("mean", "median") else ""
    sign = " %" if printed.statistic == "percent" else ""
    figure = _filled(printed, f"{kind} {{value}}{sign}", "{unit}", "of {of}", by=" ")
    more = ("SD {sd}", "range {range}", "IQR {iqr}", "interval {ci}", "{group}", "{note}")
    return _filled(printed, "{name}: {figure}", *more, figure=figure)


# --- Figures -------------------------------------------------------------------------------------


def _figures(arm: Cohort | Subgroup, study: Study) -> Iterator[str]:
    figures = [(figure.endpoint, _median(figure), figure) for figure in arm.survival]
    figures += [(figure.endpoint, _landmark(figure), figure) for figure in arm.landmarks]
    if arm.response is not None:
        figures.append(("response", _response(arm.response), arm.response))
    for name, text, figure in figures:
        yield from _with_note(name, text, figure, study, indent=4)


def _with_note(name: str, text: str, figure: Any, study: Study, *, indent: int) -> Iterator[str]:
    words = f"{text} [{figure.status or study.status}]"
    yield from labelled(name, words, indent=indent, width=_ENDPOINT_WIDTH)
    if figure.note:
        yield from labelled("", figure.note, indent=indent + 2, width=_ENDPOINT_WIDTH)


def _median(figure: schema.SurvivalOutcome) -> str:
    return _filled(
        figure,
        "median {median}" if figure.median == NOT_REACHED else "median {median} {unit}",
        "{level} interval {ci} {unit}",
        "{ci_method} method" if figure.ci else "",
        "mean {mean} {unit}",
        "SD {sd} {unit}",
        "IQR {iqr} {unit}",
        "range {range} {unit}",
        "{all_events}" if figure.events is not None else "",
        "median follow-up {follow_up} {unit}",
        'printed as "{label}"',
        level=_level(figure.level),
        unit=figure.unit or "",
        all_events=count(figure.events or 0, "event"),
    )


def _landmark(figure: schema.Landmark) -> str:
    return _filled(
        figure,
        "{survival} at {time} {unit}",
        "{level} interval {ci}",
        "{at_risk} at risk",
        "READ OFF THE CURVE" if figure.digitised else "",
        'printed as "{label}"',
        level=_level(figure.level),
    )


def _response(response: schema.Response) -> str:
    counts = (f"{name.replace('_', ' ')} {{{name}}}" for name in _RESPONSES)
    percents = (f"{name} {{{name}_percent}} %" for name in _PERCENTS)
    limits = "{level} interval of orr {orr_ci} %"
    level = _level(response.orr_level)
    words = ("{criteria}", "{assessor}")
    return _filled(response, *counts, *percents, limits, *words, level=level)


# --- Between groups and between reports ----------------------------------------------------------


def _comparisons(study: Study) -> Iterator[str]:
    for comparison in study.comparisons:
        yield from _with_note(
            comparison.endpoint, _comparison(comparison), comparison, study, indent=2
        )


def _comparison(comparison: schema.Comparison) -> str:
    p = None if comparison.p is None else printed_p(comparison.p)
    one = " ONE-SIDED" if comparison.sided == 1 else ""
    return _filled(
        comparison,
        "{sides}",
        f"{{p}}{one}",
        "{test}",
        "hazard ratio {hr}",
        "{level} interval {hr_ci}",
        {True: "adjusted", False: "not adjusted", None: ""}[comparison.adjusted],
        "longer in {longer}",
        "" if not comparison.treatments else "as " + " against ".join(comparison.treatments),
        '"{text}"',
        p=p,
        level=_level(comparison.level),
        sides=" against ".join(comparison.groups),
    )


def _appraisal(study: Study) -> Iterator[str]:
    """The items that are answered, with the reasons."""
    for item, own in study.appraisal or ():
        if own is not None:
            words = f"{own.answer}: {own.reason}"
            yield from labelled(item.replace("_", " "), words, indent=2, width=22)


def _overlaps(study: Study, registry: Registry) -> Iterator[str]:
    declared: dict[str, list[tuple[schema.Overlap, bool]]] = {}
    for overlap in study.overlaps:
        declared.setdefault(overlap.with_, []).append((overlap, True))
    for other in registry:
        for overlap in other.overlaps:
            if overlap.with_ == study.id:
                declared.setdefault(other.id, []).append((overlap, False))
    for name, overlaps in declared.items():
        other = registry.studies.get(name)
        label = "not in the registry" if other is None else registry.labels[name]
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


def _plausibility(study: Study, registry: Registry) -> Iterator[str]:
    """What looks odd in a report."""
    reviewed = review(registry)
    problems = [
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
