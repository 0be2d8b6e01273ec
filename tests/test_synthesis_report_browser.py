"""The page in a real browser: its numbers, views and limits are those that a reader meets."""

from __future__ import annotations

import re
from itertools import pairwise

import pandas as pd
import pytest
import report_fits
from benefit_fits import reports
from browser import Reader, started
from report_tables import HOSTILE
from small_registry import cohort, landmark, median, study

from synthesis.endpoints import endpoint_of
from synthesis.numbers import chance_pair, interval
from synthesis.questions.contrasts import GAIN
from synthesis.report import write_report

WIDTHS = (390, 820, 1300, 1900)
MEGABYTE, NODES, SHEETS = 1_000_000, 5_000, 40


def hostile():
    """A report whose every text is markup: counted, and one cohort left out."""
    said = study(
        "hostile2020",
        cohort("a", "paclitaxel", 22, survival=[median("4.1", ci="2.0 7.9", level="0.95")]),
        cohort("b", "various", 9, not_pooled=HOSTILE, landmarks=[landmark(12, 0.2)]),
    )
    said["cohorts"][0]["caution"] = HOSTILE
    said["citation"] = {"authors": ["<b>Bold</b> AB"], "year": 2020, "title": HOSTILE}
    said["appraisal"] = {
        "consecutive": {"answer": "yes", "reason": HOSTILE},
        "complete": {"answer": "no", "reason": "30 of 31"},
    }
    said["citation"]["doi"] = '10.1000/"><script>alert(1)</script>'
    return said


@pytest.fixture(scope="module")
def analysis(tmp_path_factory):
    more = report_fits.responders(unassessed=0)
    folder = tmp_path_factory.mktemp("browser")
    others = [report for report in reports() if report["id"] != "fourth"]
    return report_fits.analysis_of(report_fits.registry_with(folder, *others, hostile(), *more))


@pytest.fixture(scope="module")
def out(analysis, tmp_path_factory):
    folder = tmp_path_factory.mktemp("browser_report") / "results"
    write_report(analysis, folder)
    return folder


@pytest.fixture(scope="module")
def browser():
    with started() as found:
        yield found


@pytest.fixture
def reader(browser, out):
    with Reader(browser, out / "report.html") as opened:
        yield opened


def table(out, name):
    return pd.read_csv(out / "tables" / f"{name}.csv")


def estimates(out, endpoint, histology):
    """Treatment -> its estimate as a reader has it, of the average study."""
    pooled, own = table(out, "pooled"), endpoint_of(endpoint)
    rows = pooled[
        (pooled["endpoint"] == endpoint)
        & (pooled["histology"] == histology)
        & (pooled["estimand"] == own.estimand)
        & (pooled["target"] == "mean_study")
    ]
    return {
        row.treatment: interval(row.estimate, row.lower, row.upper, own.write)
        for row in rows.itertuples()
    }


# --- Numbers -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("endpoint", "histology"),
    [("os", "reference"), ("os", "pure"), ("os", "mixed"), ("response", "reference")],
)
def test_every_estimate_read_back_is_that_of_the_tables(browser, out, endpoint, histology):
    address = f"#e={endpoint}&h={histology}&all=1"
    with Reader(browser, out / "report.html", address=address) as reader:
        names = reader.texts("#treatments-table button.open")
        read = dict(zip(names, reader.cells("main"), strict=True))
        known = estimates(out, endpoint, histology)
        assert len(read) >= 3
        assert read == {name: known[name] for name in read}


def gain_cell(row):
    """A gain as it is, and below it allowing for confounding."""
    write = endpoint_of("os").write_gain
    as_is = interval(row.estimate, row.lower, row.upper, write)
    return f"{as_is} {interval(row.adjusted, row.adjusted_lower, row.adjusted_upper, write)}"


def gains_of(reader):
    """Treatment -> the cell of its gain."""
    names = reader.texts("#treatments-table button.open")
    return dict(zip(names, reader.cells("gain"), strict=True))


def test_gains_and_chances_read_back_are_those_of_the_tables(reader, out):
    compare = table(out, "compare")
    rows = compare[(compare["endpoint"] == "os") & (compare["estimand"] == GAIN)]
    known = {row.treatment: row for row in rows.itertuples()}
    words = {"within one study": "one report", "across studies": "across studies"}
    columns = reader.cells("chance"), reader.cells("evidence")
    for (name, gain), likely, mark in zip(gains_of(reader).items(), *columns, strict=True):
        if name not in known:
            assert (gain, likely, mark) == ("–", "–", "reference")
            continue
        row = known[name]
        assert gain == gain_cell(row)
        assert likely == chance_pair(row.p_gain, row.p_gain_adjusted)
        assert mark[2:].startswith(words[row.evidence])


def test_gains_by_histology_and_over_another_treatment_are_those_of_the_tables(browser, out):
    benefit, league = table(out, "benefit"), table(out, "league")
    benefit = benefit[(benefit["estimand"] == GAIN) & (benefit["histology"] == "mixed")]
    with Reader(browser, out / "report.html", address="#h=mixed") as reader:
        read = gains_of(reader)
        rows = [row for row in benefit.itertuples() if row.treatment in read]
        assert rows
        assert all(read[row.treatment] == gain_cell(row) for row in rows)
    pair = league[(league["estimand"] == GAIN) & (league["reference"] == "Paclitaxel")]
    with Reader(browser, out / "report.html", address="#r=Paclitaxel") as reader:
        read = gains_of(reader)
        assert len(pair) >= 1
        assert all(read[row.treatment] == gain_cell(row) for row in pair.itertuples())


def test_what_no_report_tells_is_tagged_dashed_and_grey(browser, out):
    pooled = table(out, "pooled")
    rows = pooled[(pooled["endpoint"] == "os") & (pooled["histology"] == "pure")]
    told = set(rows.loc[~rows["extrapolated"].astype(bool), "treatment"])
    with Reader(browser, out / "report.html", address="#h=pure") as reader:
        tagged = reader.texts("#treatments-table tr.extrapolated button.open")
        every = reader.texts("#treatments-table button.open")
        assert set(every) - set(tagged) == told & set(every) == {"Lenvatinib"}
        assert len(reader.texts("#treatments-table .tag")) == len(tagged)
        assert reader.page.locator("#treatments-table svg.open").count() == len(tagged)


# --- Views ---------------------------------------------------------------------------------------


def test_headings_sort_and_the_address_keeps_the_order(reader):
    heads = reader.page.locator('#treatments-table [data-sort="name"]')
    heads.click()
    names = reader.texts("#treatments-table button.open")
    assert names == sorted(names)
    heads.click()
    assert reader.texts("#treatments-table button.open") == names[::-1]
    assert reader.page.locator('th[aria-sort="descending"]').inner_text().startswith("Treatment")
    assert "sort=-name" in reader.page.url


def test_search_and_switches_follow_and_an_address_brings_the_view_back(browser, reader, out):
    page = reader.page
    page.get_by_label("Search treatments").fill("sora")
    assert reader.texts("#treatments-table button.open") == ["Sorafenib"]
    page.get_by_text("Mixed", exact=True).click()
    page.get_by_label("Gain over").select_option("Lenvatinib")
    assert {"q=sora", "h=mixed", "r=Lenvatinib"} <= set(page.url.partition("#")[2].split("&"))
    shown = reader.texts("#treatments-table tr.row")
    with Reader(browser, out / "report.html", address=f"#{page.url.partition('#')[2]}") as again:
        assert again.texts("#treatments-table tr.row") == shown
        assert again.page.get_by_label("Search treatments").input_value() == "sora"
    page.get_by_text("Response", exact=True).click()
    page.get_by_label("Search treatments").fill("")
    assert "Responding, %" in reader.texts("#treatments-table thead th")[3]


def test_an_address_that_means_nothing_shows_the_usual_view(browser, reader, out):
    usual = reader.texts("#treatments-table tr.row")
    address = "#e=nothing&h=x&r=y&sort=z"
    with Reader(browser, out / "report.html", address=address) as again:
        assert again.texts("#treatments-table tr.row") == usual


def test_a_row_opens_its_cohorts_as_reported_and_as_modelled(reader, analysis):
    page = reader.page
    page.get_by_role("button", name="Paclitaxel").click()
    items = reader.texts(".cohorts li:not(.head)")
    rows = analysis.cohorts.query("endpoint == 'os' and treatment == 'Paclitaxel'")
    assert len(items) == len(rows) == 1
    write = endpoint_of("os").write
    for row in rows.itertuples():
        modelled = interval(row.estimate, row.lower, row.upper, write)
        assert any(modelled in item and row.entered_as in item for item in items)
    assert any("4.1 months (2.0–7.9)" in item and HOSTILE in item for item in items)
    link = page.locator(".cohorts a").first.get_attribute("href")
    assert link.startswith("https://doi.org/10.1000/")
    page.get_by_role("button", name="Paclitaxel").click()
    assert page.locator(".drawer").count() == 0


def test_the_gain_asked_for_moves_the_chances(reader):
    before = reader.cells("chance")
    reader.page.locator("#gain").fill("6")
    assert "x=6" in reader.page.url
    assert "P(gain > 6 mo)" in " ".join(reader.texts("#treatments-table thead th"))
    after = reader.cells("chance")
    numbers = [(a, b) for a, b in zip(before, after, strict=True) if a != "–"]
    assert numbers
    pairs = [zip(a.split(" / "), b.split(" / "), strict=True) for a, b in numbers]
    assert all(float(b.strip("<>")) <= float(a.strip("<>")) for pair in pairs for a, b in pair)


def test_the_median_of_a_stated_mix_is_that_of_the_model(reader, analysis):
    from synthesis.questions.mix import Population, patient_mix

    page = reader.page
    page.locator("#population").scroll_into_view_if_needed()
    page.wait_for_selector("#mix-median")
    page.locator("#mix-treatment").select_option("Lenvatinib")
    read = {}
    usual = page.locator("#mix-line").input_value()
    assert usual == "first-line"
    for share, line in ((0, usual), (40, usual), (100, usual), (40, "pretreated")):
        page.locator("#mix-share").fill(str(share))
        page.locator("#mix-line").select_option(line)
        text = page.locator("#mix-median").inner_text()
        read[share, line] = [float(number) for number in re.findall(r"[\d.]+", text)]
    for (share, line), numbers in read.items():
        own = patient_mix(
            analysis.fits, analysis.registry.vocabulary, Population(share / 100, line=line)
        ).table.query(
            "treatment == 'Lenvatinib' and estimand == 'median_months' and target == 'mean_study'"
        )
        (known,) = own[["estimate", "lower", "upper"]].to_numpy()
        # 200 of 2,000 draws: the error of a median is a tenth of the width, of an end a quarter
        width = known[2] - known[1]
        assert abs(numbers[0] - known[0]) < 0.1 * width + 0.05
        assert all(abs(a - b) < 0.25 * width + 0.05 for a, b in zip(numbers, known, strict=True))
    assert read[0, usual][0] < read[40, usual][0] < read[100, usual][0]
    assert read[40, "pretreated"] != read[40, usual]


def test_every_cohort_is_listed_sorted_searched_and_faceted(reader, analysis):
    page = reader.page
    total = sum(len(report.cohorts) for report in analysis.registry)
    rows = "#cohorts-table tbody tr"
    assert len(reader.texts(rows)) == total
    page.locator("#list-fate").select_option("left")
    assert all("Left out" in text for text in reader.texts(rows))
    page.locator("#list-fate").select_option("")
    page.get_by_label("Search cohorts").fill("various")
    assert [text.split(" 2020")[0] for text in reader.texts(rows)] == ["<b>Bold</b>"]
    page.get_by_label("Search cohorts").fill("bold paclitaxel")
    assert HOSTILE in reader.texts(rows)[0]
    page.get_by_label("Search cohorts").fill("")
    page.locator('[data-column="n"]').click()
    sizes = [int(text) for text in reader.texts(f"{rows} td:nth-child(3)")]
    assert sizes == sorted(sizes)


def test_the_appraisal_opens_as_lights_with_signs_and_reasons(reader, out):
    page = reader.page
    assert page.locator("#appraisal").count() == 0
    page.get_by_text("Appraisal of the reports (").click()
    page.wait_for_selector("#appraisal thead th")
    assert page.locator("#appraisal thead th").count() == 12
    first = page.locator("#appraisal tbody tr").first
    assert first.locator("td").all_inner_texts() == ["?"] * 3 + ["+", "−"] + ["?"] * 5 + ["1"]
    assert first.locator("th details li").count() == 2
    first.locator("summary").click()
    assert first.locator("li > span:not(.light)").all_inner_texts() == [HOSTILE, "30 of 31"]
    kept = table(out, "appraisal")
    assert list(kept["items_yes"]) == [1] + [0] * (len(kept) - 1)
    assert page.locator("#appraisal tbody tr").count() == len(kept)


def test_numbers_methods_captions_and_references_are_copied(browser, out):
    granted = {"permissions": ["clipboard-read", "clipboard-write"]}
    with Reader(browser, out / "report.html", **granted) as reader:

        def copied(selector):
            reader.page.locator(selector).first.click()
            reader.page.wait_for_function("document.getElementById('said').textContent")
            return reader.evaluate("navigator.clipboard.readText()")

        numbers = copied('[data-copy="numbers"]')
        first, *rows = numbers.splitlines()
        assert first.startswith("Treatment\tCohorts (patients)\tMedian, months")
        assert rows[0].split("\t")[2] == reader.cells("main")[0]
        assert copied('[data-copy="bibtex"]') == (out / "references.bib").read_text()
        assert "What counts" in copied('[data-copy="methods"]')
        reader.page.locator("details.figure summary").first.click()
        assert copied('[data-copy="caption"]').startswith("Overall survival in ")


def test_charts_are_drawn_when_they_come_into_sight(reader):
    assert not reader.evaluate("'vegaEmbed' in window")
    for name in ("curves", "densities", "population", "predicted"):
        chart = reader.page.locator(f"#{name} .chart").first
        chart.scroll_into_view_if_needed()
        chart.locator("svg").wait_for()
        assert chart.get_attribute("aria-label")


# --- Limits --------------------------------------------------------------------------------------


@pytest.mark.parametrize("width", WIDTHS)
def test_no_width_needs_sideways_scrolling(browser, out, width):
    with Reader(browser, out / "report.html", width, address="#open=Lenvatinib&all=1") as reader:
        assert reader.evaluate("document.documentElement.scrollWidth") <= width
        wide = "[...document.querySelectorAll('#rows, .cards li, .drawer')]"
        assert reader.evaluate(f"{wide}.every(e => e.scrollWidth <= e.clientWidth + 1)")
        for cell in reader.page.locator("#treatments-table td.main").all():
            box = cell.bounding_box()
            assert box["x"] >= 0
            assert box["x"] + box["width"] <= width


def test_the_first_screen_holds_the_answer(browser, out):
    with Reader(browser, out / "report.html") as reader:
        rows = reader.page.locator("#treatments-table tr.row")
        assert rows.nth(3).bounding_box()["y"] < 900
        assert reader.page.locator(".cards li").count() == 4
        # so many rows more would be in sight
        last = rows.nth(0).bounding_box()
        assert (900 - last["y"]) / last["height"] >= 10
    with Reader(browser, out / "report.html", 390, 844) as reader:
        number = reader.page.locator(".cards b").first.bounding_box()
        assert number["y"] + number["height"] < 500


def test_the_page_is_small(reader, out):
    assert (out / "report.html").stat().st_size <= 3 * MEGABYTE
    assert reader.evaluate("document.getElementsByTagName('*').length") <= NODES


def test_the_page_is_ready_within_a_second_of_the_processor(browser, out):
    page = browser.new_page()
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable", {"timeDomain": "threadTicks"})
    page.goto(f"file://{out / 'report.html'}")
    page.wait_for_selector("html[data-ready]")
    spent = {own["name"]: own["value"] for own in session.send("Performance.getMetrics")["metrics"]}
    assert 0.0 < spent["TaskDuration"] < 1.0
    assert not page.evaluate("'vegaEmbed' in window")  # read when a chart comes into sight
    page.close()


def test_dark_is_chosen_by_the_system_or_by_the_switch(browser, out):
    colour = "getComputedStyle(document.body).backgroundColor"
    with Reader(browser, out / "report.html", color_scheme="dark") as reader:
        assert reader.evaluate(colour) == "rgb(19, 23, 28)"
        switch = reader.page.get_by_role("button", name="Dark")
        assert switch.get_attribute("aria-pressed") == "true"
        switch.click()
        assert reader.evaluate(colour) == "rgb(255, 255, 255)"
        assert switch.get_attribute("aria-pressed") == "false"


def test_print_opens_everything_and_loses_nothing(reader):
    sheets = reader.page.pdf(format="A4", prefer_css_page_size=True)
    assert 3 <= len(re.findall(rb"/Type\s*/Page[^s]", sheets)) <= SHEETS
    assert reader.page.locator("template").count() == 0
    assert reader.page.locator("details:not([open])").count() == 0
    reader.page.emulate_media(media="print")
    hidden = "getComputedStyle(e).display === 'none' && !e.closest('.bar, .chart, .charts')"
    cells = f"[...document.querySelectorAll('main td, main th, figure svg')].filter(e => {hidden})"
    assert reader.evaluate(f"{cells}.length") == 0
    assert reader.page.locator("figure").count() >= 4


def test_markup_in_a_study_is_text(reader):
    reader.page.pdf()  # everything is opened
    assert reader.page.locator("main img, main script, main b:text-is('Bold')").count() == 0
    assert "<b>Bold</b> 2020" in " ".join(reader.texts("#cohorts-table th"))


# --- For everyone --------------------------------------------------------------------------------


def test_the_keyboard_alone_reaches_everything(reader):
    page = reader.page
    page.keyboard.press("Tab")
    assert reader.evaluate("document.activeElement.className") == "skip"
    seen = []
    for _ in range(400):
        page.keyboard.press("Tab")
        about = reader.evaluate(
            """() => {
              const own = document.activeElement, box = own.getBoundingClientRect();
              return [own.tagName, own.id || own.dataset.sort || own.dataset.treatment ||
                      own.textContent.trim(), box.width > 0 && box.height > 0];
            }"""
        )
        if about[0] == "BODY":
            break
        seen.append(about)
    assert about[0] == "BODY"
    assert all(visible for *_, visible in seen)
    names = [name for _, name, _ in seen]
    assert {"reference", "search", "all", "gain", "median", "Lenvatinib", "list-more"} - set(
        names
    ) <= {"list-more"}
    page.locator('[data-treatment="Lenvatinib"]').focus()
    page.keyboard.press("Enter")
    assert page.locator(".drawer").count() == 1
    assert reader.evaluate("document.activeElement.dataset.treatment") == "Lenvatinib"
    page.locator('input[name="e"]:checked').focus()
    page.keyboard.press("ArrowRight")
    assert reader.evaluate("document.activeElement.value") == "response"


def test_headings_are_in_order_and_every_drawing_says_what_it_shows(reader):
    reader.page.pdf()
    levels = reader.evaluate(
        "[...document.querySelectorAll('h1,h2,h3,h4')].map(h => Number(h.tagName[1]))"
    )
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))
    silent = reader.evaluate(
        """[...document.querySelectorAll('svg')].filter(e => !e.parentElement.closest('svg') &&
        !e.closest('[role=img],[aria-hidden]')).length"""
    )
    assert silent == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(browser, out, scheme):
    from axe_playwright_python.sync_playwright import Axe

    address = "#h=mixed&open=Sorafenib"
    with Reader(browser, out / "report.html", address=address, color_scheme=scheme) as reader:
        reader.page.evaluate("document.querySelectorAll('details').forEach(d => (d.open = true))")
        reader.page.wait_for_timeout(100)
        found = Axe().run(reader.page).response["violations"]
        told = [(each["id"], node["html"][:200]) for each in found for node in each["nodes"]]
        assert told == []
