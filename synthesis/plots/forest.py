"""Forest plot: what each report gave, what the model makes of it, and treatments and classes."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from synthesis import numbers
from synthesis.endpoints import Endpoint, endpoint_of
from synthesis.plots import marks, rows, style
from synthesis.plots.page import Frame, Scale, make_frame
from synthesis.plots.rows import Row, Words, flag, interval_of, number, word

FOREST_COLUMNS: tuple[str, ...] = (
    *("kind", "treatment_class", "treatment", "label", "year", "design", "country", "n", "events"),
    *("printed", "printed_value", "printed_lower", "printed_upper"),
    *("printed_not_reached", "printed_upper_not_reached", "estimate", "lower", "upper"),
)
KINDS = ("class", "treatment", "cohort", "mean_study", "new_study", "heterogeneity")

# Letter and words of a study design, by the beginning of its name.
_DESIGNS: Mapping[str, tuple[str, str]] = {
    "retrospective": ("R", "retrospective"),
    "prospective": ("P", "prospective"),
    "randomi": ("T", "randomised trial"),
    "registry": ("G", "registry"),
    "case": ("C", "case series"),
}
# A hyphen that stands for "to".
_RANGE = re.compile(r"(?<=\d)-(?=\d|NR)")
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

    Classes are headings, treatments follow in order of their estimates. A treatment with several
    cohorts has a line for each, its diamond (average study) and its bar (new study). A cohort has
    an open square for the value as reported, its area by the number of patients, and below it a dot
    for the model's estimate. A treatment with one cohort has one line: the cohort's square, and the
    estimate of its average study. One Axes, its vertical coordinate points below the first row.

    Parameters
    ----------
    table : DataFrame
        Columns `FOREST_COLUMNS`. Times in months (response: fractions of 1). ``kind`` is one of
        `KINDS`; a class row with an ``estimate`` has a diamond. ``printed`` is the value as
        reported, in words; for response ``printed_lower`` and ``printed_upper`` are the limits of
        an exact interval. ``printed_not_reached`` and ``printed_upper_not_reached`` make arrows at
        the end of the axis. The label of a heterogeneity row is set at the foot.
    endpoint : str
        os, pfs (logarithmic axis in months) or response (linear axis, 0 to 100 %).
    part : (int, int), optional
        Which of how many parts the table is, from `parts_of`.
    width : str
        one-column (85 mm), two-column (174 mm) or slide (254 mm).
    title : str, optional
        Set above the figure.
    hues : mapping of str to str, optional
        Colour of each treatment class, as from `class_hues`; by default of the classes here.

    Raises ValueError if a column is missing, the table has no cohort or pooled row, a kind, the
    endpoint or the width is unknown, or a class has no hue.
    """
    rows.require(table, FOREST_COLUMNS, "plot_forest", known={"kind": KINDS})
    frame = _frame(table, endpoint, width, title)
    return rows.draw_blocks(_lay_out(table, endpoint, frame, part, hues))


def parts_of(
    table: pd.DataFrame, *, endpoint: str = "os", width: style.Width = "two-column"
) -> list[pd.DataFrame]:
    """Split a table of `plot_forest` by class so that each part fits a page.

    There are as few parts as possible, of about the same height, classes in order; the table itself
    where it fits. All parts are drawn on one axis.
    """
    rows.require(table, FOREST_COLUMNS, "parts_of")
    classes = list(dict.fromkeys(filter(word, table["treatment_class"])))
    frame = _frame(table, endpoint, width, "Title")
    whole = _lay_out(table, endpoint, frame)
    room = style.TALLEST - (whole.height - whole.blocks[0].rows_height)
    heights = [
        _lay_out(table[table["treatment_class"] == name], endpoint, frame).blocks[0].rows_height
        for name in classes
    ]
    each = (0, *range(1, len(classes)))
    cuts = next((cuts for highest, cuts in _splits(heights) if highest <= room), each)
    if len(cuts) == 1:
        return [table]
    parts, everywhere = [], table["kind"] == "heterogeneity"
    for start, end in itertools.pairwise((*cuts, len(classes))):
        within = table["treatment_class"].isin(classes[start:end])
        own = table[within | everywhere].reset_index(drop=True)
        own.attrs["reach"] = _reach(table)
        parts.append(own)
    return parts


def _splits(heights: Sequence[float]) -> Iterator[tuple[float, tuple[int, ...]]]:
    """The most even split into one, two, three ... parts: the highest part, where each begins."""
    for count in range(len(heights)):
        splits = ((0, *cuts) for cuts in itertools.combinations(range(1, len(heights)), count))
        yield min(
            (max(sum(heights[a:b]) for a, b in itertools.pairwise((*cuts, None))), cuts)
            for cuts in splits
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
    frame: Frame,
    part: tuple[int, int] | None = None,
    hues: Mapping[str, str] | None = None,
) -> rows.Layout:
    hues = style.choose_hues(hues, filter(word, table["treatment_class"]), "plot_forest")
    forest = _Forest(endpoint_of(endpoint), frame.sheet, hues)
    entries = list(forest.entries(table.to_dict("records")))
    if not any(row.draw for row in entries):
        raise ValueError("plot_forest: the table has no cohort and no pooled row to draw")
    head = "Treatment, study" + (f" (part {part[0]} of {part[1]})" if part else "")
    block = rows.Block(f"forest-{endpoint}", entries, forest.columns(table), head)
    share = frame.sheet.choose(0.36, 0.31, 0.27)
    return rows.lay_out([block], frame, label_share=share, between=0.6)


@dataclass(frozen=True)
class _Forest:
    """What the rows of one forest plot share."""

    endpoint: Endpoint
    sheet: style.Sheet
    hues: Mapping[str, str]

    def text(self, record: Mapping[str, Any]) -> str:
        """The model's estimate with its interval."""
        return numbers.interval(*interval_of(record), self.endpoint.write)

    def columns(self, table: pd.DataFrame) -> list[Words | rows.Axis]:
        """Columns from left to right."""
        endpoint, is_response = self.endpoint, self.endpoint.is_response
        # of the width that a reported value may take before it goes on in a second line
        most = self.sheet.choose(0.3, 0.145, 0.13)
        head = numbers.capitalised(endpoint.quantity())
        axis = rows.value_axis(*_reach(table), is_share=is_response, head=head)
        model = (f"Model, {endpoint.unit}", rows.INTERVAL)
        if self.sheet.is_narrow:
            return [axis, Words("estimate", (rows.Quiet("Reported"), *model), most=most)]
        design = "Design, country" if self.sheet.name == "slide" else ""
        columns = [Words("design", (design,), "left"), Words("n", ("n",), "right")]
        if table["events"].notna().any():
            columns.append(Words("events", ("(events)",), "left"))
        given = ("Responders/", "evaluable") if is_response else ("Reported", "(interval)")
        return [*columns, axis, Words("printed", given, most=most), Words("estimate", model)]

    def entries(self, records: Sequence[Mapping[str, Any]]) -> Iterator[Row]:
        """Headings of classes, and below each its treatments in order of their estimates."""
        classes: dict[str, dict[str, list[Mapping[str, Any]]]] = {}
        for row in records:
            if word(row["treatment_class"]):
                treatments = classes.setdefault(word(row["treatment_class"]), {})
                treatments.setdefault(word(row["treatment"]), []).append(row)
        for name, treatments in classes.items():
            yield self._class_row(name, treatments.pop("", []))
            for entries in sorted(treatments.values(), key=_effect):
                yield from self._treatment_rows(entries)

    def _class_row(self, name: str, entries: Sequence[Mapping[str, Any]]) -> Row:
        """Heading of a class, with its diamond where the table has one."""
        row = next((row for row in entries if row["kind"] == "class"), {})
        heading = Row(word(row.get("label")) or name, kind="band", hue=self.hues[name])
        if numbers.is_missing(row.get("estimate")):
            return heading
        return replace(heading, texts={"estimate": self.text(row)}, draw=self._pooled(row))

    def _treatment_rows(self, entries: Sequence[Mapping[str, Any]]) -> Iterator[Row]:
        cohorts = [row for row in entries if row["kind"] == "cohort"]
        pooled = {row["kind"]: row for row in entries if row["kind"] != "cohort"}
        label = word(pooled.get("treatment", entries[0])["label"]) or word(entries[0]["treatment"])
        if len(cohorts) == 1:
            model = pooled.get("mean_study", cohorts[0])
            names = ("estimate", "lower", "upper")
            yield self._cohort_row(cohorts[0] | {name: model[name] for name in names}, label)
            return
        if label != word(entries[0]["treatment_class"]):
            yield Row(label, kind="head")
        for cohort in cohorts:
            yield replace(self._cohort_row(cohort), level=1)
        words = {"mean_study": ("Average study", "head"), "new_study": ("New study", "row")}
        for kind, (name, weight) in words.items():
            if kind in pooled:
                text, draw = self.text(pooled[kind]), self._pooled(pooled[kind])
                yield Row(name, texts={"estimate": text}, draw=draw, kind=weight, level=1)

    def _cohort_row(self, record: Mapping[str, Any], treatment: str = "") -> Row:
        """One cohort; before its name the treatment, where it is the only one of it."""
        study, year = word(record["label"]), numbers.value(record["year"])
        if year != numbers.MISSING and year not in study:
            study = f"{study} {year}"
        reported, model = _RANGE.sub("–", word(record["printed"])), self.text(record)
        n, events = (
            "" if numbers.is_missing(record[name]) else f"{int(record[name]):,}"
            for name in ("n", "events")
        )
        texts: dict[str, str | tuple[str, ...]] = {"estimate": model, "printed": reported, "n": n}
        if self.sheet.is_narrow:
            study = f"{study} ({n})" if n else study
            texts = {"estimate": (rows.Quiet(reported), model) if reported else model}
        else:
            texts |= {"design": self._place(record)} | ({"events": f"({events})"} if events else {})
        draw = self._cohort_marks(record, "diamond" if treatment else "dot")
        return Row(treatment or study, study if treatment else "", texts, draw)

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
        middle, *limits = interval_of(record, factor=rows.factor_of(self.endpoint))
        hue, is_bar = self.hues[word(record["treatment_class"])], record["kind"] == "new_study"
        put = marks.put_bar if is_bar else marks.put_diamond

        def draw(spot: rows.Spot) -> None:
            span, beyond = spot.scales["values"].clip(*limits)
            brush = spot.brush("values", hue)
            put(brush, (span[0], middle, span[1]), spot.middle)
            role = "new-study" if is_bar else "mean-study"
            marks.put_arrows(brush, role, span, spot.middle, beyond)

        return draw

    def _cohort_marks(self, record: Mapping[str, Any], shape: str) -> rows.Draw:
        """The reported value of a cohort above the model's estimate."""
        factor, hue = rows.factor_of(self.endpoint), self.hues[word(record["treatment_class"])]
        names = ("printed_value", "printed_lower", "printed_upper")
        reported = tuple(factor * number(record[name]) for name in names)
        middle, lower, upper = interval_of(record, factor=factor)
        is_reported = flag(record["printed_not_reached"]) or not math.isnan(reported[0])
        away = (0.46 if self.sheet.is_narrow else 0.24) * self.sheet.text.pitch * is_reported

        def draw(spot: rows.Spot) -> None:
            brush, scale = spot.brush("values", hue), spot.scales["values"]
            if is_reported:
                _put_reported(brush, scale, record, reported, spot.middle - away)
            model = (middle, _or(lower, middle), _or(upper, middle))
            y, roles = spot.middle + away, ("model", "model")
            rows.put_estimate(brush, scale, model, y, shape=shape, roles=roles)

        return draw


def _effect(entries: Sequence[Mapping[str, Any]]) -> float:
    """Sorts treatments by their pooled estimate, the largest first."""
    pooled = [number(row["estimate"]) for row in entries if row["kind"] == "mean_study"]
    return -pooled[0] if pooled and not math.isnan(pooled[0]) else math.inf


def _design(record: Mapping[str, Any]) -> tuple[str, str]:
    design = word(record["design"]).replace("_", " ")
    known = (pair for start, pair in _DESIGNS.items() if design.lower().startswith(start))
    return next(known, ("", design))


def _put_reported(
    brush: marks.Brush,
    scale: Scale,
    record: Mapping[str, Any],
    reported: tuple[float, float, float],
    y: float,
) -> None:
    """Value and interval as reported; what was not reached goes to the end of the axis."""
    value, low, high = reported
    not_reached = flag(record["printed_not_reached"])
    is_open = not_reached or flag(record["printed_upper_not_reached"])
    # nothing but the arrow where no limit was reported: a shaft shows where it points
    lower = _or(low, scale.at_share(_SHAFT) if not_reached else value)
    span, beyond = scale.clip(lower, math.inf if is_open else _or(high, value))
    ends = (not math.isnan(low), not math.isnan(high))
    if span[0] < span[1]:
        marks.put_line(brush, "printed", span, y, thickness=0.6, ends=ends, arrows=beyond)
    if not not_reached:
        side = marks.square_side(number(record["n"]))
        marks.put_square(brush.named("printed"), value, y, side)


def _or(value: float, otherwise: float) -> float:
    return otherwise if math.isnan(value) else value


# --- Words around the rows -----------------------------------------------------------------------


def _frame(table: pd.DataFrame, endpoint: str, width: str, title: str | None) -> Frame:
    sheet, is_response = style.find_sheet(width), endpoint_of(endpoint).is_response
    reported = "reported, exact 95 % interval" if is_response else "reported, with its interval"
    legend = [
        (f"{reported} (area by n)", marks.REPORTED),
        ("model: this cohort", marks.estimate_sample()),
        ("model: treatment with one cohort", marks.estimate_sample("diamond")),
        ("average study", marks.wide_sample(marks.put_diamond)),
        ("new study", marks.wide_sample(marks.put_bar)),
    ]
    if not is_response:
        legend.append(("not reached, or beyond the axis", marks.ARROW))
    return make_frame(sheet, title, legend, _foot(table, sheet))


def _foot(table: pd.DataFrame, sheet: style.Sheet) -> str:
    """Heterogeneity, then abbreviations."""
    words = [word(label) for label in table.loc[table["kind"] == "heterogeneity", "label"]]
    cohorts = table[table["kind"] == "cohort"].to_dict("records")
    keys = ["CrI, credible interval"]
    if sheet.name == "two-column":
        designs = dict.fromkeys(map(_design, cohorts))
        keys += [f"{letter}, {name}" for letter, name in designs if letter]
    elif sheet.name == "slide" and any("," in word(row["country"]) for row in cohorts):
        keys.append("+n, and n further countries")
    if any("NR" in word(row["printed"]) for row in cohorts):
        keys.append("NR, not reached")
    return " ".join([*words, "; ".join(keys) + "."])
