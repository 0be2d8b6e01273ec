"""Refits under every specification: one compiled model, each result kept as soon as it is there.

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
from xarray import DataTree

from studies import Registry
from synthesis.estimands import curve
from synthesis.fits import SurvivalFit, centre_share
from synthesis.left_out import log_likelihood_as_drawn
from synthesis.model import sampler
from synthesis.model.arrays import Sizes, sizes_for
from synthesis.model.families import family
from synthesis.model.observations import SurvivalData
from synthesis.model.sampler import Diagnosis, Problem, Progress, SamplerSettings, diagnose, run
from synthesis.model.survival import survival_problem
from synthesis.questions.contrasts import survival_contrast
from synthesis.questions.sensitivity.conclusions import (
    Estimate,
    Question,
    answers_of,
    conclusion_draws,
    power_scaling,
)
from synthesis.questions.sensitivity.specifications import BASE, Base, Specification, observe
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
    base: Base
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
    base: Base
    question: Question
    specifications: tuple[Specification, ...]
    settings: SamplerSettings = REFIT
    base_settings: SamplerSettings = BASE_DRAWS

    def prepare(self) -> tuple[list[Prepared], list[Specification]]:
        """The base and every specification that can be fitted, and those that leave no cohort."""
        made, impossible = [], []
        for specification in (BASE, *self.specifications):
            base = specification.apply(self.base)
            data = observe(self.registry, base.endpoint, base.counting)
            if data.cohorts:
                made.append((specification, base, data))
            else:
                impossible.append(specification)
        sizes = sizes_for([data for *_, data in made])
        return [Prepared(*parts, sizes) for parts in made], impossible


#: What makes a fit.
Fitter = Callable[[Prepared, SamplerSettings], SurvivalFit]


def sample(prepared: Prepared, settings: SamplerSettings) -> SurvivalFit:
    """Fit a specification once, whatever its draws are worth; only the base is judged whole.

    KeyboardInterrupt where the sampler was interrupted: it then hands over what it has.
    """
    draws, base = run(prepared.problem, settings, cache=False), prepared.base
    if draws.tree["posterior"].sizes["draw"] < settings.draws:
        raise KeyboardInterrupt
    is_base = prepared.specification is BASE
    diagnosis = diagnose(draws.tree) if is_base else _not_judged(draws.tree, settings)
    chosen, centre = family(base.family), centre_share(base.priors)
    return SurvivalFit(
        prepared.data, (), base.priors, chosen, draws, diagnosis, centre, base.variant
    )


def _not_judged(tree: DataTree, settings: SamplerSettings) -> Diagnosis:
    """Every number that is shown is judged by itself; all others would cost half a refit more."""
    divergences, nan = int(tree["sample_stats"]["diverging"].sum()), float("nan")
    sizes = settings.draws, settings.chains
    return Diagnosis("REVIEW", nan, "", nan, nan, divergences, nan, *sizes, "not judged")


# --- Running -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Refit:
    """What one specification gave.

    Attributes
    ----------
    answers : mapping
        Name of a conclusion -> estimate; without those that cannot be answered.
    cohorts, patients, counted_instead : int, int, tuple of str
        What is counted; labels of reports that are counted here and not in the base.
    reliable : bool
        Whether the chains agree on every number.
    from_store, changes_nothing : bool
        Whether it was read back; whether every array of the model is that of the base, so that
        nothing was refitted.
    extra : mapping
        Power-scaling, verdict and advice of the base; empty elsewhere.
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
    used = (answers_of, survival_contrast, curve, log_likelihood_as_drawn)
    for source in (__file__, *map(inspect.getfile, used)):
        digest.update(Path(source).read_bytes())
    return digest.hexdigest()


def _made(
    item: Prepared, settings: SamplerSettings, question: Question, fitter: Fitter
) -> dict[str, Any]:
    """Fit until the chains agree on every number that is shown, or for the last time."""
    is_base = item.specification is BASE
    for left in reversed(range(_ATTEMPTS[is_base])):
        fit = fitter(item, settings)
        answers = answers_of(conclusion_draws(fit, question), question, settings.chains)
        reliable = _agrees(answers, fit.diagnosis.divergences, settings)
        # the base is judged as a report judges its fits
        if not left or (reliable and not (is_base and fit.diagnosis.verdict != "PASS")):
            break
        settings = replace(
            settings,
            draws=2 * settings.draws,
            tune=2 * settings.tune,
            target_accept=1.0 - (1.0 - settings.target_accept) / 2.0,
        )
    diagnosis = {"verdict": fit.diagnosis.verdict, "advice": fit.diagnosis.advice}
    return {
        "answers": {name: asdict(own) for name, own in answers.items()},
        "reliable": reliable,
        "extra": {"power_scaling": power_scaling(fit, question)} | diagnosis if is_base else {},
    }


def _agrees(answers: Mapping[str, Estimate], divergences: int, settings: SamplerSettings) -> bool:
    # a probability is judged with the difference that it is of
    judged = [own for own in answers.values() if not math.isnan(own.lower)]
    agree = all(own.rhat < RHAT and own.ess >= ESS for own in judged)
    return agree and divergences <= DIVERGENT * settings.draws * settings.chains
