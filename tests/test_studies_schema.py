"""Records keep what is printed, digit by digit, and refuse what they do not understand."""

from __future__ import annotations

import copy
import pickle
import re
from decimal import Decimal

import golden
import pytest
from pydantic import ValidationError
from small_registry import VOCABULARY, full_study

from studies.figures import in_months, surname
from studies.kinds import half_step
from studies.problems import closest, translate
from studies.schema import (
    NOT_REACHED,
    Citation,
    Landmark,
    Patient,
    Response,
    Study,
    SurvivalOutcome,
)
from studies.vocabulary import UnknownWordError, Vocabulary, load_vocabulary


def refusal(model, **tables):
    """Return the one problem that a record raises."""
    with pytest.raises(ValidationError) as raised:
        model(**tables)
    (problem,) = translate(raised.value, "file.toml", model)
    return problem


def test_printed_digits_are_kept():
    outcome = SurvivalOutcome(
        endpoint="os", median=Decimal("2.0"), unit="months", ci=[Decimal("0.60"), 5]
    )
    assert str(outcome.median) == "2.0"
    assert [str(limit) for limit in outcome.ci] == ["0.60", "5"]


def test_not_printed_is_none_and_not_reached_is_a_value_of_medians_and_upper_limits():
    assert Response(pr=2, evaluable=23).cr is None
    assert Response(cr=0).cr == 0
    limits = [Decimal("4.7"), "not reached"]
    outcome = SurvivalOutcome(endpoint="os", median="not reached", unit="months", ci=limits)
    assert (outcome.median, outcome.ci) == (NOT_REACHED, (Decimal("4.7"), NOT_REACHED))
    problem = refusal(SurvivalOutcome, endpoint="os", ci=["not reached", 4])
    assert (problem.field, problem.expected) == ("ci", "a number")


def test_records_are_frozen_hashable_and_survive_copying():
    study = Study.model_validate(full_study())
    with pytest.raises(ValidationError, match="frozen"):
        study.id = "other"
    assert pickle.loads(pickle.dumps(study)) == study
    assert hash(copy.deepcopy(study)) == hash(study)
    assert study.model_dump(by_alias=True)["cohorts"][0]["histology"]["other"] == {"focal": 3}


def test_a_dumped_record_is_read_back():
    study = Study.model_validate(full_study())
    written = study.model_dump(by_alias=True)
    assert Study.model_validate(written) == study
    assert written["overlaps"][0]["with"] == "jannin2023"
    with pytest.raises(TypeError):
        study.cohorts[0].histology.other["focal"] = 4


REFUSED = [
    (SurvivalOutcome, {"endpoint": "os", "median": "3.1"}),
    (SurvivalOutcome, {"endpoint": "os", "follow_up": "3.1"}),
    (SurvivalOutcome, {"endpoint": "os", "follow_up": "3.1 months"}),
    (SurvivalOutcome, {"endpoint": "os", "median": True}),
    (SurvivalOutcome, {"endpoint": "os", "median": Decimal("inf")}),
    (SurvivalOutcome, {"endpoint": "os", "unit": "month"}),
    *((SurvivalOutcome, {"endpoint": "os", "med": 3}), (Response, {"pr": -1})),
    *((Response, {"pr": Decimal("2.0")}), (Citation, {"pmid": 33112817})),
    *((Citation, {"title": " "}), (Citation, {"authors": "Sparano C"})),
    *((Landmark, {"endpoint": "os", "time": 12, "unit": "months"}), (Patient, {"event": "dead"})),
]


def test_a_refused_value_is_explained_in_one_sentence():
    lines = [f"{model.__name__}: {refusal(model, **tables)}\n" for model, tables in REFUSED]
    golden.check("refusals_record", "".join(lines))


def test_months_have_the_length_of_a_twelfth_of_a_year():
    assert in_months(Decimal(1), "years") == 12.0
    assert in_months(Decimal("365.25"), "days") == pytest.approx(12.0, rel=1e-15)
    assert in_months(Decimal("4.348214285714286"), "weeks") == pytest.approx(1.0, rel=1e-14)
    assert in_months(Decimal("3.1"), "months") == 3.1


@pytest.mark.parametrize(
    ("printed", "step"), [("3.1", "0.05"), ("166", "0.5"), ("0.520", "0.0005"), ("2.0", "0.05")]
)
def test_half_a_step_of_the_last_printed_digit(printed, step):
    assert half_step(Decimal(printed)) == Decimal(step)


@pytest.mark.parametrize(
    ("author", "family"),
    [
        *(("Sparano C", "Sparano"), ("Do Cao C", "Do Cao"), ("de Ridder M", "de Ridder")),
        *(("Iñiguez-Ariza NM", "Iñiguez-Ariza"), ("Ahn", "Ahn"), ("Smith J.-P.", "Smith")),
        ("SWOG S1609 DART investigators", "SWOG S1609 DART investigators"),
    ],
)
def test_surname_of_an_author(author, family):
    assert surname(author) == family


def test_whatever_holds_a_braf_inhibitor_requires_the_mutation_and_nothing_else_does():
    vocabulary = load_vocabulary()
    inhibitor = re.compile(r"dabrafenib|vemurafenib|encorafenib|braf", re.IGNORECASE)
    held = {item.id for item in vocabulary.treatments if inhibitor.search(item.label)}
    # Of a choice between two treatments one is given to anybody.
    held -= {item.id for item in vocabulary.treatments if " or " in item.label}
    required = {item.id: item.requires for item in vocabulary.treatments if item.requires}
    assert {name for name, what in required.items() if what == "BRAF V600E"} == held
    assert len(held) > 5
    assert vocabulary.selecting == frozenset(required)
    assert required["larotrectinib"] == "NTRK fusion"


def test_a_treatment_of_another_vocabulary_requires_nothing_unless_it_says_so():
    words = VOCABULARY["treatments"]
    chosen = {"treatments": [{**words[0], "requires": "BRAF V600E"}, *words[1:]]}
    assert Vocabulary.model_validate(VOCABULARY).selecting == frozenset()
    assert Vocabulary.model_validate(VOCABULARY | chosen).selecting == {words[0]["id"]}


def test_the_shipped_vocabulary_finds_a_treatment_by_any_of_its_names():
    vocabulary = load_vocabulary()
    for treatment in vocabulary.treatments:
        for name in (treatment.id, treatment.label.upper(), *treatment.synonyms):
            assert vocabulary.treatment(f" {name} ").id == treatment.id
        assert vocabulary.treatment_class(treatment.class_).id == treatment.class_


SLIPS = """\
lenvatinb lenvatinib
Lenvatanib lenvatinib
levantinib lenvatinib
sorafneib sorafenib
vemurafinib vemurafenib
dabrafenib -
trametinib -
erlotinib -
afatinib -
carboplatin -
"""


@pytest.mark.parametrize(("word", "meant"), [line.split() for line in SLIPS.splitlines()])
def test_a_slip_of_spelling_is_named_but_never_another_drug(word, meant):
    """Of erlotinib and anlotinib, or afatinib and axitinib, two letters differ."""
    words = [n for t in load_vocabulary().treatments for n in (t.id, t.label, *t.synonyms)]
    found = closest(word, [*words, "anlotinib", "axitinib", "vemurafenib"])
    assert (found or "-").casefold() == meant


def test_an_unknown_word_names_the_closest_one():
    vocabulary = load_vocabulary()
    with pytest.raises(UnknownWordError, match=r'unknown treatment "lenvatinb".*"lenvatinib"'):
        vocabulary.treatment("lenvatinb")
    with pytest.raises(UnknownWordError, match=r'unknown endpoint "oss".*"os"'):
        vocabulary.endpoint("oss")
    with pytest.raises(UnknownWordError) as raised:
        vocabulary.treatment_class("qqqqqq")
    assert raised.value.suggestion is None
    assert str(raised.value) == 'unknown class "qqqqqq"'
