"""Treatments against each other in the report: the same numbers as everywhere, and what is said."""

from __future__ import annotations

import json
from dataclasses import replace

import pandas as pd
import pytest
from benefit_fits import whole
from report_fits import (
    DELTA,
    ENDPOINTS,
    analysis_of,
    fit_endpoints,
    registry_of,
    registry_with,
)
from report_tables import Page
from sensitivity_fits import WORDS, Counting
from sensitivity_fits import reports as sensitivity_reports
from small_registry import write_registry

import synthesis.run
from studies import load_registry
from synthesis import cli
from synthesis.questions.histology import EFFECT_ESTIMANDS
from synthesis.questions.compare import (COMPARE_COLUMNS, compare)
from synthesis.numbers import percent
from synthesis.questions.histology import find_benefit
from synthesis.questions.histology import (SAYS_NOTHING, months, ratio)
from synthesis.questions.mix import MIX_COLUMNS
from synthesis.numbers import chance
from synthesis.questions.contrasts import spread_text
from synthesis.plots.cells import signs
from synthesis.report import write_report
from synthesis.report.page import render_page
from synthesis.report.sensitivity import stems
from synthesis.sensitivity import sensitivity
from synthesis.sensitivity.store import Store


@pytest.fixture(scope="module")
def registry(tmp_path_factory):
    return registry_of(tmp_path_factory.mktemp("against"))


@pytest.fixture(scope="module")
def analysis(registry):
    return analysis_of(registry)


@pytest.fixture(scope="module")
def out(analysis, tmp_path_factory):
    folder = tmp_path_factory.mktemp("report") / "results"
    write_report(analysis, folder)
    return folder


@pytest.fixture(scope="module")
def page(out):
    return Page((out / "report.html").read_text(encoding="utf-8"))


def printed(registry, capsys, monkeypatch, *words):
    """What a command prints on one line each of a table, blanks of any width as one."""
    monkeypatch.setattr(synthesis.run, "fit_endpoints", fit_endpoints)
    command, *more = words
    given = ["--registry", f"{registry.folder}", "--only", "--delta", f"{DELTA:g}"]
    assert cli.main([command, *given, *more]) == 0
    return [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]


def words_of(page, section):
    ((_, words),) = [found for found in page.every("section") if found[0]["id"] == section]
    return words


def cells(page, section):
    """Cells of all rows of the tables in a section, one set a row."""
    start = next(i for i, (_, attrs) in enumerate(page.elements) if attrs.get("id") == section)
    rows = []
    for (tag, _), words in zip(page.elements[start + 1 :], page.texts[start + 1 :], strict=True):
        if tag == "section":
            break
        if tag == "tr":
            rows.append([])
        elif tag in ("td", "th"):
            rows[-1].append(" ".join(words.split()))
    return rows


def table(out, name):
    return pd.read_csv(out / "tables" / f"{name}.csv", keep_default_na=False, na_values=[""])


# --- One fit, one set of numbers -----------------------------------------------------------------


def test_every_contrast_reads_the_same_in_terminal_python_table_and_page(
    registry, analysis, out, page, capsys, monkeypatch
):
    named = [word for name in ENDPOINTS for word in ("--endpoint", name)]
    lines = printed(registry, capsys, monkeypatch, "compare", "--all", *named)
    anew = compare(dict(analysis.fits), registry.vocabulary, delta=DELTA)
    pd.testing.assert_frame_equal(anew.table, analysis.comparison.table)
    stored = table(out, "compare")
    assert tuple(stored.columns) == COMPARE_COLUMNS
    assert len(stored) == len(anew.table)
    on_page = cells(page, "compare")
    for row, own in zip(stored.itertuples(), anew.table.itertuples(), strict=True):
        text = spread_text(row.estimate, row.lower, row.upper, row.estimand)
        assert text == spread_text(own.estimate, own.lower, own.upper, own.estimand)
        chance = [chance(row.p_gain)] if row.p_gain == row.p_gain else []
        for found in (text, *chance):
            assert any(line.startswith(row.treatment) and found in line for line in lines), found
            assert any(r[:1] == [row.treatment] and signs(found) in r for r in on_page), found


def test_every_number_by_histology_reads_the_same_in_terminal_python_table_and_page(
    registry, analysis, out, page, capsys, monkeypatch
):
    lines = printed(registry, capsys, monkeypatch, "benefit", "--all", "--endpoint", "os")
    terminal = "\n".join(lines)
    anew = find_benefit({"os": analysis.fits["os"]}, registry.vocabulary, delta=DELTA)
    pd.testing.assert_frame_equal(anew.benefit.table, analysis.findings.benefit.table)
    pd.testing.assert_frame_equal(anew.influence, analysis.findings.influence)
    stored = table(out, "benefit")
    assert tuple(stored.columns) == COMPARE_COLUMNS
    assert len(stored) == len(anew.benefit.table)
    on_page = {cell for row in cells(page, "benefit") for cell in row}
    writers = {"median_months": months, "rmst_12m": months, "rmst_24m": months}
    writers |= {"survival_6m": percent, "survival_12m": percent}
    writers |= {"difference_median_months": months, "ratio_of_medians": ratio}
    checked = 0
    for row in stored.itertuples():
        if row.estimand not in writers:
            continue
        text = writers[row.estimand](row)
        assert text in terminal, (row.treatment, row.estimand)
        assert signs(text) in on_page, (row.treatment, row.estimand)
        checked += 1
    # four treatments in two histologies: five estimates each, and two contrasts but for one
    assert checked == 4 * 2 * 5 + 3 * 2 * 2
    effects = stored[stored["estimand"].isin(EFFECT_ESTIMANDS.values())]
    told = [row for row in effects[effects["reference"].isna()].itertuples() if row.cohorts]
    assert {row.estimand for row in told} == {"prognostic_ratio", "predictive_ratio"}
    for row in told:
        assert ratio(row) in terminal
        assert signs(ratio(row)) in on_page


def test_the_answers_hold_the_gains_of_the_tables(analysis, page):
    rows = {}
    for row in filter(None, cells(page, "answers")):  # overall survival comes before response
        rows.setdefault(row[0], row)
    own = analysis.comparison.table
    for row in own[own["estimand"] == "difference_median_months"].itertuples():
        text = signs(spread_text(row.estimate, row.lower, row.upper, row.estimand))
        assert text in rows[row.treatment]
        assert chance(row.p_gain) in rows[row.treatment]
        assert row.carried_by in rows[row.treatment]
    head = [words for _, words in page.every("th")]
    assert f"P(gain > {DELTA:g} mo)" in head


# --- What is written -----------------------------------------------------------------------------


def test_tables_and_figures_of_both_are_written_and_listed(out, analysis):
    listed = set(json.loads((out / "manifest.json").read_text())["files"])
    tables = {"compare", "league", "gains", "ranks", "benefit", "benefit_effects", "influence"}
    tables |= {"single_results", "mix"}
    assert {f"tables/{name}.csv" for name in tables} <= listed
    stems = [f"compare_{k}_os" for k in ("forest", "gains", "ranks", "league", "network")]
    stems += ["benefit_os", "benefit_effects_os", "benefit_influence_os", "single_result_1_os"]
    for stem in stems:
        assert {f"figures/{stem}.{kind}" for kind in ("svg", "pdf", "png")} <= listed
        assert analysis.captions[stem].endswith(".")
    assert tuple(table(out, "mix").columns) == MIX_COLUMNS
    assert {file for file in listed if not (out / file).is_file()} == set()


def test_the_page_shows_every_figure_once_and_needs_nothing_else(out, page):
    drawn = {file.stem for file in (out / "figures").glob("*.svg")}
    assert len(page.every("img")) == len(drawn)
    assert all(attrs["src"].startswith("data:") for attrs, _ in page.every("img"))
    # three formats of each figure are linked to from its caption
    links = [attrs["href"] for attrs, _ in page.every("a")]
    assert {f"figures/{stem}.svg" for stem in drawn} <= set(links)


def test_the_one_result_from_which_it_starts_has_its_own_section(page):
    words = words_of(page, "single")
    assert "What does the result of Split 2021 on overall survival mean once pooled?" in words
    assert "6.3 months in 8 patients" in words
    assert "2.7 months in 15 patients" in words
    assert "p = 0.026" in words


def test_nothing_by_histology_stands_in_two_tables(page):
    pooled = {cell for row in cells(page, "pooled") for cell in row}
    assert not {"Mean study, pure", "Mean study, mixed"} & pooled
    heads = [words for _, words in page.every("caption")]
    assert len([words for words in heads if words.startswith("Pure and mixed side by side")]) == 1


def test_the_stated_population_is_a_mixture_of_patients(page):
    words = words_of(page, "mix")
    assert "Patients of whom 40 % have mixed histology" in words
    assert "A mixture of patients" in words


# --- What is said where there is little to say ---------------------------------------------------


def test_without_a_report_that_tells_histology_the_page_says_that_the_data_say_nothing(tmp_path):
    reports = [whole("one", "lenvatinib"), whole("two", "best_care"), whole("three", "sorafenib")]
    registry = registry_with(tmp_path, *reports, whole("four", "paclitaxel"))
    found = analysis_of(registry, endpoints=("os",))
    page = Page(render_page(found, []))
    words = words_of(page, "benefit")
    assert SAYS_NOTHING in words
    assert "the data say nothing on it" in words_of(page, "answers")
    # prior and posterior of the effects, but no estimate of pure or of mixed tumours
    captions = [text for _, text in page.every("caption")]
    assert any(text.startswith("How much of each effect is prior.") for text in captions)
    assert not any(text.startswith("Pure and mixed side by side") for text in captions)
    assert "benefit_os" not in found.captions
    assert "benefit_effects_os" in found.captions
    ids = {attrs.get("id") for attrs, _ in page.every("section")}
    assert "single" not in ids


def test_response_alone_has_comparisons_and_nothing_by_histology(registry):
    found = analysis_of(registry, endpoints=("response",))
    assert found.findings is None
    page = Page(render_page(found, []))
    assert "Objective response" in words_of(page, "compare")
    ids = {attrs.get("id") for attrs, _ in page.every("section")}
    assert not ids & {"benefit", "single", "mix", "sensitivity"}


def test_one_treatment_leaves_nothing_to_compare(tmp_path):
    registry = registry_with(tmp_path, whole("one", "lenvatinib"), whole("two", "lenvatinib", 40))
    found = analysis_of(registry, endpoints=("os",))
    assert found.comparison.is_empty
    page = Page(render_page(found, []))
    said = "For overall survival there is nothing to compare; pooled: Lenvatinib."
    assert said in words_of(page, "compare")


def test_another_reference_and_gain_are_what_is_shown(registry):
    found = analysis_of(registry, endpoints=("os",), reference="paclitaxel", delta=3.0)
    page = Page(render_page(found, []))
    assert "every treatment against paclitaxel" in words_of(page, "compare")
    assert "P(gain > 3 mo)" in words_of(page, "compare")
    assert "Gains over paclitaxel" in words_of(page, "benefit")


def test_sensitivity_is_told_how_to_be_asked_for(analysis, page):
    words = words_of(page, "sensitivity")
    assert "atc report --sensitivity" in words
    assert "atc sensitivity --endpoint os" in words
    asked = replace(
        analysis,
        settings=replace(analysis.settings, sensitivity=True),
        sensitivity_notes=("Overall survival: no other treatment is pooled.",),
    )
    words = words_of(Page(render_page(asked, [])), "sensitivity")
    assert "Overall survival: no other treatment is pooled." in words
    assert "atc report --sensitivity" not in words


def test_sensitivity_that_was_asked_for_is_shown_drawn_and_written(analysis, tmp_path):
    tried = sensitivity(
        load_registry(write_registry(tmp_path / "tried", *sensitivity_reports(), vocabulary=WORDS)),
        groups=("priors", "studies"),
        store=Store(tmp_path / "store"),
        fitter=Counting(),
        draws=200,
    )
    settings = replace(analysis.settings, sensitivity=True)
    nothing = compare({}, analysis.registry.vocabulary)  # drawn by the tests above
    other = {"comparison": nothing, "findings": None, "populations": ()}
    asked = replace(analysis, settings=settings, sensitivity={"os": tried}, **other)
    out = tmp_path / "results"
    written = {path.relative_to(out).as_posix() for path in write_report(asked, out)}
    page = Page((out / "report.html").read_text(encoding="utf-8"))
    words = words_of(page, "sensitivity")
    for item in tried.findings:
        assert item.question[1:] in words
    names = [f"figures/{stem}.svg" for stem in stems(tried).values()]
    drawn = [name for name in names if name in written]
    assert drawn
    assert set(drawn) <= {attrs["href"] for attrs, _ in page.every("a")}
    assert {"tables/sensitivity.csv", "tables/power_scaling.csv"} <= written
    assert len(table(out, "sensitivity")) == len(tried.table)
