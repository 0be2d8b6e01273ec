"""Whole registries before the checks: the shipped one, simulated ones, and sound reports."""

from __future__ import annotations

import dataclasses
import time
from decimal import Decimal

import numpy as np
import pytest
from kaplan_meier import Z, crossing, curve_of, hazard_ratio, log_rank, printed, survival_at
from registries import (
    NR,
    D,
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
    shipped,
    study_of,
    vocabulary,
    warned,
)
from small_registry import cohort, landmark, study

from studies.plausibility import NOTES, WARNINGS, findings, review
from studies.plausibility.laws import exact_interval


@pytest.fixture(scope="module")
def registry():
    return shipped()


@pytest.fixture(scope="module")
def looked_at(registry):
    """What the checks found in it."""
    return review(registry)


def files(problems, check):
    """Studies in which a check found something."""
    return {problem.file.removesuffix(".toml") for problem in problems if problem.check == check}


def test_every_warning_is_acknowledged_and_no_acknowledgement_is_stale(looked_at):
    assert [str(problem) for problem in (*looked_at.warnings, *looked_at.stale)] == []


def test_findings_are_the_same_as_the_review_tells(registry, looked_at):
    told = [*looked_at.notes, *(warning for warning, _ in looked_at.acknowledged)]
    found = findings(registry)
    assert sum(len(items) for items in found.values()) == len(told)
    names = {item.check for items in found.values() for item in items}
    assert names <= {*WARNINGS, *NOTES}


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
    "the French registry and lenvatinib series": ("jannin2023", "sparano2021"),
    "the cuts of SEER": ("huang2019seer", "song2020seer", "seer874", "seer_rt_chemo2021"),
    "the cuts of the National Cancer Database": ("kini2025", "pezzi2017", "ncdb_metastatic_pc"),
}


@pytest.mark.parametrize("reports", SHARING.values(), ids=SHARING)
def test_reports_that_share_patients_name_each_other(looked_at, reports):
    told = {
        problem.file.removesuffix(".toml"): problem.found
        for problem in looked_at.notes
        if problem.check == "declared-overlap"
    }
    first, *others = reports
    assert [other for other in others if other not in told[first]] == []
    assert [other for other in others if first not in told[other]] == []


UNDECLARED = {name: reports for name, reports in SHARING.items() if "French" not in name}


@pytest.mark.parametrize("reports", UNDECLARED.values(), ids=UNDECLARED)
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


def test_the_seed_study_has_no_warning(looked_at):
    warned = [p for p, _ in looked_at.acknowledged if p.file == "sparano2021.toml"]
    assert warned == []


def test_days_taken_for_months_would_be_seen_in_a_shipped_study(registry):
    study = registry.study("iwasaki2018")
    outcome = study.cohorts[0].survival[0]
    assert (str(outcome.median), outcome.unit) == ("166", "days")
    cohort = study.cohorts[0].model_copy(
        update={"survival": (outcome.model_copy(update={"unit": "months"}),)}
    )
    slip = study.model_copy(update={"cohorts": (cohort,), "overlaps": ()})
    (warning,) = [w for w in review(registry_of(slip)).warnings if w.check == "unit-slip"]
    assert "166 days are 5.5 months" in warning.action


def test_quartiles_taken_for_an_interval_would_be_seen_in_a_shipped_study(registry):
    study = registry.study("seer_rt_chemo2021")
    outcome = study.cohorts[0].survival[0]
    swapped = outcome.model_copy(update={"ci": outcome.iqr, "iqr": None})
    cohort = study.cohorts[0].model_copy(update={"survival": (swapped,)})
    slip = study.model_copy(update={"cohorts": (cohort,), "overlaps": ()})
    (warning,) = review(registry_of(slip)).warnings
    assert (warning.check, "write it as iqr" in warning.action) == ("interval-width", True)


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


SOUND = {
    "days are a usual unit": one(arm(survival=[months("166", unit="days")])),
    "a median at the end of the usual range": one(arm(survival=[months("60")])),
    "a year at which rounding may cross the range": one(arm(survival=[months("1")])),
    "the other disease has another survival": one(
        arm(disease="DTC", not_pooled="differentiated", survival=[months("138")])
    ),
    "the last patients of an enrolment are followed to the report": one(
        arm(landmarks=[landmark(5, D("0.2"), unit="years")]), enrolment="1996-1999"
    ),
    "progression at the time of death": one(
        arm(survival=[months("3.1", endpoint="pfs"), months("3.1")])
    ),
    "progression later by rounding alone": one(
        arm(survival=[months("3.1", endpoint="pfs"), months("3")])
    ),
    "two assessors of one endpoint": one(
        arm(survival=[months("3.1", label="central"), months("3.4", label="local")])
    ),
    "landmarks that differ by rounding": one(
        arm(landmarks=[landmark(12, D("0.80")), landmark(12, D("0.81"), endpoint="pfs")])
    ),
    "the same interval and median for two endpoints": one(
        arm(
            survival=[
                months("3.7", ci=[D("1.8"), D("7.6")]),
                months("3.7", ci=[D("1.8"), D("7.6")], endpoint="pfs"),
            ]
        )
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
    "an interval of 90 percent": interval("6.7", "5.0", "9.9", 56, level=D("0.90")),
    "a late survivor": one(
        arm(survival=[months("5.0")], landmarks=[landmark(12, D("0.20")), landmark(60, D("0.18"))])
    ),
    "a step of three patients at the median": one(
        arm(n=18, survival=[months("11.8")], landmarks=[landmark(12, D("0.39"))])
    ),
    "few at risk by the printed events": one(
        arm(n=23, survival=[months("35.8", events=10)], landmarks=[landmark(36, D("0.358"))])
    ),
    "a 95 % interval of a survival": one(
        arm(n=42, landmarks=[landmark(12, D("0.119"), ci=[D("0.044"), D("0.236")])])
    ),
    "an interval widened by censoring": one(
        arm(n=36, landmarks=[landmark(36, D("0.171"), ci=[D("0.01"), D("0.42")])])
    ),
    "fewer survivors counted than the curve has, by censoring": one(
        arm(
            n=547,
            landmarks=[landmark(12, D("0.18"))],
            characteristics=[counted("alive beyond 1 year", 84)],
        )
    ),
    "at risk are the survivors, and those whose event ties with the time": one(
        arm(n=100, landmarks=[landmark(12, D("0.30"), at_risk=33)])
    ),
    "few at risk are what censoring leaves": one(
        arm(n=100, landmarks=[landmark(12, D("0.30"), at_risk=3)])
    ),
    "a curve read off a little too high": one(
        arm(n=100, landmarks=[landmark(12, D("0.30"), at_risk=38, digitised=True)])
    ),
    "survivors of a part of the arm": one(
        arm(
            n=18,
            landmarks=[landmark(12, D("0.222"))],
            characteristics=[counted("alive beyond 1 year", 1, group="stage IVC")],
        )
    ),
    "a rate that is cut off instead of rounded": response(
        responders=2, evaluable=7, orr_percent=D("28")
    ),
    "a rate of the evaluable": response(orr_percent=D("21"), pr=9, cr=0, evaluable=42, n=56),
    "not evaluable patients outside the denominator": response(
        cr=0, pr=9, sd=22, pd=8, ne=3, evaluable=39, n=42
    ),
    "not evaluable patients inside the denominator": response(
        cr=0, pr=9, sd=22, pd=8, ne=3, evaluable=42, n=56
    ),
    "the exact interval": response(
        responders=10, evaluable=19, orr_percent=D("53"), orr_ci=[D(29), D(76)]
    ),
    "Wilson's interval": response(
        responders=10, evaluable=19, orr_percent=D("53"), orr_ci=[D("31.7"), D("72.7")]
    ),
    "groups with a few patients left out": one(
        arm(subgroups=[group("stage", "IVB", 20), group("stage", "IVC", 18)])
    ),
    "groups of different factors": one(
        arm(subgroups=[group("stage", "IVB", 25), group("sex", "male", 18)])
    ),
    "a whole that has the median of one of its parts": one(
        arm(
            survival=[months("6.0")],
            subgroups=[
                group("stage", "IVB", 22, survival=[months("6.0")]),
                group("stage", "IVC", 18, survival=[months("3.0")]),
            ],
        )
    ),
    "groups that are a part of the cohort": one(
        arm(
            survival=[months("8.1")],
            subgroups=[
                group("stage", "IVB", 12, survival=[months("6.0")]),
                group("stage", "IVC", 18, survival=[months("3.0")]),
            ],
        )
    ),
    "a share of all patients": one(
        arm(characteristics=[counted("asphyxiation", 40, 20, "percent")])
    ),
    "medians of the seed study and its p value": compared((8, 15), ("6.3", "2.7"), p=D("0.026")),
    "a small p value of large groups": compared((400, 400), ("5.0", "4.0"), p="<0.001"),
    "a p value of one time point": compared(
        (40, 40), ("4.0", "4.1"), p=D("0.0001"), text="at 5 years"
    ),
    "an adjusted p value": compared((40, 40), ("4.0", "4.1"), p=D("0.0001"), adjusted=True),
    "medians and hazard ratio of crossing curves": compared(
        (36, 35), ("5.7", "7.3"), hr=D("0.86"), hr_ci=[D("0.52"), D("1.43")], p=D("0.28"), sided=1
    ),
    "a hazard ratio with its interval and p value": hazard(
        hr=D("0.24"), hr_ci=[D("0.08"), D("0.73")], p=D("0.006")
    ),
    "a hazard ratio with a coarse lower limit": hazard(
        hr=D("0.11"), hr_ci=[D("0.01"), D("0.83")], p=D("0.009")
    ),
    "an upper limit that is not reached": hazard(hr=D("3.1"), hr_ci=[D("1.1"), NR], p=D("0.03")),
    "an identifier without a year": one(arm(), name="series1769", year=2004),
    "enrolment to the year of the report": one(arm(), enrolment="Apr 1999 to 2001-03"),
    "no year at all": one(arm(), name="abel", year=None, enrolment="1999-2010"),
}


@pytest.mark.parametrize("tables", SOUND.values(), ids=SOUND)
def test_what_only_comes_near_is_not_flagged(tables):
    assert warned(tables) == []
