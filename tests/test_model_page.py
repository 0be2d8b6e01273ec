"""The page of the model: current, and readable as Markdown."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent.parent / "scripts"))

import model_page


@pytest.fixture(scope="module")
def page():
    return model_page.PAGE.read_text(encoding="utf-8")


def test_the_page_is_that_of_the_code_and_of_the_stored_figures(page):
    assert page == model_page.model_page(), "run `make docs`"


def test_no_markup_of_the_docstrings_is_left(page):
    assert re.findall(r":[a-z]+:`|\.\. math::|^=+ ", page, re.MULTILINE) == []
    assert page.count("```") % 2 == 0


def test_its_pictures_and_files_are_there(page):
    linked = re.findall(r"\]\((\.\./[^)]+)\)", page)
    assert linked
    for link in linked:
        assert (model_page.PAGE.parent / link).is_file()


def test_a_formula_in_a_line_and_one_of_its_own():
    text = model_page.markdown("""\
Mean :math:`\\mu` of ``x``, see :class:`~a.b.C`:

    .. math::
       a &= b \\\\
       c &= d

    and so on.""")
    assert text.startswith("Mean $\\mu$ of `x`, see `C`:")
    formula = "\\begin{aligned}\na &= b \\\\\nc &= d\n\\end{aligned}"
    assert f"```math\n{formula}\n```" in text
    assert text.endswith("and so on.")


def test_a_simple_table_is_one_in_markdown():
    text = model_page.markdown("""\
Kinds.

    ====  =======
    kind  curve
    ====  =======
    one   :math:`e^{-t}`
          and more
    two   ``f``
    ====  =======""")
    assert text.endswith(
        "| kind | curve |\n| --- | --- |\n| one | $e^{-t}$ and more |\n| two | `f` |"
    )
