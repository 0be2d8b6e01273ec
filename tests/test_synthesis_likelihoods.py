"""Likelihood terms against formulas written out by hand."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from synthesis.model.families import FAMILIES, family, log_density, log_survival
from synthesis.model.likelihoods import (
    arm_log_likelihood,
    chain_log_likelihood,
    listed_patients,
    log_at_least,
    log_difference,
)
from synthesis.model.printed import (
    FixedTime,
    OrderStatistic,
    PrintedMedian,
    Reading,
    candidate_chains,
    chain,
)

# Sums of a few logarithms of order ten: closed forms agree to rounding.
EXACT = 1e-10

LIMITS = PrintedMedian(Reading(3.5, 0.005), Reading(2.1, 0.005), Reading(9.1, 0.005))
LOCATION, LOG_SHAPE = np.log(4.0), np.log(0.8)


# --- Arms ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", FAMILIES)
def test_conventions_are_averaged_with_their_weights(name):
    chains = [own for _, own in candidate_chains(LIMITS, [], 15)]
    weights = np.array([0.2, 0.5, 0.3])
    found = arm_log_likelihood(chains, np.log(weights), LOCATION, LOG_SHAPE, family(name), 0.4)
    each = [
        float(np.exp(chain_log_likelihood(own, LOCATION, LOG_SHAPE, family(name), 0.4)))
        for own in chains
    ]
    assert len(set(each)) == 3
    assert found == pytest.approx(np.log(weights @ each), abs=EXACT)


@pytest.mark.parametrize("name", FAMILIES)
def test_parameters_broadcast_and_every_entry_is_its_own(name):
    chains = [own for _, own in candidate_chains(LIMITS, [FixedTime(12.0, 0.2)], 15)]
    location, tail = np.array([1.0, 1.5, 2.0])[:, None], np.array([-0.4, 0.0])
    log_shape, log_weights = np.array([-0.3, 0.1]), [np.log([[0.2], [0.3], [0.4]])] * len(chains)
    found = arm_log_likelihood(chains, log_weights, location, log_shape, family(name), tail)
    assert found.shape == (3, 2)
    for i in range(3):
        for j in range(2):
            own = [weight[i, 0] for weight in log_weights]
            one = arm_log_likelihood(
                chains, own, location[i, 0], log_shape[j], family(name), tail[j]
            )
            assert found[i, j] == pytest.approx(float(one), abs=EXACT)


def of_patients(kind, t, location):
    """Survival or density of one kind of patients at one time."""
    z = np.exp(LOG_SHAPE) * (np.log(t) - location)
    if kind == "survival":
        return np.exp(log_survival(z, family("weibull")))
    return np.exp(log_density(z, LOG_SHAPE, np.log(t), family("weibull")))


def test_an_arm_of_two_kinds_of_patients_has_the_mixed_curve():
    """The chain of a mixture by hand: survival and density are averages of the two kinds."""
    shift, share = 0.9, 0.35

    def mixed(kind, t):
        one, two = (of_patients(kind, t, LOCATION + by) for by in (0.0, shift))
        return (1.0 - share) * one + share * two

    own = chain([OrderStatistic(Reading(3.52, 0.005), 8), FixedTime(12.0, 0.2)], 15)
    s, f = mixed("survival", 3.52), mixed("density", 3.52)
    expected = stats.binom.logpmf(8, 15, s) + np.log(8) - np.log(1.0 - s) + np.log(f)
    # 8 * C(15, 8) (1 - s)^7 f s^7: from the binomial of seven survivors
    expected = stats.binom.logpmf(7, 15, s) + np.log(8.0 * f / (1.0 - s))
    expected += stats.binom.logpmf(3, 7, mixed("survival", 12.0) / s)
    found = chain_log_likelihood(
        own, LOCATION, LOG_SHAPE, family("weibull"), shift=shift, share=share
    )
    assert float(found) == pytest.approx(expected, abs=EXACT)


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_a_mixture_of_one_kind_is_that_kind(share):
    own = chain([OrderStatistic(Reading(3.52, 0.005), 8), FixedTime(12.0, 0.2)], 15)
    found = chain_log_likelihood(own, 1.2, -0.1, family("log-normal"), shift=0.7, share=share)
    alone = chain_log_likelihood(own, 1.2 + 0.7 * share, -0.1, family("log-normal"))
    assert float(found) == pytest.approx(float(alone), abs=EXACT)


def test_log_difference():
    np.testing.assert_allclose(log_difference(np.log(0.7), np.log(0.2)), np.log(0.5), rtol=1e-14)
    assert np.isfinite(log_difference(np.array(-0.3), np.array(-0.3)))


@pytest.mark.parametrize(("count", "size"), [(1, 1), (5, 9), (9, 16), (51, 100), (16, 16)])
def test_so_many_or_more_is_a_binomial_tail(count, size):
    p = np.array([0.02, 0.3, 0.5, 0.77, 0.999])
    found = log_at_least(float(count), float(size), np.log(p))
    np.testing.assert_allclose(np.exp(found), stats.binom.sf(count - 1, size, p), rtol=1e-10)


def test_effective_numbers_lie_between_whole_ones():
    low, middle, high = (log_at_least(c, 14.5, np.log(0.6)) for c in (8.0, 8.5, 9.0))
    assert high < middle < low


@pytest.mark.parametrize("name", FAMILIES)
def test_listed_patients_are_density_or_survival(name):
    location, log_shape = np.log([3.0, 3.0]), np.log([0.9, 0.9])
    log_time, curve, tail = np.log([2.0, 5.0]), family(name), np.array([0.3, 0.3])
    z = 0.9 * (log_time - location)
    found = listed_patients(
        location, log_shape, curve, log_time=log_time, event=np.array([1.0, 0.0]), tail=tail
    )
    assert found[0] == log_density(z, log_shape, log_time, curve, tail)[0]
    assert found[1] == log_survival(z, curve, tail)[1]
