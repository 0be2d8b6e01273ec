"""Files of a command: all of them or none, and other files stay."""

from __future__ import annotations

import pandas as pd
import pytest
from plot_tables import draw

from synthesis.plots.style import About
from synthesis.report.files import write_files
from synthesis.staging import OutputError

TABLES = {"one": pd.DataFrame({"a": [1, 2]}), "two": pd.DataFrame({"b": ["é"]})}


def test_tables_figures_and_texts_are_written_and_listed(tmp_path):
    out = tmp_path / "out"
    figures = {"curves": (draw("curves", "one-column"), About("A title", "A caption."))}
    written = write_files(out, TABLES, figures, {"words.md": "Words.\n"})
    names = [path.relative_to(out).as_posix() for path in written]
    pictures = [f"figures/curves.{suffix}" for suffix in ("pdf", "png", "svg")]
    assert names == [*pictures, "tables/one.csv", "tables/two.csv", "words.md"]
    assert sorted(path for path in out.rglob("*") if path.is_file()) == written
    assert (out / "tables" / "one.csv").read_bytes() == b"a\n1\n2\n"
    assert (out / "tables" / "two.csv").read_text(encoding="utf-8") == "b\né\n"


def test_other_files_stay_and_earlier_ones_are_replaced(tmp_path):
    (tmp_path / "tables").mkdir()
    for name in ("one", "other"):
        (tmp_path / "tables" / f"{name}.csv").write_text("before")
    write_files(tmp_path, TABLES)
    assert (tmp_path / "tables" / "other.csv").read_text() == "before"
    assert (tmp_path / "tables" / "one.csv").read_text() == "a\n1\n2\n"


def test_a_failure_leaves_nothing_behind(tmp_path):
    out = tmp_path / "out"
    with pytest.raises(FileNotFoundError):
        write_files(out, TABLES, texts={"no_such_folder/words.md": "Words."})
    assert not list(tmp_path.rglob("*.csv"))


def test_a_file_in_the_place_of_the_folder_is_told(tmp_path):
    (tmp_path / "out").write_text("a file")
    with pytest.raises(OutputError, match="out"):
        write_files(tmp_path / "out", TABLES)
