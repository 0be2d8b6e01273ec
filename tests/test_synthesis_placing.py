"""Registries whose arms are known sharply: the map of the sampler, and fits that are quick."""

from __future__ import annotations

import numpy as np
import pytest
from log_density import CompiledDensity
from registries import shipped
from small_registry import cohort, median, study, write_registry

from priors import load_priors
from studies import load_registry
from synthesis.fits import DEFAULT_FAMILY, fit_survival, survival_observations
from synthesis.model.arrays import Sizes, sizes_for
from synthesis.model.covariates import COVARIATES
from synthesis.model.families import family
from synthesis.model.placing import EFFECTS, SHAPE_EFFECTS, SHARP_SD, estimates
from synthesis.model.placing_kernel import place_effects, pull_back
from synthesis.model.sampler import SamplerSettings
from synthesis.model.survival import USUAL, Variant, model_data

#: Class -> its treatments.
CLASSES = {
    "chemo": ("doublet", "single", "later"),
    "chemo_io": ("doublet_d", "doublet_p"),
    "targeted": ("target_a", "target_b", "target_c"),
    "supportive": ("symptoms", "placebo"),
}
#: Report -> line, and its arms: treatment, patients, overall and progression-free survival with
#: their limits, responders and of how many.
REPORTS = {
    "a2020": ("pretreated", [("target_a", 107, "21.1", "14.8 NR", "6.9", "6.2 9.6", 38, 107)]),
    "b2023": ("pretreated", [("target_b", 103, "21.7", "14.5 NR", "9.0", "6.9 13.1", 43, 103)]),
    "c2023": (
        "first-line",
        [
            ("doublet_p", 533, "12.7", "11.5 13.6", "6.5", "5.7 6.9", 155, 533),
            ("doublet", 536, "10.9", "9.9 11.6", "5.6", "4.9 6.5", 153, 536),
        ],
    ),
    "d2021": (
        "pretreated",
        [
            ("later", 81, "6.2", "5.4 7.6", "4.0", "3.2 5.0"),
            ("symptoms", 81, "5.3", "4.1 5.8"),
        ],
    ),
    "e2022": (
        "first-line",
        [
            ("doublet_d", 341, "12.8", "11.1 14.0", "7.2", "6.7 7.4", 91, 341),
            ("doublet", 344, "11.5", "10.1 12.5", "5.7", "5.6 6.7", 64, 343),
        ],
    ),
    "f2010": (
        "first-line",
        [
            ("doublet", 204, "11.7", "9.5 14.3", "8.0", "6.6 8.6"),
            ("single", 206, "8.1", "7.1 8.7", "5.0", "4.0 5.9"),
        ],
    ),
    "g2021": (
        "pretreated",
        [
            ("target_c", 126, "10.3", "7.8 12.4", "2.7", "1.6 4.2", 3, 126),
            ("placebo", 61, "7.5", "4.8 11.1", "1.4", "1.4 1.6", 0, 61),
        ],
    ),
}
VOCABULARY = {
    "disease": "QT",
    "subject": "quartz tumour",
    "classes": [
        {"id": name, "label": name, "role": "systemic", "order": 10 * i}
        for i, name in enumerate(CLASSES)
    ],
    "treatments": [
        {"id": own, "label": own, "class": name} for name, many in CLASSES.items() for own in many
    ],
    "endpoints": [
        {"id": "os", "label": "Overall survival", "meaning": "Time to death."},
        {"id": "pfs", "label": "Progression-free survival", "meaning": "Time to progression."},
        {"id": "response", "label": "Response", "meaning": "The tumour became smaller."},
    ],
    "designs": {"randomised": "By lot.", "prospective_single_arm": "Planned."},
    "lines": {"first-line": "Not treated before.", "pretreated": "Treated before."},
    "time_origins": {"randomisation": "Day of the lot.", "treatment start": "First dose."},
    "diseases": {"QT": "A tumour of quartz."},
}


def report(name):
    line, arms = REPORTS[name]
    randomised = len(arms) > 1
    own = {"line": line, "time_origin": "randomisation" if randomised else "treatment start"}
    design = "randomised" if randomised else "prospective_single_arm"
    return study(name, *(arm_of(*arm, **own) for arm in arms), design=design)


def arm_of(treatment, n, *printed, **own):
    pairs = zip(("os", "pfs"), (printed[:2], printed[2:4]), strict=True)
    own["survival"] = [
        median(months[0], endpoint=name, ci=months[1], level="0.95")
        for name, months in pairs
        if months
    ]
    if printed[4:]:
        own["response"] = {"responders": printed[4], "evaluable": printed[5]}
    return cohort(treatment, treatment, n, **own)


ROBUST = Variant(study_effects="student-t", retrospective_bias=0.4)


@pytest.fixture(scope="module")
def registry(tmp_path_factory):
    """Seven invented reports of another disease: nearly every treatment has one cohort."""
    folder = tmp_path_factory.mktemp("sparse") / "registry"
    return load_registry(write_registry(folder, *map(report, REPORTS), vocabulary=VOCABULARY))


@pytest.fixture(scope="module")
def data(registry):
    return survival_observations(registry)["os"][0]


@pytest.fixture
def arrays():
    """What is sampled, scales, a sparse design with a row of room to spare, and gaps."""
    rng = np.random.default_rng(4)
    design = 5.0 * rng.standard_normal((5, 9)) * (rng.random((5, 9)) < 0.5)
    gap = rng.standard_normal(5)
    design[3], gap[3] = 0.0, 0.0
    return rng.standard_normal(9), np.abs(rng.standard_normal(9)), design, gap


# --- The map -------------------------------------------------------------------------------------


def test_effects_have_mean_and_variance_given_the_estimates(arrays):
    """The map is linear: exact, but for rounding."""
    _, scale, design, gap = arrays
    rows = design * scale
    variance = np.linalg.inv(np.eye(9) + rows.T @ rows)
    centre, log_determinant, _ = place_effects(np.zeros(9), scale, design, gap)
    np.testing.assert_allclose(centre, variance @ rows.T @ gap, atol=1e-12)
    slopes = np.array([place_effects(own, scale, design, gap)[0] - centre for own in np.eye(9)]).T
    np.testing.assert_allclose(slopes @ slopes.T, variance, atol=1e-12)
    assert np.linalg.slogdet(slopes)[1] == pytest.approx(float(log_determinant), abs=1e-12)


def test_its_slopes_are_those_of_differences(arrays):
    """Central differences at 1e-6: rounding leaves nine digits, bends next to nothing."""
    sampled, scale, design, gap = arrays
    by_effects, by_determinant = np.random.default_rng(5).standard_normal(9), np.asarray(0.7)

    def total(z, s):
        effects, log_determinant, _ = place_effects(z, s, design, gap)
        return effects @ by_effects + by_determinant * log_determinant

    factor = place_effects(*arrays)[2]
    found = pull_back(*arrays, factor, by_effects, by_determinant)
    steps = 1e-6 * np.eye(9)
    by_sampled = [total(sampled + h, scale) - total(sampled - h, scale) for h in steps]
    by_scale = [total(sampled, scale + h) - total(sampled, scale - h) for h in steps]
    np.testing.assert_allclose(found, np.array([by_sampled, by_scale]) / 2e-6, atol=1e-7)


# --- The model -----------------------------------------------------------------------------------


@pytest.mark.parametrize("variant", [USUAL, ROBUST])
def test_the_density_is_that_of_the_model_without_the_map(data, variant):
    """At the effects of what is sampled, less the determinant: sums of some hundred terms."""
    priors, chosen, sizes = load_priors(), family("weibull"), sizes_for([data])
    assert sizes["sharp"] == 16
    without = Sizes(tuple((k, 0 if k == "sharp" else v) for k, v in sizes.room))
    placed, usual = CompiledDensity(sizes), CompiledDensity(without)
    values = model_data(data, priors, chosen, sizes, variant)
    plain = model_data(data, priors, chosen, without, variant)
    assert {name for name in values if not np.array_equal(values[name], plain[name])} == {
        f"sharp_{what}_{name}" for what in ("location", "shape") for name in ("design", "gap")
    }
    for point in placed.points(3):
        at, log_determinant = effects_at(point, values)
        found = placed.at(point, values)
        assert found == pytest.approx(usual.at(at, plain) + log_determinant, rel=1e-11, abs=1e-8)
        assert max(np.abs(at[name] - point[name]).max() for name in point) > 0.5


def effects_at(point, values):
    """The point of the model without the maps, and the log determinant of both."""
    levels = ("class", "treatment", "study")
    sd = {name: exponential(point, values, f"{name}_sd") for name in levels}
    for level in ("cohort", "study"):
        sd[level] = np.sqrt(sd["study"] ** 2 + values[f"{level}_bias"] ** 2)
    names = {n: f"{n}_effect_raw" if n in sd else f"{n}_raw" for n in EFFECTS}
    sd |= {name: values[f"{name}_scale"] for name in EFFECTS if name not in sd}
    first, one = mapped(point, values, "location", names, sd)
    sd = {
        "shape_mean": values["shape_mean_scale"],
        "shape_treatment": exponential(point, values, "shape_treatment_sd"),
        "shape_cohort": exponential(point, values, "shape_sd"),
    }
    own = ("shape_mean_raw", "shape_treatment_effect_raw", "log_shape_raw")
    names = dict(zip(SHAPE_EFFECTS, own, strict=True))
    second, other = mapped(point, values, "shape", names, sd)
    return dict(point) | first | second, one + other


def exponential(point, values, name):
    return values[f"{name}_scale"] * np.exp(point[f"{name}_raw_log__"])


def mapped(point, values, what, names, sd):
    """Effects by the names of what is sampled, and the log determinant of their map."""
    sampled = {name: np.atleast_1d(point[own]) for name, own in names.items()}
    scale = [np.broadcast_to(sd[name], own.shape) for name, own in sampled.items()]
    data = (values[f"sharp_{what}_{name}"] for name in ("design", "gap"))
    together = (np.concatenate(own) for own in ([*sampled.values()], scale))
    effects, log_determinant, _ = place_effects(*together, *data)
    pieces = np.split(effects, np.cumsum([own.size for own in sampled.values()])[:-1])
    at = zip(names.values(), pieces, strict=True)
    return {own: piece.reshape(point[own].shape) for own, piece in at}, float(log_determinant)


def test_estimates_lie_where_medians_do_with_the_errors_of_their_limits(data):
    """A quarter of the error for the rounding of ranks, and for the shape, which is not known."""
    found = estimates(data, family(DEFAULT_FAMILY))
    assert list(found.values()) == sorted(found.values(), key=lambda own: own.sd)
    assert len(found) == len(data.arms)
    for i, own in found.items():
        outcome = data.arms[i].outcome
        low, high = outcome.ci
        assert own.mean == pytest.approx(np.log(float(outcome.median)), abs=1.5 * own.sd)
        if not isinstance(high, str):
            error = np.log(float(high) / float(low)) / 3.92
            assert own.sd == pytest.approx(error, rel=0.25)


def test_a_row_adds_up_to_the_location_of_its_arm(data):
    """Of the sharpest arm, of a trial: the entries over its error."""
    priors, chosen = load_priors(), family(DEFAULT_FAMILY)
    values = model_data(data, priors, chosen, sizes_for([data]))
    (arm, own), *_ = estimates(data, chosen).items()
    row = values["sharp_location_design"][0] * own.sd
    cohort = data.arms[arm].cohort
    covariates = np.array(data.covariates[cohort])
    # the mean, and one class, treatment and study; no share of a histology is printed
    assert row.sum() == pytest.approx(4.0 + covariates.sum(), abs=1e-12)
    locations = [float(values[f"{name}_location"]) for name in COVARIATES]
    centre = priors["overall_median"].location + covariates @ locations
    assert values["sharp_location_gap"][0] * own.sd + centre == pytest.approx(own.mean, abs=1e-12)


def test_a_row_of_shapes_adds_up_to_the_log_shape_of_its_arm(data):
    chosen = family(DEFAULT_FAMILY)
    values = model_data(data, load_priors(), chosen, sizes_for([data]))
    design, gap = values["sharp_shape_design"], values["sharp_shape_gap"]
    known = [own for own in estimates(data, chosen).values() if own.log_shape_sd < 0.5]
    assert len(known) > 2
    for row, distance, own in zip(design, gap, known, strict=False):
        assert row.sum() * own.log_shape_sd == pytest.approx(3.0, abs=1e-12)
        found = distance * own.log_shape_sd + values["shape_mean_location"]
        assert found == pytest.approx(own.log_shape, abs=1e-12)
    assert not design[len(known) :].any()
    fixed = model_data(data, load_priors(), family("exponential"), sizes_for([data]))
    assert not fixed["sharp_shape_design"].any()


def test_registries_without_a_sharp_arm_have_no_map():
    observed = [data for data, _ in survival_observations(shipped()).values()]
    smallest = min(
        own.sd for data in observed for own in estimates(data, family(DEFAULT_FAMILY)).values()
    )
    assert smallest > SHARP_SD
    assert sizes_for(observed)["sharp"] == 0


@pytest.mark.slow
@pytest.mark.parametrize("endpoint", ["os", "pfs"])
def test_a_sparse_registry_passes_without_more_draws(registry, endpoint):
    settings = SamplerSettings(draws=1500)
    fit = fit_survival(registry, endpoint, settings=settings, cache=False)
    assert fit.diagnosis.verdict == "PASS", fit.diagnosis
    # a single divergence is followed by shorter steps alone
    assert fit.draws.settings.draws == settings.draws
