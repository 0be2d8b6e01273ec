"""An analysis of verified figures shows verified figures: in tables, plots, counts and sentences.

The cohorts here print two figures of a kind, one known from another source only. Nothing is
sampled: what is shown of a cohort's own figures stands in the data of a fit.
"""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pytest
from registries import by_histology
from small_registry import VOCABULARY, cohort, landmark, median, study, subgroup, write_registry

from priors import load_priors
from studies import load_registry
from studies.selection import select
from synthesis.estimands import reference_share, tells_histology
from synthesis.fits import SurvivalFit, survival_observations
from synthesis.model.families import family
from synthesis.questions.pooled import declared_words
from synthesis.questions.pooled.cohorts import cohorts_of
from synthesis.questions.pooled.tables import figures_table, printed_points
from synthesis.questions.single import reported_groups
from synthesis.restrictions import restrictions
from synthesis.settings import Settings

SECONDARY = {"status": "secondary"}


@pytest.fixture(scope="module")
def registry(tmp_path_factory):
    two_medians = [
        median("9.9", label="as told", **SECONDARY),
        median("4.4", label="as printed"),
    ]
    only_landmark = [landmark(12, "0.25"), landmark(24, "0.10", **SECONDARY)]
    split = {"pure": 10, "mixed": 30}
    folder = tmp_path_factory.mktemp("verified")
    compared = {"endpoint": "os", "groups": ["mixed", "pure"], "test": "log-rank"}
    return load_registry(
        write_registry(
            folder,
            study("both2001", cohort(n=40, survival=two_medians, histology=split)),
            study(
                "points2002",
                cohort(survival=[median("8.8", **SECONDARY)], landmarks=only_landmark),
            ),
            study(
                "apart2003",
                cohort(n=21, subgroups=by_histology(sizes=(12, 9))),
                comparisons=[compared | {"p": Decimal("0.03")} | SECONDARY],
            ),
            study(
                "half2004",
                cohort(
                    n=21,
                    survival=[median("5.0")],
                    subgroups=[
                        subgroup("pure", 12, survival=[median("3")]),
                        subgroup("mixed", 9, survival=[median("7", **SECONDARY)]),
                    ],
                ),
            ),
            study(
                "talk2005",
                cohort(n=40, survival=[median("3.3", status="verified")], histology=split),
                status="secondary",
            ),
            study("hearsay2006", cohort(survival=[median()]), status="secondary"),
            vocabulary=VOCABULARY,
        )
    )


def fit_of(registry, **view):
    """A fit of overall survival that holds its data and no draws."""
    data, left_out = survival_observations(registry, **view)["os"]
    return SurvivalFit(data, left_out, load_priors(), family("weibull"), None, None, 0.4)


@pytest.fixture(scope="module")
def everything(registry):
    return fit_of(registry)


@pytest.fixture(scope="module")
def verified(registry):
    return fit_of(registry, verified_only=True)


def printed(fit):
    """Text and status of each cohort's figure as tables and forest plots show it."""
    found = {own.ref.study.id: own.printed for own in cohorts_of(fit)}
    return {name: (own.text, own.status) for name, own in found.items()}


def test_the_printed_column_shows_what_the_model_used(everything, verified):
    assert printed(everything) == {
        "both2001": ("9.9", "secondary"),
        "points2002": ("8.8", "secondary"),
        "apart2003": ("pure: 2.7; mixed: 6.3", "verified"),
        "half2004": ("5.0", "verified"),
        "talk2005": ("3.3", "verified"),
        "hearsay2006": ("3.1", "secondary"),
    }
    assert printed(verified) == {
        "both2001": ("4.4", "verified"),
        "points2002": ("12-month OS 25 %", "verified"),
        "apart2003": ("pure: 2.7; mixed: 6.3", "verified"),
        "half2004": ("5.0", "verified"),
        "talk2005": ("3.3", "verified"),
    }


def test_points_of_the_curves_are_those_that_the_model_used(everything, verified):
    def times(fit):
        return {
            ref.study.id: [point.time for point in printed_points(fit, index)]
            for index, ref in enumerate(fit.data.cohorts)
        }

    assert times(everything)["both2001"] == [9.9]
    assert times(everything)["points2002"] == [8.8, 12.0, 24.0]
    assert times(verified)["both2001"] == [4.4]
    assert times(verified)["points2002"] == [12.0]
    assert times(verified)["apart2003"] == [2.7, 6.3]


def test_every_figure_that_enters_is_listed_with_its_status(everything, verified):
    listed = figures_table({"os": verified})
    assert set(listed["status"]) == {"verified"}
    assert list(listed[["study", "group", "kind"]].itertuples(index=False, name=None)) == [
        ("apart2003", "pure", "median"),
        ("apart2003", "mixed", "median"),
        ("both2001", "whole", "median"),
        ("both2001", "whole", "histology"),
        ("half2004", "whole", "median"),
        ("points2002", "whole", "survival probability"),
        ("talk2005", "whole", "median"),
    ]
    every = figures_table({"os": everything})
    secondary = every[every["status"] == "secondary"]
    assert list(secondary[["study", "group", "kind"]].itertuples(index=False, name=None)) == [
        ("apart2003", "pure and mixed", "comparison"),
        ("both2001", "whole", "median"),
        ("half2004", "mixed", "median"),
        ("hearsay2006", "whole", "median"),
        ("points2002", "whole", "median"),
        ("points2002", "whole", "survival probability"),
        ("talk2005", "whole", "histology"),
    ]


def test_a_secondary_comparison_moves_no_verified_analysis(everything, verified):
    assert [item.reading.entered_as for item in everything.data.comparisons] == [
        "log-rank p = 0.03, either sign, given the figures of both groups"
    ]
    assert verified.data.comparisons == ()


def test_a_split_known_from_elsewhere_counts_as_not_printed(everything, verified):
    def share(fit):
        return {fit.data.cohorts[arm.cohort].study.id: arm.share for arm in fit.data.arms}

    assert share(everything)["talk2005"] == 0.75
    assert share(verified)["talk2005"] is None
    assert share(verified)["both2001"] == 0.75


def test_printed_ratios_need_two_verified_medians(everything, verified):
    def ratios(fit):
        groups = {ref.label: reported_groups(fit, ref) for ref in fit.data.cohorts}
        return {label: (own.ratio, own.p) for label, own in groups.items() if own is not None}

    assert ratios(everything) == {
        "Apart 2021": (pytest.approx(6.3 / 2.7), "0.03"),
        "Half 2021": (pytest.approx(7 / 3), ""),
    }
    assert ratios(verified) == {"Apart 2021": (pytest.approx(6.3 / 2.7), "")}


def test_what_is_left_out_says_that_it_was_not_verified(verified):
    assert [(item.study_id, item.kind) for item in verified.left_out] == [
        ("hearsay2006", "not_verified")
    ]


def test_declared_readings_are_shown_where_they_are_used_only(tmp_path):
    read_as = {"read_as": {"histology": "mixed", "reason": "foci of another kind"}}
    own = {"factor": "histology", "level": "with foci", "n": 9} | read_as
    pure = subgroup("pure", 12, survival=[median("2.7")])
    arm = cohort(n=21, subgroups=[pure, own | {"survival": [median("6.3")]}])
    arm["survival"] = [median("4.0")]
    registry = load_registry(write_registry(tmp_path / "registry", study("foci2001", arm)))
    used, unused = (fit_of(registry, use_read_as=declared) for declared in (True, False))
    assert "Foci 2021" in " ".join(declared_words(used))
    assert declared_words(unused) == ()
    assert tells_histology(used)
    assert not tells_histology(unused)
    (ref,) = unused.data.cohorts
    assert reported_groups(unused, ref) is None
    assert reported_groups(used, ref).ratio == pytest.approx(6.3 / 2.7)


def test_response_heeds_declared_readings_too(tmp_path):
    read_as = {"read_as": {"histology": "mixed", "reason": "foci of another kind"}}
    arm = cohort(treatment="various", response={"responders": 3, "evaluable": 9}) | read_as
    registry = load_registry(write_registry(tmp_path / "registry", study("foci2001", arm)))
    assert len(select(registry, "response", use_read_as=True).counted) == 1
    assert select(registry, "response").counted == ()


def test_where_no_histology_is_known_the_reference_mix_changes_nothing(everything, verified):
    bare = everything.data.at_share(0.4)
    assert {arm.share for arm in bare.arms} == {0.4}
    assert reference_share(everything, 0.7) == 0.7
    nothing = SurvivalFit(
        verified.data.at_share(None), (), load_priors(), family("weibull"), None, None, 0.4
    )
    assert not tells_histology(nothing)
    assert reference_share(nothing, 0.7) == 0.4
    assert np.isclose(reference_share(verified, 0.7), 0.7)


def test_restrictions_are_told_in_words(registry):
    none = restrictions(registry, {}, Settings())
    assert none == ()
    both = restrictions(registry, {}, Settings(verified_only=True, use_read_as=True))
    assert [item.short for item in both] == ["verified figures only", "declared readings used"]
    assert all(item.touches("os") and item.touches("response") for item in both)
    assert both[0].sentence.startswith("Only figures that were seen in the report itself count")
