"""The shipped registry: what must stay true of it whatever is added."""

from __future__ import annotations

import re
from decimal import Decimal
from itertools import combinations
from pathlib import Path

import golden
import pytest

import studies
from studies import Study
from studies.documents import tables_of, toml_of
from studies.figures import HISTOLOGY, ORIGIN
from studies.selection import select


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


def test_every_report_is_there(shipped):
    assert len(shipped) >= 233
    assert sum(len(study.cohorts) for study in shipped) >= 296


def test_the_list_of_changes_names_what_is_there(shipped):
    text = (Path(studies.__file__).parent / "CHANGES.md").read_text(encoding="utf-8")
    (reports, cohorts), (first, _) = re.findall(r"(\d+) reports with (\d+) cohorts", text)
    assert int(reports) == len(shipped)
    assert int(cohorts) == sum(len(study.cohorts) for study in shipped)
    added = re.findall(r"`(\w+)`", text.split("Added, ")[1])
    assert text.count(f"Added, {len(added)} reports") == 1
    assert set(added) <= set(shipped.studies)
    assert int(first) + len(added) == len(shipped)


def test_means_are_kept_and_say_why_they_are_not_pooled(shipped):
    means = {
        (study.id, outcome.mean)
        for study, arm in arms(shipped)
        for outcome in arm.survival
        if outcome.mean is not None
    }
    assert len(means) == 15
    reasons = {each.study_id: each.reason for each in select(shipped, "os").left_out}
    assert "a mean of overall survival and no median" in reasons["tunis20"]
    assert "for groups by response to multimodal therapy only" in reasons["baroli2010"]


def tells_no_place_where_it_was_seen(study, registry):
    return not study.sources or any(not (source.url or source.doi) for source in study.sources)


def prints_nothing(study, registry):
    arms = [arm for cohort in study.cohorts for arm in (cohort, *cohort.subgroups)]
    figures = (arm.survival or arm.landmarks or arm.response for arm in arms)
    others = any(arm.characteristics for arm in arms) or any(c.patients for c in study.cohorts)
    return not any(figures) and not others


def hides_that_its_title_was_not_seen(study, registry):
    listed = any(item.startswith("title") for item in study.citation.unverified)
    return study.citation.title is None and study.citation.journal is None and not listed


def prints_a_number_and_implies_it(study, registry):
    return any(None not in (cohort.n, cohort.n_implied) for cohort in study.cohorts)


def overlaps_with_a_report_elsewhere(study, registry):
    return any(overlap.with_ not in registry.studies for overlap in study.overlaps)


@pytest.mark.parametrize(
    "amiss",
    [
        *(tells_no_place_where_it_was_seen, prints_nothing, hides_that_its_title_was_not_seen),
        *(prints_a_number_and_implies_it, overlaps_with_a_report_elsewhere),
    ],
)
def test_no_report(shipped, amiss):
    assert [study.id for study in shipped if amiss(study, shipped)] == []


def test_numbers_of_patients_that_are_implied(shipped):
    implied = {
        f"{study.id}:{cohort.id}": cohort.n_implied.value
        for study in shipped
        for cohort in study.cohorts
        if cohort.n_implied is not None
    }
    assert implied["chang2022:no_dt"] == 33
    assert implied["tuthyref_braf2022:braf_wt_all"] == 159


def test_every_file_opens_with_its_schema_and_a_line_that_says_what_it_is(shipped):
    for study in shipped:
        schema, _, first, *_ = shipped.files[study.id].read_text(encoding="utf-8").splitlines()
        assert schema == "#:schema ../study.schema.json"
        assert re.fullmatch(r"# \S.{10,}", first), study.id


def test_pure_and_mixed_are_words_of_the_report_or_a_declared_reading(shipped):
    own_words = {
        study.id
        for study, arm in arms(shipped)
        if getattr(arm, "histology", None) in ("pure", "mixed")
    }
    read = {study.id for study, arm in arms(shipped) if arm.read_as is not None}
    assert {"sparano2021", "cleveland_young2013"} <= own_words
    assert {"ahn2017", "sugino2002", "choi2013"} <= read
    assert not own_words & read


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
def test_reports_of_one_source_declare_it_pairwise(shipped, group):
    for one, other in combinations(group, 2):
        assert other in {overlap.with_ for overlap in shipped.study(one).overlaps}
        assert one in {overlap.with_ for overlap in shipped.study(other).overlaps}


@pytest.mark.parametrize(
    "series",
    [
        *("iyer2018dt", "iyer2018pembro", "cabanillas2024", "cabanillas2025_adjpembro"),
        *("zhao2023", "rao2017", "wang2022_mut", "bhatia2010", "bronk2025"),
    ],
)
def test_series_of_one_hospital_overlap_with_its_consecutive_series(shipped, series):
    overlaps = {overlap.with_ for overlap in shipped.study("maniakas2020").overlaps}
    assert series in overlaps


def test_declared_pairs_name_the_same_patients_from_both_sides(shipped):
    pairs = {
        (study.id, overlap.with_): {tuple(pair) for pair in overlap.pairs}
        for study in shipped
        for overlap in study.overlaps
        if overlap.pairs
    }
    assert pairs
    for (one, other), own in pairs.items():
        assert {(b, a) for a, b in own} == pairs[other, one]


def test_a_one_sided_p_value_is_marked(shipped):
    (comparison,) = shipped.study("sherman2023").comparisons
    assert (comparison.sided, comparison.p) == (1, Decimal("0.28"))
    assert {c.sided for s in shipped for c in s.comparisons if s.id != "sherman2023"} == {2}


@pytest.mark.parametrize(
    "study_id",
    [
        *("yan2025_scc", "pscct12_wang", "iqbal2024_seer_scct", "cams_pscct28", "seer_scc199"),
        *("jjhnc_scc3", "case_pscct_anlotinib_sintilimab", "case_scct_cis_pac"),
    ],
)
def test_squamous_carcinoma_is_kept_apart(shipped, study_id):
    for cohort in shipped.study(study_id).cohorts:
        assert cohort.disease == "squamous"
        assert (cohort.not_pooled is not None) == (cohort.n == 1)  # the others are pooled apart


def test_single_cases_are_recorded_and_not_pooled(shipped):
    cases = [study for study in shipped if study.id.startswith("case_")]
    assert len(cases) >= 34
    for study in cases:
        (cohort,) = study.cohorts
        assert cohort.n == 1
        assert cohort.not_pooled.startswith("a single case")


@pytest.mark.parametrize(
    ("study_id", "deaths", "alive", "silent"), [("landa2016", 21, 10, 2), ("jjhnc_scc3", 2, 1, 0)]
)
def test_patients_who_are_listed_one_by_one(shipped, study_id, deaths, alive, silent):
    (cohort,) = shipped.study(study_id).cohorts
    events = [patient.event for patient in cohort.patients]
    assert len(events) == cohort.n
    assert [events.count(event) for event in ("died", "alive", "not stated")] == [
        *(deaths, alive, silent)
    ]


def test_de_novo_and_transformed_tumours_are_not_read_as_pure_and_mixed(shipped):
    (cohort,) = shipped.study("korea34_histology").cohorts
    groups = [group for group in cohort.subgroups if group.factor == "origin"]
    assert [str(group.survival[0].median) for group in groups] == ["112", "99"]
    assert [(group.n, group.histology, group.read_as) for group in groups] == 2 * [(None,) * 3]


def test_what_is_easily_mistaken_stands_there_as_printed(shipped):
    """The page names the places, whose figures are read from the files anew.

    They are compared as text: the printed digits are part of a figure.
    """
    told = []
    for line in (golden.FOLDER / "facts.txt").read_text(encoding="utf-8").splitlines():
        place, is_fact, _ = line.partition(" = ")
        told.append(f"{place} = {figure_at(shipped, place)}\n" if is_fact else f"{line}\n")
    assert len(told) >= 48
    golden.check("facts", "".join(told))


def figure_at(registry, place):
    """Return what stands at a place such as ``ahn2017:atc os.ci``."""
    where, _, path = place.partition(" ")
    found = cohort_of(registry, *where.split(":"))
    for part in path.split("."):
        found = getattr(found, part) if hasattr(found, part) else outcome_of(found, part)
    return " ".join(map(str, found)) if isinstance(found, tuple) else found


def test_figures_of_another_source_are_marked_one_by_one(shipped):
    status = {name: shipped.study(name).status for name in ("wirth2021", "sherman2023")}
    assert status == {"wirth2021": "verified", "sherman2023": "secondary"}
    pazopanib = cohort_of(shipped, "sherman2023", "pazopanib")
    assert {landmark.status for landmark in pazopanib.landmarks} == {"verified"}
    assert "doubtful" in cohort_of(shipped, "tahara2017", "lenvatinib").response.note


@pytest.mark.parametrize(
    "place", ["onoda2016:paclitaxel", "smallridge2013:dose_0.3", "kawada2010:docetaxel"]
)
def test_time_to_progression_is_not_progression_free_survival(shipped, place):
    endpoints = {outcome.endpoint for outcome in cohort_of(shipped, *place.split(":")).survival}
    assert "ttp" in endpoints
    assert "pfs" not in endpoints


NOT_POOLED = (
    *("onoda2019ptx:responders", "onoda2019ptx:non_responders", "sosa2012:cp_operated"),
    *("shimaoka1985:doxorubicin", "encobini2024:all"),
    *("smallridge2010_background:pooled", "ata2021_background:historical"),
)


@pytest.mark.parametrize("place", NOT_POOLED)
def test_what_must_not_be_pooled_says_why(shipped, place):
    assert cohort_of(shipped, *place.split(":")).not_pooled


def test_groups_that_the_outcome_formed_are_declared(shipped):
    lines = [
        f"{cohort.formed_by.kind}: {study.id}:{cohort.id}\n"
        for study in shipped
        for cohort in study.cohorts
        if cohort.formed_by is not None
    ]
    golden.check("formed", "".join(lines))


def test_comparisons_by_histology_are_found_whatever_they_found(shipped):
    """What each report says of a differentiated part, or of an earlier tumour."""
    lines = [
        f"{' against '.join(own.groups)}: {study.id}, {own.endpoint}, p {own.p}, {own.longer}\n"
        for groups in (HISTOLOGY, ORIGIN)
        for study in shipped
        for own in study.comparisons
        if own.groups == groups
    ]
    golden.check("histology_comparisons", "".join(lines))


def test_comparisons_of_treatments_name_them(shipped):
    named = {
        study.id: own.treatments
        for study in shipped
        for own in study.comparisons
        if own.adjusted and own.treatments
    }
    assert named == dict.fromkeys(
        ("huang2019seer", "pezzi2017"), ("chemotherapy", "no_systemic_therapy")
    )


def test_the_seed_study_is_what_its_abstract_prints(shipped):
    """Every digit of the report from which this project starts, typed in once more for the page."""
    golden.check("study_sparano2021", toml_of(tables_of(shipped.study("sparano2021")), Study))


def test_intervals_are_declared_symmetric_because_they_are(shipped):
    for outcome in cohort_of(shipped, "sparano2021", "lenvatinib").survival:
        assert outcome.ci_method == "symmetric"
        # Three figures rounded to 0.1: the centre can be off the median by no more than 0.1.
        assert abs(sum(outcome.ci) / 2 - outcome.median) <= Decimal("0.1")
