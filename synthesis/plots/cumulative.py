"""Pooled answers as they stood after each year, a row a year that brought a report."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd
from matplotlib.figure import Figure

from synthesis import numbers
from synthesis.endpoints import endpoint_of
from synthesis.plots import rows, style
from synthesis.plots.page import make_frame
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
    records = table.to_dict("records")
    inside, *ends = zip(*map(interval_of, records), strict=True)
    columns = [
        Words("counts", ("Cohorts", "(patients)")),
        rows.value_axis(inside, [*ends[0], *ends[1]], is_share=about.is_response),
        Words("estimate", (numbers.capitalised(about.unit), INTERVAL)),
    ]
    if not sheet.is_narrow:
        columns.insert(0, Words("reports", ("New",), "left", most=0.3))

    def entries() -> Iterator[Row]:
        last = None
        for record in records:
            if record["treatment"] != last:
                last = record["treatment"]
                yield Row(word(last), kind="head")
            values = interval_of(record, factor=rows.factor_of(about))
            texts = {
                "reports": word(record["reports"]),
                "counts": rows.size_of(record),
                "estimate": numbers.interval(*interval_of(record), about.write),
            }
            draw = rows.estimate_marks("values", style.PLAIN, values)
            yield Row(str(int(record["year"])), texts=texts, draw=draw, level=1)

    head = "Known by the end of"
    block = rows.Block(f"cumulative-{endpoint}", list(entries()), columns, head)
    share = sheet.choose(0.3, 0.2, 0.2)
    return rows.draw_blocks(rows.lay_out([block], make_frame(sheet, title), label_share=share))
