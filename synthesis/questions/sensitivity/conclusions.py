"""The question that is asked of every fit, and what its draws answer.

Medians are those of the mean study at the reference mix of histology. A treatment that has no
cohort under a choice has no answer there: what the model expects of a treatment that it has never
seen is no estimate of that treatment.

A conclusion *changes* where its answer is another one. The answer of a ratio or a difference is
whether its 95 % interval lies below no effect, holds it, or lies above it; that of a probability is
whether it is at least 0.975 (shown), above a half, at most a half, or at most 0.025 (excluded);
that of a pooled median, whether it lies in the interval of the base. Where a number decides that
lies within two Monte Carlo standard errors of its limit, the answer is *at the limit* and counts as
no change.

How much prior and likelihood say is measured without a refit, by power-scaling: the posterior is
made anew with the prior, or the likelihood, raised to a power near one, by Pareto-smoothed
importance weights of the draws, and the distance between the old and the new distribution of a
conclusion (cumulative Jensen-Shannon, per doubling of the power) is the sensitivity (Kallioinen,
Paananen, Bürkner & Vehtari 2023, doi 10.1007/s11222-023-10366-5). Of a hierarchy only the named
priors are scaled: the effects of classes, treatments, studies and cohorts given their spread belong
neither to what was believed before nor to what was printed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, Literal, NamedTuple

import numpy as np
from arviz import ess, from_dict, mcse, psense, rhat
from scipy.special import logit
from xarray import DataTree

from studies.vocabulary import Vocabulary
from synthesis.estimands import LEVEL, Group, NamedGroup, curve, quantiles, reference_share
from synthesis.fits import SurvivalFit, used_priors
from synthesis.left_out import log_likelihood_as_drawn
from synthesis.model.covariates import COVARIATES
from synthesis.model.observations import SurvivalData
from synthesis.model.survival import PRIOR_OF, SHAPE_PRIOR, TAIL_PRIOR
from synthesis.numbers import in_sentence
from synthesis.questions.contrasts import (
    GAIN,
    SURVIVAL_CONTRASTS,
    NotComparedError,
    choose_reference,
    survival_contrast,
    treatments_by_id,
    treatments_of,
)
from synthesis.result import NotAnsweredError

RATIO, DIFFERENCE, CHANCE = "ratio_of_medians", GAIN, "p_gain"
PROGNOSTIC, PREDICTIVE, MEDIAN = "prognostic_ratio", "predictive_ratio", "median_months"

#: Probability from which a gain counts as shown; below its complement it counts as excluded.
SHOWN = 0.5 + LEVEL / 2.0

CHANGES, AT_THE_LIMIT, SAME, NO_ANSWER = "changes", "at the limit", "", "no answer"

#: Monte Carlo standard errors by which a number may miss a limit.
ERRORS = 2.0


class Treatment(NamedTuple):
    """A treatment of the question: its identifier in the vocabulary, and its label."""

    id: str
    label: str


@dataclass(frozen=True)
class Conclusion:
    """One number that is looked at under every choice.

    Attributes
    ----------
    name, label : str
        Its kind, with the treatment behind a colon where there are several; what is estimated.
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


@dataclass(frozen=True)
class Question:
    """What is asked of every fit.

    Attributes
    ----------
    delta, reference_mix : float
        Months of gain; share of mixed histology of the population, 0 to 1.
    conclusions : tuple of Conclusion
        The numbers that are looked at, in order of display.
    tells_histology : bool
        Whether any counted cohort of the base tells its histology.
    """

    endpoint: str
    treatment: Treatment
    reference: Treatment
    delta: float
    reference_mix: float
    conclusions: tuple[Conclusion, ...]
    tells_histology: bool


def _of_pair(pair: tuple[Treatment, Treatment], delta: float) -> Iterator[Conclusion]:
    one, other = (in_sentence(own.label) for own in pair)
    against = f"{one} against {other}"
    words = (f"shorter under {one}", "either may be longer", f"longer under {one}")
    yield Conclusion(RATIO, f"Ratio of medians, {against}", pair, words=words)
    label = f"Difference of medians in months, {against}"
    yield Conclusion(DIFFERENCE, label, pair, "linear", words)
    months = f"{delta:g} month{'' if delta == 1.0 else 's'}"
    label = f"Probability of a median more than {months} longer, {against}"
    yield Conclusion(CHANCE, label, pair, "chance")


def _of_histology(split: Sequence[Treatment]) -> Iterator[Conclusion]:
    label = "Ratio of medians, mixed against pure histology under any treatment"
    words = ("shorter with mixed histology", "either may be longer", "longer with mixed histology")
    yield Conclusion(PROGNOSTIC, label, words=words)
    words = ("mixed gain less", "either may gain more", "mixed gain more")
    for own in split:
        label = f"Extra gain of mixed histology under {in_sentence(own.label)}, as a ratio"
        yield Conclusion(f"{PREDICTIVE}:{own.id}", label, (own,), words=words)


class NotAskedError(NotAnsweredError):
    """A question that no fit can answer; the message names what was found and what is possible."""


class _Observed(SimpleNamespace):
    """Observations in the place of a fit: enough to name treatments and their cohorts."""


def ask(
    data: SurvivalData,
    vocabulary: Vocabulary,
    *,
    treatment: str | None = None,
    reference: str | None = None,
    delta: float = 1.0,
    reference_mix: float = 0.4,
) -> Question:
    """Make the question of a sensitivity analysis of the observations of the base.

    `treatment` and `reference` are any names. Otherwise: the treatment of which a report gives pure
    and mixed patients apart, or else that with most cohorts; and the usual reference.
    NotAskedError where one of them is not pooled, or both are the same.
    """
    groups = treatments_by_id(treatments_of(_Observed(data=data), vocabulary))
    named = {name: Treatment(name, group.label) for name, group in groups.items()}
    if len(groups) < 2:
        only = next((own.label for own in named.values()), "none")
        raise NotAskedError(f"there is nothing to compare: pooled treatments: {only}.")
    split = {data.cohorts[arm.cohort].treatment for arm in data.arms if arm.histology == "mixed"}
    against = _wanted(groups, vocabulary, reference)
    others = {name: group for name, group in groups.items() if name != against}
    if treatment is not None:
        chosen = _wanted(groups, vocabulary, treatment)
    else:
        chosen = max(others, key=lambda n: (n in split, len(others[n].cohorts), others[n].patients))
    if chosen == against:
        raise NotAskedError(
            f"{named[chosen].label} would be compared with itself; name another treatment or "
            f"reference. Possible: {', '.join(others)}."
        )
    pair = named[chosen], named[against]
    apart = [own for own in named.values() if own.id in split]
    conclusions = (
        *_of_pair(pair, delta),
        *(_of_histology(apart) if data.tells_histology else ()),
        *(
            Conclusion(
                f"{MEDIAN}:{own.id}", f"Pooled median in months, {in_sentence(own.label)}", (own,)
            )
            for own in named.values()
        ),
    )
    return Question(data.endpoint, *pair, delta, reference_mix, conclusions, data.tells_histology)


def _wanted(groups: Mapping[str, NamedGroup], vocabulary: Vocabulary, wanted: str | None) -> str:
    """Identifier of a pooled treatment by any of its names; of the usual reference for none."""
    try:
        chosen = choose_reference(list(groups.values()), vocabulary, wanted)
    except NotComparedError as error:
        raise NotAskedError(str(error)) from None
    if chosen is None:
        raise NotAskedError(f"no cohort of {wanted} is pooled here. Possible: {', '.join(groups)}.")
    return chosen.group.cohorts[0].treatment


# --- Answers -------------------------------------------------------------------------------------


def conclusion_draws(fit: SurvivalFit, question: Question) -> dict[str, np.ndarray]:
    """Draws of every conclusion that a fit can answer, ``(draws,)``: of a probability 0 and 1."""
    known = {name: index for index, name in enumerate(fit.data.treatments)}
    share = reference_share(fit, question.reference_mix)
    asked = {own.id for item in question.conclusions for own in item.treatments}
    curves = {
        name: curve(fit, Group(fit.data.treatment_class[index], index), share, "mean_study")
        for name, index in known.items()
        if name in asked
    }
    draws: dict[str, np.ndarray] = {}
    for item in question.conclusions:
        of = [own.id for own in item.treatments]
        if set(of) - curves.keys():
            continue
        match item.kind:
            case "prognostic_ratio":
                values = np.exp(fit.flat("prognostic"))
            case "predictive_ratio":
                values = np.exp(fit.flat("predictive")[:, known[of[0]]])
            case "median_months":
                values = curves[of[0]].median
            case "p_gain":
                gain = survival_contrast(*(curves[name] for name in of), GAIN)
                values = SURVIVAL_CONTRASTS[GAIN].gain * gain > question.delta
            case name:
                values = survival_contrast(*(curves[name] for name in of), name)
        draws[item.name] = np.asarray(values, dtype=float)
    return draws


@dataclass(frozen=True)
class Estimate:
    """A conclusion under one choice, with the Monte Carlo error of each number.

    Attributes
    ----------
    estimate, lower, upper : float
        Posterior median and 95 % limits; for a probability the probability, without limits. Monte
        Carlo standard errors are those of Vehtari et al. 2021, doi 10.1214/20-BA1221.
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
) -> dict[str, Estimate]:
    """Summarise the draws of :func:`conclusion_draws`: chains one after the other, equally long."""
    logs = {item.name for item in question.conclusions if item.scale == "log"}
    chances = {item.name for item in question.conclusions if item.scale == "chance"}
    answers = {name: _chance(draws[name], chains) for name in chances & draws.keys()}
    limited = {name: values for name, values in draws.items() if name not in chances}
    if not limited:
        return answers
    # one array for all: as many single variables would take twice as long
    data = _dataset(np.stack(list(limited.values()), axis=1), chains)
    limits = [mcse(data, method="quantile", prob=0.5 + side * LEVEL / 2.0) for side in (-1, 1)]
    sizes = [ess(data, method=method) for method in ("bulk", "tail")]
    judged = [mcse(data, method="median"), *limits, rhat(data), *sizes]
    columns = np.stack([own["x"].to_numpy() for own in judged], axis=1).tolist()
    for (name, values), (*errors, agreement, bulk, tail) in zip(
        limited.items(), columns, strict=True
    ):
        working = np.log(values) if name in logs else values
        spread = float(working.mean()), float(working.std())
        ends = quantiles(values).tolist()
        answers[name] = Estimate(*ends, *errors, *spread, agreement, min(bulk, tail))
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
    """The answer under a choice, in words, with the deciding numbers moved by so many errors."""
    estimate = own.estimate + error * own.estimate_error
    if item.scale == "chance":
        if estimate >= SHOWN or estimate <= 1.0 - SHOWN:
            return "shown" if estimate >= SHOWN else "excluded"
        return "more likely than not" if estimate > 0.5 else "less likely than not"
    if item.words is None:
        inside = base.lower <= estimate <= base.upper
        return f"{'within' if inside else 'outside'} the interval of the base"
    null = 1.0 if item.scale == "log" else 0.0
    lower = own.lower + error * own.lower_error
    upper = own.upper + error * own.upper_error
    return item.words[0 if upper < null else 2 if lower > null else 1]


def change_of(item: Conclusion, own: Estimate, base: Estimate) -> str:
    """Whether a choice changes a conclusion: `CHANGES`, `AT_THE_LIMIT` or `SAME`."""
    if answer_word(item, own, base) == answer_word(item, base, base):
        return SAME
    about = (-ERRORS, 0.0, ERRORS)
    here, there = ({answer_word(item, a, base, e) for e in about} for a in (own, base))
    return AT_THE_LIMIT if here & there else CHANGES


# --- Power-scaling -------------------------------------------------------------------------------

#: From here on a part is sensitive.
SENSITIVE = 0.05

#: All named priors together, in the place of the name of one.
ALL = "all"

_DIAGNOSES = {
    (True, True): "prior and data differ",
    (True, False): "the prior speaks",
    (False, True): "the data speak",
    (False, False): "neither is sensitive",
}
_ALPHAS = (0.99, 1.01)  # powers between which sensitivity is measured


def diagnosis_of(prior: float, likelihood: float) -> str:
    """What sensitivities to prior and likelihood say together."""
    return _DIAGNOSES[prior >= SENSITIVE, likelihood >= SENSITIVE]


def power_scaling(fit: SurvivalFit, question: Question) -> list[dict[str, Any]]:
    """Sensitivity of every conclusion to all its priors, to each of them, and to the likelihood.

    Both are the change of the distribution per doubling of the power: columns ``conclusion``,
    ``prior``, ``prior_sensitivity`` and ``likelihood_sensitivity``.
    """
    tree = scaling_tree(fit, question)
    names = list(tree["log_prior"].data_vars)
    likelihood = psense(tree, group="likelihood", alphas=_ALPHAS)
    prior = {
        part: psense(tree, group="prior", group_var_names=scaled, alphas=_ALPHAS)
        for part, scaled in ({ALL: names} | {name: [name] for name in names}).items()
    }
    return [
        {
            "conclusion": name,
            "prior": part,
            "prior_sensitivity": float(prior[part][name]),
            "likelihood_sensitivity": float(likelihood[name]),
        }
        for name in tree["posterior"].data_vars
        for part in prior
    ]


def scaling_tree(fit: SurvivalFit, question: Question) -> DataTree:
    """Draws of the conclusions with the log densities of priors and cohorts.

    Groups ``posterior`` (conclusions on the scale on which they are judged), ``log_prior`` (a
    variable a named prior) and ``log_likelihood`` (a variable, one entry a cohort).
    """
    items = {item.name: item for item in question.conclusions}
    groups = {
        "posterior": {
            name: np.log(values) if items[name].scale == "log" else values
            for name, values in conclusion_draws(fit, question).items()
            if items[name].kind != CHANCE  # its draws are those of the difference
        },
        "log_prior": log_priors(fit),
        "log_likelihood": {"printed_figures": log_likelihood_as_drawn(fit)},
    }
    chains = fit.tree["posterior"].sizes["chain"]
    return from_dict(
        {
            group: {name: by_chain(values, chains) for name, values in variables.items()}
            for group, variables in groups.items()
        },
        dims={"printed_figures": ["cohort"]},
        coords={"cohort": [ref.id for ref in fit.data.cohorts]},
    )


def log_priors(fit: SurvivalFit) -> dict[str, np.ndarray]:
    """Log density of every named prior at every draw, up to a constant, ``(draws,)`` each.

    Only priors that the likelihood can reach; one that several quantities share (a treatment each,
    a cohort each) is the sum over them. A normal and a half-normal have the same density up to a
    constant, where they have one.
    """
    own = {SHAPE_PRIOR[fit.family.name]: "shape_mean"}
    if fit.family.has_tail:
        own[TAIL_PRIOR[fit.family.name]] = "tail_mean"
    variables = {prior: variable for variable, prior in PRIOR_OF.items()} | own
    unknown = {arm.cohort: i for i, arm in enumerate(fit.data.arms) if arm.share is None}
    densities = {}
    for name in used_priors({"": fit}):
        variable = variables[name]
        if name == "mixed_share":
            if not unknown:
                continue
            share = fit.flat("mixed_share")[:, [*unknown.values()]]
            values = logit(np.clip(share, 1e-12, 1.0 - 1e-12))
        elif variable in COVARIATES:
            values = fit.flat("covariate_effect")[:, list(COVARIATES).index(variable)]
        else:
            values = fit.flat(variable)
        squares = ((values - fit.priors[name].location) / fit.priors[name].scale) ** 2
        densities[name] = -0.5 * squares.reshape(len(squares), -1).sum(axis=1)
    return densities
