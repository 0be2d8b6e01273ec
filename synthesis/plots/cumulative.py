"""Pooled answers as they stood after each year, a row a year that brought a report."""

from __future__ import annotations

from functools import partial

import pandas as pd
from matplotlib.figure import Figure

from synthesis import numbers
from synthesis.endpoints import endpoint_of
from synthesis.plots import rows, style
from synthesis.plots.rows import INTERVAL, Row, Words, interval_of, word
from synthesis.result import names

CUMULATIVE_COLUMNS = names("treatment year estimate lower upper cohorts patients compared reports")


@style.style_context()
def plot_cumulative(
    table: pd.DataFrame,
    *,
    endpoint: str = "os",
    width: style.Width = "two-column",
    title: str | None = None,
) -> Figure:
    """Draw how the pooled answers of one endpoint moved over the years.

    The table has the columns `CUMULATIVE_COLUMNS`, in order of display: months, or fractions for
    response. All else is as of `plot_forest`; in one column the new reports are left out.
    ValueError if a column is missing, there is no row, two rows are of one treatment and year, or
    the endpoint or the width is unknown.
    """
    about, sheet = endpoint_of(endpoint), style.find_sheet(width)
    unique = ("treatment", "year")
    rows.require(table, CUMULATIVE_COLUMNS, "plot_cumulative", unique=unique)
    columns = [
        Words("counts", ("Cohorts", "(patients)")),
        rows.value_axis(*rows.spans(table.to_dict("records")), is_share=about.is_response),
        Words("estimate", (numbers.capitalised(about.unit), INTERVAL)),
    ]
    if not sheet.is_narrow:
        columns.insert(0, Words("reports", ("New",), "left", most=0.3))
    entries = []
    for treatment, own in table.groupby("treatment", sort=False):
        entries.append(Row(word(treatment), kind="head"))
        for record in own.to_dict("records"):
            values = interval_of(record, factor=rows.factor_of(about))
            texts = {
                "reports": word(record["reports"]),
                "counts": rows.size_of(record),
                "estimate": numbers.written(record, about.write),
            }
            draw = partial(rows.put_estimate, column="values", values=values)
            entries.append(Row(str(int(record["year"])), texts=texts, draw=draw, level=1))
    block = rows.Block(f"cumulative-{endpoint}", entries, columns, "Known by the end of")
    return rows.draw_blocks(rows.lay_out([block], sheet, title, shares=(0.3, 0.2, 0.2)))
