"""One endpoint is read as another only where the vocabulary allows it, and never in silence."""

from __future__ import annotations

import copy
from decimal import Decimal

import pytest
from small_registry import VOCABULARY, cohort, landmark, median, study, subgroup, write_registry

from studies import UnknownWordError, load_registry
from studies.frame import registry_frame
from studies.registry import ConversionError, convert_endpoints
from studies.selection import select

ENDPOINTS = {"ttp": "Time to progression", "ttf": "Time to failure", "dor": "Response duration"}
CONVERSIONS = [
    {"from": "ttp", "to": "pfs", "allowed": "on request", "reason": "deaths are missing"},
    {"from": "ttf", "to": "pfs", "allowed": "on request", "reason": "Toxicity counts."},
    {"from": "pfs", "to": "os", "allowed": "on request", "reason": "Not in earnest."},
    {"from": "dor", "to": "pfs", "allowed": "never", "reason": "Responders only."},
]
WORDS = copy.deepcopy(VOCABULARY) | {"conversions": CONVERSIONS}
WORDS["endpoints"] += [{"id": i, "label": label, "meaning": "x"} for i, label in ENDPOINTS.items()]


@pytest.fixture
def registry(tmp_path):
    """Load a registry of the given cohorts."""

    def load(*cohorts):
        folder = write_registry(tmp_path / "r", study("abel2001", *cohorts), vocabulary=WORDS)
        return load_registry(folder)

    return load


def arms(registry):
    return {arm.id: arm for item in registry for arm in item.cohorts}


def endpoints(arm):
    return [figure.endpoint for figure in (*arm.survival, *arm.landmarks)]


def test_figures_move_to_the_endpoint_that_they_are_read_as_and_nothing_else_changes(registry):
    group = {"factor": "stage", "level": "IVC", "n": 9, "survival": [median(2, endpoint="ttp")]}
    arm = cohort(
        survival=[median(), median(4, endpoint="ttp", ci=[2, 5], label="TTP")],
        landmarks=[landmark(6, Decimal("0.4"), endpoint="ttp")],
        subgroups=[group],
        response={"pr": 2, "evaluable": 23},
    )
    before = registry(arm)
    after = convert_endpoints(before, ["ttp:pfs"])
    old, new = arms(before)["arm"], arms(after)["arm"]
    assert endpoints(old) == ["os", "ttp", "ttp"]
    assert endpoints(new) == ["os", "pfs", "pfs"]
    assert endpoints(new.subgroups[0]) == ["pfs"]
    assert new.caution == (
        "Time to progression (ttp) is printed and read as progression-free survival (pfs). Deaths "
        "are missing."
    )
    back = {"survival": old.survival, "landmarks": old.landmarks, "subgroups": old.subgroups}
    assert new.model_copy(update=back | {"caution": None}) == old
    printed, read = old.survival[1], new.survival[1]
    assert read.model_copy(update={"endpoint": "ttp"}) == printed
    assert after.conversions == (("ttp", "pfs", ("abel2001:arm",)),)
    assert (after.fingerprints, after.files) == (before.fingerprints, before.files)
    assert after.fingerprint != before.fingerprint
    assert before.conversions == ()


def test_only_on_request_is_a_cohort_counted(registry):
    before = registry(cohort(survival=[median(endpoint="ttp")]))
    assert select(before, "pfs").counted == ()
    (ref,) = select(convert_endpoints(before, ["ttp:pfs"]), "pfs").counted
    assert "is printed and read as" in ref.cohort.caution
    table = registry_frame(convert_endpoints(before, ["ttp:pfs"]))
    assert list(table["endpoint"]) == ["pfs"]


@pytest.mark.parametrize(
    "also",
    [
        {"survival": [median(endpoint="ttp"), median(3, endpoint="pfs")]},
        {"landmarks": [landmark(6, Decimal("0.4"), endpoint="pfs")]},
        {"subgroups": [subgroup("pure", 5, survival=[median(3, endpoint="pfs")])]},
        {"patients": [{"pfs": 2, "unit": "months"}]},
    ],
)
def test_a_cohort_that_prints_the_wanted_endpoint_keeps_its_figures(registry, also):
    own = cohort("own", **({"survival": [median(endpoint="ttp")]} | also))
    before = registry(own, cohort("other", survival=[median(endpoint="ttp")]))
    after = convert_endpoints(before, ["ttp:pfs"])
    assert arms(after)["own"] == arms(before)["own"]
    assert after.conversions[0].cohorts == ("abel2001:other",)


def test_a_caution_that_is_there_stays_and_is_followed_by_the_new_one(registry):
    arm = cohort(survival=[median(endpoint="ttf")], caution="phase I doses")
    after = convert_endpoints(registry(arm), [" ttf : pfs "])
    assert arms(after)["arm"].caution == (
        "Phase I doses. Time to failure (ttf) is printed and read as progression-free survival "
        "(pfs). Toxicity counts."
    )


def test_of_two_readings_as_one_endpoint_the_first_that_is_printed_holds(registry):
    both = cohort("both", survival=[median(3, endpoint="ttf"), median(5, endpoint="ttp")])
    one = cohort("one", survival=[median(3, endpoint="ttf")])
    after = convert_endpoints(registry(both, one), ["ttp:pfs", "ttf:pfs"])
    assert endpoints(arms(after)["both"]) == ["ttf", "pfs"]
    assert endpoints(arms(after)["one"]) == ["pfs"]
    assert after.conversions == (
        ("ttp", "pfs", ("abel2001:both",)),
        ("ttf", "pfs", ("abel2001:one",)),
    )


@pytest.mark.parametrize("wanted", [["ttp:pfs", "pfs:os"], ["pfs:os", "ttp:pfs"]])
def test_no_figure_is_read_twice(registry, wanted):
    before = registry(cohort("a", survival=[median(endpoint="ttp")]))
    at_once = convert_endpoints(before, wanted)
    in_steps = convert_endpoints(convert_endpoints(before, wanted[:1]), wanted[1:])
    for after in (at_once, in_steps):
        assert endpoints(arms(after)["a"]) == ["pfs"]


def test_asking_twice_changes_nothing_more(registry):
    once = convert_endpoints(registry(cohort(survival=[median(endpoint="ttp")])), ["ttp:pfs"])
    assert convert_endpoints(once, ["ttp:pfs"]) == once


def test_a_study_without_such_a_figure_stays_the_same_object(registry):
    before = registry(cohort(survival=[median()]))
    after = convert_endpoints(before, ["ttp:pfs"])
    assert after.study("abel2001") is before.study("abel2001")
    assert after.conversions == (("ttp", "pfs", ()),)


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        ("dor:pfs", "dor is never read as pfs. Responders only."),
        (
            "os:pfs",
            "The vocabulary does not say that os may be read as pfs; possible: ttp:pfs, ttf:pfs, "
            "pfs:os.",
        ),
        ("ttp", '"ttp" names no two endpoints: write the printed one and the one that it is read '),
        ("ttp:", '"ttp:" names no two endpoints'),
        ("a:b:c", '"a:b:c" names no two endpoints'),
    ],
)
def test_what_is_not_allowed_is_refused_with_its_reason(registry, wanted, message):
    before = registry(cohort(survival=[median()]))
    with pytest.raises(ConversionError) as raised:
        convert_endpoints(before, ["ttp:pfs", wanted])
    assert str(raised.value).startswith(message)


def test_an_endpoint_that_does_not_exist_names_the_closest_one(registry):
    with pytest.raises(UnknownWordError, match=r'unknown endpoint "tpt"; did you mean "ttp"'):
        convert_endpoints(registry(cohort()), ["tpt:pfs"])


# --- The shipped vocabulary ----------------------------------------------------------------------


def test_what_a_reader_may_be_tempted_by_is_decided_with_a_reason():
    vocabulary = load_registry().vocabulary
    allowed = {(item.from_, item.to): item.allowed for item in vocabulary.conversions}
    assert {pair for pair, word in allowed.items() if word == "on request"} == {
        ("ttp", "pfs"),
        ("ttf", "pfs"),
        ("dss", "os"),
        ("survival_not_specified", "os"),
    }
    for pair in (("lpfs", "pfs"), ("dor", "pfs"), ("relative_survival", "os"), ("pfs", "os")):
        assert allowed[pair] == "never"
    for item in vocabulary.conversions:
        assert item.reason.endswith(".")
        assert len(item.reason.split()) >= 4


def test_time_to_progression_of_the_shipped_registry_can_be_read_as_progression_free_survival():
    before = load_registry()
    after = convert_endpoints(before, ["ttp:pfs"])
    more = {ref.id for ref in select(after, "pfs").counted}
    assert more > {ref.id for ref in select(before, "pfs").counted}
    assert "kawada2010:docetaxel" in more
    assert {ref.id for ref in select(after, "os").counted} == {
        ref.id for ref in select(before, "os").counted
    }
