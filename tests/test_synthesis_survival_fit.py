"""The survival model as it is sampled: its density, its refits and one arm solved exactly.

All tests share one compiled model (fixture `survival_sizes`).
"""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from types import SimpleNamespace

import numpy as np
import pytest
from arviz import mcse
from log_density import CLOSE, CompiledDensity, by_hand
from monte_carlo import assert_agrees, deviations, reference
from registries import by_histology, one_by_one
from scipy import stats
from simulated_registry import read
from small_registry import cohort, landmark, median, study, write_registry

from priors import load_priors
from studies import load_registry
from studies.selection import CohortRef
from synthesis import fits
from synthesis.estimands import Group, curve
from synthesis.fits import fit_survival_data, survival_observations
from synthesis.model import compiling
from synthesis.model.arrays import shared_parts, sizes_for
from synthesis.model.families import FAMILIES, family, restricted_mean, survival
from synthesis.model.observations import Arm, SurvivalData
from synthesis.model.printed import FixedTime, chain
from synthesis.model.sampler import SamplerSettings, run
from synthesis.model.survival import PRIOR_OF, centre_share, model_data, survival_problem

SHORT = SamplerSettings(draws=200, tune=300, chains=2, seed=5)

# An SD that stands for none: its square is far below any variance here.
NONE = 1e-6


def every_kind_of_figure():
    """Print a pair of histology groups with a p value, limits, landmarks, two arms of one report
    with a hazard ratio, a median that was not reached, coarse rounding and listed patients; and
    comparisons of groups without figures, a null result and an adjusted ratio.
    """
    groups = by_histology()
    split = study(
        "split",
        cohort("arm", n=23, histology={"pure": 15, "mixed": 8}, subgroups=groups),
        comparisons=[{"endpoint": "os", "groups": ["mixed", "pure"], "p": Decimal("0.026")}],
    )
    interval = {"ci": "2.1 9.8", "level": "0.95"}
    whole = study(
        "whole",
        cohort(
            "arm",
            "paclitaxel",
            31,
            survival=[median("4.4", **interval), median("1.9", endpoint="pfs")],
            landmarks=[landmark(12, "0.20", ci="0.08 0.35")],
            time_origin="diagnosis",
        ),
        design="registry",
    )
    ratio = {"hr": Decimal("0.7"), "hr_ci": [Decimal("0.4"), Decimal("1.2")]}
    arms = study(
        "arms",
        cohort(
            "one",
            "sorafenib",
            17,
            survival=[median(5)],
            line="first-line",
            braf_v600e={"positive": 6, "tested": 10},
            characteristics=[
                {"name": "stage IVC", "statistic": "count", "value": 12},
                {"name": "resected", "statistic": "percent", "value": 20},
                {"name": "age", "statistic": "median", "value": 71},
            ],
        ),
        cohort("two", "best_care", 20, survival=[median("not reached", follow_up=4)]),
        comparisons=[{"endpoint": "os", "groups": ["one", "two"], **ratio}],
        enrolment="2012-2018",
    )
    patients = one_by_one("2.0", "11.5", alive="11.5")
    listed = study("listed", cohort("arm", "sorafenib", 2, patients=patients))
    null = {"endpoint": "os", "groups": ["mixed", "pure"], "p": "not significant"}
    adjusted = {"endpoint": "os", "groups": ["drug", "none"], "adjusted": True, **ratio}
    told = study(
        "told",
        cohort("arm", "various", 40, histology={"pure": 24, "mixed": 16}),
        comparisons=[null, adjusted | {"treatments": ["paclitaxel", "best_care"]}],
    )
    return [split, whole, arms, listed, told]


def by_origin():
    """A report that sets transformed against de novo patients, and prints no figure of either."""
    compared = {"endpoint": "os", "groups": ["transformed", "de novo"], "longer": "de novo"}
    printed = {"name": "transformed", "statistic": "count", "value": 12}
    return study(
        "origin",
        cohort("arm", "various", 50, characteristics=[printed]),
        comparisons=[compared | {"p": Decimal("0.2")}],
    )


def observed(folder, *more):
    """Observations of both survival endpoints."""
    own = load_registry(write_registry(folder, *every_kind_of_figure(), *more))
    return {name: data for name, (data, _) in survival_observations(own).items()}


@pytest.fixture(scope="module")
def endpoints(tmp_path_factory):
    return observed(tmp_path_factory.mktemp("kinds") / "registry")


@pytest.fixture(scope="module")
def with_origin(tmp_path_factory):
    """Overall survival, also by origin: more comparisons than the compiled model has room for."""
    return observed(tmp_path_factory.mktemp("origin") / "registry", by_origin())["os"]


# --- log density -----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def density(with_origin):
    return CompiledDensity(sizes_for([with_origin]))


def test_the_figures_are_of_every_kind(with_origin):
    data = with_origin
    assert len(data.patients) == 2
    kinds = [item.reading.kind for item in data.comparisons]
    assert kinds == ["p", "hazard ratio", "p", "hazard ratio", "p"]
    ranges = [item.reading.low < item.reading.high for item in data.comparisons]
    assert ranges == [False, False, True, False, False]
    assert [item.reading.adjusted for item in data.comparisons] == [*3 * [False], True, False]
    assert (len(data.compared), len(data.within)) == (6, 5)
    assert [arm.told for arm in data.arms].count(False) == 1
    assert max(nodes.size for arm in data.arms for c in arm.chains for nodes in c.nodes) > 1
    # three quarters of twenty patients, whose median was not reached
    assert max(c.size for arm in data.arms for c in arm.chains) == 15.0
    assert (np.abs(np.array(data.covariates)).max(axis=0) > 0.0).all()
    assert set(shared_parts(data)) == {0.5, 1.0}


@pytest.mark.parametrize("name", FAMILIES)
def test_log_density_is_likelihood_plus_priors(with_origin, density, name):
    data, priors, chosen = with_origin, load_priors(), family(name)
    assert centre_share(priors) == pytest.approx(0.4, abs=1e-6)
    values = model_data(data, priors, chosen, density.sizes)
    for point in density.points(6):
        expected = by_hand(point, data, density.sizes, priors, chosen)
        assert np.isfinite(expected)
        assert density.at(point, values) == pytest.approx(expected, rel=1e-9, abs=CLOSE)


# --- refits of one compiled model --------------------------------------------------------------


def survival_models():
    return {kind: id(model) for kind, model in compiling._COMPILED.items() if kind[0] == "survival"}


def test_endpoints_families_and_priors_share_one_compiled_model(endpoints, survival_sizes):
    words, means = [], {}
    first = survival_problem(endpoints["os"], load_priors(), family("weibull"), survival_sizes)
    run(first, SHORT, cache=False)
    compiled = survival_models()
    cases = [("os", name) for name in FAMILIES] + [("pfs", "weibull")]
    for endpoint, name in cases:
        problem = survival_problem(endpoints[endpoint], load_priors(), family(name), survival_sizes)
        draws = run(problem, SHORT, cache=False, progress=words.append)
        means[endpoint, name] = draws.tree["posterior"].to_dataset().mean()
    narrow = load_priors().replace("overall_median", location=3.0, scale=0.01)
    problem = survival_problem(endpoints["os"], narrow, family("weibull"), survival_sizes)
    moved = run(problem, SHORT, cache=False, progress=words.append)
    assert survival_models() == compiled
    assert words == ["sampling 2 chains of 200 draws"] * (len(cases) + 1)
    # each refit answers for its own data, family and prior: the printed PFS is shorter than any
    # OS, the prior of the log-logistic shape lies 0.42 above the Weibull's, mu follows its prior
    assert means["pfs", "weibull"]["mu"] < means["os", "weibull"]["mu"] - 0.2
    assert means["os", "log-logistic"]["shape_mean"] > means["os", "weibull"]["shape_mean"] + 0.1
    assert float(means["os", "exponential"]["log_shape"]) == 0.0
    assert float(moved.tree["posterior"]["mu"].mean()) == pytest.approx(3.0, abs=0.01)


def test_the_same_seed_gives_the_same_draws_and_padding_is_cut_off(endpoints, survival_sizes):
    data = endpoints["os"]
    problem = survival_problem(data, load_priors(), family("weibull"), survival_sizes)
    settings = SamplerSettings(draws=50, tune=100, chains=2, seed=8)
    first, again = (run(problem, settings, cache=False).tree["posterior"] for _ in range(2))
    other = run(problem, SamplerSettings(50, 100, 2, seed=9), cache=False).tree["posterior"]
    for name in first.data_vars:
        np.testing.assert_array_equal(first[name], again[name])
    assert not np.array_equal(first["mu"], other["mu"])
    assert tuple(first["study"].to_numpy()) == data.hierarchy.studies
    assert first["log_median"].shape == (2, 50, len(data.groups))
    assert survival_sizes["arm"] > len(data.groups)


# --- one arm, solved by quadrature -------------------------------------------------------------


@pytest.fixture(scope="module")
def one_arm(survival_sizes):
    """Counts between fixed times in one arm, everything else of the hierarchy switched off."""
    exact = reference("weibull_onearm_interval")
    priors = load_priors().replace("overall_median", location=float(np.log(6.0)), scale=1.0)
    priors = priors.replace("shape_weibull", location=0.0, scale=0.3)
    for name in (*PRIOR_OF.values(), "shape_treatment_sd", "shape_sd"):
        if name.endswith("_sd") or name.startswith(("histology", "covariate")):
            priors = priors.replace(name, location=0.0, scale=NONE)
    counts = np.array(exact["counts"], dtype=float)
    alive = 1.0 - np.cumsum(counts)[:-1] / counts.sum()
    points = [FixedTime(t, p) for t, p in zip(exact["cuts"], alive, strict=True)]
    cells = chain(points, counts.sum())
    arm = SimpleNamespace(id="arm", treatment="only", n=int(counts.sum()))
    report = SimpleNamespace(id="alone", design="retrospective")
    ref = CohortRef(report, arm, "one", "systemic")
    data = SurvivalData(
        "os",
        ("one",),
        ("only",),
        ("alone",),
        (0,),
        (ref,),
        (Arm(0, "whole", arm.n, 0.4, (cells,), "counts between fixed times"),),
        (),
        (),
    )
    fit = fit_survival_data(
        data,
        family_name="weibull",
        priors=priors,
        settings=SamplerSettings(draws=4000, tune=1000, chains=2, seed=21),
        sizes=survival_sizes,
    )
    return fit, exact


def as_exact(own):
    return {"mean": own["mean"], **dict(zip(("l95", "median", "u95"), own["q"], strict=True))}


def test_one_arm_against_quadrature(one_arm):
    fit, exact = one_arm
    assert fit.diagnosis.verdict == "PASS"
    posterior = fit.tree["posterior"]
    log_m = posterior["log_median"].to_numpy()[..., 0]
    log_k = posterior["log_shape"].to_numpy()[..., 0]
    assert_agrees(log_m, as_exact(exact["log_median"]), "log median")
    assert_agrees(log_k, as_exact(exact["log_shape"]), "log shape")
    m, k = np.exp(log_m), np.exp(log_k)
    # the grid behind these three exact results is good to about 1e-3
    for name, draws in {
        "S6": survival(6.0, m, k, "weibull"),
        "S12": survival(12.0, m, k, "weibull"),
        "RMST24": restricted_mean(24.0, m, k, "weibull"),
    }.items():
        assert_agrees(draws, as_exact(exact[name]), name, slack=1e-3)


def test_the_estimands_of_the_report_are_those_of_the_arm(one_arm):
    """With every SD switched off the treatment's curve is the arm's own."""
    fit, exact = one_arm
    for target in ("mean_study", "new_study"):
        own = curve(fit, Group(0, 0), fit.centre_share, target)
        draws = own.estimand("survival_12m").reshape(fit.draws.settings.chains, -1)
        assert_agrees(draws, as_exact(exact["S12"]), target, slack=1e-3)


def test_the_comparison_sees_one_patient_more(one_arm):
    """Teeth: one death more in the first interval moves the mean by more than the tolerance.

    The log median would fall by about one in twenty patients, 1/(20 f m) = 0.07, which is a
    quarter of its posterior SD of 0.27.
    """
    fit, exact = one_arm
    moved = {"mean": exact["log_median"]["mean"] - 0.07}
    draws = fit.tree["posterior"]["log_median"].to_numpy()[..., 0]
    assert deviations(draws, moved)["mean"] > 8.0


# --- histology without histology ---------------------------------------------------------------


# Tolerances follow the Monte Carlo error: four errors of an SD are 4 % at 8,000 draws, less than
# the change of 10 % that is looked for.
LONG = SamplerSettings(draws=4000, tune=700, chains=2, seed=31)


def cohorts_without_histology(folder, **more):
    tables = [
        study(name, cohort("arm", treatment, n, survival=[median(Decimal(value))], **more))
        for name, treatment, n, value in (
            ("one", "lenvatinib", 21, "3.3"),
            ("two", "lenvatinib", 15, "5.1"),
            ("three", "paclitaxel", 30, "4.4"),
        )
    ]
    return read(folder, tables)


def histology_effects(data, sizes):
    problem = survival_problem(data, load_priors(), family("log-logistic"), sizes)
    posterior = run(problem, LONG).tree["posterior"]
    names = ("histology_prognostic", "histology_predictive")
    scales = [load_priors()[name].scale for name in names]
    draws = [posterior["prognostic"], posterior["predictive"].sel(treatment="lenvatinib")]
    return zip(scales, (np.asarray(d) for d in draws), strict=True)


def test_cohorts_at_the_centre_leave_the_histology_effects_at_their_priors(
    tmp_path, survival_sizes
):
    """Every cohort prints the share at which effects are stated: exactly no information."""
    split = {"histology": {"pure_percent": 60, "mixed_percent": 40}}
    data = cohorts_without_histology(tmp_path / "centre", **split)
    assert {arm.share for arm in data.arms} == {0.4}
    for scale, draws in histology_effects(data, survival_sizes):
        normal = stats.norm(0.0, scale)
        exact = {"mean": 0.0, "median": 0.0, "l95": normal.ppf(0.025), "u95": normal.ppf(0.975)}
        assert_agrees(draws, exact, f"scale {scale}")


def test_cohorts_of_unknown_share_tell_next_to_nothing(tmp_path, survival_sizes):
    """No printed split: the sign stays open, and the width all but as it was.

    Not exactly as it was: a large effect of either sign would spread cohorts of differing share
    apart, which the likelihood may disfavour. With a share known to 0.12 (SD) an effect of one
    prior SD, 0.7, spreads them by 0.08, against a sampling SD of a log median of some 0.3:
    a change of the variance by a few per cent, for which 0.1 of the SD is room.
    """
    data = cohorts_without_histology(tmp_path / "unknown")
    assert {arm.share for arm in data.arms} == {None}
    for scale, draws in histology_effects(data, survival_sizes):
        assert_agrees(draws, {"mean": 0.0, "median": 0.0}, f"scale {scale}")
        error = float(mcse(draws, method="sd"))
        assert abs(draws.std() - scale) < 0.1 * scale + 4.0 * error


def test_a_small_registry_finds_the_compiled_sizes(endpoints, survival_sizes):
    assert sizes_for(list(endpoints.values())) == survival_sizes


@pytest.mark.parametrize(
    ("enough", "divergences", "draws", "target_accept"),
    [(False, 0, 400, 0.975), (False, 1, 400, 0.9875), (True, 1, 200, 0.9875)],
)
def test_a_fit_that_does_not_pass_gets_what_it_lacks(
    monkeypatch, enough, divergences, draws, target_accept
):
    review = {"verdict": "REVIEW", "advice": "", "divergences": divergences}
    told = [
        SimpleNamespace(**review, has_enough_draws=enough),
        SimpleNamespace(verdict="PASS"),
    ]
    settings = []
    monkeypatch.setattr(fits.sampler, "run", lambda _, own, **__: settings.append(own))
    monkeypatch.setattr(fits.sampler, "diagnosis_of", lambda _: told.pop(0))
    assert fits._run(None, SHORT, False, None)[1].verdict == "PASS"
    assert settings == [SHORT, replace(SHORT, draws=draws, target_accept=target_accept)]
