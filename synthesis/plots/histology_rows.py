"""The layout of the histology figure: its two parts measured, their rows in lines."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import pandas as pd

from synthesis.plots.cells import as_number, as_text, dashes
from synthesis.plots.forest_rows import ValueColumn, fit_values
from synthesis.plots.page import MARGIN, widest, wrap
from synthesis.plots.style import Sheet

# Height in points of the strip of one parameter; side by side it grows to fill the part.
_STRIP_LOWEST, _STRIP_HIGHEST = 44.0, 80.0

# White space in points above a section heading.
HEADING_SPACE = 4.0

# Share of the width of the left part where both stand side by side, and of the labels in a part.
_LEFT_SHARE = 0.57
_LABEL_SHARE = 0.3
_SECTIONS: Mapping[str, str] = {
    "printed": "Printed by reports",
    "posterior": "Posterior, by survival family",
    "prior": "Prior",
}


@dataclass(frozen=True)
class Column:
    """A column of text; the first of a part holds the labels."""

    name: str
    left: float
    head: tuple[str, ...]
    values: ValueColumn


@dataclass(frozen=True)
class Block:
    """Horizontal layout of one part in points."""

    left: float
    right: float
    plot_left: float
    plot_right: float
    label_width: float
    heading: tuple[str, ...]
    columns: tuple[Column, ...]

    @property
    def head_lines(self) -> int:
        """Number of lines of the tallest column heading."""
        return max(len(column.head) for column in self.columns)


@dataclass(frozen=True)
class Mark:
    """One estimate with its interval; `kind` is printed, posterior, prior, pure or mixed."""

    kind: str
    estimate: float
    lower: float
    upper: float
    patients: float = math.nan


@dataclass(frozen=True)
class Line:
    """One row set in lines; `top` and `height` in points below the first row."""

    kind: str
    index: int
    top: float
    height: float
    label: tuple[str, ...]
    detail: tuple[str, ...] = ()
    texts: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    marks: tuple[Mark, ...] = ()
    parameter: str = ""
    treatment_class: str = ""

    @property
    def all_texts(self) -> tuple[str, ...]:
        """Every value text of the row."""
        return tuple(text for lines in self.texts.values() for text in lines)


def fit_blocks(
    density: pd.DataFrame,
    ratios: pd.DataFrame,
    medians: pd.DataFrame,
    sheet: Sheet,
    interval: str,
    headings: tuple[str, str],
) -> tuple[Block, Block]:
    """Divide the width between the two parts, and each part between its columns."""
    inner = sheet.width - 2 * MARGIN
    if sheet.name == "one-column":
        spans = ((MARGIN, MARGIN + inner), (MARGIN, MARGIN + inner))
    else:
        middle = MARGIN + _LEFT_SHARE * inner
        spans = ((MARGIN, middle - sheet.gap), (middle + sheet.gap, MARGIN + inner))
    records = ratios.to_dict("records")
    ratio_texts = {
        "n": (("Pure /", "mixed"), [_group_text(record) for record in records]),
        "value": (
            ("Ratio", "(interval), p"),
            [text for record in records for text in _ratio_texts(record)],
        ),
    }
    median_texts = {
        "value": (
            ("Months", interval),
            [_value_text(record, _one_decimal) for record in medians.to_dict("records")],
        ),
    }
    labels = (
        [*density["label"].astype(str), *ratios["label"].astype(str)],
        [str(label) for label in medians["treatment"]],
    )
    return (
        _fit_block(spans[0], sheet, headings[0], labels[0], ratio_texts),
        _fit_block(spans[1], sheet, headings[1], labels[1], median_texts),
    )


def _fit_block(
    span: tuple[float, float],
    sheet: Sheet,
    heading: str,
    labels: Sequence[str],
    texts: Mapping[str, tuple[tuple[str, ...], list[str]]],
) -> Block:
    left, right = span
    gap = sheet.gap
    label_width = min(widest(labels, sheet.body), _LABEL_SHARE * (right - left))
    label_head = ("Treatment",) if len(texts) == 1 else ("Report, model",)
    label_width = max(label_width, widest(label_head, sheet.body, "bold"))
    columns = [Column("label", left, label_head, ValueColumn(left, label_width, 0))]
    plot_left, edge = left + label_width + gap, right
    placed: list[Column] = []
    for name in reversed(texts):
        head, values = texts[name]
        fitted = fit_values(values, head, sheet.body)
        if name == "n":
            column = ValueColumn(plot_left, fitted.width, fitted.point)
            plot_left += fitted.width + gap
        else:
            column = ValueColumn(edge - fitted.width, fitted.width, fitted.point)
            edge -= fitted.width + gap
        placed.append(Column(name, column.left, head, column))
    return Block(
        left=left,
        right=right,
        plot_left=plot_left,
        plot_right=edge,
        label_width=label_width,
        heading=wrap(heading, sheet.body, right - left - 1.4 * sheet.body, "bold"),
        columns=(*columns, *reversed(placed)),
    )


def make_ratio_lines(
    density: pd.DataFrame, ratios: pd.DataFrame, block: Block, sheet: Sheet, room: float
) -> tuple[Line, ...]:
    """Rows of the left part: a strip for each parameter, then the ratios in sections.

    The strips share what the rows leave of `room` points, within their own limits.
    """
    rows: list[Line] = []
    for kind, section in _SECTIONS.items():
        records = ratios[ratios["kind"] == kind].to_dict("records")
        if records:
            label = wrap(section, sheet.body, block.plot_left - block.left - 2, "bold")
            height = len(label) * sheet.pitch + HEADING_SPACE
            rows.append(Line("heading", 0, 0.0, height, label))
            rows += [_ratio_line(record, kind, block, sheet) for record in records]
    parameters = list(density.groupby("parameter", sort=False))
    spare = room - sum(row.height for row in rows)
    strip = min(max(spare / len(parameters), _STRIP_LOWEST), _STRIP_HIGHEST)
    strips = [
        Line(
            kind="density",
            index=0,
            top=0.0,
            height=strip,
            label=wrap(as_text(own["label"].iloc[0]), sheet.body, block.label_width),
            parameter=str(parameter),
        )
        for parameter, own in parameters
    ]
    return _stack([*strips, *rows])


def _stack(lines: Sequence[Line]) -> tuple[Line, ...]:
    """Give each row its number and put it below the one before."""
    stacked: list[Line] = []
    top = 0.0
    for index, line in enumerate(lines):
        stacked.append(replace(line, index=index, top=top))
        top += line.height
    return tuple(stacked)


def _ratio_line(record: Mapping[str, object], kind: str, block: Block, sheet: Sheet) -> Line:
    label = wrap(as_text(record["label"]), sheet.body, block.label_width)
    estimate, lower, upper = (as_number(record[name]) for name in ("estimate", "lower", "upper"))
    patients = as_number(record["n_pure"]) + as_number(record["n_mixed"])
    values = _ratio_texts(record)
    group = _group_text(record)
    return Line(
        kind="interval",
        index=0,
        top=0.0,
        height=max(len(label), len(values)) * sheet.pitch,
        label=label,
        texts={"n": (group,) if group else (), "value": values},
        marks=(Mark(kind, estimate, lower, upper, patients),),
    )


def make_median_lines(medians: pd.DataFrame, block: Block, sheet: Sheet) -> tuple[Line, ...]:
    """Rows of the right part: one for each treatment, pure above mixed."""
    lines: list[Line] = []
    for treatment, own in medians.groupby("treatment", sort=False):
        by_histology = {as_text(row["histology"]): row for row in own.to_dict("records")}
        shown = [by_histology[name] for name in ("pure", "mixed") if name in by_histology]
        label = wrap(str(treatment), sheet.body, block.label_width)
        detail = wrap(_count_text(shown), sheet.small, block.label_width)
        words = len(label) * sheet.pitch + len(detail) * 1.2 * sheet.small
        lines.append(
            Line(
                kind="interval",
                index=0,
                top=0.0,
                height=max(words, len(shown) * sheet.pitch) + 3.5,
                label=label,
                detail=detail,
                texts={"value": tuple(_value_text(row, _one_decimal) for row in shown)},
                marks=tuple(_median_mark(row) for row in shown),
                treatment_class=as_text(own["treatment_class"].iloc[0]),
            )
        )
    return _stack(lines)


def _median_mark(record: Mapping[str, object]) -> Mark:
    estimate, lower, upper = (as_number(record[name]) for name in ("estimate", "lower", "upper"))
    return Mark(as_text(record["histology"]), estimate, lower, upper)


def _count_text(records: Sequence[Mapping[str, object]]) -> str:
    """Cohorts and patients behind a treatment; both figures where the groups differ."""
    cohorts = list(dict.fromkeys(as_text(record["cohorts"]) for record in records))
    patients = dict.fromkeys(as_text(record["patients"]) for record in records)
    plural = "" if cohorts == ["1"] else "s"
    return f"{' / '.join(cohorts)} cohort{plural}, n = {' / '.join(patients)}"


def _group_text(record: Mapping[str, object]) -> str:
    pure, mixed = as_text(record["n_pure"]), as_text(record["n_mixed"])
    return f"{pure or '?'} / {mixed or '?'}" if pure or mixed else ""


def _ratio_texts(record: Mapping[str, object]) -> tuple[str, ...]:
    """Ratio, interval and p value: p on a second line where an interval was printed."""
    value = _value_text(record, _two_digits)
    p = as_text(record["p"])
    if not p:
        return (value,)
    p = f"p{p}" if p[0] in "<>=\N{LESS-THAN OR EQUAL TO}" else f"p={p}"
    return (value, p) if "(" in value else (f"{value}, {p}",)


def _value_text(record: Mapping[str, object], write: Callable[[float], str]) -> str:
    """Estimate and interval: the table's own text, or the numbers written by `write`."""
    own = as_text(record.get("estimate_text"))
    if own:
        return dashes(own)
    estimate, lower, upper = (
        write(as_number(record[name])) for name in ("estimate", "lower", "upper")
    )
    return f"{estimate} ({lower}\N{EN DASH}{upper})" if lower and upper else estimate


def _one_decimal(value: float) -> str:
    """Write months."""
    return _write(value, 1)


def _two_digits(value: float) -> str:
    """Write a ratio to two digits, without an exponent."""
    finite = math.isfinite(value) and value > 0
    return _write(value, max(0, 1 - math.floor(math.log10(value))) if finite else 0)


def _write(value: float, decimals: int) -> str:
    if math.isnan(value):
        return ""
    return "NR" if math.isinf(value) else f"{value:.{decimals}f}"
