"""The question that is asked of every fit, and what its draws answer.

Every number that compares two treatments comes from :mod:`synthesis.questions.contrasts`; medians are
those of the mean study at the reference mix of histology. A treatment that has no cohort under a
choice has no answer there: what the model expects of a treatment that it has never seen is no
estimate of that treatment.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal

import numpy as np
from arviz import ess, from_dict, mcse, rhat

from studies.vocabulary import Vocabulary
from synthesis.estimands import LEVEL, Group, NamedGroup, curve, reference_share
from synthesis.fits import SurvivalFit
from synthesis.model.observations import SurvivalData
from synthesis.questions.contrasts import GAIN, SURVIVAL_CONTRASTS, survival_contrast
from synthesis.questions.evidence import NotComparedError, choose_reference, treatments_of

RATIO, DIFFERENCE, CHANCE = "ratio_of_medians", GAIN, "p_gain"
PROGNOSTIC, PREDICTIVE, MEDIAN = "prognostic_ratio", "predictive_ratio", "median_months"

#: Probability from which a gain counts as shown; below its complement it counts as excluded.
SHOWN = 0.5 + LEVEL / 2.0

Scale = Literal["log", "linear", "chance"]


def in_sentence(label: str) -> str:
    """A label as within a sentence: a small initial, but for an abbreviation or a number."""
    return label if label[1:2].isupper() or label[1:2].isdigit() else label[:1].lower() + label[1:]


@dataclass(frozen=True)
class Asked:
    """A treatment of the question.

    Attributes
    ----------
    id : str
        Identifier of the vocabulary.
    label : str
    """

    id: str
    label: str


@dataclass(frozen=True)
class Conclusion:
    """One number that is looked at under every choice.

    Attributes
    ----------
    name : str
        :data:`RATIO`, ... ; with the treatment behind a colon where there are several.
    kind : str
        The name without the treatment.
    label : str
        What is estimated, as the beginning of a sentence.
    treatment, reference : Asked or None
        ``None`` where the conclusion is of no treatment.
    scale : {"log", "linear", "chance"}
        On which differences between choices are judged.
    words : (str, str, str) or None
        The answer where the interval lies below no effect, holds it, and lies above it; ``None``
        where there is no such value.
    """

    name: str
    kind: str
    label: str
    treatment: Asked | None = None
    reference: Asked | None = None
    scale: Scale = "log"
    words: tuple[str, str, str] | None = None

    @property
    def of(self) -> tuple[str, ...]:
        """Identifiers of the treatments that it is of."""
        return tuple(own.id for own in (self.treatment, self.reference) if own is not None)

    @property
    def null(self) -> float | None:
        """Value of no effect; ``None`` where there is none."""
        if self.words is None or self.scale == "chance":
            return None
        return 1.0 if self.scale == "log" else 0.0


@dataclass(frozen=True)
class Question:
    """What is asked of every fit.

    Attributes
    ----------
    endpoint : str
    treatment, reference : Asked
    delta : float
        Months of gain.
    reference_mix : float
        Share of mixed histology of the population, 0 to 1.
    treatments : tuple of Asked
        All whose pooled medians are looked at, in order of display.
    predictive : tuple of Asked
        Those of which a report prints pure and mixed patients apart.
    tells_histology : bool
        Whether any counted cohort of the base tells its histology.
    """

    endpoint: str
    treatment: Asked
    reference: Asked
    delta: float
    reference_mix: float
    treatments: tuple[Asked, ...]
    predictive: tuple[Asked, ...]
    tells_histology: bool

    @property
    def conclusions(self) -> tuple[Conclusion, ...]:
        """The numbers that are looked at, in order of display."""
        one, other = in_sentence(self.treatment.label), in_sentence(self.reference.label)
        pair = (self.treatment, self.reference)
        against, open_ = f"{one} against {other}", "either may be longer"
        words = (f"shorter under {one}", open_, f"longer under {one}")
        gain = f"more than {self.delta:g} month{'' if self.delta == 1.0 else 's'} longer"
        found = [
            Conclusion(RATIO, RATIO, f"Ratio of medians, {against}", *pair, "log", words),
            Conclusion(
                DIFFERENCE,
                DIFFERENCE,
                f"Difference of medians in months, {against}",
                *pair,
                "linear",
                words,
            ),
            Conclusion(
                CHANCE,
                CHANCE,
                f"Probability of a median {gain}, {against}",
                *pair,
                "chance",
            ),
        ]
        if self.tells_histology:
            words = ("shorter with mixed histology", open_, "longer with mixed histology")
            label = "Ratio of medians, mixed against pure histology under any treatment"
            found.append(Conclusion(PROGNOSTIC, PROGNOSTIC, label, words=words))
            words = ("mixed gain less", "either may gain more", "mixed gain more")
            for own in self.predictive:
                label = f"Extra gain of mixed histology under {in_sentence(own.label)}, as a ratio"
                name = f"{PREDICTIVE}:{own.id}"
                found.append(Conclusion(name, PREDICTIVE, label, own, words=words))
        for own in self.treatments:
            label = f"Pooled median in months, {in_sentence(own.label)}"
            found.append(Conclusion(f"{MEDIAN}:{own.id}", MEDIAN, label, own))
        return tuple(found)


class NotAskedError(ValueError):
    """A question that no fit can answer; the message names what was found and what is possible."""


@dataclass(frozen=True)
class _Seen:
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
        Any name of a treatment; otherwise that of which a report prints pure and mixed patients
        apart, with most cohorts if there are several, else that with most cohorts.
    reference : str, optional
        Any name of a treatment; otherwise that of
        :func:`synthesis.questions.evidence.choose_reference`.
    delta : float
        Months of gain that are asked for.
    reference_mix : float
        Share of mixed histology of the reference population, 0 to 1.

    Raises
    ------
    NotAskedError
        Where treatment or reference is not pooled, or both are the same.
    """
    groups = treatments_of(_Seen(data), vocabulary)
    if len(groups) < 2:
        only = groups[0].label if groups else "none"
        raise NotAskedError(f"there is nothing to compare: pooled treatments: {only}.")
    split = _split(data)
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
    return Question(
        endpoint=data.endpoint,
        treatment=_asked(chosen),
        reference=_asked(against),
        delta=delta,
        reference_mix=reference_mix,
        treatments=tuple(map(_asked, groups)),
        predictive=tuple(_asked(g) for g in groups if _id(g) in split),
        tells_histology=data.tells_histology,
    )


def _wanted(groups: Sequence[NamedGroup], vocabulary: Vocabulary, wanted: str | None) -> NamedGroup:
    try:
        found = choose_reference(groups, vocabulary, wanted)
    except NotComparedError as error:
        raise NotAskedError(str(error)) from None
    if found is None:
        possible = ", ".join(map(_id, groups))
        raise NotAskedError(f"no cohort of {wanted} is pooled here. Possible: {possible}.")
    return found.group


def _split(data: SurvivalData) -> set[str]:
    """Treatments of which a report prints pure and mixed patients apart."""
    return {data.cohorts[arm.cohort].treatment for arm in data.arms if arm.histology == "mixed"}


def _id(group: NamedGroup) -> str:
    return group.cohorts[0].treatment


def _asked(group: NamedGroup) -> Asked:
    return Asked(_id(group), group.label)


# --- Answers -------------------------------------------------------------------------------------


def conclusion_draws(fit: SurvivalFit, question: Question) -> dict[str, np.ndarray]:
    """Draws of every conclusion that a fit can answer, ``(draws,)`` each, by its name.

    A probability has draws of nought and one. What a fit has no cohort for is not there.
    """
    known = {name: index for index, name in enumerate(fit.data.treatments)}
    share = reference_share(fit, question.reference_mix)
    curves = {
        own.id: curve(
            fit,
            Group(fit.data.treatment_class[known[own.id]], known[own.id]),
            share,
            "mean_study",
        )
        for own in question.treatments
        if own.id in known
    }
    found: dict[str, np.ndarray] = {}
    for item in question.conclusions:
        if set(item.of) - curves.keys():
            continue
        if item.kind in (RATIO, DIFFERENCE, CHANCE):
            first, second = (curves[name] for name in item.of)
            name = RATIO if item.kind == RATIO else DIFFERENCE
            found[item.name] = survival_contrast(first, second, name)
            if item.kind == CHANCE:
                gain = SURVIVAL_CONTRASTS[GAIN].gain
                found[item.name] = (gain * found[item.name] > question.delta).astype(float)
        elif item.kind == PROGNOSTIC:
            found[item.name] = np.exp(fit.flat("prognostic"))
        elif item.kind == PREDICTIVE:
            found[item.name] = np.exp(fit.flat("predictive")[:, known[item.of[0]]])
        else:
            found[item.name] = curves[item.of[0]].median
    return found


@dataclass(frozen=True)
class Answered:
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
) -> Mapping[str, Answered]:
    """Summarise draws of conclusions.

    Parameters
    ----------
    draws : mapping
        From :func:`conclusion_draws`: chains one after the other, of equal length.
    question : Question
    chains : int
    """
    scales = {item.name: item.scale for item in question.conclusions}
    spread = {k: v for k, v in draws.items() if scales[k] != "chance"}
    found = _with_limits(spread, scales, chains) if spread else {}
    found |= {k: _chance(v, chains) for k, v in draws.items() if scales[k] == "chance"}
    return MappingProxyType({name: found[name] for name in draws})


def _with_limits(
    draws: Mapping[str, np.ndarray], scales: Mapping[str, str], chains: int
) -> dict[str, Answered]:
    # one array for all: as many single variables would take twice as long
    data = _dataset(np.stack(list(draws.values()), axis=1), chains)
    ends = (0.5 - LEVEL / 2.0, 0.5 + LEVEL / 2.0)
    errors = [mcse(data, method="median")]
    errors += [mcse(data, method="quantile", prob=p) for p in ends]
    sizes = [ess(data, method=method) for method in ("bulk", "tail")]
    judged = [found["x"].to_numpy() for found in (*errors, rhat(data), *sizes)]
    found = {}
    for number, (name, values) in enumerate(draws.items()):
        working = np.log(values) if scales[name] == "log" else values
        *error, agreement, bulk, tail = (float(own[number]) for own in judged)
        found[name] = Answered(
            *map(float, np.quantile(values, [0.5, *ends])),
            *error,
            float(working.mean()),
            float(working.std()),
            agreement,
            min(bulk, tail),
        )
    return found


def by_chain(values: np.ndarray, chains: int) -> np.ndarray:
    """Draws that stand chain after chain, ``(draws, ...)``, as ``(chains, draws, ...)``.

    Thinned draws may leave a few over, which are cut off.
    """
    length = len(values) // chains
    return values[: length * chains].reshape(chains, length, *values.shape[1:])


def _dataset(values: np.ndarray, chains: int) -> Any:
    tree = from_dict({"posterior": {"x": by_chain(values, chains)}})
    return tree["posterior"].to_dataset()


def _chance(values: np.ndarray, chains: int) -> Answered:
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
    return Answered(p, nan, nan, error, nan, nan, p, sd, nan, nan)


def answer_word(item: Conclusion, found: Answered, error: float = 0.0) -> str:
    """The answer in words; empty where a conclusion is a number alone.

    Parameters
    ----------
    item : Conclusion
    found : Answered
    error : float
        Monte Carlo standard errors by which the deciding numbers are moved.
    """
    if item.scale == "chance":
        p = found.estimate + error * found.estimate_error
        if p >= SHOWN:
            return "shown"
        if p <= 1.0 - SHOWN:
            return "excluded"
        return "more likely than not" if p > 0.5 else "less likely than not"
    if item.words is None or item.null is None:
        return ""
    lower = found.lower + error * found.lower_error
    upper = found.upper + error * found.upper_error
    return item.words[0 if upper < item.null else 2 if lower > item.null else 1]
