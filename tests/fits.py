"""Fits that need no sampler: draws set by hand, or made up, and a registry with choices in it."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import numpy as np
from arviz import from_dict
from registries import by_histology
from small_registry import VOCABULARY, cohort, landmark, median, study, write_registry

from priors import load_priors
from studies import load_registry
from studies.figures import View
from studies.responses import responders
from studies.selection import select
from synthesis.estimands import RESPONSE_ESTIMANDS, estimand
from synthesis.fits import ResponseFit, SurvivalFit, class_order, observe
from synthesis.model.covariates import COVARIATES
from synthesis.model.families import family
from synthesis.model.printed import METHODS
from synthesis.model.response import KEEP as RESPONSE_KEEP
from synthesis.model.response import response_data
from synthesis.model.sampler import Diagnosis, Draws, SamplerSettings
from synthesis.model.survival import KEEP, centre_share

DRAWS = 2000
GOOD = Diagnosis("PASS", 1.0, "mu", 4000.0, 4000.0, 0, 1.0, DRAWS, 1, "")


def observations(registry, endpoint="os"):
    """Observations of a registry, as a fit holds them."""
    chosen = select(registry, endpoint)
    if endpoint == "response":
        counts = [responders(ref.cohort.response, ref.cohort.n) for ref in chosen.counted]
        return response_data(chosen.counted, counts, class_order(registry))
    return observe(registry, View(endpoint, False, False), chosen)


def shapes_of(data):
    """Quantity of a model -> lengths of its dimensions behind chain and draw."""
    levels = getattr(data, "hierarchy", data)
    sizes = {
        "class": len(levels.classes),
        "treatment": len(levels.treatments),
        "study": len(levels.studies),
        "cohort": len(getattr(data, "refs", data.cohorts)),
        "arm": len(getattr(data, "groups", ())),
        "covariate": len(COVARIATES),
        "convention": len(METHODS),
    }
    keep = KEEP if hasattr(data, "arms") else RESPONSE_KEEP
    return {name: tuple(sizes[d] for d in dims) for name, dims in keep.items()}


def fit_of(registry, endpoint="os", *, size=DRAWS, **fixed):
    """Fit without a sampler: every quantity stands still where `fixed` puts it, else at zero.

    A value of `fixed` may be a number, or an array of draws with the dimensions of the quantity.
    """
    return made_fit(observations(registry, endpoint), size=size, **fixed)


def made_fit(data, *, size=DRAWS, **fixed):
    """Fit of these observations without a sampler, as in :func:`fit_of`."""
    variables = {}
    for name, shape in shapes_of(data).items():
        value = np.asarray(fixed.get(name, 0.0), dtype=float)
        variables[name] = np.broadcast_to(value, (1, size, *shape)).copy()
    settings = SamplerSettings(draws=size)
    draws = Draws(from_dict({"posterior": variables}), settings, {}, from_cache=False)
    priors = load_priors()
    if not hasattr(data, "arms"):
        return ResponseFit(data, (), priors, draws, GOOD)
    chosen = family("weibull")
    return SurvivalFit(data, (), priors, chosen, draws, GOOD, centre_share(priors))


# --- A registry with something to choose ---------------------------------------------------------

CHOICE_WORDS = VOCABULARY | {
    "designs": {
        "retrospective": "After the fact.",
        "randomised": "By chance.",
        "prospective_single_arm": "Planned ahead.",
    },
    "lines": {"first-line": "Not treated before.", "pretreated": "Treated before."},
}
INTERVAL = {"ci": "2.1 9.8", "level": "0.95"}
TOLD = INTERVAL | {"ci_method": "log"}


def six_reports():
    """Six reports: a split one, overlapping ones, a trial, landmarks only, a secondary one."""
    groups = by_histology()
    p = {"endpoint": "os", "groups": ["mixed", "pure"], "p": Decimal("0.026")}
    hr = {"endpoint": "os", "groups": ["one", "two"], "hr": Decimal("1.5")}
    hr |= {"hr_ci": [Decimal("0.9"), Decimal("2.5")]}
    marks = [landmark(6, "0.35"), landmark(24, "0.10")]
    early = cohort(n=20, survival=[median("4.0")], line="pretreated")
    late = cohort(n=50, survival=[median("4.4", **INTERVAL)], landmarks=marks)
    arms = [
        cohort("one", "sorafenib", 25, survival=[median("4.0", **TOLD)]),
        cohort("two", "best_care", 40, survival=[median("3.0", **INTERVAL)]),
    ]
    planned = cohort(treatment="best_care", n=60, survival=[median("3.3")])
    return [
        study("split", cohort(n=23, subgroups=groups), comparisons=[p], year=2020),
        study("early", early, year=2022),
        study("late", late, year=2021, overlaps=[{"with": "early", "reason": "One hospital."}]),
        study("trial", *arms, comparisons=[hr], design="randomised"),
        study("marks", cohort(treatment="paclitaxel", n=30, landmarks=[landmark(12, 0.2)])),
        study("planned", planned, design="prospective_single_arm", status="secondary"),
    ]


def choice_registry(tmp_path_factory):
    """The six reports as a registry, for a fixture."""
    folder = tmp_path_factory.mktemp("choices") / "registry"
    return load_registry(write_registry(folder, *six_reports(), vocabulary=CHOICE_WORDS))


# --- Made-up fits --------------------------------------------------------------------------------


def drawn_fit(prepared, settings, *, at=None, divergences=0):
    """A fit whose draws are independent and made up; `at` moves the means of variables."""
    data, base = prepared.data, prepared.base
    rng = np.random.default_rng(settings.seed)
    moved, variables = at or {}, {}
    for name, shape in shapes_of(data).items():
        value = 0.2 * rng.standard_normal((settings.chains, settings.draws, *shape))
        if name.endswith("_sd"):
            value = 0.1 + np.abs(value)
        variables[name] = value + np.asarray(moved.get(name, 0.0))
    variables["mixed_share"] = np.clip(0.4 + 0.3 * variables["mixed_share"], 0.05, 0.95)
    stats = {"diverging": np.zeros((settings.chains, settings.draws), bool)}
    stats["energy"] = rng.standard_normal((settings.chains, settings.draws))
    tree = from_dict(
        {"posterior": variables, "sample_stats": stats},
        coords={"cohort": [ref.id for ref in data.refs]},
        dims={name: list(dims) for name, dims in KEEP.items()},
    )
    size = settings.draws, settings.chains
    verdict = Diagnosis("PASS", 1.0, "mu", 4e3, 4e3, divergences, 1.0, *size, "")
    draws = Draws(tree, settings, {}, from_cache=False)
    centre = centre_share(base.priors)
    chosen = family(base.family)
    return SurvivalFit(data, (), base.priors, chosen, draws, verdict, centre, base.variant)


def means(prepared):
    """Where the draws of a made-up fit lie: without the split report, and as Weibull, elsewhere."""
    data = prepared.data
    gain = 0.0 if prepared.base.family == "weibull" else 0.9
    return {
        "mu": 1.2,
        "treatment_effect": [gain if t == "lenvatinib" else 0.0 for t in data.treatments],
        "prognostic": 1.0 if "split" in data.studies else 0.1,
    }


class Counting:
    """Makes up fits and counts them; interrupts where it is told to."""

    def __init__(self, stop=None, divergences=0):
        self.names, self.settings, self.stop = [], [], stop
        self.divergences = divergences

    def __call__(self, prepared, settings):
        if len(self.names) == self.stop:
            raise KeyboardInterrupt
        self.names.append(prepared.specification.name)
        self.settings.append(settings)
        made = drawn_fit(prepared, settings, at=means(prepared))
        wrong = self.divergences if len(self.names) == 1 else 0
        return replace(made, diagnosis=replace(made.diagnosis, divergences=wrong))


def stage_rates(fit, group, target):
    """Draws of response, of stable disease without one, and of a complete response among them."""
    p, control, complete = (estimand(fit, group, name, target) for name in RESPONSE_ESTIMANDS)
    return p, (control - p) / (1 - p), complete / p
