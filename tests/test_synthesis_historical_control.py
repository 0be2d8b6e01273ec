"""Priors of a new arm: from a fit to tables, JSON, R, figures and the command line."""

from __future__ import annotations

import json
import re

import numpy as np
import pandas as pd
import pytest
from benefit_fits import reports, spread, told_fit
from fits import fit_of
from small_registry import cohort, study, write_registry
from synthesis.questions.control import (
    CHECK_COLUMNS,
    CONTROL_COLUMNS,
    RESPONSE_QUANTITIES,
    SUMMARY_COLUMNS,
    SURVIVAL_QUANTITIES,
    control,
    export,
    fitting,
)
from synthesis.questions.control.mixtures import Mixture, effective_size, moment_size

import synthesis.run
from studies import load_registry
from synthesis import cli
from synthesis.benefit.population import Population, patient_mix
from synthesis.benefit.reference import NotComparedError
from synthesis.cli.options import MOST_COMPONENTS
from synthesis.cli.running import RESEARCH_USE
from synthesis.estimands import named_groups, response_rate
from synthesis.historical.drawing import AXES, density_table, series_labels
from synthesis.historical.words import (
    EXCHANGEABLE,
    NO_DESIGN,
    common_words,
    control_words,
    prior_words,
)
from synthesis.plots import plot_historical
from synthesis.report.control import draw_control, write_control

HALF = Population(0.5)


def responding(name, treatment, responders, n):
    return study(
        name, cohort("arm", treatment, n, response={"cr": 0, "pr": responders, "evaluable": n})
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    tables = [*reports(), responding("sixth", "lenvatinib", 4, 30)]
    return write_registry(tmp_path_factory.mktemp("control") / "registry", *tables)


@pytest.fixture(scope="module")
def registry(folder):
    return load_registry(folder, alone=True)


def survival_fit(registry):
    """As `told_fit`, in which studies differ."""
    spreads = {"study_sd": np.abs(spread(0.3, 0.1, 9)), "shape_sd": 0.1}
    return told_fit(registry, mu=spread(2.2, 0.1, 1), **spreads)


def response_fit(registry):
    return fit_of(registry, "response", mu=spread(-1.5, 0.3, 1), study_sd=0.6)


@pytest.fixture(scope="module")
def fits(registry):
    return {"os": survival_fit(registry), "response": response_fit(registry)}


@pytest.fixture(scope="module")
def found(fits, registry):
    return control(fits, registry.vocabulary, HALF)


# --- From a fit ----------------------------------------------------------------------------------


def test_the_draws_are_those_of_a_new_study_in_the_population(found, fits, registry):
    mixed = patient_mix(fits, registry.vocabulary, HALF, treatment="best_care").table
    own = mixed[mixed["target"] == "new_study"].set_index("estimand")
    for prior in found.of("os"):
        middle = np.quantile(prior.draws, [0.5, 0.025, 0.975])
        if prior.quantity in ("log_median", "hazard"):
            row = own.loc["median_months"]
            middle = np.exp(middle) if prior.quantity == "log_median" else np.log(2) / middle
        else:
            row = own.loc[prior.quantity]
        # quantiles lie between draws, which a log or a reciprocal moves
        expected = [row["estimate"], row["lower"], row["upper"]]
        if prior.quantity == "hazard":
            expected = [row["estimate"], row["upper"], row["lower"]]
        np.testing.assert_allclose(middle, expected, rtol=2e-3)
    (rate,) = found.of("response")
    (group,) = [g for g in named_groups(fits["response"], registry.vocabulary) if not g.is_class]
    np.testing.assert_array_equal(
        rate.draws, response_rate(fits["response"], group.group, "new_study")
    )


def test_the_reference_is_what_treatments_are_compared_with(found, fits, registry):
    assert found.behind["os"].label == "Best supportive care"
    assert found.behind["os"].total == 50
    assert found.behind["response"].label == "Lenvatinib"  # no supportive treatment is pooled
    assert found.behind["response"].total == 30
    assert [prior.quantity for prior in found.of("os")] == list(SURVIVAL_QUANTITIES)
    assert [prior.quantity for prior in found.of("response")] == list(RESPONSE_QUANTITIES)
    assert found.behind["os"].study_sd.estimate == pytest.approx(
        np.median(fits["os"].flat("study_sd"))
    )


def test_every_mixture_follows_its_draws_and_says_what_it_is_worth(found):
    assert tuple(found.summary.columns) == SUMMARY_COLUMNS
    assert tuple(found.table.columns) == CONTROL_COLUMNS
    assert tuple(found.check.columns) == CHECK_COLUMNS
    rows = found.summary.set_index(["endpoint", "quantity", "version"])
    for prior in found.priors:
        assert prior.fit.difference < fitting.CLOSE
        assert prior.fit.difference == fitting.largest_difference(prior.draws, prior.fit.mixture)
        for version, mixture in prior.mixtures.items():
            row = rows.loc[(prior.endpoint, prior.quantity, version)]
            assert row["ess_elir"] == effective_size(mixture)
            assert row["ess_moment"] == moment_size(mixture)
            assert row["lower"] < row["median"] < row["upper"]
        # a vague component makes a prior wider, and worth less
        fitted, robust = (rows.loc[(prior.endpoint, prior.quantity, v)] for v in prior.mixtures)
        assert robust["ess_elir"] < fitted["ess_elir"]
        assert robust["sd"] > fitted["sd"]
    check = found.check[found.check["quantity"].str.startswith("survival")]
    # a distribution function off by 0.02 at most, where the density of a rate is above 0.3
    assert (check["draws"] - check["mixture"]).abs().max() < 0.06


def test_a_weaker_belief_in_the_past_is_worth_less(fits, registry):
    sizes = []
    for weight in (0.0, 0.2, 0.6):
        own = control({"response": fits["response"]}, registry.vocabulary, HALF, robust=weight)
        sizes.append(own.summary["ess_elir"].iloc[-1])
        (prior,) = own.priors
        assert (prior.robust is None) == (weight == 0.0)
    assert sizes[0] > sizes[1] > sizes[2]
    assert "No vague component is added" in " ".join(
        common_words(control({"response": fits["response"]}, registry.vocabulary, HALF, robust=0.0))
    )


def test_the_population_moves_survival_and_not_response(found, fits, registry):
    stated = Population(0.0, line="first-line", design="retrospective")
    other = control(fits, registry.vocabulary, stated, treatment="Lenvima", components=1)
    assert {prior.treatment for prior in other.priors} == {"Lenvatinib"}
    assert all(len(prior.fit.mixture.weights) == 1 for prior in other.priors)
    words = " ".join(control_words(other, registry.vocabulary)["os"])
    assert "0 % with mixed histology; first-line; as in a retrospective study" in words
    assert NO_DESIGN in common_words(found)
    assert NO_DESIGN not in common_words(other)
    np.testing.assert_array_equal(other.of("response")[0].draws, found.of("response")[0].draws)
    assert "does not move its prior" in " ".join(common_words(other))


def test_words_say_what_stands_behind_and_on_what_condition(found, registry):
    said = {
        name: " ".join(text) for name, text in control_words(found, registry.vocabulary).items()
    }
    assert "Behind it stand 1 cohort of 50 patients (1 retrospective)" in said["os"]
    assert "none is an arm of a randomised study" in said["os"]
    sd = found.behind["os"].study_sd
    assert f"{sd.estimate:.2f} (95 % interval {sd.lower:.2f}-{sd.upper:.2f})" in said["os"]
    assert "learned from all 6 cohorts" not in said["os"]  # of its endpoint only
    assert "learned from all 5 cohorts of the endpoint" in said["os"]
    assert EXCHANGEABLE in common_words(found)
    row = found.summary[found.summary["quantity"] == "response_rate"].iloc[0]
    text = prior_words(found, found.of("response")[0])
    assert f"worth {row['ess_elir']:.1f} patients by ELIR" in text
    assert f"Predicted {100 * row['median']:.0f} %" in text


def test_a_mixture_that_is_off_is_told(fits, registry, monkeypatch):
    monkeypatch.setattr("synthesis.questions.control.words.CLOSE", 1e-6)
    found = control({"response": fits["response"]}, registry.vocabulary, HALF)
    assert "The mixtures of response_rate do not follow the draws" in " ".join(common_words(found))


def test_a_rate_near_nought_is_told(registry):
    rare = {"response": fit_of(registry, "response", mu=spread(-4.5, 1.2, 1), study_sd=0.6)}
    found = control(rare, registry.vocabulary, HALF, components=1)
    assert found.priors[0].fit.mixture.first == (fitting.LEAST,)
    assert "response_rate: the rate may be close to nought" in " ".join(common_words(found))


def test_the_same_fits_give_the_same_priors(found, fits, registry):
    again = control(fits, registry.vocabulary, HALF)
    pd.testing.assert_frame_equal(again.table, found.table, check_exact=True)


def test_what_cannot_be_asked_is_refused(fits, registry):
    words = registry.vocabulary
    with pytest.raises(ValueError, match="robust: found 1, expected a weight from 0 to below 1"):
        control(fits, words, HALF, robust=1.0)
    with pytest.raises(ValueError, match="components: found 9, expected 1 to 4"):
        control(fits, words, HALF, components=9)
    with pytest.raises(NotComparedError, match="no cohort of radiotherapy is pooled for os or"):
        control(fits, words, HALF, treatment="radiotherapy")
    with pytest.raises(NotComparedError, match='did you mean "lenvatinib"'):
        control(fits, words, HALF, treatment="lenvatinip")
    some = control(fits, words, HALF, treatment="sorafenib", components=1)
    assert list(some.behind) == ["os"]
    assert some.left_out == ("No cohort of sorafenib is pooled for response, which is left out.",)


# --- As text -------------------------------------------------------------------------------------


def read_r(text):
    """Mixtures of R code by the name of their object, and what else each call is told."""
    kinds = {"mixbeta": "beta", "mixnorm": "normal", "mixgamma": "gamma"}
    code = "\n".join(line for line in text.splitlines() if not line.startswith("#"))
    found = {}
    for name, call, body in re.findall(r"^(\w+) <- (\w+)\(\n(.*?)\n\)$", code, re.M | re.S):
        parts = re.findall(r"(\w+) = c\(([^)]*)\)", body)
        columns = zip(*([float(v) for v in values.split(",")] for _, values in parts), strict=True)
        more = re.findall(r"^  (\w+) = (?!c\()(.+?),?$", body, re.M)
        found[name] = (Mixture(kinds[call], *columns), [own for own, _ in parts], dict(more))
    return found


def test_r_json_and_csv_carry_the_same_numbers(found, registry, tmp_path):
    write_control(found, registry, tmp_path, settings={"family": "weibull"})
    code = read_r((tmp_path / "control.R").read_text(encoding="utf-8"))
    content = json.loads((tmp_path / "control.json").read_text(encoding="utf-8"))
    table = pd.read_csv(tmp_path / "tables" / "control.csv")
    assert len(code) == 2 * len(found.priors) == 2 * len(content["priors"])
    for prior, stored in zip(found.priors, content["priors"], strict=True):
        for version, mixture in prior.mixtures.items():
            own, names, more = code[export.r_name(prior, version)]
            assert own == mixture
            assert names[-1] == ("robust" if version == "robust" else f"comp{len(names)}")
            expected = {"beta": {}, "normal": {"sigma": "1.0"}, "gamma": {"likelihood": '"exp"'}}
            assert more == expected[mixture.kind]
            parts = stored["mixtures"][version]
            values = [tuple(part.values())[1:] for part in parts["components"]]
            assert values == list(mixture.components)
            assert parts["ess"]["elir"] == effective_size(mixture)
            rows = table[
                (table["endpoint"] == prior.endpoint)
                & (table["quantity"] == prior.quantity)
                & (table["version"] == version)
            ]
            listed = rows[["weight", "value_1", "value_2"]].itertuples(index=False, name=None)
            assert list(listed) == list(mixture.components)
    made = content["made"]
    assert made["registry"]["fingerprint"] == registry.fingerprint
    assert set(made["registry"]["studies"]) == {"fifth", "sixth"}
    assert made["settings"]["family"] == "weibull"
    assert made["versions"]["atc-synthesis"]
    assert content["behind"]["os"]["cohorts"][0]["patients"] == 50
    assert content["population"]["mixed"] == 0.5
    assert EXCHANGEABLE in content["notes"]
    assert content["research_use"] == export.RESEARCH_USE == RESEARCH_USE


def test_r_code_is_calls_and_comments_only(found, registry):
    text = export.as_r(found, registry.vocabulary)
    assert text.isascii()
    assert "library(RBesT)" in text.splitlines()
    shape = re.compile(
        r'#.*|library\(RBesT\)|\w+ <- mix(beta|norm|gamma)\(|\)|  sigma = 1\.0|  likelihood = "exp"'
        r"|  (comp\d|robust) = c\([-+.e\d]+, [-+.e\d]+, [-+.e\d]+\),?|"
    )
    assert [line for line in text.splitlines() if not shape.fullmatch(line)] == []
    assert text.count("(") == text.count(")")


# --- Figures -------------------------------------------------------------------------------------


def test_figures_show_draws_and_both_mixtures(found, registry):
    for prior in found.priors:
        table = density_table(prior)
        bars = table[table["series"] == "draws"]
        if prior.quantity == "log_median":
            widths = np.log(bars["upper"] / bars["lower"])
        else:
            widths = bars["upper"] - bars["lower"]
        area = float((bars["density"] * widths).sum())
        assert 0.99 < area <= 1.0  # one in a thousand draws lies beyond either end, or nearly
        line = table[table["series"] == "fitted"]
        x = line["lower"].to_numpy()
        x = np.log(x) if prior.quantity == "log_median" else x
        np.testing.assert_allclose(line["density"], prior.fit.mixture.density(x), rtol=1e-9)
    figures = draw_control(found, registry.vocabulary)
    assert len(figures) == len(found.priors)
    for figure in figures.values():
        (axes,) = figure.axes
        assert axes.get_label() == "historical"
        assert {line.get_gid() for line in axes.lines} == {
            "historical-fitted",
            "historical-robust",
        }
        (broken,) = [line for line in axes.lines if line.get_gid() == "historical-robust"]
        assert broken.get_linestyle() == "--"
        figure.canvas.draw()
        whole = figure.bbox
        boxes = [text.get_window_extent() for text in figure.texts if text.get_text()]
        boxes += [t.get_window_extent() for t in axes.get_xticklabels() if t.get_text()]
        # nothing is cut off, half a pixel of rounding apart; nothing stands on anything else
        assert all(box.x0 > -0.5 and box.x1 < whole.x1 + 0.5 for box in boxes)
        assert all(box.y0 > -0.5 and box.y1 < whole.y1 + 0.5 for box in boxes)
        pairs = [(a, b) for n, a in enumerate(boxes) for b in boxes[n + 1 :]]
        assert not any(a.overlaps(b) for a, b in pairs)


@pytest.mark.parametrize("width", ["one-column", "two-column", "slide"])
def test_a_figure_of_every_width(found, width):
    prior = found.of("response")[0]
    axis, scale = AXES[prior.quantity]
    labels = series_labels(found, prior)
    figure = plot_historical(density_table(prior), labels, axis=axis, scale=scale, width=width)
    assert f"{axis}, %" in [text.get_text() for text in figure.texts]
    low, high = figure.axes[0].get_xlim()
    assert 0.0 <= low < high <= 100.0


def test_what_cannot_be_drawn_is_refused(found):
    prior = found.of("response")[0]
    table, labels = density_table(prior), series_labels(found, prior)
    with pytest.raises(ValueError, match="scale is 'days'; expected share, months, rate"):
        plot_historical(table, labels, axis="x", scale="days")
    with pytest.raises(ValueError, match="no label for robust"):
        plot_historical(table, {"draws": "a", "fitted": "b"}, axis="x", scale="share")
    with pytest.raises(ValueError, match="lacks the columns density"):
        plot_historical(table.drop(columns="density"), labels, axis="x", scale="share")


# --- The command line ----------------------------------------------------------------------------


@pytest.fixture
def asked(monkeypatch):
    """What the fits were asked for; they come from draws that are set by hand."""
    known = {}

    def fit_endpoints(registry, settings, *, priors, progress, cache):
        known.update(settings=settings, cache=cache)
        made = {"os": survival_fit, "response": response_fit}
        return {name: made[name](registry) for name in settings.endpoints}, {}

    monkeypatch.setattr(synthesis.run, "fit_endpoints", fit_endpoints)
    return known


def answer(capsys, folder, *more):
    assert cli.main(["control", "--registry", f"{folder}", "--only", *more]) == 0
    return capsys.readouterr().out


def refused(capsys, folder, *more):
    assert cli.main(["control", "--registry", f"{folder}", "--only", *more]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "Traceback" not in captured.err
    return captured.err


def test_the_terminal_says_what_python_and_the_files_say(
    folder, registry, found, capsys, asked, tmp_path
):
    out = answer(capsys, folder, "--mixed", "0.5", "--out", f"{tmp_path / 'found'}")
    # no cohort prints progression: it is passed over, not failed upon
    assert asked["settings"].endpoints == ("os", "response")
    flat = " ".join(out.split())
    for prior in found.priors:
        assert prior_words(found, prior) in flat
    for row in found.summary.itertuples():
        assert f"{row.mean:.3f}" in out
        assert f"{row.lower:.3f} to {row.upper:.3f}" in out
    assert max(len(own) for own in out.splitlines() if not own.startswith("Written")) <= 100
    assert "PASS    os" in out
    assert out.rstrip().endswith(RESEARCH_USE)
    table = pd.read_csv(tmp_path / "found" / "tables" / "control.csv")
    np.testing.assert_array_equal(table["value_1"], found.table["value_1"])
    names = {path.name for path in (tmp_path / "found").rglob("*") if path.is_file()}
    assert {"control.R", "control.json"} <= names
    assert {
        f"historical_control_{p.name}.{s}" for p in found.priors for s in ("svg", "pdf", "png")
    } <= (names)


def test_response_alone_without_a_vague_component(folder, capsys, asked):
    out = answer(capsys, folder, "--endpoint", "response", "--robust", "0", "--components", "1")
    assert asked["settings"].endpoints == ("response",)
    assert "Response rate." in out
    assert "Robust" not in out
    assert "No vague component is added" in out


def test_a_treatment_that_an_endpoint_does_not_pool_is_told(folder, capsys, asked):
    out = answer(capsys, folder, "--treatment", "sorafenib", "--components", "1")
    assert asked["settings"].endpoints == ("os",)
    flat = " ".join(out.split())
    assert "No cohort of sorafenib is pooled for response, which is left out." in flat


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("--treatment", "radiotherapy"), "no cohort of radiotherapy is pooled; possible for os"),
        (("--treatment", "lenvatinip"), 'did you mean "lenvatinib"?'),
        (("--robust", "1"), "1.0 is not a weight from 0 (none) to 0.99"),
        (("--components", "5"), "5 is not a number from 1 to 4"),
        (("--mixed", "40"), "40.0 is not a fraction from 0 to 1"),
        (("--endpoint", "survival"), "'survival' is not one of os, pfs, response"),
        (("--design", "trial"), "'trial' is not one of retrospective"),
    ],
)
def test_bad_input_is_one_sentence(folder, capsys, asked, words, expected):
    told = refused(capsys, folder, *words)
    assert expected in told
    assert len(told.strip().splitlines()) == 1
    assert asked == {}  # before anything is sampled


def test_a_place_that_cannot_be_written_is_told_first(folder, capsys, asked, tmp_path):
    (tmp_path / "taken").write_text("a file\n")
    assert "is a file" in refused(capsys, folder, "--out", f"{tmp_path / 'taken'}")
    assert asked == {}


def test_options_name_what_the_package_can_do():
    assert MOST_COMPONENTS == fitting.MOST_COMPONENTS
