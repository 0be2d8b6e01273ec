r"""Survival of a stated population of patients: a mixture of curves.

A population in which a share :math:`p` of the patients has mixed histology is no patient at the
share :math:`p`: its survival is that of its pure and its mixed patients together,

.. math::
   S(t) = (1 - p)\,S_{\mathrm{pure}}(t) + p\,S_{\mathrm{mixed}}(t),

and its median solves :math:`S(t) = 1/2`. (Tables at a share of mixed histology show the curve of a
*cohort* with that share: a location between the two. The mixture has more early deaths and more
long survivors than any one curve.) A share of BRAF-mutated patients is a mixture in the same way,
of four curves together with histology; the two are taken to be independent, and the effects of
both to multiply the median. Line of treatment, design and time origin shift every curve alike.
Survival and restricted means are weighted sums; quantities of :math:`S` are computed for each draw.

What is not stated stays at the reference population of :mod:`synthesis.model.covariates`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import chain
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd

from studies import Registry
from studies.vocabulary import Vocabulary
from synthesis import estimands, numbers
from synthesis.choices import DEFAULT
from synthesis.endpoints import endpoint_of
from synthesis.estimands import Curve, Fit, NamedGroup, Target
from synthesis.fits import PooledSurvival
from synthesis.model.covariates import ALL, COVARIATES, REFERENCE_BRAF_SHARE
from synthesis.numbers import count, in_sentence, listed, percent, written
from synthesis.questions import certainty, contrasts
from synthesis.questions.contrasts import GAIN, RANDOMISED, SURVIVAL_CONTRASTS, evidence
from synthesis.questions.effects import covariate_effects, prior_share, share_words
from synthesis.questions.histology_effects import estimates
from synthesis.result import Finding, Result, Table, names, table_of

MIX_COLUMNS = names(
    "endpoint treatment reference mixed braf line design time_origin estimand target estimate "
    "lower upper adjusted adjusted_lower adjusted_upper tipping_limit tipping_estimate evidence "
    "certainty certainty_reasons cohorts patients"
)

# Steps to where half are alive, of which a dozen are enough, and a step of the log median that is
# none any more: 1e-12 of a month.
_STEPS, _NO_STEP = 60, 1e-12

# Covariates that are stated by a word, by the name under which they are stated.
_STATED = {
    name: next(own for own in ALL if own.option == name)
    for name in ("line", "design", "time_origin")
}
_BRAF = COVARIATES.index("braf_mutated")


@dataclass(frozen=True)
class Population:
    """Patients whose survival is asked for.

    Shares with mixed histology and with BRAF V600E, 0 to 1 (``None``: unselected patients), and
    words of the vocabulary. ``None`` is the reference population.
    """

    mixed: float
    braf: float | None = None
    line: str | None = None
    design: str | None = None
    time_origin: str | None = None

    def __post_init__(self) -> None:
        """Refuse what is no population: a ValueError with what was found and is expected."""
        for name in ("mixed", "braf"):
            share = getattr(self, name)
            if share is not None and not 0.0 <= share <= 1.0:
                raise ValueError(
                    f"{name}: found {share:g}, expected a fraction from 0 to 1 (0.3 for 30 percent)"
                )
        for name, covariate in _STATED.items():
            word = getattr(self, name)
            if word is not None and word not in covariate.words:
                known = ", ".join(covariate.words)
                raise ValueError(f"{name}: found {word!r}, expected one of {known}")

    @property
    def words(self) -> str:
        """The population in words."""
        braf = "" if self.braf is None else f"{percent(self.braf)} % with BRAF V600E"
        design = self.design and f"as in a {self.design.replace('_', ' ')} study"
        origin = self.time_origin and f"time from {self.time_origin}"
        parts = numbers.mixed_share(self.mixed), braf, self.line, design, origin
        return "; ".join(filter(None, parts))

    @property
    def asks(self) -> dict[str, float]:
        """Name of a covariate that a word states -> difference from the reference."""
        stated = [(own, getattr(self, name)) for name, own in _STATED.items()]
        return {
            own.name: own.words[word] - own.reference for own, word in stated if word is not None
        }


@dataclass(frozen=True)
class MixtureCurve:
    """Draws of the survival curve of patients of several kinds, or of several side by side.

    It has what contrasts ask of a :class:`~synthesis.estimands.Curve`. ``weights`` are the shares
    of the kinds and add up to one; ``curves`` are of each kind, from the same draws.
    """

    weights: tuple[float, ...]
    curves: tuple[Curve, ...]

    @cached_property
    def median(self) -> np.ndarray:
        """Draws of the median of all patients, months, shape as that of a curve."""
        logs = np.log([own.median for own in self.curves])
        # at the shortest median at least half of every kind are alive, at the longest at most
        low, high = logs.min(axis=0), logs.max(axis=0)
        above, below = (self._at(np.exp(ends)) - 0.5 for ends in (low, high))
        middle, side = low, np.zeros(low.shape)
        # secants of a bracket; where one end stays, its value is halved so that it moves, too
        # (the Illinois rule of Dowell & Jarratt 1971, doi 10.1007/BF01934364)
        for _ in range(_STEPS):
            slope = np.where(above > below, above - below, 1.0)
            before, middle = middle, np.clip(low + (high - low) * above / slope, low, high)
            value = self._at(np.exp(middle)) - 0.5
            late = value < 0.0
            above = np.where(late, np.where(side < 0, 0.5 * above, above), value)
            below = np.where(late, value, np.where(side > 0, 0.5 * below, below))
            low, high = np.where(late, low, middle), np.where(late, middle, high)
            side = np.where(late, -1.0, 1.0)
            if np.max(np.minimum(np.abs(middle - before), high - low)) < _NO_STEP:
                break
        return np.exp(middle)

    def rows(self, rows: slice) -> MixtureCurve:
        """Some of the draws."""
        return MixtureCurve(self.weights, tuple(own.rows(rows) for own in self.curves))

    def _at(self, months: np.ndarray) -> np.ndarray:
        """Survival at a time of its own for each draw, shape as that of `months`."""
        moved = (replace(own, median=own.median / months) for own in self.curves)
        return self._mean(own.survival_at(1.0) for own in moved)

    def _mean(self, values: Iterable[np.ndarray]) -> np.ndarray:
        """Mean of the values of all kinds."""
        return sum(weight * own for weight, own in zip(self.weights, values, strict=True))

    def survival(self, months: np.ndarray) -> np.ndarray:
        """Draws of survival, shape ``(draws, times)``."""
        return self._mean(own.survival(months) for own in self.curves)

    def estimand(self, name: str) -> np.ndarray:
        """Draws of an estimand of :data:`~synthesis.estimands.SURVIVAL_ESTIMANDS`."""
        if estimands.SURVIVAL_ESTIMANDS[name] is None:
            return self.median
        return self._mean(own.estimand(name) for own in self.curves)


def population_curve(
    fit: PooledSurvival,
    group: NamedGroup,
    population: Population,
    target: Target = "mean_study",
    *,
    selecting: frozenset[str] = frozenset(),
) -> MixtureCurve:
    """Draws of the survival curve of a population under a treatment, or a class.

    The share of BRAF-mutated patients says nothing of treatments that are given to mutated tumours
    only, which are those of `selecting`. ValueError if the fit does not adjust for a covariate that
    the population states.
    """
    sides = [estimands.curve(fit, group.group, share, target) for share in (0.0, 1.0)]
    return _mixture(fit, sides, population, group.cohorts[0].treatment in selecting)


def _mixture(
    fit: PooledSurvival, sides: Sequence[Curve], population: Population, selected: bool
) -> MixtureCurve:
    """Mixture of the curves of pure and of mixed tumours, `selected`: of mutated ones only."""
    asked, braf = population.asks, None if selected else population.braf
    if (asked or braf is not None) and not fit.variant.covariates:
        raise ValueError(
            "the fit does not adjust for design, line, time origin and mutation: state the share "
            "of mixed histology only, or fit with covariates"
        )
    effects = fit.flat("covariate_effect")
    shift = effects @ np.array([asked.get(name, 0.0) for name in COVARIATES])
    kinds = [(1.0, shift)]
    if braf is not None:
        away = ((1.0 - braf, -REFERENCE_BRAF_SHARE), (braf, 1.0 - REFERENCE_BRAF_SHARE))
        kinds = [(part, shift + step * effects[:, _BRAF]) for part, step in away]
    weights, curves = [], []
    for side, weight in zip(sides, (1.0 - population.mixed, population.mixed), strict=True):
        for part, moved in kinds:
            if weight * part > 0.0:
                factor = np.exp(moved).reshape(-1, *[1] * (side.median.ndim - 1))
                weights.append(weight * part)
                moves = bool(np.any(factor != 1.0))  # else its estimands are known already
                curves.append(replace(side, median=side.median * factor) if moves else side)
    return MixtureCurve(tuple(weights), tuple(curves))


@dataclass(frozen=True)
class PatientMix:
    """Pooled survival of a stated population, and what stands behind it, and what does not.

    The table has :data:`MIX_COLUMNS`: months, fractions of one, or ratios; contrasts have a
    reference, and values that allow for `confounding`.
    """

    population: Population
    confounding: certainty.Confounding
    table: pd.DataFrame = field(repr=False)
    notes: tuple[str, ...]


def patient_mix(
    fits: Mapping[str, Fit],
    vocabulary: Vocabulary,
    population: Population,
    *,
    treatment: str | Sequence[str] | None = None,
    reference: str | None = None,
    confounding: str = DEFAULT,
) -> PatientMix:
    """Pooled survival of a population under each treatment, or some of them.

    `fits` are by endpoint, of which response is passed over; `treatment` and `reference` are names
    of the only ones asked for and of the one that gains are over; `confounding` is what gains allow
    for, a word of :data:`~synthesis.choices.CONFOUNDING`. ValueError if there is no survival
    endpoint, or a fit does not adjust for what is stated; NotComparedError if a treatment is pooled
    for none of the endpoints; UnknownWordError for a word that names no treatment.
    """
    pooled = contrasts.treatments_by_endpoint(fits, vocabulary)
    asked = [treatment] if isinstance(treatment, str) else treatment or ()
    only = list(dict.fromkeys(vocabulary.treatment(name).id for name in asked))
    over = None if reference is None else vocabulary.treatment(reference).id
    for name in filter(None, (*only, over)):
        if not any(name in contrasts.treatments_by_id(groups) for groups in pooled.values()):
            raise contrasts.not_pooled(name, pooled)
    rows, fits = [], {endpoint: fits[endpoint] for endpoint in pooled}
    allowed = certainty.find_confounding(fits, confounding)
    for endpoint, groups in pooled.items():
        by_id = contrasts.treatments_by_id(groups)
        shown = [by_id[name] for name in only if name in by_id] if only else groups
        part = _Part(endpoint, fits[endpoint], population, vocabulary.selecting, allowed)
        for target in estimands.TARGETS:
            rows += part.rows(shown, target, by_id.get(over))
    table = pd.DataFrame(rows, columns=MIX_COLUMNS)
    notes = [*_notes(fits, pooled, set(table["treatment"]), vocabulary, population)]
    for name in only if over else ():
        gain = f"gain of {in_sentence(vocabulary.treatment(name).label)}" if only[1:] else "gain"
        notes += [
            f"{endpoint_of(endpoint).name(vocabulary)}, {gain}: "
            f"{evidence(fit, name, over).sentence}"
            for endpoint, fit in fits.items()
            if name != over and {name, over} <= set(fit.data.treatments)
        ]
    return PatientMix(population, allowed, table, tuple(notes))


@dataclass(frozen=True)
class _Part:
    """One endpoint, and the population that is asked about."""

    endpoint: str
    fit: PooledSurvival
    population: Population
    selecting: frozenset[str]
    confounding: certainty.Confounding

    def rows(
        self, groups: Sequence[NamedGroup], target: Target, over: NamedGroup | None
    ) -> Iterator[tuple]:
        stated = [getattr(self.population, name) for name in ("mixed", "braf", *_STATED)]
        against = None if over is None else self._mixture([over], target)
        rows: dict[str, list[tuple]] = {group.label: [] for group in groups}
        selected = [group for group in groups if group.cohorts[0].treatment in self.selecting]
        others = [group for group in groups if group not in selected]
        for alike in filter(None, (others, selected)):
            mixture, gains = self._mixture(alike, target), {}
            # only a population of pure or of mixed tumours alone is extrapolated
            of_one_kind = self.population.mixed in (0.0, 1.0)
            beyond = [of_one_kind and not estimands.tells_apart(self.fit, g.cohorts) for g in alike]
            if over is not None:
                to = over.cohorts[0].treatment
                carried = {
                    (number, 0): evidence(self.fit, g.cohorts[0].treatment, to)
                    for number, g in enumerate(alike)
                    if g is not over
                }
                gains = certainty.judged_contrasts(
                    SURVIVAL_CONTRASTS, mixture, against, carried, beyond, self.confounding
                )
            absolute = estimates(mixture)
            for number, group in enumerate(alike):
                kind = contrasts.kind_of_one(group.cohorts, extrapolated=beyond[number])
                alone = (np.nan, np.nan, kind, "", "")
                cells = [("", name, own[:, number], alone) for name, own in absolute.items()]
                if (number, 0) in gains:
                    judged, values = gains[number, 0]
                    cells += [(over.label, *own, judged.columns) for own in values.items()]
                rows[group.label] += [
                    (
                        *(self.endpoint, group.label, reference, *stated, name, target),
                        *(*map(float, own[:6]), *behind, len(group.cohorts), group.patients),
                    )
                    for reference, name, own, behind in cells
                ]
        return chain.from_iterable(rows.values())

    def _mixture(self, groups: Sequence[NamedGroup], target: Target) -> MixtureCurve:
        sides = [contrasts.drawn(self.fit, groups, share, target) for share in (0.0, 1.0)]
        selected = groups[0].cohorts[0].treatment in self.selecting
        return _mixture(self.fit, sides, self.population, selected)


def _notes(
    fits: Mapping[str, PooledSurvival],
    pooled: Mapping[str, Sequence[NamedGroup]],
    shown: Collection[str],
    vocabulary: Vocabulary,
    population: Population,
) -> Iterator[str]:
    words = {name: endpoint_of(name).words(vocabulary) for name in fits}
    yield (
        "A mixture of patients: the survival of all is the weighted mean of the curves of the "
        "kinds of patients, and the median is where it falls to one half. A cohort of that mix, as "
        "in tables at a reference mix, has one curve at a location between them."
    )
    untold = [words[name] for name, fit in fits.items() if not fit.data.tells_histology]
    if untold and population.mixed > 0.0:
        yield (
            f"For {listed(untold)} no counted cohort tells pure from mixed: what histology does "
            "there is the prior alone."
        )
    for name, fit in fits.items():
        groups = [group for group in pooled[name] if group.label in shown]
        beyond = sum(not estimands.tells_apart(fit, group.cohorts) for group in groups)
        if fit.data.tells_histology and beyond:
            yield (
                f"{numbers.capitalised(words[name])}: how survival changes with the share of mixed "
                f"histology is extrapolated for {beyond} of {count(len(groups), 'treatment')}, as "
                "no report tells pure from mixed there."
            )
    stated = [*population.asks, *([] if population.braf is None else ["braf_mutated"])]
    for name, fit in fits.items():
        for own in (own for own in covariate_effects(fit) if own.name in stated):
            share = prior_share(own.prior.scale, own.draws)
            yield (
                f"{own.label}, {words[name]}: ratio of medians "
                f"{written(estimands.summarise(np.exp(own.draws)), numbers.ratio)} from "
                f"{count(own.cohorts, 'cohort')}. {share_words(share, told=bool(own.cohorts))}"
            )
    if stated:
        yield (
            "The effects of line, design, time origin and mutation are learned between studies and "
            "taken to be the same under every treatment."
        )
    if population.braf is not None:
        yield "Histology and mutation are taken to be independent of each other."
        mutated = {
            group.label
            for groups in pooled.values()
            for group in groups
            if group.cohorts[0].treatment in vocabulary.selecting and group.label in shown
        }
        if mutated:
            yield (
                f"{listed(sorted(mutated))}: given to mutated tumours only, so that the share of "
                "BRAF-mutated patients does not move it."
            )


# --- In words ------------------------------------------------------------------------------------

_STUDIES = {"mean_study": "average", "new_study": "new"}

# Titles of the tables to be read, and headings of their estimands.
_SHOWN: Mapping[str, Mapping[str, str]] = {
    "Median and survival.": {
        "median_months": "Median, months",
        "survival_6m": "Alive at 6 months, %",
        "survival_12m": "at 12 months, %",
    },
    "Restricted mean survival, months.": {
        "rmst_12m": "Restricted mean to 12 months",
        "rmst_24m": "to 24 months",
    },
}


def result(
    populations: PatientMix | Sequence[PatientMix],
    registry: Registry,
    shown: Mapping[str, Collection[str]] = MappingProxyType({}),
) -> Result:
    """Say how populations fare, of the same endpoints and treatments.

    `shown` gives for an endpoint the labels of the treatments in the tables to be read, which are
    all where it is not named.
    """
    several = [populations] if isinstance(populations, PatientMix) else list(populations)
    vocabulary = registry.vocabulary
    table = pd.concat([own.table for own in several], ignore_index=True)
    findings = []
    for endpoint in table["endpoint"].unique():
        about = endpoint_of(endpoint)
        kept = shown.get(endpoint)
        words = (
            f"{about.name(vocabulary)} in {vocabulary.subject_words}, "
            f"{'; or '.join(own.population.words for own in several)}: posterior medians with 95 % "
            "intervals, for the average study and for a new one.",
            *(text for own in several for text in gain_words(own, endpoint)),
        )
        findings.append(
            Finding(about.name(vocabulary), words, tuple(_tables(several, endpoint, kept)))
        )
    notes = tuple(dict.fromkeys(note for own in several for note in own.notes))
    findings.append(Finding("What stands behind it", notes))
    return Result("mix", "Your patient mix", (), tuple(findings), {"mix": table})


def gain_words(mix: PatientMix, endpoint: str) -> tuple[str, ...]:
    """Gains over the reference in the average study, by treatment; none without a reference."""
    rows = mix.table[
        (mix.table["endpoint"] == endpoint)
        & (mix.table["reference"] != "")
        & (mix.table["target"] == "mean_study")
    ]
    sentences = []
    for (treatment, reference), part in rows.groupby(["treatment", "reference"], sort=False):
        by = {row.estimand: row for row in part.itertuples(index=False)}
        row = by[GAIN]
        sentences.append(f"{treatment} over {in_sentence(reference)}: {_gain_text(by)}.")
        if row.evidence != RANDOMISED:
            undone = certainty.tipping_words(treatment, row.tipping_limit, row.tipping_estimate)
            adjusted = _gain_text(by, adjusted=True)
            sentences += [f"{mix.confounding.words} Then: {adjusted}.", undone]
        sentences.append(f"Certainty: {row.certainty} ({row.certainty_reasons}).")
    return tuple(dict.fromkeys(sentences))


def _gain_text(by: Mapping[str, Any], *, adjusted: bool = False) -> str:
    """Gains of one treatment, as they are or allowing for confounding."""
    text = {
        name: certainty.written_twice(row, SURVIVAL_CONTRASTS[name].write, adjusted=adjusted)
        for name, row in by.items()
    }
    return (
        f"{text[GAIN]} months in the median, a ratio of medians of {text['ratio_of_medians']}; "
        f"{text['difference_rmst_12m']} months in the restricted mean to 12 months, "
        f"{text['difference_rmst_24m']} to 24 months"
    )


def _tables(
    populations: Sequence[PatientMix], endpoint: str, shown: Collection[str] | None
) -> Iterator[Table]:
    """Medians and survival, then restricted means: a row a treatment and study."""
    by = {
        (number, row.treatment, row.target, row.estimand): row
        for number, mix in enumerate(populations)
        for row in mix.table.itertuples(index=False)
        if row.endpoint == endpoint and row.reference == ""
        if shown is None or row.treatment in shown
    }

    def population(key: tuple[int, str, str]) -> str:
        return numbers.capitalised(populations[key[0]].population.words)

    def text(name: str) -> Callable[[tuple[int, str, str]], str]:
        return lambda key: written(by[*key, name], estimands.ESTIMANDS[name].write)

    for title, names_of in _SHOWN.items():
        yield table_of(
            title,
            dict.fromkeys(key[:3] for key in by),
            [
                ("Treatment", "keep", lambda key: key[1]),
                ("Study", "", lambda key: _STUDIES[key[2]]),
                *((label, "num", text(name)) for name, label in names_of.items()),
            ],
            group=population if len(populations) > 1 else None,
        )
