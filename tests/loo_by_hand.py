"""Fits whose draws are made up, and the predictive density of a cohort by dense grids."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import numpy as np
from arviz import from_dict
from fits import GOOD, INTERVAL
from registries import by_histology, one_by_one
from scipy import stats
from scipy.special import expit, logsumexp
from small_registry import VOCABULARY, cohort, landmark, median, study

from priors import load_priors
from synthesis.fits import SurvivalFit
from synthesis.model.arrays import shared_parts
from synthesis.model.comparisons import Place, comparison_log_likelihood
from synthesis.model.covariates import COVARIATES
from synthesis.model.families import family
from synthesis.model.likelihoods import arm_log_likelihood, listed_patients
from synthesis.model.printed import METHODS
from synthesis.model.sampler import Draws, SamplerSettings
from synthesis.model.survival import centre_share

DESIGNS = VOCABULARY | {
    "designs": {"retrospective": "After the fact.", "randomised": "By chance."},
    "lines": {"first-line": "Not treated before.", "pretreated": "Treated before."},
}


def every_kind():
    """Whole cohorts, a split one, listed patients, randomised and other pairs, lone treatments."""
    groups = by_histology()
    patients = one_by_one("2.0", "11.5", alive="11.5")
    marks = [landmark(12, "0.20")]
    whole = {"survival": [median("4.4", **INTERVAL)], "landmarks": marks}
    arms = [
        cohort("one", n=25, survival=[median("4.0")]),
        cohort("two", "sorafenib", 40, survival=[median("6.0")]),
    ]
    hr = {"endpoint": "os", "groups": ["one", "two"], "hr": Decimal("1.5")}
    hr |= {"hr_ci": [Decimal("0.9"), Decimal("2.5")]}
    pair = [
        cohort("one", n=12, survival=[median("3.0")], line="pretreated"),
        cohort("two", "paclitaxel", 30, survival=[median("3.3", **INTERVAL)]),
    ]
    p = {"endpoint": "os", "groups": ["one", "two"], "p": Decimal("0.04")}
    return [
        study("whole", cohort(n=31, **whole)),
        study(
            "split",
            cohort(n=23, histology={"pure": 15, "mixed": 8}, subgroups=groups),
            comparisons=[{"endpoint": "os", "groups": ["mixed", "pure"], "p": Decimal("0.026")}],
        ),
        study("listed", cohort("arm", "sorafenib", 2, patients=patients)),
        study("trial", *arms, comparisons=[hr], design="randomised"),
        study("pair", *pair, comparisons=[p]),
        study("alone", cohort("arm", "best_care", 50, landmarks=marks)),
    ]


SPREADS = {"study_sd": 0.3, "treatment_sd": 0.4, "class_sd": 0.5, "shape_sd": 0.15}
SPREADS |= {"shape_treatment_sd": 0.2, "prognostic_sd": 0.4}


def drawn(data, name="weibull", *, seed=1, draws=3, variant=None, at=None, **fixed):
    """Fit whose draws are made up, each consistent in itself.

    The log median of each cohort is what its effects make it, or lies near `at`.
    """
    rng = np.random.default_rng(seed)
    sizes = {"class": len(data.hierarchy.classes), "treatment": len(data.hierarchy.treatments)}
    own = {f"{n}_effect": 0.3 * rng.standard_normal((draws, size)) for n, size in sizes.items()}
    own |= {n: np.full(draws, value) for n, value in (SPREADS | fixed).items()}
    own |= {"mu": 1.3 + 0.1 * rng.standard_normal(draws), "prognostic": np.full(draws, 0.8)}
    own["predictive"] = 0.1 * rng.standard_normal((draws, sizes["treatment"]))
    own["covariate_effect"] = 0.1 * rng.standard_normal((draws, len(COVARIATES)))
    deviation = rng.standard_normal((draws, len(data.refs)))
    own["histology_deviation"] = own["prognostic_sd"][:, None] * deviation
    own["convention_logits"] = rng.standard_normal((draws, len(METHODS)))
    own["study_effect"] = 0.3 * rng.standard_normal((draws, len(data.hierarchy.studies)))
    own["cohort_effect"] = 0.3 * rng.standard_normal((draws, len(data.refs)))
    own["shape_mean"] = np.full(draws, 0.1)
    own["shape_treatment_effect"] = 0.1 * rng.standard_normal((draws, sizes["treatment"]))
    own["tail_mean"] = np.full(draws, 0.3)
    own["tail_treatment_effect"] = 0.2 * rng.standard_normal((draws, sizes["treatment"]))
    free = float(family(name).has_shape)
    own["log_shape"] = free * (0.1 + 0.15 * rng.standard_normal((draws, len(data.refs))))
    shares = rng.uniform(0.2, 0.6, (draws, len(data.refs)))
    own["mixed_share"] = np.column_stack(
        [shares[:, a.cohort] if a.share is None else np.full(draws, a.share) for a in data.groups]
    )
    centre = centre_share(load_priors())
    if at is not None:
        noise = 0.05 * rng.standard_normal((draws, len(data.refs)))
        base = np.column_stack([expected(own, data, j) for j in range(len(data.refs))])
        order = [data.hierarchy.studies.index(ref.study.id) for ref in data.refs]
        own["study_effect"][:, order] = at + noise - base
    own["log_median"] = np.column_stack(
        [
            expected(own, data, arm.cohort)
            + effect(own, data, arm.cohort)
            + arm_slope(own, data, arm) * (own["mixed_share"][:, i] - centre)
            for i, arm in enumerate(data.groups)
        ]
    )
    tree = from_dict({"posterior": {n: value[None] for n, value in own.items()}})
    settings = SamplerSettings(draws=max(draws, 4), chains=2)
    made = Draws(tree, settings, {}, from_cache=False)
    fit = SurvivalFit(data, (), load_priors(), family(name), made, GOOD, centre)
    return own, fit if variant is None else replace(fit, variant=variant)


def spread_fit(data, mean, sd, *, draws=400):
    """Make up draws that hold together, the prognostic effect spread as a posterior would be."""
    own, found = drawn(data, draws=draws)
    moved = np.random.default_rng(3).normal(mean, sd, draws)
    own["prognostic"] = own["prognostic"] + moved
    own["log_median"] = own["log_median"] + moved[:, None] * (
        own["mixed_share"] - found.centre_share
    )
    tree = from_dict({"posterior": {name: value[None] for name, value in own.items()}})
    return replace(found, draws=replace(found.draws, tree=tree))


def treatment_of(data, j):
    return data.hierarchy.treatments.index(data.refs[j].treatment)


def expected(own, data, j):
    """Log median of a cohort at the centre share without effects of its own."""
    t = treatment_of(data, j)
    value = own["mu"] + own["treatment_effect"][:, t]
    value = value + own["class_effect"][:, data.hierarchy.treatment_class[t]]
    told = data.covariates[j] if j < len(data.cohorts) else np.zeros(len(COVARIATES))
    return value + own["covariate_effect"] @ np.array(told)


def effect(own, data, j):
    part = shared_parts(data)[j]
    study_index = data.hierarchy.studies.index(data.refs[j].study.id)
    shared = np.sqrt(part) * own["study_effect"][:, study_index]
    return shared + np.sqrt(1.0 - part) * own["cohort_effect"][:, j]


def slope(own, data, j):
    return own["prognostic"] + own["predictive"][:, treatment_of(data, j)]


def arm_slope(own, data, arm):
    """With the effect of its own of a cohort whose pure and mixed patients are told apart."""
    apart = 0.0 if arm.histology == "whole" else own["histology_deviation"][:, arm.cohort]
    return slope(own, data, arm.cohort) + apart


class ByHand:
    """The terms of the likelihood at one draw, over grids of effect, log shape and share."""

    def __init__(self, own, fit, s):
        self.own = {name: value[s : s + 1] for name, value in own.items()}
        self.fit, self.data = fit, fit.data
        logits = self.own["convention_logits"][0]
        self.log_weight = dict(zip(METHODS, logits - logsumexp(logits), strict=True))

    def tail(self, j):
        t = treatment_of(self.data, j)
        return self.own["tail_mean"][0] + self.own["tail_treatment_effect"][0, t]

    def median(self, i, effect, share, deviation=0.0):
        j = self.data.arms[i].cohort
        known = self.data.arms[i].share
        share = share if known is None else known
        base = expected(self.own, self.data, j) + effect
        own_slope = slope(self.own, self.data, j) + deviation
        return base + own_slope * (share - self.fit.centre_share)

    def arm(self, i, location, log_shape):
        arm, chosen = self.data.arms[i], self.fit.family
        tail = self.tail(arm.cohort)
        if not arm.chains:
            told = [(np.log(own.months), float(own.event)) for own in self.data.patients]
            return sum(
                listed_patients(location, log_shape, chosen, log_time=t, event=event, tail=tail)
                for t, event in told
            )
        weights = [0.0 if arm.told else self.log_weight[method] for method in arm.methods]
        return arm_log_likelihood(arm.chains, weights, location, log_shape, chosen, tail)

    def comparison(self, item, locations, log_shapes):
        groups = item.first, item.second
        tails = [self.tail(self.data.arms[i].cohort) for i in groups]
        first, second = map(Place, locations, log_shapes, tails)
        return comparison_log_likelihood(item, first, second, self.fit.family)


def grid(sd, points, reach=6.0):
    """Values of a normal variable of mean zero, and the logs of their weights."""
    z = np.linspace(-reach, reach, points)
    return sd * z, stats.norm.logpdf(z) - logsumexp(stats.norm.logpdf(z))


def cohort_named(data, name):
    (found,) = [j for j, ref in enumerate(data.cohorts) if ref.id == name]
    return found


def of_histology(own, fit, s, arm):
    """Grid of what is unknown: the share, or the effect of histology that a cohort has itself."""
    if arm.histology != "whole":
        apart, log_weight = grid(own["prognostic_sd"][s], 31)
        return np.zeros(1), apart, log_weight
    prior = fit.priors["mixed_share"]
    y, log_weight = grid(prior.scale, 25, 4.0)
    return expit(prior.location + y), np.zeros(1), log_weight


def brute(own, fit, s, name):
    """Predictive density of one cohort at one draw, by a dense grid."""
    data, hand = fit.data, ByHand(own, fit, s)
    j = cohort_named(data, name)
    arms = [i for i, arm in enumerate(data.arms) if arm.cohort == j]
    one = {key: float(value[s]) for key, value in own.items() if value.ndim == 1}
    lone = name in {"pair:two", "alone:arm"}  # the only cohort of its treatment and class
    sd = one["study_sd"]
    if data.cohorts[j].study.design == "retrospective":
        bias = fit.variant.retrospective_bias
        sd = np.hypot(sd, one["bias_sd"] if bias == "estimated" else bias)
    held, shape_mean = 0.0, one["shape_mean"]
    shape_mean += 0.0 if lone else own["shape_treatment_effect"][s, treatment_of(data, j)]
    shape_sd = np.hypot(one["shape_sd"], one["shape_treatment_sd"] if lone else 0.0)
    if name.startswith("pair"):
        shared = own["study_effect"][s, data.studies.index("pair")]
        sd, held = np.sqrt(0.5) * sd, np.sqrt(0.5) * shared
    if lone:
        t = treatment_of(data, j)
        sd = np.sqrt(sd**2 + one["treatment_sd"] ** 2 + one["class_sd"] ** 2)
        held -= own["treatment_effect"][s, t] + own["class_effect"][s, data.treatment_class[t]]
    # sums over points this far apart are integrals of likelihoods this wide
    u, log_u = grid(sd, 97)
    kappa, log_k = grid(shape_sd, 31)
    kappa = (shape_mean + kappa) * float(fit.family.has_shape)
    x, apart, log_y = of_histology(own, fit, s, data.arms[arms[0]])
    if name.startswith("trial"):  # its cohorts keep their shares as drawn
        x, log_y = np.array([own["mixed_share"][s, arms[0]]]), np.zeros(1)
    u, kappa, x = (held + u)[:, None, None], kappa[None, :, None], x[None, None, :]
    log_prior = log_u[:, None, None] + log_k[None, :, None] + log_y[None, None, :]
    at = {i: hand.median(i, u, x, apart) for i in arms}
    value = sum(hand.arm(i, at[i], kappa) for i in arms)
    rest = np.zeros(np.broadcast_shapes(value.shape, log_prior.shape))
    for item in data.comparisons:
        cohorts = [data.arms[i].cohort for i in (item.first, item.second)]
        if j not in cohorts:
            continue
        other = own["log_median"][s]
        if name.startswith("trial"):  # both move by the effect of the study
            shift = u - effect(own, data, j)[s]
            sides = [at.get(i, other[i] + shift) for i in (item.first, item.second)]
        else:
            sides = [at.get(i, other[i]) for i in (item.first, item.second)]
        shapes = [kappa if cohort == j else own["log_shape"][s, cohort] for cohort in cohorts]
        term = hand.comparison(item, sides, shapes)
        if max(cohorts) == j:
            value = value + term
        else:
            rest = rest + term
    if name.startswith("trial"):
        sibling = cohort_named(data, "trial:two" if name == "trial:one" else "trial:one")
        (i,) = [i for i, arm in enumerate(data.arms) if arm.cohort == sibling]
        location = own["log_median"][s, i] - effect(own, data, sibling)[s] + u
        rest = rest + hand.arm(i, location, own["log_shape"][s, sibling])
    return logsumexp(value + rest + log_prior) - logsumexp(rest + log_prior)
