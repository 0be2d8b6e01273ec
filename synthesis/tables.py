"""Fits to tidy tables: the numbers that plots, report and command line show.

Each number is computed once, here or in :mod:`synthesis.estimands`; whatever shows it reads it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np
import pandas as pd

from priors import Prior, Priors, load_priors
from studies.figures import (
    View,
    figure_status,
    histology_groups,
    histology_of,
    in_months,
    landmarks_of,
    outcome_of,
    printed_landmark,
    printed_median,
)
from studies.schema import NOT_REACHED, Cohort, Landmark, Subgroup, SurvivalOutcome
from studies.selection import CohortRef, LeftOut
from studies.vocabulary import Vocabulary
from synthesis.estimands import (
    SURVIVAL_ESTIMANDS,
    TARGETS,
    Group,
    Summary,
    curve,
    summarise,
)
from synthesis.models import PooledSurvival, ResponseFit
from synthesis.response_estimands import RESPONSE_ESTIMANDS, tells, told_estimands
from synthesis.stacking import STACKED

Fit = PooledSurvival | ResponseFit

POOLED_COLUMNS = (
    "endpoint",
    "treatment",
    "histology",
    "estimand",
    "target",
    "estimate",
    "lower",
    "upper",
    "cohorts",
    "patients",
)


@dataclass(frozen=True)
class NamedGroup:
    """A treatment or a class with its label, the cohorts behind it and their patients.

    Patients are those that the figures speak of: for response, the evaluable ones.
    """

    group: Group
    label: str
    class_label: str
    cohorts: tuple[CohortRef, ...]
    patients: int

    @property
    def is_class(self) -> bool:
        """Whether it stands for the average treatment of a class."""
        return self.group.treatment_index is None


def named_groups(fit: Fit, vocabulary: Vocabulary) -> list[NamedGroup]:
    """Treatments in order of display; behind those of a class with several, the class."""
    data, groups = fit.data, []
    sizes = patients_of(fit)
    for c, class_id in enumerate(data.classes):
        class_label = vocabulary.treatment_class(class_id).label
        members = [t for t, own in enumerate(data.treatment_class) if own == c]
        for t in members:
            cohorts = tuple(r for r in data.cohorts if r.treatment == data.treatments[t])
            label = vocabulary.treatment(data.treatments[t]).label
            patients = sum(sizes[ref.id] for ref in cohorts)
            groups.append(NamedGroup(Group(c, t), label, class_label, cohorts, patients))
        if len(members) > 1:
            cohorts = tuple(r for r in data.cohorts if r.treatment_class == class_id)
            patients = sum(sizes[ref.id] for ref in cohorts)
            label = f"{class_label} (any)"
            groups.append(NamedGroup(Group(c), label, class_label, cohorts, patients))
    return groups


def cohort_labels(refs: Sequence[CohortRef]) -> dict[str, str]:
    """How cohorts are called: by their study, and where it has several by their own name too."""
    several = {ref.study.id for ref in refs if sum(o.study.id == ref.study.id for o in refs) > 1}
    return {
        ref.id: f"{ref.label} ({ref.cohort.id.replace('_', ' ')})"
        if ref.study.id in several
        else ref.label
        for ref in refs
    }


def patients_of(fit: Fit) -> dict[str, int]:
    """Patients behind the figures of each cohort: treated, or evaluable for response."""
    if isinstance(fit, ResponseFit):
        pairs = zip(fit.data.cohorts, fit.data.counts, strict=True)
        return {ref.id: count.evaluable for ref, count in pairs}
    sizes = dict.fromkeys((ref.id for ref in fit.data.cohorts), 0)
    for arm in fit.data.arms:
        sizes[fit.data.cohorts[arm.cohort].id] += arm.n
    return sizes


def family_name(fit: PooledSurvival) -> str:
    """The family of a fit in running text; ``stacked`` for several."""
    names = list(fit.family_weights)
    return names[0] if len(names) == 1 else STACKED


def tells_histology(fit: Fit) -> bool:
    """Whether a fit knows the histology of any cohort: only then it speaks of pure and mixed."""
    return not isinstance(fit, ResponseFit) and fit.data.tells_histology


def reference_share(fit: PooledSurvival, reference_mix: float) -> float:
    """Share of mixed histology of pooled rows; where none is known, one that changes nothing."""
    return reference_mix if fit.data.tells_histology else fit.centre_share


def histologies(fit: PooledSurvival, reference_mix: float) -> dict[str, float]:
    """Share of mixed histology that each label of the ``histology`` column stands for."""
    reference = {"reference": reference_share(fit, reference_mix)}
    return {"pure": 0.0, "mixed": 1.0} | reference if tells_histology(fit) else reference


def pooled_table(
    fits: Mapping[str, Fit], vocabulary: Vocabulary, reference_mix: float
) -> pd.DataFrame:
    """Pooled estimates of every treatment and class: :data:`POOLED_COLUMNS`.

    Months for medians and restricted means, fractions of one for survival and response. Cohorts
    and patients are those behind the figures: for disease control and complete response the
    cohorts that print them; what no cohort prints has no row.
    """
    rows = []
    for endpoint, fit in fits.items():
        for named in named_groups(fit, vocabulary):
            for histology, estimand, target, found in _estimates(fit, named.group, reference_mix):
                size = _size_behind(fit, named, estimand)
                row = (endpoint, named.label, histology, estimand, target)
                rows.append((*row, found.estimate, found.lower, found.upper, *size))
    return pd.DataFrame(rows, columns=list(POOLED_COLUMNS))


def _size_behind(fit: Fit, named: NamedGroup, estimand: str) -> tuple[int, int]:
    """Cohorts of a group that tell an estimand, and their patients."""
    if not isinstance(fit, ResponseFit):
        return len(named.cohorts), named.patients
    own = {ref.id for ref in named.cohorts}
    telling = [
        count.evaluable
        for ref, count in zip(fit.data.cohorts, fit.data.counts, strict=True)
        if ref.id in own and tells(count, estimand)
    ]
    return len(telling), sum(telling)


def _estimates(
    fit: Fit, group: Group, reference_mix: float
) -> Iterator[tuple[str, str, str, Summary]]:
    for target in TARGETS:
        if isinstance(fit, ResponseFit):
            for estimand in told_estimands(fit):
                rate = RESPONSE_ESTIMANDS[estimand](fit, group, target)
                yield "reference", estimand, target, summarise(rate)
            continue
        for histology, share in histologies(fit, reference_mix).items():
            found = curve(fit, group, share, target)
            for estimand in SURVIVAL_ESTIMANDS:
                yield histology, estimand, target, summarise(found.estimand(estimand))


@dataclass(frozen=True)
class Printed:
    """A cohort's own figure for an endpoint, as text and in months (or fractions)."""

    text: str
    value: float = np.nan
    lower: float = np.nan
    upper: float = np.nan
    not_reached: bool = False
    upper_not_reached: bool = False
    events: int | None = None
    status: str = ""


def printed_figure(fit: Fit, index: int) -> Printed:
    """The figure of cohort ``index`` of a fit that a forest plot prints."""
    ref = fit.data.cohorts[index]
    if isinstance(fit, ResponseFit):
        count = fit.data.counts[index]
        status = figure_status(ref.cohort.response, ref.study)
        rate = count.responders / count.evaluable
        return Printed(f"{count.responders}/{count.evaluable}", rate, status=status)
    view = fit.data.view
    outcome = outcome_of(ref.cohort, view.endpoint, view.keep(ref.study))
    if outcome is None:
        return _printed_otherwise(ref, view)
    status = figure_status(outcome, ref.study)
    text = printed_median(outcome)
    reached = outcome.median != NOT_REACHED
    value = in_months(outcome.median, outcome.unit) if reached else np.nan
    if outcome.ci is None:
        return Printed(text, value, not_reached=not reached, events=outcome.events, status=status)
    lower, upper = outcome.ci
    open_end = upper == NOT_REACHED
    return Printed(
        text,
        value,
        in_months(lower, outcome.unit),
        np.nan if open_end else in_months(upper, outcome.unit),
        not_reached=not reached,
        upper_not_reached=open_end,
        events=outcome.events,
        status=status,
    )


def _printed_otherwise(ref: CohortRef, view: View) -> Printed:
    """Figures by histology, else the landmark nearest to one year, else listed patients."""
    parts, statuses = [], set()
    for group in histology_groups(ref, view):
        figure = _figure_of(group, ref, view)
        histology = histology_of(group, use_read_as=view.use_read_as)
        parts.append(f"{histology} {_as_printed(figure)}")
        statuses.add(figure_status(figure, ref.study))
    if parts:
        status = "verified" if statuses == {"verified"} else "secondary"
        return Printed("; ".join(sorted(parts, reverse=True)), status=status)
    figure = _figure_of(ref.cohort, ref, view)
    if figure is None:
        return Printed("patients listed", status=ref.study.status)
    return Printed(_as_printed(figure), status=figure_status(figure, ref.study))


def _figure_of(
    arm: Cohort | Subgroup, ref: CohortRef, view: View
) -> SurvivalOutcome | Landmark | None:
    """The median of an arm that is used, else its landmark nearest to one year."""
    keep = view.keep(ref.study)
    outcome = outcome_of(arm, view.endpoint, keep)
    if outcome is not None:
        return outcome
    landmarks = landmarks_of(arm, view.endpoint, keep)
    return min(landmarks, key=lambda m: abs(in_months(m.time, m.unit) - 12.0), default=None)


def _as_printed(figure: SurvivalOutcome | Landmark) -> str:
    return printed_landmark(figure) if isinstance(figure, Landmark) else printed_median(figure)


def cohort_estimate(fit: Fit, index: int) -> Summary:
    """The model's estimate of a cohort: its median in months at its own mix, or its rate."""
    if isinstance(fit, ResponseFit):
        return summarise(1.0 / (1.0 + np.exp(-fit.flat("log_odds")[:, index])))
    arms = [i for i, arm in enumerate(fit.data.arms) if arm.cohort == index]
    sizes = [fit.data.arms[i].n for i in arms]
    # location is linear in the share, so the mean over pure and mixed is that of their mix
    location = np.average(fit.flat("log_median")[:, arms], axis=1, weights=sizes)
    return summarise(np.exp(location))


def _entered_as(fit: Fit, index: int) -> str:
    if isinstance(fit, ResponseFit):
        return fit.data.counts[index].entered_as
    arms = [arm for arm in fit.data.arms if arm.cohort == index]
    if len(arms) == 1:
        return arms[0].entered_as
    return "; ".join(f"{arm.histology} ({arm.n}): {arm.entered_as}" for arm in arms)


def _histology_words(fit: Fit, index: int) -> str:
    if isinstance(fit, ResponseFit):
        return ""
    arms = [arm for arm in fit.data.arms if arm.cohort == index]
    if len(arms) > 1:
        return "pure and mixed apart"
    share = arms[0].share
    return "not printed" if share is None else f"{100 * share:.0f} % mixed"


def cohorts_table(fits: Mapping[str, Fit], vocabulary: Vocabulary) -> pd.DataFrame:
    """Each counted cohort: what it prints, what entered the likelihood, and its estimate."""
    rows = []
    for endpoint, fit in fits.items():
        for index, ref in enumerate(fit.data.cohorts):
            printed, found = printed_figure(fit, index), cohort_estimate(fit, index)
            rows.append(
                {
                    "endpoint": endpoint,
                    "study": ref.study.id,
                    "cohort": ref.cohort.id,
                    "label": ref.label,
                    "year": ref.study.citation.year,
                    "treatment": vocabulary.treatment(ref.treatment).label,
                    "treatment_class": vocabulary.treatment_class(ref.treatment_class).label,
                    "histology": _histology_words(fit, index),
                    "n": ref.cohort.n,
                    "printed": printed.text,
                    "printed_value": printed.value,
                    "printed_lower": printed.lower,
                    "printed_upper": printed.upper,
                    **asdict(found),
                    "entered_as": _entered_as(fit, index),
                    "note": ref.cohort.caution or "",
                    "status": printed.status,
                }
            )
    frame = pd.DataFrame(rows)
    return frame.astype({"year": "Int64", "n": "Int64"})


def left_out_table(
    left_out: Mapping[str, Sequence[LeftOut]], labels: Mapping[str, str]
) -> pd.DataFrame:
    """Each cohort that is not counted, with the reason and what it gave way to.

    Parameters
    ----------
    left_out : mapping of endpoint to sequence of LeftOut
    labels : mapping of study identifier to label
    """
    columns = ["endpoint", "study", "cohort", "label", "kind", "reason", "gave_way_to"]
    rows = [
        (
            endpoint,
            item.study_id,
            item.cohort_id,
            labels[item.study_id],
            item.kind,
            item.reason,
            item.gave_way_to or "",
        )
        for endpoint, items in left_out.items()
        for item in items
    ]
    return pd.DataFrame(rows, columns=columns)


def diagnostics_table(fits: Mapping[str, Fit]) -> pd.DataFrame:
    """The diagnosis of each fit, by its name."""
    return pd.DataFrame([{"fit": name, **asdict(fit.diagnosis)} for name, fit in fits.items()])


_PRIOR_UNITS = {
    "months": "months",
    "ratio": "ratio of medians",
    "factor": "factor at 1.96 SD",
    "share": "share",
    "shape": "shape",
    "value": "",
}


def priors_table(priors: Priors, used: Sequence[str]) -> pd.DataFrame:
    """Priors of the analysis with the 95 % range that each implies.

    ``instead_of`` holds the default where the analysis has a distribution of its own.
    """
    usual = load_priors()
    return pd.DataFrame([_prior_row(priors[name], usual[name]) for name in used])


def _prior_row(prior: Prior, usual: Prior) -> dict[str, str]:
    low, high = prior.implied()
    same = prior.family == usual.family and prior.parameters == usual.parameters
    return {
        "name": prior.name,
        "role": prior.role,
        "family": prior.family,
        "parameters": prior.parameters,
        "implied_95": f"{low:.2g} to {high:.2g}",
        "unit": _PRIOR_UNITS[prior.reads_as],
        "instead_of": "" if same else usual.parameters,
        "rationale": prior.rationale,
        "source": prior.source,
    }
