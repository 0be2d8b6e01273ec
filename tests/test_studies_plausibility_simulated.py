"""Sound reports raise hardly any warning, and slips made on purpose are found in most of them."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pytest
from kaplan_meier import NR, Z, crossing, curve_of, hazard_ratio, log_rank, printed, survival_at
from plausible_registry import registry_of, reviewed, study_of
from small_registry import cohort, study

from studies.plausibility import review
from studies.plausibility.laws import exact_interval

METHODS = ("plain", "log", "log-log")
REPORTS = 300


def patients(rng, n, median, shape, family="weibull"):
    """Times and deaths of n patients, observed for 6 to 60 months."""
    uniform = rng.uniform(size=n)
    if family == "weibull":
        times = median * (-np.log(uniform) / np.log(2.0)) ** (1.0 / shape)
    else:
        times = median * ((1.0 - uniform) / uniform) ** (1.0 / shape)
    observed = rng.uniform(6.0, 60.0, size=n)
    return np.minimum(times, observed), times <= observed


def median_of(curve, *, interval=True, **more):
    """Describe the median of a curve as printed."""
    value = printed(crossing(curve.times, curve.survival))
    record = {"endpoint": "os", "median": value, "unit": "months"} | more
    low = crossing(curve.times, curve.lower)
    if interval and value != NR and low is not None and printed(low) != value:
        high = printed(crossing(curve.times, curve.upper))
        if high != value:
            record |= {"ci": [printed(low), high], "level": Decimal("0.95")}
    return record


def landmark_of(curve, time):
    """Describe a survival probability as printed."""
    survival, low, high = (printed(value, 2) for value in survival_at(curve, time))
    record = {"endpoint": "os", "time": time, "unit": "months", "survival": survival}
    if low < survival < high and 0 < survival < 1:
        record |= {"ci": [low, high], "level": Decimal("0.95")}
    return record


def response_of(rng, n):
    """Describe a response rate as printed, with its exact interval."""
    count = int(rng.binomial(n, 0.3))
    low, high = (printed(100.0 * limit) for limit in exact_interval(count, n))
    return {"orr_percent": printed(100.0 * count / n), "evaluable": n, "orr_ci": [low, high]}


def comparison_of(times, died, first):
    """Describe a comparison of two groups as printed."""
    record = {
        "endpoint": "os",
        "groups": ["first", "second"],
        "p": printed(log_rank(times, died, first), 4),
        "test": "log-rank",
    }
    ratio = hazard_ratio(times, died, first)
    if ratio is not None:
        limits = [np.exp(ratio[0] + sign * Z * ratio[1]) for sign in (-1, 1)]
        if limits[0] > 0.02 and limits[1] < 50.0:
            record |= {
                "hr": printed(np.exp(ratio[0]), 2),
                "hr_ci": [printed(limit, 2) for limit in limits],
            }
    return record


def report(rng, number):
    """A sound report: one cohort of two groups, with everything that a report may print."""
    n = int(rng.integers(12, 160))
    method = METHODS[number % 3]
    family = "weibull" if number % 4 else "log-logistic"
    shape, effect = rng.uniform(0.6, 1.6), np.exp(rng.normal(0.0, 0.4))
    first = np.arange(n) < n // 2
    times, died = patients(rng, n, rng.uniform(4.0, 14.0), shape, family)
    times = np.where(first & died, times * effect, times)
    curve = curve_of(times, died, method)
    groups = []
    for level, members in (("first", first), ("second", ~first)):
        own = curve_of(times[members], died[members], method)
        groups.append(
            {
                "factor": "drug",
                "level": level,
                "n": int(members.sum()),
                "survival": [median_of(own)],
                "landmarks": [landmark_of(own, 12)],
            }
        )
    events = {"events": int(died.sum())} if number % 2 else {}
    arm = cohort(
        n=n,
        survival=[median_of(curve, **events)],
        landmarks=[landmark_of(curve, time) for time in (6, 12, 24)],
        subgroups=groups,
        response=response_of(rng, n),
    )
    return study(f"report{number}", arm, year=None, comparisons=[comparison_of(times, died, first)])


@pytest.fixture(scope="module")
def sound_reports():
    """Reports of simulated patients, free of what is refused in any case."""
    rng = np.random.default_rng(20260)
    return [study_of(report(rng, number)) for number in range(REPORTS)]


def test_sound_reports_raise_hardly_any_warning(sound_reports):
    """Of 300 reports, each with eight intervals, two tests and a dozen points, three may fail."""
    warnings = review(registry_of(*sound_reports)).warnings
    told = [f"{w.check} {w.file} {w.field}: {w.found}, expected {w.expected}" for w in warnings]
    assert len(told) <= REPORTS // 100, "\n".join(told)


def test_every_kind_of_figure_is_among_the_sound_reports(sound_reports):
    outcomes = [report.cohorts[0].survival[0] for report in sound_reports]
    comparisons = [report.comparisons[0] for report in sound_reports]
    marks = [mark for report in sound_reports for mark in report.cohorts[0].landmarks]
    assert sum(outcome.ci is not None for outcome in outcomes) > 250
    assert sum(outcome.ci is not None and outcome.ci[1] == NR for outcome in outcomes) > 5
    assert sum(comparison.hr_ci is not None for comparison in comparisons) > 250
    assert sum(mark.ci is not None for mark in marks) > 600


def found_in(check, slips):
    """Share of studies in which a check finds the slip that was made in each."""
    found = {problem.file for problem in reviewed(*slips).warnings if problem.check == check}
    return len(found) / len(slips)


def whole_arm(rng, number, n, shape=0.9):
    """A cohort without groups, with its curve."""
    times, died = patients(rng, n, 6.0, shape)
    curve = curve_of(times, died, METHODS[number % 3])
    return times, died, curve


def one_arm(number, n, **figures):
    """A study of one cohort."""
    return study(f"slip{number:03d}", cohort(n=n, **figures), year=None)


def test_days_entered_as_months_are_found_and_the_unit_is_named():
    rng = np.random.default_rng(1)
    days = [Decimal(round(float(value))) for value in rng.uniform(65.0, 400.0, size=100)]
    slips = [
        one_arm(i, 40, survival=[{"endpoint": "os", "median": value, "unit": "months"}])
        for i, value in enumerate(days)
    ]
    assert found_in("unit-slip", slips) == 1.0
    warnings = reviewed(*slips).warnings
    named = [f"{d} days are" in w.action for d, w in zip(days, warnings, strict=True)]
    assert np.mean(named) > 0.8


def test_an_interquartile_range_entered_as_an_interval_is_found_in_large_cohorts():
    rng = np.random.default_rng(2)
    slips = []
    for number in range(60):
        n = int(rng.integers(180, 400))
        times, _, curve = whole_arm(rng, number, n)
        quartiles = [printed(value) for value in np.quantile(times, [0.25, 0.75])]
        slips.append(one_arm(number, n, survival=[median_of(curve) | {"ci": quartiles}]))
    assert found_in("interval-width", slips) > 0.7
    (first, *_) = reviewed(*slips).warnings
    assert "write it as iqr" in first.action


def test_a_standard_error_entered_as_an_interval_of_a_survival_is_found():
    rng = np.random.default_rng(4)
    slips = []
    for number in range(60):
        n = int(rng.integers(60, 300))
        share = rng.uniform(0.15, 0.6)
        error = np.sqrt(share * (1.0 - share) / n)
        limits = [printed(share + sign * error, 3) for sign in (-1, 1)]
        mark = {"endpoint": "os", "time": 12, "unit": "months", "survival": printed(share, 3)}
        slips.append(one_arm(number, n, landmarks=[mark | {"ci": limits}]))
    assert found_in("landmark-interval", slips) > 0.95


def test_swapped_digits_of_a_response_rate_are_found():
    rng = np.random.default_rng(5)
    slips = []
    while len(slips) < 100:
        n, count = int(rng.integers(10, 60)), int(rng.integers(1, 10))
        text = f"{100.0 * count / n:.1f}".zfill(4)
        swapped = f"{text[1]}{text[0]}{text[2:]}"
        if count < n and swapped != text:
            printed_rate = {"orr_percent": Decimal(swapped), "evaluable": n}
            slips.append(one_arm(len(slips), n, response=printed_rate))
    assert found_in("response-rate", slips) > 0.9


def test_a_survival_that_lost_its_first_digit_is_found_where_it_bends_the_curve():
    """0.48 half a month after the median, printed as 0.08."""
    rng = np.random.default_rng(6)
    mark = {"endpoint": "os", "time": 12, "unit": "months", "survival": Decimal("0.08")}
    middle = {"endpoint": "os", "median": Decimal("11.5"), "unit": "months"}
    sizes = rng.integers(60, 300, size=40)
    slips = [one_arm(i, int(n), survival=[middle], landmarks=[mark]) for i, n in enumerate(sizes)]
    assert found_in("landmark-median", slips) == 1.0


def test_a_p_value_of_a_tenth_is_found_where_groups_are_far_apart():
    """0.0003 printed as 0.3."""
    rng = np.random.default_rng(7)
    slips = []
    for number in range(40):
        sizes, medians = rng.integers(150, 300, size=2), (Decimal("21.0"), Decimal("3.9"))
        arms = [
            cohort(name, n=int(n), survival=[{"endpoint": "os", "median": m, "unit": "months"}])
            for name, n, m in zip("ab", sizes, medians, strict=True)
        ]
        comparison = {"endpoint": "os", "groups": ["a", "b"], "p": Decimal("0.3")}
        slips.append(study(f"slip{number:03d}", *arms, year=None, comparisons=[comparison]))
    assert found_in("p-value", slips) == 1.0


def test_a_limit_entered_as_the_hazard_ratio_is_found():
    rng = np.random.default_rng(8)
    slips = []
    for number in range(60):
        ratio, error = np.exp(rng.uniform(-1.5, -0.7)), rng.uniform(0.1, 0.25)
        limits = [printed(ratio * np.exp(sign * Z * error), 2) for sign in (-1, 1)]
        comparison = {"endpoint": "os", "groups": ["x", "y"], "hr": limits[1], "hr_ci": limits}
        slips.append(study(f"slip{number:03d}", cohort(), year=None, comparisons=[comparison]))
    assert found_in("hazard-ratio", slips) == 1.0
