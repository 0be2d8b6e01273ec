"""Two fits side by side, without and with new studies: estimates, ranks, surprise, selection.

A fit without cohorts of a treatment answers with what it expects of a new one, so that no rank
changes only because there are more treatments.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from studies import Registry
from studies.selection import LeftOut, Selection
from studies.vocabulary import Vocabulary
from synthesis import estimands, numbers, predictive
from synthesis.estimands import TARGETS, Fit, NamedGroup, quantiles
from synthesis.fits import ResponseFit, SurvivalFit
from synthesis.model.observations import SurvivalData
from synthesis.model.response import ResponseData
from synthesis.predictive import Crowd, Figure, NewCohort, Place, Surprise
from synthesis.questions.contrasts import ranks
from synthesis.result import names

ESTIMATE_COLUMNS = names(
    "endpoint treatment treatment_class histology estimand target before before_lower before_upper "
    "after after_lower after_upper scale shift shift_in_sd width_ratio before_basis after_basis "
    "cohorts_before cohorts_after patients_before patients_after new extrapolated"
)
RANK_COLUMNS = names(
    "endpoint treatment treatment_class of rank_before mean_before median_before lower_before "
    "upper_before best_before rank_after mean_after median_after lower_after upper_after "
    "best_after before_basis after_basis new"
)
SURPRISE_COLUMNS = names(
    "endpoint study cohort label treatment treatment_class group figure n mix printed value "
    "predicted lower upper lower_50 upper_50 predicted_printed percentile p verdict headline "
    "entered basis note"
)
SELECTION_COLUMNS = names("endpoint study cohort label change other reason")

_SIDES = ("before", "after")

# Predictions of each figure: a percentile is then good to half a point.
_PREDICTIONS = 20_000


@dataclass(frozen=True)
class Subject:
    """A treatment, or the average treatment of a class, without and with new studies.

    `about` are the cells that estimates and ranks have in common; `ranked` are treatments, with
    other cohorts than of mixed treatments; `apart`: cohorts tell pure and mixed apart.
    """

    about: dict[str, Any]
    places: tuple[Place, ...]
    ranked: bool
    apart: bool


@dataclass(frozen=True)
class Pair:
    """The fits of one endpoint without and with new studies.

    `new_cohorts` are those of new studies, and `notes` say why one is not quite new to the fit
    without it.
    """

    fits: tuple[Fit, Fit]
    endpoint: str
    vocabulary: Vocabulary
    reference_mix: float
    new_cohorts: Collection[str] = ()
    notes: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def subjects(self) -> list[Subject]:
        """Treatments and classes that either fit has cohorts of, in order of display."""
        groups = [
            group for fit in self.fits for group in estimands.named_groups(fit, self.vocabulary)
        ]
        named = {(group.label, group.class_label): group for group in groups}
        order = {known.label: known.order for known in self.vocabulary.classes}
        shown = sorted(
            named.values(), key=lambda own: (order[own.class_label], own.is_class, own.label)
        )
        return [self._subject(group) for group in shown]

    def _subject(self, group: NamedGroup) -> Subject:
        class_id = group.cohorts[0].treatment_class
        treatment = None if group.is_class else group.cohorts[0].treatment
        about = {"endpoint": self.endpoint, "treatment": group.label}
        about["treatment_class"] = group.class_label
        places, roles = [], set()
        for name, fit in zip(_SIDES, self.fits, strict=True):
            refs = [
                ref
                for ref in fit.data.cohorts
                if ref.treatment_class == class_id and treatment in (None, ref.treatment)
            ]
            roles |= {ref.role for ref in refs}
            sizes, place = estimands.patients_of(fit), predictive.place_of(fit, treatment, class_id)
            places.append(place)
            about[f"{name}_basis"], about[f"cohorts_{name}"] = place.words, len(refs)
            about[f"patients_{name}"] = sum(sizes[ref.id] for ref in refs)
        about["new"] = not group.is_class and any(ref.id in self.new_cohorts for ref in refs)
        ranked = not group.is_class and roles != {"mixed"}
        return Subject(about, tuple(places), ranked, estimands.tells_apart(self.fits[1], refs))


# --- Estimates and ranks -------------------------------------------------------------------------


def estimates_table(pairs: Iterable[Pair]) -> pd.DataFrame:
    """Pooled estimates without and with the new studies: :data:`ESTIMATE_COLUMNS`.

    Months for medians and restricted means, whose ``shift`` is a log ratio; fractions of one for
    survival and response, whose shift is a difference. ``shift_in_sd`` is the shift over the
    posterior SD before; ``width_ratio`` compares the 95 % intervals (on the log scale for months).
    A treatment without cohorts has what is expected of a new one; ``before_basis`` and
    ``after_basis`` say so. ``extrapolated``: pure or mixed, where no report of it tells them apart.
    """
    rows = []
    for pair, subject in [(own, subject) for own in pairs for subject in own.subjects]:
        places = zip(pair.fits, subject.places, strict=True)
        old, new = (_estimates(fit, place, pair.reference_mix) for fit, place in places)
        # a fit that knows no histology has nothing to say of pure and mixed
        for keys in (key for key in new if key in old):
            row = dict(zip(("histology", "estimand", "target"), keys, strict=True))
            row["extrapolated"] = row["histology"] != "reference" and not subject.apart
            rows.append(subject.about | row | _shift(row["estimand"], old[keys], new[keys]))
    return pd.DataFrame(rows, columns=list(ESTIMATE_COLUMNS))


def _estimates(fit: Fit, place: Place, mix: float) -> dict[tuple[str, str, str], np.ndarray]:
    """Draws by histology, estimand and target."""
    if isinstance(fit, ResponseFit):
        return {
            ("reference", "response_rate", t): predictive.rate_of(fit, place, t) for t in TARGETS
        }
    return {
        (histology, estimand, target): curve.estimand(estimand)
        for histology, share in estimands.histologies(fit, mix).items()
        for target in TARGETS
        for curve in [predictive.curve_of(fit, place, share, target)]
        for estimand in estimands.SURVIVAL_ESTIMANDS
    }


def _shift(estimand: str, before: np.ndarray, after: np.ndarray) -> dict[str, Any]:
    is_time = estimand == "median_months" or estimand.startswith("rmst")
    on_scale = np.log if is_time else np.asarray
    cells, ends = {}, []
    for name, draws in zip(_SIDES, (before, after), strict=True):
        own = quantiles(draws)
        cells |= zip(numbers.columns_of(name), own.tolist(), strict=True)
        ends.append(on_scale(own))
    shift = float(ends[1][0] - ends[0][0])
    return cells | {
        "scale": "log ratio" if is_time else "difference",
        "shift": shift,
        "shift_in_sd": shift / float(np.std(on_scale(before))),
        "width_ratio": float(np.ptp(ends[1][1:]) / np.ptp(ends[0][1:])),
    }


def ranks_table(pairs: Iterable[Pair]) -> pd.DataFrame:
    """Ranks of the treatments without and with the new studies: :data:`RANK_COLUMNS`.

    Rank 1 has the longest median, or the highest response rate, of the average study. ``mean_*`` is
    the mean rank and ``rank_*`` the place in the order of mean ranks; ``median_*`` with its 95 %
    interval is the posterior of the rank itself, ``best_*`` the probability of rank 1.
    """
    rows: list[dict[str, Any]] = []
    for pair in pairs:
        ranked = [subject for subject in pair.subjects if subject.ranked]
        own = [subject.about | {"of": len(ranked)} for subject in ranked]
        for number, name in enumerate(_SIDES if ranked else ()):
            places = [subject.places[number] for subject in ranked]
            fit, of = pair.fits[number], "mean_study"
            if isinstance(fit, ResponseFit):
                values = [predictive.rate_of(fit, place, of) for place in places]
            else:
                share = estimands.reference_share(fit, pair.reference_mix)
                values = [predictive.curve_of(fit, place, share, of).median for place in places]
            drawn = ranks(np.stack(values, axis=1))
            means, best = drawn.mean(axis=0), (drawn == 1).mean(axis=0)
            for row, mean, first, ends in zip(own, means, best, quantiles(drawn).T, strict=True):
                row |= zip((f"median_{name}", f"lower_{name}", f"upper_{name}"), ends, strict=True)
                row |= {f"mean_{name}": mean, f"best_{name}": first}
                row[f"rank_{name}"] = int((means < mean).sum()) + 1
        rows += sorted(own, key=lambda row: row["rank_after"])
    return pd.DataFrame(rows, columns=list(RANK_COLUMNS))


# --- Who is counted ------------------------------------------------------------------------------


def selection_table(
    chosen: Mapping[str, tuple[Selection, Selection]],
    registries: tuple[Registry, Registry],
    new_studies: Collection[str],
) -> pd.DataFrame:
    """What is counted differently, and which cohorts of new studies are not counted, with reasons.

    `chosen` are the selections of each endpoint, before and after. ``change`` is ``counted`` or
    ``not counted`` (a cohort of a new study), ``gave way``, ``no longer counted`` or ``counted
    again`` (of older ones); ``other`` is the cohort that took the place, ``study:cohort``.
    """
    labels = {name: label for own in registries for name, label in own.labels.items()}
    rows = [
        (endpoint, *key.split(":", 1), labels[key.partition(":")[0]], *rest)
        for endpoint, pair in chosen.items()
        for key, *rest in _changes(*pair, new_studies)
    ]
    return pd.DataFrame(rows, columns=list(SELECTION_COLUMNS))


def _changes(
    before: Selection, after: Selection, new_studies: Collection[str]
) -> Iterator[tuple[str, str, str, str]]:
    """Cohort, change, other and reason."""
    old, now = ({ref.id: ref for ref in chosen.counted} for chosen in (before, after))
    why_then, why_now = _left_out(before), _left_out(after)
    for key, ref in now.items():
        if ref.study.id in new_studies:
            gone = [k for k, left in why_now.items() if left.gave_way_to == key and k in old]
            yield key, "counted", ", ".join(gone), ""
    for key, left in why_now.items():
        if left.study_id in new_studies:
            yield key, "not counted", left.gave_way_to or "", left.reason
        elif key in old:
            change = "gave way" if left.gave_way_to else "no longer counted"
            yield key, change, left.gave_way_to or "", left.reason
    for key in old:
        if key not in now and key not in why_now:
            yield key, "no longer counted", "", "The new registry does not hold it."
    for key, ref in now.items():
        if ref.study.id not in new_studies and key not in old:
            other = key in why_then and why_then[key].gave_way_to
            reason = f"It gave way to {other} before, which is itself not counted now."
            usable = "The new registry holds figures of it that can be used."
            yield key, "counted again", "", reason if other else usable


def _left_out(selection: Selection) -> dict[str, LeftOut]:
    return {f"{left.study_id}:{left.cohort_id}": left for left in selection.left_out}


def notes_of(
    before: Selection, after: Selection, added: Collection[str], changed: Collection[str]
) -> dict[str, str]:
    """Why the fit without an added cohort is not quite blind to it, by cohort."""
    old, notes = {ref.id for ref in before.counted}, {}
    for name in added:
        gone = [k for k, left in _left_out(after).items() if left.gave_way_to == name and k in old]
        if name.partition(":")[0] in changed and name in old:
            notes[name] = "The fit without it counted an earlier version of this report."
        elif gone:
            others = ", ".join(gone)
            notes[name] = f"The fit without it counted {others}, with patients in common."
    return notes


# --- Surprise ------------------------------------------------------------------------------------


def surprise_table(pairs: Iterable[Pair]) -> pd.DataFrame:
    """Each reported figure of new cohorts against what a fit without them expects.

    Months and fractions of one, ``predicted_printed`` in the unit of the report:
    :data:`SURPRISE_COLUMNS`. ``headline`` marks the figure of each cohort that speaks for it.
    """
    rows: list[dict[str, Any]] = []
    for pair in pairs:
        fit, data, words = pair.fits[0], pair.fits[1].data, pair.vocabulary
        rng = np.random.default_rng([fit.seed, 11])
        labels = estimands.cohort_labels(
            [ref for ref in data.cohorts if ref.id in pair.new_cohorts]
        )
        judged = _response_rows if isinstance(fit, ResponseFit) else _survival_rows
        for index, ref in enumerate(data.cohorts):
            if ref.id not in labels:
                continue
            place = predictive.place_of(fit, ref.treatment, ref.treatment_class)
            about = {
                "endpoint": pair.endpoint,
                "study": ref.study.id,
                "cohort": ref.cohort.id,
                "label": labels[ref.id],
                "treatment": words.treatment(ref.treatment).label,
                "treatment_class": words.treatment_class(ref.treatment_class).label,
                "basis": place.words,
                "note": pair.notes.get(ref.id, ""),
            }
            own = list(judged(fit, data, index, place, rng))
            first = min(range(len(own)), key=lambda i: own[i][0], default=None)
            rows += [about | row | {"headline": i == first} for i, (_, row) in enumerate(own)]
    return pd.DataFrame(rows, columns=list(SURPRISE_COLUMNS))


#: A row, behind its place in line to speak for its cohort.
_Judged = tuple[tuple[bool, bool, float], dict[str, Any]]


def _survival_rows(
    fit: SurvivalFit, data: SurvivalData, index: int, place: Place, rng: np.random.Generator
) -> Iterator[_Judged]:
    arms, record = [arm for arm in data.arms if arm.cohort == index], data.records[index].whole
    seeds = (int(rng.integers(2**32)), int(rng.integers(2**32)))  # arms of one cohort
    cohort = NewCohort(*seeds, covariates=data.covariates[index] if data.covariates else ())
    curves, repeats = [], _repeats(fit)
    for arm in arms:
        share = predictive.unknown_share(fit, repeats, rng) if arm.share is None else arm.share
        curves.append(predictive.predict_curve(fit, place, share, cohort, repeats))
    split = len(arms) > 1
    mix = "its pure and mixed patients" if split else _mix_words(arms[0].share)
    groups = [("whole", not split, mix, arms, curves, record)]
    for arm, curve in zip(arms, curves, strict=True) if split else ():
        groups.append((arm.histology, True, _mix_words(arm.share), [arm], [curve], arm.record))
    for *about, own, curves, record in groups:
        crowd = Crowd(tuple(arm.n for arm in own), tuple(curves))
        for figure, law in predictive.figures_of(data, own, record):
            words = dict(zip(("group", "entered", "mix"), about, strict=True))
            yield _row(figure, predictive.judge(law(crowd, rng), figure.alike), crowd.n, words)


def _repeats(fit: Fit) -> int:
    return max(_PREDICTIONS // fit.flat("mu").size, 1)


def _response_rows(
    fit: ResponseFit, data: ResponseData, index: int, place: Place, rng: np.random.Generator
) -> Iterator[_Judged]:
    responders, n = data.counts[index].responders, data.counts[index].evaluable
    predictions = rng.binomial(n, predictive.predict_rate(fit, place, rng, _repeats(fit))) / n
    alike = predictive.count_alike(responders, n)
    figure = Figure("responders", f"{responders}/{n}", responders / n, alike)
    about = {"group": "whole", "entered": True, "mix": ""}
    yield _row(figure, predictive.judge(predictions, alike), n, about)


def _mix_words(share: float | None) -> str:
    return "not reported" if share is None else f"{numbers.percent(share)} % mixed"


def _row(figure: Figure, surprise: Surprise, n: int, about: Mapping[str, Any]) -> _Judged:
    """A figure with its prediction; the whole, a median, survival near a year speak first."""
    away = 0.0 if np.isnan(figure.at) else abs(figure.at - 12.0)
    return (about["group"] != "whole", figure.name != "median", away), {
        "figure": figure.name,
        "n": n,
        "printed": figure.printed,
        "value": figure.value,
        **surprise._asdict(),
        "predicted_printed": _as_printed(figure, surprise, n),
        "verdict": predictive.verdict(surprise.p),
        **about,
    }


def _as_printed(figure: Figure, surprise: Surprise, n: int) -> str:
    """The prediction as the report would have given it."""
    ends = (surprise.predicted, surprise.lower, surprise.upper)
    if figure.name == "responders":
        return f"{numbers.interval(*ends, lambda rate: numbers.decimal(rate * n, 0))} of {n}"
    if figure.months_per_unit is None:
        return f"{numbers.interval(*ends, numbers.percent)} %"
    in_unit = [end / figure.months_per_unit for end in ends]
    return f"{numbers.interval(*in_unit, numbers.months)} {figure.unit}"
