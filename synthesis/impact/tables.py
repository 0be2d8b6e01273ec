"""Two fits side by side, without and with new studies: estimates, ranks, and who is counted."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from studies.figures import CohortRef, study_label
from studies.registry import Registry
from studies.selection import Selection
from studies.vocabulary import Vocabulary
from synthesis.estimands import (
    SURVIVAL_ESTIMANDS,
    TARGETS,
    Fit,
    NamedGroup,
    Summary,
    Target,
    histologies,
    named_groups,
    patients_of,
    reference_share,
    summarise,
)
from synthesis.fits import ResponseFit
from synthesis.predictive import Place, curve_of, place_of, rate_of

ESTIMATE_COLUMNS = (
    "endpoint",
    "treatment",
    "treatment_class",
    "histology",
    "estimand",
    "target",
    "before",
    "before_lower",
    "before_upper",
    "after",
    "after_lower",
    "after_upper",
    "scale",
    "shift",
    "shift_in_sd",
    "width_ratio",
    "before_basis",
    "after_basis",
    "cohorts_before",
    "cohorts_after",
    "patients_before",
    "patients_after",
    "new",
)
RANK_COLUMNS = (
    "endpoint",
    "treatment",
    "treatment_class",
    "of",
    "rank_before",
    "mean_before",
    "median_before",
    "lower_before",
    "upper_before",
    "best_before",
    "rank_after",
    "mean_after",
    "median_after",
    "lower_after",
    "upper_after",
    "best_after",
    "before_basis",
    "after_basis",
    "new",
)
SELECTION_COLUMNS = ("endpoint", "study", "cohort", "label", "change", "other", "reason")

_RATIO, _DIFFERENCE = "log ratio", "difference"


@dataclass(frozen=True)
class Subject:
    """A treatment, or the average treatment of a class, in both fits.

    Attributes
    ----------
    label, class_label : str
    before, after : Place
        Where it stands in the fit without and in the fit with the new studies.
    cohorts : pair of tuple of CohortRef
        Its cohorts in both.
    patients : pair of int
        Their patients.
    is_class : bool
    is_background : bool
        Whether only cohorts of mixed treatments stand behind it.
    """

    label: str
    class_label: str
    before: Place
    after: Place
    cohorts: tuple[tuple[CohortRef, ...], tuple[CohortRef, ...]]
    patients: tuple[int, int]
    is_class: bool
    is_background: bool


def subjects(before: Fit, after: Fit, vocabulary: Vocabulary) -> list[Subject]:
    """Treatments and classes that either fit has cohorts of, in order of display."""
    found = {
        (group.class_label, group.label): _ids(fit, group)
        for fit in (after, before)
        for group in named_groups(fit, vocabulary)
    }
    order = {item.label: item.order for item in vocabulary.classes}
    made = []
    for (class_label, label), ids in found.items():
        cohorts = tuple(_cohorts(fit, *ids) for fit in (before, after))
        sizes = [patients_of(fit) for fit in (before, after)]
        patients = [
            sum(size[ref.id] for ref in refs) for size, refs in zip(sizes, cohorts, strict=True)
        ]
        made.append(
            Subject(
                label,
                class_label,
                place_of(before, *ids),
                place_of(after, *ids),
                cohorts,
                (patients[0], patients[1]),
                ids[0] is None,
                all(ref.role == "mixed" for refs in cohorts for ref in refs),
            )
        )
    return sorted(made, key=lambda s: (order[s.class_label], s.is_class, s.label))


def _ids(fit: Fit, group: NamedGroup) -> tuple[str | None, str]:
    class_id = fit.data.classes[group.group.class_index]
    return (None if group.is_class else group.cohorts[0].treatment), class_id


def _cohorts(fit: Fit, treatment: str | None, class_id: str) -> tuple[CohortRef, ...]:
    return tuple(
        ref
        for ref in fit.data.cohorts
        if (ref.treatment_class == class_id if treatment is None else ref.treatment == treatment)
    )


def estimates_table(
    before: Fit,
    after: Fit,
    endpoint: str,
    vocabulary: Vocabulary,
    reference_mix: float,
    new_cohorts: Collection[str],
) -> pd.DataFrame:
    """Pooled estimates without and with the new studies: :data:`ESTIMATE_COLUMNS`.

    Months for medians and restricted means, whose ``shift`` is a log ratio; fractions of one for
    survival and response, whose shift is a difference. ``shift_in_sd`` is the shift over the
    posterior SD before; ``width_ratio`` compares the 95 % intervals (on the log scale for months).
    A treatment without cohorts has what is expected of a new one; ``before_basis`` and
    ``after_basis`` say so.
    """
    rows = []
    for subject in subjects(before, after, vocabulary):
        old = _estimates(before, subject.before, reference_mix)
        new = _estimates(after, subject.after, reference_mix)
        about = _about(subject, endpoint, new_cohorts)
        for i, name in enumerate(("before", "after")):
            about[f"cohorts_{name}"] = len(subject.cohorts[i])
            about[f"patients_{name}"] = subject.patients[i]
        # a fit that knows no histology has nothing to say of pure and mixed
        for keys in (key for key in new if key in old):
            named = dict(zip(("histology", "estimand", "target"), keys, strict=True))
            rows.append(about | named | _shift(keys[1], old[keys], new[keys]))
    return pd.DataFrame(rows, columns=list(ESTIMATE_COLUMNS))


def _about(subject: Subject, endpoint: str, new_cohorts: Collection[str]) -> dict[str, Any]:
    return {
        "endpoint": endpoint,
        "treatment": subject.label,
        "treatment_class": subject.class_label,
        "before_basis": subject.before.words,
        "after_basis": subject.after.words,
        "new": not subject.is_class and any(ref.id in new_cohorts for ref in subject.cohorts[1]),
    }


def _estimates(
    fit: Fit, place: Place, reference_mix: float
) -> dict[tuple[str, str, Target], np.ndarray]:
    """Draws by histology, estimand and target."""
    if isinstance(fit, ResponseFit):
        return {("reference", "response_rate", t): rate_of(fit, place, t) for t in TARGETS}
    found = {}
    for histology, share in histologies(fit, reference_mix).items():
        for target in TARGETS:
            curve = curve_of(fit, place, share, target)
            for estimand in SURVIVAL_ESTIMANDS:
                found[histology, estimand, target] = curve.estimand(estimand)
    return found


def _shift(estimand: str, before: np.ndarray, after: np.ndarray) -> dict[str, Any]:
    ratio = estimand == "median_months" or estimand.startswith("rmst")
    on_scale = np.log if ratio else (lambda value: value)
    old, new = summarise(before), summarise(after)
    shift = float(on_scale(new.estimate) - on_scale(old.estimate))
    return {
        **_named("before", old),
        **_named("after", new),
        "scale": _RATIO if ratio else _DIFFERENCE,
        "shift": shift,
        "shift_in_sd": shift / float(np.std(on_scale(before))),
        "width_ratio": float(
            (on_scale(new.upper) - on_scale(new.lower))
            / (on_scale(old.upper) - on_scale(old.lower))
        ),
    }


def _named(name: str, found: Summary) -> dict[str, float]:
    return {name: found.estimate, f"{name}_lower": found.lower, f"{name}_upper": found.upper}


def ranks_table(
    before: Fit,
    after: Fit,
    endpoint: str,
    vocabulary: Vocabulary,
    reference_mix: float,
    new_cohorts: Collection[str],
) -> pd.DataFrame:
    """Ranks of the treatments without and with the new studies: :data:`RANK_COLUMNS`.

    Rank 1 has the longest median, or the highest response rate, of the average study. Both fits
    rank the same treatments: one without cohorts takes part with what is expected of it, so that
    no rank changes only because there are more of them. ``mean_*`` is the mean rank and ``rank_*``
    the place in the order of mean ranks; ``median_*`` with its 95 % interval is the posterior of
    the rank itself, ``best_*`` the probability of rank 1.
    """
    chosen = [
        subject
        for subject in subjects(before, after, vocabulary)
        if not subject.is_class and not subject.is_background
    ]
    if not chosen:
        return pd.DataFrame(columns=list(RANK_COLUMNS))
    old = _ranks(before, [subject.before for subject in chosen], reference_mix)
    new = _ranks(after, [subject.after for subject in chosen], reference_mix)
    rows = []
    for i, subject in enumerate(chosen):
        row = _about(subject, endpoint, new_cohorts) | {"of": len(chosen)}
        for name, ranks in (("before", old), ("after", new)):
            row |= _rank_summary(name, ranks, i)
        rows.append(row)
    frame = pd.DataFrame(rows, columns=list(RANK_COLUMNS))
    return frame.sort_values("rank_after", kind="stable", ignore_index=True)


def _ranks(fit: Fit, places: Sequence[Place], reference_mix: float) -> np.ndarray:
    """Ranks ``(draws, treatments)`` of the average study, 1 the longest or highest."""
    if isinstance(fit, ResponseFit):
        values = [rate_of(fit, place, "mean_study") for place in places]
    else:
        share = reference_share(fit, reference_mix)
        values = [curve_of(fit, place, share, "mean_study").median for place in places]
    order = np.argsort(-np.stack(values, axis=1), axis=1)
    return np.argsort(order, axis=1) + 1


def _rank_summary(name: str, ranks: np.ndarray, i: int) -> dict[str, float]:
    means = ranks.mean(axis=0)
    found = summarise(ranks[:, i])
    return {
        f"rank_{name}": int((means < means[i]).sum()) + 1,
        f"mean_{name}": float(means[i]),
        f"median_{name}": found.estimate,
        f"lower_{name}": found.lower,
        f"upper_{name}": found.upper,
        f"best_{name}": float((ranks[:, i] == 1).mean()),
    }


def selection_table(
    before: Selection,
    after: Selection,
    endpoint: str,
    registries: tuple[Registry, Registry],
    new_studies: Collection[str],
) -> pd.DataFrame:
    """What is counted differently, and which cohorts of new studies are not counted, with reasons.

    ``change`` is ``counted`` (a cohort of a new study), ``not counted`` (another of a new study),
    ``gave way``, ``no longer counted`` or ``counted again`` (cohorts of older studies); ``other``
    is the cohort that took the place, ``study:cohort``.
    """
    old = {ref.id: ref for ref in before.counted}
    now = {ref.id: ref for ref in after.counted}
    why_now = {f"{item.study_id}:{item.cohort_id}": item for item in after.left_out}
    why_then = {f"{item.study_id}:{item.cohort_id}": item for item in before.left_out}
    labels = {study.id: study_label(study) for own in registries for study in own}
    rows: list[tuple[str, ...]] = []
    for ref in _of(now.values(), new_studies, inside=True):
        replaced = [key for key, item in why_now.items() if item.gave_way_to == ref.id]
        gone = [key for key in replaced if key in old]
        rows.append((ref.study.id, ref.cohort.id, "counted", ", ".join(gone), ""))
    for key, item in why_now.items():
        if item.study_id in new_studies:
            change = "not counted"
        elif key in old:
            change = "gave way" if item.gave_way_to else "no longer counted"
        else:
            continue
        rows.append((item.study_id, item.cohort_id, change, item.gave_way_to or "", item.reason))
    for key, ref in old.items():
        if key not in now and key not in why_now:
            reason = "The new registry does not hold it."
            rows.append((ref.study.id, ref.cohort.id, "no longer counted", "", reason))
    for ref in _of(now.values(), new_studies, inside=False):
        if ref.id not in old:
            item = why_then.get(ref.id)
            reason = _counted_again(item.gave_way_to if item else None)
            rows.append((ref.study.id, ref.cohort.id, "counted again", "", reason))
    return pd.DataFrame(
        [(endpoint, s, c, labels.get(s, s), *rest) for s, c, *rest in rows],
        columns=list(SELECTION_COLUMNS),
    )


def _of(
    refs: Collection[CohortRef], studies: Collection[str], *, inside: bool
) -> Iterator[CohortRef]:
    return (ref for ref in refs if (ref.study.id in studies) == inside)


def _counted_again(gave_way_to: str | None) -> str:
    if gave_way_to is None:
        return "The new registry holds figures of it that can be used."
    return f"It gave way to {gave_way_to} before, which is itself not counted now."


def shared_patients(
    selection: Selection, counted_before: Collection[str]
) -> Mapping[str, tuple[str, ...]]:
    """Newly counted cohort -> cohorts counted before that gave way to it: shared patients."""
    found: dict[str, tuple[str, ...]] = {}
    for item in selection.left_out:
        key = f"{item.study_id}:{item.cohort_id}"
        if item.gave_way_to and key in counted_before:
            found[item.gave_way_to] = (*found.get(item.gave_way_to, ()), key)
    return found
