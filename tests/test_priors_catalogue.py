"""Named priors: complete, legible, and refused in one sentence where they are wrong."""

from __future__ import annotations

import math

import pytest

from priors import Prior, PriorsError, load_priors, priors_skeleton
from synthesis.model.families import FAMILIES
from synthesis.model.response import PRIOR_OF as RESPONSE_PRIOR_OF
from synthesis.model.survival import BIAS_PRIOR, PRIOR_OF, SHAPE_PRIOR, TAIL_PRIOR
from synthesis.questions.certainty import PRIOR as CONFOUNDING

Z = 1.959963984540054  # 97.5 % point of the standard normal

VALID = """
[[priors]]
name = "study_sd"
role = "Between studies"
family = "half_normal"
scale = 1.0
reads_as = "factor"
rationale = "Wider."
source = "A choice"
"""
MOVED = VALID.replace("half_normal", "normal")


def prior(family="normal", location=0.0, scale=0.5, reads_as="ratio"):
    """A prior with words of no importance."""
    words = {"name": "some_prior", "role": "r", "rationale": "r", "source": "s"}
    return Prior(family=family, location=location, scale=scale, reads_as=reads_as, **words)


# --- The default catalogue -----------------------------------------------------------------------


def test_the_catalogue_holds_exactly_the_priors_of_the_models_and_of_confounding():
    by_family = {*SHAPE_PRIOR.values(), *TAIL_PRIOR.values()}
    of_survival = {*PRIOR_OF.values(), *by_family, BIAS_PRIOR}
    # of mutated cohorts, and of the biases of adjusted ratios: no variable is theirs alone
    of_survival |= {"mixed_share_mutated", "adjusted_bias"}
    assert set(load_priors()) == {*of_survival, *RESPONSE_PRIOR_OF.values(), CONFOUNDING}
    assert set(SHAPE_PRIOR) == set(FAMILIES)
    assert set(TAIL_PRIOR) == {name for name, own in FAMILIES.items() if own.has_tail}


def test_every_prior_says_what_it_is_and_why():
    for name, own in load_priors().items():
        assert own.name == name
        for text in (own.role, own.rationale, own.source):
            assert len(text.strip()) > 5


# --- What a reader is told -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("own", "low", "high"),
    [
        (prior(location=math.log(5.0), reads_as="months"), math.exp(-0.5 * Z), math.exp(0.5 * Z)),
        (prior(reads_as="ratio"), math.exp(-0.5 * Z), math.exp(0.5 * Z)),
        (prior(location=-0.1, reads_as="shape"), math.exp(-0.5 * Z), math.exp(0.5 * Z)),
    ],
)
def test_implied_range_of_what_reads_as_a_power_of_e(own, low, high):
    centre = math.exp(own.location)
    # closed forms: rounding only
    assert own.implied() == pytest.approx((centre * low, centre * high), rel=1e-12)


def test_implied_range_of_a_share():
    low, high = prior(location=-0.4, reads_as="share").implied()
    # log odds of the ends, by hand
    assert math.log(low / (1 - low)) == pytest.approx(-0.4 - 0.5 * Z, rel=1e-12)
    assert math.log(high / (1 - high)) == pytest.approx(-0.4 + 0.5 * Z, rel=1e-12)


def test_implied_range_of_a_value_is_that_of_the_model():
    own = prior(location=0.2, reads_as="value")
    assert own.implied() == pytest.approx((0.2 - 0.5 * Z, 0.2 + 0.5 * Z), rel=1e-12)
    assert own.natural(-0.7) == -0.7


def test_implied_range_of_a_standard_deviation():
    low, high = prior("half_normal", scale=0.5, reads_as="factor").implied()
    # quantiles of |Normal(0, 0.5)|: 0.5 times the 51.25 % and 98.75 % points of the normal
    assert math.log(low) / Z == pytest.approx(0.5 * 0.031337982, rel=1e-6)  # eight printed digits
    assert math.log(high) / Z == pytest.approx(0.5 * 2.241402728, rel=1e-6)


def test_another_level_and_the_distribution_in_words():
    low, high = prior(scale=1.0).implied(0.5)
    assert (low * high, math.log(high)) == pytest.approx((1.0, 0.674489750), rel=1e-8)
    assert prior(location=1.609438, scale=0.7).parameters == "Normal(1.609, 0.7)"
    assert prior("half_normal").parameters == "half-normal(0.5)"


# --- Changing one --------------------------------------------------------------------------------


def test_replace_changes_one_and_leaves_the_original():
    default = load_priors()
    wider = default.replace("study_sd", scale=1.0)
    assert (default["study_sd"].scale, wider["study_sd"].scale) == (0.5, 1.0)
    assert wider["study_sd"].rationale == default["study_sd"].rationale
    assert [n for n in default if default[n] != wider[n]] == ["study_sd"]
    moved = default.replace("overall_median", location=2.0)["overall_median"]
    assert (moved.location, moved.scale) == (2.0, default["overall_median"].scale)


def test_the_fingerprint_follows_the_numbers_and_not_the_words(tmp_path):
    default, file = load_priors(), tmp_path / "own.toml"
    file.write_text(VALID.replace("scale = 1.0", f"scale = {default['study_sd'].scale}"))
    assert load_priors(file)["study_sd"].rationale == "Wider."
    assert load_priors(file).fingerprint == default.fingerprint
    assert default.replace("study_sd", scale=1.0).fingerprint != default.fingerprint


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("study_sdd", {"scale": 1.0}, r"no prior is named 'study_sdd': choose one of .*study_sd"),
        ("study_sd", {"scale": 0.0}, r"the scale of prior 'study_sd' must be above zero, found 0"),
        ("study_sd", {"scale": math.inf}, r"'study_sd' must be above zero, found inf"),
        ("overall_median", {"location": math.nan}, r"'overall_median' must be finite, found nan"),
        ("study_sd", {"location": 0.3}, r"'study_sd' is half-normal and has no location"),
    ],
)
def test_replace_refuses(name, change, message):
    with pytest.raises(PriorsError, match=message):
        load_priors().replace(name, **change)


# --- Files ---------------------------------------------------------------------------------------


def test_a_file_replaces_what_it_names_and_keeps_the_rest(tmp_path):
    file = tmp_path / "own.toml"
    file.write_text(VALID)
    own, default = load_priors(file), load_priors()
    assert own["study_sd"].scale == 1.0
    assert [n for n in default if default[n] != own[n]] == ["study_sd"]
    assert list(own) == list(default)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[[priors]\n", r"cannot be read as a TOML file of priors \(.*line 1"),
        ("a = " + "[" * 5000, "cannot be read as a TOML file of priors"),
        ("a = " + "9" * 5000, "cannot be read as a TOML file of priors"),
        ("", r"found no \[\[priors\]\] table, expected at least one: add it"),
        (VALID.replace("study_sd", "study_effect"), r"found the prior 'study_effect', expected"),
        (VALID + VALID, r"the prior 'study_sd' is there twice: keep one"),
        (VALID.replace("1.0", "-1.0"), r"priors\[0\]\.scale: .*greater than 0"),
        (VALID.replace("half_normal", "cauchy"), r"priors\[0\]\.family: .*normal"),
        (VALID.replace('role = "Between studies"\n', ""), r"priors\[0\]\.role: .*required"),
        (VALID.replace("scale = 1.0", "scale = 1.0\nscal = 2"), r"priors\[0\]\.scal: "),
        (VALID + "location = 0.4\n", r"priors\[0\]\.location: .*half_normal"),
        *((VALID.replace("1.0", odd), r"priors\[0\]\.scale: ") for odd in ("nan", "inf")),
        *((MOVED + f"location = {odd}\n", r"priors\[0\]\.location: ") for odd in ("nan", "inf")),
    ],
)
def test_a_bad_file_is_one_sentence_that_names_it(tmp_path, text, message):
    file = tmp_path / "own.toml"
    file.write_text(text)
    with pytest.raises(PriorsError, match=message) as raised:
        load_priors(file)
    assert str(raised.value).startswith(f"{file}: ")
    assert "\n" not in str(raised.value)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(PriorsError, match=r"absent\.toml: cannot be read"):
        load_priors(tmp_path / "absent.toml")


# --- Files of priors -----------------------------------------------------------------------------


def test_a_later_file_replaces_what_an_earlier_one_says(tmp_path):
    first, second = tmp_path / "first.toml", tmp_path / "second.toml"
    first.write_text(VALID + VALID.replace("study_sd", "class_sd"), encoding="utf-8")
    second.write_text(VALID.replace("1.0", "0.2"), encoding="utf-8")
    own = load_priors(first, None, second)
    assert (own["study_sd"].scale, own["class_sd"].scale) == (0.2, 1.0)
    assert own["treatment_sd"] == load_priors()["treatment_sd"]
    assert own.files == own.replace("class_sd", scale=2.0).files == (str(first), str(second))
    assert load_priors().files == ()


def test_the_first_draft_is_refused_until_a_prior_is_filled_in(tmp_path):
    file, text = tmp_path / "priors.toml", priors_skeleton()
    file.write_text(text, encoding="utf-8")
    with pytest.raises(PriorsError, match=r"found no .* add it, or remove the file"):
        load_priors(file)
    lines = (line.removeprefix("# ") for line in text.splitlines() if line.startswith("# "))
    file.write_text("\n".join(lines), encoding="utf-8")
    drafted = load_priors(file)
    assert drafted.fingerprint == load_priors().fingerprint
    assert sum(own.source != load_priors()[own.name].source for own in drafted.values()) == 8
