"""Both survival endpoints in one model: its density by hand, what it learns, what it recovers."""

from __future__ import annotations

import csv
import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent.parent / "scripts"))

import calibration_joint
import joint_worlds
from small_registry import cohort, median, study, subgroup, write_registry

from priors import load_priors
from studies import load_registry
from synthesis import joint
from synthesis.estimands import Group, curve
from synthesis.families import family
from synthesis.fit import SamplerSettings
from synthesis.joint import fit_joint, fit_joint_data, joint_problem, united
from synthesis.model_arrays import sizes_for
from synthesis.models import NothingToPoolError, survival_observations
from synthesis.survival import centre_share, survival_problem

SETTINGS = SamplerSettings(draws=500, tune=500, chains=2, seed=3)
REFERENCE = Path(__file__).parent / "reference" / "calibration_joint.csv"


def outcomes(os=None, pfs=None, low=0.6, high=1.7):
    """Printed medians with limits at these multiples of them."""
    found = []
    for endpoint, value in (("os", os), ("pfs", pfs)):
        if value is not None:
            limits = [round(low * value, 2), round(high * value, 2)]
            found.append(median(value, endpoint=endpoint, ci=limits, level=0.95))
    return found


def reports(last_pfs=3.0):
    """Six reports of both endpoints, one of OS alone, one treatment with PFS alone."""
    both = [(5.1, 2.4), (7.3, 3.9), (3.4, 1.7), (9.8, 5.2), (6.2, 2.9), (4.4, 2.1)]
    treatments = ("lenvatinib", "sorafenib", "paclitaxel") * 2
    found = [
        study(f"both{i}", cohort("arm", name, 25, survival=outcomes(*pair)))
        for i, (name, pair) in enumerate(zip(treatments, both, strict=True))
    ]
    found.append(study("death", cohort("arm", "paclitaxel", 25, survival=outcomes(os=4.8))))
    last = cohort("arm", "best_care", 35, survival=outcomes(pfs=last_pfs))
    return [*found, study("progression", last)]


@pytest.fixture(scope="module")
def registry(tmp_path_factory):
    folder = tmp_path_factory.mktemp("joint") / "registry"
    return load_registry(write_registry(folder, *reports()))


@pytest.fixture(scope="module")
def observed(registry):
    """Observations of both endpoints as they are read, each alone."""
    found = survival_observations(registry)
    return found["os"][0], found["pfs"][0]


# --- Observations --------------------------------------------------------------------------------


def test_both_endpoints_count_the_same_cohorts(observed):
    os, pfs = observed
    assert "best_care" not in os.treatments
    assert "death" not in pfs.studies
    both = united(os, pfs, ["mki", "chemo", "care"])
    for before, after in zip(observed, both, strict=True):
        assert after.treatments == ("lenvatinib", "sorafenib", "paclitaxel", "best_care")
        assert after.classes == ("mki", "chemo", "care")
        assert after.treatment_class == (0, 0, 1, 2)
        assert len(after.cohorts) == len(after.covariates) == len(after.studies) == 8
        assert [after.cohorts[a.cohort].id for a in after.arms] == [
            before.cohorts[a.cohort].id for a in before.arms
        ]
        assert [a.chains for a in after.arms] == [a.chains for a in before.arms]
    assert both[0].cohorts == both[1].cohorts


def test_a_registry_without_progression_cannot_be_fitted_jointly(tmp_path):
    folder = tmp_path / "registry"
    death = study("death", cohort("arm", survival=[median(4.0)]))
    with pytest.raises(NothingToPoolError, match=r"no cohort of .*registry can be counted for pfs"):
        fit_joint(load_registry(write_registry(folder, death)))


def test_a_family_that_is_not_there_is_refused(observed):
    with pytest.raises(ValueError, match="unknown survival family 'gompertz'"):
        fit_joint_data(*observed, family_name="gompertz")


# --- Density -------------------------------------------------------------------------------------


def evaluated(model, point, names):
    """Values of variables and potentials of a model at a point of the sampler's own space."""
    import pytensor

    found = {one.name: one for one in [*model.deterministics, *model.potentials]}
    inputs = model.value_vars
    graphs = model.replace_rvs_by_values([found[name] for name in names])
    mode = pytensor.compile.mode.Mode(linker="py", optimizer=None)
    function = pytensor.function(inputs, graphs, mode=mode, on_unused_input="ignore")
    return dict(zip(names, function(*(point[v.name] for v in inputs)), strict=True))


@pytest.mark.slow
def test_each_endpoint_is_the_survival_model_with_correlated_effects(observed):
    """At any point both likelihoods are those of two models apart, at effects mixed by hand."""
    priors, weibull = load_priors(), family("weibull")
    both = united(*observed)
    sizes = sizes_for(list(both))
    model = joint_problem(*both, priors, weibull, sizes).build()
    rng = np.random.default_rng(8)
    start = model.initial_point()
    point = {name: 0.5 * rng.standard_normal(value.shape) for name, value in start.items()}
    ends = ("os", "pfs")
    each = ("printed_figures", "log_median", "mixed_share", "mu", "prognostic", "predictive")
    each += ("class_effect", "treatment_effect", "study_effect", "covariate_effect")
    names = [f"{e}::{name}" for e in ends for name in each]
    names += [f"order_of_{name}" for name in ("os_arms", "pfs_arms", "treatments")]
    found = evaluated(model, point, names)
    rho = {
        level: np.tanh(0.549306 + 0.5 * point[f"{name}_z_raw"])
        for name, levels in (("treatment", ("class", "treatment")), ("study", ("study", "cohort")))
        for level in levels
    }
    for i, (endpoint, data) in enumerate(zip(ends, both, strict=True)):
        alone = survival_problem(data, priors, weibull, sizes).build()
        own = {}
        for name in alone.initial_point():
            own[name] = point.get(f"{endpoint}::{name}", point.get(name))
        for level, r in rho.items():
            first, second = point[f"{level}_effect_raw"]
            mixed = (first, r * first + np.sqrt(1.0 - r**2) * second)
            own[f"{level}_effect_raw"] = mixed[i]
        values = evaluated(alone, own, ["printed_figures", "log_median"])
        for name, value in values.items():
            np.testing.assert_allclose(found[f"{endpoint}::{name}"], value, rtol=1e-10)
    # six cohorts print both; of the seventh the other endpoint is put together by hand
    shared = found["os::log_median"][:6] - found["pfs::log_median"][:6]
    for endpoint, other, data, sign in zip(ends, ends[::-1], both, (1.0, -1.0), strict=True):
        unprinted = by_hand(found, other, data, found[f"{endpoint}::mixed_share"][6], priors)
        seventh = sign * (found[f"{endpoint}::log_median"][6] - unprinted)
        gap = np.append(shared, seventh) / 0.05
        expected = -np.logaddexp(0.0, -gap).sum()
        assert found[f"order_of_{endpoint}_arms"] == pytest.approx(expected, rel=1e-10)
    levels = [
        found[f"{e}::mu"]
        + found[f"{e}::class_effect"][list(both[0].treatment_class)]
        + found[f"{e}::treatment_effect"][:4]
        for e in ends
    ]
    expected = -np.logaddexp(0.0, -(levels[0] - levels[1]) / 0.05).sum()
    assert found["order_of_treatments"] == pytest.approx(expected, rel=1e-10)


def by_hand(found, endpoint, data, share, priors):
    """Log median of an endpoint in the seventh arm, a retrospective cohort of its own report."""
    value = {
        name.removeprefix(f"{endpoint}::"): v
        for name, v in found.items()
        if name.startswith(endpoint)
    }
    ref = data.cohorts[data.arms[6].cohort]
    treatment = data.treatments.index(ref.treatment)
    log_median = value["mu"] + value["class_effect"][data.treatment_class[treatment]]
    log_median += value["treatment_effect"][treatment]
    log_median += value["study_effect"][data.studies.index(ref.study.id)]
    log_median += 0.5 * value["covariate_effect"][0]
    slope = value["prognostic"] + value["predictive"][treatment]
    return log_median + slope * (share - centre_share(priors))


# --- Fits ----------------------------------------------------------------------------------------


def of_treatment(fit, name):
    """Draws of the median of the mean study of a treatment, months."""
    i = fit.data.treatments.index(name)
    return curve(fit, Group(fit.data.treatment_class[i], i), 0.4, "mean_study").median


@pytest.fixture(scope="module")
def fits(tmp_path_factory):
    """Joint fits in which the treatment that prints PFS alone does badly, or well."""
    folder = tmp_path_factory.mktemp("moved")
    found = {}
    for last in (1.0, 9.0):
        own = load_registry(write_registry(folder / f"pfs{last:g}", *reports(last)))
        data = [survival_observations(own)[e][0] for e in ("os", "pfs")]
        found[last] = fit_joint_data(*data, settings=SETTINGS, sizes=sizes_for([]), cache=False)
    return found


@pytest.mark.slow
def test_progression_alone_moves_overall_survival_the_same_way(fits):
    """Nine times the PFS: longer OS by far more than Monte Carlo error, though by less than PFS."""
    centre = {last: np.log(np.median(of_treatment(f.os, "best_care"))) for last, f in fits.items()}
    assert np.log(1.3) < centre[9.0] - centre[1.0] < np.log(9.0)
    others = [np.log(np.median(of_treatment(f.os, "paclitaxel"))) for f in fits.values()]
    assert abs(others[1] - others[0]) < (centre[9.0] - centre[1.0]) / 2.0


@pytest.mark.slow
def test_progression_precedes_death_and_nothing_is_lost(fits):
    for fit in fits.values():
        for endpoint in ("os", "pfs"):
            own = getattr(fit, endpoint)
            assert own.data.endpoint == endpoint
            assert own.flat("log_median").shape[1] == len(own.data.arms)
            assert own.flat("log_shape").shape[1] == len(own.data.cohorts) == 8
            assert own.flat("convention_logits").shape[1] == 3
        medians = [of_treatment(own, "best_care") for own in (fit.os, fit.pfs)]
        # the order is soft: 0.2 against it costs four log units, 0.4 costs eight
        ratio = np.log(medians[0] / medians[1])
        assert np.mean(ratio > 0.0) > 0.95
        assert np.mean(ratio > -0.2) > 0.998
        assert ratio.min() > -0.4
        for level in ("study", "treatment"):
            rho = fit.correlation(level)
            assert rho.min() > -1.0
            assert rho.max() < 1.0
        with pytest.raises(ValueError, match="choose study or treatment"):
            fit.correlation("class")


@pytest.mark.slow
def test_histology_reaches_both_endpoints(tmp_path):
    """Pure and mixed patients apart in both endpoints, four times the time: the effect is seen."""
    tables = reports()
    for i, n in enumerate((30, 30)):
        groups = [
            subgroup(name, n, survival=[median(os), median(pfs, endpoint="pfs")])
            for name, os, pfs in (("pure", 4.0, 2.0), ("mixed", 16.0, 8.0))
        ]
        split = {"pure": n, "mixed": n}
        arm = cohort("arm", "sorafenib", 2 * n, histology=split, subgroups=groups)
        tables.append(study(f"split{i}", arm))
    registry = load_registry(write_registry(tmp_path / "registry", *tables))
    data = [survival_observations(registry)[e][0] for e in ("os", "pfs")]
    fit = fit_joint_data(*data, settings=SETTINGS, sizes=sizes_for([]), cache=False)
    for own in (fit.os, fit.pfs):
        assert np.quantile(own.flat("prognostic"), 0.05) > 0.0


@pytest.mark.slow
def test_simulated_truth_is_recovered(tmp_path):
    """Three registries, both endpoints, mean and contrast: 12 intervals, at least 9 cover.

    Fewer than nine do in one of three hundred such sets, were they independent.
    """
    covered = []
    for seed in range(3):
        world = joint_worlds.simulate(np.random.default_rng([5, seed]), 0.5)
        fit = fit_joint_data(
            world.data["os"],
            world.data["pfs"],
            family_name="log-logistic",
            settings=SETTINGS,
            sizes=sizes_for([]),
            cache=False,
        )
        for endpoint in ("os", "pfs"):
            own = getattr(fit, endpoint)
            one, other = (np.log(of_treatment(own, name)) for name in joint_worlds.CONTRAST)
            for name, draws in (("mean log median", own.flat("mu")), ("contrast", one - other)):
                low, high = np.quantile(draws, [0.025, 0.975])
                covered.append(low <= world.truth[endpoint, name] <= high)
    assert sum(covered) >= 9


# --- The simulation behind the decision ----------------------------------------------------------


def test_simulated_patients_have_the_medians_of_their_cohort():
    """100 001 patients: a median is known to 2 / sqrt(100 001) / 1.3 = 0.005 on the log scale."""
    rng = np.random.default_rng(2)
    times = joint_worlds.patients(rng, 100001, np.log(6.0), np.log(3.0))
    assert np.log(np.median(times["os"])) == pytest.approx(np.log(6.0), abs=0.015)
    assert np.log(np.median(times["pfs"])) == pytest.approx(np.log(3.0), abs=0.015)
    assert np.all(times["pfs"] <= times["os"])
    assert 0.6 < np.corrcoef(np.log(times["os"]), np.log(times["pfs"]))[0, 1] < 0.95


def test_half_of_the_simulated_cohorts_print_one_endpoint():
    world = joint_worlds.simulate(np.random.default_rng(2), 0.5)
    printed = {e: {ref.id for ref in data.cohorts} for e, data in world.data.items()}
    assert len(printed["os"] & printed["pfs"]) == 6
    assert len(printed["os"]) == len(printed["pfs"]) == 9


def test_the_decision_is_that_of_the_stored_figures():
    """Gain and coverage in the docstring are those of the table, and the table is of one date."""
    with REFERENCE.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert min(int(row["replicates"]) for row in rows) >= calibration_joint.REPLICATES
    assert len({row["date"] for row in rows}) == 1
    for method in ("joint", "apart"):
        own = [row for row in rows if row["method"] == method]
        coverage = np.mean([float(row["coverage"]) for row in own])
        assert f"{coverage:.2f} {method}" in joint.WHY_SEPARATE
    for row in rows:
        if row["method"] == "joint":
            assert f"{100 * (1 - float(row['width_ratio'])):.0f} %" in joint.WHY_SEPARATE
