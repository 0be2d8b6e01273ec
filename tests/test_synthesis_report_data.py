"""What the page is made from: names, reported figures in one notation, and its JSON."""

from __future__ import annotations

import gzip
import json
from base64 import b64decode
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest
import report_fits
import vl_convert
from benefit_fits import reports
from small_registry import NR, cohort, landmark, median, study, write_registry

from studies import load_registry
from studies.schema import SurvivalOutcome
from synthesis.cli.terminal import summary
from synthesis.endpoints import endpoint_of
from synthesis.estimands import patients_of
from synthesis.numbers import interval
from synthesis.questions.certainty import Confounding
from synthesis.questions.contrasts import GAIN
from synthesis.report import charts, words
from synthesis.report.data import DRAWS, MONTHS, as_json, page_data
from synthesis.reported import cohort_words, median_words, share_words


@pytest.fixture(scope="module")
def analysis(tmp_path_factory):
    return report_fits.analysis_of(report_fits.registry_of(tmp_path_factory.mktemp("data")))


@pytest.fixture(scope="module")
def data(analysis):
    return page_data(analysis)


# --- Names and figures ---------------------------------------------------------------------------


ENROLLED = {"enrolment": "2001-03 to 2009"}
NUMBER = {"label": "PMID 21791572", "pmid": "21791572"}
NAMES = [
    ({"authors": ["Pennell NA"], "year": 2008}, ENROLLED, "Pennell 2008"),
    ({"authors": ["Ahn"], "journal": "Int J Thyroidol"}, ENROLLED, "Ahn, 2001–2009"),
    ({"label": "Cleveland Clinic 2013"}, ENROLLED, "Cleveland Clinic 2013"),
    ({"label": "Northwest Med J"}, ENROLLED, "Northwest Med J"),
    (NUMBER, ENROLLED, "Hospital series, 2001–2009"),
    (NUMBER, {"design": "retrospective"}, "Hospital series, 9 patients"),
    (NUMBER, {"design": "registry"}, "Registry, 9 patients"),
    ({"journal": "World J Surg", "year": 1998}, ENROLLED, "World J Surg, 1998"),
    ({"title": "A report of patients"}, ENROLLED, "“A report of patients”"),
]


@pytest.mark.parametrize(("citation", "more", "name"), NAMES)
def test_a_study_has_a_name_that_a_reader_knows(tmp_path, citation, more, name):
    own = study("x1", cohort(n=9, survival=[median()]), **more) | {"citation": citation}
    assert load_registry(write_registry(tmp_path, own)).labels["x1"] == name


def test_reported_figures_have_one_notation(tmp_path):
    own = study(
        "one2020",
        cohort(
            survival=[
                median("3.1", ci="0.6 5.5", level="0.95"),
                median("101", unit="days", endpoint="pfs"),
            ],
            landmarks=[
                landmark(1, Decimal("0.119"), unit="years", ci="0.044 0.236"),
                landmark(6, Decimal("0.30")),
            ],
            response={"cr": 0, "pr": 2, "evaluable": 23},
        ),
        cohort("none", survival=[median(NR, ci="2.0 NR", level="0.95")]),
    )
    first, second = (
        load_registry(write_registry(tmp_path / "registry", own)).studies["one2020"].cohorts
    )
    assert cohort_words(first, "os") == (
        "3.1 months (0.6–5.5); 12-month OS 11.9 % (4.4–23.6); 6-month OS 30 %"
    )
    assert cohort_words(first, "pfs") == "3.3 months (101 days)"
    assert cohort_words(first, "response") == "2 of 23 responded"
    assert cohort_words(second, "os") == "not reached (2.0–NR)"
    brief = [median_words(own, brief=True) for own in (*first.survival, *second.survival)]
    assert brief == ["3.1 (0.6–5.5)", "3.3 (101 days)", "NR (2.0–NR)"]
    assert [*map(share_words, first.landmarks)] == ["11.9 % (4.4–23.6)", "30 %"]
    limits = median(NR, ci="74 NR", level="0.95", unit="days")
    assert median_words(SurvivalOutcome(**limits)) == "not reached (74–NR days)"


# --- The JSON ------------------------------------------------------------------------------------


def test_json_ends_no_element_of_a_page(data):
    text = as_json(data | {"subject": "</script><!--\u2028"})
    assert not {"<", "\u2028", "\u2029"} & set(text)
    assert json.loads(text)["subject"] == "</script><!--\u2028"


def test_gains_over_every_reference_are_those_of_the_draws(analysis, data):
    survival = data["endpoints"][0]
    for table in (analysis.comparison.table, analysis.comparison.league):
        rows = table[(table["endpoint"] == "os") & (table["estimand"] == GAIN)]
        assert len(rows)
        for row in rows.itertuples():
            own = survival["gains"]["reference"][row.reference][row.treatment]
            np.testing.assert_allclose(own[:3], [row.estimate, row.lower, row.upper], rtol=1e-3)
            # a probability per mille, where the gain asked for is one of the grid
            step = MONTHS.tolist().index(row.delta)
            assert abs(own[4][step] / 1000 - row.p_gain) <= 0.0005 + 1e-12
            # confounding is allowed for beside it: no report of this registry is randomised
            allowed = row.adjusted, row.adjusted_lower, row.adjusted_upper
            assert own[5] == interval(*allowed, endpoint_of("os").write_gain)
            assert abs(own[6][step] / 1000 - row.p_gain_adjusted) <= 0.0005 + 1e-12


def test_a_gain_stands_alone_where_no_confounding_is_to_be_allowed_for(analysis, tmp_path):
    def sizes(made, endpoint=0):
        gains = page_data(made)["endpoints"][endpoint]["gains"]
        return {
            label: len(own) for label, own in gains["reference"]["Best supportive care"].items()
        }

    assert set(sizes(analysis).values()) == {7}
    none = replace(analysis.comparison, confounding=Confounding(0.0, 0.0))
    assert set(sizes(replace(analysis, comparison=none)).values()) == {5}
    assert set(sizes(analysis, endpoint=1).values()) == {5}  # response
    known = {own["id"]: own for own in reports()}
    arms = [known.pop(name)["cohorts"][0] | {"id": name} for name in ("third", "fifth")]
    by_lot = study("lot2020", *arms, design="randomised")
    registry = report_fits.registry_with(tmp_path, *known.values(), by_lot)
    made = report_fits.analysis_of(registry, endpoints=("os",))
    assert sizes(made)["Sorafenib"] == 5
    assert sizes(made)["Lenvatinib"] == 7


def test_a_gain_between_the_steps_of_the_slider_can_be_asked_for(analysis):
    asked = replace(analysis, settings=replace(analysis.settings, delta=1.3))
    made = page_data(asked)
    assert made["months"][2:5] == [1.0, 1.3, 1.5]
    gains = made["endpoints"][0]["gains"]["reference"]["Best supportive care"]
    assert {len(own[4]) for own in gains.values()} == {len(made["months"])}


def test_draws_are_thinned_alike_for_every_treatment(data):
    draws = data["endpoints"][0]["draws"]
    assert len(draws["family"]) == DRAWS
    lengths = {len(values) for each in draws["treatments"].values() for values in each}
    lengths |= {len(values) for values in draws["effects"].values()}
    assert lengths == {DRAWS}


def test_how_certain_a_comparison_is_stands_on_the_page(analysis):
    own = {"certainty": "low", "certainty_reasons": "not randomised", "tipping_limit": 1.5}
    own |= {"tipping_estimate": 2.5}
    comparison = replace(
        analysis.comparison,
        table=analysis.comparison.table.assign(**own),
        forest=analysis.comparison.forest.assign(certainty="low"),
    )
    graded = replace(analysis, comparison=comparison)
    made = page_data(graded)["endpoints"][0]["certainty"]
    assert made["Sorafenib"] == {
        "certainty": "low",
        "certainty_reasons": "not randomised",
        "tipping_limit": 1.5,
        "tipping_estimate": 2.5,
    }
    strength = next(card for card in words.cards(graded) if "strong" in card.subject)
    assert strength.words.endswith("Certainty: low for 3.")
    assert strength.number == "0 of 3 randomised"


def test_the_first_answers_are_those_of_the_tables(analysis):
    best, others, strength, histology = words.cards(analysis)
    rows = analysis.comparison.forest.query("endpoint == 'os' and not is_reference")
    top = rows.sort_values("value").iloc[-1]
    assert best.number == f"{endpoint_of('os').write(top['value'])} months"
    assert top["treatment"].lower() in best.words
    allowed = (top[f"gain_adjusted{end}"] for end in ("", "_lower", "_upper"))
    written = interval(*allowed, endpoint_of("os").write_gain)
    assert f"{written} allowing for confounding" in best.words
    assert "allowing for confounding" in others.words
    assert others.words.count("best supportive care") == 1
    assert strength.number == f"0 of {len(rows)} randomised"
    (effect,) = analysis.findings.benefit.effects.query(
        "endpoint == 'os' and effect == 'prognostic' and which == 'posterior'"
    )["estimate"]
    assert histology.number == f"{effect:.2f} times"


# --- Patients ------------------------------------------------------------------------------------


def test_patients_are_counted_once_for_page_tables_figures_and_terminal(analysis, data):
    first = summary(analysis, [Path("report.html")], 1.0)
    for page in data["endpoints"]:
        name, fit = page["id"], analysis.fits[page["id"]]
        total = sum(patients_of(fit).values())
        rows = analysis.pooled.query("endpoint == @name and target == 'mean_study'")
        rows = rows[(rows["histology"] == "reference") & ~rows["treatment"].str.endswith("(any)")]
        own = rows[rows["estimand"] == endpoint_of(name).estimand].set_index("treatment")[
            "patients"
        ]
        assert own.sum() == total
        of_page = {row["t"]: row["p"] for row in page["rows"] if row["t"] in own}
        assert of_page == own.to_dict()
        assert analysis.cohorts.query("endpoint == @name")["n"].sum() == total
        assert analysis.forest[name]["n"].sum() == total
        captions = [p.caption for each in analysis.results for p in each.pictures]
        assert sum(f"reports, {total} patients" in caption for caption in captions) >= 1
        if name == analysis.settings.endpoints[0]:
            shown = {label: line for label in own.index for line in first if line.startswith(label)}
            assert {label: int(line.split()[-1]) for label, line in shown.items()} == of_page
    assert {"os", "response"} == {page["id"] for page in data["endpoints"]}
    # of response those who could be evaluated, not all who were treated
    assert total == 95


def test_the_library_of_the_charts_is_made_once_and_made_again_where_it_is_damaged(
    tmp_path, monkeypatch, request
):
    request.addfinalizer(charts.bundle.cache_clear)
    made = []

    def bundled(snippet, vl_version):
        made.append((snippet, vl_version))
        return "vegaEmbed"

    monkeypatch.setenv("ATC_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setattr(vl_convert, "javascript_bundle", bundled)

    def fresh() -> str:
        charts.bundle.cache_clear()
        return charts.bundle()

    first = fresh()
    assert b"vegaEmbed" in gzip.decompress(b64decode(first))
    assert fresh() == first
    assert made == [("window.vegaEmbed = vegaEmbed;", charts.VERSION)]
    (kept,) = (tmp_path / "cache").rglob("*.npz")
    kept.write_bytes(kept.read_bytes()[: kept.stat().st_size // 2])
    assert fresh() == first
    assert len(made) == 2
