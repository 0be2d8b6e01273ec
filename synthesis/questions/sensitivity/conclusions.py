"""The question that is asked of every fit, and what its draws answer.

Every number that compares two treatments comes from :mod:`synthesis.questions.contrasts`; medians
are those of the mean study at the reference mix of histology. A treatment that has no cohort under
a choice has no answer there: what the model expects of a treatment that it has never seen is no
estimate of that treatment.

A conclusion *changes* where its answer is another one. The answer of a ratio or a difference is
whether its 95 % interval lies below no effect, holds it, or lies above it; that of a probability is
whether it is at least 0.975 (shown), above a half, at most a half, or at most 0.025 (excluded); a
pooled median has no such value, and its answer is another one where the estimate leaves the
interval of the base. Where a number decides that lies within two Monte Carlo standard errors of
its limit, the answer is *at the limit* and counts as no change.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal

import numpy as np
from arviz import ess, from_dict, mcse, rhat

from studies.vocabulary import Vocabulary
from synthesis.estimands import LEVEL, Group, NamedGroup, curve, quantiles, reference_share
from synthesis.fits import SurvivalFit
from synthesis.model.observations import SurvivalData
from synthesis.numbers import in_sentence
from synthesis.questions.contrasts import (
    GAIN,
    SURVIVAL_CONTRASTS,
    NotComparedError,
    choose_reference,
    survival_contrast,
    treatments_of,
)

RATIO, DIFFERENCE, CHANCE = "ratio_of_medians", GAIN, "p_gain"
PROGNOSTIC, PREDICTIVE, MEDIAN = "prognostic_ratio", "predictive_ratio", "median_months"

#: Probability from which a gain counts as shown; below its complement it counts as excluded.
SHOWN = 0.5 + LEVEL / 2.0

CHANGES, AT_THE_LIMIT, SAME, NO_ANSWER = "changes", "at the limit", "", "no answer"

#: Monte Carlo standard errors by which a number may miss a limit.
ERRORS = 2.0


@dataclass(frozen=True)
class Treatment:
    """A treatment of the question: its identifier in the vocabulary, and its label."""

    id: str
    label: str


@dataclass(frozen=True)
class Conclusion:
    """One number that is looked at under every choice.

    Attributes
    ----------
    name : str
        :data:`RATIO`, ... ; with the treatment behind a colon where there are several.
    label : str
        What is estimated, as the beginning of a sentence.
    treatments : tuple of Treatment
        The treatment and its reference, the treatment alone, or none.
    scale : {"log", "linear", "chance"}
        On which differences between choices are judged.
    words : (str, str, str) or None
        The answer where the interval lies below no effect, holds it, and lies above it; ``None``
        where there is no such value.
    """

    name: str
    label: str
    treatments: tuple[Treatment, ...] = ()
    scale: Literal["log", "linear", "chance"] = "log"
    words: tuple[str, str, str] | None = None

    @property
    def kind(self) -> str:
        """The name without the treatment."""
        return self.name.partition(":")[0]

    @property
    def of(self) -> tuple[str, ...]:
        """Identifiers of the treatments that it is of."""
        return tuple(own.id for own in self.treatments)

    @property
    def null(self) -> float | None:
        """Value of no effect; ``None`` where there is none."""
        if self.words is None:
            return None
        return 1.0 if self.scale == "log" else 0.0


@dataclass(frozen=True)
class Question:
    """What is asked of every fit.

    Attributes
    ----------
    endpoint : str
    treatment, reference : Treatment
    delta : float
        Months of gain.
    reference_mix : float
        Share of mixed histology of the population, 0 to 1.
    treatments : tuple of Treatment
        All whose pooled medians are looked at, in order of display.
    predictive : tuple of Treatment
        Those of which a report gives pure and mixed patients apart.
    tells_histology : bool
        Whether any counted cohort of the base tells its histology.
    """

    endpoint: str
    treatment: Treatment
    reference: Treatment
    delta: float
    reference_mix: float
    treatments: tuple[Treatment, ...]
    predictive: tuple[Treatment, ...]
    tells_histology: bool

    @property
    def conclusions(self) -> tuple[Conclusion, ...]:
        """The numbers that are looked at, in order of display."""
        return tuple(self._conclusions())

    def _conclusions(self) -> Iterator[Conclusion]:
        pair = (self.treatment, self.reference)
        one, other = (in_sentence(own.label) for own in pair)
        against, either = f"{one} against {other}", "either may be longer"
        words = (f"shorter under {one}", either, f"longer under {one}")
        yield Conclusion(RATIO, f"Ratio of medians, {against}", pair, "log", words)
        label = f"Difference of medians in months, {against}"
        yield Conclusion(DIFFERENCE, label, pair, "linear", words)
        gain = f"more than {self.delta:g} month{'' if self.delta == 1.0 else 's'} longer"
        yield Conclusion(CHANCE, f"Probability of a median {gain}, {against}", pair, "chance")
        if self.tells_histology:
            label = "Ratio of medians, mixed against pure histology under any treatment"
            words = ("shorter with mixed histology", either, "longer with mixed histology")
            yield Conclusion(PROGNOSTIC, label, words=words)
            words = ("mixed gain less", "either may gain more", "mixed gain more")
            for own in self.predictive:
                label = f"Extra gain of mixed histology under {in_sentence(own.label)}, as a ratio"
                yield Conclusion(f"{PREDICTIVE}:{own.id}", label, (own,), words=words)
        for own in self.treatments:
            label = f"Pooled median in months, {in_sentence(own.label)}"
            yield Conclusion(f"{MEDIAN}:{own.id}", label, (own,))


class NotAskedError(ValueError):
    """A question that no fit can answer; the message names what was found and what is possible."""


@dataclass(frozen=True)
class _Observed:
    """Observations in the place of a fit: enough to name treatments and their cohorts."""

    data: SurvivalData


def ask(
    data: SurvivalData,
    vocabulary: Vocabulary,
    *,
    treatment: str | None = None,
    reference: str | None = None,
    delta: float = 1.0,
    reference_mix: float = 0.4,
) -> Question:
    """Make the question of a sensitivity analysis.

    Parameters
    ----------
    data : SurvivalData
        Observations of the base analysis.
    vocabulary : Vocabulary
    treatment : str, optional
        Any name of a treatment; otherwise that of which a report gives pure and mixed patients
        apart, with most cohorts if there are several, else that with most cohorts.
    reference : str, optional
        Any name of a treatment; otherwise that of
        :func:`synthesis.questions.contrasts.choose_reference`.
    delta : float
        Months of gain that are asked for.
    reference_mix : float
        Share of mixed histology of the reference population, 0 to 1.

    Raises
    ------
    NotAskedError
        Where treatment or reference is not pooled, or both are the same.
    """
    groups = treatments_of(_Observed(data), vocabulary)
    if len(groups) < 2:
        only = groups[0].label if groups else "none"
        raise NotAskedError(f"there is nothing to compare: pooled treatments: {only}.")
    split = {data.cohorts[arm.cohort].treatment for arm in data.arms if arm.histology == "mixed"}
    against = _wanted(groups, vocabulary, reference)
    if treatment is None:
        others = [group for group in groups if group is not against]
        chosen = max(others, key=lambda g: (_id(g) in split, len(g.cohorts), g.patients))
    else:
        chosen = _wanted(groups, vocabulary, treatment)
    if chosen is against:
        possible = ", ".join(_id(g) for g in groups if g is not against)
        raise NotAskedError(
            f"{chosen.label} would be compared with itself; name another treatment or reference. "
            f"Possible: {possible}."
        )
    named = {id(group): Treatment(_id(group), group.label) for group in groups}
    return Question(
        endpoint=data.endpoint,
        treatment=named[id(chosen)],
        reference=named[id(against)],
        delta=delta,
        reference_mix=reference_mix,
        treatments=tuple(named.values()),
        predictive=tuple(own for own in named.values() if own.id in split),
        tells_histology=data.tells_histology,
    )


def _wanted(groups: Sequence[NamedGroup], vocabulary: Vocabulary, wanted: str | None) -> NamedGroup:
    try:
        chosen = choose_reference(groups, vocabulary, wanted)
    except NotComparedError as error:
        raise NotAskedError(str(error)) from None
    if chosen is None:
        possible = ", ".join(map(_id, groups))
        raise NotAskedError(f"no cohort of {wanted} is pooled here. Possible: {possible}.")
    return chosen.group


def _id(group: NamedGroup) -> str:
    return group.cohorts[0].treatment


# --- Answers -------------------------------------------------------------------------------------


def conclusion_draws(fit: SurvivalFit, question: Question) -> dict[str, np.ndarray]:
    """Draws of every conclusion that a fit can answer, ``(draws,)`` each, by its name.

    A probability has draws of nought and one. What a fit has no cohort for is not there.
    """
    known = {name: index for index, name in enumerate(fit.data.treatments)}
    share = reference_share(fit, question.reference_mix)
    curves = {}
    for own in question.treatments:
        if own.id in known:
            group = Group(fit.data.treatment_class[known[own.id]], known[own.id])
            curves[own.id] = curve(fit, group, share, "mean_study")
    draws: dict[str, np.ndarray] = {}
    for item in question.conclusions:
        if set(item.of) - curves.keys():
            continue
        match item.kind:
            case "prognostic_ratio":
                values = np.exp(fit.flat("prognostic"))
            case "predictive_ratio":
                values = np.exp(fit.flat("predictive")[:, known[item.of[0]]])
            case "median_months":
                values = curves[item.of[0]].median
            case "p_gain":
                gain = survival_contrast(*(curves[name] for name in item.of), GAIN)
                values = SURVIVAL_CONTRASTS[GAIN].gain * gain > question.delta
            case name:
                values = survival_contrast(*(curves[name] for name in item.of), name)
        draws[item.name] = np.asarray(values, dtype=float)
    return draws


@dataclass(frozen=True)
class Estimate:
    """A conclusion under one choice, with the Monte Carlo error of each number.

    Attributes
    ----------
    estimate, lower, upper : float
        Posterior median and 95 % limits; for a probability the probability, without limits.
    estimate_error, lower_error, upper_error : float
        Monte Carlo standard errors (Vehtari et al. 2021, doi 10.1214/20-BA1221).
    centre, sd : float
        Posterior mean and standard deviation on the scale on which choices are compared.
    rhat, ess : float
        Of the draws; the smaller of bulk and tail.
    """

    estimate: float
    lower: float
    upper: float
    estimate_error: float
    lower_error: float
    upper_error: float
    centre: float
    sd: float
    rhat: float
    ess: float


def answers_of(
    draws: Mapping[str, np.ndarray], question: Question, chains: int
) -> Mapping[str, Estimate]:
    """Summarise draws of conclusions.

    Parameters
    ----------
    draws : mapping
        From :func:`conclusion_draws`: chains one after the other, of equal length.
    question : Question
    chains : int
    """
    scales = {item.name: item.scale for item in question.conclusions}
    answers = _with_limits(
        {k: v for k, v in draws.items() if scales[k] != "chance"}, chains, scales
    )
    for name, values in draws.items():
        if scales[name] == "chance":
            answers[name] = _chance(values, chains)
    return MappingProxyType({name: answers[name] for name in draws})


def _with_limits(
    draws: Mapping[str, np.ndarray], chains: int, scales: Mapping[str, str]
) -> dict[str, Estimate]:
    if not draws:
        return {}
    # one array for all: as many single variables would take twice as long
    data = _dataset(np.stack(list(draws.values()), axis=1), chains)
    limits = [mcse(data, method="quantile", prob=0.5 + side * LEVEL / 2.0) for side in (-1, 1)]
    sizes = [ess(data, method=method) for method in ("bulk", "tail")]
    judged = [mcse(data, method="median"), *limits, rhat(data), *sizes]
    columns = np.stack([own["x"].to_numpy() for own in judged], axis=1).tolist()
    answers = {}
    for (name, values), (*errors, agreement, bulk, tail) in zip(
        draws.items(), columns, strict=True
    ):
        working = np.log(values) if scales[name] == "log" else values
        centre, sd = float(working.mean()), float(working.std())
        ends = quantiles(values).tolist()
        answers[name] = Estimate(*ends, *errors, centre, sd, agreement, min(bulk, tail))
    return answers


def by_chain(values: np.ndarray, chains: int) -> np.ndarray:
    """Draws that stand chain after chain, ``(draws, ...)``, as ``(chains, draws, ...)``.

    Thinned draws may leave a few over, which are cut off.
    """
    length = len(values) // chains
    return values[: length * chains].reshape(chains, length, *values.shape[1:])


def _dataset(values: np.ndarray, chains: int) -> Any:
    tree = from_dict({"posterior": {"x": by_chain(values, chains)}})
    return tree["posterior"].to_dataset()


def _chance(values: np.ndarray, chains: int) -> Estimate:
    """A probability; its chains are judged with the difference that it is of.

    Where all draws of a chain agree its error is that of one draw in disagreement: an error of
    nought would be a lie.
    """
    p, nan = float(values.mean()), float("nan")
    shaped = by_chain(values, chains)
    sd = float(np.sqrt(p * (1.0 - p)))
    if (shaped.std(axis=1) > 0.0).all():
        error = float(mcse(_dataset(values, chains), method="mean")["x"])
    else:
        error = max(sd / np.sqrt(chains), 1.0) / shaped.shape[1]
    return Estimate(p, nan, nan, error, nan, nan, p, sd, nan, nan)


# --- Changes -------------------------------------------------------------------------------------


def answer_word(item: Conclusion, own: Estimate, base: Estimate, error: float = 0.0) -> str:
    """The answer in words.

    Parameters
    ----------
    item : Conclusion
    own, base : Estimate
        Under the choice, and under the base.
    error : float
        Monte Carlo standard errors by which the deciding numbers are moved.
    """
    estimate = own.estimate + error * own.estimate_error
    if item.scale == "chance":
        if estimate >= SHOWN or estimate <= 1.0 - SHOWN:
            return "shown" if estimate >= SHOWN else "excluded"
        return "more likely than not" if estimate > 0.5 else "less likely than not"
    if item.words is None:
        inside = base.lower <= estimate <= base.upper
        return f"{'within' if inside else 'outside'} the interval of the base"
    lower = own.lower + error * own.lower_error
    upper = own.upper + error * own.upper_error
    return item.words[0 if upper < item.null else 2 if lower > item.null else 1]


def change_of(item: Conclusion, own: Estimate, base: Estimate) -> str:
    """Whether a conclusion changes: :data:`CHANGES`, :data:`AT_THE_LIMIT` or :data:`SAME`.

    Parameters
    ----------
    item : Conclusion
    own, base : Estimate
        Under the choice, and under the base.
    """
    if answer_word(item, own, base) == answer_word(item, base, base):
        return SAME
    about = (-ERRORS, 0.0, ERRORS)
    here, there = ({answer_word(item, a, base, e) for e in about} for a in (own, base))
    return AT_THE_LIMIT if here & there else CHANGES
