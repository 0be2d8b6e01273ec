r"""Contrasts of two treatments, from the draws of one fit.

With curves :math:`S_1` (treatment) and :math:`S_0` (reference) of the same draw:

- ratio of medians :math:`m_1/m_0` and difference :math:`m_1 - m_0` (months);
- difference of restricted means :math:`\int_0^\tau (S_1 - S_0)\,dt` (months), to 12 and 24 months;
- average hazard ratio to :math:`\tau = 24` months (Kalbfleisch & Prentice 1981,
  doi 10.1093/biomet/68.1.105),

  .. math::
     \theta = \frac{\int_0^\tau S_0 f_1\,dt}{\int_0^\tau S_1 f_0\,dt},

  the hazard ratio itself where hazards are proportional, and otherwise the odds that, of two
  patients one on each treatment, the one on the treatment dies first, if either dies by
  :math:`\tau`;
- difference of response rates (0 to 1).

`CONTRASTS` is the one list: a record more is a row more of every table that compares treatments.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from studies.figures import CohortRef
from studies.vocabulary import UnknownWordError, Vocabulary
from synthesis import numbers
from synthesis.endpoints import endpoint_of
from synthesis.estimands import (
    Curve,
    Fit,
    NamedGroup,
    Target,
    curves,
    draws_of,
    named_groups,
    patients_of,
)
from synthesis.fits import ResponseFit
from synthesis.model.covariates import DESIGNS, TIME_ORIGINS
from synthesis.numbers import capitalised, count, in_sentence, listed
from synthesis.result import NotAnsweredError, names

#: Months to which hazards are averaged.
HAZARD_HORIZON = 24.0

# Points of the average, at the cubes of even steps: the early months, where most die, have most.
_STEPS = 129

# Draws whose survival is held at a time: a processor keeps them at hand.
_BLOCK = 10

#: Columns of the tables of contrasts.
COMPARE_COLUMNS = names(
    "endpoint treatment reference histology estimand estimate lower upper adjusted adjusted_lower "
    "adjusted_upper delta p_gain p_gain_adjusted tipping_limit tipping_estimate evidence certainty "
    "certainty_reasons cohorts patients"
)
#: How values are written, by their unit.
WRITERS = {"ratio": numbers.ratio, "months": numbers.months, "points": numbers.points}


@dataclass(frozen=True)
class Contrast:
    """A way to compare two treatments.

    Its label stands in running text; points are differences of fractions. ``of`` makes, of curves
    or of draws of response rates, what `between` takes: that of ``n`` treatments and of ``m``
    references gives draws of every pair, ``(draws, n, m)``. ``gain`` is 1 where larger values
    favour the treatment, else -1.
    """

    name: str
    label: str
    unit: Literal["ratio", "months", "points"]
    of: Callable[[Curve | np.ndarray], np.ndarray] = field(repr=False)
    between: Callable[[np.ndarray, np.ndarray], np.ndarray] = field(repr=False)
    gain: int = 1

    @property
    def null(self) -> float:
        """Value of no difference."""
        return 1.0 if self.unit == "ratio" else 0.0

    @property
    def write(self) -> numbers.Writer:
        """How a value is written."""
        return WRITERS[self.unit]

    @property
    def heading(self) -> str:
        """Heading of a column."""
        return capitalised(self.label) + ("" if self.unit == "ratio" else f", {self.unit}")

    def favours(self, draws: np.ndarray, delta: float = 0.0) -> np.ndarray:
        """Share of draws, along the first axis, that favour the treatment by more than `delta`."""
        return np.mean(self.gain * (draws - self.null) > delta, axis=0)


def average_hazard_ratios(
    treatments: Curve, references: Curve, horizon: float = HAZARD_HORIZON
) -> np.ndarray:
    """Draws of the average hazard ratio of every pair to a horizon in months."""
    months = horizon * np.linspace(0.0, 1.0, _STEPS)[1:] ** 3
    blocks = []
    for start in range(0, len(treatments.median), _BLOCK):
        rows = slice(start, start + _BLOCK)
        first = _beside(treatments.rows(rows).survival(months), 3)
        same = references is treatments
        second = first if same else _beside(references.rows(rows).survival(months), 3)
        turned = second.swapaxes(1, 2)  # (draws, times, references)
        # Deaths under one while alive under the other, by the trapezium rule from S = 1 on. The
        # two integrals add up to one less the product at the horizon; this is their difference.
        more = (
            turned[:, :1]
            - first[..., :1]
            + first[..., :-1] @ turned[:, 1:]
            - first[..., 1:] @ turned[:, :-1]
        )
        both = 1.0 - first[..., -1:] * turned[:, -1:]
        with np.errstate(divide="ignore"):  # all die under one before anybody under the other
            blocks.append((both + more) / (both - more))
    return np.concatenate(blocks)


def _beside(values: np.ndarray, dimensions: int) -> np.ndarray:
    """Values of one curve as those of several beside each other."""
    return values if values.ndim == dimensions else values[:, None]


def _ratios(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    return _beside(first, 2)[:, :, None] / _beside(second, 2)[:, None]


def _differences(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    return _beside(first, 2)[:, :, None] - _beside(second, 2)[:, None]


def _estimand(name: str) -> Callable[[Curve], np.ndarray]:
    return lambda drawn: drawn.estimand(name)


#: The contrast in which a gain of so many months is asked for.
GAIN = "difference_median_months"

#: Every contrast: those of survival, then those of response.
CONTRASTS = (
    Contrast("ratio_of_medians", "ratio of medians", "ratio", _estimand("median_months"), _ratios),
    Contrast(
        "average_hazard_ratio",
        "average hazard ratio to 24 months",
        "ratio",
        lambda curve: curve,
        average_hazard_ratios,
        gain=-1,
    ),
    Contrast(GAIN, "difference of medians", "months", _estimand("median_months"), _differences),
    *(
        Contrast(
            f"difference_rmst_{months}m",
            f"difference of restricted means to {months} months",
            "months",
            _estimand(f"rmst_{months}m"),
            _differences,
        )
        for months in (12, 24)
    ),
    Contrast(
        "difference_response_rate",
        "difference of response rates",
        "points",
        lambda rate: rate,
        _differences,
    ),
)

#: Contrasts of response, and of survival, by name.
RESPONSE_CONTRASTS = {entry.name: entry for entry in CONTRASTS if entry.unit == "points"}
SURVIVAL_CONTRASTS = {entry.name: entry for entry in CONTRASTS if entry.unit != "points"}


def contrasts_of(endpoint: str) -> dict[str, Contrast]:
    """Contrasts of an endpoint, by name."""
    return RESPONSE_CONTRASTS if endpoint_of(endpoint).is_response else SURVIVAL_CONTRASTS


def survival_contrast(treatment: Curve, reference: Curve, name: str) -> np.ndarray:
    """Draws ``(draws,)`` of one of :data:`SURVIVAL_CONTRASTS`, of two curves of one fit."""
    contrast = SURVIVAL_CONTRASTS[name]
    return contrast.between(contrast.of(treatment), contrast.of(reference))[:, 0, 0]


def drawn(
    fit: Fit, groups: Sequence[NamedGroup], share: float, target: Target = "mean_study"
) -> Curve | np.ndarray:
    """Curves of treatments side by side at a share of mixed histology, or their response rates."""
    places = [group.group.treatment_index for group in groups]
    if isinstance(fit, ResponseFit):
        return draws_of(fit, "response_rate", target)[:, places]
    return curves(fit, share, target).column(places)


def gain_curve(draws: np.ndarray, deltas: np.ndarray) -> np.ndarray:
    """Share of the draws ``(draws,)`` of a difference above each of some values."""
    return 1.0 - np.searchsorted(np.sort(draws), deltas, side="right") / draws.size


def ranks(values: np.ndarray) -> np.ndarray:
    """Rank of every treatment in every draw, 1 the largest value: ``(draws, treatments)``."""
    order = np.argsort(-values, axis=1, kind="stable")
    placed = np.empty_like(order)
    np.put_along_axis(placed, order, np.arange(1, values.shape[1] + 1)[None, :], axis=1)
    return placed


# --- Treatments and their reference --------------------------------------------------------------

RANDOMISED = "randomised"
WITHIN = "within one study"
ACROSS = "across studies"
EXTRAPOLATED = "extrapolated"

#: Kinds of evidence, the strongest first.
KINDS = (RANDOMISED, WITHIN, ACROSS, EXTRAPOLATED)

#: What a comparison of different studies rests on.
BETWEEN_STUDIES = (
    "The model adjusts for design, line, time origin and mutation as far as reports tell them; any "
    "other difference between the patients will look like a treatment effect."
)

#: What carries a contrast of two treatments that no report gave.
APART = (
    "No report gave both treatments: patients of one study stand beside patients of another. "
    f"{BETWEEN_STUDIES}"
)

#: A treatment is ranked and shown where so many cohorts, or so many patients, stand behind it.
COHORTS_SHOWN, PATIENTS_SHOWN = 2, 20


class NotComparedError(NotAnsweredError):
    """What was asked for cannot be compared; the message says what can."""


@dataclass(frozen=True)
class Reference:
    """What the treatments of one endpoint are set against, and why, as the end of a sentence."""

    group: NamedGroup = field(repr=False)
    why: str

    @property
    def label(self) -> str:
        """Label of the treatment."""
        return self.group.label

    @property
    def words(self) -> str:
        """What the reference rests on: how many cohorts, of which design, from when, which reports.

        ``no systemic therapy (2 cohorts, 28 patients; design: retrospective 2; time from: diagnosis
        1, not reported 1; A 2020 and B 2022)``.
        """

        def counted(words: Iterable[str | None]) -> str:
            known = Counter((word or "not reported").replace("_", " ") for word in words)
            return ", ".join(f"{word} {number}" for word, number in known.most_common())

        refs = self.group.cohorts
        parts = (
            numbers.size_words(*self.group.sizes),
            f"design: {counted(ref.study.design for ref in refs)}",
            f"time from: {counted(ref.cohort.time_origin for ref in refs)}",
            listed(dict.fromkeys(ref.label for ref in refs)),
        )
        return f"{in_sentence(self.label)} ({'; '.join(parts)})"


def treatments_of(fit: Fit, vocabulary: Vocabulary) -> list[NamedGroup]:
    """Pooled treatments, in order of display.

    Without classes, and without groups of patients who had different treatments: no treatment can
    be credited with their outcome.
    """
    return [
        group
        for group in named_groups(fit, vocabulary)
        if not group.is_class and group.cohorts[0].role != "mixed"
    ]


def treatments_by_id(groups: Sequence[NamedGroup]) -> dict[str, NamedGroup]:
    """Treatments by their identifier in the vocabulary."""
    return {group.cohorts[0].treatment: group for group in groups}


def treatments_by_endpoint(
    fits: Mapping[str, Fit], vocabulary: Vocabulary
) -> dict[str, list[NamedGroup]]:
    """Pooled treatments of each survival endpoint.

    Raises
    ------
    ValueError
        If there is no survival endpoint.
    """
    survival = [name for name in fits if not endpoint_of(name).is_response]
    if not survival:
        found = ", ".join(fits) or "none"
        raise ValueError(f"endpoints: found {found}, expected os or pfs: ask for one of them")
    return {name: treatments_of(fits[name], vocabulary) for name in survival}


def not_pooled(name: str, pooled: Mapping[str, Sequence[NamedGroup]]) -> NotComparedError:
    """The error for a treatment that is pooled for none of the endpoints; says which are."""
    known = sorted({name for groups in pooled.values() for name in treatments_by_id(groups)})
    return NotComparedError(
        f"no cohort of {name} is pooled for {' or '.join(pooled) or 'any endpoint'}; "
        f"possible: {', '.join(known) or 'none'}."
    )


def choose_reference(
    groups: Sequence[NamedGroup], vocabulary: Vocabulary, wanted: str | None = None
) -> Reference | None:
    """Choose what the treatments of an endpoint are set against.

    That is the treatment `wanted`, by any of its names. Otherwise it is, of the pooled treatments
    whose role is supportive, the one with most patients in cohorts that call for no caution, or in
    reports whose adjusted hazard ratio sets it against another treatment; then with most patients;
    then with most prospective cohorts; then with most cohorts whose time runs from diagnosis; then
    the first in order of display. Where no supportive treatment is pooled, it is the one with most
    patients. None where the wanted treatment, or any, is not pooled.

    Raises
    ------
    NotComparedError
        For a word that names no treatment; names the pooled ones.
    """
    by_id = treatments_by_id(groups)
    if wanted is not None:
        try:
            group = by_id.get(vocabulary.treatment(wanted).id)
        except UnknownWordError as error:
            hint = f"{str(error).rstrip('.?')}{'?' if error.suggestion else '.'}"
            raise NotComparedError(f"{hint} Possible: {', '.join(sorted(by_id))}.") from None
        return group and Reference(group, "as asked for")
    if not groups:
        return None
    supportive = [group for group in groups if group.cohorts[0].role == "supportive"]
    if supportive:
        why = "the supportive treatment with most patients in reports that call for no caution"
        return Reference(max(supportive, key=_suitability), why)
    largest = max(groups, key=lambda group: group.patients)
    return Reference(largest, "the treatment with most patients, as no supportive one is pooled")


def _suitability(group: NamedGroup) -> tuple[int, ...]:
    """How well a supportive treatment serves as a reference, the first criterion first."""
    refs = group.cohorts
    return (
        sum(ref.cohort.n or 0 for ref in refs if ref.cohort.caution is None) or group.compared,
        group.patients,
        sum(DESIGNS.get(ref.study.design, 0.0) < 0.0 for ref in refs),
        sum(TIME_ORIGINS.get(ref.cohort.time_origin, 0.0) > 0.0 for ref in refs),
    )


def choose_shown(
    groups: Sequence[NamedGroup], reference: NamedGroup, *, show_all: bool = False
) -> list[NamedGroup]:
    """Choose the treatments that are ranked and shown, in order of display.

    Those with at least :data:`COHORTS_SHOWN` cohorts or :data:`PATIENTS_SHOWN` patients, and the
    reference; all of them where that leaves fewer than two, or where it is asked for.
    """
    chosen = [
        own
        for own in groups
        if own is reference or len(own.cohorts) >= COHORTS_SHOWN or own.patients >= PATIENTS_SHOWN
    ]
    return list(groups) if show_all or len(chosen) < 2 else chosen


# --- What carries a comparison -------------------------------------------------------------------


@dataclass(frozen=True)
class Evidence:
    """What stands behind a contrast of two treatments; pairs are (treatment, reference).

    It is read from the counted cohorts of a fit: *randomised* where a randomised report has a
    counted cohort of each treatment, *within one study* where another report has, and *across
    studies* otherwise, also where one of the two was randomised against something else.
    The estimate itself always uses every counted cohort.

    ``cohorts`` and ``patients`` are all that are counted of each (for response the evaluable
    patients), ``sources`` the reports that they come from. ``randomised`` and ``within`` label the
    reports with a counted cohort of each, and ``shared`` are the patients of each in those that
    carry the contrast; zero where none gave both.
    """

    cohorts: tuple[int, int]
    patients: tuple[int, int]
    sources: tuple[int, int]
    randomised: tuple[str, ...] = ()
    within: tuple[str, ...] = ()
    shared: tuple[int, int] = (0, 0)

    @property
    def kind(self) -> str:
        """One of :data:`KINDS`, for a contrast that is not extrapolated."""
        return kind_of(self.randomised, self.within)

    @property
    def reports(self) -> tuple[str, ...]:
        """Labels of the reports that carry the contrast; empty where none gave both."""
        return self.randomised or self.within

    @property
    def total_cohorts(self) -> int:
        """Cohorts of both treatments."""
        return sum(self.cohorts)

    @property
    def total_patients(self) -> int:
        """Patients of both treatments."""
        return sum(self.patients)

    @property
    def sentence(self) -> str:
        """What carries the contrast, in words."""
        if self.kind == ACROSS:
            return APART
        reports = count(len(self.reports), f"{'randomised ' * bool(self.randomised)}report")
        sizes = f"{self.shared[0]} and {self.shared[1]} patients"
        sizes = sizes if all(self.shared) else "an adjusted hazard ratio"
        source = f"({listed(self.reports)}; {sizes})"
        words = (
            f"{reports} gave both {source}: what sets studies apart cancels within each."
            if self.randomised
            else f"{reports} gave both, not by lot {source}: place, time and follow-up are shared, "
            "the reasons for giving one or the other are not."
        )
        if self.total_patients == sum(self.shared):
            return words
        sides = zip(self.cohorts, self.patients, strict=True)
        sizes = (f"{count(k, 'cohort')} with {count(n, 'patient')}" for k, n in sides)
        return f"{words} The estimate uses every cohort of either: in all {listed(sizes)}."


def kind_of(
    randomised: Collection[object], within: Collection[object], *, extrapolated: bool = False
) -> str:
    """What any estimate rests on: one of :data:`KINDS`.

    `randomised` and `within` are the reports that hold all of it: both treatments of a contrast,
    both histologies of an effect, every cohort of the estimate of one treatment.
    """
    if extrapolated:
        return EXTRAPOLATED
    if randomised:
        return RANDOMISED
    return WITHIN if within else ACROSS


def kind_of_one(cohorts: Sequence[CohortRef], *, extrapolated: bool = False) -> str:
    """What the estimate of one treatment, or class, rests on: one report, or several."""
    reports = {ref.study.id for ref in cohorts}
    return kind_of((), reports if len(reports) == 1 else (), extrapolated=extrapolated)


def evidence(fit: Fit, treatment: str, reference: str) -> Evidence:
    """What carries the contrast of two treatments of a fit, by their identifiers.

    Raises
    ------
    ValueError
        Where one of them has no counted cohort, or both are the same.
    """
    if treatment == reference:
        raise ValueError(f"{treatment} is compared with itself; name two treatments")
    for name in (treatment, reference):
        if name not in fit.data.treatments:
            pooled = ", ".join(sorted(fit.data.treatments))
            raise ValueError(f"no counted cohort of {name}; those pooled are {pooled}")
    refs = fit.data.cohorts if isinstance(fit, ResponseFit) else fit.data.refs
    sides = ([ref for ref in refs if ref.treatment == t] for t in (treatment, reference))
    return _evidence(*sides, patients_of(fit))


def _evidence(
    treatment: Sequence[CohortRef], reference: Sequence[CohortRef], sizes: Mapping[str, int]
) -> Evidence:
    sides = treatment, reference
    sources = [{ref.study.id for ref in refs} for refs in sides]
    both = [ref for ref in treatment if ref.study.id in sources[0] & sources[1]]
    randomised = {ref.study.id: ref.label for ref in both if ref.study.design == RANDOMISED}
    within = {ref.study.id: ref.label for ref in both if ref.study.design != RANDOMISED}
    patients, shared = (
        [sum(sizes[ref.id] for ref in refs if ref.study.id in studies) for refs in sides]
        for studies in (sources[0] | sources[1], randomised or within)
    )
    return Evidence(
        (len(treatment), len(reference)),
        tuple(patients),
        (len(sources[0]), len(sources[1])),
        tuple(randomised.values()),
        tuple(within.values()),
        tuple(shared),
    )


def evidence_of_pairs(fit: Fit, groups: Sequence[NamedGroup]) -> dict[tuple[str, str], Evidence]:
    """What carries the contrast of every two treatments, by their labels, either way round."""
    sizes = patients_of(fit)
    return {
        (first.label, second.label): _evidence(first.cohorts, second.cohorts, sizes)
        for first in groups
        for second in groups
        if first is not second
    }


def evidence_words(kinds: Mapping[str, str], reference: str) -> str:
    """How many comparisons with a reference are randomised, within a report, and across studies.

    `kinds` gives the kind of each treatment; names are as within a sentence.
    """
    beyond = "extrapolated, as no report of the treatment tells its histology"
    said = {
        RANDOMISED: ("is randomised", "are randomised"),
        WITHIN: ("comes from a report with both groups", "come from a report with both groups"),
        ACROSS: ("compares different studies", "compare different studies"),
        EXTRAPOLATED: (f"is {beyond}", f"are {beyond}"),
    }
    parts = []
    for kind, (one, more) in said.items():
        named = [name for name, own in kinds.items() if own == kind]
        if named or kind == RANDOMISED:
            number = f"one ({named[0]})" if len(named) == 1 else str(len(named) or "none")
            if kind == RANDOMISED:
                number += f" of the {count(len(kinds), 'comparison')} with {reference}"
            parts.append(f"{number} {one if len(named) < 2 else more}")
    words = parts[0], "; ".join(parts[1:])
    return " ".join(f"{capitalised(text)}." for text in words if text)


def across_words(kinds: Sequence[str]) -> str:
    """What comparisons of different studies rest on; empty where there are none."""
    share = np.mean([kind in (ACROSS, EXTRAPOLATED) for kind in kinds])
    if not share:
        return ""
    quantity = "All" if share == 1.0 else "Most" if share > 0.5 else "Some"
    return (
        f"{quantity} comparisons set patients of one study beside patients of another. "
        f"{BETWEEN_STUDIES}"
    )
