"""Refits under every specification, and what their draws answer.

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

All data sets are laid out at the sizes that hold the largest of them, and family, priors and
variants are data of the model: nothing is compiled a second time. A refit takes fewer draws than
the base, as many as make the Monte Carlo error small beside the width of an interval; it is made
again with twice as many where the chains of a number that is shown disagree.

A result is a few kilobytes of JSON under the fingerprint of everything that determines it: the
arrays of the model, the settings of the sampler, versions and the code of model and estimands. The
draws themselves are not kept.
"""

from __future__ import annotations

import hashlib
import inspect
import json
import math
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from arviz import ess, from_dict, mcse, psense, rhat
from scipy.special import logit
from xarray import DataTree

from studies import Registry
from synthesis.estimands import LEVEL, Group, curve, quantiles, reference_share
from synthesis.fits import SurvivalFit, centre_share, smaller_steps, used_priors
from synthesis.left_out import log_likelihood_as_drawn
from synthesis.model import sampler
from synthesis.model.arrays import Sizes, sizes_for
from synthesis.model.covariates import COVARIATES
from synthesis.model.families import family
from synthesis.model.observations import SurvivalData
from synthesis.model.sampler import Diagnosis, Problem, Progress, SamplerSettings, diagnose, run
from synthesis.model.survival import PRIOR_OF, SHAPE_PRIOR, TAIL_PRIOR, survival_problem
from synthesis.questions.contrasts import SURVIVAL_CONTRASTS, survival_contrast
from synthesis.questions.sensitivity import specifications as spec
from synthesis.questions.sensitivity.specifications import Conclusion, Question, Specification
from synthesis.staging import OutputError, staged_file

#: Of a refit: Monte Carlo errors of about a twentieth of a posterior standard deviation.
REFIT = SamplerSettings(draws=300, tune=200, chains=4, target_accept=0.9)

#: Of the base, against which everything is set.
BASE_DRAWS = SamplerSettings(draws=1500, tune=1000, chains=4, target_accept=0.97)

#: Families that take some twenty times as long as the others, and so get half as many chains: the
#: incomplete gamma function has no closed form.
COSTLY = frozenset({"generalised gamma"})

#: A number is relied on below this R-hat and from this effective size on (Vehtari et al. 2021,
#: doi 10.1214/20-BA1221, less strictly for what is only compared), and with few divergences.
RHAT, ESS, DIVERGENT = 1.05, 100.0, 0.01

_ATTEMPTS = {True: 3, False: 2}  # of the base, of a refit


def settings_of(seed: int | None, draws: int | None) -> tuple[SamplerSettings, SamplerSettings]:
    """Settings of a refit, and of the base with as many times more draws as without `draws`."""
    seed = REFIT.seed if seed is None else seed
    draws = REFIT.draws if draws is None else draws
    of_base = replace(BASE_DRAWS, seed=seed, draws=draws * (BASE_DRAWS.draws // REFIT.draws))
    return replace(REFIT, seed=seed, draws=draws), of_base


# --- What is fitted ------------------------------------------------------------------------------


@dataclass(frozen=True)
class Prepared:
    """A specification with its observations and everything else that a fit needs."""

    specification: Specification
    base: spec.Base
    data: SurvivalData
    sizes: Sizes

    @cached_property
    def problem(self) -> Problem:
        """The model with its data."""
        priors, data = self.base.priors, self.data
        if not data.tells_histology:  # the term for it falls away: all are at the centre
            data = data.at_share(centre_share(priors))
        chosen = family(self.base.family)
        return survival_problem(data, priors, chosen, self.sizes, self.base.variant)


@dataclass(frozen=True)
class Job:
    """A base, its question, what is tried instead, and settings of the refits and of the base."""

    registry: Registry
    base: spec.Base
    question: Question
    specifications: tuple[Specification, ...]
    settings: SamplerSettings = REFIT
    base_settings: SamplerSettings = BASE_DRAWS

    def prepare(self) -> tuple[list[Prepared], list[Specification]]:
        """The base and every specification that can be fitted, and those that leave no cohort."""
        tried = []
        for specification in (spec.BASE, *self.specifications):
            base = specification.apply(self.base)
            data = spec.observe(self.registry, base.endpoint, base.counting)
            tried.append((specification, base, data))
        sizes = sizes_for([data for *_, data in tried if data.cohorts])
        prepared = [Prepared(*parts, sizes) for parts in tried if parts[-1].cohorts]
        return prepared, [own for own, _, data in tried if not data.cohorts]


#: What makes a fit.
Fitter = Callable[[Prepared, SamplerSettings], SurvivalFit]


def sample(prepared: Prepared, settings: SamplerSettings) -> SurvivalFit:
    """Fit a specification once, whatever its draws are worth; only the base is judged whole.

    KeyboardInterrupt where the sampler was interrupted: it then hands over what it has.
    """
    draws, base = run(prepared.problem, settings, cache=False), prepared.base
    if draws.tree["posterior"].sizes["draw"] < settings.draws:
        raise KeyboardInterrupt
    if prepared.specification is spec.BASE:
        diagnosis = diagnose(draws.tree)
    else:  # numbers that are shown are judged by themselves; all others would cost half a refit
        divergences, nan = int(draws.tree["sample_stats"]["diverging"].sum()), float("nan")
        sizes = settings.draws, settings.chains
        of_all = nan, "", nan, nan, divergences, nan
        diagnosis = Diagnosis("REVIEW", *of_all, *sizes, "not judged")
    chosen, centre = family(base.family), centre_share(base.priors)
    return SurvivalFit(
        prepared.data, (), base.priors, chosen, draws, diagnosis, centre, base.variant
    )


# --- Running -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Refit:
    """What one specification gave.

    `answers` are by the name of a conclusion, without those that cannot be answered.
    `counted_instead`: labels of reports that are counted here and not in the base; `reliable`:
    whether the chains agree on every number; `from_store`: whether it was read back;
    `changes_nothing`: whether every array of the model is that of the base, so that nothing was
    refitted; `extra`: power-scaling, verdict and advice of the base.
    """

    specification: Specification
    answers: Mapping[str, Estimate] = field(default_factory=dict)
    cohorts: int = 0
    patients: int = 0
    counted_instead: tuple[str, ...] = ()
    reliable: bool = True
    from_store: bool = False
    changes_nothing: bool = False
    extra: Mapping[str, Any] = field(default_factory=dict)


class InterruptedRunError(KeyboardInterrupt):
    """An interrupt between or within refits; `sentence` says how many results are on disk."""

    sentence = property(str)


def run_specifications(
    job: Job,
    store: Path | None,
    *,
    fitter: Fitter = sample,
    progress: Progress | None = None,
) -> list[Refit]:
    """Refit under every specification: the base first, those that leave no cohort last.

    Results are read from the folder `store`, or kept there as soon as they are made. `progress` is
    called with a sentence at each refit. InterruptedRunError on an interrupt.
    """
    tell = progress or (lambda _: None)
    tell("laying out the observations of every choice")
    prepared, impossible = job.prepare()
    refits: list[Refit] = []
    took: list[float] = []
    try:
        for number, item in enumerate(prepared):
            words = f"fit {number + 1} of {len(prepared)}: {item.specification.label}"
            if took:
                left = (len(prepared) - number) * sum(took) / len(took)
                words += f" ({time_words(left)} left)"
            tell(words)
            if refits and _same(item.problem, prepared[0].problem):
                same = replace(refits[0], specification=item.specification, changes_nothing=True)
                refits.append(same)
                continue
            started = time.perf_counter()
            refits.append(_refit(job, store, fitter, prepared[0], item))
            # the base takes longer than a refit, and what is read back takes no time
            if number and not refits[-1].from_store:
                took.append(time.perf_counter() - started)
    except KeyboardInterrupt:
        kept = "are kept: the same command goes on from there."
        words = kept if store else "were made, and none is kept (--no-cache)."
        raise InterruptedRunError(f"{len(refits)} of {len(prepared)} fits {words}") from None
    return [*refits, *map(Refit, impossible)]


def time_words(seconds: float) -> str:
    """A duration to the accuracy of a guess: ``about 40 s``, ``about 3 min``."""
    if seconds < 90.0:
        return f"about {max(10 * round(seconds / 10.0), 10)} s"
    return f"about {round(seconds / 60.0)} min"


def _same(one: Problem, other: Problem) -> bool:
    """Whether two problems are the same to the last number."""
    return (
        one.kind == other.kind
        and one.labels == other.labels
        and all(np.array_equal(one.values[k], other.values[k]) for k in other.values)
    )


def _refit(job: Job, store: Path | None, fitter: Fitter, base: Prepared, item: Prepared) -> Refit:
    """Read a result back, or make and keep it."""
    settings = job.base_settings if item is base else job.settings
    if item.base.family in COSTLY and base.base.family not in COSTLY:
        settings = replace(settings, chains=max(settings.chains // 2, 2))
    file = store and store / f"{fingerprint(item.problem, settings, job.question)}.json"
    stored = None
    with suppress(OSError, ValueError):
        stored = file and json.loads(file.read_text(encoding="utf-8"))
    made = stored or _made(item, settings, job.question, fitter)
    if file and not stored:  # a folder that cannot be written costs time only
        with suppress(OutputError), staged_file(file) as draft:
            draft.write_text(json.dumps(made), encoding="utf-8")
    counted = {ref.id for ref in base.data.cohorts}
    new = [ref.label for ref in item.data.cohorts if ref.id not in counted]
    answers = {name: Estimate(**own) for name, own in made["answers"].items()}
    return Refit(
        specification=item.specification,
        cohorts=len(item.data.cohorts),
        patients=sum(arm.n for arm in item.data.arms),
        counted_instead=tuple(dict.fromkeys(new)),
        from_store=bool(stored),
        **{**made, "answers": answers},
    )


def fingerprint(problem: Problem, settings: SamplerSettings, question: Question) -> str:
    """SHA-256 of everything that determines a result."""
    digest = hashlib.sha256(sampler.fingerprint(problem, settings).encode())
    digest.update(repr([sorted(problem.labels.items()), asdict(question)]).encode())
    # code that turns draws into the stored numbers
    used = (survival_contrast, curve, log_likelihood_as_drawn)
    for source in (__file__, *map(inspect.getfile, used)):
        digest.update(Path(source).read_bytes())
    return digest.hexdigest()


def _made(
    item: Prepared, settings: SamplerSettings, question: Question, fitter: Fitter
) -> dict[str, Any]:
    """Fit until the chains agree on every number that is shown, or for the last time."""
    is_base = item.specification is spec.BASE
    for left in reversed(range(_ATTEMPTS[is_base])):
        fit = fitter(item, settings)
        answers = answers_of(conclusion_draws(fit, question), question, settings.chains)
        # a probability is judged with the difference that it is of
        judged = [own for own in answers.values() if not math.isnan(own.lower)]
        reliable = all(own.rhat < RHAT and own.ess >= ESS for own in judged)
        most = DIVERGENT * settings.draws * settings.chains
        reliable = reliable and fit.diagnosis.divergences <= most
        # the base is judged as a report judges its fits
        if not left or (reliable and not (is_base and fit.diagnosis.verdict != "PASS")):
            break
        twice = replace(settings, draws=2 * settings.draws, tune=2 * settings.tune)
        settings = smaller_steps(twice)
    diagnosis = {"verdict": fit.diagnosis.verdict, "advice": fit.diagnosis.advice}
    return {
        "answers": {name: asdict(own) for name, own in answers.items()},
        "reliable": reliable,
        "extra": {"power_scaling": power_scaling(fit, question)} | diagnosis if is_base else {},
    }


# --- Answers -------------------------------------------------------------------------------------

#: Probability from which a gain counts as shown; below its complement it counts as excluded.
SHOWN = 0.5 + LEVEL / 2.0

CHANGES, AT_THE_LIMIT, SAME, NO_ANSWER = "changes", "at the limit", "", "no answer"

#: Monte Carlo standard errors by which a number may miss a limit.
ERRORS = 2.0


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
        pair = [curves[name] for name in of]
        match item.kind:
            case "prognostic_ratio":
                values = np.exp(fit.flat("prognostic"))
            case "predictive_ratio":
                values = np.exp(fit.flat("predictive")[:, known[of[0]]])
            case "median_months":
                values = pair[0].median
            case "p_gain":
                gain = SURVIVAL_CONTRASTS[spec.GAIN].gain * survival_contrast(*pair, spec.GAIN)
                values = gain > question.delta
            case name:
                values = survival_contrast(*pair, name)
        draws[item.name] = np.asarray(values, dtype=float)
    return draws


@dataclass(frozen=True)
class Estimate:
    """A conclusion under one choice, with the Monte Carlo error of each number.

    Posterior median and 95 % limits; for a probability the probability, without limits. Monte Carlo
    standard errors are those of Vehtari et al. 2021, doi 10.1214/20-BA1221. ``centre`` and ``sd``
    are posterior mean and standard deviation on the scale on which choices are compared; ``rhat``
    and ``ess``, the smaller of bulk and tail, are of the draws.
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
    """A probability; where all draws of a chain agree its error is that of one in disagreement."""
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

    Both are the change of the distribution per doubling of the power.
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
    """Draws of the conclusions, on their scale, with the log densities of priors and cohorts."""
    items = {item.name: item for item in question.conclusions}
    groups = {
        "posterior": {
            name: np.log(values) if items[name].scale == "log" else values
            for name, values in conclusion_draws(fit, question).items()
            if items[name].kind != spec.CHANCE  # its draws are those of the difference
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

    Only priors that the likelihood can reach; one that several quantities share is the sum over
    them. A normal and a half-normal have the same density up to a constant, where they have one.
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
