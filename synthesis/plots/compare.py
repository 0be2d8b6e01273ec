"""Every treatment against the reference, the endpoints as panels of one figure."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from matplotlib.figure import Figure

from synthesis import numbers
from synthesis.endpoints import ENDPOINTS, Endpoint, endpoint_of
from synthesis.plots import marks
from synthesis.plots.inputs import (
    estimate,
    flag,
    number,
    require_columns,
    require_known,
    require_unique,
    word,
)
from synthesis.plots.page import LegendEntry
from synthesis.plots.rows import (
    Axis,
    Block,
    Layout,
    Quiet,
    Row,
    Spot,
    Words,
    draw_blocks,
    figure_height,
    lay_out,
)
from synthesis.plots.scales import Scale, percent_scale, ratio_scale
from synthesis.plots.style import (
    TALLEST_MM,
    Sheet,
    Width,
    choose_hues,
    find_sheet,
    style_context,
)

if TYPE_CHECKING:
    import pandas as pd

COMPARE_COLUMNS: tuple[str, ...] = (
    "endpoint",
    "treatment",
    "treatment_class",
    "estimate",
    "lower",
    "upper",
    "value",
    "value_lower",
    "value_upper",
    "gain",
    "gain_lower",
    "gain_upper",
    "p_gain",
    "carried_by",
    "cohorts",
    "patients",
    "is_reference",
)

#: What carries a contrast, the strongest first: its shape, whether filled, and in words.
EVIDENCE: Mapping[str, tuple[str, bool, str]] = {
    "randomised": ("square", True, "randomised in one report"),
    "within one study": ("dot", True, "both in one report, not randomised"),
    "across single-arm studies": ("dot", False, "no report gave both"),
}

_LABEL_SHARES: Mapping[str, float] = {"one-column": 0.3, "two-column": 0.27, "slide": 0.25}
# Points of per cent that an axis of response shows at least, and where it may end.
_LEAST_POINTS, _STEP_OF_POINTS = 25.0, 25.0


def plot_compare(
    table: pd.DataFrame,
    *,
    delta: float = 1.0,
    width: Width = "two-column",
    title: str | None = None,
    hues: Mapping[str, str] | None = None,
) -> Figure:
    """Draw every treatment against the reference, a panel an endpoint.

    Treatments stand in order of their effect, those of one class below its heading as far as the
    page is high enough. A row has cohorts and patients, the contrast with its interval, the same in words, the
    median (or rate), the gain in months, and the probability of a gain of more than `delta`. The
    shape of the mark says what carries the contrast. Nothing is computed but positions.

    Parameters
    ----------
    table : DataFrame
        Columns `COMPARE_COLUMNS`. ``estimate`` is a ratio of medians, for response a difference of
        rates (fraction); ``value`` the median in months, for response the rate; ``gain`` and
        ``p_gain`` are missing for response and in the row of the reference.
    delta : float
        Months of gain, for the heading.
    width : str
        one-column (85 mm), two-column (174 mm) or slide (254 mm). In one column cohorts, medians
        and gains are left out.
    title : str, optional
        Set above the panels.
    hues : mapping of str to str, optional
        Colour of each treatment class, as from `class_hues`.

    Returns
    -------
    Figure
        An Axes an endpoint, labelled ``compare-os contrast``.

    Raises
    ------
    ValueError
        If a column is missing, there is no row, two rows are of one endpoint and treatment, the
        endpoint, the width or a kind of evidence is unknown, or a class has no hue.
    """
    require_columns(table, COMPARE_COLUMNS, "plot_compare")
    require_unique(table, ("endpoint", "treatment"), "plot_compare")
    require_known(table["endpoint"], ENDPOINTS, "plot_compare: endpoint")
    kinds = [word(kind) for kind in table["carried_by"] if word(kind)]
    require_known(kinds, EVIDENCE, "plot_compare: carried_by")
    sheet = find_sheet(width)
    hues = choose_hues(hues, table["treatment_class"], "plot_compare")
    panels = [
        _Panel(endpoint_of(name), own.to_dict("records"), hues, delta)
        for name, own in table.groupby("endpoint", sort=False)
    ]
    with style_context():
        layout = _lay_out(panels, sheet, by_class=True)
        legend = _legend(kinds)
        too_tall = figure_height(layout, title=title, legend=legend) > TALLEST_MM
        if too_tall and not sheet.is_narrow:
            layout = _lay_out(panels, sheet, by_class=False)
        return draw_blocks(layout, title=title, legend=legend)


def _lay_out(panels: Sequence[_Panel], sheet: Sheet, *, by_class: bool) -> Layout:
    blocks = [panel.block(sheet, by_class=by_class) for panel in panels]
    between = 2.0 if sheet.is_narrow else 0.3
    return lay_out(blocks, sheet, label_share=_LABEL_SHARES[sheet.name], between=between)


@dataclass(frozen=True)
class _Panel:
    """One endpoint."""

    endpoint: Endpoint
    records: Sequence[Mapping[str, Any]]
    hues: Mapping[str, str]
    delta: float

    @property
    def factor(self) -> float:
        """What contrasts are multiplied by to stand on the axis."""
        return 100.0 if self.endpoint.is_response else 1.0

    @property
    def reference(self) -> str:
        """The reference within a sentence."""
        names = [word(row["treatment"]) for row in self.records if flag(row["is_reference"])]
        return numbers.in_sentence(names[0]) if names else "the reference"

    def block(self, sheet: Sheet, *, by_class: bool) -> Block:
        """Rows and columns of the panel."""
        more = "more respond" if self.endpoint.is_response else "longer"
        title = f"{self.endpoint.name()} (right of the line: {more} than with {self.reference})"
        rows = self._by_class() if by_class else map(self._row, self._by_effect())
        name = f"compare-{self.endpoint.id}"
        return Block(name, list(rows), self._columns(sheet), "Treatment", title)

    def _columns(self, sheet: Sheet) -> list[Words | Axis]:
        is_response = self.endpoint.is_response
        interval = f"({numbers.LEVEL} CrI)"
        axis = Axis(
            "contrast",
            "Percentage points" if is_response else "Ratio (log scale)",
            lambda width: self._scale(width, sheet.body),
            null=self.factor * self.endpoint.null,
        )
        ratio = (
            ("Difference,", f"points {interval}") if is_response else ("Ratio of medians", interval)
        )
        gained = Words("p", ("P(gain", f"> {numbers.value(self.delta)} mo.)"))
        if sheet.is_narrow:
            return [axis, Words("contrast", ratio), *([] if is_response else [gained])]
        value = ("Rate, %", interval) if is_response else ("Median, months", interval)
        columns = [
            Words("counts", ("Cohorts", "(patients)")),
            axis,
            Words("contrast", ratio),
            Words("value", value),
        ]
        if is_response:
            return columns
        return [*columns, Words("gain", ("Gain, months", interval)), gained]

    def _scale(self, width: float, size: float) -> Scale:
        inside = [number(row["estimate"]) for row in self.records]
        ends = [number(row[name]) for row in self.records for name in ("lower", "upper")]
        if not self.endpoint.is_response:
            return ratio_scale(inside, ends, width, size)
        known = [100 * value for value in (*inside, *ends) if math.isfinite(value)]
        lower = _STEP_OF_POINTS * math.floor(min(*known, -_LEAST_POINTS) / _STEP_OF_POINTS)
        upper = _STEP_OF_POINTS * math.ceil(max(*known, _LEAST_POINTS) / _STEP_OF_POINTS)
        return percent_scale(width, size, lower, upper)

    def _by_effect(self) -> list[Mapping[str, Any]]:
        return sorted(self.records, key=lambda row: -number(row["estimate"]))

    def _by_class(self) -> Iterator[Row]:
        """Treatments of one class below its heading; a class with one treatment needs none."""
        records = self._by_effect()
        for name in dict.fromkeys(word(row["treatment_class"]) for row in records):
            rows = [self._row(row) for row in records if word(row["treatment_class"]) == name]
            if len(rows) > 1:
                yield Row(name, kind="head", hue=self.hues[name])
                rows = [replace(row, level=1) for row in rows]
            yield from rows

    def _row(self, record: Mapping[str, Any]) -> Row:
        endpoint = self.endpoint
        counts = f"{int(record['cohorts']):,} ({int(record['patients']):,})"
        value = numbers.interval(*estimate(record, "value"), endpoint.write)
        texts = {"counts": counts, "value": value}
        hue = self.hues[word(record["treatment_class"])]
        if flag(record["is_reference"]):
            return Row(
                word(record["treatment"]),
                texts=texts | {"contrast": Quiet("reference")},
                hue=hue,
            )
        values = (record["estimate"], record["lower"], record["upper"])
        texts["contrast"] = numbers.interval(*values, endpoint.write_contrast)
        if not endpoint.is_response:
            texts["gain"] = numbers.interval(*estimate(record, "gain"), endpoint.write_gain)
            texts["p"] = numbers.chance(record["p_gain"])
        return Row(word(record["treatment"]), texts=texts, draw=self._marks(record), hue=hue)

    def _marks(self, record: Mapping[str, Any]):
        names = ("estimate", "lower", "upper")
        middle, lower, upper = (self.factor * number(record[name]) for name in names)
        hue = self.hues[word(record["treatment_class"])]
        shape, fill, _ = EVIDENCE[word(record["carried_by"])]

        def draw(spot: Spot) -> None:
            brush = spot.brush("contrast", hue)
            span, beyond = spot.scales["contrast"].clip(lower, upper)
            marks.put_line(brush, "interval", span, spot.middle, arrows=beyond)
            marks.put_point(brush, middle, spot.middle, "contrast", shape=shape, fill=fill)

        return draw


def _legend(kinds: Sequence[str]) -> list[LegendEntry]:
    entries = []
    for kind, (shape, fill, words) in EVIDENCE.items():
        if kind in kinds:
            point = marks.point_sample(shape, fill=fill)
            entries.append(LegendEntry(words, marks.line_sample(point)))
    return entries
