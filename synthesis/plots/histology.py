"""Pure and mixed tumours: medians and gains, effects on their priors, and single results."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from synthesis import numbers
from synthesis.endpoints import ENDPOINTS, Endpoint, endpoint_of
from synthesis.plots import marks, page, rows, style
from synthesis.plots.rows import INTERVAL, Axis, Row, Words, flag, interval_of, number, word
from synthesis.result import names

BENEFIT_COLUMNS = names(
    "endpoint treatment histology median median_lower median_upper gain gain_lower gain_upper "
    "p_gain p_gain_adjusted cohorts patients compared is_reference extrapolated"
)
EFFECT_COLUMNS = names(
    "endpoint parameter label prior prior_lower prior_upper posterior posterior_lower "
    "posterior_upper prior_share cohorts patients"
)
DENSITY_COLUMNS = names("endpoint parameter which x density")
REPORTED_COLUMNS = names("endpoint label pure mixed ratio p patients")

#: Shape and hue of each histology: neither alone tells them apart.
HISTOLOGIES: Mapping[str, tuple[str, str]] = {
    "pure": ("dot", style.PURE),
    "mixed": ("diamond", style.MIXED),
}

EFFECT_FOOT = (
    "Right of 1: mixed tumours live longer, or gain more. Share assumed: how much of the answer is "
    "prior. CrI, credible interval."
)


@style.style_context()
def plot_benefit(
    table: pd.DataFrame,
    *,
    delta: float = 1.0,
    width: style.Width = "two-column",
    title: str | None = None,
) -> Figure:
    """Draw medians and gains of every treatment by histology, a panel an endpoint.

    Dots are pure tumours, diamonds mixed ones. What no report of the treatment supports is open and
    dashed; treatments with nothing else stand below a heading. The left axis has the median, the
    right one the gain over the reference: Axes ``benefit-os medians`` and, with gains and where
    there is room, ``benefit-os gains``.

    The table has the columns `BENEFIT_COLUMNS`, a row for each endpoint, treatment and histology
    (pure, mixed), in display order; months. The reference has no gain. `delta` is the gain, in
    months, of the heading of their probability. `width` and `title` are as of `plot_forest`; one
    column has medians only, a slide the probability of a gain, too. ValueError if a column is
    missing, there is no row, two rows are of one endpoint, treatment and histology, or an endpoint,
    a histology or the width is unknown.
    """
    unique = ("endpoint", "treatment", "histology")
    known = {"endpoint": ENDPOINTS, "histology": HISTOLOGIES}
    rows.require(table, BENEFIT_COLUMNS, "plot_benefit", unique=unique, known=known)
    sheet = style.find_sheet(width)
    blocks = [
        _benefit_block(endpoint_of(name), own, delta, sheet)
        for name, own in table.groupby("endpoint", sort=False)
    ]
    legend = [
        (f"{name} tumours", marks.estimate_sample(shape, hue))
        for name, (shape, hue) in HISTOLOGIES.items()
    ]
    if table["extrapolated"].astype(bool).any():
        sample = marks.estimate_sample(extrapolated=True)
        legend.append(("extrapolated: no report of the treatment supports it", sample))
    foot = "Average study, reference population. CrI, credible interval."
    if sheet.name == "slide":
        foot = f"{foot} P: as it is / allowing for confounding."
    shares = (0.31, 0.25, 0.24)
    layout = rows.lay_out(blocks, sheet, title, legend, foot, shares=shares, between=1.0)
    return rows.draw_blocks(layout)


def _benefit_block(
    endpoint: Endpoint, table: pd.DataFrame, delta: float, sheet: style.Sheet
) -> rows.Block:
    unsupported = table["extrapolated"].astype(bool).groupby(table["treatment"]).transform("all")
    supported, rest = (
        [_benefit_row(own.to_dict("records")) for _, own in half.groupby("treatment", sort=False)]
        for half in (table[~unsupported], table[unsupported])
    )
    words = "Extrapolated: no report of the treatment tells pure from mixed"
    entries = [*supported, Row(words, kind="band"), *rest] if rest else supported
    columns, name = _benefit_columns(table, delta, sheet), f"benefit-{endpoint.id}"
    return rows.Block(name, entries, columns, "Treatment", endpoint.name())


def _benefit_row(records: Sequence[Mapping[str, Any]]) -> Row:
    first = records[0]
    who = numbers.patients(int(first["patients"]), int(first["compared"]))
    detail = f"{numbers.count(int(first['cohorts']), 'cohort')}, n = {who}"
    unsure = [word(row["histology"]) for row in records if flag(row["extrapolated"])]
    if 0 < len(unsure) < len(records):
        detail += f"; {numbers.listed(unsure)} extrapolated"
    medians, gains = (
        tuple(numbers.written(row, numbers.months, name) for row in records)
        for name in ("median", "gain")
    )
    texts = {"medians": medians, "gains": (rows.Quiet("reference"),)}
    if not flag(first["is_reference"]):
        chances = (numbers.chance_pair(row["p_gain"], row["p_gain_adjusted"]) for row in records)
        texts |= {"gains": gains, "p": tuple(chances)}

    def draw(spot: rows.Spot) -> None:
        for place, row in enumerate(records):
            shape, hue = HISTOLOGIES[word(row["histology"])]
            look = {"y": spot.line(place, len(records)), "shape": shape, "hue": hue}
            look["extrapolated"] = flag(row["extrapolated"])
            for column in spot.axes:
                values = interval_of(row, column.removesuffix("s"))
                name = f"{column}-{row['histology']}"
                rows.put_estimate(spot, column, values, name=name, **look)

    return Row(word(first["treatment"]), detail, texts, draw)


def _benefit_columns(table: pd.DataFrame, delta: float, sheet: style.Sheet) -> list[Words | Axis]:
    medians, gains = (rows.spans(table.to_dict("records"), name) for name in ("median", "gain"))
    columns: list[Words | Axis] = [
        Axis("medians", "Months (log scale)", partial(page.month_scale, *medians)),
        Words("medians", ("Median, months", INTERVAL)),
    ]
    references = table.loc[table["is_reference"].astype(bool), "treatment"]
    if sheet.is_narrow or references.empty or table["gain"].isna().all():
        return columns
    unit = f"Months longer than with {numbers.in_sentence(word(references.iloc[0]))}"
    columns.append(Axis("gains", unit, partial(page.difference_scale, *gains), null=0.0))
    columns.append(Words("gains", ("Gain, months", INTERVAL)))
    if sheet.name == "slide":
        columns.append(Words("p", ("P(gain", f"> {numbers.value(delta)} mo.)")))
    return columns


# --- Effects on their priors ---------------------------------------------------------------------


@style.style_context()
def plot_effects(
    density: pd.DataFrame,
    effects: pd.DataFrame,
    reported: pd.DataFrame | None = None,
    *,
    width: style.Width = "two-column",
    title: str | None = None,
) -> Figure:
    """Draw effects of histology, a panel an endpoint: posterior over prior, and how much is prior.

    A strip for each effect, with a vertical scale of its own, and below the ratios that reports
    give. An Axes an endpoint, labelled ``effects-os ratio``.

    `density` has the columns `DENSITY_COLUMNS`: ``which`` is prior or posterior, ``x`` a ratio,
    ``density`` per unit of its logarithm. `effects` has `EFFECT_COLUMNS`, in display order;
    ``prior_share`` is a fraction, or missing. `reported` has `REPORTED_COLUMNS`: medians in months,
    their ratio, p in words. `width` and `title` are as of `plot_forest`. ValueError if a column, an
    effect or its density is missing, or an endpoint or the width is unknown.
    """
    rows.require(density, DENSITY_COLUMNS, "plot_effects, density")
    unique, known = ("endpoint", "parameter"), {"endpoint": ENDPOINTS}
    rows.require(effects, EFFECT_COLUMNS, "plot_effects, effects", unique=unique, known=known)
    if reported is None:
        reported = effects.head(0).reindex(columns=list(REPORTED_COLUMNS))
    rows.require(reported, REPORTED_COLUMNS, "plot_effects, reported", may_be_empty=True)
    sheet, blocks = style.find_sheet(width), []
    head = "Effect" if sheet.is_narrow else "Effect of histology"
    for name, own in effects.groupby("endpoint", sort=False):
        drawn, ratios = (frame[frame["endpoint"] == name] for frame in (density, reported))
        entries = [*effect_rows(own, drawn, sheet, "plot_effects"), *_reported_rows(ratios)]
        columns, heading = _effect_columns(drawn, ratios, sheet), endpoint_of(name).name()
        blocks.append(rows.Block(f"effects-{name}", entries, columns, head, heading))
    legend, shares = effect_legend(reported=not reported.empty), (0.3, 0.27, 0.27)
    return rows.draw_blocks(rows.lay_out(blocks, sheet, title, legend, EFFECT_FOOT, shares=shares))


def effect_rows(
    effects: pd.DataFrame, density: pd.DataFrame, sheet: style.Sheet, what: str, strip: float = 30.0
) -> Iterator[Row]:
    """A row an effect: its densities, `strip` points high, prior, posterior and share of the prior.

    Raises ValueError with the name of the figure for effects without a density.
    """
    densities = dict(tuple(density.groupby("parameter")))
    bare = [word(name) for name in effects["parameter"] if name not in densities]
    if bare:
        raise ValueError(f"{what}: no density for {', '.join(bare)}")
    for record in effects.to_dict("records"):
        prior, posterior = (
            numbers.written(record, numbers.ratio, which) for which in ("prior", "posterior")
        )
        share = number(record["prior_share"])
        share = "" if math.isnan(share) else f"{numbers.percent(share)} %"
        texts = {"posterior": (rows.Quiet(prior), posterior), "share": share}
        detail = _behind(record) + (f"; {share} assumed" if sheet.is_narrow and share else "")
        draw = partial(rows.put_densities, density=densities[record["parameter"]], column="ratio")
        yield Row(word(record["label"]), detail, texts, draw, least=strip)


def _behind(record: Mapping[str, Any]) -> str:
    """Cohorts whose histology is known, in few words."""
    cohorts, patients = number(record["cohorts"]), number(record["patients"])
    if cohorts > 0:
        return f"{numbers.count(int(cohorts), 'cohort')}, n = {int(patients):,}"
    if cohorts == 0:
        return "no report tells it"
    return "" if math.isnan(patients) else f"n = {int(patients):,}"


def _reported_rows(reported: pd.DataFrame) -> Iterator[Row]:
    """A row a report that gives medians of both histologies: their ratio in its own column."""
    for record in reported.to_dict("records"):
        p = numbers.printed_p(word(record["p"])).replace(" ", "\N{NO-BREAK SPACE}")
        mixed, pure, ratio = (number(record[name]) for name in ("mixed", "pure", "ratio"))
        medians = f"{numbers.months(mixed)} v {numbers.months(pure)} months"
        detail = ", ".join(filter(None, (medians, p)))
        draw = partial(_put_ratio, ratio, marks.square_side(number(record["patients"])))
        yield Row(word(record["label"]), detail, {"reported": numbers.ratio(ratio)}, draw)


def _put_ratio(ratio: float, side: float, spot: rows.Spot) -> None:
    marks.put_square(spot.brush("ratio"), ratio, spot.middle, side)


def _effect_columns(
    density: pd.DataFrame, reported: pd.DataFrame, sheet: style.Sheet, *others: float
) -> list[Words | Axis]:
    """Columns of a panel of effects; reported and other ratios lie on the axis."""
    unit = "Ratio (log scale)" if sheet.is_narrow else "Ratio of medians (log scale)"
    scale = partial(page.ratio_scale, [*reported["ratio"], *others], rows.visible(density))
    ratios = [] if reported.empty else [Words("reported", ("Reported", "ratio"))]
    return [Axis("ratio", unit, scale, null=1.0), *ratios, *answer_columns(sheet)]


def answer_columns(sheet: style.Sheet) -> list[Words | Axis]:
    """Prior and posterior in words; the share assumed, which in one column stands in the detail."""
    if sheet.is_narrow:
        return [Words("posterior", (rows.Quiet("Prior"), "Posterior", INTERVAL))]
    words = Words("posterior", (rows.Quiet("Prior"), f"Posterior {INTERVAL}"))
    return [words, Words("share", ("Share", "assumed"), "right")]


def effect_legend(*, reported: bool) -> list[page.LegendEntry]:
    """Legend of densities and, where there are any, of reported ratios."""
    entries = [("prior density", marks.PRIOR), ("posterior density", marks.area_sample())]
    ratio = ("ratio that a report gives (area by n)", marks.square_sample)
    return [*entries, ratio] if reported else entries


# --- Single results ------------------------------------------------------------------------------

#: Column that tells the results apart; the other tables have it in place of their endpoint.
RESULT = "result"
SINGLE_REPORTED_COLUMNS = (RESULT, *REPORTED_COLUMNS)
SINGLE_EFFECT_COLUMNS = (RESULT, *EFFECT_COLUMNS[1:])
SINGLE_DENSITY_COLUMNS = (RESULT, *DENSITY_COLUMNS[1:])
SHOWN_COLUMNS = (RESULT, *names("truth true_ratio shown_ratio power"))
#: ``truth`` of the row whose true ratio is drawn from the pool.
POOLED = "as pooled"


@style.style_context()
def plot_singles(
    density: pd.DataFrame,
    effects: pd.DataFrame,
    reported: pd.DataFrame,
    shown: pd.DataFrame,
    *,
    width: style.Width = "two-column",
    title: str | None = None,
) -> Figure:
    """Draw all single results, a panel each: reported, alone, pooled, and how results exaggerate.

    Below the densities, what significant results of studies of the same size show at stated true
    ratios. An Axes a result, labelled ``single-0 ratio``.

    `density`, `effects` and `reported` are as of `plot_effects`, with a column ``result`` that
    tells the results apart; only `reported`, one row a result, has the endpoint. The first effect
    of a result is what the report says alone. `shown` has the columns `SHOWN_COLUMNS`: true ratio
    (``truth`` is `POOLED` for the pooled one), ratio that significant results show (missing: none),
    share that is significant. `width` and `title` are as of `plot_forest`. ValueError if a column
    or a density is missing, there is no result, two rows report one result, or the width is
    unknown.
    """
    rows.require(density, SINGLE_DENSITY_COLUMNS, "plot_singles, density")
    rows.require(effects, SINGLE_EFFECT_COLUMNS, "plot_singles, effects")
    unique = (RESULT,)
    rows.require(reported, SINGLE_REPORTED_COLUMNS, "plot_singles, reported", unique=unique)
    rows.require(shown, SHOWN_COLUMNS, "plot_singles, shown", may_be_empty=True)
    sheet, blocks = style.find_sheet(width), []
    for place, result in enumerate(reported[RESULT]):
        frames = (frame[frame[RESULT] == result] for frame in (reported, density, effects, shown))
        blocks.append(_single_block(f"single-{place}", *frames, sheet))
    legend = [
        *effect_legend(reported=True),
        ("true ratio", marks.point_sample(fill=False)),
        ("ratio that significant results show on average", marks.point_sample()),
    ]
    shares = (0.3, 0.27, 0.27)
    layout = rows.lay_out(blocks, sheet, title, legend, EFFECT_FOOT, shares=shares, between=0.6)
    return rows.draw_blocks(layout)


def _single_block(
    name: str,
    reported: pd.DataFrame,
    density: pd.DataFrame,
    effects: pd.DataFrame,
    shown: pd.DataFrame,
    sheet: style.Sheet,
) -> rows.Block:
    """Panel of one result; what the report says alone stands with the ratio that it gives."""
    alone, *entries = effect_rows(effects, density, sheet, "plot_singles", strip=23.0)
    (report,) = _reported_rows(reported)

    def draw(spot: rows.Spot) -> None:
        alone.draw(spot)
        report.draw(spot)

    detail = "; ".join(filter(None, (alone.detail, report.detail)))
    first = replace(alone, detail=detail, texts={**alone.texts, **report.texts}, draw=draw)
    others = [*shown["true_ratio"], *shown["shown_ratio"]]
    columns = _effect_columns(density, reported, sheet, *others)
    heading = f"{report.label}, {endpoint_of(reported['endpoint'].iloc[0]).words()}"
    entries = [first, *entries, *_shown_rows(shown)]
    return rows.Block(name, entries, columns, "Mixed against pure", heading)


def _shown_rows(shown: pd.DataFrame) -> Iterator[Row]:
    if not shown.empty:
        yield Row("Significant results of a study of this size", kind="head")
    for record in shown.to_dict("records"):
        true, seen = number(record["true_ratio"]), number(record["shown_ratio"])
        pooled = "As pooled" if record["truth"] == POOLED else "True"
        power = f"{numbers.percent(number(record['power']))} % are significant"
        texts = {} if math.isnan(seen) else {"posterior": f"shown as {numbers.ratio(seen)}"}
        yield Row(f"{pooled} {numbers.ratio(true)}", power, texts, partial(_put_shown, true, seen))


def _put_shown(true: float, seen: float, spot: rows.Spot) -> None:
    brush = spot.brush("ratio")
    if not math.isnan(seen):
        marks.put_line(brush, "drawn-out", (true, seen), spot.middle)
        marks.put_point(brush, seen, spot.middle, "shown")
    marks.put_point(brush, true, spot.middle, "true", fill=False)
