"""The network of comparisons: treatments, and the reports that gave two of them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import PathPatch
from matplotlib.path import Path

from synthesis.plots import samples
from synthesis.plots.carried import LINKS, link_entries, require_kinds
from synthesis.plots.cells import as_number, as_text, require_columns, require_unique
from synthesis.plots.page import (
    MARGIN,
    LegendEntry,
    Page,
    add_axes,
    flow_legend,
    legend_pitch,
    open_page,
    put_legend,
    put_lines,
    put_text,
    widest,
    wrap,
)
from synthesis.plots.style import (
    INK,
    MUTED,
    Sheet,
    Width,
    choose_hues,
    find_sheet,
    style_context,
    tint,
)

NODE_COLUMNS: tuple[str, ...] = ("treatment", "treatment_class", "cohorts", "patients", "links")
EDGE_COLUMNS: tuple[str, ...] = ("treatment", "reference", "carried_by", "reports", "patients")

_LABEL_SHARES: Mapping[str, float] = {"one-column": 0.36, "two-column": 0.32, "slide": 0.32}
# Diameters in points: that of the treatment with most patients, the others in proportion by area;
# none so small that it cannot be seen.
_SMALLEST, _LARGEST = 3.2, 14.0
# How far links across bend towards the middle of the picture; how far those along one side stand
# out from it, in points and in parts of their length; how round the oval is.
_BEND = 0.1
_OUT, _OUT_BY_LENGTH = 14.0, 0.55
_BULGE = 0.3
_BELOW = 4.0


def plot_network(
    nodes: pd.DataFrame,
    edges: pd.DataFrame,
    *,
    width: Width = "two-column",
    title: str | None = None,
    hues: Mapping[str, str] | None = None,
) -> Figure:
    """Draw which treatments were given in one report.

    Treatments stand around an oval, their area by patients, filled where some report links them to
    another and open where none does. A link is solid and thick where the report allocated patients
    at random, thin and broken where it did not; the number of reports stands on it where there are
    several. Nothing is computed but positions.

    Parameters
    ----------
    nodes : DataFrame
        Columns `NODE_COLUMNS`, in display order.
    edges : DataFrame
        Columns `EDGE_COLUMNS`; pairs of treatments of `nodes`. May be empty.
    width : str
        one-column (85 mm), two-column (174 mm) or slide (254 mm).
    title : str, optional
        Set above the oval.
    hues : mapping of str to str, optional
        Colour of each treatment class, as from `class_hues`.

    Returns
    -------
    Figure
        One Axes, labelled ``network``, in points.

    Raises
    ------
    ValueError
        If a column is missing, there is no node or two of one treatment, an edge names a treatment
        that is no node, a kind of evidence or the width is unknown, or a class has no hue.
    """
    require_columns(nodes, NODE_COLUMNS, "plot_network, nodes")
    require_columns(edges, EDGE_COLUMNS, "plot_network, edges", may_be_empty=True)
    require_unique(nodes, ("treatment",), "plot_network, nodes")
    require_kinds(edges["carried_by"], "plot_network, edges")
    known = set(nodes["treatment"])
    unknown = [name for side in ("treatment", "reference") for name in edges[side]]
    unknown = [name for name in unknown if name not in known]
    if unknown:
        raise ValueError(f"plot_network, edges: {unknown[0]} is no treatment of the nodes")
    sheet = find_sheet(width)
    hues = choose_hues(hues, nodes["treatment_class"], "plot_network")
    with style_context():
        return _draw(_make_plan(nodes, edges, sheet, title, hues))


@dataclass(frozen=True)
class _Node:
    """A treatment; `x` and `y` in points from the upper left corner of the axes."""

    treatment: str
    treatment_class: str
    label: tuple[str, ...]
    counts: str
    diameter: float
    linked: bool
    x: float
    y: float
    on_right: bool


@dataclass(frozen=True)
class _Plan:
    """Everything decided before the first artist is made."""

    sheet: Sheet
    title: str | None
    hues: Mapping[str, str]
    nodes: Mapping[str, _Node]
    edges: tuple[Mapping[str, object], ...]
    left: float
    right: float
    height: float


def _make_plan(
    nodes: pd.DataFrame,
    edges: pd.DataFrame,
    sheet: Sheet,
    title: str | None,
    hues: Mapping[str, str],
) -> _Plan:
    records = nodes.to_dict("records")
    size = sheet.body
    room = _LABEL_SHARES[sheet.name] * sheet.width - MARGIN
    labels = [wrap(as_text(record["treatment"]), size, room) for record in records]
    label_width = max(
        max(widest(label, size) for label in labels),
        widest([_counts(record) for record in records], sheet.small),
    )
    left, right = MARGIN + label_width + 6, sheet.width - MARGIN - label_width - 6
    # down the right side, and up the left one
    half = math.ceil(len(records) / 2)
    sides = (list(range(half)), list(range(len(records) - 1, half - 1, -1)))
    heights = [
        [len(labels[i]) * sheet.pitch + 1.2 * sheet.small + _BELOW for i in side] for side in sides
    ]
    height = max(sum(own) for own in heights)
    most = max(as_number(record["patients"]) for record in records)
    placed: dict[str, _Node] = {}
    for on_right, side, own in zip((True, False), sides, heights, strict=True):
        spare = (height - sum(own)) / max(len(own), 1)
        top = 0.0
        for i, tall in zip(side, own, strict=True):
            y = top + (tall + spare) / 2
            top += tall + spare
            diameter = _LARGEST * math.sqrt(as_number(records[i]["patients"]) / most)
            place = (y, max(diameter, _SMALLEST), on_right)
            node = _make_node(records[i], labels[i], (right - left, height), *place)
            placed[node.treatment] = node
    ordered = {
        as_text(record["treatment"]): placed[as_text(record["treatment"])] for record in records
    }
    links = tuple(edges.to_dict("records"))
    return _Plan(sheet, title, hues, ordered, links, left, right, height)


def _make_node(
    record: Mapping[str, object],
    label: tuple[str, ...],
    box: tuple[float, float],
    y: float,
    diameter: float,
    on_right: bool,
) -> _Node:
    """Place a treatment on the oval, at the height of its label."""
    width, height = box
    share = 2 * y / height - 1
    out = (1 - _BULGE) + _BULGE * math.sqrt(max(1 - share * share, 0.0))
    reach = (width / 2 - _LARGEST / 2 - 2) * out
    return _Node(
        as_text(record["treatment"]),
        as_text(record["treatment_class"]),
        label,
        _counts(record),
        diameter,
        as_number(record["links"]) > 0,
        width / 2 + (reach if on_right else -reach),
        y,
        on_right,
    )


def _counts(record: Mapping[str, object]) -> str:
    cohorts, patients = int(as_number(record["cohorts"])), int(as_number(record["patients"]))
    return (
        f"{cohorts} cohort{'' if cohorts == 1 else 's'}, "
        f"{patients} patient{'' if patients == 1 else 's'}"
    )


def _draw(plan: _Plan) -> Figure:
    sheet = plan.sheet
    inner = sheet.width - 2 * MARGIN
    title = wrap(plan.title or "", sheet.title, inner, "bold")
    top = MARGIN + len(title) * 1.4 * sheet.title + (3 if title else 0)
    legend = flow_legend(_legend_entries(plan), sheet.small, inner)
    legend_top = top + plan.height + 6
    foot = wrap(_foot(plan), sheet.small, inner)
    foot_top = legend_top + len(legend) * legend_pitch(sheet.small) + 2
    page = open_page(sheet.width, foot_top + len(foot) * 1.3 * sheet.small + MARGIN)
    put_lines(page, MARGIN, MARGIN, title, sheet.title, pitch=1.4 * sheet.title, weight="bold")
    width = plan.right - plan.left
    axes = add_axes(page, plan.left, top, width, plan.height)
    axes.set_label("network")
    axes.set_xlim(0, width)
    axes.set_ylim(plan.height, 0)
    axes.set_axis_off()
    for number, edge in enumerate(plan.edges):
        _draw_link(axes, plan, edge, number)
    for number, node in enumerate(plan.nodes.values()):
        _draw_node(axes, plan, node, number)
        _put_label(page, plan, node, top)
    put_legend(page, MARGIN, legend_top, legend, sheet.small)
    put_lines(page, MARGIN, foot_top, foot, sheet.small, pitch=1.3 * sheet.small, color=MUTED)
    return page.figure


def _foot(plan: _Plan) -> str:
    alone = sum(not node.linked for node in plan.nodes.values())
    return (
        f"Area by patients. {alone} of {len(plan.nodes)} treatments stand alone: no counted report "
        "gave them beside another."
    )


def _legend_entries(plan: _Plan) -> list[LegendEntry]:
    entries = link_entries(as_text(edge["carried_by"]) for edge in plan.edges)
    if any(node.linked for node in plan.nodes.values()):
        entries.append(LegendEntry("linked by a report", _sample_node(True)))
    if any(not node.linked for node in plan.nodes.values()):
        entries.append(LegendEntry("not linked", _sample_node(False)))
    classes = dict.fromkeys(node.treatment_class for node in plan.nodes.values())
    return entries + [LegendEntry(label, samples.Swatch(plan.hues[label])) for label in classes]


def _sample_node(linked: bool):
    def draw(page: Page, x: float, y: float) -> None:
        mark = _circle(x, y, 6.0, INK, linked)
        mark.set_transform(page.transform)
        page.figure.add_artist(mark)

    return draw


def _circle(x: float, y: float, diameter: float, hue: str, linked: bool) -> Line2D:
    return Line2D(
        [x],
        [y],
        marker="o",
        ls="none",
        ms=diameter,
        mfc=tint(hue, 0.75) if linked else "white",
        mec=hue,
        mew=0.9,
        zorder=4,
    )


def _draw_link(axes: Axes, plan: _Plan, edge: Mapping[str, object], number: int) -> None:
    first, second = (plan.nodes[as_text(edge[side])] for side in ("treatment", "reference"))
    kind = as_text(edge["carried_by"])
    thick, dashes = LINKS[kind]
    width = plan.right - plan.left
    x, y = (first.x + second.x) / 2, (first.y + second.y) / 2
    if first.on_right == second.on_right:
        out = min(_OUT + _OUT_BY_LENGTH * abs(first.y - second.y), 0.9 * width)
        x += -out if first.on_right else out
    else:
        y += _BEND * (plan.height / 2 - y)
    path = Path(
        [(first.x, first.y), (x, y), (second.x, second.y)], [Path.MOVETO, Path.CURVE3, Path.CURVE3]
    )
    line = PathPatch(path, fc="none", ec=INK, lw=thick, ls=dashes, zorder=2)
    line.set_gid(f"network-link-{number}")
    axes.add_patch(line)
    reports = int(as_number(edge["reports"]))
    if reports > 1:
        at = (0.25 * first.x + 0.5 * x + 0.25 * second.x, 0.25 * (first.y + second.y) + 0.5 * y)
        words = axes.text(
            *at, str(reports), size=plan.sheet.small, ha="center", va="center", zorder=3
        )
        words.set_bbox({"fc": "white", "ec": "none", "pad": 0.6})


def _draw_node(axes: Axes, plan: _Plan, node: _Node, number: int) -> None:
    mark = _circle(node.x, node.y, node.diameter, plan.hues[node.treatment_class], node.linked)
    mark.set_gid(f"network-node-{number}")
    mark.set_clip_on(False)
    axes.add_line(mark)


def _put_label(page: Page, plan: _Plan, node: _Node, top: float) -> None:
    sheet = plan.sheet
    tall = len(node.label) * sheet.pitch + 1.2 * sheet.small
    align = "left" if node.on_right else "right"
    away = node.diameter / 2 + 3
    x = plan.left + node.x + (away if node.on_right else -away)
    below = put_lines(
        page, x, top + node.y - tall / 2, node.label, sheet.body, pitch=sheet.pitch, align=align
    )
    put_text(page, x, below + 0.6 * sheet.small, node.counts, sheet.small, align=align, color=MUTED)
