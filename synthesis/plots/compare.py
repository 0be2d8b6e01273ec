"""Every treatment against the reference, the endpoints as panels of one figure."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from matplotlib.figure import Figure

from synthesis import numbers
from synthesis.endpoints import ENDPOINTS, Endpoint, endpoint_of
from synthesis.plots import inputs, marks, rows, style
from synthesis.plots.inputs import flag, interval_of, number, word
from synthesis.plots.page import LegendEntry
from synthesis.plots.scales import Scale, percent_scale, ratio_scale

if TYPE_CHECKING:
    import pandas as pd

COMPARE_COLUMNS: tuple[str, ...] = (
    *("endpoint", "treatment", "treatment_class", "estimate", "lower", "upper"),
    *("value", "value_lower", "value_upper", "gain", "gain_lower", "gain_upper", "p_gain"),
    *("carried_by", "cohorts", "patients", "is_reference"),
)

#: What carries a contrast, the strongest first: its shape, whether filled, and in words.
EVIDENCE: Mapping[str, tuple[str, bool, str]] = {
    "randomised": ("square", True, "randomised in one report"),
    "within one study": ("dot", True, "both in one report, not randomised"),
    "across single-arm studies": ("dot", False, "no report gave both"),
}

_LABEL_SHARES = {"one-column": 0.3, "two-column": 0.27, "slide": 0.25}
# Percentage points that an axis of response shows at least, and where it may end.
_LEAST_POINTS, _STEP_OF_POINTS = 25.0, 25.0
_INTERVAL = f"({numbers.LEVEL} CrI)"


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
    page is high enough. A row has cohorts and patients, the contrast with its interval, the same
    in words, the median (or rate), the gain in months, and the probability of a gain of more than
    `delta`. The shape of the mark says what carries the contrast. Nothing is computed but
    positions.

    Parameters
    ----------
    table : DataFrame
        Columns `COMPARE_COLUMNS`. ``estimate`` is a ratio of medians, for response a difference of
        rates (fraction); ``value`` the median in months, for response the rate; ``gain`` and
        ``p_gain`` are missing for response and in the row of the reference.
    delta : float
        Months of gain, for the heading.
    width, title
        As of `plot_forest`. In one column cohorts, medians and gains are left out.

    Returns
    -------
    Figure
        An Axes an endpoint, labelled ``compare-os contrast``.

    Raises
    ------
    ValueError
        If a column is missing, there is no row, two rows are of one endpoint and treatment, or the
        endpoint, the width or a kind of evidence is unknown.
    """
    inputs.require_columns(table, COMPARE_COLUMNS, "plot_compare")
    inputs.require_unique(table, ("endpoint", "treatment"), "plot_compare")
    inputs.require_known(table["endpoint"], ENDPOINTS, "plot_compare: endpoint")
    kinds = {word(kind) for kind in table["carried_by"]} - {""}
    inputs.require_known(sorted(kinds), EVIDENCE, "plot_compare: carried_by")
    sheet = style.find_sheet(width)
    panels = [
        _Panel(endpoint_of(name), own.to_dict("records"), delta, sheet)
        for name, own in table.groupby("endpoint", sort=False)
    ]
    legend = [
        LegendEntry(words, marks.line_sample(marks.point_sample(shape, fill=fill)))
        for kind, (shape, fill, words) in EVIDENCE.items()
        if kind in kinds
    ]
    layout = _lay_out(panels, by_class=True)
    if not sheet.is_narrow and rows.figure_height(layout, title, legend) > style.TALLEST:
        layout = _lay_out(panels, by_class=False)
    return rows.draw_blocks(layout, title, legend)


def _lay_out(panels: Sequence[_Panel], *, by_class: bool) -> rows.Layout:
    sheet = panels[0].sheet
    blocks = [panel.block(by_class=by_class) for panel in panels]
    between = 2.0 if sheet.is_narrow else 0.3
    return rows.lay_out(blocks, sheet, label_share=_LABEL_SHARES[sheet.name], between=between)


@dataclass(frozen=True)
class _Panel:
    """One endpoint."""

    endpoint: Endpoint
    records: Sequence[Mapping[str, Any]]
    delta: float
    sheet: style.Sheet

    @property
    def factor(self) -> float:
        """What contrasts are multiplied by to stand on the axis."""
        return 100.0 if self.endpoint.is_response else 1.0

    def block(self, *, by_class: bool) -> rows.Block:
        """Rows and columns of the panel."""
        names = [word(row["treatment"]) for row in self.records if flag(row["is_reference"])]
        over = numbers.in_sentence(names[0]) if names else "the reference"
        more = "more respond" if self.endpoint.is_response else "longer"
        title = f"{self.endpoint.name()} (right of the line: {more} than with {over})"
        entries = self._by_class() if by_class else map(self._row, self._by_effect())
        name = f"compare-{self.endpoint.id}"
        return rows.Block(name, list(entries), self._columns(), "Treatment", title)

    def _columns(self) -> list[rows.Words | rows.Axis]:
        is_response = self.endpoint.is_response
        unit = "Percentage points" if is_response else "Ratio (log scale)"
        ratio = (
            ("Difference,", f"points {_INTERVAL}")
            if is_response
            else ("Ratio of medians", _INTERVAL)
        )
        value = rows.Words("value", ("Rate, %" if is_response else "Median, months", _INTERVAL))
        axis = rows.Axis("contrast", unit, self._scale, null=self.factor * self.endpoint.null)
        columns: list[rows.Words | rows.Axis] = [axis, rows.Words("contrast", ratio)]
        if not self.sheet.is_narrow:
            columns = [rows.Words("counts", ("Cohorts", "(patients)")), *columns, value]
            if not is_response:
                columns.append(rows.Words("gain", ("Gain, months", _INTERVAL)))
        if is_response:
            return columns
        return [*columns, rows.Words("p", ("P(gain", f"> {numbers.value(self.delta)} mo.)"))]

    def _scale(self, width: float) -> Scale:
        contrasts = [interval_of(row) for row in self.records]
        inside, *ends = zip(*contrasts, strict=True)
        if not self.endpoint.is_response:
            return ratio_scale(inside, [*ends[0], *ends[1]], width, self.sheet.text)
        known = [100 * x for values in contrasts for x in values if math.isfinite(x)]
        lower = _STEP_OF_POINTS * math.floor(min(*known, -_LEAST_POINTS) / _STEP_OF_POINTS)
        upper = _STEP_OF_POINTS * math.ceil(max(*known, _LEAST_POINTS) / _STEP_OF_POINTS)
        return percent_scale(width, self.sheet.text, lower, upper)

    def _by_effect(self) -> list[Mapping[str, Any]]:
        return sorted(self.records, key=lambda row: -number(row["estimate"]))

    def _by_class(self) -> Iterator[rows.Row]:
        """Treatments of one class below its heading; a class with one treatment needs none."""
        records = self._by_effect()
        for name in dict.fromkeys(word(row["treatment_class"]) for row in records):
            entries = [self._row(row) for row in records if word(row["treatment_class"]) == name]
            if len(entries) > 1:
                yield rows.Row(name, kind="head")
                entries = [replace(row, level=1) for row in entries]
            yield from entries

    def _row(self, record: Mapping[str, Any]) -> rows.Row:
        endpoint, is_reference = self.endpoint, flag(record["is_reference"])
        contrast = numbers.interval(*interval_of(record), endpoint.write_contrast)
        gain = numbers.interval(*interval_of(record, "gain"), endpoint.write_gain)
        texts = {
            "counts": f"{int(record['cohorts']):,} ({int(record['patients']):,})",
            "value": numbers.interval(*interval_of(record, "value"), endpoint.write),
            "contrast": rows.Quiet("reference") if is_reference else contrast,
            "gain": "" if is_reference else gain,
            "p": "" if is_reference else numbers.chance(record["p_gain"]),
        }
        draw = None if is_reference else self._marks(record)
        return rows.Row(word(record["treatment"]), texts=texts, draw=draw)

    def _marks(self, record: Mapping[str, Any]) -> rows.Draw:
        middle, *limits = interval_of(record, factor=self.factor)
        shape, fill, _ = EVIDENCE[word(record["carried_by"])]

        def draw(spot: rows.Spot) -> None:
            brush = spot.brush("contrast", style.PLAIN)
            span, beyond = spot.scales["contrast"].clip(*limits)
            marks.put_line(brush, "interval", span, spot.middle, arrows=beyond)
            marks.put_point(brush, middle, spot.middle, "contrast", shape=shape, fill=fill)

        return draw
