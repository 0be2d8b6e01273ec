"""Benefit in pure and in mixed tumours: medians and gains side by side, effects on their priors."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from synthesis.plots import marks, samples
from synthesis.plots.cells import (
    as_flag,
    as_text,
    in_sentence,
    require_columns,
    require_unique,
)
from synthesis.plots.densities import put_densities
from synthesis.plots.page import LegendEntry, Page
from synthesis.plots.panels import Axis, Drawn, Place, Row, Words, draw_rows, numbers
from synthesis.plots.scales import Scale, difference_scale, month_scale, ratio_scale
from synthesis.plots.style import INK, Sheet, Width, choose_hues, find_sheet, style_context

BENEFIT_COLUMNS: tuple[str, ...] = (
    "treatment",
    "treatment_class",
    "histology",
    "median",
    "median_lower",
    "median_upper",
    "median_text",
    "gain",
    "gain_lower",
    "gain_upper",
    "gain_text",
    "p_text",
    "cohorts",
    "patients",
    "is_reference",
)
EFFECT_COLUMNS: tuple[str, ...] = (
    "parameter",
    "label",
    "detail",
    "prior_text",
    "posterior_text",
    "prior_share",
)
DENSITY_COLUMNS: tuple[str, ...] = ("parameter", "which", "x", "density")
PRINTED_COLUMNS: tuple[str, ...] = ("label", "detail", "ratio", "ratio_text", "patients")
SHOWN_COLUMNS: tuple[str, ...] = ("label", "true_ratio", "shown_ratio", "true_text", "shown_text")

HISTOLOGIES = ("pure", "mixed")

# Share of the width that labels may take, and the height of the strip of a density in points.
_LABEL_SHARES: Mapping[str, float] = {"one-column": 0.27, "two-column": 0.25, "slide": 0.25}
_EFFECT_SHARES: Mapping[str, float] = {"one-column": 0.3, "two-column": 0.27, "slide": 0.27}
_STRIP = 36.0
# A density is drawn, and stretches the axis, where it exceeds this share of its peak.
_VISIBLE = 0.01


def plot_benefit(
    table: pd.DataFrame,
    *,
    endpoint: str = "overall survival",
    reference: str = "",
    delta: float = 1.0,
    level: float = 0.95,
    width: Width = "two-column",
    title: str | None = None,
    hues: Mapping[str, str] | None = None,
) -> Figure:
    """Draw medians and gains of every treatment, pure above mixed.

    Open circles are pure tumours, filled dots mixed ones; the left axis has the median, the right
    one the gain over the reference, with the probability of a gain of more than `delta`. Nothing
    is computed but positions.

    Parameters
    ----------
    table : DataFrame
        Columns `BENEFIT_COLUMNS`, a row for each treatment and histology (pure, mixed), in display
        order; months. The reference has no gain.
    endpoint : str
        What the medians are of.
    reference : str
        Label of what gains are over; without it, or where no row has a gain, there are none.
    delta : float
        Months of gain, for the heading.
    level : float
        Level of the intervals.
    width : str
        one-column (85 mm), two-column (174 mm) or slide (254 mm). In one column the medians are
        drawn and the gains are told in figures.
    title : str, optional
        Set above the columns.
    hues : mapping of str to str, optional
        Colour of each treatment class, as from `class_hues`.

    Returns
    -------
    Figure
        Axes ``medians`` and, with gains and where there is room, ``gains``.

    Raises
    ------
    ValueError
        If a column is missing, there is no row, two rows are of one treatment and histology, the
        width is unknown, or a class has no hue.
    """
    require_columns(table, BENEFIT_COLUMNS, "plot_benefit")
    require_unique(table, ("treatment", "histology"), "plot_benefit")
    sheet = find_sheet(width)
    hues = choose_hues(hues, table["treatment_class"], "plot_benefit")
    groups = [own.to_dict("records") for _, own in table.groupby("treatment", sort=False)]
    columns = _benefit_columns(table, reference, delta, level, sheet)
    with style_context():
        drawn = draw_rows(
            [_benefit_row(records, hues) for records in groups],
            columns,
            sheet,
            head="Treatment",
            label_share=_LABEL_SHARES[sheet.name],
            title=title,
            legend=_benefit_legend(table, columns, hues, level),
            foot=f"Median {endpoint} of the average study. CrI, credible interval; mo, months.",
        )
        for number, (records, place) in enumerate(zip(groups, drawn.places, strict=True)):
            _draw_benefit(drawn, records, place, sheet.pitch, hues, f"benefit-{number}")
    return drawn.figure


def _benefit_row(records: Sequence[Mapping[str, object]], hues: Mapping[str, str]) -> Row:
    first = records[0]
    cohorts, patients = as_text(first["cohorts"]), as_text(first["patients"])
    gains = tuple(as_text(record["gain_text"]) for record in records)
    if as_flag(first["is_reference"]):
        gains = ("reference",)
    return Row(
        as_text(first["treatment"]),
        f"{cohorts} cohort{'' if cohorts == '1' else 's'}, n = {patients}",
        {
            "median_text": tuple(as_text(record["median_text"]) for record in records),
            "gain_text": gains,
            "p_text": tuple(as_text(record["p_text"]) for record in records),
        },
        hues[as_text(first["treatment_class"])],
    )


def _benefit_columns(
    table: pd.DataFrame,
    reference: str,
    delta: float,
    level: float,
    sheet: Sheet,
) -> list[Words | Axis]:
    narrow, size = sheet.name == "one-column", sheet.body
    has_gains = bool(reference) and bool(table["gain"].notna().any())
    interval = f"({100 * level:g}% CrI)"
    medians, ends = (_cells(table, *names) for names in (("median",), _ends("median")))
    columns: list[Words | Axis] = [
        Axis(
            "medians",
            (),
            "Months (log scale)",
            lambda width: month_scale(medians, ends, width, size),
        )
    ]
    if not narrow:
        columns.append(Words("median_text", ("Median, months", interval)))
    gained = [
        Words("gain_text", ("Gain, months", interval)),
        Words("p_text", ("P(gain", f">{delta:g} mo)")),
    ]
    if has_gains and narrow:
        columns += gained
    elif has_gains:
        gains, limits = (_cells(table, *names) for names in (("gain",), _ends("gain")))
        unit = f"Months longer than with {in_sentence(reference)}"
        scale = difference_scale
        columns += [
            Axis("gains", (), unit, lambda width: scale(gains, limits, width, size), null=0.0),
            *gained,
        ]
    return columns


def _ends(name: str) -> tuple[str, str]:
    return f"{name}_lower", f"{name}_upper"


def _cells(table: pd.DataFrame, *names: str) -> list[float]:
    """Numbers of some columns; missing ones are left out."""
    return [float(v) for name in names for v in table[name].astype(float) if not math.isnan(v)]


def _draw_benefit(
    drawn: Drawn,
    records: Sequence[Mapping[str, object]],
    place: Place,
    pitch: float,
    hues: Mapping[str, str],
    gid: str,
) -> None:
    for number, record in enumerate(records):
        y = place.middle + (number - (len(records) - 1) / 2) * pitch
        hue, histology = hues[as_text(record["treatment_class"])], as_text(record["histology"])
        for name, quantity in (("medians", "median"), ("gains", "gain")):
            if name in drawn.axes:
                values = numbers(record, quantity, *_ends(quantity))
                own = marks.Brush(
                    drawn.axes[name], drawn.axes[name].transData, hue, f"{gid}-{name}-{histology}"
                )
                put_estimate(own, drawn.scales[name], values, y, is_open=histology == "pure")


def put_estimate(
    brush: marks.Brush,
    scale: Scale,
    values: Sequence[float],
    y: float,
    *,
    is_open: bool = False,
    dashed: bool = False,
) -> None:
    """Draw an estimate with its interval, which ends in arrows where it goes on beyond the axis.

    Nothing is drawn of an estimate that is missing.
    """
    estimate, lower, upper = values
    if math.isnan(estimate):
        return
    if not math.isnan(lower):
        span, beyond = scale.clip(lower, upper)
        marks.put_line(brush, "interval", span, y, dashed=dashed, arrows=beyond)
    (marks.put_ring if is_open else marks.put_dot)(brush, estimate, y)


def _benefit_legend(
    table: pd.DataFrame,
    columns: Sequence[Words | Axis],
    hues: Mapping[str, str],
    level: float,
) -> list[LegendEntry]:
    interval = f"{100 * level:g}% CrI"
    entries = [
        LegendEntry(f"pure tumours, {interval}", samples.sample_ring),
        LegendEntry(f"mixed tumours, {interval}", samples.sample_model),
    ]
    scales = {c.name: c.scale(150.0) for c in columns if isinstance(c, Axis)}
    ends = {"medians": "median", "gains": "gain"}
    if any(
        any(scale.clip(*pair)[1])
        for name, scale in scales.items()
        for pair in table[list(_ends(ends[name]))].dropna().itertuples(index=False)
    ):
        entries.append(LegendEntry("goes on beyond the axis", samples.sample_arrow))
    classes = dict.fromkeys(table["treatment_class"])
    return entries + [LegendEntry(label, samples.Swatch(hues[label])) for label in classes]


# --- Effects on their priors ---------------------------------------------------------------------


def plot_effects(
    density: pd.DataFrame,
    effects: pd.DataFrame,
    *,
    printed: pd.DataFrame | None = None,
    shown: pd.DataFrame | None = None,
    printed_heading: str = "Printed by reports",
    shown_heading: str = "Significant results of a study of this size",
    level: float = 0.95,
    width: Width = "two-column",
    title: str | None = None,
) -> Figure:
    """Draw effects of histology: posterior over prior, and how much of each is prior.

    A strip for each effect with its densities, both in words, and a bar with the share of the
    answer that is prior. Below, where they are given, the ratios that reports printed, and what
    significant results of such a study show at stated true ratios. Nothing is computed but
    positions; each strip has one vertical scale.

    Parameters
    ----------
    density : DataFrame
        Columns `DENSITY_COLUMNS`; ``which`` is prior or posterior, ``x`` a ratio, ``density`` per
        unit of its logarithm.
    effects : DataFrame
        Columns `EFFECT_COLUMNS`, in display order; ``prior_share`` a fraction, or missing.
    printed, shown : DataFrame, optional
        Columns `PRINTED_COLUMNS` and `SHOWN_COLUMNS`.
    printed_heading, shown_heading : str
        Above the rows of either.
    level : float
        Of the intervals.
    width : str
        one-column (85 mm), two-column (174 mm) or slide (254 mm). In one column the prior in words
        is left out, and the share that is prior is told in figures.
    title : str, optional
        Set above the columns.

    Returns
    -------
    Figure
        Axes ``ratio`` and, where there is room, ``share``.

    Raises
    ------
    ValueError
        If a column, an effect or its density is missing, or the width is unknown.
    """
    _check_effects(density, effects)
    sheet = find_sheet(width)
    below = _rows_below(
        (printed, printed_heading, PRINTED_COLUMNS), (shown, shown_heading, SHOWN_COLUMNS)
    )
    rows, records = _effect_rows(effects, below)
    columns = _effect_columns(density, below, level, sheet)
    with style_context():
        drawn = draw_rows(
            rows,
            columns,
            sheet,
            head="Effect",
            label_share=_EFFECT_SHARES[sheet.name],
            title=title,
            legend=_effect_legend(printed, shown, bars="share" in [c.name for c in columns]),
            foot="Right of 1: mixed tumours live longer, or gain more. CrI, credible interval.",
        )
        for number, (record, place) in enumerate(zip(records, drawn.places, strict=True)):
            _draw_effect(drawn, record, place, density, f"effects-{number}")
    return drawn.figure


def _check_effects(density: pd.DataFrame, effects: pd.DataFrame) -> None:
    require_columns(density, DENSITY_COLUMNS, "plot_effects, density")
    require_columns(effects, EFFECT_COLUMNS, "plot_effects, effects")
    require_unique(effects, ("parameter",), "plot_effects, effects")
    bare = [name for name in effects["parameter"] if name not in set(density["parameter"])]
    if bare:
        raise ValueError(f"plot_effects: no density for {', '.join(map(str, bare))}")


# Rows below the effects, their heading, and the columns they need.
_Below = tuple[pd.DataFrame, str, Sequence[str]]


def _rows_below(*parts: tuple[pd.DataFrame | None, str, Sequence[str]]) -> list[_Below]:
    """Those that are given and have rows."""
    found = []
    for frame, heading, columns in parts:
        if frame is not None and not frame.empty:
            require_columns(frame, columns, "plot_effects, rows below")
            found.append((frame, heading, columns))
    return found


def _effect_columns(
    density: pd.DataFrame, below: Sequence[_Below], level: float, sheet: Sheet
) -> list[Words | Axis]:
    interval = f"({100 * level:g}% CrI)"
    inside, ends = _ratios_of(density, below)
    ratio = Axis(
        "ratio",
        (),
        "Ratio of medians, mixed to pure (log scale)",
        lambda span: ratio_scale(inside, ends, span, sheet.body),
        null=1.0,
        part=4.0,
    )
    prior = Words("prior_text", ("Prior", interval))
    posterior = Words("posterior_text", ("Posterior", interval))
    if sheet.name == "one-column":
        return [ratio, posterior, Words("share_text", ("Prior", "share"))]
    share = Axis("share", ("Share that", "is prior"), "%", lambda span: _SHARES)
    return [ratio, prior, posterior, share]


_SHARES = Scale(0.0, 100.0, (0, 50, 100), log=False)


def _effect_rows(
    effects: pd.DataFrame, below: Sequence[_Below]
) -> tuple[list[Row], list[Mapping[str, object]]]:
    """Rows with their words, and the record that each is drawn from; none for a heading."""
    rows, records = [], []
    for record in effects.to_dict("records"):
        texts = {name: (as_text(record[name]),) for name in ("prior_text", "posterior_text")}
        (share,) = numbers(record, "prior_share")
        texts["share_text"] = () if math.isnan(share) else (f"{100 * share:.0f}%",)
        rows.append(Row(as_text(record["label"]), as_text(record["detail"]), texts, least=_STRIP))
        records.append(record)
    for frame, heading, _ in below:
        rows.append(Row(heading, heading=True))
        records.append({})
        for record in frame.to_dict("records"):
            words = [as_text(record.get(name)) for name in ("true_text", "shown_text")]
            texts = {"posterior_text": (as_text(record.get("ratio_text")),)}
            if any(words):
                texts = {"prior_text": (words[0],), "posterior_text": (words[1],)}
            rows.append(Row(as_text(record["label"]), as_text(record.get("detail")), texts))
            records.append(record)
    return rows, records


def _ratios_of(density: pd.DataFrame, below: Sequence[_Below]) -> tuple[list[float], list[float]]:
    """Ratios that must lie on the axis, and those that may stretch it."""
    peaks = density.groupby(["parameter", "which"])["density"].transform("max")
    visible = density.loc[density["density"] >= _VISIBLE * peaks, "x"]
    inside = [
        float(value)
        for frame, _, _ in below
        for name in ("ratio", "true_ratio", "shown_ratio")
        if name in frame
        for value in frame[name].dropna()
    ]
    return inside, [float(value) for value in visible]


def _draw_effect(
    drawn: Drawn, record: Mapping[str, object], place: Place, density: pd.DataFrame, gid: str
) -> None:
    axes, scale = drawn.axes["ratio"], drawn.scales["ratio"]
    brush = marks.Brush(axes, axes.transData, INK, gid)
    if "parameter" in record:
        own = density[density["parameter"] == record["parameter"]]
        put_densities(axes, own, scale, (place.top, place.height), f"{gid}-{{which}}")
        if "share" in drawn.axes:
            _draw_share(drawn.axes["share"], record, place, gid)
    elif "ratio" in record:
        ratio, patients = numbers(record, "ratio", "patients")
        marks.put_square(brush, ratio, place.middle, marks.square_side(patients))
    elif "shown_ratio" in record:
        true, shown = numbers(record, "true_ratio", "shown_ratio")
        if not math.isnan(shown):
            marks.put_line(brush, "drawn-out", (true, shown), place.middle, thickness=0.9)
            marks.put_dot(brush, shown, place.middle)
        marks.put_ring(brush, true, place.middle)


def _draw_share(axes: Axes, record: Mapping[str, object], place: Place, gid: str) -> None:
    (share,) = numbers(record, "prior_share")
    if math.isnan(share):
        return
    brush = marks.Brush(axes, axes.transData, INK, f"{gid}-whole")
    marks.put_area(brush, (0.0, 100.0), place.middle, 6.0, 0.1)
    brush = marks.Brush(axes, axes.transData, INK, f"{gid}-share")
    marks.put_area(brush, (0.0, 100.0 * share), place.middle, 6.0, 0.6)


def _effect_legend(
    printed: pd.DataFrame | None, shown: pd.DataFrame | None, *, bars: bool
) -> list[LegendEntry]:
    entries = [
        LegendEntry("prior density", samples.sample_prior_outline),
        LegendEntry("posterior density", samples.sample_area),
    ]
    if bars:
        entries.append(LegendEntry("share of the answer that is prior", sample_share))
    if printed is not None and not printed.empty:
        entries.append(LegendEntry("printed ratio (area by n)", samples.sample_square))
    if shown is not None and not shown.empty:
        entries.append(LegendEntry("true ratio", sample_open))
        entries.append(LegendEntry("shown on average", sample_dot))
    return entries


def sample_share(page: Page, x: float, y: float) -> None:
    """Draw a bar of which a part is filled: sample for the legend."""
    brush = marks.Brush(page.figure, page.transform, INK)
    marks.put_area(brush, (x - 8, x + 8), y, 5.0, 0.1)
    marks.put_area(brush, (x - 8, x), y, 5.0, 0.6)


def sample_open(page: Page, x: float, y: float) -> None:
    """Draw an open circle."""
    marks.put_ring(marks.Brush(page.figure, page.transform, INK), x, y)


def sample_dot(page: Page, x: float, y: float) -> None:
    """Draw a filled dot."""
    marks.put_dot(marks.Brush(page.figure, page.transform, INK), x, y)


__all__ = ["plot_benefit", "plot_effects", "put_estimate"]
