"""Specifications: what each does to priors, observations and switches. Nothing is sampled."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from fits import choice_registry

from priors import load_priors
from synthesis.fits import survival_observations
from synthesis.model.arrays import padded, sizes_for
from synthesis.model.families import FAMILIES
from synthesis.model.survival import USUAL
from synthesis.questions.sensitivity import specifications as spec

registry = pytest.fixture(scope="module")(choice_registry)


def named(registry, base=None):
    return {item.name: item for item in spec.default_specifications(registry, base)}


@pytest.fixture(scope="module")
def found(registry):
    return named(registry)


@pytest.fixture(scope="module")
def everything(registry):
    return spec.observe(registry, "os", spec.EVERYTHING)


def cohorts(data):
    return {ref.id for ref in data.cohorts}


def observed(registry, item):
    return spec.observe(registry, "os", item.apply(spec.Base()).counting)


# --- The list ------------------------------------------------------------------------------------


def test_the_shipped_registry_has_at_least_sixty_choices_of_every_group(shipped):
    found = spec.default_specifications(shipped)
    assert len(found) >= 60
    assert len({item.name for item in found}) == len(found)
    assert len({item.label for item in found}) == len(found)
    assert list(dict.fromkeys(item.group for item in found)) == list(spec.GROUPS)
    for item in found:
        less = item.name.endswith(("halved", "lower"))
        assert item.direction == ((-1 if less else 1) if item.group == "priors" else 0)


def test_groups_can_be_chosen_and_are_checked(registry):
    found = spec.default_specifications(registry, groups=("family", "studies"))
    assert {item.group for item in found} == {"family", "studies"}
    with pytest.raises(ValueError, match="group: found 'prior', expected priors, family"):
        spec.default_specifications(registry, groups=("prior",))


def test_a_choice_is_one_record_of_the_list(registry, monkeypatch):
    figures = {"figures": "early_landmarks"}
    early = spec.Specification("early", "likelihood", "Early", counting=figures)
    belief = spec.Belief("shapes_and_studies", "Both", ("shape_sd", "study_sd"))
    monkeypatch.setattr(spec, "CHOICES", (*spec.CHOICES, early))
    monkeypatch.setattr(spec, "BELIEFS", (*spec.BELIEFS, belief))
    found = named(registry)
    assert found["early"].apply(spec.Base()).counting.figures == "early_landmarks"
    assert set(found["shapes_and_studies_doubled"].priors) == {"shape_sd", "study_sd"}


def test_the_base_is_the_analysis_of_every_report(registry, everything):
    own, base = spec.BASE.apply(spec.Base()), spec.Base()
    assert (own.family, own.variant, own.counting) == (base.family, USUAL, spec.EVERYTHING)
    data, _ = survival_observations(registry)["os"]
    assert everything.cohorts == data.cohorts
    sizes = sizes_for([data])
    own_arrays, arrays = padded(everything, sizes), padded(data, sizes)
    for name, array in arrays.items():
        np.testing.assert_array_equal(own_arrays[name], array)


def test_an_unknown_endpoint_or_family_is_refused():
    with pytest.raises(ValueError, match="endpoint: found 'response', expected os or pfs"):
        spec.Base("response")
    with pytest.raises(ValueError, match="gompertz"):
        spec.Base(family="gompertz")


# --- Priors --------------------------------------------------------------------------------------


def test_a_prior_is_rescaled_and_moved_and_no_other(found):
    usual = load_priors()
    for word, factor in (("halved", 0.5), ("doubled", 2.0)):
        changed = found[f"study_sd_{word}"].apply(spec.Base()).priors
        assert changed["study_sd"].scale == factor * usual["study_sd"].scale
        assert {n for n in usual if changed[n] != usual[n]} == {"study_sd"}
    lower = found["overall_median_lower"].apply(spec.Base()).priors["overall_median"]
    own = usual["overall_median"]
    assert lower.location == pytest.approx(own.location - 0.5 * own.scale)
    assert lower.scale == own.scale
    share = found["mixed_share_higher"].apply(spec.Base()).priors["mixed_share"]
    assert share.location == pytest.approx(usual["mixed_share"].location + 0.5)


def test_priors_of_one_role_are_changed_together(found):
    assert set(found["shapes_halved"].priors) == {"shape_sd", "shape_treatment_sd"}
    # no report says of a BRAF mutation, none counts from the diagnosis
    assert found["covariates_doubled"].priors == ("covariate_retrospective",)
    # a change starts from the priors of the base
    own = spec.Base(priors=load_priors().replace("class_sd", scale=0.3))
    doubled = found["class_sd_doubled"].apply(own).priors
    assert doubled["class_sd"].scale == pytest.approx(0.6)


def test_priors_that_cannot_matter_are_not_changed(registry):
    names = named(registry, spec.Base(family="exponential"))
    assert not any(name.startswith(("shape", "tail")) for name in names)
    assert "study_sd_halved" in names
    shapes = named(registry, spec.Base(family="weibull"))
    # two families share this prior: it is changed once
    assert shapes["shape_halved"].priors == ("shape_weibull",)
    chosen = named(registry, spec.Base(family="long-tail")).values()
    tails = {name for item in chosen for name in item.priors}
    assert {"tail_long_tail", "tail_treatment_sd"} <= tails
    without = spec.Base(counting=replace(spec.EVERYTHING, without_histology=True))
    names = named(registry, without)
    assert not any(name.startswith(("histology", "mixed_share")) for name in names)


# --- Family and likelihood -----------------------------------------------------------------------


def test_every_other_family_is_fitted_alone(found):
    chosen = {item.apply(spec.Base()).family for item in found.values() if item.group == "family"}
    assert chosen == set(FAMILIES) - {spec.Base().family}


def test_variants_switch_one_thing(found):
    assert found["robust"].apply(spec.Base()).variant == replace(USUAL, study_effects="student-t")
    mixture = replace(USUAL, unknown_histology="mixture")
    assert found["mixture"].apply(spec.Base()).variant == mixture
    assert found["no_covariates"].apply(spec.Base()).variant == replace(USUAL, covariates=False)


def arm_of(data, name):
    (arm,) = [a for a in data.arms if data.cohorts[a.cohort].id == name and a.histology == "whole"]
    return arm


def test_figures_fall_away_and_nothing_else(registry, found, everything):
    data = {name: observed(registry, item) for name, item in found.items()}
    # the median, two limits and two landmarks
    assert arm_of(everything, "late:arm").chains[0].time.size == 5
    assert arm_of(data["no_intervals"], "late:arm").chains[0].time.size == 3
    assert arm_of(data["no_landmarks_beside_medians"], "late:arm").chains[0].time.size == 3
    assert arm_of(data["early_landmarks"], "late:arm").chains[0].time.size == 4
    assert arm_of(data["medians_only"], "late:arm").chains[0].time.size == 1
    for name in ("no_intervals", "no_landmarks_beside_medians", "early_landmarks"):
        assert cohorts(data[name]) == cohorts(everything)
    # a cohort of landmarks alone has nothing left
    assert cohorts(everything) - cohorts(data["medians_only"]) == {"marks:arm"}
    assert len(everything.comparisons) == 2
    assert data["no_comparisons"].comparisons == ()
    assert cohorts(data["no_comparisons"]) == cohorts(everything)


def test_intervals_that_do_not_tell_are_read_one_way(registry, found, everything):
    for name in ("plain", "log", "log_log"):
        data = observed(registry, found[f"intervals_{name}"])
        arm = arm_of(data, "trial:two")
        assert arm.told
        assert arm.methods == (name.replace("_", "-"),)
        assert len(arm.chains) == 1
        # one that tells stays as it is
        assert arm_of(data, "trial:one").methods == ("log",)
    untold = arm_of(everything, "trial:two")
    assert not untold.told
    assert untold.methods == ("plain", "log", "log-log")
    # beside its landmarks only one transformation can be behind this interval
    assert arm_of(observed(registry, found["intervals_plain"]), "late:arm").methods == ("log",)


# --- Which figures count -------------------------------------------------------------------------


def test_selection_rules(registry, found, everything):
    base = cohorts(everything)
    assert "late:arm" in base
    assert "early:arm" not in base
    data = {name: cohorts(observed(registry, item)) for name, item in found.items()}
    assert base - data["verified_only"] == {"planned:arm"}
    assert data["prospective"] == {"trial:one", "trial:two", "planned:arm"}
    assert data["overlap_latest"] == base - {"late:arm"} | {"early:arm"}
    assert data["overlap_largest"] == base
    assert data["overlap_all"] == base | {"early:arm"}
    assert data["overlap_none"] == base - {"late:arm"}
    assert base - data["no_histology"] == {"split:arm"}


def test_a_choice_of_the_base_is_not_made_again(registry):
    own = spec.Base(counting=replace(spec.EVERYTHING, verified_only=True))
    names = named(registry, own)
    assert "verified_only" not in names
    assert "read_as" in names


def test_what_gave_way_to_a_report_takes_its_place(registry, found, everything):
    base = cohorts(everything)
    assert cohorts(observed(registry, found["without_late"])) == base - {"late:arm"} | {"early:arm"}
    assert cohorts(observed(registry, found["without_trial"])) == base - {"trial:one", "trial:two"}
    assert found["without_late"].counting == {"without_study": "late"}


def test_classes_are_left_out_in_turn(registry, found):
    named = [item for item in found.values() if item.group == "classes"]
    assert [item.counting["without_class"] for item in named] == ["mki", "chemo", "care"]
    for item in named:
        left = observed(registry, item)
        assert item.counting["without_class"] not in left.classes
        assert len(left.classes) == 2


def test_no_contrast_enters_of_a_report_or_a_class_that_is_left_out(shipped):
    """Adjusted ratios and comparisons of histologies included, whose groups are not counted."""
    found = named(shipped)
    own = observed(shipped, found["prospective"])
    assert {ref.study.design for ref in own.refs} <= spec.PROSPECTIVE
    for item in found.values():
        if item.group == "classes":
            left = item.counting["without_class"]
            assert left not in {ref.treatment_class for ref in observed(shipped, item).refs}


def test_the_reports_that_say_most_are_left_out_first(everything):
    # the split one tells histology, the trial is randomised, paclitaxel was asked about
    assert spec.informative_studies(everything, ("paclitaxel",), 3) == {"split", "trial", "marks"}
    # the largest of the others
    assert spec.informative_studies(everything, (), 3) == {"split", "trial", "planned"}
    assert spec.informative_studies(everything, (), 40) == set(everything.studies)
