"""Biases of retrospective reports: prior and posterior densities, and the bias of each report."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import pandas as pd
from matplotlib.figure import Figure

from synthesis.plots import marks, samples
from synthesis.plots.benefit import put_estimate
from synthesis.plots.cells import as_text, in_sentence, require_columns, require_unique
from synthesis.plots.densities import put_densities
from synthesis.plots.page import LegendEntry
from synthesis.plots.panels import Axis, Drawn, Row, Words, draw_rows, numbers
from synthesis.plots.scales import ratio_scale
from synthesis.plots.style import (
    Sheet,
    Width,
    choose_hues,
    find_sheet,
    style_context,
)

DENSITY_COLUMNS: tuple[str, ...] = ("parameter", "which", "x", "density")
BIAS_COLUMNS: tuple[str, ...] = (
    "parameter",
    "label",
    "detail",
    "prior_text",
    "posterior_text",
    "prior_share",
)
REPORT_COLUMNS: tuple[str, ...] = (
    "cohort_label",
    "treatment",
    "treatment_class",
    "patients",
    "estimate",
    "lower",
    "upper",
    "estimate_text",
)

_LABEL_SHARES: Mapping[str, float] = {"one-column": 0.38, "two-column": 0.36, "slide": 0.34}
_STRIP = 34.0

# A density is drawn, and stretches the axis, where it exceeds this share of its peak.
_VISIBLE = 0.01


def plot_bias(
    density: pd.DataFrame,
    effects: pd.DataFrame,
    reports: pd.DataFrame,
    *,
    level: float = 0.95,
    width: Width = "two-column",
    title: str | None = None,
    hues: Mapping[str, str] | None = None,
) -> Figure:
    """Draw the common bias, the spread of biases and, below, the bias of each report.

    A strip for each of the two with prior (broken outline) and posterior (filled), then a row a
    report. Nothing is computed but positions; each strip has one vertical scale.

    Parameters
    ----------
    density : DataFrame
        Columns `DENSITY_COLUMNS`; ``which`` is prior or posterior, ``x`` a ratio or a factor,
        ``density`` per unit of its logarithm.
    effects : DataFrame
        Columns `BIAS_COLUMNS`, in display order; ``prior_share`` a fraction.
    reports : DataFrame
        Columns `REPORT_COLUMNS`, in display order: ratios of medians. May be empty.
    level : float
        Of the intervals.
    width : str
        one-column (85 mm), two-column (174 mm) or slide (254 mm). In one column the prior in words
        is left out.
    title : str, optional
        Set above the columns.
    hues : mapping of str to str, optional
        Colour of each treatment class, as from `class_hues`.

    Returns
    -------
    Figure
        One Axes, labelled ``ratio``.

    Raises
    ------
    ValueError
        If a column, an effect or its density is missing, the width is unknown, or a class has no
        hue.
    """
    _check(density, effects, reports)
    sheet = find_sheet(width)
    hues = choose_hues(hues, reports["treatment_class"], "plot_bias")
    rows, records = _rows(effects, reports, hues)
    with style_context():
        drawn = draw_rows(
            rows,
            _columns(density, reports, level, sheet),
            sheet,
            head="Bias",
            label_share=_LABEL_SHARES[sheet.name],
            title=title,
            legend=_legend(reports, level, hues),
            foot="Right of 1: optimistic. The spread is the factor that one report in forty "
            "exceeds. CrI, credible interval.",
        )
        for number, record in enumerate(records):
            _draw(drawn, record, number, density, hues)
    return drawn.figure


def _check(density: pd.DataFrame, effects: pd.DataFrame, reports: pd.DataFrame) -> None:
    require_columns(density, DENSITY_COLUMNS, "plot_bias, density")
    require_columns(effects, BIAS_COLUMNS, "plot_bias, effects")
    require_columns(reports, REPORT_COLUMNS, "plot_bias, reports", may_be_empty=True)
    require_unique(effects, ("parameter",), "plot_bias, effects")
    bare = [name for name in effects["parameter"] if name not in set(density["parameter"])]
    if bare:
        raise ValueError(f"plot_bias: no density for {', '.join(map(str, bare))}")


def _columns(
    density: pd.DataFrame, reports: pd.DataFrame, level: float, sheet: Sheet
) -> list[Words | Axis]:
    interval = f"({100 * level:g}% CrI)"
    peaks = density.groupby(["parameter", "which"])["density"].transform("max")
    visible = density.loc[density["density"] >= _VISIBLE * peaks, "x"]
    # the axis reaches at least from half to twice: a bias within it is to be seen as one
    inside = [0.5, 2.0, *(float(value) for value in reports["estimate"])]
    ends = [float(value) for value in visible]
    ends += [float(value) for name in ("lower", "upper") for value in reports[name]]
    ratio = Axis(
        "ratio",
        (),
        "Ratio of medians to a prospective study (log scale)",
        lambda span: ratio_scale(inside, ends, span, sheet.body),
        null=1.0,
    )
    value = Words("value", ("Posterior", interval))
    if sheet.name == "one-column":
        return [ratio, value]
    prior = Words("prior", ("Prior", interval))
    return [ratio, prior, value, Words("share", ("Prior", "share"))]


def _rows(
    effects: pd.DataFrame, reports: pd.DataFrame, hues: Mapping[str, str]
) -> tuple[list[Row], list[Mapping[str, object]]]:
    """Rows with their words, and the record that each is drawn from; none for a heading."""
    rows, records = [], []
    for record in effects.to_dict("records"):
        (share,) = numbers(record, "prior_share")
        texts = {
            "prior": (as_text(record["prior_text"]),),
            "value": (as_text(record["posterior_text"]),),
            "share": () if math.isnan(share) else (f"{100 * share:.0f}%",),
        }
        rows.append(Row(as_text(record["label"]), as_text(record["detail"]), texts, least=_STRIP))
        records.append(record)
    if reports.empty:
        return rows, records
    rows.append(Row("Whole bias of each retrospective report, common and its own", heading=True))
    records.append({})
    for record in reports.to_dict("records"):
        detail = f"n = {as_text(record['patients'])}, {in_sentence(as_text(record['treatment']))}"
        texts = {"value": (as_text(record["estimate_text"]),)}
        hue = hues[as_text(record["treatment_class"])]
        rows.append(Row(as_text(record["cohort_label"]), detail, texts, hue=hue))
        records.append(record)
    return rows, records


def _draw(
    drawn: Drawn,
    record: Mapping[str, object],
    number: int,
    density: pd.DataFrame,
    hues: Mapping[str, str],
) -> None:
    axes, scale, place = drawn.axes["ratio"], drawn.scales["ratio"], drawn.places[number]
    if "parameter" in record:
        own = density[density["parameter"] == record["parameter"]]
        put_densities(axes, own, scale, (place.top, place.height), f"bias-{number}-{{which}}")
    elif record:
        hue = hues[as_text(record["treatment_class"])]
        brush = marks.Brush(axes, axes.transData, hue, f"bias-{number}")
        put_estimate(brush, scale, numbers(record, "estimate", "lower", "upper"), place.middle)


def _legend(reports: pd.DataFrame, level: float, hues: Mapping[str, str]) -> Sequence[LegendEntry]:
    entries = [
        LegendEntry("prior density", samples.sample_prior_outline),
        LegendEntry("posterior density", samples.sample_area),
    ]
    if reports.empty:
        return entries
    entries.append(LegendEntry(f"report, {100 * level:g}% CrI", samples.sample_model))
    used = set(reports["treatment_class"])
    return entries + [LegendEntry(c, samples.Swatch(hues[c])) for c in hues if c in used]
