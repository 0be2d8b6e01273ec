"""What is said of refits: tables, changes beyond Monte Carlo error, words. Fits are made up."""

from __future__ import annotations

import numpy as np
import pytest
from fits import CHOICE_WORDS, Counting, six_reports
from small_registry import write_registry

from studies import load_registry
from synthesis.sensitivity.conclusions import (
    CHANCE,
    PROGNOSTIC,
    RATIO,
    Answered,
    Conclusion,
    answer_word,
)
from synthesis.sensitivity.measure import sensitivity
from synthesis.sensitivity.power_scaling import Scaled, diagnosis_of
from synthesis.sensitivity.store import Store
from synthesis.sensitivity.tables import (
    AT_THE_LIMIT,
    CHANGES,
    NO_ANSWER,
    SAME,
    SENSITIVITY_COLUMNS,
    change_of,
    curve_table,
)
from synthesis.sensitivity.words import influence_words

GROUPS = ("family", "selection", "studies")
PREDICTIVE = "predictive_ratio:lenvatinib"


@pytest.fixture(scope="module")
def registry(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sensitivity") / "registry"
    return load_registry(write_registry(folder, *six_reports(), vocabulary=CHOICE_WORDS))


@pytest.fixture(scope="module")
def found(registry, tmp_path_factory):
    store = Store(tmp_path_factory.mktemp("store"))
    return sensitivity(registry, groups=GROUPS, store=store, fitter=Counting(), draws=200)


def row(found, conclusion, name):
    table = found.table
    (one,) = table[(table["conclusion"] == conclusion) & (table["specification"] == name)].to_dict(
        "records"
    )
    return one


def text_of(found, question):
    (text,) = [item.text for item in found.findings if item.question.startswith(question)]
    return text


# --- Tables --------------------------------------------------------------------------------------

LOG = Conclusion(RATIO, RATIO, "A ratio", words=("below", "open", "above"))
P = Conclusion(CHANCE, CHANCE, "A probability", scale="chance")
MEDIAN = Conclusion("median_months:x", "median_months", "A median")


def answered(estimate, lower=np.nan, upper=np.nan, error=0.01):
    return Answered(estimate, lower, upper, error, error, error, estimate, 0.2, 1.0, 1000.0)


@pytest.mark.parametrize(
    ("lower", "upper", "word"),
    [(0.5, 0.9, "below"), (0.5, 1.5, "open"), (1.1, 1.5, "above")],
)
def test_the_answer_of_a_ratio_is_where_its_interval_lies(lower, upper, word):
    assert answer_word(LOG, answered(1.0, lower, upper)) == word


@pytest.mark.parametrize(
    ("p", "word"),
    [
        (0.99, "shown"),
        (0.975, "shown"),
        (0.97, "more likely than not"),
        (0.5, "less likely than not"),
        (0.03, "less likely than not"),
        (0.02, "excluded"),
    ],
)
def test_the_answer_of_a_probability(p, word):
    assert answer_word(P, answered(p)) == word


def test_a_conclusion_changes_beyond_monte_carlo_error_only():
    base = answered(1.3, 0.9, 1.9)
    assert change_of(LOG, answered(1.4, 0.95, 2.0), base) == SAME
    assert change_of(LOG, answered(1.6, 1.2, 2.1), base) == CHANGES
    # 1.01 is one standard error above no effect
    assert change_of(LOG, answered(1.5, 1.01, 2.1), base) == AT_THE_LIMIT
    assert change_of(P, answered(0.99, error=0.001), answered(0.9)) == CHANGES
    assert change_of(P, answered(0.98), answered(0.9)) == AT_THE_LIMIT
    assert change_of(P, answered(0.4), answered(0.6)) == CHANGES


def test_a_median_changes_where_it_leaves_the_interval_of_the_base():
    base = answered(4.0, 3.0, 5.0)
    assert change_of(MEDIAN, answered(4.9, 4.0, 6.0), base) == SAME
    assert change_of(MEDIAN, answered(5.01, 4.0, 6.0), base) == AT_THE_LIMIT
    assert change_of(MEDIAN, answered(5.5, 4.0, 7.0), base) == CHANGES


def test_the_table_has_every_conclusion_under_every_choice(found):
    table = found.table
    assert tuple(table.columns) == SENSITIVITY_COLUMNS
    choices = 1 + len(found.specifications)
    assert len(table) == choices * len(found.question.conclusions)
    assert (table["specification"].iloc[: len(found.question.conclusions)] == "base").all()
    assert not table.loc[table["specification"] == "base", "difference"].any()


def test_what_changes_is_told(found):
    weibull = row(found, RATIO, "family_weibull")
    assert weibull["change"] == CHANGES
    assert weibull["base_answer"] == "longer under lenvatinib"
    assert weibull["answer"] == "either may be longer"
    assert weibull["difference"] == pytest.approx(
        weibull["estimate"] - row(found, RATIO, "base")["estimate"]
    )
    assert weibull["shift_in_sd"] < -1.0
    assert row(found, RATIO, "family_log_normal")["change"] == SAME
    split = row(found, PROGNOSTIC, "without_split")
    assert split["answer"] == "either may be longer"
    assert set(found.changes["specification"]) == {
        "family_weibull",
        "no_histology",
        "prospective",
        "without_split",
    }


def test_a_treatment_without_cohorts_has_no_answer(found):
    gone = row(found, "median_months:paclitaxel", "without_marks")
    assert gone["change"] == NO_ANSWER
    assert np.isnan(gone["estimate"])
    assert gone["note"] == "no cohort of the treatment is left"
    assert row(found, RATIO, "prospective")["change"] == NO_ANSWER


def test_what_is_counted_instead_is_told(found):
    assert row(found, RATIO, "without_late")["counted_instead"] == "Early 2022"
    assert row(found, RATIO, "without_split")["counted_instead"] == ""


def test_a_figure_gets_the_choices_with_an_answer(found):
    curve = curve_table(found.table, RATIO)
    assert "prospective" not in set(curve["specification"])
    assert list(curve["heading"].unique()) == [
        "",
        "Survival family",
        "Which figures count",
        "Without one report",
    ]
    # no aspect is chosen in so many ways that its choices need numbers, but for the six_reports
    numbered = curve[curve["mark"] != ""]
    assert set(numbered["group"]) <= {"studies", "selection"}


# --- Power-scaling -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("prior", "likelihood", "words"),
    [
        (0.01, 0.2, "the data speak"),
        (0.05, 0.2, "prior and data differ"),
        (0.3, 0.01, "the prior speaks"),
        (0.01, 0.01, "neither is sensitive"),
    ],
)
def test_diagnoses(prior, likelihood, words):
    assert diagnosis_of(prior, likelihood) == words
    assert Scaled("x", "all", prior, likelihood).diagnosis == words


def test_only_its_own_prior_moves_what_has_no_data(found):
    """Draws of a made-up fit are independent: each answers to its own prior alone."""
    own = found.power_scaling
    own = own[own["conclusion"] == PREDICTIVE].set_index("prior")["prior_sensitivity"]
    others = own.drop(["all", "histology_predictive"])
    assert own["histology_predictive"] > 3 * others.max()


# --- Words ---------------------------------------------------------------------------------------


def test_words_tell_what_changes_under_which_choice(found):
    text = text_of(found, "Which conclusion")
    base, weibull = (row(found, RATIO, name) for name in ("base", "family_weibull"))
    (line,) = [line for line in text.splitlines() if line.startswith("- Ratio of medians, lenv")]
    assert f"{base['estimate']:.2f} ({base['lower']:.2f}-{base['upper']:.2f})" in line
    assert '"longer under lenvatinib"' in line
    assert 'The answer becomes "either may be longer": survival family: Weibull' in line
    assert f"{weibull['estimate']:.2f} ({weibull['lower']:.2f}-{weibull['upper']:.2f})" in line
    assert "declared readings not used" in text
    assert "Overall survival in the average study, 40 % mixed histology" in text


def test_words_tell_what_each_report_carries(found):
    text = text_of(found, "What does each report carry")
    (line,) = [line for line in text.splitlines() if "mixed against pure" in line]
    assert "Without Split 2020 it would be" in line
    assert "carries much of it" in line
    assert "None of the other 4 moves it" in line


def test_words_of_influence():
    words = [influence_words(shift) for shift in (0.05, -0.2, 0.6, -1.5)]
    assert words == [
        "hardly moves it",
        "moves it a little",
        "moves it clearly",
        "carries much of it",
    ]


def test_without_histology_the_prior_is_shown_beside(found):
    text = text_of(found, "What if no report told histology")
    # the made-up fits know nothing of the prior: what is left is not taken for it
    (line,) = [line for line in text.splitlines() if "mixed against pure" in line]
    assert "the prior is 1.00 (0.25-3.94)" in line
    assert "say nothing" not in line


def test_captions_tell_population_model_and_marks(found):
    caption = found.captions[RATIO]
    assert "overall survival in the average study, 40 % mixed histology" in caption
    assert "log-logistic family, 6 cohorts" in caption
    assert "40 % mixed" not in found.captions[PROGNOSTIC]
