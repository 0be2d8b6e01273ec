"""Ranks of a Kaplan-Meier median and its limits, without censoring."""

from __future__ import annotations

import pytest

from synthesis.model.printed import METHODS, Ranks, interval_ranks, median_rank

# Lower limit, median, upper limit among uncensored times 1..n, from R's survival package.
FROM_R = {
    (8, "plain"): (2, 4.5, 7),
    (8, "log"): (3, 4.5, None),
    (8, "log-log"): (1, 4.5, 7),
    (15, "plain"): (5, 8, 11),
    (15, "log"): (5, 8, 13),
    (15, "log-log"): (3, 8, 11),
    (23, "plain"): (8, 12, 16),
    (23, "log"): (8, 12, 18),
    (23, "log-log"): (7, 12, 16),
    (36, "plain"): (13, 18.5, 24),
    (36, "log"): (13, 18.5, 25),
    (36, "log-log"): (12, 18.5, 24),
}


@pytest.mark.parametrize(("n", "method"), FROM_R)
def test_ranks_are_those_of_r(n, method):
    assert interval_ranks(n, method) == Ranks(*FROM_R[n, method])


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("n", range(3, 81))
def test_limits_lie_on_either_side_of_the_median(n, method):
    lower, median, upper = interval_ranks(n, method)
    assert lower is not None
    assert 1 <= lower < median
    assert upper is None or median < upper <= n


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("n", [5, 15, 40])
def test_a_higher_level_never_narrows_the_interval(n, method):
    narrow, wide = interval_ranks(n, method, 0.8), interval_ranks(n, method, 0.95)
    assert (wide.lower or 0) <= narrow.lower
    if wide.upper is not None:
        assert narrow.upper <= wide.upper


@pytest.mark.parametrize(("n", "rank"), [(1, 1.0), (2, 1.5), (15, 8.0), (18.5, 9.75)])
def test_median_rank(n, rank):
    assert median_rank(n) == rank


@pytest.mark.parametrize(
    ("n", "method", "level"),
    [(0, "log", 0.95), (10, "arcsine", 0.95), (10, "plain", 1.0), (10, "plain", 0.0)],
)
def test_bad_arguments_are_named(n, method, level):
    with pytest.raises(ValueError, match=f"n={n}, method='{method}', level={level}"):
        interval_ranks(n, method, level)
