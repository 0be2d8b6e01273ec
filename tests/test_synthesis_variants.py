"""What a sensitivity analysis takes otherwise: its data, and what they do to the log density."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from log_density import CLOSE, CompiledDensity, by_hand
from registries import by_histology, one_by_one
from scipy import stats
from simulated_registry import read
from small_registry import VOCABULARY, cohort, landmark, median, study

from priors import load_priors
from synthesis.model.covariates import ALL, COVARIATES
from synthesis.model.families import FAMILIES, family
from synthesis.model.sampler import SamplerSettings, fingerprint
from synthesis.model.survival import (
    ROBUST_FREEDOM,
    USUAL,
    Variant,
    centre_share,
    model_data,
    survival_problem,
)

VARIANTS = {
    "student-t": Variant(study_effects="student-t"),
    "mixture": Variant(unknown_histology="mixture"),
    "without covariates": Variant(covariates=False),
    "biased": Variant(retrospective_bias=0.4),
    "all": Variant("student-t", "mixture", covariates=False, retrospective_bias=0.4),
}
# Model data that each of them may change
TOUCHED = {
    "student-t": {"study_freedom"},
    "mixture": {"is_mixture"},
    "without covariates": {"cohort_covariates"},
    "biased": {"study_bias", "cohort_bias"},
    "all": {"study_freedom", "is_mixture", "cohort_covariates", "study_bias", "cohort_bias"},
}


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Pure and mixed apart, an unknown split with an interval and patients of their own."""
    groups = by_histology()
    interval = {"ci": "2.1 9.8", "level": "0.95"}
    patients = one_by_one("1.5", "4.0", "7.5", "19.0", alive="7.5")
    points = [landmark(6, "0.4"), landmark(12, "0.2")]
    return read(
        tmp_path_factory.mktemp("variants") / "registry",
        [
            study("split", cohort(n=23, subgroups=groups, line="first-line")),
            study(
                "whole",
                cohort("one", "paclitaxel", 31, survival=[median("4.4", **interval)]),
                cohort("two", "sorafenib", 25, landmarks=points, time_origin="diagnosis"),
            ),
            study(
                "listed",
                cohort("arm", "sorafenib", len(patients), patients=patients),
                design="prospective_single_arm",
            ),
        ],
        VOCABULARY | {"designs": VOCABULARY["designs"] | {"prospective_single_arm": "Planned."}},
    )


@pytest.fixture(scope="module")
def density(survival_sizes):
    return CompiledDensity(survival_sizes)


def values_of(data, sizes, variant=USUAL, name="log-logistic"):
    return model_data(data, load_priors(), family(name), sizes, variant)


# --- What changes --------------------------------------------------------------------------------


@pytest.mark.parametrize("which", VARIANTS)
def test_a_variant_changes_only_what_it_says(data, survival_sizes, which):
    usual, other = (
        values_of(data, survival_sizes, variant) for variant in (USUAL, VARIANTS[which])
    )
    assert list(usual) == list(other)
    changed = {name for name in usual if not np.array_equal(usual[name], other[name])}
    assert changed == TOUCHED[which]
    for name in usual:
        assert (usual[name].shape, usual[name].dtype) == (other[name].shape, other[name].dtype)


def test_the_switches_say_which_arms_and_cohorts(data, survival_sizes):
    usual = values_of(data, survival_sizes)
    other = values_of(data, survival_sizes, VARIANTS["all"])
    arms = len(data.arms)
    assert other["is_mixture"][:arms].tolist() == [float(arm.share is None) for arm in data.arms]
    assert sum(other["is_mixture"][:arms]) == 3
    assert (usual["is_mixture"] == 0.0).all()
    assert (other["cohort_covariates"] == 0.0).all()
    np.testing.assert_array_equal(
        usual["cohort_covariates"][: len(data.cohorts)], np.array(data.covariates)
    )
    assert float(other["study_freedom"]) == ROBUST_FREEDOM
    assert float(usual["study_freedom"]) > 1e5
    designs = [ref.study.design for ref in data.cohorts]
    expected = [0.4 if design == "retrospective" else 0.0 for design in designs]
    assert other["cohort_bias"][: len(designs)].tolist() == expected
    assert 0.0 < sum(expected) < 0.4 * len(designs)
    assert (usual["cohort_bias"] == 0.0).all()


def test_a_negative_bias_is_refused():
    with pytest.raises(ValueError, match=r"retrospective bias: found -0\.1, expected an SD"):
        Variant(retrospective_bias=-0.1)


@pytest.mark.parametrize("which", VARIANTS)
def test_a_variant_is_the_same_compiled_model_with_draws_of_its_own(data, survival_sizes, which):
    priors, chosen = load_priors(), family("weibull")
    usual, other = (
        survival_problem(data, priors, chosen, survival_sizes, variant)
        for variant in (USUAL, VARIANTS[which])
    )
    assert usual.kind == other.kind
    assert usual.keep == other.keep
    settings = SamplerSettings()
    assert fingerprint(usual, settings) != fingerprint(other, settings)


# --- What it does --------------------------------------------------------------------------------


@pytest.mark.parametrize("which", VARIANTS)
@pytest.mark.parametrize("name", ["log-logistic", "long-tail"])
def test_the_log_density_of_a_variant_is_that_of_its_equations(data, density, which, name):
    variant, priors, chosen = VARIANTS[which], load_priors(), family(name)
    values = model_data(data, priors, chosen, density.sizes, variant)
    usual = model_data(data, priors, chosen, density.sizes)
    moved = []
    for point in density.points(4):
        expected = by_hand(point, data, density.sizes, priors, chosen, variant)
        found = density.at(point, values)
        assert found == pytest.approx(expected, rel=1e-9, abs=CLOSE)
        moved.append(abs(found - density.at(point, usual)))
    assert max(moved) > 100.0 * CLOSE  # the variant does something that the bound would see


def test_robust_study_effects_are_student_t_of_four_degrees(data, density):
    """One study moved by three SDs: the ratio of the two densities is the whole difference."""
    point = density.points(2)[1]
    usual, robust = (
        values_of(data, density.sizes, variant) for variant in (USUAL, VARIANTS["student-t"])
    )

    def gain(raw):
        at = point | {"study_effect_raw": point["study_effect_raw"].copy()}
        at["study_effect_raw"][0] = raw
        return density.at(at, robust) - density.at(at, usual)

    def exact(raw):
        return stats.t.logpdf(raw, 4.0) - stats.norm.logpdf(raw)

    # x^4/4e6 of the normal taken as a Student-t of a million degrees
    assert gain(3.0) - gain(0.0) == pytest.approx(exact(3.0) - exact(0.0), abs=CLOSE)
    assert gain(3.0) > gain(0.0)


def test_without_covariates_their_effects_are_at_their_priors(data, density):
    """The log density then falls with the standardised effect as a normal does, and no more."""
    without, point = values_of(data, density.sizes, VARIANTS["without covariates"]), None
    usual = values_of(data, density.sizes)
    point = density.points(2)[1]
    felt = {}
    for name in COVARIATES:
        base = point | {f"{name}_raw": np.array(0.0)}
        moved = point | {f"{name}_raw": np.array(1.5)}
        fall = density.at(moved, without) - density.at(base, without)
        assert fall == pytest.approx(-0.5 * 1.5**2, abs=1e-8)
        felt[name] = density.at(moved, usual) - density.at(base, usual)
    # no cohort here prints a number
    for name in (own.name for own in ALL if own.number is not None):
        assert felt.pop(name) == pytest.approx(-0.5 * 1.5**2, abs=1e-8)
    assert len(felt) == 3
    assert min(abs(own + 0.5 * 1.5**2) for own in felt.values()) > 1e-3


def test_a_mixture_without_an_effect_of_histology_is_no_mixture(data, density):
    """With no effect and no extra effect the two kinds of patients are the same."""
    still = load_priors().replace("histology_predictive", scale=1e-9)
    still = still.replace("histology_prognostic", scale=1e-9)
    for name in FAMILIES:
        usual, mixture = (
            model_data(data, still, family(name), density.sizes, variant)
            for variant in (USUAL, VARIANTS["mixture"])
        )
        for point in density.points(2):
            assert density.at(point, mixture) == pytest.approx(density.at(point, usual), abs=1e-5)


def test_a_known_split_is_no_mixture(data, density):
    """Only where the split is unknown do the patients of one arm follow two curves."""
    known = replace(
        data,
        arms=tuple(
            replace(arm, share=0.3 if arm.share is None else arm.share) for arm in data.arms
        ),
    )
    usual, mixture = (
        values_of(known, density.sizes, variant) for variant in (USUAL, VARIANTS["mixture"])
    )
    changed = [name for name in usual if not np.array_equal(usual[name], mixture[name])]
    assert changed == ["is_mixture"]  # of arms that are room to spare
    assert (mixture["is_mixture"][: len(known.arms)] == 0.0).all()
    for point in density.points(2):
        assert density.at(point, mixture) == density.at(point, usual)


def test_the_effects_of_a_shift_are_stated_at_the_centre(data, density):
    """Cohorts at the centre share: the effects of histology leave the log density alone."""
    centre = centre_share(load_priors())
    values = values_of(data.at_share(centre), density.sizes)
    values["comparison_weight"] = np.zeros_like(values["comparison_weight"])
    point = density.points(2)[1]
    for raw in (-1.0, 0.7):
        moved = point | {"prognostic_raw": np.array(raw)}
        fall = density.at(moved, values) - density.at(
            point | {"prognostic_raw": np.array(0.0)}, values
        )
        assert fall == pytest.approx(-0.5 * raw**2, abs=1e-8)
