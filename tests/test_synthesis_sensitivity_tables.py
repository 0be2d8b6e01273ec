"""What is said of refits: tables, changes, words, power-scaling. Fits are made up."""

from __future__ import annotations

from dataclasses import replace

import golden
import numpy as np
import pytest
from arviz import from_dict, psense
from fits import Counting, choice_registry, drawn_fit, means, observations
from loo_by_hand import DESIGNS, ByHand, drawn, every_kind
from scipy import stats
from scipy.special import logit
from small_registry import write_registry

from studies import load_registry
from synthesis.left_out import log_likelihood_as_drawn
from synthesis.model.sampler import SamplerSettings
from synthesis.questions.sensitivity import (
    SENSITIVITY_COLUMNS,
    curve_table,
    result,
    runner,
    says_nothing,
    sensitivity,
)
from synthesis.questions.sensitivity import specifications as spec
from synthesis.questions.sensitivity.specifications import CHANCE, PROGNOSTIC, RATIO, Conclusion

GROUPS = ("family", "selection", "studies")

registry = pytest.fixture(scope="module")(choice_registry)


@pytest.fixture(scope="module")
def tried(registry):
    return sensitivity(registry, groups=GROUPS, cache=False, fitter=Counting(), draws=200)


def row(answer, conclusion, name):
    table = answer.table[answer.table["conclusion"] == conclusion]
    (one,) = table[table["specification"] == name].to_dict("records")
    return one


# --- Tables --------------------------------------------------------------------------------------

LOG = Conclusion(RATIO, "A ratio", words=("below", "open", "above"))
P = Conclusion(CHANCE, "A probability", scale="chance")
MEDIAN = Conclusion("median_months:x", "A median")


def answered(estimate, lower=np.nan, upper=np.nan, error=0.01):
    return runner.Estimate(estimate, lower, upper, error, error, error, estimate, 0.2, 1.0, 1000.0)


def test_the_answer_is_where_an_interval_or_a_probability_lies():
    for *ends, word in ((0.5, 0.9, "below"), (0.5, 1.5, "open"), (1.1, 1.5, "above")):
        assert runner.answer_word(LOG, answered(1.0, *ends), answered(1.0)) == word
    words = [
        runner.answer_word(P, answered(p), answered(p))
        for p in (0.99, 0.975, 0.97, 0.5, 0.03, 0.02)
    ]
    less = "less likely than not"
    assert words == ["shown", "shown", "more likely than not", less, less, "excluded"]


BASES = {LOG: answered(1.3, 0.9, 1.9), MEDIAN: answered(4.0, 3.0, 5.0)}


@pytest.mark.parametrize(
    ("item", "own", "change"),
    [
        (LOG, answered(1.4, 0.95, 2.0), runner.SAME),
        (LOG, answered(1.6, 1.2, 2.1), runner.CHANGES),
        (LOG, answered(1.5, 1.01, 2.1), runner.AT_THE_LIMIT),  # one standard error above no effect
        (MEDIAN, answered(4.9, 4.0, 6.0), runner.SAME),
        (MEDIAN, answered(5.01, 4.0, 6.0), runner.AT_THE_LIMIT),
        (MEDIAN, answered(5.5, 4.0, 7.0), runner.CHANGES),  # out of the interval of the base
        (P, answered(0.99, error=0.001), runner.CHANGES),
        (P, answered(0.98), runner.AT_THE_LIMIT),
        (P, answered(0.4), runner.CHANGES),
    ],
)
def test_a_conclusion_changes_beyond_monte_carlo_error_only(item, own, change):
    assert runner.change_of(item, own, BASES.get(item, answered(0.9))) == change


def test_the_table_has_every_conclusion_under_every_choice(tried):
    table = tried.table
    assert tuple(table.columns) == SENSITIVITY_COLUMNS
    assert len(table) == len(tried.refits) * len(tried.question.conclusions)
    assert (table["specification"].iloc[: len(tried.question.conclusions)] == "base").all()
    assert not table.loc[table["specification"] == "base", "difference"].any()


def test_what_changes_is_said(tried):
    weibull = row(tried, RATIO, "family_weibull")
    assert weibull["change"] == runner.CHANGES
    assert weibull["base_answer"] == "longer under lenvatinib"
    assert weibull["answer"] == "either may be longer"
    assert weibull["difference"] == pytest.approx(
        weibull["estimate"] - row(tried, RATIO, "base")["estimate"]
    )
    assert weibull["shift_in_sd"] < -1.0
    assert row(tried, RATIO, "family_log_normal")["change"] == runner.SAME
    split = row(tried, PROGNOSTIC, "without_split")
    assert split["answer"] == "either may be longer"
    changing = {"family_weibull", "no_histology", "prospective", "without_split"}
    assert set(tried.changes["specification"]) == changing
    # a treatment without cohorts has no answer
    gone = row(tried, "median_months:paclitaxel", "without_marks")
    assert gone["change"] == runner.NO_ANSWER
    assert np.isnan(gone["estimate"])
    assert gone["note"] == "no cohort of the treatment is left"
    assert row(tried, RATIO, "prospective")["change"] == runner.NO_ANSWER
    assert row(tried, RATIO, "without_late")["counted_instead"] == "Early 2022"
    assert row(tried, RATIO, "without_split")["counted_instead"] == ""


def test_a_figure_gets_the_choices_with_an_answer(tried):
    curve = curve_table(tried.table, RATIO)
    assert "prospective" not in set(curve["specification"])
    headings = ["", "Survival family", "Which figures count", "Without one report"]
    assert list(curve["heading"].unique()) == headings
    # no aspect is chosen in so many ways that its choices need numbers, but for the reports
    numbered = curve[curve["mark"] != ""]
    assert set(numbered["group"]) <= {"studies", "selection"}


# --- Words ---------------------------------------------------------------------------------------


def test_what_is_its_prior_but_for_monte_carlo_error_says_nothing(tried):
    prior = tried.base.priors["histology_prognostic"]
    lower, upper = prior.implied()
    same = {"estimate": 1.02, "lower": lower - 0.02, "upper": upper + 0.02, "error": 0.01}
    assert says_nothing(same, prior)
    assert not says_nothing(same | {"estimate": 1.04}, prior)


def page_of(answer, registry):
    """Everything that is said, as plain text."""
    said = result(answer, registry)
    lines = [f"# {said.title}", *said.lead]
    for finding in said.findings:
        lines += [f"## {finding.heading}", *finding.sentences]
        for table in finding.tables:
            lines.append(f"{table.title} | " + " | ".join(own.label for own in table.columns))
            for heading, rows in table.grouped():
                lines += [f"[{heading}]"] if heading else []
                for cells in rows:
                    texts = (f"{own.text} ({own.more})" if own.more else own.text for own in cells)
                    lines.append(" | ".join(texts))
            lines += [table.note] if table.note else []
        lines += [f"{own.stem}: {own.title}\n{own.caption}\n{own.alt}" for own in finding.pictures]
    return "\n".join([*lines, *map(str, said.verdicts.items())]) + "\n"


def test_what_is_said_is_the_page_that_was_read(tried, registry):
    golden.check("sensitivity", page_of(tried, registry))


# --- Power-scaling -------------------------------------------------------------------------------


def test_diagnoses():
    pairs = ((0.01, 0.2), (0.05, 0.2), (0.3, 0.01), (0.01, 0.01))
    words = [runner.diagnosis_of(*pair) for pair in pairs]
    speak = ["the data speak", "prior and data differ", "the prior speaks", "neither is sensitive"]
    assert words == speak


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("scaling") / "registry"
    return observations(load_registry(write_registry(folder, *every_kind(), vocabulary=DESIGNS)))


@pytest.fixture(scope="module")
def made_up(registry):
    question = spec.ask(spec.observe(registry, "os", spec.EVERYTHING), registry.vocabulary)
    (base,), _ = runner.Job(registry, spec.Base(), question, ()).prepare()
    settings = SamplerSettings(draws=500, chains=4, seed=3)
    return drawn_fit(base, settings, at=means(base)), question


@pytest.mark.parametrize("family", ["weibull", "log-logistic", "long-tail", "exponential"])
def test_the_likelihood_of_the_cohorts_is_that_of_all_arms_and_comparisons(data, family):
    own, fit = drawn(data, family)
    found = log_likelihood_as_drawn(fit)
    assert found.shape == (3, len(data.cohorts))
    for s in range(3):
        hand = ByHand(own, fit, s)
        location, shape = own["log_median"][s], own["log_shape"][s]
        shapes = [shape[arm.cohort] for arm in data.arms]
        total = sum(
            float(np.squeeze(hand.arm(i, location[i : i + 1], np.array([shapes[i]]))))
            for i in range(len(data.arms))
        )
        for item in data.comparisons:
            groups = [item.first, item.second]
            at, own_shapes = location[groups], [shapes[i] for i in groups]
            total += float(np.squeeze(hand.comparison(item, at, own_shapes)))
        # sums of a few hundred in double precision
        assert found[s].sum() == pytest.approx(total, abs=1e-8)


def test_priors_have_their_densities_up_to_a_constant(made_up):
    fit, _ = made_up
    found, flat = runner.log_priors(fit), fit.flat
    # shares that are printed have no prior
    unknown = [i for i, arm in enumerate(fit.data.arms) if arm.share is None]
    assert 0 < len(unknown) < len(fit.data.arms)
    exact = {
        "overall_median": (stats.norm, flat("mu")),
        "study_sd": (stats.halfnorm, flat("study_sd")),
        "histology_predictive": (stats.norm, flat("predictive")),
        "mixed_share": (stats.norm, logit(flat("mixed_share")[:, unknown])),
    }
    for name, (law, values) in exact.items():
        prior = fit.priors[name]
        density = law.logpdf(values, prior.location, prior.scale).reshape(len(values), -1)
        steps = np.diff(density.sum(axis=1))
        np.testing.assert_allclose(np.diff(found[name]), steps, atol=1e-9, err_msg=name)


def test_priors_that_the_likelihood_cannot_reach_are_not_scaled(made_up):
    fit, _ = made_up
    names = set(runner.log_priors(fit))
    assert {"overall_median", "shape_log_logistic", "convention_logit"} <= names
    # no tail in this family, no BRAF status in these reports
    assert not {"tail_treatment_sd", "shape_weibull", "covariate_braf_mutated"} & names
    alone = replace(fit, data=fit.data.at_share(0.4))
    assert "mixed_share" not in runner.log_priors(alone)


def test_every_conclusion_is_set_against_all_priors_and_each(made_up):
    fit, question = made_up
    found = runner.power_scaling(fit, question)
    names = [runner.ALL, *runner.log_priors(fit)]
    conclusions = dict.fromkeys(row["conclusion"] for row in found)
    assert [row["prior"] for row in found] == names * len(conclusions)
    # the probability follows the difference
    assert "p_gain" not in conclusions
    assert len(conclusions) == len(question.conclusions) - 1
    rows = {row["prior"]: row for row in found if row["conclusion"] == "prognostic_ratio"}
    assert len({row["likelihood_sensitivity"] for row in rows.values()}) == 1
    # made-up draws are independent: the effect answers to its own prior
    own = rows.pop("histology_prognostic")["prior_sensitivity"]
    del rows[runner.ALL]
    assert own > 3.0 * max(row["prior_sensitivity"] for row in rows.values())


def test_a_posterior_that_is_its_prior_answers_to_the_prior_alone():
    """The sensitivity of a normal to its own power: its scale goes as one over the root."""
    x = np.random.default_rng(4).standard_normal((4, 2000))
    tree = from_dict(
        {
            "posterior": {"x": x},
            "log_prior": {"x": -0.5 * x**2},
            "log_likelihood": {"y": np.zeros((4, 2000, 1)) + 1e-9 * x[..., None]},
        }
    )
    prior = float(psense(tree, group="prior")["x"])
    likelihood = float(psense(tree, group="likelihood")["x"])
    assert prior > 0.05 > likelihood
