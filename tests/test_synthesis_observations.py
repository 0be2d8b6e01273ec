"""Counted cohorts as observations: arms, conventions and comparisons of the shipped registry."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pytest
from fits import fit_of
from small_registry import cohort, median, study, subgroup, write_registry

from studies import load_registry
from studies.selection import overlap_pairs
from synthesis.fits import survival_observations
from synthesis.model.covariates import COVARIATES, covariates
from synthesis.model.printed import METHODS
from synthesis.model.records import read_arm
from synthesis.questions.pooled.tables import curve_tables


@pytest.fixture(scope="module")
def observed(registry):
    """Observations of each endpoint from the shipped registry."""
    return {name: data for name, (data, _) in survival_observations(registry).items()}


@pytest.fixture(scope="module", params=["os", "pfs"])
def data(observed, request):
    return observed[request.param]


def arms_of(data, study):
    """Arms of one report by histology."""
    return {arm.histology: arm for arm in data.arms if data.cohorts[arm.cohort].study.id == study}


# --- The shipped registry ------------------------------------------------------------------------


def test_survival_with_lenvatinib_enters_by_histology_with_its_log_rank_test(observed):
    data = observed["os"]
    arms = arms_of(data, "sparano2021")
    assert {name: (arm.n, arm.share) for name, arm in arms.items()} == {
        "pure": (15, 0.0),
        "mixed": (8, 1.0),
    }
    assert [arms[name].chains[0].time.tolist() for name in ("pure", "mixed")] == [[2.7], [6.3]]
    (comparison,) = [c for c in data.comparisons if data.groups[c.first] is arms["mixed"]]
    assert data.groups[comparison.second] is arms["pure"]
    # two-sided p = 0.026: z = 2.2262 to five digits; longer survival, so a negative log hazard
    read = comparison.reading
    assert read.low == read.high == pytest.approx(-2.2262 * np.sqrt(1 / 8 + 1 / 15), rel=1e-4)
    assert comparison.log_medians == pytest.approx(np.log([6.3, 2.7]), rel=1e-12)
    assert "log-rank p = 0.026" in " ".join(arm.entered_as for arm in arms.values())


def test_progression_with_lenvatinib_enters_as_one_cohort_of_known_share(observed):
    arms = arms_of(observed["pfs"], "sparano2021")
    assert set(arms) == {"whole"}
    assert (arms["whole"].n, arms["whole"].share) == (23, 8 / 23)
    assert arms["whole"].chains[0].time.tolist() == [2.7]
    assert "symmetric" in arms["whole"].entered_as


def test_declared_readings_of_groups_can_be_switched_on(registry):
    data, _ = survival_observations(registry, use_read_as=True)["os"]
    shares = {
        ref.cohort.id: arm.share
        for arm in data.arms
        if (ref := data.cohorts[arm.cohort]).study.id == "ahn2017"
    }
    assert shares == {"dtc_anaplastic_foci": 1.0, "atc": 0.0}
    data, left_out = survival_observations(registry)["os"]
    # without the reading their mixture of treatments says nothing that could be pooled
    assert arms_of(data, "ahn2017") == {}
    kinds = {item.kind for item in left_out if item.study_id == "ahn2017"}
    assert "not_one_treatment" in kinds


def test_every_cohort_enters_and_says_how(data):
    assert {arm.cohort for arm in data.arms} == set(range(len(data.cohorts)))
    assert [data.cohorts[arm.cohort].id for arm in data.arms if not arm.entered_as.strip()] == []
    listed = {patient.arm for patient in data.patients}
    assert [i for i, arm in enumerate(data.arms) if not arm.chains and i not in listed] == []


def test_an_arm_keeps_the_record_it_was_read_from(data):
    assert len(data.records) == len(data.cohorts)
    for arm in data.arms:
        ref, record = data.cohorts[arm.cohort], data.records[arm.cohort]
        assert record.whole.holder is ref.cohort
        assert arm.record in (record.whole, *record.groups)
        assert arm.record.histology == arm.histology
        assert arm.outcome is None or arm.outcome in arm.record.holder.survival
        assert set(arm.landmarks) <= set(arm.record.holder.landmarks)
        read = read_arm(arm.outcome, arm.landmarks, arm.n)
        assert (read is None) == (not arm.chains)
        assert read is None or read.methods == arm.methods
    assert {arm.histology for arm in data.arms} >= {"whole"}


def test_no_patient_is_counted_twice(registry, data):
    counted = [ref.id for ref in data.cohorts]
    assert len(set(counted)) == len(counted)
    pairs = [(one.id, other.id) for one, other, _ in overlap_pairs(registry)]
    assert pairs
    assert [pair for pair in pairs if set(pair) <= set(counted)] == []
    for index, ref in enumerate(data.cohorts):
        arms = [arm for arm in data.arms if arm.cohort == index]
        assert len({arm.histology for arm in arms}) == len(arms)
        assert sum(arm.n for arm in arms) <= ref.cohort.n


def test_chains_of_one_arm_share_their_times_and_count_its_patients(data):
    for arm in data.arms:
        for own in arm.chains:
            assert own.time.tolist() == arm.chains[0].time.tolist()
            assert own.density.tolist() == arm.chains[0].density.tolist()
            for nodes, others in zip(own.nodes, arm.chains[0].nodes, strict=True):
                assert nodes.tolist() == others.tolist()
            assert (np.diff(own.time) >= 0.0).all()
            assert min(own.cell.min(), own.beyond.min()) >= 0.0
            # sums of a few counts in floating point
            assert own.cell.sum() + own.density.sum() + own.beyond.sum() <= arm.n + 1e-9
            assert 0.0 <= own.survivors <= own.size <= arm.n


def test_an_untold_convention_has_a_name_that_the_model_knows(data):
    arms = [arm for arm in data.arms if arm.chains]
    assert all(len(arm.methods) == len(arm.chains) for arm in arms)
    untold = [arm for arm in arms if not arm.told]
    assert untold
    for arm in untold:
        assert set(arm.methods) <= set(METHODS)
        assert len(set(arm.methods)) == len(arm.methods)
    # one that is told, or none that is needed, leaves one chain
    assert {len(arm.chains) for arm in arms if arm.told} == {1}


def test_every_cohort_has_its_covariates(registry, data):
    selecting = registry.vocabulary.selecting
    counted = data.covariates[: len(data.cohorts)]
    assert counted == tuple(covariates(ref, selecting) for ref in data.cohorts)
    assert {len(own) for own in data.covariates} == {len(COVARIATES)}
    # each of them differs between cohorts, so that its effect can be told from the overall median
    assert all(len(set(column)) > 1 for column in zip(*data.covariates, strict=True))


def test_classes_and_treatments_belong_together(registry, data):
    vocabulary = registry.vocabulary
    for treatment, own in zip(data.treatments, data.treatment_class, strict=True):
        assert vocabulary.treatment(treatment).class_ == data.classes[own]
    for ref in data.cohorts:
        own = data.treatments.index(ref.treatment)
        assert data.classes[data.treatment_class[own]] == ref.treatment_class
        assert ref.study.id in data.studies


# --- Comparisons ---------------------------------------------------------------------------------

# What the study files print, put into the model's terms by hand: groups in the order of the model,
# kind, ends of the range, variance, logs of the printed medians. Of two-sided p values in tables of
# the normal:
Z_OF = {0.0028: 2.98888, 0.026: 2.22621, 0.00298: 2.96979, 0.0047: 2.82691, 0.027: 2.21151}
Z_OF |= {0.05: 1.95996, 0.01: 2.57583, 0.297: 1.04289}


def of_p(p, n, m):
    variance = 1 / n + 1 / m
    return "p", *(2 * (-Z_OF[p] * np.sqrt(variance),)), variance


def not_significant(n, m):
    variance = 1 / n + 1 / m
    return "p", -Z_OF[0.05] * np.sqrt(variance), Z_OF[0.05] * np.sqrt(variance), variance


def of_ratio(ratio, low, high):
    log = np.log(ratio)
    return "hazard ratio", log, log, (np.log(high / low) / (2 * Z_OF[0.05])) ** 2


def of_ratio_and_p(ratio, p):
    log = np.log(ratio)
    return "hazard ratio", log, log, (log / Z_OF[p]) ** 2


BY_HAND = {
    "os": {
        ("cleveland_young2013", "mixed", "pure"): (of_p(0.0028, 4, 8), (51, 6)),
        ("sparano2021", "mixed", "pure"): (of_p(0.026, 8, 15), (6.3, 2.7)),
        ("iwasaki2020mco", "lenvatinib", "palliative"): (of_p(0.00298, 16, 16), (4.2, 2.0)),
        ("sherman2023", "pazopanib", "placebo"): (of_ratio(0.86, 0.52, 1.43), (5.7, 7.3)),
        ("sosa2014", "cp_fosbretabulin", "cp"): (of_ratio(0.73, 0.44, 1.21), (5.2, 4.0)),
        # 43 patients, of whom nobody says how many were mixed: four of ten
        ("sicily43", "mixed", "pure"): (of_p(0.027, 17, 26), None),
        ("xu2020", "mixed", "pure"): (not_significant(208, 152), None),
        ("huang2019seer", "chemotherapy", "no_systemic_therapy"): (
            of_ratio_and_p(0.692, 0.01),
            None,
        ),
        ("pezzi2017", "chemotherapy", "no_systemic_therapy"): (
            of_ratio(0.637, 0.547, 0.742),
            None,
        ),
        ("chen2023_prior", "transformed", "de_novo"): (not_significant(62, 389), None),
        # nobody says how many were transformed: 14 in a hundred
        ("korea34_histology", "transformed", "de_novo"): (
            ("p", *2 * (Z_OF[0.297] * np.sqrt(1 / 5 + 1 / 29),), 1 / 5 + 1 / 29),
            None,
        ),
        ("putrajaya64", "transformed", "de_novo"): (("p", 0.0, np.inf, 1 / 9 + 1 / 55), None),
    },
    "pfs": {("cleveland_young2013", "mixed", "pure"): (of_p(0.0047, 4, 8), (21.5, 3.5))},
}
ADJUSTED = {"huang2019seer", "pezzi2017"}
BY_ORIGIN = {"chen2023_prior", "korea34_histology", "putrajaya64"}


def name_of(data, index):
    """The cohort of a group that is whole, else its histology."""
    group = data.groups[index]
    return data.refs[group.cohort].cohort.id if group.histology == "whole" else group.histology


def test_every_printed_comparison_of_counted_arms_enters_once(data):
    found = {}
    for item in data.comparisons:
        groups = data.groups[item.first], data.groups[item.second]
        first, second = (data.refs[group.cohort] for group in groups)
        assert first.study.id == second.study.id
        key = (first.study.id, name_of(data, item.first), name_of(data, item.second))
        assert key not in found
        read = item.reading
        found[key] = (read.kind, read.low, read.high, read.variance), item.log_medians
        assert read.adjusted == (first.study.id in ADJUSTED)
        # of the two groups of an adjusted ratio nobody is counted
        sizes = (1, 1) if read.adjusted else [group.n for group in groups]
        assert read.share == pytest.approx(sizes[0] / sum(sizes))
        counted = item.first < len(data.arms)
        assert counted == (item.second < len(data.arms)) == (item.log_medians is not None)
        words = "given the figures of both groups"
        assert read.entered_as.endswith(words) == counted
    assert set(found) == set(BY_HAND[data.endpoint])
    for key, ((kind, *numbers), medians) in BY_HAND[data.endpoint].items():
        (own, *others), logs = found[key]
        assert own == kind
        # z to six digits
        assert others == pytest.approx(numbers, rel=1e-5)
        assert logs is None if medians is None else logs == pytest.approx(np.log(medians))


def test_a_comparison_between_cohorts_takes_counted_patients_of_one_report(observed):
    """Sixteen and sixteen of one hospital, by log-rank; congress abstracts of them gave way."""
    data = observed["os"]
    pairs = [
        (data.arms[item.first], data.arms[item.second])
        for item in data.comparisons
        if item.first < len(data.arms)
        and data.arms[item.first].cohort != data.arms[item.second].cohort
    ]
    assert len(pairs) == 3
    assert {arm.histology for pair in pairs for arm in pair} == {"whole"}
    (own,) = [
        (first, second)
        for first, second in pairs
        if data.cohorts[first.cohort].study.id == "iwasaki2020mco"
    ]
    assert [arm.n for arm in own] == [16, 16]
    assert "log-rank p = 0.00298" in " ".join(arm.entered_as for arm in own)
    counted = {ref.study.id for ref in data.cohorts}
    assert {"iwasaki2018", "iwasaki_ivc"}.isdisjoint(counted)


def test_groups_without_figures_are_of_cohorts_that_a_contrast_alone_counts_of(observed):
    data = observed["os"]
    compared = [data.refs[group.cohort] for group in data.compared]
    contrasts = ADJUSTED | BY_ORIGIN | {"sicily43", "xu2020"}
    assert {ref.study.id for ref in data.within} == contrasts
    # the groups differ in one thing alone
    place = COVARIATES.index("transformed")
    for j in data.origin:
        first, second = (np.array(data.covariates[k]) for k in (j, j + 1))
        np.testing.assert_allclose(first - second, np.eye(len(COVARIATES))[place])
    assert set(map(id, compared)) == set(map(id, data.within))
    assert all(group.chains == () for group in data.compared)
    assert {group.share for group in data.compared} == {0.0, 1.0, None}
    told = [
        data.of_both_histologies(group) for group in data.compared if group.histology != "whole"
    ]
    assert told == [True] * 4
    # a treatment that is known from the adjusted ratios alone is among the treatments
    assert "no_systemic_therapy" in data.treatments
    assert "no_systemic_therapy" not in {ref.treatment for ref in data.cohorts}


# --- Patients listed one by one ------------------------------------------------------------------


def listing(*histologies, **more):
    """A cohort whose patients are listed, beside a median and a log-rank test of the same ones."""
    patients = [
        {"os": Decimal(place + 1), "unit": "months", "event": "died" if place % 2 else "alive"}
        | ({"histology": histology} if histology else {})
        for place, histology in enumerate(histologies)
    ]
    groups = [subgroup(name, 2, survival=[median("3")]) for name in ("pure", "mixed")]
    own = {"survival": [median("2.5")], "subgroups": groups, "patients": patients} | more
    compared = {"endpoint": "os", "groups": ["mixed", "pure"], "p": Decimal("0.2")}
    return study("own", cohort("all", n=4, **own), comparisons=[compared])


def listed_data(folder, *studies):
    registry = load_registry(write_registry(folder / "registry", *studies))
    return survival_observations(registry)["os"][0]


def test_patients_who_are_all_listed_stand_for_every_figure_of_theirs(tmp_path):
    data = listed_data(tmp_path, listing("pure", "mixed", "pure", "mixed"))
    assert [(arm.histology, arm.share, arm.n, arm.chains) for arm in data.arms] == [
        ("mixed", 1.0, 2, ()),
        ("pure", 0.0, 2, ()),
    ]
    assert [(p.arm, p.months, p.event) for p in data.patients] == [
        *((0, 2.0, True), (0, 4.0, True)),
        *((1, 1.0, False), (1, 3.0, False)),
    ]
    assert (data.comparisons, data.compared) == ((), ())
    assert all(data.of_both_histologies(arm) for arm in data.arms)
    assert data.records[0].whole.outcome.median == Decimal("2.5")  # still shown


@pytest.mark.parametrize(
    ("histologies", "arms"),
    [
        (("pure", "mixed", "", "mixed"), {"whole"}),  # not known of one
        (("pure", "mixed", "mixed"), {"pure", "mixed"}),  # three of four: the figures are of all
    ],
)
def test_a_listing_that_is_not_whole_does_not_hide_what_is_printed(tmp_path, histologies, arms):
    data = listed_data(tmp_path, listing(*histologies))
    assert {arm.histology for arm in data.arms} == arms
    assert len(data.patients) == (4 if arms == {"whole"} else 0)
    assert [len(arm.chains) > 0 for arm in data.arms] == [arms != {"whole"}] * len(arms)


def test_a_listing_with_an_unknown_end_gives_way_to_the_figures(tmp_path):
    open_end = [{"os": Decimal(2), "unit": "months"}] * 4
    data = listed_data(tmp_path, listing(patients=open_end, subgroups=[]))
    assert [arm.chains[0].time.tolist() for arm in data.arms] == [[2.5]]
    assert data.patients == ()


def test_listed_patients_are_drawn_as_steps(tmp_path):
    """Ends at 2 and 4 of the mixed, of the pure none: 1, 1/2, 0, and a level line."""
    folder = write_registry(tmp_path / "steps", listing("pure", "mixed", "pure", "mixed"))
    registry = load_registry(folder)
    _, points = curve_tables(fit_of(registry, log_median=np.log(3.0)), registry.vocabulary, 0.4)
    listed = points[points["kind"] == "listed"]
    steps = {
        label: list(zip(own["time"], own["survival"], strict=True))
        for label, own in listed.groupby("label")
    }
    assert steps == {
        "Own 2021, mixed": [(0.0, 1.0), (2.0, 0.5), (4.0, 0.0), (4.0, 0.0)],
        "Own 2021, pure": [(0.0, 1.0), (3.0, 1.0)],
    }
    assert set(listed["n"]) == {2}
