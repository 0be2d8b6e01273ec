"""Whether a model would print the figures it was fitted to: laws, positions and tables."""

from __future__ import annotations

from decimal import Decimal
from functools import cache

import numpy as np
import pandas as pd
import pytest
from fits import fit_of, observations
from registries import by_histology, one_by_one
from scipy import stats
from scipy.special import logsumexp
from simulated_registry import kaplan_meier
from small_registry import cohort, landmark, median, study, write_registry

from studies import load_registry
from synthesis.estimands import Curve
from synthesis.model.printed import METHODS, interval_ranks
from synthesis.predictive import EventOfRank, ShareAlive
from synthesis.questions import checks as question

MANY = 20_000
EVEN = np.full((len(METHODS), MANY), 1.0 / len(METHODS))


@pytest.fixture(scope="module")
def load(tmp_path_factory):
    """Write studies and read them back as a registry."""
    return lambda *tables: load_registry(
        write_registry(tmp_path_factory.mktemp("checks") / "registry", *tables)
    )


# --- figures of one arm, drawn together ----------------------------------------------------------


def population(median_months=5.0, shape=1.2):
    return Curve(np.full(MANY, median_months), np.full(MANY, shape), "weibull")


def drawn_together(laws, seed, weights=EVEN, **more):
    """Figures of one arm of the population, drawn from the same patients."""
    rng = np.random.default_rng(seed)
    return question.draw_together(population(), laws, weights, rng, **more)


def only(method):
    """Weights of one transformation alone."""
    return np.array([[float(name == method)] * MANY for name in METHODS])


def of_ranks(n, *sides):
    ranks = {name: interval_ranks(n, name) for name in METHODS}
    return [
        EventOfRank({name: getattr(own, side) for name, own in ranks.items()}, n) for side in sides
    ]


def patients(n, rng, median_months=5.0, shape=1.2):
    uniform = rng.uniform(size=(MANY, n))
    times = median_months * (-np.log2(1.0 - uniform)) ** (1.0 / shape)
    return np.sort(times, axis=1)


def test_figures_drawn_together_are_those_of_simulated_patients():
    n = 21
    laws = [*of_ranks(n, "lower", "median", "upper"), ShareAlive(9.0, n), ShareAlive(3.0, n)]
    drawn, times = drawn_together(laws, 1, only("log-log")), patients(n, np.random.default_rng(21))
    lower, middle, upper = (int(rank) - 1 for rank in interval_ranks(n, "log-log"))
    brute = [times[:, lower], times[:, middle], times[:, upper]]
    brute += [np.mean(times > at, axis=1) for at in (9.0, 3.0)]
    for mine, theirs in zip(drawn[:3], brute[:3], strict=True):
        assert stats.ks_2samp(mine, theirs).pvalue > 0.001
    for mine, theirs in zip(drawn[3:], brute[3:], strict=True):
        assert mine.mean() == pytest.approx(theirs.mean(), abs=4 * theirs.std() * 2 / MANY**0.5)
        assert mine.std() == pytest.approx(theirs.std(), rel=0.05)
    ranks_of = [stats.rankdata(np.stack(found), axis=1) for found in (drawn, brute)]
    mine, theirs = (np.corrcoef(found) for found in ranks_of)
    assert mine == pytest.approx(theirs, abs=0.04)
    assert np.abs(theirs[0, 1]) > 0.5  # the figures do hang together


def test_a_share_never_contradicts_a_median_of_the_same_patients():
    n = 15
    laws = [*of_ranks(n, "median"), ShareAlive(2.0, n), ShareAlive(4.0, n), ShareAlive(8.0, n)]
    middle, *shares = drawn_together(laws, 2)
    for at, share in zip((2.0, 4.0, 8.0), shares, strict=True):
        gone = np.round(n * (1.0 - share))
        assert ((middle <= at) == (gone >= 8)).all()
    assert (shares[0] >= shares[1]).all()
    assert (shares[1] >= shares[2]).all()
    assert (shares[1] > shares[2]).mean() > 0.5


def test_a_share_of_fewer_patients_than_the_arm_is_binomial_of_those():
    laws = [*of_ranks(40, "median"), ShareAlive(5.0, 12)]
    _, share = drawn_together(laws, 3)
    counts = np.bincount(np.round(12 * share).astype(int), minlength=13)
    expected = stats.binom(12, 0.5).pmf(np.arange(13)) * MANY
    often = expected > 20
    statistic = np.sum((counts[often] - expected[often]) ** 2 / expected[often])
    assert stats.chi2(often.sum() - 1).sf(statistic) > 0.001


@pytest.mark.parametrize("method", METHODS)
def test_the_fitted_weights_choose_the_transformation(method):
    n = 30
    (law,) = of_ranks(n, "lower")
    assert len(set(law.ranks.values())) > 1
    (drawn,) = drawn_together([law], 4, only(method))
    (told,) = drawn_together([law], 5, methods=(method, "median"))
    (alone,) = drawn_together([EventOfRank({method: law.ranks[method]}, n)], 6)
    assert stats.ks_2samp(drawn, alone).pvalue > 0.001
    assert stats.ks_2samp(told, alone).pvalue > 0.001


def test_limits_of_one_arm_have_one_transformation():
    n = 30
    laws = of_ranks(n, "lower", "upper")
    lower, upper = drawn_together(laws, 7)
    rng = np.random.default_rng(8)
    times, drawn = patients(n, rng), rng.integers(len(METHODS), size=MANY)
    rows = np.arange(MANY)
    ranks = np.array([[law.ranks[name] for name in METHODS] for law in laws]).astype(int) - 1
    for mine, own in zip((lower, upper), ranks, strict=True):
        assert stats.ks_2samp(mine, times[rows, own[drawn]]).pvalue > 0.001
    ratio = times[rows, ranks[1][drawn]] / times[rows, ranks[0][drawn]]
    assert stats.ks_2samp(upper / lower, ratio).pvalue > 0.001


# --- positions of printed figures ----------------------------------------------------------------

STUDY_SD, SHAPE_SD, MU, KAPPA = 0.4, 0.1, np.log(6.0), np.log(1.2)


def simulate(count, n=21, seed=9):
    """Reports of one treatment, simulated patient by patient."""
    rng = np.random.default_rng(seed)
    reports = []
    for number in range(count):
        shape = np.exp(KAPPA + SHAPE_SD * rng.standard_normal())
        middle = np.exp(MU + STUDY_SD * rng.standard_normal())
        times = middle * (-np.log2(rng.uniform(size=n))) ** (1.0 / shape)
        found, lower, upper = (Decimal(f"{value:.1f}") for value in kaplan_meier(times))
        limits = {"ci": [lower, upper], "level": Decimal("0.95"), "ci_method": "log-log"}
        alive = Decimal(f"{np.mean(times > 6.0):.2f}")
        arm = cohort(n=n, survival=[median(found, **limits)], landmarks=[landmark(6, alive)])
        reports.append(study(f"author{number}", arm))
    return reports


@pytest.fixture(scope="module")
def simulated(load):
    return load(*simulate(40))


def known(registry, endpoint="os", *, mu=0.0, **fixed):
    """A fit that knows everything but the effects of each cohort: few draws say it all."""
    where = {"log_odds": mu} if endpoint == "response" else {"log_median": mu}
    return fit_of(registry, endpoint, size=30, **where, **fixed)


def true_fit(registry, **other):
    truth = {"mu": MU, "study_sd": STUDY_SD, "shape_mean": KAPPA, "shape_sd": SHAPE_SD}
    return known(registry, **truth | other)


@pytest.fixture(scope="module")
def found(simulated):
    return question.predictive_check(true_fit(simulated), simulated.vocabulary)


def test_positions_of_reports_from_the_model_are_uniform(found):
    table, coverage = found
    assert len(table) == 4 * 40
    for figure in ("median", "lower limit", "upper limit"):
        pits = table.loc[table["figure"] == figure, "pit"]
        assert stats.kstest(pits, "uniform").pvalue > 0.001, figure
    # a count is not uniform, but its mid-p has mean one half and no extra spread
    shares = table.loc[table["figure"] == "survival at 6 months", "pit"]
    assert shares.mean() == pytest.approx(0.5, abs=4 * shares.std() / np.sqrt(len(shares)))
    assert shares.var() < 1 / 12 * 1.3
    assert coverage.in_band
    assert coverage.p > 0.05
    for item, level in zip(coverage.inside, question.LEVELS, strict=True):
        assert item.lower <= item.share <= item.upper
        # rounding does not let more figures inside than the level says
        assert (item.lower + item.upper) / 2 == pytest.approx(level, abs=0.02)


def test_figures_of_one_arm_widen_what_is_expected(found):
    table, coverage = found
    independent = stats.binom(len(table), 0.5).std() / len(table)
    assert coverage.inside[0].upper - coverage.inside[0].lower > 1.2 * 2 * 1.96 * independent


def test_the_variance_of_predictions_is_told_apart(found):
    table, _ = found
    medians = table[table["figure"] == "median"]
    # the variance of the log of a middle event time of 21, whatever the study
    share = stats.beta(11, 11).rvs(200_000, random_state=1)
    chance = np.var(np.log(-np.log2(share)) / np.exp(KAPPA))
    expected = STUDY_SD**2 / (STUDY_SD**2 + chance)
    assert medians["study_part"].mean() == pytest.approx(expected, abs=0.03)
    assert medians["patients_part"].mean() == pytest.approx(1 - expected, abs=0.03)
    assert table[list(question.SOURCES)].sum(axis=1).to_numpy() == pytest.approx(1.0, abs=0.05)
    assert table["histology_part"].max() < 0.01


@pytest.mark.parametrize(
    ("wrong", "level", "too_many"),
    [({"study_sd": 0.0}, 0.95, False), ({"study_sd": 1.2}, 0.5, True), ({"mu": 2.8}, 0.95, False)],
)
def test_a_wrong_model_is_found_out(simulated, wrong, level, too_many):
    table, coverage = question.predictive_check(true_fit(simulated, **wrong), simulated.vocabulary)
    inside = dict(zip(question.LEVELS, coverage.inside, strict=True))[level]
    assert (inside.share > inside.upper) if too_many else (inside.share < inside.lower)
    assert not coverage.in_band
    assert coverage.p < 0.01
    words = " ".join(question.coverage_words(table, coverage))
    assert f"too {'wide' if too_many else 'narrow'} at" in words
    assert "leave the band" in words


def test_a_printed_median_has_its_exact_position(load):
    registry = load(study("one", cohort(n=23, survival=[median("2.6")])))
    table, _ = question.predictive_check(known(registry, mu=np.log(4.0)), registry.vocabulary)
    (row,) = table.to_dict("records")
    share = stats.beta.cdf(1.0 - 0.5 ** (2.6 / 4.0), 12, 12)
    assert row["pit"] == pytest.approx(share, abs=4 * 0.5 / np.sqrt(4000))
    middle = -4.0 * np.log2(1.0 - stats.beta.ppf([0.025, 0.25, 0.5, 0.75, 0.975], 12, 12))
    ends = ["lower", "lower_50", "predicted", "upper_50", "upper"]
    assert [row[name] for name in ends] == pytest.approx(middle, rel=0.08)
    assert row["within"]


def test_replicates_are_rounded_as_the_figure_was(load):
    arm = cohort(n=23, survival=[median(122, unit="days")])
    coarse = cohort("coarse", n=23, survival=[median(4)])
    registry = load(study("one", arm), study("two", coarse))
    table, _ = question.predictive_check(known(registry, mu=np.log(4.0)), registry.vocabulary)
    days, months = (table[table["study"] == name].iloc[0] for name in ("one", "two"))
    for name in ("predicted", "lower", "upper", "lower_50", "upper_50"):
        assert days[name] * 30.4375 == pytest.approx(round(days[name] * 30.4375))
        assert months[name] == round(months[name])
    # many replicates round to the printed 4: half of them count as below
    tied = np.diff(stats.beta.cdf(1.0 - 0.5 ** (np.array([3.5, 4.5]) / 4.0), 12, 12))[0]
    below = stats.beta.cdf(1.0 - 0.5 ** (3.5 / 4.0), 12, 12)
    assert months["pit"] == pytest.approx(below + tied / 2, abs=4 * 0.5 / np.sqrt(4000))
    assert tied > 0.2


def test_response_rates_have_the_positions_of_a_binomial(load):
    counts = (2, 9, 17)
    registry = rates_of(load, counts, 20)
    fit = known(registry, "response", mu=-0.4)
    table, coverage = question.predictive_check(fit, registry.vocabulary)
    law = stats.binom(20, 1.0 / (1.0 + np.exp(0.4)))
    for row, responders in zip(table.to_dict("records"), counts, strict=True):
        exact = law.cdf(responders - 1) + law.pmf(responders) / 2
        assert row["pit"] == pytest.approx(exact, abs=0.03)
        assert row["figure"] == "response rate"
        assert row["printed"] == f"{responders}/20"
    assert list(table["within"]) == [law.ppf(0.025) <= r <= law.ppf(0.975) for r in counts]
    low, high = (law.cdf(np.array(counts) - back) for back in (1, 0))
    for item in coverage.inside:
        ends = 0.5 - item.level / 2, 0.5 + item.level / 2
        shares = (np.clip(high, *ends) - np.clip(low, *ends)) / (high - low)
        assert item.share == pytest.approx(shares.mean(), abs=0.02)
    assert list(question.outliers(table)["study"]) == ["r00", "r02"]


# --- the table -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def various(load):
    groups = by_histology()
    split = cohort(n=23, histology={"pure": 15, "mixed": 8}, subgroups=groups)
    patients = one_by_one("2.0", "5.0", "7.0", alive="7.0")
    beyond = median("not reached", follow_up=Decimal("9.0"))
    even = median("3.1", ci=[Decimal("0.6"), Decimal("5.6")])
    asymmetric = median("4.0", ci=[Decimal("2.0"), Decimal("9.1")])
    return load(
        study("split", split, year=2015),
        study("listed", cohort("arm", "sorafenib", 3, patients=patients), year=2018),
        study("beyond", cohort("arm", "paclitaxel", 14, survival=[beyond])),
        study("late", cohort("arm", "paclitaxel", 30, survival=[asymmetric]), year=2022),
        study("early", cohort("arm", "paclitaxel", 30, survival=[even]), year=2011),
    )


def fit_with_histology(registry):
    """Mixed tumours live longer; shares that are not printed are at zero, as drawn."""
    arms, centre = observations(registry).arms, known(registry).centre_share
    shares = np.array([arm.share or 0.0 for arm in arms])
    middles = np.log(4.0) + 0.8 * (shares - centre)
    return known(registry, mu=middles, prognostic=0.8, study_sd=0.2, mixed_share=shares)


def test_every_arm_has_its_figures_in_order(various):
    asked = fit_with_histology(various), various.vocabulary, ["Paclitaxel", "Lenvatinib"]
    table, coverage = question.predictive_check(*asked)
    assert tuple(table.columns) == question.PREDICTIVE_COLUMNS
    assert tuple(coverage.positions.columns) == question.POSITION_COLUMNS
    rows = list(table[["study", "histology", "n", "figure"]].itertuples(index=False, name=None))
    assert rows == [
        ("early", "not printed", 30, "median"),
        ("beyond", "not printed", 14, "median"),
        ("late", "not printed", 30, "median"),
        ("late", "not printed", 30, "lower limit"),
        ("late", "not printed", 30, "upper limit"),
        ("split", "pure", 15, "median"),
        ("split", "mixed", 8, "median"),
        ("listed", "not printed", 3, "median"),
    ]
    pure, mixed = (table[table["histology"] == name].iloc[0] for name in ("pure", "mixed"))
    ratio = mixed["predicted"] / pure["predicted"]
    assert ratio == pytest.approx(np.exp(0.8), rel=0.15)
    beyond = table[table["study"] == "beyond"].iloc[0]
    assert np.isinf(beyond["value"])
    again, _ = question.predictive_check(*asked)
    assert again.equals(table)
    # what is reached only after the nine months would be printed as not reached
    reached = 1.0 - beyond["pit"]
    assert reached < 0.05
    assert beyond["within"] == (beyond["upper"] == np.inf)


def test_without_a_figure_to_predict_there_is_nothing(load):
    alive = [{"os": Decimal(5), "unit": "months", "event": "alive"}] * 3
    registry = load(study("alive", cohort(n=3, patients=alive)))
    table, coverage = question.predictive_check(known(registry), registry.vocabulary)
    assert table.empty
    assert tuple(table.columns) == question.PREDICTIVE_COLUMNS
    assert coverage.inside == ()
    (sentence,) = question.coverage_words(table, coverage)
    assert sentence == "None of its figures can be set against a prediction."


@pytest.mark.parametrize(
    ("half", "most", "says"),
    [
        (0.55, 0.99, None),
        (0.55, 0.7, "Predictions are too narrow at 95 %; most of their variance is "),
        (0.9, 0.99, "Predictions are too wide at 50 %; most of their variance is "),
    ],
)
def test_sentences_say_what_is_expected(found, half, most, says):
    table, coverage = found
    inside = (
        question.Inside(0.5, half, 0.4, 0.6),
        question.Inside(0.8, 0.8, 0.7, 0.9),
        question.Inside(0.95, most, 0.92, 1.0),
    )
    middling = table[(table["pit"] > 0.1) & (table["pit"] < 0.9)]
    coverage = question.Coverage(coverage.positions, inside, 0.4)
    first, *others, last = question.coverage_words(middling, coverage)
    assert first.endswith(
        f"each predicted by the others: {100 * half:.0f} % lie inside the 50 % intervals (40 to "
        f"60 %), 80 % inside the 80 % ones (70 to 90 %) and {100 * most:.0f} % inside the "
        "95 % ones (92 to 100 %); in brackets the range of registries drawn from the "
        "model."
    )
    assert others[-1] == "The positions can be uniform (p = 0.40)."
    assert [words.startswith(says) for words in others[:-1]] == ([True] if says else [])
    assert last == "No figure is outlying (a position below 0.01 or above 0.99)."
    middling = middling.assign(reliable=middling["study"] != middling["study"].iloc[0])
    *_, doubt, _ = question.coverage_words(middling, coverage)
    assert "only a refit would tell" in doubt
    assert middling["label"].iloc[0] in doubt


def test_an_outlying_figure_is_named(various):
    fit = known(various, mu=np.log(40.0), study_sd=0.01)
    checks = question.check({"os": fit}, various.vocabulary, {})
    said = question.result(checks, various)
    assert set(said.tables) == {"predictive_checks", "predictive_coverage"}
    (own,) = [finding for finding in said.findings if finding.tables]
    assert len(own.tables) == 2
    far = question.outliers(checks.table)
    assert len(far)
    assert [row[0].text for row in own.tables[0].rows] == list(far["label"])
    (picture,) = said.pictures
    assert picture.stem == "predictive_checks"
    assert picture.studies == tuple(dict.fromkeys(checks.table["study"]))
    furthest = (picture.arguments["extremes"]["pit"] - 0.5).abs()
    assert furthest.is_monotonic_decreasing
    assert furthest.max() == (checks.table["pit"] - 0.5).abs().max()


# --- a cohort is not seen by its own prediction ---------------------------------------------------

CENTRES, SPREADS = np.linspace(-4.0, 4.0, 61), np.linspace(0.02, 2.6, 30)
EFFECTS = np.linspace(-5.0, 5.0, 61)
PRIOR = stats.norm(-1.0, 1.0).logpdf(CENTRES)[:, None] + stats.halfnorm(0, 0.7).logpdf(SPREADS)


def rates_of(load, counts, n):
    cohorts = [cohort(n=n, response={"responders": int(k), "evaluable": n}) for k in counts]
    return load(*(study(f"r{number:02d}", own) for number, own in enumerate(cohorts)))


@cache
def by_quadrature(n):
    """Log likelihood of each count at each centre and spread, and of effects, on grids."""
    at = CENTRES[:, None, None] + SPREADS[:, None] * EFFECTS
    rates = 1.0 / (1.0 + np.exp(-at))
    log_effects = stats.norm.logpdf(EFFECTS) + np.log(EFFECTS[1] - EFFECTS[0])
    terms = [stats.binom.logpmf(count, n, rates) + log_effects for count in range(n + 1)]
    return terms, np.array([logsumexp(term, axis=2) for term in terms])


def posterior_fit(registry, counts, n, rng, draws=1000):
    """Exact draws of a response model whose treatments do not differ."""
    terms, values = by_quadrature(n)
    log_p = PRIOR + sum(values[count] for count in counts)
    p = np.exp(log_p - log_p.max()).ravel()
    cells = rng.choice(p.size, draws, p=p / p.sum())
    centre, spread = np.unravel_index(cells, PRIOR.shape)
    effects = []
    for count in counts:
        log_q = terms[count][centre, spread]
        reached = np.cumsum(np.exp(log_q - log_q.max(axis=1, keepdims=True)), axis=1)
        at = (rng.uniform(size=(draws, 1)) * reached[:, -1:] > reached).sum(axis=1)
        effects.append(SPREADS[spread] * EFFECTS[at])
    effects = np.column_stack(effects)
    odds = CENTRES[centre][:, None] + effects
    fixed = {"mu": CENTRES[centre], "study_sd": SPREADS[spread], "study_effect": effects}
    return fit_of(registry, "response", size=draws, log_odds=odds, **fixed)


def exact_positions(counts, n):
    """Middle position of each count in its prediction by the others."""
    _, values = by_quadrature(n)
    whole, found = PRIOR + sum(values[count] for count in counts), []
    for count in counts:
        rest = whole - values[count]
        law = np.exp(logsumexp(rest + values, axis=(1, 2)) - logsumexp(rest))
        found.append(law[:count].sum() + law[count] / 2)
    return np.array(found)


def test_an_absurd_cohort_is_flagged_where_it_is_left_out_and_not_where_it_is_seen(load):
    counts, n = [3, 5, 4, 2, 14, 4, 3, 5], 20
    registry = rates_of(load, counts, n)
    fit = posterior_fit(registry, counts, n, np.random.default_rng(1))
    table, _ = question.predictive_check(fit, registry.vocabulary)
    assert list(question.outliers(table)["study"]) == ["r04"]
    assert table["pit"].to_numpy() == pytest.approx(exact_positions(counts, n), abs=0.04)
    rng = np.random.default_rng(2)
    rate = fit.flat("mu") + fit.flat("study_sd") * rng.standard_normal(fit.flat("mu").size)
    seen = rng.binomial(n, 1.0 / (1.0 + np.exp(-rate)))
    assert np.mean(seen < 14) + np.mean(seen == 14) / 2 < 1 - question.OUTLYING


def test_left_out_positions_of_simulated_registries_are_uniform(load):
    rng, n, tables = np.random.default_rng(5), 15, []
    for _ in range(12):
        spread = np.abs(0.7 * rng.standard_normal())
        odds = rng.normal(-1.0, 1.0) + spread * rng.standard_normal(8)
        counts = rng.binomial(n, 1.0 / (1.0 + np.exp(-odds)))
        registry = rates_of(load, counts, n)
        fit = posterior_fit(registry, counts, n, rng)
        table, _ = question.predictive_check(fit, registry.vocabulary)
        tables.append(table.assign(exact=exact_positions(counts, n)))
    table = pd.concat(tables, ignore_index=True)
    reliable = table[table["reliable"]]
    assert len(reliable) > 0.9 * len(table)
    assert np.abs(reliable["pit"] - reliable["exact"]).max() < 0.06
    for level in question.LEVELS:  # four standard errors, for positions of a count move by steps
        inside = np.mean(np.abs(table["pit"] - 0.5) < level / 2)
        assert inside == pytest.approx(level, abs=4 * np.sqrt(level * (1 - level) / len(table)))


# --- the band ------------------------------------------------------------------------------------


def test_the_band_holds_whole_lines():
    rng = np.random.default_rng(11)

    def lines(count):
        return np.cumsum(rng.standard_normal((count, 40)), axis=1)

    lower, upper = question.envelope(lines(4000))
    fresh = lines(4000)
    inside = ((fresh >= lower) & (fresh <= upper)).all(axis=1).mean()
    assert inside == pytest.approx(0.95, abs=0.015)
    pointwise = np.quantile(fresh, [0.025, 0.975], axis=0)
    assert (upper - lower > pointwise[1] - pointwise[0]).all()
