"""What is said of refits: tables, changes beyond Monte Carlo error, words. Fits are made up."""

from __future__ import annotations

import golden
import numpy as np
import pytest
from fits import Counting, choice_registry

from synthesis.questions.sensitivity import (
    SENSITIVITY_COLUMNS,
    curve_table,
    result,
    runner,
    says_nothing,
    sensitivity,
)
from synthesis.questions.sensitivity.specifications import CHANCE, PROGNOSTIC, RATIO, Conclusion

GROUPS = ("family", "selection", "studies")
PREDICTIVE = "predictive_ratio:lenvatinib"


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
    # no aspect is chosen in so many ways that its choices need numbers, but for the six_reports
    numbered = curve[curve["mark"] != ""]
    assert set(numbered["group"]) <= {"studies", "selection"}


# --- Power-scaling -------------------------------------------------------------------------------


def test_diagnoses():
    pairs = ((0.01, 0.2), (0.05, 0.2), (0.3, 0.01), (0.01, 0.01))
    words = [runner.diagnosis_of(*pair) for pair in pairs]
    speak = ["the data speak", "prior and data differ", "the prior speaks", "neither is sensitive"]
    assert words == speak


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
