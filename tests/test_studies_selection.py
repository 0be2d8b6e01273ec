"""Which cohorts are counted for an endpoint, and why each of the others is not."""

from __future__ import annotations

import dataclasses
from itertools import combinations, pairwise

import golden
import pytest
from small_registry import VOCABULARY, cohort, landmark, median, study, subgroup, write_registry

from studies import UnknownWordError, load_registry
from studies.registry import references
from studies.selection import ENDPOINTS, OverlapIndex, overlap_groups, overlap_pairs, select, shared
from synthesis import endpoints

GROUPS = [
    subgroup("pure", 15, survival=[median("2.7")]),
    subgroup("mixed", 8, survival=[median("6.3")]),
]


@pytest.fixture
def chosen(tmp_path):
    """Select from a registry of the given studies."""

    def choose(*studies, endpoint="os", **options):
        return select(load_registry(write_registry(tmp_path / "r", *studies)), endpoint, **options)

    return choose


def one(arm):
    """Describe a registry of one cohort."""
    return study("abel2001", arm)


def ids(selection):
    """Return the identifiers of the counted cohorts."""
    return [ref.id for ref in selection.counted]


def compared(**more):
    """Describe a comparison of mixed and pure patients."""
    return {"endpoint": "os", "groups": ["mixed", "pure"], **more}


def formed(kind):
    """Describe a group that the outcome formed."""
    return {"kind": kind, "reason": "grouped by what followed"}


# --- Rules 1 to 5 --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "arm",
    [
        cohort(survival=[median()]),
        cohort(landmarks=[landmark(12, "0.2")]),
        cohort(survival=[median("not reached", follow_up=9)]),
        cohort(survival=[median("not reached")], landmarks=[landmark(6, "0.7")]),
        cohort(subgroups=GROUPS),
        cohort(n=1, patients=[{"os": 2, "unit": "months", "event": "died"}]),
        cohort(treatment="best_care", survival=[median()]),
        cohort(treatment="various", survival=[median()], subgroups=GROUPS),
        cohort(treatment="various", survival=[median()], histology={"pure": 15, "mixed": 8}),
        cohort(treatment="various", survival=[median()], histology={"mixed_percent": 35}),
        cohort(treatment="various", survival=[median()], histology={"mixed": 8, "assessed": 20}),
    ],
)
def test_a_cohort_that_answers_is_counted(chosen, arm):
    selection = chosen(one(arm))
    assert ids(selection) == ["abel2001:arm"]
    assert selection.left_out == ()


NO_ANSWER = [
    cohort(disease="squamous", not_pooled="x", n=None),
    cohort(formed_by=formed("survival"), not_pooled="a single patient", n=None),
    cohort(formed_by=formed("survival"), n=None),
    cohort(formed_by=formed("frailty"), survival=[median()]),
    *(cohort(not_pooled="only patients alive after one year", n=None), cohort(n=None)),
    *(cohort(survival=[median("not reached")]), cohort(survival=[median(endpoint="pfs")])),
    cohort(subgroups=[{"factor": "stage", "level": "IVB", "n": 9, "survival": [median()]}]),
    *(cohort(subgroups=GROUPS[:1]), cohort(patients=[{"os": 2, "unit": "months"}])),
    cohort(n=None, treatment="radiotherapy", survival=[median()]),
    cohort(n=None, n_implied={"value": 33, "derivation": "44 less 11"}, survival=[median()]),
    cohort(treatment="radiotherapy", survival=[median()], subgroups=GROUPS),
    cohort(treatment="various", survival=[median()]),
    cohort(treatment="various", survival=[median()], histology={"pure": 15}),
]


def test_a_cohort_that_does_not_answer_says_why(chosen):
    lines = []
    for arm in NO_ANSWER:
        selection = chosen(one(arm))
        assert selection.counted == ()
        (out,) = selection.left_out
        assert (out.study_id, out.cohort_id, out.endpoint) == ("abel2001", "arm", "os")
        assert out.gave_way_to is None
        lines.append(f"{out.kind}: {out.reason}\n")
    golden.check("left_out", "".join(lines))


def test_the_vocabulary_says_which_disease_is_counted_and_how_it_is_called(tmp_path):
    words = VOCABULARY | {"disease": "squamous", "subject": "squamous carcinoma"}
    arms = [
        cohort("silent", survival=[median()]),
        cohort("named", disease="squamous", survival=[median()]),
        cohort("other", disease="ATC", survival=[median()]),
    ]
    folder = write_registry(tmp_path / "r", study("abel2001", *arms), vocabulary=words)
    selection = select(load_registry(folder), "os")
    assert ids(selection) == ["abel2001:silent", "abel2001:named"]
    (out,) = selection.left_out
    assert out.kind == "other_disease"
    assert out.reason == (
        'The patients did not all have squamous carcinoma: the disease is recorded as "ATC" '
        "(anaplastic carcinoma)."
    )


def read_as(histology):
    return {"read_as": {"histology": histology, "reason": "its words"}}


FOCAL = [
    {"factor": "type", "level": level, "n": n, "survival": [median()]} | read_as(histology)
    for level, n, histology in (("ordinary", 9, "pure"), ("focal", 5, "mixed"))
]


@pytest.mark.parametrize(
    ("arm", "option", "kind"),
    [
        (
            cohort(treatment="various", survival=[median()], **read_as("pure")),
            "use_read_as",
            "not_one_treatment",
        ),
        (cohort(subgroups=FOCAL), "use_read_as", "subgroup_only"),
        (
            cohort(formed_by=formed("survival"), survival=[median()]),
            "use_formed",
            "formed_by_outcome",
        ),
    ],
)
def test_what_a_reader_declares_counts_only_where_that_is_asked_for(chosen, arm, option, kind):
    (out,) = chosen(one(arm)).left_out
    assert out.kind == kind
    assert ids(chosen(one(arm), **{option: True})) == ["abel2001:arm"]


SPLIT = {"mixed": 8, "assessed": 20}


@pytest.mark.parametrize("more", [{"p": "not significant"}, {"p": ">0.05"}, {"longer": "mixed"}])
def test_a_report_that_gives_way_or_prints_no_figure_counts_for_its_own_contrast(chosen, more):
    silent = study("abel2001", cohort(histology=SPLIT), comparisons=[compared(**more)])
    selection = chosen(silent)
    assert selection.counted == ()
    assert [ref.id for ref in selection.within] == ["abel2001:arm"]
    (out,) = selection.left_out
    assert out.kind == "no_figure"
    assert out.reason.endswith(" It still tells mixed from pure patients within itself.")
    various = cohort(treatment="various", histology=SPLIT, survival=[median()])
    first, second = pair(cohort(survival=[median()]), various)
    second["comparisons"] = [compared(**more)]
    selection = chosen(first, second)
    assert ids(selection) == ["abel2001:arm"]
    assert [ref.id for ref in selection.within] == ["cain2002:arm"]
    assert selection.left_out[0].gave_way_to == "abel2001:arm"
    assert chosen(first, second, endpoint="pfs").within == ()


@pytest.mark.parametrize(
    "comparison",
    [
        # What the comparison says has to be known.
        compared(text="result not seen"),
        compared(p=0.3) | {"groups": ["transformed", "de novo"]},
        compared(p=0.3) | {"endpoint": "pfs"},
    ],
)
def test_a_report_that_does_not_tell_the_contrast_is_left_out_of_it(chosen, comparison):
    arm = cohort(histology=SPLIT)
    assert chosen(study("abel2001", arm, comparisons=[comparison])).within == ()


@pytest.mark.parametrize("split", [{}, {"histology": {"mixed": 8}}])
def test_the_numbers_of_both_groups_need_not_be_told_but_of_all_patients(chosen, split):
    (ref,) = chosen(study("abel2001", cohort(**split), comparisons=[compared(p=0.3)])).within
    assert ref.id == "abel2001:arm"
    arm = cohort(n=None, **split)
    assert chosen(study("abel2001", arm, comparisons=[compared(p=0.3)])).within == ()


def test_patients_count_once_for_the_contrast_too(chosen):
    arm = cohort(histology=SPLIT)
    for told in (cohort(treatment="lenvatinib", subgroups=GROUPS), arm):
        first, second = pair(told, arm)
        first["comparisons"] = second["comparisons"] = [compared(p=0.3)]
        selection = chosen(first, second)
        counted = {ref.id for ref in (*selection.counted, *selection.within)}
        assert len(counted) == 1
    # Of two that are alike the later report goes first, as for the pool.
    assert counted == {"cain2002:arm"}


def test_a_report_of_two_arms_does_not_say_of_which_its_comparison_is(chosen):
    arms = [cohort("a", histology=SPLIT), cohort("b", histology=SPLIT)]
    assert chosen(study("abel2001", *arms, comparisons=[compared(p=0.3)])).within == ()
    (ref,) = chosen(study("abel2001", arms[0], cohort("b"), comparisons=[compared(p=0.3)])).within
    assert ref.cohort.id == "a"


def test_the_large_series_without_a_difference_counts_for_the_contrast(shipped):
    selection = select(shipped, "os")
    assert [ref.id for ref in selection.within] == ["sicily43:all", "xu2020:all"]
    (out,) = [out for out in selection.left_out if out.study_id == "xu2020"]
    assert out.gave_way_to == "fan2020:rt"
    assert select(shipped, "os", verified_only=True).within == selection.within


FORMED = {
    *("kini2025:io", "seer_rt_chemo2021:RCT", "bronk2025:imrt"),
    *("tuthyref_braf2022:no_chemo_braf", "marsden_thesis2025:untreated"),
    "prasongsook2017:palliative",
}


def test_groups_that_the_outcome_formed_carry_no_contrast_of_treatments(shipped):
    asked = set(ids(select(shipped, "os", use_formed=True)))
    assert asked >= FORMED
    assert not asked & FORMED & set(ids(select(shipped, "os")))


def test_only_verified_figures_count_where_that_is_asked_for(chosen):
    secondary = cohort("second", survival=[median(status="secondary")])
    both = cohort("both", survival=[median(status="secondary")], landmarks=[landmark(12, "0.2")])
    studies = study("abel2001", secondary, both)
    assert ids(chosen(studies)) == ["abel2001:second", "abel2001:both"]
    strict = chosen(studies, verified_only=True)
    assert ids(strict) == ["abel2001:both"]
    assert strict.left_out[0].kind == "not_verified"
    assert strict.left_out[0].reason == (
        "The figures of overall survival were seen in another source only, not in the report "
        "itself."
    )


def test_a_secondary_study_is_verified_where_a_figure_says_so(chosen):
    arms = [cohort("a", survival=[median()]), cohort("b", survival=[median(status="verified")])]
    strict = chosen(study("abel2001", *arms, status="secondary"), verified_only=True)
    assert ids(strict) == ["abel2001:b"]


def test_an_endpoint_that_cannot_be_pooled_is_refused(chosen):
    assert tuple(endpoints.ENDPOINTS) == ENDPOINTS
    with pytest.raises(UnknownWordError, match=r'unknown endpoint "respons".*"response"'):
        chosen(one(cohort()), endpoint="respons")


# --- Rule 6: overlap between reports -------------------------------------------------------------


def pair(first, second, **overlap):
    """Describe two reports, of which the first declares that it shares patients with the second."""
    declared = {"with": "cain2002", "reason": "same hospital"} | overlap
    return study("abel2001", first, year=2001, overlaps=[declared]), study(
        "cain2002", second, year=2002
    )


PAIRS = [
    (
        cohort(treatment="various", n=99, survival=[median()], subgroups=GROUPS),
        cohort(survival=[median()]),
    ),
    (
        cohort(survival=[median()], subgroups=GROUPS),
        cohort(n=99, survival=[median(ci=[1, 5])], landmarks=[landmark(12, "0.2")]),
    ),
    (cohort(survival=[median(ci=[1, 5])]), cohort(n=99, survival=[median(ci=[1, "not reached"])])),
    (cohort(n=99, survival=[median()]), cohort(survival=[median()])),
]


def test_the_declared_order_decides_between_two_reports(chosen):
    lines = []
    for first, second in PAIRS:
        selection = chosen(*pair(first, second))
        (out,), (kept,) = selection.left_out, selection.counted
        assert (out.kind, out.gave_way_to) == ("overlap", kept.id)
        lines.append(f"{out.study_id}: {out.reason}\n")
    golden.check("overlaps", "".join(lines))


def test_of_reports_of_one_year_the_larger_counts_and_of_like_ones_the_first_by_name(chosen):
    small, large = pair(cohort(n=9, survival=[median()]), cohort(n=10, survival=[median()]))
    for item in (small, large):
        item["citation"]["year"] = 2005
    (out,) = chosen(small, large).left_out
    assert out.study_id == "abel2001"
    assert out.reason.endswith("because it has more patients.")
    large["cohorts"][0]["n"] = 9
    (out,) = chosen(small, large).left_out
    assert out.study_id == "cain2002"
    assert out.reason.endswith(
        "Abel 2005 is counted instead, as the first by name of two that are alike."
    )


def test_a_report_without_a_year_counts_as_the_earliest(chosen):
    first, second = pair(cohort(n=99, survival=[median()]), cohort(survival=[median()]))
    del first["citation"]["year"]
    (kept,) = chosen(first, second).counted
    assert kept.label == "Cain 2002"
    del second["citation"]["year"]
    (kept,) = chosen(first, second).counted
    assert kept.label == "Abel"


@pytest.mark.parametrize(
    ("first", "second", "shared"),
    [
        *(("lenvatinib", "lenvatinib", True), ("lenvatinib", "sorafenib", True)),
        *(("lenvatinib", "paclitaxel", False), ("lenvatinib", "various", True)),
        ("various", "paclitaxel", True),
    ],
)
def test_without_pairs_cohorts_share_patients_by_treatment(tmp_path, first, second, shared):
    studies = pair(cohort(treatment=first), cohort(treatment=second))
    registry = load_registry(write_registry(tmp_path / "r", *studies))
    expected = "Shares patients with Cain 2002 (cain2002:arm): same hospital." if shared else None
    found = overlap_pairs(registry)
    assert [(a.id, b.id, why) for a, b, why in found] == (
        [("abel2001:arm", "cain2002:arm", expected)] if shared else []
    )


@pytest.mark.parametrize("declaring", [0, 1])
def test_pairs_that_either_side_declares_replace_the_default_rule(chosen, declaring):
    both = pair(cohort(survival=[median()]), cohort(survival=[median()]))
    both[1]["cohorts"].append(cohort("other", "paclitaxel", survival=[median()]))
    if declaring == 0:
        both[0]["overlaps"][0]["pairs"] = [["arm", "other"]]
    else:
        back = {"with": "abel2001", "reason": "same hospital", "pairs": [["other", "arm"]]}
        both[1]["overlaps"] = [back]
    selection = chosen(*both)
    assert ids(selection) == ["cain2002:arm", "cain2002:other"]
    (out,) = selection.left_out
    assert out.gave_way_to == "cain2002:other"
    start = "Shares patients with Cain 2002 (cain2002:other): same hospital."
    assert out.reason.startswith(start)


def test_a_cohort_that_gave_way_blocks_no_other(chosen):
    arms = [cohort(n=9, survival=[median()]), cohort(n=8, survival=[median()])]
    first, second = pair(*arms)
    third = study("enos2003", cohort(n=7, survival=[median()]), year=2003)
    second["overlaps"] = [{"with": "enos2003", "reason": "same trial"}]
    # The latest takes precedence over the second, which then no longer stands against the first.
    assert ids(chosen(first, second, third)) == ["abel2001:arm", "enos2003:arm"]


# --- Rule 6: overlap within one report -----------------------------------------------------------


def test_a_cohort_and_its_parts_do_not_count_together(chosen):
    arms = [
        cohort("all", treatment="various", n=40, survival=[median()], subgroups=GROUPS),
        cohort("treated", n=30, part_of="all", survival=[median()]),
        cohort("late", n=10, part_of="treated", survival=[median()]),
        cohort("care", treatment="best_care", n=10, part_of="all", survival=[median()]),
    ]
    selection = chosen(study("abel2001", *arms))
    assert ids(selection) == ["abel2001:treated", "abel2001:care"]
    reasons = {out.cohort_id: out.reason for out in selection.left_out}
    assert reasons == {
        "all": "The patients of treated are counted in all of the same report too. "
        "abel2001:treated is counted instead, because its patients had one treatment, not mixed "
        "ones. It still tells mixed from pure patients within itself.",
        "late": "The patients of late are counted in treated of the same report too. "
        "abel2001:treated is counted instead, because it has more patients.",
    }


def test_a_chain_of_parts_is_followed(tmp_path):
    arms = [cohort("a", n=30), cohort("b", n=20, part_of="a"), cohort("c", n=10, part_of="b")]
    registry = load_registry(write_registry(tmp_path / "r", study("abel2001", *arms)))
    pairs = {(one.cohort.id, other.cohort.id) for one, other, _ in overlap_pairs(registry)}
    assert pairs == {("a", "b"), ("b", "c"), ("a", "c")}


def test_the_response_of_a_cohort_is_counted_or_refused_with_its_reason(chosen):
    arms = [
        cohort("counts", response={"cr": 0, "pr": 2, "evaluable": 23}),
        cohort("vague", n=200, response={"orr_percent": 10}),
        cohort("none"),
        cohort(
            "groups",
            subgroups=[{"factor": "stage", "level": "IVC", "n": 9, "response": {"responders": 2}}],
        ),
        cohort("heard", response={"cr": 0, "pr": 2, "evaluable": 23, "status": "secondary"}),
    ]
    selection = chosen(study("abel2001", *arms), endpoint="response", verified_only=True)
    assert ids(selection) == ["abel2001:counts"]
    assert {out.cohort_id: out.kind for out in selection.left_out} == {
        "vague": "response_not_a_count",
        "none": "no_figure",
        "groups": "subgroup_only",
        "heard": "not_verified",
    }


# --- The shipped registry ------------------------------------------------------------------------


@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_every_shipped_cohort_is_counted_or_left_out_and_no_patient_twice(shipped, endpoint):
    selection = select(shipped, endpoint)
    everything = [f"{item.id}:{arm.id}" for item in shipped for arm in item.cohorts]
    left = [f"{out.study_id}:{out.cohort_id}" for out in selection.left_out]
    assert sorted([*ids(selection), *left]) == sorted(everything)
    counted = set(ids(selection))
    shares = {(a.id, b.id) for a, b, _ in overlap_pairs(shipped)}
    assert not {(a, b) for a, b in shares if a in counted and b in counted}
    for out in selection.left_out:
        assert out.reason[0].isupper()
        assert out.reason.endswith(".")
        if out.kind == "overlap":
            own = f"{out.study_id}:{out.cohort_id}"
            assert out.gave_way_to in counted
            assert (own, out.gave_way_to) in shares or (out.gave_way_to, own) in shares


@pytest.mark.parametrize("study_id", ["shimaoka1985", "encobini2024"])
@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_arms_of_all_thyroid_carcinomas_never_enter_the_pool(shipped, study_id, endpoint):
    others = [arm for arm in shipped.study(study_id).cohorts if arm.disease == "all thyroid"]
    assert others
    # Neither is it by the word against pooling alone that they are kept out.
    freed = [arm.model_copy(update={"not_pooled": None}) for arm in others]
    changed = shipped.study(study_id).model_copy(update={"cohorts": tuple(freed)})
    registry = dataclasses.replace(shipped, studies={**shipped.studies, study_id: changed})
    selection = select(registry, endpoint)
    assert study_id not in {ref.study.id for ref in selection.counted}
    out = [item for item in selection.left_out if item.study_id == study_id]
    assert [item.kind for item in out] == ["other_disease"] * len(others)
    assert all("anaplastic thyroid cancer" in item.reason for item in out)


@pytest.fixture
def registry(tmp_path):
    """Load a registry of one-armed studies, each with the reports that it says it overlaps."""

    def load(**overlaps):
        studies = [
            study(name, cohort(), overlaps=[{"with": other, "reason": why} for other, why in said])
            for name, said in overlaps.items()
        ]
        return load_registry(write_registry(tmp_path / "r", *studies))

    return load


def test_reports_hang_together_by_way_of_others(registry):
    groups = overlap_groups(
        registry(
            d=[("b", "trial")],
            a=[("b", "hospital")],
            b=[("a", "same years"), ("x", "not here")],
            c=[],
            e=[("f", "same trial")],
            f=[("e", "same trial")],
            g=[("y", "elsewhere")],
        )
    )
    assert [group.studies for group in groups] == [("a", "b", "d"), ("e", "f"), ("g",)]
    first, second, third = groups
    assert first.edges == (("a", "b", "hospital; same years"), ("b", "d", "trial"))
    assert first.unknown == (("b", "x", "not here"),)
    assert second.edges == (("e", "f", "same trial"),)
    assert (third.edges, third.unknown) == ((), (("g", "y", "elsewhere"),))


def test_a_long_chain_is_one_group_and_without_overlaps_there_is_none(registry):
    assert overlap_groups(registry(a=[], b=[])) == ()
    names = [f"s{number:03d}" for number in range(60)]
    (group,) = overlap_groups(registry(**{a: [(b, "next")] for a, b in pairwise([*names, "end"])}))
    assert list(group.studies) == names
    assert len(group.edges) == 59
    assert group.unknown == (("s059", "end", "next"),)


def test_every_shipped_overlap_stands_in_exactly_one_group(shipped):
    groups = overlap_groups(shipped)
    members = [name for group in groups for name in group.studies]
    assert len(members) == len(set(members))
    declared = {(s.id, overlap.with_) for s in shipped for overlap in s.overlaps}
    known = {frozenset(pair) for pair in declared if pair[1] in shipped.studies}
    edges = [(group, edge) for group in groups for edge in group.edges]
    assert all(
        {edge.one, edge.other} <= set(group.studies) and edge.reason for group, edge in edges
    )
    assert sorted(map(sorted, known)) == sorted([edge.one, edge.other] for _, edge in edges)
    unknown = [(edge.one, edge.other) for group in groups for edge in group.unknown]
    assert sorted(unknown) == sorted(pair for pair in declared if pair[1] not in shipped.studies)


def test_the_index_misses_no_pair_that_comparing_every_two_cohorts_would_find(shipped):
    index = OverlapIndex(shipped)
    everything = [
        (one, other, why)
        for one, other in combinations(references(shipped), 2)
        if (why := shared(one, other, index))
    ]
    assert everything
    assert list(overlap_pairs(shipped)) == everything
