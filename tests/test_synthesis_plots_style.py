"""Type, hues, axes and files that all figures share."""

from __future__ import annotations

import gc
import itertools
import math
import re
import subprocess
import sys
import weakref
from xml.etree import ElementTree

import matplotlib
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.colors import to_rgb
from matplotlib.font_manager import FontProperties, findfont
from PIL import Image
from plot_tables import curve_tables, forest_table

from synthesis import numbers
from synthesis.plots import STYLE, About, plot_curves, plot_forest, save_figure, style_context
from synthesis.plots.page import MONTH_TICKS, month_scale, text_width, wrap
from synthesis.plots.style import FONTS, HUES, SHEETS, Face, printable

FACE = Face(7.0, 9.0)


def _lightness(rgb: np.ndarray) -> float:
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    luminance = float(linear @ [0.2126, 0.7152, 0.0722])
    return 116 * luminance ** (1 / 3) - 16 if luminance > 0.008856 else 903.3 * luminance


def test_neighbouring_hues_differ_in_grey_and_no_two_are_alike():
    grey = [_lightness(np.array(to_rgb(hue))) for hue in HUES]
    assert min(abs(a - b) for a, b in itertools.pairwise(grey)) > 15
    assert min(abs(a - b) for a, b in itertools.combinations(grey, 2)) > 2


def test_the_bundled_font_is_the_one_that_is_drawn_and_small_type_is_legible():
    for weight, name in (("normal", "Arimo-Regular.ttf"), ("bold", "Arimo-Bold.ttf")):
        font = FontProperties(family=STYLE["font.family"], weight=weight)
        assert findfont(font) == str(FONTS / name)
    assert "SIL OPEN FONT LICENSE" in (FONTS / "LICENSE").read_text(encoding="utf-8")
    for sheet in SHEETS.values():
        assert sheet.body >= 7.5
        assert sheet.small >= 6.5


@given(
    st.lists(st.floats(0.1, 200), min_size=1, max_size=8),
    st.lists(st.floats(0.01, 5000) | st.just(math.inf) | st.just(math.nan), max_size=8),
    st.floats(60, 300),
)
def test_month_axis_holds_every_estimate_and_legible_ticks(inside, ends, width):
    scale = month_scale(inside, ends, width, FACE)
    assert scale.lower < min(inside)
    assert max(inside) < scale.upper
    assert set(scale.ticks) <= set(MONTH_TICKS)
    assert len(scale.ticks) >= 2
    per_point = math.log(scale.upper / scale.lower) / width
    for a, b in itertools.pairwise(scale.ticks):
        needed = sum(text_width(numbers.value(float(tick)), FACE) for tick in (a, b)) / 2
        assert math.log(b / a) / per_point > needed
    with pytest.raises(ValueError, match="no finite positive value"):
        month_scale([math.nan], ends, width, FACE)


NONE = "\U0010fffd"  # of private use


@pytest.mark.parametrize("letters", ["Nguyễn", NONE], ids=["another font", "no font"])
def test_letters_that_the_font_lacks_are_left_to_the_reader_of_a_picture(tmp_path, letters):
    table = forest_table("os", 3, 1).replace("Ferrante", letters)
    svg, *_ = save_figure(plot_forest(table), tmp_path / "forest")
    assert f">{letters} 2004</text>" in svg.read_text(encoding="utf-8")


def test_letters_that_no_font_has_are_question_marks_where_the_reader_has_no_other():
    assert printable(f"Łukasz {NONE}") == "Łukasz ?"
    assert printable("Nguyễn") == "Nguyễn"


@pytest.mark.parametrize("months", [0.3, 30.0, 90.0, 300.0])
def test_ticks_reach_as_far_as_the_figures(months):
    scale = month_scale([months / 2, months], [1.4 * months], 200.0, FACE)
    assert scale.upper > 1.4 * months
    assert scale.ticks[-1] >= months / 2
    wide = month_scale([0.5, months], [], 120.0, FACE)
    assert wide.ticks[-1] >= min(months / 8, 48)


def test_long_words_are_shortened_to_the_width():
    lines = wrap("a Donaudampfschifffahrtsgesellschaft b", FACE, 60)
    assert lines[0] == "a"
    assert lines[1].endswith("…")
    assert all(text_width(line, FACE) <= 60 for line in lines)


def test_settings_of_the_caller_neither_matter_nor_change():
    table = forest_table("os", 3, 1)
    expected = [text.get_fontsize() for text in plot_forest(table).figure.texts]
    with matplotlib.rc_context({"font.size": 30.0, "axes.grid": True, "font.family": "serif"}):
        before = dict(matplotlib.rcParams)
        figure = plot_forest(table).figure
        assert dict(matplotlib.rcParams) == before
        assert [text.get_fontsize() for text in figure.texts] == expected
        assert figure.texts[0].get_fontfamily() == STYLE["font.family"]
    with style_context():
        assert matplotlib.rcParams["svg.fonttype"] == STYLE["svg.fonttype"] == "none"


def test_saved_files_are_identical_searchable_and_fine_enough(tmp_path):
    table = forest_table("os", 3, 1)
    written = [
        save_figure(plot_forest(table, width="one-column"), tmp_path / name / "forest.os")
        for name in ("a", "b")
    ]
    names = ["forest.os.svg", "forest.os.pdf", "forest.os.png"]
    for paths, folder in zip(written, ("a", "b"), strict=True):
        assert [path.name for path in paths] == names
        assert sorted(path.name for path in (tmp_path / folder).iterdir()) == sorted(names)
    for first, second in zip(*written, strict=True):
        assert first.read_bytes() == second.read_bytes()
    svg, pdf, png = written[0]
    assert ">Ferrante 2004 (3)</text>" in svg.read_text()
    assert "<dc:date>" not in svg.read_text()
    assert "'Arimo', 'Arial', 'Helvetica'" in svg.read_text()
    assert b"/CIDFontType2" in pdf.read_bytes()
    assert b"/Type3" not in pdf.read_bytes()
    assert b"/CreationDate" not in pdf.read_bytes()
    with Image.open(png) as image:
        assert image.mode == "RGB"
        assert image.info["dpi"] == pytest.approx((300, 300), abs=0.1)
        assert image.width == pytest.approx(85 / 25.4 * 300, abs=1)
        assert "Software" not in image.info
        assert image.getpixel((2, 2)) == (255, 255, 255)


def test_a_tiff_is_the_png_in_another_file(tmp_path):
    about = About("Survival", "Ähre (2.1–5.0)")
    axes = plot_forest(forest_table("os", 3, 1), width="one-column")
    png, tiff = save_figure(axes, tmp_path / "forest", about, ("png", "tiff"))
    assert [entry.name for entry in sorted(tmp_path.iterdir())] == ["forest.png", "forest.tiff"]
    with Image.open(tiff) as image, Image.open(png) as same:
        assert image.mode == "RGB"
        assert image.info["compression"] == "tiff_lzw"
        assert image.info["dpi"] == (300.0, 300.0)
        assert image.tag_v2[270].encode("latin-1").decode() == "Survival\nÄhre (2.1–5.0)"
        assert image.tobytes() == same.tobytes()
    before = tiff.read_bytes()
    save_figure(axes.figure, tmp_path / "forest", about, ["tiff"])
    assert tiff.read_bytes() == before
    with pytest.raises(ValueError, match="format is 'jpg'; expected one of svg, pdf, png, tiff"):
        save_figure(axes, tmp_path / "forest", formats=["jpg"])


def test_pictures_are_small_and_can_stand_in_one_page(tmp_path):
    forest = save_figure(plot_forest(forest_table("os", 30, 12)), tmp_path / "forest_os")
    curves = save_figure(plot_curves(*curve_tables()), tmp_path / "curves_os")
    texts = [paths[0].read_text() for paths in (forest, curves)]
    assert len(texts[0]) < 250_000
    assert len(texts[1]) < 200_000
    own, other = (set(re.findall(r' id="([^"]*)"', text)) for text in texts)
    assert all(name.startswith("forest_os-") for name in own)
    assert not own & other
    for text, names in zip(texts, (own, other), strict=True):
        assert set(re.findall(r'(?:url\(#|href="#)([^")]*)', text)) <= names
        assert len(re.findall(r' id="', text)) == len(names)


def test_files_tell_what_they_are_given_in_characters_that_every_format_holds(tmp_path):
    about = About(
        "Survival", "A < B &\x07 (2.1–5.0)", ("Ähre A. <i>x</i>.", "B."), ("Ähre 2001", "B")
    )
    figure = plot_forest(forest_table("os", 3, 1), width="one-column")
    svg, pdf, png = save_figure(figure, tmp_path / "forest", about)
    before = [path.read_bytes() for path in (svg, pdf, png)]
    again = save_figure(figure, tmp_path / "forest", about)
    assert [path.read_bytes() for path in again] == before
    tree = ElementTree.parse(svg)  # refuses what XML may not hold
    words = {element.tag.rpartition("}")[2]: element.text for element in tree.iter()}
    assert words["description"] == "A < B &  (2.1–5.0)"
    assert words["source"] == "Ähre A. <i>x</i>.\nB."
    assert "date" not in words
    assert "Ähre 2001; B".encode("utf-16-be") in pdf.read_bytes()
    with Image.open(png) as image:
        assert image.text == {
            "Title": "Survival",
            "Description": "A < B &  (2.1–5.0)",
            "Source": "Ähre A. <i>x</i>.\nB.",
        }


def test_nothing_is_written_when_one_format_fails(tmp_path, monkeypatch):
    figure = plot_forest(forest_table("os", 3, 1)).figure
    save = figure.savefig

    def fail_on_raster(target, *, format, **more):
        if format == "rgba":
            raise MemoryError("the raster is too large")
        save(target, format=format, **more)

    monkeypatch.setattr(figure, "savefig", fail_on_raster)
    with pytest.raises(MemoryError):
        save_figure(figure, tmp_path / "forest")
    assert list(tmp_path.iterdir()) == []


def test_figures_are_made_outside_pyplot_and_freed():
    table = forest_table("os", 3, 1)
    figure = plot_forest(table).figure
    ghost = weakref.ref(figure)
    del figure
    gc.collect()
    assert ghost() is None
    code = "import sys, synthesis.plots; print('matplotlib.pyplot' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert run.stdout == "False\n"
