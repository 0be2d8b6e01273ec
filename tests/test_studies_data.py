"""The shipped registry: what must stay true of it whatever is added."""

from __future__ import annotations

import re
import tomllib
from decimal import Decimal
from itertools import combinations
from pathlib import Path

import pytest
from registries import shipped

import studies
from studies import Study, load_registry
from studies.schema import NOT_REACHED, Citation

EXCLUDED = Path(studies.__file__).parent / "excluded.toml"


@pytest.fixture(scope="module")
def registry():
    return shipped()


@pytest.fixture(scope="module")
def excluded() -> dict[str, dict]:
    entries = tomllib.loads(EXCLUDED.read_text(encoding="utf-8"))["excluded"]
    by_id = {entry["id"]: entry for entry in entries}
    assert len(by_id) == len(entries), "an identifier stands twice"
    return by_id


def cohort_of(registry, study_id, cohort_id):
    (found,) = [c for c in registry.study(study_id).cohorts if c.id == cohort_id]
    return found


def outcome_of(arm, endpoint):
    (found,) = [outcome for outcome in arm.survival if outcome.endpoint == endpoint]
    return found


def arms(registry):
    for study in registry:
        for cohort in study.cohorts:
            yield study, cohort
            for subgroup in cohort.subgroups:
                yield study, subgroup


def test_every_report_is_there(registry):
    assert len(registry) >= 232
    assert sum(len(study.cohorts) for study in registry) >= 296


def test_every_study_says_where_its_figures_were_seen(registry):
    without = [
        study.id
        for study in registry
        if not study.sources or any(not (source.url or source.doi) for source in study.sources)
    ]
    assert without == []


def test_every_study_prints_something(registry):
    empty = [
        study.id
        for study in registry
        if not any(
            arm.survival or arm.landmarks or arm.response or arm.characteristics
            for cohort in study.cohorts
            for arm in (cohort, *cohort.subgroups)
        )
        and not any(cohort.patients for cohort in study.cohorts)
    ]
    assert empty == []


def test_every_file_opens_with_its_schema_and_a_line_that_says_what_it_is(registry):
    for study in registry:
        schema, _, first, *_ = registry.files[study.id].read_text(encoding="utf-8").splitlines()
        assert schema == "#:schema ../study.schema.json"
        assert re.fullmatch(r"# \S.{10,}", first), study.id


def test_a_title_that_was_not_seen_is_listed_as_unverified(registry):
    silent = [
        study.id
        for study in registry
        if study.citation.title is None
        and not any(item.startswith("title") for item in study.citation.unverified)
        and study.citation.journal is None
    ]
    assert silent == []


def test_a_number_of_patients_is_either_printed_or_implied(registry):
    both = [
        f"{study.id}:{cohort.id}"
        for study in registry
        for cohort in study.cohorts
        if cohort.n is not None and cohort.n_implied is not None
    ]
    assert both == []
    implied = {
        f"{study.id}:{cohort.id}": cohort.n_implied.value
        for study in registry
        for cohort in study.cohorts
        if cohort.n_implied is not None
    }
    assert implied["chang2022:no_dt"] == 33
    assert implied["tuthyref_braf2022:braf_wt_all"] == 159


def test_pure_and_mixed_are_words_of_the_report_or_a_declared_reading(registry):
    own_words = {
        study.id
        for study, arm in arms(registry)
        if getattr(arm, "histology", None) in ("pure", "mixed")
    }
    read = {study.id for study, arm in arms(registry) if arm.read_as is not None}
    assert {"sparano2021", "cleveland_young2013"} <= own_words
    assert {"ahn2017", "sugino2002", "choi2013"} <= read
    assert not own_words & read


@pytest.mark.parametrize(
    ("study_id", "cohort_id", "reading"),
    [
        ("ahn2017", "dtc_anaplastic_foci", "mixed"),
        ("ahn2017", "atc", "pure"),
        ("choi2013", "PTC_with_MAF", "mixed"),
        ("choi2013", "ATC", "pure"),
    ],
)
def test_focal_groups_are_read_as_pure_or_mixed_with_a_reason(
    registry, study_id, cohort_id, reading
):
    read_as = cohort_of(registry, study_id, cohort_id).read_as
    assert read_as.histology == reading
    assert read_as.reason


def test_the_excluded_reports_have_reasons_and_are_not_in_the_registry(registry, excluded):
    assert len(excluded) >= 78
    assert not set(excluded) & set(registry.studies)
    for entry in excluded.values():
        assert set(entry) <= {"id", "n", "reason", "citation"}
        assert len(entry["reason"]) > 20
        assert all(isinstance(n, int) and n > 0 for n in entry.get("n", []))
        Citation.model_validate(entry["citation"])


def test_every_overlap_names_a_report_of_the_registry(registry):
    outside = [
        f"{study.id} with {overlap.with_}"
        for study in registry
        for overlap in study.overlaps
        if overlap.with_ not in registry.studies
    ]
    assert outside == []


@pytest.mark.parametrize(
    "group",
    [
        ("subbiah2018", "subbiah2022", "subbiah2023", "fda2018dt"),
        ("atlep2020", "atlep2022"),
        ("sosa2012", "sosa2014"),
        ("onoda2016", "onoda2019ptx"),
        ("iwasaki2018", "iwasaki2020mco", "iwasaki_ivc"),
        ("jannin2023", "sparano2021", "tuthyref_braf2022"),
        ("sugitani2012", "onoda2020", "atccj1037"),
        ("kini2025", "pezzi2017", "ncdb3460_modality", "ncdb_metastatic_pc"),
        ("kini2025", "pezzi2017", "ncdb3460_modality", "ncdb_thyscc", "ncdb5359_2023"),
        (
            *("huang2019seer", "lin2019_seer", "seer1769", "seer874", "seer_rt_chemo2021"),
            *("song2020seer", "zhang2024_seer_pdtc_atc", "seer516_2024", "zheng2025_ratc"),
            "roche2018",
        ),
    ],
    ids=lambda group: group[0],
)
def test_reports_of_one_source_declare_it_pairwise(registry, group):
    for one, other in combinations(group, 2):
        assert other in {overlap.with_ for overlap in registry.study(one).overlaps}
        assert one in {overlap.with_ for overlap in registry.study(other).overlaps}


@pytest.mark.parametrize(
    "series",
    [
        *("iyer2018dt", "iyer2018pembro", "cabanillas2024", "cabanillas2025_adjpembro"),
        *("zhao2023", "rao2017", "wang2022_mut", "bhatia2010", "bronk2025"),
    ],
)
def test_series_of_one_hospital_overlap_with_its_consecutive_series(registry, series):
    overlaps = {overlap.with_ for overlap in registry.study("maniakas2020").overlaps}
    assert series in overlaps


def test_declared_pairs_name_the_same_patients_from_both_sides(registry):
    pairs = {
        (study.id, overlap.with_): {tuple(pair) for pair in overlap.pairs}
        for study in registry
        for overlap in study.overlaps
        if overlap.pairs
    }
    assert pairs
    for (one, other), own in pairs.items():
        assert {(b, a) for a, b in own} == pairs[other, one]


@pytest.mark.parametrize(
    ("study_id", "cohort_id", "iqr"),
    [
        ("seer_rt_chemo2021", "RCT", ("2", "7")),
        ("seer_rt_chemo2021", "RT", ("1", "4")),
        ("pisa2023", "all", ("1.97", "7.16")),
    ],
)
def test_an_interquartile_range_is_no_confidence_interval(registry, study_id, cohort_id, iqr):
    outcome = outcome_of(cohort_of(registry, study_id, cohort_id), "os")
    assert outcome.ci is None
    assert tuple(map(str, outcome.iqr)) == iqr


@pytest.mark.parametrize(
    ("study_id", "cohort_id"),
    [("onoda2016", "paclitaxel"), ("smallridge2013", "dose_0.3"), ("kawada2010", "docetaxel")],
)
def test_time_to_progression_is_not_progression_free_survival(registry, study_id, cohort_id):
    endpoints = {o.endpoint for o in cohort_of(registry, study_id, cohort_id).survival}
    assert "ttp" in endpoints
    assert "pfs" not in endpoints


def test_a_one_sided_p_value_is_marked(registry):
    (comparison,) = registry.study("sherman2023").comparisons
    assert (comparison.sided, comparison.p) == (1, Decimal("0.28"))
    assert {c.sided for s in registry for c in s.comparisons if s.id != "sherman2023"} == {2}


@pytest.mark.parametrize(
    ("study_id", "cohort_id", "evaluable", "n"),
    [("onoda2016", "paclitaxel", 42, 56), ("takahashi2020", "lenvatinib", 105, 124)],
)
def test_response_keeps_its_own_denominator(registry, study_id, cohort_id, evaluable, n):
    cohort = cohort_of(registry, study_id, cohort_id)
    assert (cohort.response.evaluable, cohort.n) == (evaluable, n)


@pytest.mark.parametrize(
    "study_id",
    [
        *("yan2025_scc", "pscct12_wang", "iqbal2024_seer_scct", "cams_pscct28", "seer_scc199"),
        *("jjhnc_scc3", "case_pscct_anlotinib_sintilimab", "case_scct_cis_pac"),
    ],
)
def test_squamous_carcinoma_is_kept_apart(registry, study_id):
    for cohort in registry.study(study_id).cohorts:
        assert cohort.disease == "squamous"
        assert cohort.not_pooled


def test_single_cases_are_recorded_and_not_pooled(registry):
    cases = [study for study in registry if study.id.startswith("case_")]
    assert len(cases) >= 34
    for study in cases:
        (cohort,) = study.cohorts
        assert cohort.n == 1
        assert cohort.not_pooled.startswith("a single case")


@pytest.mark.parametrize(
    ("study_id", "deaths", "alive", "silent"), [("landa2016", 21, 10, 2), ("jjhnc_scc3", 2, 1, 0)]
)
def test_patients_who_are_listed_one_by_one(registry, study_id, deaths, alive, silent):
    (cohort,) = registry.study(study_id).cohorts
    events = [patient.event for patient in cohort.patients]
    assert len(events) == cohort.n
    assert [events.count(event) for event in ("died", "alive", "not stated")] == [
        *(deaths, alive, silent)
    ]


def test_de_novo_and_transformed_tumours_are_not_read_as_pure_and_mixed(registry):
    (cohort,) = registry.study("korea34_histology").cohorts
    groups = [group for group in cohort.subgroups if group.factor == "origin"]
    assert [str(group.survival[0].median) for group in groups] == ["112", "99"]
    assert [(group.n, group.histology, group.read_as) for group in groups] == 2 * [(None,) * 3]


@pytest.mark.parametrize(
    ("study_id", "cohort_id"),
    [
        *(("gangnam_longterm23", "longterm_survivors"), ("onoda2019ptx", "responders")),
        *(("onoda2019ptx", "non_responders"), ("maniakas2020", "neoadjuvant_braf_surgery")),
        ("cabanillas2025_adjpembro", "adjuvant_pembrolizumab"),
        *(("cabanillas2025_adjpembro", "matched_control"), ("zhao2023", "neoadjuvant_surgery")),
        *(("zhao2023", "surgery_first"), ("zhao2023", "no_surgery"), ("sosa2012", "cp_operated")),
        *(("shimaoka1985", "doxorubicin"), ("encobini2024", "all")),
        *(("smallridge2010_background", "pooled"), ("ata2021_background", "historical")),
    ],
)
def test_what_must_not_be_pooled_says_why(registry, study_id, cohort_id):
    assert cohort_of(registry, study_id, cohort_id).not_pooled


@pytest.mark.parametrize(
    ("study_id", "cohort_id", "part_of"),
    [
        *(("iyer2018dt", "lenvatinib", "all"), ("cabanillas2024", "c2", "c1_3")),
        ("prasongsook2017", "palliative", "all_2003_2015"),
        ("maniakas2020", "era2014_2016", "all"),
        ("maniakas2020", "neoadjuvant_braf_surgery", "era2017_2019"),
        *(("smallridge2013", "dose_0.15", "all"), ("tuthyref_braf2022", "dt", "braf_mutated_all")),
    ],
)
def test_arms_within_arms_are_declared(registry, study_id, cohort_id, part_of):
    assert cohort_of(registry, study_id, cohort_id).part_of == part_of


@pytest.mark.parametrize(
    ("study_id", "cohort_id", "endpoint", "median", "unit"),
    [
        ("ito2017", "sorafenib", "os", "5.0", "months"),
        ("iwasaki2020mco", "palliative", "os", "2.0", "months"),
        ("takahashi2020", "lenvatinib", "os", "101.0", "days"),
        ("aslan2014", "all", "os", "119", "days"),
        ("anlotinib_chemo2023", "anlotinib_chemo", "pfs", "25.1", "weeks"),
        ("anlotinib_chemo2023", "anlotinib_chemo", "dss", "96.0", "weeks"),
    ],
)
def test_figures_keep_their_printed_digits_and_units(
    registry, study_id, cohort_id, endpoint, median, unit
):
    outcome = outcome_of(cohort_of(registry, study_id, cohort_id), endpoint)
    assert (str(outcome.median), outcome.unit) == (median, unit)


def test_limits_and_medians_that_were_not_reached_are_said_so(registry):
    dt = outcome_of(cohort_of(registry, "tuthyref_braf2022", "dt"), "os")
    assert (str(dt.ci[0]), dt.ci[1]) == ("4.66", NOT_REACHED)
    assert outcome_of(cohort_of(registry, "subbiah2018", "dt"), "os").median == NOT_REACHED


def test_figures_of_another_source_are_marked_one_by_one(registry):
    wirth = cohort_of(registry, "wirth2021", "lenvatinib")
    assert registry.study("wirth2021").status == "verified"
    assert outcome_of(wirth, "os").status == "secondary"
    assert outcome_of(wirth, "pfs").status is None
    pazopanib = cohort_of(registry, "sherman2023", "pazopanib")
    assert registry.study("sherman2023").status == "secondary"
    assert {landmark.status for landmark in pazopanib.landmarks} == {"verified"}


def test_a_figure_of_another_source_never_replaces_that_of_the_report(registry):
    iwasaki = cohort_of(registry, "iwasaki2018", "lenvatinib")
    median = outcome_of(iwasaki, "os")
    assert (str(median.median), median.unit, median.status) == ("166", "days", None)
    tahara = cohort_of(registry, "tahara2017", "lenvatinib").response
    assert (tahara.sd, tahara.disease_control) == (8, None)
    assert "doubtful" in tahara.note


@pytest.fixture(scope="module")
def sparano() -> Study:
    return load_registry().study("sparano2021")


@pytest.fixture(scope="module")
def cohort(sparano):
    (only,) = sparano.cohorts
    return only


def test_citation(sparano):
    citation = sparano.citation
    assert citation.authors[0] == "Sparano C"
    assert citation.authors[-1] == "Leboulleux S"
    assert len(citation.authors) == 12
    assert citation.title == (
        "Limited efficacy of lenvatinib in heavily pretreated anaplastic thyroid cancer: "
        "a French overview"
    )
    assert (citation.year, citation.journal, citation.volume_pages) == (
        2021,
        "Endocr Relat Cancer",
        "28(1):15-26",
    )
    assert (citation.doi, citation.pmid) == ("10.1530/ERC-20-0106", "33112817")
    assert citation.unverified == ()


def test_who_was_studied(sparano, cohort):
    assert sparano.status == "verified"
    assert (sparano.design, sparano.centres) == ("retrospective", "multicentre")
    assert sparano.countries == ("France",)
    assert (cohort.treatment, cohort.disease, cohort.line) == ("lenvatinib", None, "pretreated")
    assert (cohort.time_origin, cohort.time_origin_presumed) == ("treatment start", False)
    assert cohort.n == 23
    assert cohort.n_implied is None
    assert cohort.not_pooled is None


@pytest.mark.parametrize(
    ("endpoint", "median", "lower", "upper"),
    [("os", "3.1", "0.6", "5.5"), ("pfs", "2.7", "1.9", "3.5")],
)
def test_medians_and_intervals(cohort, endpoint, median, lower, upper):
    (outcome,) = [o for o in cohort.survival if o.endpoint == endpoint]
    # Compared as text: the printed digits are part of the figure.
    assert str(outcome.median) == median
    assert tuple(map(str, outcome.ci)) == (lower, upper)
    assert (outcome.unit, outcome.level) == ("months", Decimal("0.95"))


@pytest.mark.parametrize("endpoint", ["os", "pfs"])
def test_intervals_are_declared_symmetric_because_they_are(cohort, endpoint):
    (outcome,) = [o for o in cohort.survival if o.endpoint == endpoint]
    lower, upper = outcome.ci
    assert outcome.ci_method == "symmetric"
    # Three figures rounded to 0.1: the centre can be off the median by no more than 0.1.
    assert abs((lower + upper) / 2 - outcome.median) <= Decimal("0.1")


def test_only_these_outcomes_are_printed_for_the_whole_cohort(cohort):
    assert [outcome.endpoint for outcome in cohort.survival] == ["os", "pfs"]
    assert cohort.landmarks == ()
    assert cohort.patients == ()


def test_response(cohort):
    response = cohort.response
    assert (response.cr, response.pr, response.sd, response.evaluable) == (0, 2, 7, 23)
    assert (response.pd, response.ne, response.orr_percent) == (None, None, None)
    assert response.criteria == "RECIST 1.1"


def test_histology(sparano, cohort):
    assert (cohort.histology.pure, cohort.histology.mixed) == (15, 8)
    groups = {group.histology: group for group in cohort.subgroups}
    assert list(groups) == ["pure", "mixed"]
    printed = {
        name: (group.n, str(group.survival[0].median), group.survival[0].ci)
        for name, group in groups.items()
    }
    assert printed == {"pure": (15, "2.7", None), "mixed": (8, "6.3", None)}
    for group in groups.values():
        (outcome,) = group.survival
        assert (outcome.endpoint, outcome.unit) == ("os", "months")
        assert group.read_as is None, "the report itself says pure and mixed"
    (comparison,) = sparano.comparisons
    assert (comparison.endpoint, comparison.groups) == ("os", ("mixed", "pure"))
    assert (comparison.p, comparison.sided, comparison.test) == (Decimal("0.026"), 2, "log-rank")


def test_everything_else_the_abstract_prints(cohort):
    printed = {
        item.name: (item.statistic, str(item.value), item.of) for item in cohort.characteristics
    }
    assert printed == {
        "age": ("mean", "64", None),
        "male": ("count", "14", 23),
        "prior external beam irradiation of the neck": ("percent", "74", None),
        "prior chemotherapy, at least one line": ("count", "22", None),
        "prior chemotherapy, two lines": ("count", "11", None),
        "prior tyrosine kinase inhibitor, another one": ("count", "4", None),
        "clinical improvement": ("count", "7", None),
        "fatal adverse events": ("count", "3", None),
        "fatal haemoptysis": ("count", "2", None),
        "fatal pneumothorax": ("count", "1", None),
        "alive beyond 6 months with a biopsied distant metastasis": ("count", "4", None),
        "alive beyond 6 months, biopsy poorly differentiated": ("count", "4", None),
        "alive beyond 6 months, biopsied, histology mixed at first": ("count", "3", None),
    }


def test_reports_that_share_its_patients(sparano):
    assert {overlap.with_ for overlap in sparano.overlaps} == {"jannin2023", "tuthyref_braf2022"}
