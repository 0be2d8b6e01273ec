"""Origin beside histology: what counts of it, what it does, and the table of every such report."""

from __future__ import annotations

import golden
import numpy as np
import pandas as pd
import pytest
from benefit_fits import read, split, spread, whole
from fits import fit_of, observations
from loo_by_hand import spread_fit
from small_registry import cohort, landmark, median, study, subgroup

from studies.figures import View
from studies.selection import select
from synthesis.fits import survival_observations
from synthesis.left_out import comparison_of_histologies
from synthesis.model.covariates import COVARIATES
from synthesis.questions import influence
from synthesis.questions.histology import origin_words
from synthesis.questions.histology_effects import ORIGIN, benefit_by_histology
from synthesis.questions.histology_reports import reports_finding, reports_table, reports_words
from synthesis.questions.influence import AS_ANSWERED, ORIGIN_NOT_READ, ORIGIN_READ

DRAWS = 400


def by_origin(name, *, n=60, transformed=None, **more):
    """A report that sets transformed against de novo patients, who live longer."""
    printed = {"name": "transformed", "statistic": "count", "value": transformed}
    told = {} if transformed is None else {"characteristics": [printed]}
    compared = {"endpoint": "os", "groups": ["transformed", "de novo"]}
    compared |= {"p": 0.01, "longer": "de novo"}
    return study(name, cohort("all", "various", n, **told, **more), comparisons=[compared])


def registry_of(folder):
    """A report by histology, one with a share, three by origin, one of declared readings."""
    foci = {"histology": "mixed", "reason": "small foci"}
    marks = [landmark(12, 0.73)]
    declared = study(
        "declared",
        cohort(
            "all",
            "lenvatinib",
            30,
            survival=[median("4.1")],
            subgroups=[
                subgroup("pure", 19, survival=[median("3.0")]),
                {"factor": "histology", "level": "foci", "n": 11, "read_as": foci}
                | {"landmarks": marks},
            ],
        ),
    )
    told = {"pure": 12, "mixed": 8}
    counted = cohort("arm", "best_care", 20, survival=[median("4.0")], histology=told)
    return read(
        folder,
        split(),
        whole("second", "lenvatinib", 40),
        by_origin("told", transformed=20),
        by_origin("untold"),
        by_origin("both", transformed=20, histology={"pure": 20, "mixed": 40}),
        declared,
        study("counted", counted),
    )


@pytest.fixture(scope="module")
def registry(tmp_path_factory):
    return registry_of(tmp_path_factory.mktemp("origin"))


@pytest.fixture(scope="module")
def shipped_table(shipped):
    return reports_table(shipped, survival_observations(shipped))


# --- What counts ---------------------------------------------------------------------------------


def test_reports_by_origin_count_as_a_factor_or_on_request_as_histology(registry):
    usual, read_so = (select(registry, "os", use_read_as=use) for use in (False, "origin"))
    assert [ref.study.id for ref in usual.origin] == ["both", "told", "untold"]
    assert usual.within == ()
    # a report that tells histology keeps origin apart from it
    assert [ref.study.id for ref in read_so.origin] == ["both"]
    assert [ref.study.id for ref in read_so.within] == ["told", "untold"]
    reasons = {out.study_id: out.reason for out in usual.left_out}
    assert reasons["told"].endswith("tells transformed from de novo patients within itself.")


def test_a_reading_of_foci_is_another_than_that_of_origin(registry):
    def counted(use):
        data, _ = survival_observations(registry, use_read_as=use)["os"]
        both = [arm for arm in data.groups if data.of_both_histologies(arm)]
        return {data.refs[arm.cohort].study.id for arm in both}

    assert counted(False) == {"split"}
    assert counted("groups") == {"split", "declared"}
    assert counted("origin") == {"split", "told", "untold"}
    assert counted(True) == {"split", "declared", "told", "untold"}
    with pytest.raises(ValueError, match="use_read_as: found 'orign', expected True, False,"):
        View("os", verified_only=False, use_read_as="orign")


def test_groups_by_origin_differ_in_their_origin_alone(registry):
    data = observations(registry)
    sizes = {}
    for j in data.origin:
        first, second = (arm for arm in data.compared if arm.cohort in (j, j + 1))
        sizes[data.refs[j].study.id] = first.n, second.n
        assert first.share is second.share is None
        away = np.subtract(data.covariates[j], data.covariates[j + 1])
        assert dict(zip(COVARIATES, away, strict=True)) == dict.fromkeys(COVARIATES, 0.0) | {
            "transformed": pytest.approx(1.0)
        }
    # where nobody says, 14 in a hundred are taken to be transformed
    assert sizes == {"both": (20, 40), "told": (20, 40), "untold": (8, 52)}


def test_the_effect_of_origin_has_its_prior_beside_it(registry, tmp_path):
    effect, place = spread(0.0, 0.1, 4, len(COVARIATES)), COVARIATES.index("transformed")
    drawn = -0.3 + 2.0 * effect[0, :, place]
    effect[0, :, place] = drawn
    known = {"prognostic": spread(0.9, 0.35, 3), "covariate_effect": effect}
    treatments = len(observations(registry).hierarchy.treatments)
    fit = fit_of(registry, predictive=spread(0.1, 0.15, 4, treatments), **known)
    benefit = benefit_by_histology({"os": fit}, registry.vocabulary)
    prior, after = benefit.effects[benefit.effects["effect"] == ORIGIN].itertuples(index=False)
    assert (prior.which, after.which) == ("prior", "posterior")
    assert (after.cohorts, after.patients) == (3, 180)
    assert after.estimate == pytest.approx(np.exp(np.median(drawn)))
    assert after.prior_share == pytest.approx(
        np.var(drawn) / fit.priors["covariate_transformed"].scale ** 2
    )
    (said,) = origin_words(benefit, "os")
    assert said.startswith("Origin, a factor of its own: under any treatment the median of ")
    assert said.endswith("3 reports with 180 patients tell origin.")
    assert ORIGIN not in set(benefit.table["estimand"])
    bare = read(tmp_path, split(), whole("fourth", "best_care", 20))
    known["predictive"] = spread(0.1, 0.15, 4, 2)
    silent = benefit_by_histology({"os": fit_of(bare, **known)}, bare.vocabulary)
    assert origin_words(silent, "os") == ()


# --- With and without the reading ----------------------------------------------------------------


def alternatives(registry, use):
    data, _ = survival_observations(registry, use_read_as=use)["os"]
    fit = spread_fit(data, 0.3, 0.3)
    table = influence.alternatives_table(fit, influence.cohort_weights(fit, draws=DRAWS))
    return fit, table, table.set_index("alternative")["estimate"]


def test_the_answer_is_given_with_and_without_the_reading(registry):
    """Transformed patients live shorter: read as mixed they lower the ratio."""
    fit, table, found = alternatives(registry, False)
    assert found[ORIGIN_READ] < found[AS_ANSWERED]
    data = fit.data
    readable = [j for j in data.origin if data.refs[j].study.id != "both"]
    added = sum(comparison_of_histologies(fit, np.arange(DRAWS), j) for j in readable)
    effect = fit.flat("prognostic")
    weights = np.exp(added - added.max()), np.ones(DRAWS)
    moved, base = (influence.weighted_quantiles(effect, own, (0.5,))[0] for own in weights)
    # smoothing the largest weights of 400 draws moves the middle by a few per cent
    assert np.log(found[ORIGIN_READ] / found[AS_ANSWERED]) == pytest.approx(moved - base, abs=0.03)
    said = " ".join(influence.alternatives_words(table.assign(reliable=True)))
    assert f"With {ORIGIN_READ} it would be " in said
    # it is no choice among the others, but an answer of its own
    without = table[table["alternative"] != ORIGIN_READ]
    assert influence.alternatives_range(table) == influence.alternatives_range(without)


def test_where_the_reading_is_asked_for_the_answer_without_it_is_given(registry):
    _, _, found = alternatives(registry, "origin")
    assert found[ORIGIN_NOT_READ] > found[AS_ANSWERED]
    assert {"without Told 2021", "without Untold 2021"} <= set(found.index)
    assert ORIGIN_READ not in found


# --- The table -----------------------------------------------------------------------------------


def test_every_report_that_says_something_is_in_the_table(shipped, shipped_table):
    words = {"histology", "origin"}
    saying = {
        study.id
        for study in shipped
        if any(
            cohort.histology
            or cohort.read_as
            or words & {group.factor for group in cohort.subgroups}
            for cohort in study.cohorts
        )
        or any(
            sorted(own.groups) in (["mixed", "pure"], ["de novo", "transformed"])
            for own in study.comparisons
        )
    }
    assert saying <= set(shipped_table["study"])
    told = shipped_table[shipped_table["endpoint"] != ""]
    assert told["study"].nunique() >= 12
    assert (told["figures"] != "").all()
    assert shipped_table["reason"].str.endswith(".").all()
    counted = set(told.loc[told["counts"], "study"])
    by_histology = {"cleveland_young2013", "sparano2021", "sicily43", "xu2020"}
    assert counted == by_histology | {"chen2023_prior", "korea34_histology", "putrajaya64"}


def test_rows_have_the_words_the_figures_the_reading_and_the_reason(shipped_table):
    reports = ["sparano2021", "chen2023_prior", "mciver2001", "jannin2023"]
    shown = shipped_table["study"].isin([*reports, "case_gunes2008", "choi2013"])
    rows = shipped_table[shown].sort_values("study", kind="stable").to_dict("records")
    pages = ("\n".join(f"{name}: {own}" for name, own in row.items()) for row in rows)
    golden.check("histology_reports", "\n\n".join(pages) + "\n")


def test_readings_count_where_they_are_asked_for(registry):
    tables = {
        use: reports_table(registry, survival_observations(registry, use_read_as=use))
        for use in (False, True)
    }
    rows = {
        use: own[own["endpoint"] == "os"].set_index(["study", "by"]) for use, own in tables.items()
    }
    usual, asked = (own.loc[("declared", "histology")] for own in (rows[False], rows[True]))
    assert (usual["counts"], asked["counts"]) == (False, True)
    assert usual["read_as"] == "on request foci as mixed"
    assert usual["reason"].startswith("Its groups are read so on request alone.")
    assert asked["reason"] == "Figures of both groups count."
    usual, asked = (own.loc[("told", "origin")] for own in (rows[False], rows[True]))
    assert usual["reason"] == "Their comparison counts."
    assert asked["reason"] == "Their comparison counts, as one of mixed and pure."
    assert asked["read_as"] == "transformed as mixed, de novo as pure"


def test_the_table_is_counted_in_words_and_folded(registry):
    table = reports_table(registry, survival_observations(registry))
    (said,) = reports_words(table)
    assert said.startswith("5 reports print outcomes by histology or by origin: 4 count, 1 does ")
    assert said.endswith("1 other tells patients alone.")
    finding = reports_finding(table)
    assert finding.folded
    assert [own.title for own in finding.tables] == [
        *("Outcomes that count.", "Outcomes that do not count.", "Patients alone.")
    ]
    assert sum(len(own.rows) for own in finding.tables) == len(table)
    assert reports_words(pd.DataFrame({"endpoint": [], "counts": [], "study": []})) == ()
