"""Another disease is pooled as a population of its own, and changes no answer on the main one."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from report_fits import ENDPOINTS, fit_endpoints, survival_fit
from small_registry import VOCABULARY, cohort, landmark, median, study, write_registry

import synthesis.run
from studies import UnknownWordError, load_registry
from studies.registry import of_disease
from synthesis.cli import commands, main
from synthesis.cli.running import InputError
from synthesis.counting import select
from synthesis.endpoints import ENDPOINTS as EVERY
from synthesis.fits import survival_observations
from synthesis.model.arrays import padded, sizes_for
from synthesis.questions import apart
from synthesis.questions.apart import APART_COLUMNS, Apart
from synthesis.run import analyse
from synthesis.settings import Settings

WORDS = VOCABULARY | {"apart": {"squamous": "squamous-cell carcinoma"}}
MAIN = [
    study(f"main{number}", cohort("arm", name, 30, survival=[median(3 + number)]))
    for number, name in enumerate(("lenvatinib", "sorafenib", "best_care"))
]


def other(name, n, figure, **more):
    """A report on squamous-cell carcinoma."""
    own = cohort("all", "various", n, disease="squamous", survival=[median(figure)])
    return study(name, own | more)


OTHERS = [
    other("first", 28, 12),
    other("second", 12, 10, landmarks=[landmark(12, "0.25")]),
    other("third", 199, 9),
    other("case", 1, 5, not_pooled="A single case."),
]


@pytest.fixture
def registry(tmp_path):
    folder = write_registry(tmp_path / "registry", *MAIN, *OTHERS, vocabulary=WORDS)
    return load_registry(folder, alone=True)


def test_the_population_has_its_cohorts_alone_whatever_the_treatments(registry):
    own = of_disease(registry, "Squamous")
    chosen = select(own, "os")
    assert [ref.study.id for ref in chosen.counted] == ["first", "second", "third"]
    assert [(each.study_id, each.kind) for each in chosen.left_out] == [("case", "not_pooled")]
    assert own.vocabulary.subject_words == "squamous-cell carcinoma"
    assert own.fingerprint != registry.fingerprint


def test_no_observation_of_the_main_disease_knows_of_it(registry, tmp_path):
    alone = write_registry(tmp_path / "alone", *MAIN, vocabulary=WORDS)
    with_, without = map(survival_observations, (registry, load_registry(alone, alone=True)))
    for endpoint, (data, _) in with_.items():
        sizes = sizes_for([data])
        one, other = (padded(each, sizes) for each in (data, without[endpoint][0]))
        assert one.keys() == other.keys()
        assert all(np.array_equal(one[name], other[name]) for name in one)
    data, left_out = with_["os"]
    assert {ref.study.id for ref in data.cohorts} == {"main0", "main1", "main2"}
    assert {each.kind for each in left_out} == {"other_disease"}


def test_the_shipped_answers_count_no_other_disease(shipped):
    own = of_disease(shipped, "squamous")
    for endpoint in EVERY:
        counted = select(shipped, endpoint).counted
        assert {ref.cohort.disease for ref in counted} <= {None, "ATC"}
        assert {ref.cohort.disease for ref in select(own, endpoint).counted} <= {"squamous"}
    # the three registries of the United States share patients: one counts
    names = {ref.study.id for ref in select(own, "os").counted}
    assert names == {"cams_pscct28", "jjhnc_scc3", "pscct12_wang", "seer_scc199"}


def test_a_disease_that_is_not_set_apart_is_refused(registry):
    with pytest.raises(UnknownWordError, match="unknown disease pooled apart"):
        of_disease(registry, "ATC")


def test_the_command_names_those_that_are(registry, capsys, tmp_path):
    words = ["forest", "os", "--disease", "lymphoma", "-o", str(tmp_path / "forest.svg")]
    assert main([*words, "--registry", str(registry.folder), "--only"]) == 2
    said = " ".join(capsys.readouterr().err.split())
    assert 'unknown disease pooled apart "lymphoma". Possible: squamous.' in said
    assert not (tmp_path / "forest.svg").exists()


def test_the_command_asks_about_that_disease_alone(registry, monkeypatch, capsys, tmp_path):
    seen = []

    def analysed(request, asked, **more):
        seen.append(request.registry)
        raise InputError("seen")

    monkeypatch.setattr(commands, "analysed", analysed)
    words = ["forest", "os", "--disease", "squamous", "-o", str(tmp_path / "forest.svg")]
    assert main([*words, "--registry", str(registry.folder), "--only"]) == 2
    assert capsys.readouterr().err.strip().endswith("seen.")
    assert [own.vocabulary.subject_words for own in seen] == ["squamous-cell carcinoma"]


def test_its_answer_tells_median_survival_and_limits(registry):
    own = of_disease(registry, "squamous")
    settings = Settings(endpoints=("os",))
    fit = replace(survival_fit(own), left_out=select(own, "os").left_out)
    population = Apart(own, settings, {"os": fit})
    result = apart.result((population,), registry)
    table = result.tables["apart"]
    assert tuple(table.columns) == APART_COLUMNS
    assert set(table["estimand"]) == {"median_months", "survival_12m"}
    assert set(table["target"]) == {"mean_study", "new_study"}
    assert table[["cohorts", "patients"]].drop_duplicates().to_numpy().tolist() == [[3, 239]]
    wide = table.assign(width=table["upper"] - table["lower"]).set_index(["estimand", "target"])
    for estimand in ("median_months", "survival_12m"):
        widths = [wide.loc[(estimand, of), "width"] for of in ("mean_study", "new_study")]
        assert widths[0] < widths[1]
    (finding,) = result.findings
    assert finding.heading == "Squamous-cell carcinoma, apart from ATC"
    assert "3 of 3 cohorts are of patients with various treatments" in finding.text
    assert "199 of 239 patients stand in Third 2021" in finding.text
    cohorts = [[cell.text for cell in row] for row in finding.tables[1].rows]
    assert ["First 2021", "28", "12 months", "Counted."] in cohorts
    assert ["Case 2021", "1", "5 months", "A single case."] in cohorts


def test_too_few_cohorts_have_no_answer(registry):
    own = of_disease(registry, "squamous")
    fewer = replace(own, studies={name: own.studies[name] for name in ("first", "case", "third")})
    settings = Settings(endpoints=ENDPOINTS)
    assert apart.endpoints_of(own, settings) == ("os",)
    assert apart.endpoints_of(fewer, settings) == ()


def test_the_report_has_it_beside_answers_that_stay_as_they_are(registry, monkeypatch):
    def fitted(registry, settings, **options):
        return fit_endpoints(registry, settings, **{"priors": None, "cache": True} | options)

    monkeypatch.setattr(synthesis.run, "fit_endpoints", fitted)
    settings = Settings(endpoints=("os",), family="weibull")
    answers = analyse(registry, settings)
    assert [own.registry.vocabulary.main_disease for own in answers.apart] == ["squamous"]
    words = replace(registry, vocabulary=registry.vocabulary.model_copy(update={"apart": {}}))
    without = analyse(words, settings)
    assert without.apart == ()
    pd.testing.assert_frame_equal(answers.pooled, without.pooled)
    assert {"apart", "cases"} <= {result.name for result in answers.results}
