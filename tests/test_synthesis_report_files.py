"""Files of an answer: all of them or none, in two processes as in one, and other files stay."""

from __future__ import annotations

import json
from dataclasses import replace

import pandas as pd
import pytest
from matplotlib.figure import Figure
from report_tables import picture
from small_registry import cohort, files_in, median, study, write_registry

import synthesis.plots.files
from studies import load_registry
from synthesis.plots.files import MANY, drawing, drawing_helper
from synthesis.report import write_result
from synthesis.result import Finding, Result
from synthesis.staging import OutputError

TABLES = {"one": pd.DataFrame({"a": [1, 2]}), "two": pd.DataFrame({"b": ["é"]})}
SUFFIXES = ("pdf", "png", "svg")


@pytest.fixture(scope="module")
def registry(tmp_path_factory):
    first = study("first2020", cohort(survival=[median()]), year=2020)
    return load_registry(write_registry(tmp_path_factory.mktemp("files") / "registry", first))


def result(*pictures, **more):
    return Result("found", "Found", findings=(Finding("What?", pictures=pictures),), **more)


def broken(**_):
    raise ValueError("cannot be drawn")


def test_tables_figures_and_texts_are_written_and_listed(registry, tmp_path):
    out = tmp_path / "out"
    answer = result(picture("curves"), tables=TABLES, texts={"words.md": "Words.\n"})
    written = write_result(answer, registry, out)
    names = [path.relative_to(out).as_posix() for path in written]
    pictures = [f"figures/curves.{suffix}" for suffix in SUFFIXES]
    assert names == [*pictures, "tables/one.csv", "tables/two.csv", "words.md"]
    found = files_in(out)
    assert sorted(found) == names
    assert found["tables/one.csv"] == b"a\n1\n2\n"
    assert found["tables/two.csv"].decode() == "b\né\n"
    assert b"Caption of curves." in found["figures/curves.svg"]
    assert b"First 2020" in found["figures/curves.svg"]


def test_two_processes_write_the_same_files_as_one(registry, tmp_path, monkeypatch):
    pictures = [picture(f"curves_{number}") for number in range(MANY)]
    here, draw = [], synthesis.plots.files._draw

    def draw_here(job):
        here.append(job)
        draw(job)

    def refuse(*words, **more):
        raise OSError("no process can be made")

    monkeypatch.setattr("synthesis.plots.files._draw", draw_here)
    write_result(result(*pictures), registry, tmp_path / "two")
    assert len(here) < MANY
    here.clear()
    monkeypatch.setattr("synthesis.plots.files.subprocess.Popen", refuse)
    write_result(result(*pictures), registry, tmp_path / "one")
    assert len(here) == MANY
    assert files_in(tmp_path / "one") == files_in(tmp_path / "two")
    assert len(files_in(tmp_path / "one")) == len(SUFFIXES) * len(pictures)


def test_a_picture_that_cannot_be_sent_is_drawn_here(registry, tmp_path):
    own = {"plot": lambda labels: Figure(), "arguments": {"labels": ()}}
    pictures = [replace(picture(f"own_{number}"), **own) for number in range(3)]
    pictures += [picture(f"curves_{number}") for number in range(MANY)]
    assert len(write_result(result(*pictures), registry, tmp_path)) == 3 * len(pictures)


@pytest.mark.parametrize("number", [1, MANY])
def test_who_needs_the_pictures_has_them_all(tmp_path, monkeypatch, number):
    jobs = [(picture(f"curves_{n}"), tmp_path / f"curves_{n}", None) for n in range(MANY)]
    here, draw = [], synthesis.plots.files._draw
    monkeypatch.setattr("synthesis.plots.files._draw", lambda job: here.append(job) or draw(job))
    with drawing_helper(number) as helper, drawing(jobs, helper) as finish:
        finish()
        found, drawn = files_in(tmp_path), len(here)
        finish()
        assert len(here) == drawn
    assert len(here) == drawn
    assert len(found) == len(SUFFIXES) * MANY
    assert (drawn < MANY) == (number == MANY)


@pytest.mark.parametrize("number", [1, MANY])
def test_a_failure_while_pictures_are_drawn_leaves_nothing_behind(registry, tmp_path, number):
    class Unwritable(dict):
        def items(self):
            raise ValueError("cannot be written")

    pictures = [picture(f"curves_{n}") for n in range(number)]
    with pytest.raises(ValueError, match="cannot be written"):
        write_result(result(*pictures, texts=Unwritable()), registry, tmp_path / "out")
    assert not list(tmp_path.rglob("*"))


@pytest.mark.parametrize("number", [1, MANY])
def test_a_failure_leaves_nothing_behind(registry, tmp_path, number):
    pictures = [replace(picture(f"broken_{n}"), plot=broken) for n in range(number)]
    with pytest.raises(ValueError, match="cannot be drawn"):
        write_result(result(*pictures, tables=TABLES), registry, tmp_path / "out")
    assert not list(tmp_path.rglob("*"))


def test_other_files_stay_and_earlier_ones_are_replaced(registry, tmp_path):
    (tmp_path / "tables").mkdir()
    for name in ("one", "other"):
        (tmp_path / "tables" / f"{name}.csv").write_text("before")
    write_result(result(tables=TABLES), registry, tmp_path)
    assert (tmp_path / "tables" / "other.csv").read_text() == "before"
    assert (tmp_path / "tables" / "one.csv").read_text() == "a\n1\n2\n"


def test_facts_make_a_manifest_by_which_files_of_an_earlier_answer_go(registry, tmp_path):
    write_result(result(tables=TABLES, facts={"seed": 7}), registry, tmp_path)
    (tmp_path / "mine.txt").write_text("mine")
    written = write_result(
        result(tables={"one": TABLES["one"]}, facts={"seed": 8}), registry, tmp_path
    )
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    assert manifest == {
        "seed": 8, "kind": "found", "files": ["manifest.json", "tables/one.csv"]
    }  # fmt: skip
    assert sorted(files_in(tmp_path)) == ["manifest.json", "mine.txt", "tables/one.csv"]
    assert [path.name for path in written] == ["manifest.json", "one.csv"]


def test_results_of_another_kind_are_not_replaced(registry, tmp_path):
    (tmp_path / "manifest.json").write_text(json.dumps({"files": []}))
    with pytest.raises(OutputError, match="holds other results"):
        write_result(result(facts={"seed": 8}), registry, tmp_path)
