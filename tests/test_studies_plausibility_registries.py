"""Whole registries before the checks: the shipped one, simulated ones, and sound reports."""

from __future__ import annotations

import dataclasses
import time
from decimal import Decimal

import numpy as np
import pytest
from calibration.papers import Z95, Patients, cox
from kaplan_meier import crossing, curve_of, log_rank, printed, survival_at
from registries import (
    NR,
    alone,
    arm,
    compared,
    counted,
    group,
    hazard,
    interval,
    months,
    one,
    registry_of,
    response,
    reviewed,
    stages,
    study_of,
    vocabulary,
    warned,
)
from small_registry import cohort, landmark, median, study

from studies.plausibility import review
from studies.plausibility.counts import exact_interval


@pytest.fixture(scope="module")
def looked_at(registry):
    """What the checks found in it."""
    return review(registry)


def files(problems, check):
    """Studies in which a check found something."""
    return {problem.file.removesuffix(".toml") for problem in problems if problem.check == check}


def test_every_warning_is_acknowledged_and_no_acknowledgement_is_stale(looked_at):
    assert [str(problem) for problem in (*looked_at.warnings, *looked_at.stale)] == []


def test_problems_know_their_file_and_folder(registry, looked_at):
    for problem in looked_at.notes:
        path = registry.files[problem.file.removesuffix(".toml")]
        assert (problem.file, problem.folder) == (path.name, str(path.parent))


NOTED = {
    "iqr-not-interval": {"seer_rt_chemo2021", "pisa2023", "kawada2010"},
    "other-endpoint": {
        *("onoda2016", "kawada2010", "smallridge2013", "kim2007", "mohebati2014", "seer1769"),
        *("seer874", "wendler2016", "choi2013", "anlotinib_chemo2023"),
    },
    "one-sided-p": {"sherman2023"},
    "evaluable-below-treated": {"onoda2016", "takahashi2020", "ha2010", "zafereo2025"},
    "other-disease": {
        *("yan2025_scc", "pscct12_wang", "iqbal2024_seer_scct", "shimaoka1985", "encobini2024"),
        *("cams_pscct28", "seer_scc199", "zheng2025_ratc", "carcinosarcoma17", "aic100_aacr2025"),
    },
    "read-as": {"ahn2017", "sugino2002", "choi2013"},
    "selected-patients": {"gangnam_longterm23", "cleveland_young2013", "lenvatinib18_korea"},
    "secondary-figures": {"sherman2023", "subbiah2018", "bible2012", "onoda2016"},
    "symmetric-interval": {"sparano2021", "jannin2023", "aslan2014"},
}


@pytest.mark.parametrize(("check", "expected"), NOTED.items(), ids=NOTED)
def test_known_traps_are_noted(looked_at, check, expected):
    assert expected <= files(looked_at.notes, check)


SHARING = {
    "the MD Anderson series": (
        *("maniakas2020", "iyer2018dt", "iyer2018pembro", "rao2017", "zhao2023", "cabanillas2024"),
        "wang2022_mut",
    ),
    "the Kanagawa series": ("iwasaki2018", "iwasaki2020mco", "iwasaki_ivc"),
    "the cuts of ROAR": ("subbiah2018", "subbiah2022", "subbiah2023", "fda2018dt"),
    "the cuts of ATLEP": ("atlep2020", "atlep2022"),
    "the cuts of SEER": ("huang2019seer", "song2020seer", "seer874", "seer_rt_chemo2021"),
    "the cuts of the National Cancer Database": ("kini2025", "pezzi2017", "ncdb_metastatic_pc"),
}


@pytest.mark.parametrize("reports", SHARING.values(), ids=SHARING)
def test_without_their_declarations_the_same_reports_would_be_flagged(registry, reports):
    """Institution, trial or authors tell it: the declarations are not what is being tested."""
    bare = [
        registry.study(name).model_copy(update={"overlaps": (), "acknowledged": ()})
        for name in reports
    ]
    flagged = [p for p in review(registry_of(*bare)).warnings if p.check == "same-patients"]
    assert len(flagged) >= len(reports) - 1


ACKNOWLEDGED = {
    *(("lenvatinib18_korea", "landmark-count"), ("iyer2018dt", "repeated-figure")),
    *(("seer1769", "landmark-interval"), ("iqbal2024_seer_scct", "landmark-interval")),
    *(("tan1995", "unit-slip"), ("tahara2017", "response-sum")),
}


def test_known_contradictions_are_warned_of_and_acknowledged(looked_at):
    told = {(p.file.removesuffix(".toml"), p.check) for p, _ in looked_at.acknowledged}
    assert told >= ACKNOWLEDGED


def test_a_registry_of_another_disease_asks_nothing_of_medians_it_does_not_know(registry):
    """Usual medians are those of the vocabulary: without them nothing is unusual."""
    study = registry.study("tan1995").model_copy(update={"acknowledged": ()})
    without = registry_of(study)
    endpoints = tuple(
        item.model_copy(update={"usual_median_months": None}) for item in vocabulary().endpoints
    )
    words = vocabulary().model_copy(update={"endpoints": endpoints})
    assert review(without).warnings
    assert not review(dataclasses.replace(without, vocabulary=words)).warnings


def test_the_review_of_the_whole_registry_takes_a_moment(registry):
    def seconds():
        start = time.process_time()
        review(registry)
        return time.process_time() - start

    assert min(seconds() for _ in range(3)) < 0.3


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
    ratio = cox(*(Patients(times[own], died[own]) for own in (first, ~first)))
    if ratio is not None:
        limits = [np.exp(ratio[0] + sign * Z95 * ratio[1]) for sign in (-1, 1)]
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


def slip(number, n, **figures):
    """A study of one cohort, printed with a slip."""
    return study(f"slip{number:03d}", cohort(n=n, **figures), year=None)


def comparing(number, *cohorts, **figures):
    """A study whose one comparison is printed with a slip."""
    comparison = {"endpoint": "os", "groups": ["a", "b"]} | figures
    return study(f"slip{number:03d}", *cohorts, year=None, comparisons=[comparison])


def days_as_months(rng, number):
    return slip(number, 40, survival=[median(Decimal(round(float(rng.uniform(65.0, 400.0)))))])


def quartiles_as_interval(rng, number):
    n = int(rng.integers(180, 400))
    times, died = patients(rng, n, 6.0, 0.9)
    quartiles = [printed(value) for value in np.quantile(times, [0.25, 0.75])]
    curve = curve_of(times, died, METHODS[number % 3])
    return slip(number, n, survival=[median_of(curve) | {"ci": quartiles}])


def standard_error_as_interval(rng, number):
    n, share = int(rng.integers(60, 300)), rng.uniform(0.15, 0.6)
    error = np.sqrt(share * (1.0 - share) / n)
    limits = [printed(share + sign * error, 3) for sign in (-1, 1)]
    return slip(number, n, landmarks=[landmark(12, printed(share, 3), ci=limits)])


def swapped_digits(rng, number):
    while True:
        n, count = int(rng.integers(10, 60)), int(rng.integers(1, 10))
        text = f"{100.0 * count / n:.1f}".zfill(4)
        swapped = f"{text[1]}{text[0]}{text[2:]}"
        if count < n and swapped != text:
            rate = {"orr_percent": Decimal(swapped), "evaluable": n}
            return slip(number, n, response=rate)


def lost_digit(rng, number):
    """0.48 half a month after the median, printed as 0.08."""
    figures = {"survival": [median("11.5")], "landmarks": [landmark(12, "0.08")]}
    return slip(number, int(rng.integers(60, 300)), **figures)


def p_value_of_a_tenth(rng, number):
    """0.0003 of groups that are far apart, printed as 0.3."""
    sizes = rng.integers(150, 300, size=2)
    arms = [
        cohort(name, n=int(n), survival=[median(value)])
        for name, n, value in zip("ab", sizes, ("21.0", "3.9"), strict=True)
    ]
    return comparing(number, *arms, p=Decimal("0.3"))


def limit_as_ratio(rng, number):
    ratio, error = np.exp(rng.uniform(-1.5, -0.7)), rng.uniform(0.1, 0.25)
    limits = [printed(ratio * np.exp(sign * Z95 * error), 2) for sign in (-1, 1)]
    return comparing(number, cohort(), hr=limits[1], hr_ci=limits)


# Slip, check that finds it, number of simulated slips, least share that is found, and the share in
# which the action names what it was.
SLIPS = [
    (days_as_months, "unit-slip", 100, 1.0, "days are", 0.8),
    (quartiles_as_interval, "interval-width", 60, 0.7, "write it as iqr", 0.7),
    (standard_error_as_interval, "landmark-interval", 60, 0.95, "", 0.0),
    (swapped_digits, "response-rate", 100, 0.9, "", 0.0),
    (lost_digit, "landmark-median", 40, 1.0, "", 0.0),
    (p_value_of_a_tenth, "p-value", 40, 1.0, "", 0.0),
    (limit_as_ratio, "hazard-ratio", 60, 1.0, "", 0.0),
]


@pytest.mark.parametrize(("make", "check", "tried", "least", "words", "named"), SLIPS)
def test_slips_are_found_in_simulated_reports(make, check, tried, least, words, named):
    rng = np.random.default_rng(tried)
    warnings = reviewed(*(make(rng, number) for number in range(tried))).warnings
    found = {warning.file: warning.action for warning in warnings if warning.check == check}
    assert len(found) >= least * tried
    assert sum(words in action for action in found.values()) >= named * tried


SOUND = {
    "days are a usual unit": alone(survival=[months("166", unit="days")]),
    "a median at the end of the usual range": alone(survival=[months("60")]),
    "a year at which rounding may cross the range": alone(survival=[months("1")]),
    "the other disease has another survival": alone(
        disease="DTC", not_pooled="differentiated", survival=[months("138")]
    ),
    "the last patients of an enrolment are followed to the report": one(
        arm(landmarks=[landmark(5, "0.2", unit="years")]), enrolment="1996-1999"
    ),
    "progression at the time of death": alone(
        survival=[months("3.1", endpoint="pfs"), months("3.1")]
    ),
    "progression later by rounding alone": alone(
        survival=[months("3.1", endpoint="pfs"), months("3")]
    ),
    "two assessors of one endpoint": alone(
        survival=[months("3.1", label="central"), months("3.4", label="local")]
    ),
    "landmarks that differ by rounding": alone(
        landmarks=[landmark(12, "0.80"), landmark(12, "0.81", endpoint="pfs")]
    ),
    "the same interval and median for two endpoints": alone(
        survival=[months("3.7", ci="1.8 7.6"), months("3.7", ci="1.8 7.6", endpoint="pfs")]
    ),
    "an interval of 36 patients": interval("6.7", "4.7", "13.8", 36),
    "an interval of nine patients": interval("3.6", "0.3", "12.17", 9),
    "five patients, of whom an interval tells nothing": interval("5.0", "0.3", "48.0", 5),
    "an interval without an upper limit": interval("14.2", "4.7", NR, 17),
    "a symmetric interval of few patients": interval("3.1", "0.6", "5.5", 23),
    "a symmetric interval that is said to be so": interval(
        "3.1", "0.1", "6.1", 23, ci_method="symmetric"
    ),
    "an interval whose few events are printed": interval("30.0", "5.0", "54.0", 90, events=12),
    "whole months": interval("4", "3", "5", 60),
    "an interval of 90 percent": interval("6.7", "5.0", "9.9", 56, level="0.90"),
    "a late survivor": alone(
        survival=[months("5.0")], landmarks=[landmark(12, "0.20"), landmark(60, "0.18")]
    ),
    "a step of three patients at the median": alone(
        n=18, survival=[months("11.8")], landmarks=[landmark(12, "0.39")]
    ),
    "few at risk by the printed events": alone(
        n=23, survival=[months("35.8", events=10)], landmarks=[landmark(36, "0.358")]
    ),
    "a 95 % interval of a survival": alone(
        n=42, landmarks=[landmark(12, "0.119", ci="0.044 0.236")]
    ),
    "an interval widened by censoring": alone(
        n=36, landmarks=[landmark(36, "0.171", ci="0.01 0.42")]
    ),
    "fewer survivors counted than the curve has, by censoring": alone(
        n=547,
        landmarks=[landmark(12, "0.18")],
        characteristics=[counted("alive beyond 1 year", 84)],
    ),
    "at risk are the survivors, and those whose event ties with the time": alone(
        n=100, landmarks=[landmark(12, "0.30", at_risk=33)]
    ),
    "few at risk are what censoring leaves": alone(
        n=100, landmarks=[landmark(12, "0.30", at_risk=3)]
    ),
    "a curve read off a little too high": alone(
        n=100, landmarks=[landmark(12, "0.30", at_risk=38, digitised=True)]
    ),
    "survivors of a part of the arm": alone(
        n=18,
        landmarks=[landmark(12, "0.222")],
        characteristics=[counted("alive beyond 1 year", 1, group="stage IVC")],
    ),
    "a rate that is cut off instead of rounded": response(
        responders=2, evaluable=7, orr_percent="28"
    ),
    "a rate of the evaluable": response(orr_percent="21", pr=9, cr=0, evaluable=42, n=56),
    "not evaluable patients outside the denominator": response(
        cr=0, pr=9, sd=22, pd=8, ne=3, evaluable=39, n=42
    ),
    "not evaluable patients inside the denominator": response(
        cr=0, pr=9, sd=22, pd=8, ne=3, evaluable=42, n=56
    ),
    "the exact interval": response(responders=10, evaluable=19, orr_percent="53", orr_ci="29 76"),
    "Wilson's interval": response(
        responders=10, evaluable=19, orr_percent="53", orr_ci="31.7 72.7"
    ),
    "groups with a few patients left out": alone(
        subgroups=[group("stage", "IVB", 20), group("stage", "IVC", 18)]
    ),
    "groups of different factors": alone(
        subgroups=[group("stage", "IVB", 25), group("sex", "male", 18)]
    ),
    "a whole that has the median of one of its parts": alone(
        survival=[months("6.0")], subgroups=stages("6.0", "3.0")
    ),
    "groups that are a part of the cohort": alone(
        survival=[months("8.1")], subgroups=stages("6.0", "3.0", IVB=12, IVC=18)
    ),
    "a share of all patients": alone(characteristics=[counted("asphyxiation", 40, 20, "percent")]),
    "medians of the seed study and its p value": compared((8, 15), ("6.3", "2.7"), p="0.026"),
    "a small p value of large groups": compared((400, 400), ("5.0", "4.0"), p="<0.001"),
    "a p value of one time point": compared(
        (40, 40), ("4.0", "4.1"), p="0.0001", text="at 5 years"
    ),
    "an adjusted p value": compared((40, 40), ("4.0", "4.1"), p="0.0001", adjusted=True),
    "medians and hazard ratio of crossing curves": compared(
        (36, 35), ("5.7", "7.3"), hr="0.86", hr_ci="0.52 1.43", p="0.28", sided=1
    ),
    "a hazard ratio with its interval and p value": hazard(hr="0.24", hr_ci="0.08 0.73", p="0.006"),
    "a hazard ratio with a coarse lower limit": hazard(hr="0.11", hr_ci="0.01 0.83", p="0.009"),
    "an upper limit that is not reached": hazard(hr="3.1", hr_ci="1.1 NR", p="0.03"),
    "an identifier without a year": one(arm(), name="series1769", year=2004),
    "enrolment to the year of the report": one(arm(), enrolment="Apr 1999 to 2001-03"),
    "no year at all": one(arm(), name="abel", year=None, enrolment="1999-2010"),
}


@pytest.mark.parametrize("tables", SOUND.values(), ids=SOUND)
def test_what_only_comes_near_is_not_flagged(tables):
    assert warned(tables) == []
