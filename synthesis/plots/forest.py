"""Forest plot: what each report gave, what the model makes of it, and treatments and classes."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from matplotlib.figure import Figure

from synthesis import numbers
from synthesis.endpoints import ENDPOINTS, Endpoint, endpoint_of
from synthesis.plots import marks, rows, style
from synthesis.plots.inputs import flag, interval_of, number, require_columns, require_known, word
from synthesis.plots.page import LegendEntry
from synthesis.plots.scales import Scale, month_scale, percent_scale

if TYPE_CHECKING:
    import pandas as pd

FOREST_COLUMNS: tuple[str, ...] = (
    *("kind", "treatment_class", "treatment", "label", "year", "design", "country", "n", "events"),
    *("printed", "printed_value", "printed_lower", "printed_upper"),
    *("printed_not_reached", "printed_upper_not_reached", "estimate", "lower", "upper"),
)
KINDS = ("class", "treatment", "cohort", "mean_study", "new_study", "heterogeneity")

_LABEL_SHARES = {"one-column": 0.36, "two-column": 0.31, "slide": 0.27}
# Shares of the width that a reported value may take before it goes on in a second line.
_REPORTED_SHARES = {"one-column": 0.3, "two-column": 0.145, "slide": 0.13}

# Letter and words of a study design, by the beginning of its name.
_DESIGNS: Mapping[str, tuple[str, str]] = {
    "retrospective": ("R", "retrospective"),
    "prospective": ("P", "prospective"),
    "randomi": ("T", "randomised trial"),
    "registry": ("G", "registry"),
    "case": ("C", "case series"),
}
# Where the shaft of an arrow begins when nothing was reached, as a share of the axis.
_SHAFT = 0.94
# Columns that an axis in months must hold, then those that may stretch it.
_INSIDE, _ENDS = ["printed_value", "estimate"], ["printed_lower", "printed_upper", "lower", "upper"]


@style.style_context()
def plot_forest(
    table: pd.DataFrame,
    *,
    endpoint: str = "os",
    part: tuple[int, int] | None = None,
    width: style.Width = "two-column",
    title: str | None = None,
    hues: Mapping[str, str] | None = None,
) -> Figure:
    """Draw the forest plot of one endpoint.

    Classes are headings, with their diamond where there is one; treatments follow in order of
    their estimates. A treatment with several cohorts has a line for each, its diamond (average
    study) and its bar (new study). A cohort has two marks: an open square for the value as
    reported, its area by the number of patients, with the reported interval; below it a dot for
    the model's estimate. A treatment with one cohort has one line: the cohort's square, and the
    estimate of its average study. Nothing is computed but positions.

    Parameters
    ----------
    table : DataFrame
        Columns `FOREST_COLUMNS`. Times in months (response: fractions of 1). ``kind`` is one of
        `KINDS`. A class row with an ``estimate`` has a diamond; so has a class with a mean_study
        row of no treatment. ``printed`` is the value as reported, in words; for response
        ``printed_lower`` and ``printed_upper`` are the limits of an exact interval.
        ``printed_not_reached`` and ``printed_upper_not_reached`` make arrows at the end of the
        axis. The label of a heterogeneity row is set at the foot.
    endpoint : str
        os, pfs (logarithmic axis in months) or response (linear axis, 0 to 100 %).
    part : (int, int), optional
        Which of how many parts the table is, from `parts_of`.
    width : str
        one-column (85 mm), two-column (174 mm) or slide (254 mm). In one column reported value
        and estimate stand one above the other.
    title : str, optional
        Set above the figure.
    hues : mapping of str to str, optional
        Colour of each treatment class, as from `class_hues`; by default given by the classes
        of this table.

    Returns
    -------
    Figure
        One Axes, whose vertical coordinate is points below the first row.

    Raises
    ------
    ValueError
        If a column is missing, the table has no cohort or pooled row, a kind, the endpoint or the
        width is unknown, or a class has no hue.
    """
    require_columns(table, FOREST_COLUMNS, "plot_forest")
    require_known(table["kind"], KINDS, "plot_forest: kind")
    require_known([endpoint], ENDPOINTS, "plot_forest: endpoint")
    sheet = style.find_sheet(width)
    layout = _lay_out(table, endpoint, sheet, part, hues)
    return rows.draw_blocks(layout, title, _legend(endpoint), _foot(table, sheet))


def parts_of(
    table: pd.DataFrame, *, endpoint: str = "os", width: style.Width = "two-column"
) -> list[pd.DataFrame]:
    """Split a forest table by class so that each part fits a page.

    Parameters
    ----------
    table, endpoint, width
        As of `plot_forest`.

    Returns
    -------
    list of DataFrame
        As few parts as possible, of about the same height, classes in order; the table itself
        where it fits. All parts are drawn on one axis.
    """
    require_columns(table, FOREST_COLUMNS, "parts_of")
    sheet = style.find_sheet(width)
    classes = list(dict.fromkeys(name for name in table["treatment_class"] if word(name)))
    whole = _lay_out(table, endpoint, sheet)
    around = rows.figure_height(whole, "Title", _legend(endpoint), _foot(table, sheet))
    room = style.TALLEST - (around - whole.blocks[0].rows_height)
    heights = {}
    for name in classes:
        own = _lay_out(table[table["treatment_class"] == name], endpoint, sheet)
        heights[name] = own.blocks[0].rows_height
    for groups in _splits(classes, heights):
        if max(sum(heights[name] for name in group) for group in groups) <= room:
            break
    if len(groups) == 1:
        return [table]
    parts, everywhere = [], table["kind"] == "heterogeneity"
    for group in groups:
        own = table[table["treatment_class"].isin(group) | everywhere].reset_index(drop=True)
        own.attrs["reach"] = _reach(table)
        parts.append(own)
    return parts


def _splits(classes: Sequence[str], heights: Mapping[str, float]) -> Iterator[list[list[str]]]:
    """The most even split into one, two, three ... parts of neighbouring classes."""
    ends = (0, len(classes))
    for count in range(len(classes)):
        yield min(
            (
                [list(classes[a:b]) for a, b in itertools.pairwise(sorted((*ends, *cuts)))]
                for cuts in itertools.combinations(range(1, len(classes)), count)
            ),
            key=lambda groups: max(sum(heights[name] for name in group) for group in groups),
        )


def _reach(table: pd.DataFrame) -> tuple[list[float], list[float]]:
    """Values that an axis in months must hold, and those that may stretch it."""
    if "reach" in table.attrs:
        return table.attrs["reach"]
    inside, ends = (table[names].to_numpy(dtype=float).ravel() for names in (_INSIDE, _ENDS))
    return inside.tolist(), ends.tolist()


# --- Rows ----------------------------------------------------------------------------------------


def _lay_out(
    table: pd.DataFrame,
    endpoint: str,
    sheet: style.Sheet,
    part: tuple[int, int] | None = None,
    hues: Mapping[str, str] | None = None,
) -> rows.Layout:
    classes = [name for name in table["treatment_class"] if word(name)]
    hues = style.choose_hues(hues, classes, "plot_forest")
    forest = _Forest(endpoint_of(endpoint), sheet, hues)
    entries = list(forest.entries(table.to_dict("records")))
    if not any(row.draw for row in entries):
        raise ValueError("plot_forest: the table has no cohort and no pooled row to draw")
    head = "Treatment, study" + (f" (part {part[0]} of {part[1]})" if part else "")
    block = rows.Block(f"forest-{endpoint}", entries, forest.columns(table), head)
    return rows.lay_out([block], sheet, label_share=_LABEL_SHARES[sheet.name], between=0.6)


@dataclass(frozen=True)
class _Forest:
    """What the rows of one forest plot share."""

    endpoint: Endpoint
    sheet: style.Sheet
    hues: Mapping[str, str]

    @property
    def factor(self) -> float:
        """What figures are multiplied by to stand on the axis."""
        return 100.0 if self.endpoint.is_response else 1.0

    def hue(self, record: Mapping[str, Any]) -> str:
        """Colour of the class of a row."""
        return self.hues[word(record["treatment_class"])]

    def text(self, record: Mapping[str, Any]) -> str:
        """The model's estimate with its interval."""
        return numbers.interval(*interval_of(record), self.endpoint.write)

    def columns(self, table: pd.DataFrame) -> list[rows.Words | rows.Axis]:
        """Columns from left to right."""
        endpoint, sheet, unit = self.endpoint, self.sheet, self.endpoint.unit
        interval, most = f"({numbers.LEVEL} CrI)", _REPORTED_SHARES[sheet.name]

        def scale(width: float) -> Scale:
            if endpoint.is_response:
                return percent_scale(width, sheet.text)
            return month_scale(*_reach(table), width, sheet.text)

        words = "%" if endpoint.is_response else "Months (log scale)"
        axis = rows.Axis("values", words, scale, numbers.capitalised(endpoint.quantity()))
        model = (f"Model, {unit}", interval)
        if sheet.is_narrow:
            return [axis, rows.Words("estimate", (rows.Quiet("Reported"), *model), most=most)]
        counts = [rows.Words("n", ("n",), "right")]
        if table["events"].notna().any():
            counts.append(rows.Words("events", ("(events)",), "left"))
        design = "Design, country" if sheet.name == "slide" else ""
        given = ("Responders/", "evaluable") if endpoint.is_response else ("Reported", "(interval)")
        printed = rows.Words("printed", given, most=most)
        return [
            rows.Words("design", (design,), "left"),
            *counts,
            axis,
            printed,
            rows.Words("estimate", model),
        ]

    def entries(self, records: Sequence[Mapping[str, Any]]) -> Iterator[rows.Row]:
        """Headings of classes, and below each its treatments in order of their estimates."""
        for name in dict.fromkeys(filter(None, (word(r["treatment_class"]) for r in records))):
            own = [row for row in records if word(row["treatment_class"]) == name]
            yield self._class_row(name, [row for row in own if not word(row["treatment"])])
            groups: dict[str, list[Mapping[str, Any]]] = {}
            for row in own:
                if word(row["treatment"]):
                    groups.setdefault(word(row["treatment"]), []).append(row)
            for entries in sorted(groups.values(), key=_effect):
                yield from self._treatment_rows(entries)

    def _class_row(self, name: str, entries: Sequence[Mapping[str, Any]]) -> rows.Row:
        """Heading of a class, with its diamond where the table has one."""
        label = next((word(row["label"]) for row in entries if row["kind"] == "class"), "") or name
        heading = rows.Row(label, kind="band", hue=self.hues[name])
        for row in entries:
            if row["kind"] in ("class", "mean_study") and not math.isnan(number(row["estimate"])):
                return replace(heading, texts={"estimate": self.text(row)}, draw=self._pooled(row))
        return heading

    def _treatment_rows(self, entries: Sequence[Mapping[str, Any]]) -> Iterator[rows.Row]:
        cohorts = [row for row in entries if row["kind"] == "cohort"]
        pooled = {row["kind"]: row for row in entries if row["kind"] != "cohort"}
        label = word(pooled.get("treatment", entries[0])["label"]) or word(entries[0]["treatment"])
        if len(cohorts) == 1:
            model = pooled.get("mean_study", cohorts[0])
            names = ("estimate", "lower", "upper")
            yield self._cohort_row(cohorts[0] | {name: model[name] for name in names}, label)
            return
        if label != word(entries[0]["treatment_class"]):
            yield rows.Row(label, kind="head")
        for cohort in cohorts:
            yield replace(self._cohort_row(cohort), level=1)
        words = {"mean_study": ("Average study", "head"), "new_study": ("New study", "row")}
        for kind, (name, weight) in words.items():
            if kind in pooled:
                text, draw = self.text(pooled[kind]), self._pooled(pooled[kind])
                yield rows.Row(name, texts={"estimate": text}, draw=draw, kind=weight, level=1)

    def _cohort_row(self, record: Mapping[str, Any], treatment: str = "") -> rows.Row:
        """One cohort; before its name the treatment, where it is the only one of it."""
        study, year = word(record["label"]), numbers.value(record["year"])
        if year != numbers.MISSING and year not in study:
            study = f"{study} {year}"
        reported, model = word(record["printed"]), self.text(record)
        n = "" if numbers.is_missing(record["n"]) else f"{int(record['n']):,}"
        shape = "diamond" if treatment else "dot"
        draw = _CohortMarks(record, self.hue(record), self.factor, self.apart, shape)
        texts: dict[str, str | tuple[str, ...]] = {"estimate": model, "printed": reported, "n": n}
        if self.sheet.is_narrow:
            study = f"{study} ({n})" if n else study
            texts = {"estimate": (rows.Quiet(reported), model) if reported else model}
        else:
            texts["design"] = self._place(record)
            if not numbers.is_missing(record["events"]):
                texts["events"] = f"({int(record['events']):,})"
        return rows.Row(treatment or study, study if treatment else "", texts, draw)

    @property
    def apart(self) -> float:
        """Distance in points of both marks of a cohort from the middle of its row."""
        return (0.46 if self.sheet.is_narrow else 0.24) * self.sheet.text.pitch

    def _place(self, record: Mapping[str, Any]) -> str:
        """Letter of the design; on a slide design and country in words."""
        letter, words = _design(record)
        if self.sheet.name != "slide":
            return letter
        first, *others = word(record["country"]).replace(";", ",").split(",")
        country = f"{first} +{len(others)}" if others else first
        return ", ".join(filter(None, (numbers.capitalised(words), country)))

    def _pooled(self, record: Mapping[str, Any]) -> rows.Draw:
        """Diamond of an average study, bar of a new one."""
        middle, *limits = interval_of(record, factor=self.factor)
        is_bar = record["kind"] == "new_study"

        def draw(spot: rows.Spot) -> None:
            span, beyond = spot.scales["values"].clip(*limits)
            brush = spot.brush("values", self.hue(record))
            put = marks.put_bar if is_bar else marks.put_diamond
            put(brush, (span[0], middle, span[1]), spot.middle)
            role = "new-study" if is_bar else "mean-study"
            marks.put_arrows(brush, role, span, spot.middle, beyond)

        return draw


def _effect(entries: Sequence[Mapping[str, Any]]) -> float:
    """Sorts treatments by their pooled estimate, the largest first."""
    pooled = [number(row["estimate"]) for row in entries if row["kind"] == "mean_study"]
    return -pooled[0] if pooled and not math.isnan(pooled[0]) else math.inf


def _design(record: Mapping[str, Any]) -> tuple[str, str]:
    design = word(record["design"]).replace("_", " ")
    known = (pair for start, pair in _DESIGNS.items() if design.lower().startswith(start))
    return next(known, ("", design))


@dataclass(frozen=True)
class _CohortMarks:
    """Draws the reported value of a cohort above the model's estimate."""

    record: Mapping[str, Any]
    hue: str
    factor: float
    apart: float
    shape: str

    def __call__(self, spot: rows.Spot) -> None:
        value = number(self.record["printed_value"])
        is_reported = flag(self.record["printed_not_reached"]) or not math.isnan(value)
        y, away = spot.middle, self.apart if is_reported else 0.0
        brush, scale = spot.brush("values", self.hue), spot.scales["values"]
        if is_reported:
            self._put_reported(brush, scale, y - away)
        middle, lower, upper = interval_of(self.record, factor=self.factor)
        if not math.isnan(middle):
            span, beyond = scale.clip(_or(lower, middle), _or(upper, middle))
            marks.put_line(brush, "model", span, y + away, arrows=beyond)
            marks.put_point(brush, middle, y + away, "model", shape=self.shape)

    def _put_reported(self, brush: marks.Brush, scale: Scale, y: float) -> None:
        """Value and interval as reported; what was not reached goes to the end of the axis."""
        names = ("printed_value", "printed_lower", "printed_upper")
        value, low, high = (self.factor * number(self.record[name]) for name in names)
        not_reached = flag(self.record["printed_not_reached"])
        is_open = not_reached or flag(self.record["printed_upper_not_reached"])
        # nothing but the arrow where no limit was reported: a shaft shows where it points
        lower = _or(low, scale.at_share(_SHAFT) if not_reached else value)
        span, beyond = scale.clip(lower, math.inf if is_open else _or(high, value))
        ends = (not math.isnan(low), not math.isnan(high))
        if span[0] < span[1]:
            marks.put_line(brush, "printed", span, y, thickness=0.6, ends=ends, arrows=beyond)
        if not not_reached:
            side = marks.square_side(number(self.record["n"]))
            marks.put_square(brush.named("printed"), value, y, side)


def _or(value: float, otherwise: float) -> float:
    return otherwise if math.isnan(value) else value


# --- Words around the rows -----------------------------------------------------------------------


def _legend(endpoint: str) -> list[LegendEntry]:
    is_response = endpoint_of(endpoint).is_response
    reported = "reported, exact 95 % interval" if is_response else "reported, with its interval"
    entries = [
        LegendEntry(f"{reported} (area by n)", marks.REPORTED),
        LegendEntry("model: this cohort", marks.estimate_sample()),
        LegendEntry("model: treatment with one cohort", marks.estimate_sample("diamond")),
        LegendEntry("average study", marks.diamond_sample),
        LegendEntry("new study", marks.bar_sample),
    ]
    arrow = LegendEntry("not reached, or beyond the axis", marks.ARROW)
    return entries if is_response else [*entries, arrow]


def _foot(table: pd.DataFrame, sheet: style.Sheet) -> str:
    """Heterogeneity, then abbreviations."""
    records = table.to_dict("records")
    words = [word(row["label"]) for row in records if row["kind"] == "heterogeneity"]
    cohorts = [row for row in records if row["kind"] == "cohort"]
    keys = ["CrI, credible interval"]
    if sheet.name == "two-column":
        designs = dict.fromkeys(map(_design, cohorts))
        keys += [f"{letter}, {name}" for letter, name in designs if letter]
    elif sheet.name == "slide" and any("," in word(row["country"]) for row in cohorts):
        keys.append("+n, and n further countries")
    if any("NR" in word(row["printed"]) for row in cohorts):
        keys.append("NR, not reached")
    return " ".join([*words, "; ".join(keys) + "."])
