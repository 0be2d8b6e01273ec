"""Single patients, never pooled: one mark each, by class of treatment."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from synthesis.plots import marks, rows, style
from synthesis.plots.rows import Row, Words, word

CASE_COLUMNS: tuple[str, ...] = ("treatment_class", "months", "status")
#: What is known of a patient at the end of the time, and the mark that says so.
STATUSES: dict[str, marks.Sample] = {
    "died": marks.point_sample(hue=style.PLAIN),
    "alive": marks.point_sample(hue=style.PLAIN, fill=False),
    "not stated": marks.point_sample("diamond", style.PLAIN, fill=False),
}
# Marks nearer than this on the log scale would touch: they stand on lines so many points apart.
_APART, _PITCH = 0.14, 4.6
_EARLIEST = 1 / 30.4375  # months: a log scale has no place for nought


@style.style_context()
def plot_cases(
    table: pd.DataFrame, *, width: style.Width = "two-column", title: str | None = None
) -> Figure:
    """Draw a strip of single patients: filled at a death, open where the patient lived on.

    The table has the columns `CASE_COLUMNS`, a row a patient in order of display: months of overall
    survival, missing where none are reported (such a patient is counted and not drawn), and a
    ``status`` of `STATUSES`. `width` and `title` are as of `plot_forest`. ValueError if a column is
    missing, there is no time, or a status or the width is unknown.
    """
    sheet = style.find_sheet(width)
    rows.require(table, CASE_COLUMNS, "plot_cases", known={"status": STATUSES})
    timed = table[table["months"].notna()]
    rows.require(timed, CASE_COLUMNS, "plot_cases, with a time")
    legend = [(name, mark) for name, mark in STATUSES.items() if name in set(timed["status"])]
    columns = [
        Words("n", ("Patients", "(with a time)"), "right"),
        rows.value_axis(timed["months"].clip(lower=_EARLIEST), (), is_share=False),
    ]
    entries = [_row(word(name), own) for name, own in table.groupby("treatment_class", sort=False)]
    block = rows.Block("cases", entries, columns, "Treatment")
    return rows.draw_blocks(rows.lay_out([block], sheet, title, legend, shares=(0.34, 0.26, 0.26)))


def _row(label: str, own: pd.DataFrame) -> Row:
    timed = own[own["months"].notna()].sort_values("months", kind="stable")
    times = timed["months"].clip(lower=_EARLIEST)
    lines = rows.free_lines(((x, x) for x in np.log(times)), _APART)
    placed, of = list(zip(times, timed["status"], lines, strict=True)), max(lines, default=0) + 1

    def draw(spot: rows.Spot) -> None:
        for place, (months, status, line) in enumerate(placed):
            y = spot.middle + (line - (of - 1) / 2) * _PITCH
            STATUSES[status](spot.brush("values", role=str(place)), months, y)

    texts = {"n": f"{len(own)} ({len(timed)})"}
    return Row(label, texts=texts, draw=draw, least=(of + 1) * _PITCH)
