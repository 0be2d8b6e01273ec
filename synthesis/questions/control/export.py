"""Priors as text for other software: calls of the R package RBesT, and JSON.

Numbers are written so that reading them gives the same number again.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from textwrap import wrap
from typing import TYPE_CHECKING, Any

from studies import Registry
from synthesis import numbers
from synthesis.fits import run_facts
from synthesis.questions.control.mixtures import (
    FITTED,
    PARAMETERS,
    UNIT_SD,
    UNITS,
    VAGUE,
    Mixture,
    named_components,
)
from synthesis.result import RESEARCH_USE

if TYPE_CHECKING:
    from synthesis.questions.control import Behind, ControlPrior, HistoricalControl

#: Sentences of an endpoint; title and sentence of a prior by its name; ``common`` to all.
Words = Mapping[str, Sequence[str]]

_CALLS = {"beta": "mixbeta", "normal": "mixnorm", "gamma": "mixgamma"}
# What a call is given besides its components; how RBesT calls the kind; what it sets on a fit.
_FURTHER = {"beta": "", "normal": f"sigma = {UNIT_SD!r}", "gamma": 'likelihood = "exp"'}
_TYPES = {"beta": "beta", "normal": "norm", "gamma": "gamma"}
_SETS = {"beta": "", "normal": f"sigma({{}}) <- {UNIT_SD!r}", "gamma": 'likelihood({}) <- "exp"'}


def as_r(answer: HistoricalControl, words: Words) -> str:
    """Priors as R code that can be sourced: objects of RBesT, and what it needs to go on.

    A prior is called after its endpoint and quantity (``os_survival_6m``), its robust version has
    ``_robust`` behind it. Normal ones have the reference standard deviation of one event, gamma
    ones the exponential likelihood, so that ``ess(..., method = "moment")`` gives the sizes in the
    comments. Then mixtures as close as ``automixfit`` chooses are fitted to the exported draws.
    """
    lines = [*_comment(RESEARCH_USE), "#", *_comment(_READS), "", "library(RBesT)"]
    for endpoint in answer.behind:
        lines += ["", *_comment(*words[endpoint])]
        for prior in answer.of(endpoint):
            lines += ["", *_comment(": ".join(words[prior.name]))]
            for version, mixture in prior.mixtures.items():
                name = prior.name if version == FITTED else f"{prior.name}_{version}"
                lines += _call(name, version, mixture)
    lines += ["", *_comment(_GOES_ON), 'draws <- read.csv("tables/historical_control_draws.csv")']
    for prior in answer.priors:
        lines += _fit_lines(prior, answer.robust_weight)
    lines += ["", *_comment(*words["common"])]
    return "\n".join(lines) + "\n"


_READS = (
    "Priors of an arm of a new study for RBesT of R (Weber et al. 2021, doi "
    "10.18637/jss.v100.i19): weight and two parameters of each component."
)
_GOES_ON = (
    "Closer mixtures, as many components as RBesT chooses, fitted to the draws; run this in the "
    "folder of this file."
)


def _call(name: str, version: str, mixture: Mixture) -> list[str]:
    parts = [
        f"{'robust' if label == VAGUE else f'comp{label}'} = c({', '.join(map(repr, component))})"
        for label, component in named_components(version, mixture)
    ]
    parts += [_FURTHER[mixture.kind]] if _FURTHER[mixture.kind] else []
    body = ",\n".join(f"  {part}" for part in parts).splitlines()
    return [f"{name} <- {_CALLS[mixture.kind]}(", *body, ")"]


def _fit_lines(prior: ControlPrior, weight: float) -> list[str]:
    """Lines of R that fit a mixture to the draws of a prior and make it robust."""
    name, kind = f"{prior.name}_mix", prior.of.kind
    lines = ["", f'{name} <- automixfit(na.omit(draws${prior.name}), type = "{_TYPES[kind]}")']
    lines += [_SETS[kind].format(name)] if _SETS[kind] else []
    if weight > 0.0:
        mean = 0.5 if kind == "beta" else prior.fitted.mean
        lines.append(f"{name}_robust <- robustify({name}, weight = {weight!r}, mean = {mean!r})")
    return [*lines, f"ess({name})"]


def _comment(*texts: str) -> list[str]:
    dashes = {ord(numbers.MISSING): "-", ord(numbers.MINUS): "-"}
    return [
        f"# {line}"
        for text in texts
        for line in wrap(text.translate(dashes), 96, break_on_hyphens=False)
    ]


def as_json(
    answer: HistoricalControl, registry: Registry, words: Words, settings: Mapping[str, Any]
) -> str:
    """Priors as JSON with the population, what stands behind them, and how they were made."""
    refs = {ref.study.id for behind in answer.behind.values() for ref in behind.cohorts}
    made = run_facts({"seed": answer.seed} | dict(settings), answer.believed, {})
    del made["fits"]  # what they are worth stands with what is behind each endpoint
    made["registry"] = {
        "fingerprint": registry.fingerprint,
        "vocabulary": registry.vocabulary_fingerprint,
        "conversions": [f"{rule.from_}:{rule.to}" for rule in registry.conversions],
        "studies": {name: registry.fingerprints[name] for name in sorted(refs)},
    }
    content = {
        "kind": "historical control",
        "research_use": RESEARCH_USE,
        "population": vars(answer.population),
        "robust_weight": answer.robust_weight,
        "priors": [_prior_entry(prior, words) for prior in answer.priors],
        "behind": {
            name: _behind_entry(behind, words[name], answer.verdicts[name])
            for name, behind in answer.behind.items()
        },
        "notes": list(words["common"]),
        "made": made,
    }
    # NaN is no JSON: whatever is not known is left out where it would stand
    return json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def _prior_entry(prior: ControlPrior, words: Words) -> dict[str, Any]:
    return {
        "name": prior.name,
        "title": words[prior.name][0],
        "endpoint": prior.endpoint,
        "treatment": prior.treatment,
        "quantity": prior.quantity,
        "target": "new_study",
        "words": words[prior.name][1],
        "mixtures": {
            version: _mixture_entry(version, mixture) for version, mixture in prior.mixtures.items()
        },
        "check": {
            "largest_difference": prior.difference,
            "draws": int(prior.draws.size),
            "quantiles": prior.check.to_dict("records"),
        },
    }


def _mixture_entry(version: str, mixture: Mixture) -> dict[str, Any]:
    first, second = PARAMETERS[mixture.kind]
    median, lower, upper = mixture.quantile((0.5, 0.025, 0.975)).tolist()
    sd = {"reference_sd": UNIT_SD} if mixture.kind == "normal" else {}
    return {
        "distribution": mixture.kind,
        "components": [
            {"component": name, "weight": weight, first: one, second: two}
            for name, (weight, one, two) in named_components(version, mixture)
        ],
        "mean": mixture.mean,
        "sd": mixture.sd,
        "median": median,
        "interval_95": [lower, upper],
        "ess": {"moment": mixture.size(), "unit": UNITS[mixture.kind]},
    } | sd


def _behind_entry(behind: Behind, words: Sequence[str], verdict: str) -> dict[str, Any]:
    return {
        "treatment": behind.label,
        "chosen": behind.why,
        "words": list(words),
        "study_sd": vars(behind.study_sd),
        "families": dict(behind.families),
        "verdict": verdict,
        "cohorts": [
            {
                "id": ref.id,
                "label": ref.label,
                "design": ref.study.design,
                "patients": behind.patients[ref.id],
            }
            for ref in behind.cohorts
        ],
    }
