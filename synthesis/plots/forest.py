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
from synthesis.plots import marks
from synthesis.plots.inputs import estimate, flag, number, require_columns, require_known, word
from synthesis.plots.page import LegendEntry, wrap
from synthesis.plots.rows import (
    Axis,
    Block,
    Quiet,
    Row,
    Spot,
    Words,
    draw_blocks,
    figure_height,
    lay_out,
)
from synthesis.plots.scales import Scale, month_scale, percent_scale
from synthesis.plots.style import (
    INK,
    POINTS_PER_MM,
    TALLEST_MM,
    Sheet,
    Width,
    choose_hues,
    find_sheet,
    style_context,
)

if TYPE_CHECKING:
    import pandas as pd

FOREST_COLUMNS: tuple[str, ...] = (
    "kind",
    "treatment_class",
    "treatment",
    "label",
    "year",
    "design",
    "country",
    "n",
    "events",
    "printed",
    "printed_value",
    "printed_lower",
    "printed_upper",
    "printed_not_reached",
    "printed_upper_not_reached",
    "estimate",
    "lower",
    "upper",
)

KINDS = ("class", "treatment", "cohort", "mean_study", "new_study", "heterogeneity")

_LABEL_SHARES: Mapping[str, float] = {"one-column": 0.36, "two-column": 0.31, "slide": 0.27}

# Letter and words of a study design, by the beginning of its name.
_DESIGNS: Mapping[str, tuple[str, str]] = {
    "retrospective": ("R", "retrospective"),
    "prospective": ("P", "prospective"),
    "randomi": ("T", "randomised trial"),
    "registry": ("G", "registry"),
    "case": ("C", "case series"),
}

# Share of the width that a reported value may take before it goes on in a second line.
_REPORTED_SHARE = 0.145

# Room that a reported interval leaves for the shaft of an arrow where nothing was reached.
_SHAFT = 0.94


@dataclass(frozen=True)
class _Forest:
    """What the rows of one forest plot share."""

    endpoint: Endpoint
    hues: Mapping[str, str]
    apart: float

    @property
    def factor(self) -> float:
        """What figures are multiplied by to stand on the axis."""
        return 100.0 if self.endpoint.is_response else 1.0

    def text(self, record: Mapping[str, Any]) -> str:
        """The model's estimate with its interval."""
        values = (record["estimate"], record["lower"], record["upper"])
        return numbers.interval(*values, self.endpoint.write)


def plot_forest(
    table: pd.DataFrame,
    *,
    endpoint: str = "os",
    part: tuple[int, int] | None = None,
    width: Width = "two-column",
    title: str | None = None,
    hues: Mapping[str, str] | None = None,
) -> Figure:
    """Draw the forest plot of one endpoint.

    Classes are headings, with their diamond where there is one; treatments follow in order of
    their estimates, a treatment with one cohort in one line, another with its cohorts, its diamond
    (average study) and its bar (new study). A cohort has two marks: an open square for the value
    as reported, its area by the number of patients, with the reported interval; below it a dot for
    the model's estimate. Nothing is computed but positions.

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
        Set above the columns.
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
    sheet = find_sheet(width)
    with style_context():
        layout = _lay_out(table, endpoint, sheet, part, hues)
        return draw_blocks(layout, title=title, legend=_legend(endpoint), foot=_foot(table, sheet))


def parts_of(
    table: pd.DataFrame, *, endpoint: str = "os", width: Width = "two-column"
) -> list[pd.DataFrame]:
    """Split a forest table by class so that each part fits a page.

    Parameters
    ----------
    table : DataFrame
        As of `plot_forest`.
    endpoint, width
        As of `plot_forest`.

    Returns
    -------
    list of DataFrame
        As few parts as possible, of about the same height, classes in order; the table itself
        where it fits. All parts are drawn on one axis.
    """
    require_columns(table, FOREST_COLUMNS, "parts_of")
    sheet = find_sheet(width)
    classes = list(dict.fromkeys(table.loc[table["kind"] == "class", "treatment_class"]))
    with style_context():
        whole = _lay_out(table, endpoint, sheet, None, None)
        around = {"title": "Title", "legend": _legend(endpoint), "foot": _foot(table, sheet)}
        spare = figure_height(whole, **around) - whole.height(0) / POINTS_PER_MM
        heights = {name: _class_height(table, name, endpoint, sheet) for name in classes}
    room = (TALLEST_MM - spare) * POINTS_PER_MM
    for count in range(1, len(classes) + 1):
        splits = itertools.combinations(range(1, len(classes)), count - 1)
        groups = min(
            (
                [classes[a:b] for a, b in itertools.pairwise((0, *cuts, len(classes)))]
                for cuts in splits
            ),
            key=lambda groups: max(sum(heights[name] for name in group) for group in groups),
        )
        if max(sum(heights[name] for name in group) for group in groups) <= room:
            break
    if count == 1:
        return [table]
    everywhere = table["kind"] == "heterogeneity"
    parts = []
    for group in groups:
        own = table[table["treatment_class"].isin(group) | everywhere].reset_index(drop=True)
        own.attrs["reach"] = table[_REACH].astype(float).to_dict("list")
        parts.append(own)
    return parts


_REACH = [
    "printed_value",
    "estimate",
    "printed_lower",
    "printed_upper",
    "lower",
    "upper",
]


def _class_height(table: pd.DataFrame, name: str, endpoint: str, sheet: Sheet) -> float:
    own = table[table["treatment_class"] == name]
    return _lay_out(own, endpoint, sheet, None, None).height(0)


def _lay_out(
    table: pd.DataFrame,
    endpoint: str,
    sheet: Sheet,
    part: tuple[int, int] | None,
    hues: Mapping[str, str] | None,
):
    classes = [name for name in table["treatment_class"] if word(name)]
    apart = (0.46 if sheet.is_narrow else 0.24) * sheet.pitch
    forest = _Forest(endpoint_of(endpoint), choose_hues(hues, classes, "plot_forest"), apart)
    rows = list(_rows(table, forest, sheet))
    if not any(row.draw for row in rows):
        raise ValueError("plot_forest: the table has no cohort and no pooled row to draw")
    head = "Treatment, study" + (f" (part {part[0]} of {part[1]})" if part else "")
    block = Block(f"forest-{endpoint}", rows, _columns(table, forest, sheet), head)
    return lay_out([block], sheet, label_share=_LABEL_SHARES[sheet.name], between=0.6)


def _columns(table: pd.DataFrame, forest: _Forest, sheet: Sheet) -> list[Words | Axis]:
    endpoint = forest.endpoint
    axis = Axis(
        "values",
        "%" if endpoint.is_response else "Months (log scale)",
        lambda width: _scale(table, forest, width, sheet.body),
        head=(numbers.capitalised(endpoint.quantity()),),
    )
    interval = f"({numbers.LEVEL} CrI)"
    unit = f", {endpoint.unit}"
    if sheet.is_narrow:
        reported = Quiet("Reported")
        return [axis, Words("estimate", (reported, f"Model{unit}", interval))]
    events = table["events"].notna().any()
    counts = [
        Words("n", ("n",), "right"),
        *([Words("events", ("(events)",), "left")] if events else []),
    ]
    place = [Words("design", ("",), "left")]
    if sheet.name == "slide":
        place = [Words("design", ("Design, country",), "left")]
    reported = ("Responders/", "evaluable") if endpoint.is_response else ("Reported", "(interval)")
    return [
        *place,
        *counts,
        axis,
        Words("printed", reported),
        Words("estimate", (f"Model{unit}", interval)),
    ]


def _scale(table: pd.DataFrame, forest: _Forest, width: float, size: float) -> Scale:
    if forest.endpoint.is_response:
        return percent_scale(width, size)
    reach = table.attrs.get("reach") or table[_REACH].astype(float).to_dict("list")
    inside = [*reach["printed_value"], *reach["estimate"]]
    ends = [value for name in _REACH[2:] for value in reach[name]]
    return month_scale(inside, ends, width, size)


# --- Rows ----------------------------------------------------------------------------------------


def _rows(table: pd.DataFrame, forest: _Forest, sheet: Sheet) -> Iterator[Row]:
    records = [row for row in table.to_dict("records") if row["kind"] != "heterogeneity"]
    for name in dict.fromkeys(word(row["treatment_class"]) for row in records):
        own = [row for row in records if word(row["treatment_class"]) == name]
        groups: dict[str, list[dict[str, Any]]] = {}
        for row in own:
            if word(row["treatment"]):
                groups.setdefault(word(row["treatment"]), []).append(row)
        yield _class_row(name, [row for row in own if not word(row["treatment"])], forest, sheet)
        for treatment, rows in sorted(groups.items(), key=lambda item: _effect(item[1])):
            yield from _treatment_rows(treatment, rows, forest, sheet)


def _effect(rows: Sequence[Mapping[str, Any]]) -> float:
    """Sorts treatments by their pooled estimate, the largest first."""
    pooled = [number(row["estimate"]) for row in rows if row["kind"] == "mean_study"]
    values = [value for value in pooled if not math.isnan(value)]
    return -values[0] if values else math.inf


def _class_row(name: str, rows: Sequence[Mapping[str, Any]], forest: _Forest, sheet: Sheet) -> Row:
    """Heading of a class, with its diamond where the table has one."""
    hue = forest.hues.get(name, INK)
    pooled = [
        row
        for row in rows
        if row["kind"] in ("class", "mean_study") and not math.isnan(number(row["estimate"]))
    ]
    label = next((word(row["label"]) for row in rows if row["kind"] == "class"), "") or name
    if not pooled:
        return Row(label, kind="band", hue=hue)
    texts = {"estimate": forest.text(pooled[0])}
    return Row(label, texts=texts, draw=_pooled_marks(pooled[0], forest), kind="band", hue=hue)


def _treatment_rows(
    treatment: str, rows: Sequence[Mapping[str, Any]], forest: _Forest, sheet: Sheet
) -> Iterator[Row]:
    cohorts = [row for row in rows if row["kind"] == "cohort"]
    pooled = {row["kind"]: row for row in rows if row["kind"] in ("mean_study", "new_study")}
    label = next((word(row["label"]) for row in rows if row["kind"] == "treatment"), "")
    if len(cohorts) == 1:
        # The line stands for the treatment: its model estimate is that of the average study.
        model = pooled.get("mean_study", cohorts[0])
        one = cohorts[0] | {name: model[name] for name in ("estimate", "lower", "upper")}
        yield _cohort_row(one, label or treatment, forest, sheet)
        return
    if (label or treatment) != word(rows[0]["treatment_class"]):
        yield Row(label or treatment, kind="head")
    for cohort in cohorts:
        yield replace(_cohort_row(cohort, "", forest, sheet), level=1)
    for kind, words in (("mean_study", "Average study"), ("new_study", "New study")):
        if kind in pooled:
            row = Row(
                words,
                texts={"estimate": forest.text(pooled[kind])},
                draw=_pooled_marks(pooled[kind], forest),
                kind="head" if kind == "mean_study" else "row",
                level=1,
            )
            yield row


def _cohort_row(record: Mapping[str, Any], treatment: str, forest: _Forest, sheet: Sheet) -> Row:
    """One cohort; before its name the treatment, where it is the only one of it."""
    study, year = word(record["label"]), numbers.value(record["year"])
    if year != numbers.MISSING and year not in study:
        study = f"{study} {year}"
    n = "" if numbers.is_missing(record["n"]) else f"{int(record['n']):,}"
    if sheet.is_narrow and n:
        study = f"{study} ({n})"
    events = "" if numbers.is_missing(record["events"]) else f"({int(record['events']):,})"
    room = max(_REPORTED_SHARE * sheet.width, 11 * sheet.body)
    reported = wrap(word(record["printed"]), sheet.body, room)
    model = forest.text(record)
    texts: dict[str, str | tuple[str, ...]] = {
        "design": _place(record, sheet),
        "n": n,
        "events": events,
        "printed": reported,
        "estimate": model,
    }
    if sheet.is_narrow:
        texts = {"estimate": (*map(Quiet, reported), model)}
    shape = "diamond" if treatment else "dot"
    draw = _CohortMarks(record, forest, shape)
    return Row(treatment or study, study if treatment else "", texts, draw)


def _place(record: Mapping[str, Any], sheet: Sheet) -> str:
    """Letter of the design; on a slide design and country in words."""
    design = word(record["design"]).replace("_", " ")
    letter, words = _design(design)
    if sheet.name != "slide":
        return letter
    first, *others = word(record["country"]).replace(";", ",").split(",")
    country = f"{first} +{len(others)}" if others else first
    return ", ".join(filter(None, (numbers.capitalised(words), country)))


def _design(design: str) -> tuple[str, str]:
    for beginning, pair in _DESIGNS.items():
        if design.lower().startswith(beginning):
            return pair
    return "", design


# --- Marks ---------------------------------------------------------------------------------------


def _pooled_marks(record: Mapping[str, Any], forest: _Forest):
    hue = forest.hues.get(word(record["treatment_class"]), INK)
    values = tuple(forest.factor * number(record[name]) for name in ("estimate", "lower", "upper"))

    def draw(spot: Spot) -> None:
        middle, lower, upper = values
        span, beyond = spot.scales["values"].clip(lower, upper)
        is_bar = record["kind"] == "new_study"
        brush = spot.brush("values", hue)
        put = marks.put_bar if is_bar else marks.put_diamond
        put(brush, (span[0], middle, span[1]), spot.middle)
        role = "new-study" if is_bar else "mean-study"
        marks.put_arrows(brush, role, span, spot.middle, beyond)

    return draw


@dataclass(frozen=True)
class _CohortMarks:
    """Draws the reported value of a cohort above the model's estimate."""

    record: Mapping[str, Any]
    forest: _Forest
    shape: str

    def __call__(self, spot: Spot) -> None:
        record, forest = self.record, self.forest
        brush = spot.brush("values", forest.hues.get(word(record["treatment_class"]), INK))
        reported = flag(record["printed_not_reached"]) or not math.isnan(
            number(record["printed_value"])
        )
        away = forest.apart if reported else 0.0
        if reported:
            self._put_reported(spot, brush, spot.middle - away)
        names = ("estimate", "lower", "upper")
        middle, lower, upper = (forest.factor * number(record[name]) for name in names)
        if not math.isnan(middle):
            ends = (middle if math.isnan(lower) else lower, middle if math.isnan(upper) else upper)
            span, beyond = spot.scales["values"].clip(*ends)
            marks.put_line(brush, "model", span, spot.middle + away, arrows=beyond)
            marks.put_point(brush, middle, spot.middle + away, "model", shape=self.shape)

    def _put_reported(self, spot: Spot, brush: marks.Brush, y: float) -> None:
        """Value and interval as reported; what was not reached goes to the end of the axis."""
        record, scale = self.record, spot.scales["values"]
        value, low, high = estimate(
            {
                "v": record["printed_value"],
                "v_lower": record["printed_lower"],
                "v_upper": record["printed_upper"],
            },
            "v",
            self.forest.factor,
        )
        not_reached = flag(record["printed_not_reached"])
        is_open = not_reached or flag(record["printed_upper_not_reached"])
        middle = scale.upper if not_reached else value
        lower = middle if math.isnan(low) else low
        if not_reached and math.isnan(low):  # nothing but the arrow: a shaft shows where it points
            lower = scale.at_share(_SHAFT)
        upper = math.inf if is_open else middle if math.isnan(high) else high
        span, beyond = scale.clip(lower, upper)
        ends = (not math.isnan(low), not math.isnan(high))
        if span[0] < span[1]:
            marks.put_line(brush, "printed", span, y, thickness=0.6, ends=ends, arrows=beyond)
        if not not_reached:
            side = marks.square_side(number(record["n"]))
            marks.put_square(brush.named("printed"), value, y, side)


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
    if not is_response:
        entries.append(LegendEntry("not reached, or beyond the axis", marks.ARROW))
    return entries


def _foot(table: pd.DataFrame, sheet: Sheet) -> str:
    """Heterogeneity, then abbreviations."""
    words = [word(label) for label in table.loc[table["kind"] == "heterogeneity", "label"]]
    keys = ["CrI, credible interval"]
    if sheet.name == "two-column":
        designs = dict.fromkeys(
            _design(word(design).replace("_", " "))
            for design in table.loc[table["kind"] == "cohort", "design"]
        )
        keys += [f"{letter}, {name}" for letter, name in designs if letter]
    elif sheet.name == "slide":
        keys.append("+n, and n further countries")
    if any("NR" in word(text) for text in table["printed"]):
        keys.append("NR, not reached")
    return " ".join([*words, "; ".join(keys) + "."])
