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

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd

from studies.vocabulary import Vocabulary
from synthesis.estimands import (
    SURVIVAL_ESTIMANDS,
    TARGETS,
    Curve,
    Fit,
    NamedGroup,
    Target,
    curve,
    summarise,
)
from synthesis.fits import PooledSurvival, ResponseFit
from synthesis.model.covariates import (
    COVARIATE_LABELS,
    COVARIATES,
    DESIGNS,
    LINES,
    REFERENCE_BRAF_SHARE,
    TIME_ORIGINS,
)
from synthesis.model.survival import PRIOR_OF
from synthesis.questions.contrasts import GAIN, SURVIVAL_CONTRASTS, survival_contrast
from synthesis.questions.evidence import NotComparedError, evidence, treatments_of
from synthesis.questions.histology import months, ratio
from synthesis.questions.histology_effects import prior_share, share_words

MIX_COLUMNS = (
    "endpoint",
    "treatment",
    "reference",
    "mixed",
    "braf",
    "line",
    "design",
    "time_origin",
    "estimand",
    "target",
    "estimate",
    "lower",
    "upper",
    "cohorts",
    "patients",
)

# Steps to where half are alive, of which a dozen are enough, and a step of the log median that is
# none any more: 1e-12 of a month.
_STEPS, _NO_STEP = 60, 1e-12

_WORDS: Mapping[str, Mapping[str, float]] = MappingProxyType(
    {"line": LINES, "design": DESIGNS, "time_origin": TIME_ORIGINS}
)
_COVARIATE_OF = {"line": "pretreated", "design": "retrospective", "time_origin": "from_diagnosis"}


@dataclass(frozen=True)
class Population:
    """Patients whose survival is asked for.

    Attributes
    ----------
    mixed : float
        Share with mixed histology, 0 to 1.
    braf : float or None
        Share with BRAF V600E, 0 to 1; ``None``: unselected patients, as the reference population.
    line, design, time_origin : str or None
        Words of the vocabulary; ``None``: half way between those there are, as the reference.
    """

    mixed: float
    braf: float | None = None
    line: str | None = None
    design: str | None = None
    time_origin: str | None = None

    def __post_init__(self) -> None:
        """Refuse what is no population.

        Raises
        ------
        ValueError
            Names what was found and what is expected.
        """
        for name in ("mixed", "braf"):
            share = getattr(self, name)
            if share is not None and not 0.0 <= share <= 1.0:
                raise ValueError(
                    f"{name}: found {share:g}, expected a fraction from 0 to 1 (0.3 for 30 percent)"
                )
        for name, words in _WORDS.items():
            word = getattr(self, name)
            if word is not None and word not in words:
                known = ", ".join(words)
                raise ValueError(f"{name}: found {word!r}, expected one of {known}")

    @property
    def words(self) -> str:
        """The population in words."""
        stated = [f"{100 * self.mixed:g} % with mixed histology"]
        if self.braf is not None:
            stated.append(f"{100 * self.braf:g} % with BRAF V600E")
        if self.line is not None:
            stated.append(self.line)
        if self.design is not None:
            stated.append(f"as in a {self.design.replace('_', ' ')} study")
        if self.time_origin is not None:
            stated.append(f"time from {self.time_origin}")
        return "; ".join(stated)

    @property
    def asks(self) -> dict[str, float]:
        """Covariate that is stated -> difference from the reference, those of shares left out."""
        return {
            _COVARIATE_OF[name]: words[getattr(self, name)]
            for name, words in _WORDS.items()
            if getattr(self, name) is not None
        }


@dataclass(frozen=True)
class MixtureCurve:
    """Draws of the survival curve of patients of several kinds.

    It has what contrasts ask of a :class:`~synthesis.estimands.Curve`.

    Attributes
    ----------
    weights : tuple of float
        Shares of the kinds, adding up to one.
    curves : tuple of Curve
        Of each kind, from the same draws.
    """

    weights: tuple[float, ...]
    curves: tuple[Curve, ...]

    @cached_property
    def median(self) -> np.ndarray:
        """Draws of the median of all patients, months, shape ``(draws,)``."""
        logs = np.log([own.median for own in self.curves])
        # at the shortest median at least half of every kind are alive, at the longest at most
        low, high = logs.min(axis=0), logs.max(axis=0)
        above, below = (self._at(np.exp(ends)) - 0.5 for ends in (low, high))
        found, side = low, np.zeros(low.shape)
        # secants of a bracket; where one end stays, its value is halved so that it moves, too
        # (the Illinois rule of Dowell & Jarratt 1971, doi 10.1007/BF01934364)
        for _ in range(_STEPS):
            slope = np.where(above > below, above - below, 1.0)
            before, found = found, np.clip(low + (high - low) * above / slope, low, high)
            value = self._at(np.exp(found)) - 0.5
            late = value < 0.0
            above = np.where(late, np.where(side < 0, 0.5 * above, above), value)
            below = np.where(late, value, np.where(side > 0, 0.5 * below, below))
            low, high = np.where(late, low, found), np.where(late, found, high)
            side = np.where(late, -1.0, 1.0)
            if np.max(np.minimum(np.abs(found - before), high - low)) < _NO_STEP:
                break
        return np.exp(found)

    def _at(self, months: np.ndarray) -> np.ndarray:
        """Survival at a time of its own for each draw, shape ``(draws,)``."""
        one = np.ones(1)
        return sum(
            weight * replace(own, median=own.median / months).survival(one)[:, 0]
            for weight, own in zip(self.weights, self.curves, strict=True)
        )

    def survival(self, months: np.ndarray) -> np.ndarray:
        """Draws of survival, shape ``(draws, times)``."""
        parts = zip(self.weights, self.curves, strict=True)
        return sum(weight * own.survival(months) for weight, own in parts)

    def estimand(self, name: str) -> np.ndarray:
        """Draws of an estimand of :data:`~synthesis.estimands.SURVIVAL_ESTIMANDS`."""
        if SURVIVAL_ESTIMANDS[name] is None:
            return self.median
        parts = zip(self.weights, self.curves, strict=True)
        return sum(weight * own.estimand(name) for weight, own in parts)


def population_curve(
    fit: PooledSurvival,
    group: NamedGroup,
    population: Population,
    target: Target = "mean_study",
    *,
    selecting: frozenset[str] = frozenset(),
) -> MixtureCurve:
    """Draws of the survival curve of a population under one treatment.

    Parameters
    ----------
    fit : PooledSurvival
    group : NamedGroup
        A treatment, or a class.
    population : Population
    target : {"mean_study", "new_study"}
    selecting : frozenset of str
        Treatments that are given to mutated tumours only: the share of BRAF-mutated patients says
        nothing of those.

    Raises
    ------
    ValueError
        If the fit does not adjust for a covariate that the population states.
    """
    asked = population.asks
    mutated = None if group.cohorts[0].treatment in selecting else population.braf
    if (asked or mutated is not None) and not fit.variant.covariates:
        raise ValueError(
            "the fit does not adjust for design, line, time origin and BRAF: state the share of "
            "mixed histology only, or fit with covariates"
        )
    effects = fit.flat("covariate_effect")
    shift = effects @ np.array([asked.get(name, 0.0) for name in COVARIATES])
    kinds: list[tuple[float, np.ndarray]] = [(1.0, shift)]
    if mutated is not None:
        own = effects[:, COVARIATES.index("braf_mutated")]
        kinds = [
            (1.0 - mutated, shift - REFERENCE_BRAF_SHARE * own),
            (mutated, shift + (1.0 - REFERENCE_BRAF_SHARE) * own),
        ]
    weights, curves = [], []
    for share, weight in ((0.0, 1.0 - population.mixed), (1.0, population.mixed)):
        found = curve(fit, group.group, share, target)
        for part, moved in kinds:
            if weight * part > 0.0:
                weights.append(weight * part)
                curves.append(replace(found, median=found.median * np.exp(moved)))
    return MixtureCurve(tuple(weights), tuple(curves))


@dataclass(frozen=True)
class PatientMix:
    """Pooled survival of a stated population.

    Attributes
    ----------
    population : Population
    table : DataFrame
        :data:`MIX_COLUMNS`: months, fractions of one, or ratios; contrasts have a reference.
    notes : tuple of str
        What stands behind the answer, and what does not.
    """

    population: Population
    table: pd.DataFrame = field(repr=False)
    notes: tuple[str, ...]


def patient_mix(
    fits: Mapping[str, Fit],
    vocabulary: Vocabulary,
    population: Population,
    *,
    treatment: str | None = None,
    reference: str | None = None,
) -> PatientMix:
    """Pooled survival of a population under each treatment, or one of them.

    Parameters
    ----------
    fits : mapping
        Endpoint -> fit; response is passed over.
    vocabulary : Vocabulary
    population : Population
    treatment : str, optional
        Name of the one treatment asked for.
    reference : str, optional
        Name of the treatment that gains are over; none otherwise.

    Raises
    ------
    ValueError
        If there is no survival endpoint, or a fit does not adjust for what is stated.
    NotComparedError
        If a treatment is pooled for none of the endpoints.
    UnknownWordError
        For a word that names no treatment.
    """
    survival = {name: fit for name, fit in fits.items() if not isinstance(fit, ResponseFit)}
    if not survival:
        found = ", ".join(fits) or "none"
        raise ValueError(f"endpoints: found {found}, expected os or pfs: ask for one of them")
    pooled = {name: treatments_of(fit, vocabulary) for name, fit in survival.items()}
    for name in filter(None, (treatment, reference)):
        _find(pooled, vocabulary, name)
    rows = []
    for endpoint, fit in survival.items():
        job = _Endpoint(endpoint, fit, population, vocabulary.selecting)
        shown = _named(pooled[endpoint], vocabulary, treatment)
        over = _named(pooled[endpoint], vocabulary, reference) if reference else []
        for target in TARGETS:
            known = None if not over else (over[0], job.curve(over[0], target))
            for group in shown:
                rows += job.rows(group, target, known)
    table = pd.DataFrame(rows, columns=list(MIX_COLUMNS))
    notes = _notes(survival, pooled, table["treatment"].unique(), vocabulary, population)
    if treatment is not None and reference is not None:
        notes += tuple(_carried(survival, vocabulary, treatment, reference))
    return PatientMix(population, table, notes)


def _named(
    groups: Sequence[NamedGroup], vocabulary: Vocabulary, name: str | None
) -> list[NamedGroup]:
    """Treatments of that name; all of them for none."""
    if name is None:
        return list(groups)
    wanted = vocabulary.treatment(name).id
    return [group for group in groups if group.cohorts[0].treatment == wanted]


def _find(pooled: Mapping[str, Sequence[NamedGroup]], vocabulary: Vocabulary, name: str) -> None:
    if not any(_named(groups, vocabulary, name) for groups in pooled.values()):
        known = sorted({g.cohorts[0].treatment for groups in pooled.values() for g in groups})
        raise NotComparedError(
            f"no cohort of {vocabulary.treatment(name).id} is pooled for {' or '.join(pooled)}; "
            f"possible: {', '.join(known)}."
        )


def _carried(
    fits: Mapping[str, PooledSurvival], vocabulary: Vocabulary, treatment: str, reference: str
) -> Iterator[str]:
    """What carries the contrast of two treatments, for each endpoint that pools both."""
    names = [vocabulary.treatment(name).id for name in (treatment, reference)]
    for endpoint, fit in fits.items():
        if len(set(names)) == 2 and set(names) <= set(fit.data.treatments):
            label = vocabulary.endpoint(endpoint).label
            yield f"{label}, gain: {evidence(fit, *names).sentence}"


@dataclass(frozen=True)
class _Endpoint:
    """One endpoint, and the population that is asked about."""

    name: str
    fit: PooledSurvival
    population: Population
    selecting: frozenset[str]

    def curve(self, group: NamedGroup, target: Target) -> MixtureCurve:
        return population_curve(self.fit, group, self.population, target, selecting=self.selecting)

    def rows(
        self, group: NamedGroup, target: Target, over: tuple[NamedGroup, MixtureCurve] | None
    ) -> list[dict[str, Any]]:
        found = self.curve(group, target)
        drawn = {("", name): found.estimand(name) for name in SURVIVAL_ESTIMANDS}
        if over is not None and over[0].group != group.group:
            drawn |= {
                (over[0].label, name): survival_contrast(found, over[1], name)
                for name in SURVIVAL_CONTRASTS
            }
        stated = {name: getattr(self.population, name) for name in ("mixed", "braf", *_WORDS)}
        about = {"endpoint": self.name, "treatment": group.label, "target": target, **stated}
        about |= {"cohorts": len(group.cohorts), "patients": group.patients}
        return [
            about | {"reference": reference, "estimand": name} | vars(summarise(draws))
            for (reference, name), draws in drawn.items()
        ]


def gain_words(found: PatientMix, endpoint: str) -> tuple[str, ...]:
    """Gains over the reference in the average study, a sentence a treatment; none without one.

    Parameters
    ----------
    found : PatientMix
    endpoint : str
    """
    own = found.table[
        (found.table["endpoint"] == endpoint)
        & (found.table["reference"] != "")
        & (found.table["target"] == "mean_study")
    ]
    sentences = []
    for (treatment, reference), part in own.groupby(["treatment", "reference"], sort=False):
        found = {row.estimand: row for row in part.itertuples(index=False)}
        sentences.append(
            f"{treatment} over {reference}: {months(found[GAIN])} months in the median, a ratio of "
            f"medians of {ratio(found['ratio_of_medians'])}; "
            f"{months(found['difference_rmst_12m'])} months in the restricted mean to 12 months, "
            f"{months(found['difference_rmst_24m'])} to 24 months."
        )
    return tuple(sentences)


def _notes(
    fits: Mapping[str, PooledSurvival],
    pooled: Mapping[str, Sequence[NamedGroup]],
    shown: Sequence[str],
    vocabulary: Vocabulary,
    population: Population,
) -> tuple[str, ...]:
    def words(endpoint: str) -> str:
        return vocabulary.endpoint(endpoint).label.lower()

    found = [
        "A mixture of patients: the survival of all is the weighted mean of the curves of the "
        "kinds of patients, and the median is where it falls to one half. A cohort of that mix, as "
        "in tables at a reference mix, has one curve at a location between them."
    ]
    untold = [name for name, fit in fits.items() if not fit.data.tells_histology]
    if untold and population.mixed > 0.0:
        found.append(
            f"For {' and '.join(map(words, untold))} no counted cohort tells pure from mixed: what "
            "histology does there is the prior alone."
        )
    stated = list(population.asks) + (["braf_mutated"] if population.braf is not None else [])
    for endpoint, fit in fits.items():
        found += [_covariate_note(words(endpoint), fit, name) for name in stated]
    if stated:
        found.append(
            "The effects of line, design, time origin and BRAF are learned between studies and "
            "taken to be the same under every treatment."
        )
    if population.braf is not None:
        mutated = {
            group.label
            for groups in pooled.values()
            for group in groups
            if group.cohorts[0].treatment in vocabulary.selecting and group.label in shown
        }
        found.append("Histology and mutation are taken to be independent of each other.")
        if mutated:
            found.append(
                f"{', '.join(sorted(mutated))}: given to mutated tumours only, so that the share "
                "of BRAF-mutated patients does not move it."
            )
    return tuple(found)


def _covariate_note(endpoint: str, fit: PooledSurvival, name: str) -> str:
    """What the data say of one covariate effect."""
    number = COVARIATES.index(name)
    drawn = fit.flat("covariate_effect")[:, number]
    differing = sum(values[number] != 0.0 for values in fit.data.covariates)
    found = summarise(np.exp(drawn))
    share = prior_share(fit.priors[PRIOR_OF[name]].scale, drawn)
    return (
        f"{COVARIATE_LABELS[name]}, {endpoint}: ratio of medians {found.estimate:.2f} "
        f"({found.lower:.2f}-{found.upper:.2f}) from {differing} cohorts. "
        f"{share_words(share, told=bool(differing))}"
    )
