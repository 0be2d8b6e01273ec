"""The pages of the model and of its calibration: current, and readable as Markdown."""

from __future__ import annotations

import re

import make_docs
import pytest

PAGES = {make_docs.MODEL: make_docs.model_page, make_docs.CALIBRATION: make_docs.calibration_page}


@pytest.fixture(scope="module", params=PAGES, ids=lambda path: path.name)
def path(request):
    return request.param


def test_a_page_is_that_of_the_code_and_of_the_stored_figures(path):
    assert path.read_text(encoding="utf-8") == PAGES[path](), "run `make docs`"


@pytest.mark.parametrize("page", [make_docs.FRONT, make_docs.AGAINST], ids=lambda page: page.stem)
def test_a_page_has_the_figures_of_the_stored_report(page):
    assert page.read_text(encoding="utf-8") == make_docs.generated()[page], "run `make docs`"


def test_no_markup_of_the_docstrings_is_left(path):
    page = path.read_text(encoding="utf-8")
    assert re.findall(r":[a-z]+:`|\.\. math::|^=+ ", page, re.MULTILINE) == []
    assert page.count("```") % 2 == 0


def test_what_a_page_links_is_there(path):
    links = re.findall(r"\]\(([^)]+)\)", path.read_text(encoding="utf-8"))
    assert links
    assert [link for link in links if not (path.parent / link).is_file()] == []


def test_a_formula_in_a_line_and_one_of_its_own():
    text = make_docs.markdown("""\
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
    text = make_docs.markdown("""\
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
