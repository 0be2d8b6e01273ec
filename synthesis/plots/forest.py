"""Forest plot: what each report gave, what the model makes of it, and treatments and classes."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from synthesis import numbers
from synthesis.choices import COLUMNS, ORDERS
from synthesis.endpoints import Endpoint, endpoint_of
from synthesis.plots import marks, rows, style
from synthesis.plots.page import LegendEntry, Scale
from synthesis.plots.rows import Row, Words, flag, interval_of, number, word
from synthesis.result import NotAnsweredError, names

FOREST_COLUMNS = names(
    "kind treatment_class treatment label year design country n events printed printed_value "
    "printed_lower printed_upper printed_not_reached printed_upper_not_reached estimate lower upper"
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
# A blank between a number and its unit, at which no line ends.
_UNIT = re.compile(r"(?<=\d) (?=%|days|weeks|years)")
# Columns of each width, as narrow as they have room for.
_SHOWN = {
    "one-column": ("n", "reported", "model"),
    "two-column": ("design", "n", "events", "reported", "model"),
    "slide": COLUMNS,
}
# Height of a slide as a share of its width; distance of rows in points, and by how much of a line
# they may be further apart where there is room; the shortest axis that can be read, in points.
_SLIDE, _BETWEEN, _LOOSE, _SHORTEST = 9 / 16, 0.6, 0.7, 48.0
# Behind the estimate of a treatment that its own cohorts contradict.
_SHRUNK = "†"
# Where the shaft of an arrow begins when nothing was reached, as a share of the axis.
_SHAFT = 0.94
# Columns that an axis in months must hold, then those that may stretch it.
_INSIDE, _ENDS = ["printed_value", "estimate"], ["printed_lower", "printed_upper", "lower", "upper"]

Record = Mapping[str, Any]


def plot_forest(
    table: pd.DataFrame,
    ax: Axes | None = None,
    *,
    endpoint: str = "os",
    part: tuple[int, int] | None = None,
    width: style.Width = "two-column",
    sort: str | None = None,
    columns: Sequence[str] | None = None,
    title: str | None = None,
    hues: Mapping[str, str] | None = None,
) -> Axes:
    """Draw the forest plot of one endpoint.

    Classes are headings, treatments follow in order of their estimates. A treatment with several
    cohorts has a line for each, its diamond (average study) and its bar (new study). A cohort has
    an open square for the value as reported, its area by the number of patients, and below it a dot
    for the model's estimate. A treatment with one cohort has one line: the cohort's square, and the
    estimate of its average study.

    Returns the Axes of the values; its vertical coordinate is points below the first row.

    Parameters
    ----------
    table : DataFrame
        Columns `FOREST_COLUMNS`. Times in months (response: fractions of 1). ``kind`` is one of
        `KINDS`; a class row with an ``estimate`` has a diamond. ``printed`` is the value as
        reported, in words; a pooled row that is ``shrunk`` (which may be left out) has a dagger;
        for response ``printed_lower`` and ``printed_upper`` are the limits of an exact interval;
        ``printed_not_reached`` and ``printed_upper_not_reached`` make arrows at the end of the
        axis. The label of a heterogeneity row is set at the foot.
    ax : Axes, optional
        Where to draw, instead of on a figure of its own. Words and axis lie within its present
        place, from its top; it moves to where the axis is. The rest of its figure stays as it is:
        a layout engine does its work before, and none after.
    endpoint : str
        os, pfs (logarithmic axis in months) or response (linear axis, 0 to 100 %).
    part : (int, int), optional
        Which of how many parts the table is, from `parts_of`.
    width : str
        one-column (85 mm), two-column (174 mm) or slide (16:9, 254 mm or as wide as its height
        needs). With `ax` its width decides.
    sort : str, optional
        effect (largest first), year or size (most patients first): order of treatments in their
        class and cohorts in their treatment; by default treatments by effect, cohorts as they are.
    columns : sequence of str, optional
        Any of design, country, n, events, reported, model; by default what the width has room for.
    title, hues : optional
        What is set above, and the colour of each class, by default from `class_hues`.

    Raises ValueError if a column is missing, the table has no cohort or pooled row, a kind, the
    endpoint, width, order or a column of text is unknown, or a class has no hue; NotAnsweredError,
    a ValueError, if the columns leave no room for the axis, or `ax` is too low for the rows.
    """
    rows.require(table, FOREST_COLUMNS, "plot_forest", known={"kind": KINDS})
    _require_words("sort", [] if sort is None else [sort], ORDERS)
    _require_words("columns", [] if columns is None else columns, COLUMNS)
    sheet = style.find_sheet(width) if ax is None else _sheet_of(ax)
    hues = style.choose_hues(hues, filter(word, table["treatment_class"]), "plot_forest")
    forest = _Forest(table, endpoint_of(endpoint), sheet, hues, part, sort, columns, title)
    with style.style_context():
        layout = forest.lay_out()
        if ax is None and sheet.name == "slide":
            layout = forest.lay_out_slide(layout)
        if ax is not None:
            _require_room(ax, layout.height)
        figure = rows.draw_blocks(layout, ax)
    return figure.axes[0] if ax is None else ax


def _require_words(what: str, words: Sequence[str], known: Sequence[str]) -> None:
    strange = [name for name in words if name not in known]
    if strange:
        raise ValueError(f"plot_forest: {what} has {strange[0]!r}; expected {', '.join(known)}")


def _require_room(ax: Axes, needed: float) -> None:
    there = ax.bbox.height * 72 / ax.get_figure(root=True).dpi
    if needed > there:
        needed, there = (f"{points / style.POINTS_PER_MM:.0f} mm" for points in (needed, there))
        raise NotAnsweredError(
            f"these rows need axes of {needed}, and ax is {there} high; make its "
            "figure taller, or draw fewer rows"
        )


def _sheet_of(ax: Axes) -> style.Sheet:
    """The widest sheet that axes have room for, as wide as they are."""
    figure = ax.get_figure(root=True)
    if engine := figure.get_layout_engine():
        engine.execute(figure)
        figure.set_layout_engine("none")  # or it would move what stands beside
    width = ax.bbox.width * 72 / figure.dpi / style.POINTS_PER_MM
    narrow, *others = style.SHEETS.values()
    sheet = next((each for each in reversed(others) if each.width_mm <= width), narrow)
    return replace(sheet, width_mm=width)


def parts_of(
    table: pd.DataFrame, *, endpoint: str = "os", width: style.Width = "two-column"
) -> list[pd.DataFrame]:
    """Split a table of `plot_forest` by class so that each part fits a page.

    There are as few parts as possible, of about the same height, classes in order; the table itself
    where it fits. All parts are drawn on one axis.
    """
    rows.require(table, FOREST_COLUMNS, "parts_of")
    classes = list(dict.fromkeys(filter(word, table["treatment_class"])))
    sheet, hues = style.find_sheet(width), style.class_hues(classes)
    forest = _Forest(table, endpoint_of(endpoint), sheet, hues, title="Title")
    whole = forest.lay_out()
    room = style.TALLEST - (whole.height - whole.blocks[0].rows_height)
    heights = [
        replace(forest, table=table[table["treatment_class"] == name])
        .lay_out()
        .blocks[0]
        .rows_height
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


def _reach(table: pd.DataFrame) -> list[list[float]]:
    """Least and greatest values that an axis in months must hold, and that may stretch it."""
    if "reach" in table.attrs:  # two numbers each: pandas copies them at every step
        return table.attrs["reach"]
    both = (table[columns].to_numpy(dtype=float) for columns in (_INSIDE, _ENDS))
    months = (values[(values > 0.0) & np.isfinite(values)] for values in both)
    return [[*map(float, (own.min(), own.max()))] if own.size else [] for own in months]


@dataclass(frozen=True)
class _Forest:
    """What is drawn, as of `plot_forest`, and on which sheet."""

    table: pd.DataFrame
    endpoint: Endpoint
    sheet: style.Sheet
    hues: Mapping[str, str]
    part: tuple[int, int] | None = None
    sort: str | None = None
    columns: Sequence[str] | None = None
    title: str | None = None

    @property
    def shown(self) -> Sequence[str]:
        """Columns of text."""
        return _SHOWN[self.sheet.name] if self.columns is None else self.columns

    @property
    def is_stacked(self) -> bool:
        """Whether the model's estimate stands below the reported value."""
        return self.sheet.is_narrow and {"reported", "model"} <= set(self.shown)

    def lay_out(self, between: float = _BETWEEN) -> rows.Layout:
        """Lay it out on its sheet."""
        entries = list(self.entries())
        if not any(row.draw for row in entries):
            raise ValueError("plot_forest: the table has no cohort and no pooled row to draw")
        head = "Treatment, study"
        if self.part:
            head = "Study" if self.sheet.is_narrow else head
            head += f" (part {self.part[0]} of {self.part[1]})"
        block = rows.Block(f"forest-{self.endpoint.id}", entries, self.beside(), head)
        words = self.title, self.legend(), self.foot()
        look = {"shares": (0.36, 0.31, 0.27), "between": between}
        layout = rows.lay_out([block], self.sheet, *words, **look)
        (axis,) = (own for own in layout.blocks[0].columns if isinstance(own.spec, rows.Axis))
        if axis.right - axis.left < _SHORTEST:
            raise NotAnsweredError(
                f"a width of {self.sheet.width_mm:.0f} mm has no room for an axis beside the "
                f"columns {', '.join(self.shown)}; leave one out, or take a greater width"
            )
        return layout

    def lay_out_slide(self, layout: rows.Layout) -> rows.Layout:
        """The same on a slide, as wide as its height asks for, its rows apart where it has room."""
        width = max(self.sheet.width, layout.height / _SLIDE)
        sheet, height = replace(self.sheet, width_mm=width / style.POINTS_PER_MM), width * _SLIDE
        spare = (height - layout.height) / len(layout.blocks[0].rows)
        apart, wide = min(spare, _LOOSE * sheet.text.pitch), replace(self, sheet=sheet)
        tries = (wide.lay_out(_BETWEEN + share * apart) for share in (1.0, 0.8, 0.0))
        layout = next(own for own in tries if own.height <= height + 1e-6)
        return replace(layout, frame=replace(layout.frame, least=height))

    def beside(self) -> list[Words | rows.Axis]:
        """Columns from left to right."""
        endpoint, is_response = self.endpoint, self.endpoint.is_response
        # of the width that a reported value may take before it goes on in a second line
        most = self.sheet.choose(0.3, 0.145, 0.13)
        head = numbers.capitalised(endpoint.quantity())
        axis = rows.value_axis(*_reach(self.table), is_share=is_response, head=head)
        model = (f"Model, {endpoint.unit}", rows.INTERVAL)
        given = ("Responders/", "evaluable") if is_response else ("Reported", "(interval)")
        left = {
            "design": Words("design", ("Design",) if self.sheet.name == "slide" else (), "left"),
            "country": Words("country", ("Country",), "left", most=0.13),
            "n": Words("n", ("n",), "right"),
            "events": Words("events", ("(events)",), "left"),
        }
        right = {
            "reported": Words("printed", given, most=most),
            "model": Words("estimate", model),
        }
        if self.sheet.is_narrow:
            del left["n"]  # stands after the name
        if self.table["events"].isna().all():
            del left["events"]
        if self.is_stacked:
            right = {"model": Words("estimate", (rows.Quiet("Reported"), *model), most=most)}
        left, right = (
            [own for name, own in side.items() if name in self.shown] for side in (left, right)
        )
        return [*left, axis, *right]

    def legend(self) -> list[LegendEntry]:
        """The marks of what there is."""
        is_response = self.endpoint.is_response
        reported = "reported, exact 95 % interval" if is_response else "reported, with its interval"
        is_cohort = self.table["kind"] == "cohort"
        cohorts = self.table.loc[is_cohort, "treatment"].value_counts()
        legend = [(f"{reported} (area by n)", marks.reported_sample())]
        if (cohorts > 1).any():
            legend.append(("model: this cohort", marks.estimate_sample()))
        if (cohorts == 1).any():
            legend.append(("model: treatment with one cohort", marks.estimate_sample("diamond")))
        # a treatment with one cohort has neither diamond nor bar
        pooled = self.table[self.table["treatment"].map(cohorts) != 1]
        pooled = set(pooled.loc[pooled["estimate"].notna(), "kind"])
        if pooled & {"class", "mean_study"}:
            legend.append(("average study", marks.wide_sample(marks.put_diamond)))
        if "new_study" in pooled:
            legend.append(("new study", marks.wide_sample(marks.put_bar)))
        if not is_response:
            legend.append(("not reached, or beyond the axis", marks.ARROW))
        return legend

    def foot(self) -> str:
        """Heterogeneity, then the abbreviations of what is shown."""
        table, shown = self.table, self.shown
        words = [word(label) for label in table.loc[table["kind"] == "heterogeneity", "label"]]
        cohorts = table[table["kind"] == "cohort"].to_dict("records")
        keys = ["CrI, credible interval"] if "model" in shown else []
        if "design" in shown and self.sheet.name != "slide":
            designs = dict.fromkeys(map(_design, cohorts))
            keys += [f"{letter}, {name}" for letter, name in designs if letter]
        if "country" in shown and any("+" in _country(row) for row in cohorts):
            keys.append("+n, and n further countries")
        if "reported" in shown and any("NR" in word(row["printed"]) for row in cohorts):
            keys.append("NR, not reached")
        if "model" in shown and any(map(flag, table.get("shrunk", ()))):
            keys.append(f"{_SHRUNK}, unlike its own cohorts: shrunk towards the other treatments")
        return " ".join([*words, f"{'; '.join(keys)}." if keys else ""]).strip()

    # --- Rows ------------------------------------------------------------------------------------

    def entries(self) -> Iterator[Row]:
        """Headings of classes, and below each its treatments in order of their estimates."""
        order = _ORDER[self.sort or "effect"]
        classes = self.table[[bool(word(name)) for name in self.table["treatment_class"]]]
        for name, own in classes.groupby("treatment_class", sort=False):
            treatments: dict[str, list[Record]] = {}
            for record in own.to_dict("records"):
                treatments.setdefault(word(record["treatment"]), []).append(record)
            yield self.of_class(name, treatments.pop("", []))
            for records in sorted(treatments.values(), key=order):
                yield from self.of_treatment(records)

    def of_class(self, name: str, records: Sequence[Record]) -> Row:
        """Heading of a class, with its diamond where the table has one."""
        record = next((row for row in records if row["kind"] == "class"), {})
        heading = Row(word(record.get("label")) or name, kind="band", hue=self.hues[name])
        if numbers.is_missing(record.get("estimate")):
            return heading
        return replace(heading, texts={"estimate": self.model(record)}, draw=self.pooled(record))

    def of_treatment(self, records: Sequence[Record]) -> Iterator[Row]:
        """Its one cohort, or a heading, its cohorts, the average and a new study."""
        cohorts = [row for row in records if row["kind"] == "cohort"]
        if self.sort:
            cohorts.sort(key=lambda row: _ORDER[self.sort]([row]))
        pooled = {row["kind"]: row for row in records if row["kind"] != "cohort"}
        label = word(pooled.get("treatment", records[0])["label"]) or word(records[0]["treatment"])
        if len(cohorts) == 1:
            model = pooled.get("mean_study", cohorts[0])
            shared = {"estimate", "lower", "upper", "shrunk"} & model.keys()
            yield self.of_cohort(cohorts[0] | {name: model[name] for name in shared}, label)
            return
        if label != word(records[0]["treatment_class"]):
            yield Row(label, kind="head")
        for cohort in cohorts:
            yield replace(self.of_cohort(cohort), level=1)
        words = {"mean_study": ("Average study", "head"), "new_study": ("New study", "row")}
        for kind, (name, weight) in words.items():
            if kind in pooled:
                texts, draw = {"estimate": self.model(pooled[kind])}, self.pooled(pooled[kind])
                yield Row(name, texts=texts, draw=draw, kind=weight, level=1)

    def of_cohort(self, record: Record, treatment: str = "") -> Row:
        """One cohort; before its name the treatment, where it is the only one of it."""
        study, year = word(record["label"]), numbers.value(record["year"])
        if year != numbers.MISSING and year not in study:
            study = f"{study} {year}"
        reported, model = _UNIT.sub("\u00a0", word(record["printed"])), self.model(record)
        n, events = (
            "" if numbers.is_missing(record[name]) else f"{int(record[name]):,}"
            for name in ("n", "events")
        )
        if self.sheet.is_narrow and n and "n" in self.shown:
            study = f"{study} ({n})"
        is_stacked = self.is_stacked and reported
        letter, design = _design(record)
        texts: dict[str, str | tuple[str, ...]] = {
            "design": numbers.capitalised(design) if self.sheet.name == "slide" else letter,
            "country": _country(record),
            "n": n,
            "events": f"({events})" if events else "",
            "printed": reported,
            "estimate": (rows.Quiet(reported), model) if is_stacked else model,
        }
        draw = self.both_marks(record, "diamond" if treatment else "dot")
        return Row(treatment or study, study if treatment else "", texts, draw)

    def model(self, record: Record) -> str:
        """The model's estimate with its interval, marked where it is shrunk."""
        mark = _SHRUNK if flag(record.get("shrunk", False)) else ""
        return f"{numbers.written(record, self.endpoint.write)}{mark}"

    def pooled(self, record: Record) -> rows.Draw:
        """Diamond of an average study, bar of a new one."""
        middle, *limits = interval_of(record, factor=rows.factor_of(self.endpoint))
        hue, is_bar = self.hues[word(record["treatment_class"])], record["kind"] == "new_study"
        put, role = (marks.put_bar, "new-study") if is_bar else (marks.put_diamond, "mean-study")

        def draw(spot: rows.Spot) -> None:
            span, beyond = spot.scales["values"].clip(*limits)
            brush = spot.brush("values", hue)
            put(brush, (span[0], middle, span[1]), spot.middle)
            marks.put_arrows(brush, role, span, spot.middle, beyond)

        return draw

    def both_marks(self, record: Record, shape: str) -> rows.Draw:
        """The reported value of a cohort above the model's estimate."""
        factor, hue = rows.factor_of(self.endpoint), self.hues[word(record["treatment_class"])]
        value, *limits = (
            factor * number(record[f"printed_{name}"]) for name in ("value", "lower", "upper")
        )
        middle, lower, upper = interval_of(record, factor=factor)
        model = (middle, _or(lower, middle), _or(upper, middle))
        is_reported = flag(record["printed_not_reached"]) or not math.isnan(value)
        away = (0.46 if self.is_stacked else 0.24) * self.sheet.text.pitch * is_reported

        def draw(spot: rows.Spot) -> None:
            if is_reported:
                brush, scale = spot.brush("values", hue), spot.scales["values"]
                _put_reported(brush, scale, record, (value, *limits), spot.middle - away)
            look = {"hue": hue, "shape": shape, "roles": ("model", "model")}
            rows.put_estimate(spot, "values", model, y=spot.middle + away, **look)

        return draw


def _effect(records: Sequence[Record]) -> float:
    """Sorts by the pooled estimate, or that of the cohort, the largest first."""
    pooled = [row for row in records if row["kind"] == "mean_study"]
    return -_or(number((pooled or records)[0]["estimate"]), -math.inf)


def _year(records: Sequence[Record]) -> float:
    """Sorts by the first year; what has none comes last."""
    return min(_or(number(row["year"]), math.inf) for row in records)


def _size(records: Sequence[Record]) -> float:
    """Sorts by the number of patients, the largest first."""
    return -sum(_or(number(row["n"]), 0.0) for row in records)


_ORDER = {"effect": _effect, "year": _year, "size": _size}


def _country(record: Record) -> str:
    first, *others = word(record["country"]).replace(";", ",").split(",")
    return f"{first} +{len(others)}" if others else first


def _design(record: Record) -> tuple[str, str]:
    design = word(record["design"]).replace("_", " ")
    known = (pair for start, pair in _DESIGNS.items() if design.lower().startswith(start))
    return next(known, ("", design))


def _put_reported(
    brush: marks.Brush,
    scale: Scale,
    record: Record,
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
