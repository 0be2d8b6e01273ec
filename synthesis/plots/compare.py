"""Every treatment against the reference, the endpoints as panels of one figure."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from synthesis import numbers
from synthesis.endpoints import ENDPOINTS, Endpoint, endpoint_of
from synthesis.plots import marks, rows, style
from synthesis.plots.page import percent_scale, ratio_scale
from synthesis.plots.rows import INTERVAL, Axis, Row, Words, flag, interval_of, number, word
from synthesis.result import names

COMPARE_COLUMNS = names(
    "endpoint treatment treatment_class estimate lower upper adjusted adjusted_lower "
    "adjusted_upper p_gain_adjusted value value_lower value_upper gain gain_lower gain_upper "
    "p_gain evidence cohorts patients compared is_reference"
)

#: What carries a contrast, the strongest first: its shape, whether filled, and in words.
EVIDENCE: Mapping[str, tuple[str, bool, str]] = {
    "randomised": ("square", True, "randomised in one report"),
    "within one study": ("dot", True, "both in one report, not randomised"),
    "across studies": ("dot", False, "no report gave both"),
    "extrapolated": ("diamond", False, "no report of the treatment tells its histology"),
}
# Thickness of the interval that allows for confounding, behind the other; percentage points that
# an axis of response shows at least, and in steps of which it ends.
_BROAD, _POINTS = 3.2, 25.0


@style.style_context()
def plot_compare(
    table: pd.DataFrame,
    *,
    delta: float = 1.0,
    width: style.Width = "two-column",
    title: str | None = None,
) -> Figure:
    """Draw every treatment against the reference, a panel an endpoint.

    Treatments stand in order of their effect, those of one class below its heading as far as the
    page is high enough. The shape of the mark says what carries the contrast; the broad line behind
    it allows for confounding. An Axes an endpoint, labelled ``compare-os contrast``.

    The table has the columns `COMPARE_COLUMNS`: ``estimate`` is a ratio of medians, for response a
    difference of rates (fraction), ``value`` the median in months, for response the rate; ``gain``
    and ``p_gain`` are missing for response and in the row of the reference. `delta` is the gain of
    the heading, in months. `width` and `title` are as of `plot_forest`; in one column cohorts,
    medians and gains are left out, in two columns the medians. ValueError if a column is missing,
    there is no row, two rows are of one endpoint and treatment, or the endpoint, the width or a
    kind of evidence is unknown.
    """
    known = {"endpoint": ENDPOINTS, "evidence": ("", *EVIDENCE)}
    unique = ("endpoint", "treatment")
    rows.require(table, COMPARE_COLUMNS, "plot_compare", unique=unique, known=known)
    sheet, kinds = style.find_sheet(width), set(map(word, table["evidence"]))
    panels = [
        _Panel(endpoint_of(name), own.to_dict("records"), delta, sheet)
        for name, own in table.groupby("endpoint", sort=False)
    ]
    legend = [
        (words, marks.line_sample(marks.point_sample(shape, fill=fill)))
        for kind, (shape, fill, words) in EVIDENCE.items()
        if kind in kinds
    ]
    if (table["evidence"].isin([*EVIDENCE][1:]) & table["adjusted_lower"].notna()).any():
        sample = marks.line_sample(hue=style.GRID, thickness=_BROAD)
        legend.append(("allowing for confounding (second P)", sample))
    shares, between = (0.3, 0.27, 0.25), sheet.choose(2.0, 0.3, 0.3)
    for by_class in (True, False):
        blocks = [panel.block(by_class=by_class) for panel in panels]
        layout = rows.lay_out(blocks, sheet, title, legend, shares=shares, between=between)
        if sheet.is_narrow or layout.height <= style.TALLEST:
            break
    return rows.draw_blocks(layout)


@dataclass(frozen=True)
class _Panel:
    """One endpoint."""

    endpoint: Endpoint
    records: Sequence[Mapping[str, Any]]
    delta: float
    sheet: style.Sheet

    def block(self, *, by_class: bool) -> rows.Block:
        """Rows and columns of the panel."""
        references = (row["treatment"] for row in self.records if flag(row["is_reference"]))
        over = numbers.in_sentence(word(next(references, "the reference")))
        more = "more respond" if self.endpoint.is_response else "longer"
        title = f"{self.endpoint.name()} (right of the line: {more} than with {over})"
        ranked = sorted(self.records, key=lambda row: -number(row["estimate"]))
        entries = self._by_class(ranked) if by_class else map(self._row, ranked)
        name = f"compare-{self.endpoint.id}"
        return rows.Block(name, list(entries), self._columns(), "Treatment", title)

    def _columns(self) -> list[Words | Axis]:
        inside, ends = rows.spans(self.records)
        if self.endpoint.is_response:
            shown = [100 * x for x in (*inside, *ends) if math.isfinite(x)]
            lower = _POINTS * math.floor(min([*shown, -_POINTS]) / _POINTS)
            upper = _POINTS * math.ceil(max([*shown, _POINTS]) / _POINTS)
            scale = partial(percent_scale, lower, upper)
            axis = Axis("contrast", "Percentage points", scale, null=0.0)
            contrast = Words("contrast", ("Difference,", f"points {INTERVAL}"))
            value, more = Words("value", ("Rate, %", INTERVAL)), []
        else:
            wide = rows.spans(self.records, "adjusted")[1]
            scale = partial(ratio_scale, inside, ends + wide)
            axis = Axis("contrast", "Ratio (log scale)", scale, null=1.0)
            contrast = Words("contrast", ("Ratio of medians", INTERVAL))
            value = Words("value", ("Median, months", INTERVAL))
            gain = Words("gain", ("Gain, months", INTERVAL))
            more = [gain, Words("p", ("P(gain", f"> {numbers.value(self.delta)} mo.)"))]
        if self.sheet.is_narrow:
            return [axis, contrast, *more[1:]]
        counts = Words("counts", ("Cohorts", "(patients)"), most=0.11)
        # the axis needs the room: medians stand in the forest plot
        values = [value] if self.endpoint.is_response or self.sheet.name == "slide" else []
        return [counts, axis, contrast, *values, *more]

    def _by_class(self, records: Sequence[Mapping[str, Any]]) -> Iterator[Row]:
        """Treatments of one class below its heading; a class with one treatment needs none."""
        classes: dict[str, list[Row]] = {}
        for row in records:
            classes.setdefault(word(row["treatment_class"]), []).append(self._row(row))
        for name, entries in classes.items():
            if len(entries) > 1:
                yield Row(name, kind="head")
                entries = [replace(row, level=1) for row in entries]
            yield from entries

    def _row(self, record: Mapping[str, Any]) -> Row:
        endpoint = self.endpoint
        texts = {
            "counts": rows.size_of(record),
            "value": numbers.written(record, endpoint.write, "value"),
        }
        if flag(record["is_reference"]):
            texts["contrast"] = rows.Quiet("reference")
            return Row(word(record["treatment"]), texts=texts)
        texts |= {
            "contrast": numbers.written(record, endpoint.write_contrast),
            "gain": numbers.written(record, endpoint.write_gain, "gain"),
            "p": numbers.chance_pair(record["p_gain"], record["p_gain_adjusted"]),
        }
        values = interval_of(record, factor=rows.factor_of(endpoint))
        shape, fill, _ = EVIDENCE[word(record["evidence"])]
        look = {"shape": shape, "fill": fill, "roles": ("interval", "contrast")}
        _, *ends = interval_of(record, "adjusted")

        def draw(spot: rows.Spot) -> None:
            if math.isfinite(ends[0]):
                span, _ = spot.scales["contrast"].clip(*ends)
                brush = spot.brush("contrast", style.GRID)
                marks.put_line(brush, "adjusted", span, spot.middle, thickness=_BROAD)
            rows.put_estimate(spot, "contrast", values, **look)

        return Row(word(record["treatment"]), texts=texts, draw=draw)
