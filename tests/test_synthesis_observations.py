"""Counted cohorts as the arrays of the model: the shipped registry, and room to spare."""

from __future__ import annotations

import numpy as np
import pytest

from studies import load_registry
from studies.selection import overlap_pairs
from synthesis.families import FAMILIES, family
from synthesis.likelihoods import listed_patients, logrank_given_medians, printed_curves
from synthesis.models import survival_observations
from synthesis.observations import sizes_for

ENDPOINTS = ("os", "pfs")


@pytest.fixture(scope="module")
def registry():
    return load_registry()


@pytest.fixture(scope="module")
def observed(registry):
    """Observations of each endpoint from the shipped registry."""
    return {name: data for name, (data, _) in survival_observations(registry).items()}


def arms_of(data, study):
    """Arms of one report by histology."""
    return {arm.histology: arm for arm in data.arms if data.cohorts[arm.cohort].study.id == study}


# --- The shipped registry ------------------------------------------------------------------------


def test_survival_with_lenvatinib_enters_by_histology_with_its_log_rank_test(observed):
    data = observed["os"]
    arms = arms_of(data, "sparano2021")
    assert {name: (arm.n, arm.share) for name, arm in arms.items()} == {
        "pure": (15, 0.0),
        "mixed": (8, 1.0),
    }
    assert [arms[name].chains[0].time.tolist() for name in ("pure", "mixed")] == [[2.7], [6.3]]
    (comparison,) = [c for c in data.comparisons if data.arms[c.mixed] is arms["mixed"]]
    assert data.arms[comparison.pure] is arms["pure"]
    # two-sided p = 0.026: z = 2.2262 to five digits; longer survival, so a negative log hazard
    assert comparison.reading.estimate == pytest.approx(-2.2262 * np.sqrt(1 / 8 + 1 / 15), rel=1e-4)
    assert comparison.log_median_ratio == pytest.approx(np.log(6.3 / 2.7), rel=1e-12)
    assert "log-rank p = 0.026" in " ".join(arm.entered_as for arm in arms.values())


def test_progression_with_lenvatinib_enters_as_one_cohort_of_known_share(observed):
    arms = arms_of(observed["pfs"], "sparano2021")
    assert set(arms) == {"whole"}
    assert (arms["whole"].n, arms["whole"].share) == (23, 8 / 23)
    assert arms["whole"].chains[0].time.tolist() == [2.7]
    assert "symmetric" in arms["whole"].entered_as


def test_declared_readings_of_groups_can_be_switched_off(registry, observed):
    shares = {
        ref.cohort.id: arm.share
        for arm in observed["os"].arms
        if (ref := observed["os"].cohorts[arm.cohort]).study.id == "ahn2017"
    }
    assert shares == {"dtc_anaplastic_foci": 1.0, "atc": 0.0}
    data, left_out = survival_observations(registry, use_read_as=False)["os"]
    # without the reading their mixture of treatments says nothing that could be pooled
    assert arms_of(data, "ahn2017") == {}
    kinds = {item.kind for item in left_out if item.study_id == "ahn2017"}
    assert "not_one_treatment" in kinds


@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_every_cohort_enters_and_says_how(observed, endpoint):
    data = observed[endpoint]
    assert {arm.cohort for arm in data.arms} == set(range(len(data.cohorts)))
    assert [data.cohorts[arm.cohort].id for arm in data.arms if not arm.entered_as.strip()] == []
    listed = {patient.arm for patient in data.patients}
    assert [i for i, arm in enumerate(data.arms) if not arm.chains and i not in listed] == []


@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_no_patient_is_counted_twice(registry, observed, endpoint):
    data = observed[endpoint]
    counted = [ref.id for ref in data.cohorts]
    assert len(set(counted)) == len(counted)
    pairs = [(one.id, other.id) for one, other, _ in overlap_pairs(registry)]
    assert pairs
    assert [pair for pair in pairs if set(pair) <= set(counted)] == []
    for index, ref in enumerate(data.cohorts):
        arms = [arm for arm in data.arms if arm.cohort == index]
        assert len({arm.histology for arm in arms}) == len(arms)
        assert sum(arm.n for arm in arms) <= ref.cohort.n


@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_chains_of_one_arm_share_their_times_and_count_its_patients(observed, endpoint):
    for arm in observed[endpoint].arms:
        for own in arm.chains:
            assert own.time.tolist() == arm.chains[0].time.tolist()
            assert own.density.tolist() == arm.chains[0].density.tolist()
            assert (np.diff(own.time) > 0.0).all()
            assert min(own.cell.min(), own.beyond.min()) >= 0.0
            # sums of a few counts in floating point
            assert own.cell.sum() + own.density.sum() + own.beyond.sum() <= arm.n + 1e-9


@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_classes_and_treatments_belong_together(registry, observed, endpoint):
    data, vocabulary = observed[endpoint], registry.vocabulary
    for treatment, own in zip(data.treatments, data.treatment_class, strict=True):
        assert vocabulary.treatment(treatment).class_ == data.classes[own]
    arrays = data.padded(sizes_for([data], spare=False))
    for i, arm in enumerate(data.arms):
        ref = data.cohorts[arm.cohort]
        assert data.treatments[arrays["arm_treatment"][i]] == ref.treatment
        assert data.classes[arrays["arm_class"][i]] == ref.treatment_class
        assert data.studies[arrays["arm_study"][i]] == ref.study.id


# --- Room to spare -------------------------------------------------------------------------------


def log_likelihood(data, sizes, curve):
    """Total of the readable likelihood at arbitrary but fixed parameters of each arm."""
    arrays = data.padded(sizes)
    arms = np.arange(sizes["arm"])
    location, log_shape = 1.5 + 0.3 * np.sin(arms), 0.2 * np.cos(arms)
    points = ("point_arm", "log_time", "cell", "density", "beyond", "log_weight")
    total = printed_curves(location, log_shape, curve, **{key: arrays[key] for key in points}).sum()
    who = arrays["patient_arm"]
    patients = listed_patients(
        location[who],
        log_shape[who],
        curve,
        log_time=arrays["patient_log_time"],
        event=arrays["patient_event"],
    )
    mixed, pure = arrays["comparison_mixed"], arrays["comparison_pure"]
    comparisons = logrank_given_medians(
        location[mixed] - location[pure],
        log_shape[mixed],
        curve,
        estimate=arrays["comparison_estimate"],
        variance=arrays["comparison_variance"],
        printed_contrast=arrays["comparison_medians"],
    )
    total += (arrays["patient_weight"] * patients).sum()
    return total + (arrays["comparison_weight"] * comparisons).sum()


@pytest.mark.parametrize("endpoint", ENDPOINTS)
@pytest.mark.parametrize("name", FAMILIES)
def test_room_to_spare_changes_nothing(observed, endpoint, name):
    data = observed[endpoint]
    exact, shared = sizes_for([data], spare=False), sizes_for(list(observed.values()))
    assert all(shared[key] >= exact[key] for key in exact)
    assert shared["point"] > exact["point"]
    tight = log_likelihood(data, exact, family(name))
    # the same sum with zeros added
    assert log_likelihood(data, shared, family(name)) == pytest.approx(tight, rel=1e-12)


def test_sizes_hold_every_dataset_in_steps(observed):
    sizes = sizes_for(list(observed.values()))
    for data in observed.values():
        assert all(sizes[name] >= count for name, count in data.counts().items())
    assert (sizes["convention"], sizes["arm"] % 16, sizes["point"] % 32) == (3, 0, 0)
    assert sizes == sizes_for(list(observed.values())[::-1])


def test_arrays_have_the_shape_of_their_dimensions(observed):
    data, sizes = observed["os"], sizes_for(list(observed.values()))
    arrays, dims = data.padded(sizes), data.dims()
    assert set(arrays) == set(dims)
    assert {k: a.shape for k, a in arrays.items()} == {
        k: tuple(sizes[d] for d in own) for k, own in dims.items()
    }
    assert all(np.isfinite(a).all() for a in arrays.values())
