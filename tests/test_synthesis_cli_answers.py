"""The questions on the command line: what they show, write and refuse; draws are set by hand."""

from __future__ import annotations

import csv
import io
import json

import benefit_fits
import bias_fits
import compare_fits
import golden
import numpy as np
import pandas as pd
import pytest
import report_fits
from command_line import answered, refused, stand_in
from fits import CHOICE_WORDS, Counting, fit_of, six_reports
from small_registry import files_in, write_registry

from studies import load_registry
from synthesis import cli
from synthesis.questions import bias, sensitivity
from synthesis.questions import control as historical
from synthesis.questions.compare import compare
from synthesis.questions.contrasts import COMPARE_COLUMNS
from synthesis.questions.control import control
from synthesis.questions.histology import SAYS_NOTHING
from synthesis.questions.histology_effects import BENEFIT_COLUMNS, benefit_by_histology
from synthesis.questions.mix import MIX_COLUMNS, Population
from synthesis.questions.plan import Design, plan
from synthesis.result import RESEARCH_USE

SUFFIXES = ("svg", "pdf", "png")


def ask(question, folder, *more):
    """The words of a command on one registry alone."""
    return (question, "--registry", folder, "--only", *more)


def without_blanks(text):
    return " ".join(text.split())


# --- compare -------------------------------------------------------------------------------------


@pytest.fixture
def compared(tmp_path):
    compare_fits.registry_of(tmp_path / "registry")
    return tmp_path / "registry"


@pytest.fixture
def compared_asked(monkeypatch):
    survival, response = compare_fits.survival_fit, compare_fits.response_fit
    return stand_in(monkeypatch, os=survival, pfs=survival, response=response)


BOTH = ("--endpoint", "os", "--endpoint", "response")


def test_compare_is_the_page_that_was_read(compared, compared_asked, capsys):
    out = answered(capsys, *ask("compare", compared, *BOTH, "--all", "--delta", "2"))
    golden.check("atc_compare", out)
    assert out.splitlines()[-1] == RESEARCH_USE


def test_options_reach_the_fits_and_the_comparison(compared, compared_asked, capsys):
    more = ["--seed", "7", "--draws", "50", "--reference-mix", "0.25", "--no-cache"]
    more += ["--family", "weibull", "--verified-only", "--reference", "Lenvima"]
    out = answered(capsys, *ask("compare", compared, *BOTH, *more))
    settings = compared_asked["settings"]
    assert (settings.seed, settings.draws, settings.reference_mix) == (7, 50, 0.25)
    assert (settings.family, settings.verified_only) == ("weibull", True)
    assert settings.endpoints == ("os", "response")
    assert compared_asked["cache"] is False
    assert "against lenvatinib (3 cohorts" in without_blanks(out)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ((), "to have lived 1.22 (0.62–2.43) times as long anyway"),
        (("--confounding", "1.5"), "to have lived 1.50 times as long anyway"),
        (("--confounding", "0"), "No confounding is allowed for, as asked."),
    ],
)
def test_confounding_is_chosen_by_an_option(compared, compared_asked, capsys, asked, said):
    out = answered(capsys, *ask("compare", compared, "--endpoint", "os", *asked))
    assert said in without_blanks(out)


def test_an_endpoint_without_the_reference_is_not_fitted(tmp_path, compared_asked, capsys):
    silent = json.loads(json.dumps(compare_fits.REPORTS[4], default=str))
    silent["cohorts"][0].pop("response")
    silent["cohorts"][0]["survival"][0]["median"] = 4
    folder = tmp_path / "registry"
    compare_fits.registry_of(folder, (*compare_fits.REPORTS[:4], silent))
    out = answered(capsys, *ask("compare", folder, *BOTH, "--reference", "sorafenib"))
    assert compared_asked["settings"].endpoints == ("os",)
    assert "No cohort of sorafenib is pooled for response, which is left out." in (
        without_blanks(out)
    )


def test_a_comparison_is_written_and_files_of_others_stay(
    compared, compared_asked, tmp_path, capsys
):
    out = tmp_path / "a" / "out"
    (out / "tables").mkdir(parents=True)
    (out / "tables" / "mine.csv").write_text("mine")
    said = answered(capsys, *ask("compare", compared, *BOTH, "--out", out, "--format", "latex"))
    expected = {f"tables/{name}.csv" for name in ("compare", "league", "gains", "ranks", "mine")}
    expected.add("tables/compare.tex")
    assert files_in(out).keys() == expected | {f"figures/compare.{suffix}" for suffix in SUFFIXES}
    assert f"Written: {out / 'tables' / 'compare.csv'} (8 files)" in said
    table = pd.read_csv(out / "tables" / "compare.csv")
    registry = load_registry(compared, alone=True)
    fits = {"os": compare_fits.survival_fit(registry)}
    fits |= {"response": compare_fits.response_fit(registry)}
    theirs = compare(fits, registry.vocabulary).table
    assert tuple(table.columns) == COMPARE_COLUMNS
    pd.testing.assert_series_equal(table["estimate"], theirs["estimate"], rtol=1e-12)
    keys = ["endpoint", "treatment", "reference", "histology", "estimand"]
    assert not table.duplicated(keys).any()
    assert table["evidence"].notna().all()
    text = (out / "tables" / "compare.csv").read_text(encoding="utf-8")
    assert len(list(csv.reader(io.StringIO(text)))) == len(table) + 1
    svg = (out / "figures" / "compare.svg").read_text(encoding="utf-8")
    assert "Lot 2021" in svg  # the reports that it rests on are named in the file
    assert "Care 2021" in svg


def test_what_cannot_be_compared_is_refused(compared, compared_asked, tmp_path, capsys):
    more = ("--endpoint", "os", "--histology", "pure")
    line = refused(capsys, *ask("compare", compared, *more))
    assert line.startswith("No counted cohort tells its histology for overall survival")
    compare_fits.registry_of(tmp_path / "one", (compare_fits.REPORTS[2],))
    line = refused(capsys, *ask("compare", tmp_path / "one", *BOTH))
    assert line.startswith("For overall survival there is nothing to compare; pooled: Lenvatinib.")


# --- benefit and mix -----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    return write_registry(tmp_path_factory.mktemp("told") / "registry", *benefit_fits.reports())


@pytest.fixture
def told_asked(monkeypatch):
    return stand_in(monkeypatch, os=report_fits.survival_fit)


def test_benefit_is_the_page_that_was_read(told, capsys, told_asked):
    out = answered(capsys, *ask("benefit", told, "--by", "histology", "--delta", "2"))
    golden.check("atc_benefit", out)
    # no cohort prints progression: it is passed over, not failed upon
    assert told_asked["settings"].endpoints == ("os",)


def test_benefit_of_one_treatment_leaves_the_others_out(told, capsys, told_asked):
    out = answered(capsys, *ask("benefit", told, "--treatment", "Lenvima"))
    golden.check("atc_benefit_of_one_treatment", out)
    assert "Sorafenib" not in out
    assert "Best supportive care" in out  # what its gain is over


def test_a_population_is_the_page_that_was_read_and_is_written(told, capsys, told_asked, tmp_path):
    words = ("--treatment", "lenvatinib", "--reference", "best_care", "--mixed", "0.3")
    more = ("--braf", "0.2", "--line", "first-line")
    golden.check("atc_mix", answered(capsys, *ask("mix", told, *words, *more)))
    # the reference mix stands for a share that is not stated
    out = answered(capsys, *ask("mix", told, "--treatment", "lenvatinib", "--out", tmp_path))
    assert "40 % mixed histology" in out
    table = pd.read_csv(tmp_path / "tables" / "mix.csv")
    assert tuple(table.columns) == MIX_COLUMNS


BOTH_DRUGS = ("--treatment", "lenvatinib", "--treatment", "Sorafenib")


@pytest.mark.parametrize("question", ["benefit", "mix"])
def test_a_treatment_named_beside_another_is_shown_too(told, capsys, told_asked, question):
    out = answered(capsys, *ask(question, told, *BOTH_DRUGS))
    assert "Lenvatinib" in out
    assert "Sorafenib" in out
    assert "Paclitaxel" not in out


@pytest.mark.slow
def test_benefit_is_written_and_what_else_is_there_stays(told, capsys, told_asked, tmp_path):
    out = tmp_path / "found"
    (out / "tables").mkdir(parents=True)
    (out / "tables" / "compare.csv").write_text("kept\n")
    answered(capsys, *ask("benefit", told, "--out", out))
    table = pd.read_csv(out / "tables" / "benefit.csv")
    assert tuple(table.columns) == BENEFIT_COLUMNS
    registry = load_registry(told, alone=True)
    benefit = benefit_by_histology({"os": report_fits.survival_fit(registry)}, registry.vocabulary)
    assert len(table) == len(benefit.table)
    assert table["estimate"].to_numpy() == pytest.approx(benefit.table["estimate"].to_numpy())
    assert (out / "tables" / "compare.csv").read_text() == "kept\n"
    stems = {path.stem for path in (out / "figures").iterdir()}
    assert stems == {"benefit", "benefit_effects", "single_results"}
    text = (out / "benefit.md").read_text()
    for stem in stems:
        assert f"(figures/{stem}.png)" in text
    assert not [path for path in out.iterdir() if path.name.startswith(".")]


def test_where_no_report_tells_histology_the_terminal_says_so(tmp_path, capsys, monkeypatch):
    both = (benefit_fits.whole("one", "lenvatinib"), benefit_fits.whole("two", "best_care"))
    untold, spread = write_registry(tmp_path / "registry", *both), benefit_fits.spread
    drawn = {"prognostic": spread(0.0, 0.7, 1), "predictive": spread(0.0, 0.2, 2, 2)}
    stand_in(monkeypatch, os=lambda own: fit_of(own, study_sd=0.3, shape_sd=0.1, **drawn))
    assert SAYS_NOTHING in without_blanks(answered(capsys, *ask("benefit", untold)))


# --- bias ----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def biased(tmp_path_factory):
    made = tmp_path_factory.mktemp("bias") / "registry"
    return write_registry(made, *bias_fits.reports(), vocabulary=bias_fits.WORDS)


@pytest.fixture
def biased_asked(monkeypatch):
    """Fits are made up, so that no sampler is needed; returns what was asked for."""
    reached = []

    def made_up(registry, endpoint, *, reference_mix=0.4, **options):
        reached.append((endpoint, reference_mix, options))
        spreads = abs(bias_fits.spread(0.0, 0.2, 9))
        usual, other = bias_fits.usual_fit(registry), bias_fits.biased_fit(registry, spreads)
        return bias.of_fits(registry, usual, other, reference_mix)

    monkeypatch.setattr("synthesis.questions.bias.bias", made_up)
    return reached


def test_bias_is_the_page_that_was_read_and_is_written(biased, biased_asked, tmp_path, capsys):
    golden.check("atc_bias", answered(capsys, *ask("bias", biased)))
    said = answered(capsys, *ask("bias", biased, "--out", tmp_path))
    assert f"Written: {tmp_path / 'bias.md'} (13 files)" in said
    tables = ("bias", "bias_kinds", "bias_reports", "bias_medians", "funnel", "funnel_slope")
    expected = {f"tables/{name}.csv" for name in tables} | {"bias.md"}
    expected |= {
        f"figures/{stem}_os.{suffix}" for stem in ("bias", "funnel") for suffix in SUFFIXES
    }
    assert files_in(tmp_path).keys() == expected
    assert "For research use" in (tmp_path / "bias.md").read_text(encoding="utf-8")


def test_options_reach_an_analysis_of_one_family(biased, biased_asked, capsys):
    more = ("--family", "weibull", "--reference-mix", "0.3", "--seed", "5", "--draws", "50")
    out = answered(capsys, *ask("bias", biased, *more, "--no-cache"))
    ((endpoint, mix, options),) = biased_asked
    assert (endpoint, mix) == ("os", 0.3)
    assert (options["family_name"], options["seed"], options["draws"]) == ("weibull", 5, 50)
    assert options["cache"] is False
    assert "30 % mixed histology" in without_blanks(out)


# --- control -------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def controlled(tmp_path_factory):
    return benefit_fits.with_response(tmp_path_factory.mktemp("control"))


@pytest.fixture
def controlled_asked(monkeypatch):
    return stand_in(monkeypatch, os=benefit_fits.survival_fit, response=benefit_fits.response_fit)


def test_control_is_the_page_that_was_read(controlled, capsys, controlled_asked, tmp_path):
    out = answered(capsys, *ask("control", controlled, "--mixed", "0.5", "--out", tmp_path))
    # no cohort reports progression: it is passed over, not failed upon
    assert controlled_asked["settings"].endpoints == ("os", "response")
    golden.check("atc_control", "\n".join(x for x in out.splitlines() if "Written" not in x) + "\n")
    table = pd.read_csv(tmp_path / "tables" / "historical_control.csv")
    registry = load_registry(controlled, alone=True)
    fits = {"os": benefit_fits.survival_fit(registry)}
    made = control(fits, registry.vocabulary, Population(0.5))
    expected = historical.tables(made)["historical_control"]
    np.testing.assert_array_equal(table["value_1"][: len(expected)], expected["value_1"])
    names = {path.name for path in tmp_path.rglob("historical_control*")}
    tables = {f"historical_control{end}.csv" for end in ("", "_summary", "_check", "_draws")}
    assert names == tables | {"historical_control.R", "historical_control.json"}


def test_an_endpoint_that_is_not_asked_for_or_not_pooled_is_left_out(
    controlled, capsys, controlled_asked
):
    out = answered(capsys, *ask("control", controlled, "--endpoint", "response", "--robust", "0"))
    assert controlled_asked["settings"].endpoints == ("response",)
    assert "No vague component is added" in out
    out = answered(capsys, *ask("control", controlled, "--treatment", "sorafenib"))
    assert controlled_asked["settings"].endpoints == ("os",)
    assert "No cohort of sorafenib is pooled for response" in without_blanks(out)


def test_arms_of_two_treatments_are_two_answers_in_one(
    controlled, capsys, controlled_asked, tmp_path
):
    out = answered(capsys, *ask("control", controlled, *BOTH_DRUGS, "--out", tmp_path))
    for name in ("lenvatinib", "sorafenib"):
        label = name.capitalize()
        assert f"{label}: overall survival of a new arm under {name}" in out.replace("\n", " ")
        assert (tmp_path / f"historical_control_{name}.R").is_file()
        arm = json.loads((tmp_path / f"historical_control_{name}.json").read_text("utf-8"))
        assert {prior["treatment"] for prior in arm["priors"]} == {label}
    both = pd.read_csv(tmp_path / "tables" / "historical_control.csv")
    assert list(both["treatment"].unique()) == ["Lenvatinib", "Sorafenib"]


# --- plan ----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def planned(tmp_path_factory):
    return benefit_fits.planned_fit(tmp_path_factory.mktemp("plan"))


@pytest.fixture
def planned_asked(monkeypatch, planned):
    return stand_in(monkeypatch, os=lambda _: planned[0])


QUICK = ("--treatment", "lenvatinib", "--simulations", "10", "--n", "20", "--delta", "1.5")


def test_plan_is_the_page_that_was_read(capsys, told, planned_asked):
    golden.check("atc_plan", answered(capsys, *ask("plan", told, *QUICK)))
    assert planned_asked["settings"].family == "log-logistic"


def test_the_file_and_python_say_the_same(capsys, told, planned, planned_asked, tmp_path):
    more = (*QUICK, "--population", "mixed", "--out", tmp_path)
    said = answered(capsys, *ask("plan", told, *more))
    table = pd.read_csv(tmp_path / "tables" / "plan.csv")
    vocabulary = load_registry(told, alone=True).vocabulary
    design = Design("lenvatinib", sizes=(20,), populations=("mixed",))
    theirs = plan(planned[0], vocabulary, design, delta=1.5, simulations=10)
    pd.testing.assert_frame_equal(table, theirs.table, rtol=1e-12)
    assert f"Written: {tmp_path / 'tables' / 'plan.csv'} (7 files)" in said
    names = {path.name for path in (tmp_path / "figures").iterdir()}
    assert names == {f"plan_{kind}_os.{s}" for kind in ("assurance", "widths") for s in SUFFIXES}


def test_studies_of_two_treatments_are_planned(capsys, told, planned_asked, tmp_path):
    more = ("--treatment", "paclitaxel", "--population", "mixed", "--out", tmp_path)
    out = answered(capsys, *ask("plan", told, *QUICK, *more))
    for label in ("Lenvatinib", "Paclitaxel"):
        assert f"{label}: would such a study conclude a gain?" in out
    table = pd.read_csv(tmp_path / "tables" / "plan.csv")
    assert list(table["treatment"]) == ["Lenvatinib", "Paclitaxel"]
    stems = {path.stem for path in (tmp_path / "figures").iterdir()}
    kinds = ("assurance", "widths")
    assert stems == {f"plan_{k}_os_{t}" for k in kinds for t in ("lenvatinib", "paclitaxel")}


NOT_PLANNED = """\
--treatment best_care
--treatment lenvatinib --n 3
--treatment lenvatinib --n 21 --design randomised
--treatment lenvatinib --threshold 1.2
--treatment lenvatinib --accrual -3
--treatment lenvatinib --family long-tail
"""


def test_what_cannot_be_planned_is_one_sentence(capsys, told, planned_asked):
    lines = (f"told plan {words}" for words in NOT_PLANNED.splitlines())
    golden.check("refusals_plan", refusals_page(capsys, {"told": told}, lines))


# --- sensitivity ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def chosen(tmp_path_factory):
    made = tmp_path_factory.mktemp("choices") / "registry"
    return write_registry(made, *six_reports(), vocabulary=CHOICE_WORDS)


@pytest.fixture
def fitter(monkeypatch, tmp_path):
    """Fits are made up, so that no sampler is needed; results are kept in a folder of the test."""
    found = Counting()
    whole = sensitivity.sensitivity
    monkeypatch.setenv("ATC_CACHE_DIR", str(tmp_path / "cache"))

    def made_up(registry, endpoint, **options):
        return whole(registry, endpoint, fitter=found, **options)

    monkeypatch.setattr("synthesis.questions.sensitivity.sensitivity", made_up)
    return found


def choices(folder, *more):
    return ask("sensitivity", folder, "--draws", "200", *more)


def test_sensitivity_is_the_page_that_was_read_and_is_written(chosen, fitter, tmp_path, capsys):
    out = tmp_path / "out"
    golden.check("atc_sensitivity", answered(capsys, *choices(chosen, "--choice", "family")))
    said = answered(capsys, *choices(chosen, "--choice", "family", "--out", out))
    assert f"Written: {out / 'tables' / 'sensitivity.csv'}" in said
    table = pd.read_csv(out / "tables" / "sensitivity.csv")
    families = ("exponential", "weibull", "log_normal", "generalised_gamma", "long_tail")
    assert set(table["specification"]) == {"base", *(f"family_{name}" for name in families)}
    scaling = pd.read_csv(out / "tables" / "power_scaling.csv")
    assert {"prior_sensitivity", "likelihood_sensitivity", "diagnosis"} <= set(scaling.columns)
    names = {path.name for path in (out / "figures").iterdir()}
    assert {f"sensitivity_ratio_of_medians_os.{suffix}" for suffix in SUFFIXES} <= names
    assert not any("difference" in name or "median_months" in name for name in names)


def test_sensitivity_is_asked_of_two_treatments(chosen, fitter, capsys):
    out = answered(capsys, *choices(chosen, "--choice", "family", *BOTH_DRUGS))
    for label in ("Lenvatinib", "Sorafenib"):
        assert f"{label}: which choice changes which conclusion?" in out


def test_an_interrupt_says_how_much_is_kept(chosen, fitter, tmp_path, capsys):
    out = tmp_path / "out"
    fitter.stop = 3
    words = [str(word) for word in choices(chosen, "--choice", "family", "--out", out)]
    assert cli.main(words) == 130
    assert "3 of 6 fits are kept: the same command goes on from there." in capsys.readouterr().err
    assert not out.exists()
    fitter.stop = None
    assert cli.main(words) == 0
    # the first three were read back
    assert len(fitter.names) == 6
    assert (out / "tables" / "sensitivity.csv").is_file()


# --- What is refused -----------------------------------------------------------------------------

#: A registry, and what is asked of it.
REFUSED = """\
compared report --confounding 3
compared compare --confounding 3
compared benefit --confounding 3
compared mix --confounding 3
compared compare --endpoint os --endpoint response --reference lenvatinb
compared compare --endpoint os --endpoint response --reference radiotherapy
told benefit --reference aspirin
told benefit --reference lenvatinb
told benefit --reference radiotherapy
told benefit --treatment radiotherapy
told mix --treatment radiotherapy
told plan --treatment lenvatinab
biased bias --endpoint pfs
controlled control --treatment radiotherapy
controlled control --treatment lenvatinip
chosen sensitivity --treatment radiotherapy
chosen sensitivity --reference lenvatinib --treatment lenvatinib
chosen sensitivity --endpoint pfs
"""


def refusals_page(capsys, folders, lines):
    """Commands, each on one of the registries, and the sentence that each is refused with."""
    page = []
    for line in lines:
        name, question, *words = line.split()
        said = refused(capsys, *ask(question, folders[name], *words))
        said = said.replace(str(folders[name]), "REGISTRY")
        page.append(f"atc {question} {' '.join(words)}\n    {said}\n")
    return "".join(page)


def test_what_is_refused_is_refused_before_anything_is_fitted(
    compared, told, biased, controlled, chosen, fitter, monkeypatch, capsys
):
    fitted = stand_in(monkeypatch)
    folders = {"compared": compared, "told": told, "biased": biased}
    folders |= {"controlled": controlled, "chosen": chosen}
    golden.check("refusals_answers", refusals_page(capsys, folders, REFUSED.splitlines()))
    assert fitted == {}
    assert fitter.names == []
