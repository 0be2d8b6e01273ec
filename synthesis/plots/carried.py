"""How the pictures of comparisons show what carries a contrast.

Shape and fill tell it, never colour alone: a filled square where patients were allocated at
random, a filled dot where one report gave both treatments, an open ring where no report did.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from matplotlib.lines import Line2D

from synthesis.plots import marks
from synthesis.plots.page import LegendEntry, Page
from synthesis.plots.style import INK

#: Kinds of evidence, the strongest first, as the tables write them.
KINDS: tuple[str, ...] = ("randomised", "within one study", "across single-arm studies")

#: Width in points and dashes of the line that links two treatments of one report.
LINKS: Mapping[str, tuple[float, object]] = {
    "randomised": (1.8, "-"),
    "within one study": (0.9, (0, (3.2, 2.0))),
}

_SQUARE = 3.6


def require_kinds(values: Iterable[object], what: str) -> None:
    """Check that every kind of evidence is known; a missing one is that of the reference.

    Raises
    ------
    ValueError
        Names the figure and the first unknown kind.
    """
    for value in values:
        if value and value == value and value not in KINDS:
            raise ValueError(f"{what}: carried_by is {value!r}; expected one of {', '.join(KINDS)}")


def put_contrast(brush: marks.Brush, x: float, y: float, kind: str) -> None:
    """Draw the estimate of a contrast, shaped by what carries it."""
    if kind == "randomised":
        square = Line2D(
            [x],
            [y],
            marker="s",
            ls="none",
            ms=_SQUARE,
            mfc=brush.hue,
            mec=brush.hue,
            mew=0.3,
            transform=brush.transform,
            zorder=5,
        )
        square.set_clip_on(False)
        if brush.name:
            square.set_gid(f"{brush.name}-contrast")
        brush.host.add_artist(square)
        square.set_clip_path(None)
    elif kind == "within one study":
        marks.put_dot(brush, x, y, "contrast")
    else:
        marks.put_ring(brush, x, y, "contrast")


def contrast_entries(kinds: Iterable[str]) -> list[LegendEntry]:
    """Legend of the marks of contrasts that are in use, the strongest evidence first."""
    used = set(kinds)
    words = {
        "randomised": "randomised in one report",
        "within one study": "both in one report, not randomised",
        "across single-arm studies": "no report gave both",
    }
    return [LegendEntry(words[kind], _sample_contrast(kind)) for kind in KINDS if kind in used]


def link_entries(kinds: Iterable[str]) -> list[LegendEntry]:
    """Legend of the lines of a network that are in use."""
    used = set(kinds)
    words = {
        "randomised": "randomised against each other",
        "within one study": "both in one report, not randomised",
    }
    return [LegendEntry(words[kind], _sample_link(kind)) for kind in LINKS if kind in used]


def _sample_contrast(kind: str):
    def draw(page: Page, x: float, y: float) -> None:
        brush = marks.Brush(page.figure, page.transform, INK)
        marks.put_line(brush, "", (x - 8, x + 8), y)
        put_contrast(brush, x, y, kind)

    return draw


def _sample_link(kind: str):
    def draw(page: Page, x: float, y: float) -> None:
        width, dashes = LINKS[kind]
        line = Line2D([x - 8, x + 8], [y, y], lw=width, ls=dashes, color=INK)
        line.set_transform(page.transform)
        page.figure.add_artist(line)

    return draw
