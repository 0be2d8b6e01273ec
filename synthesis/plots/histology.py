"""Pure and mixed tumours: medians and gains side by side, and effects on their priors."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from matplotlib.figure import Figure

from synthesis import numbers
from synthesis.endpoints import ENDPOINTS, Endpoint, endpoint_of
from synthesis.plots import inputs, marks, rows, style
from synthesis.plots.inputs import flag, interval_of, number, word
from synthesis.plots.page import LegendEntry
from synthesis.plots.scales import Scale, difference_scale, month_scale, ratio_scale

if TYPE_CHECKING:
    import pandas as pd

BENEFIT_COLUMNS: tuple[str, ...] = (
    *("endpoint", "treatment", "histology", "median", "median_lower", "median_upper"),
    *("gain", "gain_lower", "gain_upper", "p_gain", "cohorts", "patients"),
    *("is_reference", "extrapolated"),
)
EFFECT_COLUMNS: tuple[str, ...] = (
    *("endpoint", "parameter", "label", "prior", "prior_lower", "prior_upper"),
    *("posterior", "posterior_lower", "posterior_upper", "prior_share", "cohorts", "patients"),
)
DENSITY_COLUMNS: tuple[str, ...] = ("endpoint", "parameter", "which", "x", "density")
REPORTED_COLUMNS: tuple[str, ...] = (
    *("endpoint", "label", "pure", "mixed", "ratio", "p", "patients"),
)

#: Shape and hue of each histology: neither alone tells them apart.
HISTOLOGIES: Mapping[str, tuple[str, str]] = {
    "pure": ("dot", style.PURE),
    "mixed": ("diamond", style.MIXED),
}

#: Height of the strip of a density in points, and shares of the width that labels may take.
STRIP = 30.0
_BENEFIT_SHARES = {"one-column": 0.31, "two-column": 0.25, "slide": 0.24}
EFFECT_SHARES = {"one-column": 0.3, "two-column": 0.27, "slide": 0.27}

_INTERVAL = f"({numbers.LEVEL} CrI)"


@style.style_context()
def plot_benefit(
    table: pd.DataFrame,
    *,
    delta: float = 1.0,
    width: style.Width = "two-column",
    title: str | None = None,
) -> Figure:
    """Draw medians and gains of every treatment by histology, a panel an endpoint.

    Dots are pure tumours, diamonds mixed ones. A value that no report of the treatment supports is
    open, its interval dashed; treatments all of whose values are so stand below a heading that
    says it. The left axis has the median, the right one the gain over the reference. Nothing is
    computed but positions.

    Parameters
    ----------
    table : DataFrame
        Columns `BENEFIT_COLUMNS`, a row for each endpoint, treatment and histology (pure, mixed),
        in display order; months. The reference has no gain.
    delta : float
        Months of gain, for the heading of their probability.
    width, title
        As of `plot_forest`. In one column there are medians only; the probability of a gain stands
        on a slide.

    Returns
    -------
    Figure
        Axes ``benefit-os medians`` and, with gains and where there is room, ``benefit-os gains``.

    Raises
    ------
    ValueError
        If a column is missing, there is no row, two rows are of one endpoint, treatment and
        histology, or an endpoint, a histology or the width is unknown.
    """
    inputs.require_columns(table, BENEFIT_COLUMNS, "plot_benefit")
    inputs.require_unique(table, ("endpoint", "treatment", "histology"), "plot_benefit")
    inputs.require_known(table["endpoint"], ENDPOINTS, "plot_benefit: endpoint")
    inputs.require_known(table["histology"], HISTOLOGIES, "plot_benefit: histology")
    sheet = style.find_sheet(width)
    blocks = [
        _benefit_block(endpoint_of(name), own, delta, sheet)
        for name, own in table.groupby("endpoint", sort=False)
    ]
    layout = rows.lay_out(blocks, sheet, label_share=_BENEFIT_SHARES[sheet.name], between=1.0)
    foot = "Average study, reference population. CrI, credible interval."
    return rows.draw_blocks(layout, title, _benefit_legend(table), foot)


def _benefit_block(
    endpoint: Endpoint, table: pd.DataFrame, delta: float, sheet: style.Sheet
) -> rows.Block:
    groups = [own.to_dict("records") for _, own in table.groupby("treatment", sort=False)]
    unsupported = [own for own in groups if all(flag(row["extrapolated"]) for row in own)]
    supported = [own for own in groups if own not in unsupported]
    entries = [_benefit_row(own) for own in supported]
    if unsupported:
        words = "Extrapolated: no report of the treatment tells pure from mixed"
        entries += [rows.Row(words, kind="band"), *(_benefit_row(own) for own in unsupported)]
    columns = _benefit_columns(endpoint, table, delta, sheet)
    return rows.Block(f"benefit-{endpoint.id}", entries, columns, "Treatment", endpoint.name())


def _benefit_row(records: Sequence[Mapping[str, Any]]) -> rows.Row:
    first = records[0]
    behind = numbers.count(int(first["cohorts"]), "cohort")
    detail = f"{behind}, n = {int(first['patients']):,}"
    flags = [flag(row["extrapolated"]) for row in records]
    if any(flags) and not all(flags):
        names = [word(row["histology"]) for row in records if flag(row["extrapolated"])]
        detail += f"; {numbers.listed(names)} extrapolated"
    texts = {"medians": tuple(_months(row, "median") for row in records)}
    if flag(first["is_reference"]):
        texts["gains"] = (rows.Quiet("reference"),)
    else:
        texts["gains"] = tuple(_months(row, "gain") for row in records)
        texts["p"] = tuple(numbers.chance(row["p_gain"]) for row in records)

    def draw(spot: rows.Spot) -> None:
        for place, row in enumerate(records):
            y = spot.line(place, len(records))
            shape, hue = HISTOLOGIES[word(row["histology"])]
            for column, quantity in (("medians", "median"), ("gains", "gain")):
                if column in spot.axes:
                    brush = spot.brush(column, hue, f"{column}-{row['histology']}")
                    values, scale = interval_of(row, quantity), spot.scales[column]
                    unsure = flag(row["extrapolated"])
                    rows.put_estimate(brush, scale, values, y, shape=shape, extrapolated=unsure)

    return rows.Row(word(first["treatment"]), detail, texts, draw)


def _months(record: Mapping[str, Any], name: str) -> str:
    return numbers.interval(*interval_of(record, name), numbers.months)


def _benefit_columns(
    endpoint: Endpoint, table: pd.DataFrame, delta: float, sheet: style.Sheet
) -> list[rows.Words | rows.Axis]:
    face = sheet.text
    medians = rows.Axis(
        "medians",
        "Months (log scale)",
        lambda width: month_scale(table["median"], _ends(table, "median"), width, face),
    )
    columns: list[rows.Words | rows.Axis] = [
        medians,
        rows.Words("medians", ("Median, months", _INTERVAL)),
    ]
    references = table.loc[table["is_reference"].astype(bool), "treatment"]
    if sheet.is_narrow or references.empty or table["gain"].isna().all():
        return columns
    over = numbers.in_sentence(word(references.iloc[0]))
    gains = rows.Axis(
        "gains",
        f"Months longer than with {over}",
        lambda width: difference_scale(table["gain"], _ends(table, "gain"), width, face),
        null=0.0,
    )
    columns += [gains, rows.Words("gains", ("Gain, months", _INTERVAL))]
    if sheet.name == "slide":
        columns.append(rows.Words("p", ("P(gain", f"> {numbers.value(delta)} mo.)")))
    return columns


def _ends(table: pd.DataFrame, name: str) -> list[float]:
    return [*table[f"{name}_lower"].astype(float), *table[f"{name}_upper"].astype(float)]


def _benefit_legend(table: pd.DataFrame) -> list[LegendEntry]:
    entries = [
        LegendEntry(f"{name} tumours", marks.estimate_sample(shape, hue))
        for name, (shape, hue) in HISTOLOGIES.items()
    ]
    if table["extrapolated"].astype(bool).any():
        sample = marks.estimate_sample(extrapolated=True)
        entries.append(LegendEntry("extrapolated: no report of the treatment supports it", sample))
    return entries


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

    A strip for each effect with its densities, both in words, and the share of the answer that is
    prior. Below, the ratios that reports give, in a column of their own. Nothing is computed but
    positions; each strip has one vertical scale.

    Parameters
    ----------
    density : DataFrame
        Columns `DENSITY_COLUMNS`; ``which`` is prior or posterior, ``x`` a ratio, ``density`` per
        unit of its logarithm.
    effects : DataFrame
        Columns `EFFECT_COLUMNS`, in display order; ``prior_share`` a fraction, or missing.
    reported : DataFrame, optional
        Columns `REPORTED_COLUMNS`: medians in months, their ratio, p in words.
    width, title
        As of `plot_forest`.

    Returns
    -------
    Figure
        An Axes an endpoint, labelled ``effects-os ratio``.

    Raises
    ------
    ValueError
        If a column, an effect or its density is missing, or an endpoint or the width is unknown.
    """
    inputs.require_columns(density, DENSITY_COLUMNS, "plot_effects, density")
    inputs.require_columns(effects, EFFECT_COLUMNS, "plot_effects, effects")
    inputs.require_unique(effects, ("endpoint", "parameter"), "plot_effects, effects")
    inputs.require_known(effects["endpoint"], ENDPOINTS, "plot_effects: endpoint")
    if reported is None:
        reported = effects.head(0).reindex(columns=list(REPORTED_COLUMNS))
    inputs.require_columns(reported, REPORTED_COLUMNS, "plot_effects, reported", may_be_empty=True)
    sheet, blocks = style.find_sheet(width), []
    for name, own in effects.groupby("endpoint", sort=False):
        drawn, ratios = (frame[frame["endpoint"] == name] for frame in (density, reported))
        entries = [*effect_rows(own, drawn, sheet, "plot_effects"), *reported_rows(ratios)]
        columns = effect_columns(drawn, ratios, sheet)
        head = "Effect" if sheet.is_narrow else "Effect of mixed histology"
        label = endpoint_of(name).name()
        blocks.append(rows.Block(f"effects-{name}", entries, columns, head, label))
    layout = rows.lay_out(blocks, sheet, label_share=EFFECT_SHARES[sheet.name])
    return rows.draw_blocks(layout, title, effect_legend(reported=not reported.empty), EFFECT_FOOT)


EFFECT_FOOT = (
    "Right of 1: mixed tumours live longer, or gain more. Share assumed: how much of the answer is "
    "prior. CrI, credible interval."
)


def effect_rows(
    effects: pd.DataFrame,
    density: pd.DataFrame,
    sheet: style.Sheet,
    what: str,
    *,
    strip: float = STRIP,
) -> Iterator[rows.Row]:
    """A row an effect: its densities, prior and posterior in words, and the share that is prior.

    Raises
    ------
    ValueError
        If an effect has no density; names the figure and the effects.
    """
    known = set(density["parameter"])
    bare = [word(name) for name in effects["parameter"] if name not in known]
    if bare:
        raise ValueError(f"{what}: no density for {', '.join(bare)}")
    for record in effects.to_dict("records"):
        own = density[density["parameter"] == record["parameter"]]
        share = number(record["prior_share"])
        prior = numbers.interval(*interval_of(record, "prior"), numbers.ratio)
        posterior = numbers.interval(*interval_of(record, "posterior"), numbers.ratio)
        texts = {
            "posterior": (rows.Quiet(prior), posterior),
            "share": "" if math.isnan(share) else f"{numbers.percent(share)} %",
        }
        detail = _behind(record)
        if sheet.is_narrow and texts["share"]:
            detail = f"{detail}; {texts['share']} assumed"
        yield rows.Row(word(record["label"]), detail, texts, _density_marks(own), least=strip)


def _density_marks(density: pd.DataFrame):
    return lambda spot: rows.put_densities(spot, "ratio", density)


def _behind(record: Mapping[str, Any]) -> str:
    """Cohorts whose histology is known, in few words."""
    cohorts, patients = number(record.get("cohorts")), number(record.get("patients"))
    if cohorts > 0:
        return f"{numbers.count(int(cohorts), 'cohort')}, n = {int(patients):,}"
    if cohorts == 0:
        return "no report tells it"
    return "" if math.isnan(patients) else f"n = {int(patients):,}"


def reported_rows(reported: pd.DataFrame) -> list[rows.Row]:
    """A row a report that gives medians of both histologies: their ratio in its own column."""
    entries = []
    for record in reported.to_dict("records"):
        p = f", p = {word(record['p'])}" if word(record["p"]) else ""
        pure, mixed = number(record["pure"]), number(record["mixed"])
        detail = f"{numbers.months(mixed)} v {numbers.months(pure)} months{p}"
        texts = {"reported": numbers.ratio(number(record["ratio"]))}
        entries.append(rows.Row(word(record["label"]), detail, texts, _reported_marks(record)))
    return entries


def _reported_marks(record: Mapping[str, Any]):
    side = marks.square_side(number(record["patients"]))
    ratio = number(record["ratio"])
    return lambda spot: marks.put_square(spot.brush("ratio"), ratio, spot.middle, side)


def effect_columns(
    density: pd.DataFrame,
    reported: pd.DataFrame,
    sheet: style.Sheet,
    *,
    also: Sequence[float] = (),
) -> list[rows.Words | rows.Axis]:
    """Columns of a panel of effects; `also` are further ratios that must lie on the axis."""
    inside, ends = [*reported["ratio"], *also], rows.visible(density)
    unit = "Ratio (log scale)" if sheet.is_narrow else "Ratio of medians, mixed to pure (log scale)"

    def scale(width: float) -> Scale:
        return ratio_scale(inside, ends, width, sheet.text)

    columns: list[rows.Words | rows.Axis] = [rows.Axis("ratio", unit, scale, null=1.0)]
    if not reported.empty:
        columns.append(rows.Words("reported", ("Reported", "ratio")))
    return [*columns, *answer_columns(sheet)]


def answer_columns(sheet: style.Sheet) -> list[rows.Words | rows.Axis]:
    """Prior and posterior in words; the share assumed, which in one column stands in the detail."""
    if sheet.is_narrow:
        return [rows.Words("posterior", (rows.Quiet("Prior"), "Posterior", _INTERVAL))]
    words = rows.Words("posterior", (rows.Quiet("Prior"), f"Posterior {_INTERVAL}"))
    return [words, rows.Words("share", ("Share", "assumed"), "right")]


def effect_legend(*, reported: bool) -> list[LegendEntry]:
    """Legend of densities and, where there are any, of reported ratios."""
    entries = [
        LegendEntry("prior density", marks.PRIOR),
        LegendEntry("posterior density", marks.area_sample()),
    ]
    if reported:
        entries.append(LegendEntry("ratio that a report gives (area by n)", marks.square_sample))
    return entries
