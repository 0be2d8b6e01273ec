"""What a notebook shows and asks: registries like mappings, short descriptions, tables."""

from __future__ import annotations

from functools import partial
from types import SimpleNamespace

import arviz
import numpy as np
import pandas as pd
import pytest
import report_fits
import xarray
from fits import observations
from loo_by_hand import DESIGNS, drawn, every_kind
from small_registry import write_registry

from priors import load_priors
from studies import UnknownWordError, load_registry
from studies.vocabulary import Vocabulary
from synthesis import Design, Population, SamplerSettings, Settings, arviz_tree, pooled
from synthesis.left_out import LeftOutPredictions, leave_one_out
from synthesis.questions.checks import predictive_check
from synthesis.questions.plan import Plan
from synthesis.stacking import STACKED_FAMILIES, choose, stack


def test_a_registry_is_asked_like_a_mapping(registry):
    assert "sparano2021" in registry
    assert registry["sparano2021"] in registry
    assert registry["sparano2021"].id == "sparano2021"
    assert "sparano2012" not in registry
    with pytest.raises(UnknownWordError, match="sparano2021"):
        registry["sparano2012"]
    assert [study.id for study in registry] == list(registry.studies)
    assert len(registry) == len(registry.studies)


def test_a_registry_is_shown_as_a_line_and_as_a_table(registry):
    cohorts = sum(len(study.cohorts) for study in registry)
    assert repr(registry).startswith(f"Registry of {len(registry)} reports with {cohorts} cohorts")
    assert "\n" not in repr(registry)
    frame = registry.to_frame()
    assert set(frame["study_id"]) == set(registry.studies)
    assert registry._repr_html_().startswith("<div>")


@pytest.fixture(scope="module")
def analysis(tmp_path_factory):
    return report_fits.analysis_of(report_fits.registry_of(tmp_path_factory.mktemp("notebook")))


def test_a_fit_is_a_line_and_has_a_table_of_its_parameters(analysis):
    fit = analysis.fits["os"]
    assert len(repr(fit).splitlines()) == 1
    assert repr(fit).count("cohort") == 1
    table = fit.summary("mu")
    assert isinstance(table, pd.DataFrame)
    draws = fit.tree["posterior"]["mu"].to_numpy()
    assert float(table["mean"].iloc[0]) == pytest.approx(draws.mean(), abs=0.0005)  # three decimals


def test_the_pooled_estimates_of_a_fit_are_those_of_the_report(analysis):
    tables = [pooled(fit, analysis.registry.vocabulary) for fit in analysis.fits.values()]
    pd.testing.assert_frame_equal(pd.concat(tables, ignore_index=True), analysis.pooled)


def test_what_is_public_is_shown_on_less_than_a_screen(registry, analysis):
    """Twenty lines of a hundred characters, of which a long text fills several."""
    fits = dict.fromkeys(STACKED_FAMILIES, analysis.fits["os"])
    shares = dict.fromkeys(fits, 1 / len(fits))
    objects = [registry, registry.vocabulary, *registry, *registry.excluded, load_priors()]
    objects += [cohort for study in registry for cohort in study.cohorts]
    objects += [*load_priors().values(), Settings(), SamplerSettings(), Design("lenvatinib")]
    objects += [Population(0.3), analysis, analysis.comparison, analysis.findings, analysis.checks]
    objects += [*analysis.checks.coverage.values(), *analysis.populations, *analysis.results]
    objects += [*analysis.fits.values(), choose(fits), stack(fits, shares)]
    objects += [Plan(SimpleNamespace(design=Design("lenvatinib")), analysis.pooled)]
    shown = {repr(each): sum(-(-len(x) // 100) for x in repr(each).split("\n")) for each in objects}
    assert {text for text, lines in shown.items() if lines > 20} == set()
    assert repr(registry["sparano2021"]).startswith("Study(id='sparano2021', citation=Citation(")


# --- ArviZ ---------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def families(tmp_path_factory):
    """Made-up draws of every kind of report, under two families."""
    folder = tmp_path_factory.mktemp("arviz") / "registry"
    data = observations(load_registry(write_registry(folder, *every_kind(), vocabulary=DESIGNS)))
    return {name: drawn(data, name, draws=200)[1] for name in ("weibull", "log-normal")}


@pytest.mark.filterwarnings("ignore:Estimated shape parameter of Pareto")
def test_arviz_leaves_out_cohorts_as_the_toolkit_does(families):
    trees = {name: arviz_tree(fit) for name, fit in families.items()}
    own = {name: leave_one_out(fit) for name, fit in families.items()}
    for name, tree in trees.items():
        found = arviz.loo(tree, pointwise=True)
        np.testing.assert_allclose(found.elpd_i, own[name].elpd, rtol=1e-9)
        np.testing.assert_allclose(found.pareto_k, own[name].pareto_k, rtol=1e-9)
        assert found.p == pytest.approx(own[name].p_loo, rel=1e-9)
    table = arviz.compare(trees, round_to="none")
    assert table["elpd"].to_dict() == pytest.approx({n: o.elpd.sum() for n, o in own.items()})


def test_arviz_draws_how_the_figures_lie_in_their_predictions(families):
    fit = families["weibull"]
    tree = arviz_tree(fit)
    predicted, observed = tree["posterior_predictive"]["printed"], tree["observed_data"]["printed"]
    below = (predicted < observed).mean(("chain", "draw"))
    found = below + (predicted == observed).mean(("chain", "draw")) / 2
    table, _ = predictive_check(fit, Vocabulary.model_validate(DESIGNS))  # of the same replicates
    np.testing.assert_allclose(sorted(found), sorted(table["pit"]), atol=1e-9)
    assert len(set(predicted["figure"].to_numpy())) == predicted.sizes["figure"]
    assert "split:arm mixed median" in predicted["figure"]
    assert arviz.plot_ppc_pit(tree) is not None


def test_arviz_is_given_responses_too_and_no_mixture_of_families(families, analysis):
    fit = analysis.fits["response"]
    tree = arviz_tree(fit)
    values = tree["log_likelihood"]["printed"].to_numpy()[0]
    assert (values == LeftOutPredictions(fit).log_likelihood).all()
    assert list(tree["observed_data"]["printed"].to_numpy()) == [1 / 40, 8 / 30, 3 / 25]
    stacked = stack(families, choose(families).weights)
    with pytest.raises(TypeError, match=r"weibull, log-normal"):
        arviz_tree(stacked)


@pytest.mark.parametrize(("engine", "more"), [("zarr", {"consolidated": False}), ("h5netcdf", {})])
def test_draws_are_written_and_read_by_xarray(families, tmp_path, engine, more):
    tree = arviz_tree(families["weibull"])
    write = {"zarr": tree.to_zarr, "h5netcdf": partial(tree.to_netcdf, engine=engine)}[engine]
    write(tmp_path / "draws", **more)
    assert xarray.open_datatree(tmp_path / "draws", engine=engine, **more).equals(tree)
