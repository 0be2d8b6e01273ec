"""Priors as text for other software: calls of the R package RBesT, and JSON.

Numbers are written so that reading them gives the same number again.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from textwrap import wrap
from typing import Any

from studies.vocabulary import Vocabulary
from synthesis.historical.words import common_words, control_words, prior_words, quantity_title
from synthesis.questions.control import (
    FITTED,
    VAGUE,
    ControlPrior,
    HistoricalControl,
    component_names,
    reference_sd,
)
from synthesis.questions.control.mixtures import PARAMETERS, UNIT_SD, Mixture
from synthesis.result import RESEARCH_USE

_CALLS = {"beta": "mixbeta", "normal": "mixnorm", "gamma": "mixgamma"}
# What a call is told besides its components.
_FURTHER = {"beta": (), "normal": (f"sigma = {UNIT_SD!r}",), "gamma": ('likelihood = "exp"',)}


def as_r(found: HistoricalControl, vocabulary: Vocabulary) -> str:
    """Priors as R code that can be sourced: an object of RBesT for each mixture.

    A prior is called after its endpoint and quantity (``os_survival_6m``), its robust version has
    ``_robust`` behind it. Normal mixtures have the reference standard deviation of one event, gamma
    mixtures the exponential likelihood, so that ``ess()`` gives the sizes in the comments.

    Parameters
    ----------
    found : HistoricalControl
    vocabulary : Vocabulary
    """
    lines = [*_comment(RESEARCH_USE), "#", *_comment(_READS), "", "library(RBesT)"]
    said = control_words(found, vocabulary)
    for endpoint in found.behind:
        lines += ["", *(line for text in said[endpoint] for line in _comment(text))]
        for prior in found.of(endpoint):
            lines += ["", *_comment(f"{quantity_title(prior, vocabulary)}.")]
            lines += _comment(prior_words(found, prior))
            for version, mixture in prior.mixtures.items():
                lines += _call(r_name(prior, version), version, mixture)
    lines += ["", *(line for text in common_words(found) for line in _comment(text))]
    return "\n".join(lines) + "\n"


_READS = (
    "Priors of an arm of a new study for RBesT of R (Weber et al. 2021, doi "
    "10.18637/jss.v100.i19): weight and two parameters of each component."
)


def r_name(prior: ControlPrior, version: str) -> str:
    """Name of the object of one mixture."""
    return prior.name if version == FITTED else f"{prior.name}_{version}"


def _call(name: str, version: str, mixture: Mixture) -> list[str]:
    names = component_names(version, mixture)
    parts = [
        f"  {'robust' if own == VAGUE else f'comp{own}'} = c({', '.join(map(repr, component))})"
        for own, component in zip(names, mixture.components, strict=True)
    ]
    head = f"{name} <- {_CALLS[mixture.kind]}("
    parts += [f"  {own}" for own in _FURTHER[mixture.kind]]
    return [head, *(f"{part}," for part in parts[:-1]), parts[-1], ")"]


def _comment(text: str) -> list[str]:
    return [f"# {line}" for line in wrap(text, 96, break_on_hyphens=False)]


def as_json(found: HistoricalControl, vocabulary: Vocabulary, made: Mapping[str, Any]) -> str:
    """Priors as JSON with the population, what stands behind them, and how they were made.

    Parameters
    ----------
    found : HistoricalControl
    vocabulary : Vocabulary
    made : mapping
        Fingerprints, versions and settings, ready for JSON.
    """
    said = control_words(found, vocabulary)
    content = {
        "kind": "historical control",
        "research_use": RESEARCH_USE,
        "population": vars(found.population),
        "robust_weight": found.robust_weight,
        "priors": [_prior(found, prior, vocabulary) for prior in found.priors],
        "behind": {name: _behind(found, name, said[name]) for name in found.behind},
        "notes": list(common_words(found)),
        "made": dict(made),
    }
    # NaN is no JSON: whatever is not known is left out where it would stand
    return json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def _prior(found: HistoricalControl, prior: ControlPrior, vocabulary: Vocabulary) -> dict[str, Any]:
    table = found.summary
    own = table[(table["endpoint"] == prior.endpoint) & (table["quantity"] == prior.quantity)]
    rows = {row.version: row for row in own.itertuples(index=False)}
    return {
        "name": prior.name,
        "title": quantity_title(prior, vocabulary),
        "endpoint": prior.endpoint,
        "treatment": prior.treatment,
        "quantity": prior.quantity,
        "target": "new_study",
        "words": prior_words(found, prior),
        "mixtures": {
            version: _mixture(version, mixture, rows[version])
            for version, mixture in prior.mixtures.items()
        },
        "check": {
            "largest_difference": prior.fit.difference,
            "draws": int(prior.draws.size),
            "quantiles": prior.fit.quantiles.to_dict("records"),
            "criterion_by_components": {str(k): v for k, v in prior.fit.criteria.items()},
        },
    }


def _mixture(version: str, mixture: Mixture, row: Any) -> dict[str, Any]:
    first, second = PARAMETERS[mixture.kind]
    names = component_names(version, mixture)
    found: dict[str, Any] = {
        "distribution": mixture.kind,
        "components": [
            {"component": name, "weight": weight, first: one, second: two}
            for name, (weight, one, two) in zip(names, mixture.components, strict=True)
        ],
        "mean": row.mean,
        "sd": row.sd,
        "median": row.median,
        "interval_95": [row.lower, row.upper],
        "ess": {"elir": row.ess_elir, "moment": row.ess_moment, "unit": row.ess_unit},
    }
    sd = reference_sd(mixture)
    return found if math.isnan(sd) else found | {"reference_sd": sd}


def _behind(found: HistoricalControl, endpoint: str, words: tuple[str, ...]) -> dict[str, Any]:
    behind = found.behind[endpoint]
    return {
        "treatment": behind.label,
        "chosen": behind.why,
        "words": list(words),
        "study_sd": vars(behind.study_sd),
        "families": dict(behind.families),
        "verdict": behind.verdict,
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
