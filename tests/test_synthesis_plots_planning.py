"""Figures of a plan: what is drawn, every word readable at every width."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from plot_tables import assert_printable

from synthesis.plots import plot_assurance, plot_planned_widths
from synthesis.plots.style import SHEETS

pytestmark = pytest.mark.filterwarnings("error")

DRAW = {"assurance": plot_assurance, "widths": plot_planned_widths}


def table(sizes=(20, 40, 60, 80, 320)):
    rows = []
    for number, population in enumerate(("all", "pure", "mixed")):
        for n in sizes:
            row = {"population": population, "n": n, "delta": 1.0, "p_today": 0.5 + 0.1 * number}
            row |= {"assurance": 0.02 * number + n / 400, "assurance_error": 0.03}
            row |= {"reliable": n < 300 or number != 1}
            for effect, today in (("prognostic", 1.3), ("predictive", 0.75), ("ratio", 1.4)):
                row[f"width_today_{effect}"] = today
                row[f"expected_width_{effect}"] = today - 0.1 * np.log(n) * (3 - number) / 3
            rows.append(row)
    return pd.DataFrame(rows)


@pytest.mark.parametrize("width", SHEETS)
@pytest.mark.parametrize("kind", DRAW)
def test_every_word_is_inside_clear_of_the_others_and_large_enough(kind, width):
    figure = DRAW[kind](table(), width=width, title="Single-arm study of alfatinib")
    assert_printable(figure, width)


def test_values_stand_where_the_table_has_them():
    (axes,) = plot_assurance(table()).axes
    lines = {line.get_gid(): line for line in axes.lines if line.get_gid()}
    own = table().query("population == 'pure'")
    np.testing.assert_allclose(lines["plan-assurance-pure"].get_ydata(), own["assurance"])
    assert set(lines["plan-today-mixed"].get_ydata()) == {0.7}
    panels = plot_planned_widths(table()).axes
    assert [panel.get_label() for panel in panels] == ["prognostic", "predictive", "ratio"]
    (drawn,) = [line for line in panels[2].lines if line.get_gid() == "plan-ratio-all"]
    whole = table().query("population == 'all'")
    np.testing.assert_allclose(drawn.get_ydata(), np.exp(whole["expected_width_ratio"]))
    np.testing.assert_array_equal(drawn.get_xdata(), whole["n"])


def test_a_size_that_cannot_be_relied_on_has_an_open_mark():
    (axes,) = plot_assurance(table()).axes
    marks = [line for line in axes.lines if line.get_marker() == "s" and len(line.get_xdata())]
    assert [line.get_markerfacecolor() for line in marks][-1] == "white"
    words = [text.get_text() for text in plot_assurance(table(sizes=(20, 40))).texts]
    assert not any(text.startswith("Open mark") for text in words)


@pytest.mark.parametrize("draw", DRAW.values())
def test_tables_that_cannot_be_drawn_are_refused(draw):
    with pytest.raises(ValueError, match="lacks the columns reliable"):
        draw(table().drop(columns="reliable"))
    with pytest.raises(ValueError, match="two rows for population all, n 20"):
        draw(pd.concat([table(), table()]))
    with pytest.raises(ValueError, match="population is 'old'; expected one of all, pure, mixed"):
        draw(table().replace("pure", "old"))
    with pytest.raises(ValueError, match="width is 'wide'"):
        draw(table(), width="wide")
