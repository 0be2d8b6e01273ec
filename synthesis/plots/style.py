"""Sizes, type and colours that every figure shares.

Nothing here touches the global settings of matplotlib: figures are drawn and written inside
`style_context`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from itertools import accumulate, pairwise
from pathlib import Path
from typing import Any, Literal

import matplotlib.style
import numpy as np
from matplotlib.colors import to_hex, to_rgb
from matplotlib.font_manager import FontEntry, FontProperties, findfont, fontManager, get_font
from matplotlib.path import Path as Outline
from matplotlib.textpath import text_to_path

Width = Literal["one-column", "two-column", "slide"]

POINTS_PER_MM = 72 / 25.4

#: Tallest figure that a page holds, in points.
TALLEST = 235.0 * POINTS_PER_MM

INK = "#1a1a1a"
MUTED = "#5a5a5a"
GRID = "#e0e0e0"
BAND = "#f1f1f1"
PALE = "#b4b4b4"


@dataclass(frozen=True)
class Face:
    """How text is set: size and distance of lines in points, weight, colour."""

    size: float
    pitch: float
    weight: str = "normal"
    color: str = INK

    @property
    def bold(self) -> Face:
        """The same in bold."""
        return replace(self, weight="bold")

    @property
    def quiet(self) -> Face:
        """The same, standing back."""
        return replace(self, color=MUTED)


@dataclass(frozen=True)
class Sheet:
    """One of the widths a figure is made for, with the type that belongs to it.

    `body`, `small` and `gap` (between two columns of text) are in points. `text` sets words in
    columns and on axes, `note` what stands back, `key` legends, `section` what is above a panel.
    """

    name: str
    width_mm: float
    body: float
    small: float
    gap: float
    text: Face
    note: Face
    key: Face
    title: Face
    section: Face

    @property
    def width(self) -> float:
        """Width of the finished figure in points."""
        return self.width_mm * POINTS_PER_MM

    @property
    def is_narrow(self) -> bool:
        """Whether it has room for the most needed columns only."""
        return self.name == "one-column"

    def choose(self, one_column: Any, two_column: Any, slide: Any) -> Any:
        """What belongs to its width."""
        return dict(zip(SHEETS, (one_column, two_column, slide), strict=True))[self.name]


def _sheet(name: str, width_mm: float, body: float, small: float, head: float, gap: float) -> Sheet:
    return Sheet(
        *(name, width_mm, body, small, gap),
        text=Face(body, 1.21 * body),
        note=Face(small, 1.21 * small, color=MUTED),
        key=Face(small, 1.5 * small),
        title=Face(head, 1.35 * head, "bold"),
        section=Face(body + 0.5, 1.3 * (body + 0.5), "bold"),
    )


SHEETS: dict[str, Sheet] = {
    "one-column": _sheet("one-column", 85, 7.5, 6.5, 8.5, 4),
    "two-column": _sheet("two-column", 174, 7.5, 6.8, 9, 7),
    "slide": _sheet("slide", 254, 9, 8, 11, 11),
}

#: Eight hues that colour-blind readers tell apart (after Okabe & Ito); neighbours differ in grey.
HUES: tuple[str, ...] = (
    *("#0072B2", "#E69F00", "#332288", "#009E73"),
    *("#882255", "#CC79A7", "#222222", "#D55E00"),
)

#: Hue of what the model says where colour tells nothing more.
PLAIN = HUES[0]
#: Hues of the two histologies, which also differ in shape.
PURE, MIXED = HUES[0], HUES[7]

#: Arimo has the widths of Arial and Helvetica: who lacks it sees the same layout.
FONT = "Arimo"
FONTS = Path(__file__).with_name("fonts")

STYLE: dict[str, object] = {
    "font.family": [FONT],
    "font.sans-serif": ["Arial", "Helvetica", "Liberation Sans", "DejaVu Sans"],
    "font.size": 7.5,
    # labels are data: a dollar sign in one is a dollar sign
    "text.parse_math": False,
    "text.color": INK,
    # Unhinted glyphs have the same width at every resolution.
    "text.hinting": "none",
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.linewidth": 0.6,
    "axes.axisbelow": True,
    "xtick.color": INK,
    "ytick.color": INK,
    "figure.dpi": 144.0,
    "figure.facecolor": "white",
    "savefig.facecolor": "white",
    "savefig.dpi": 300.0,
    "savefig.bbox": None,
    "pdf.fonttype": 42,
    "svg.fonttype": "none",
    "svg.hashsalt": "synthesis.plots",
}


# The bundled font comes before any of its name that the machine has.
for _file in sorted(FONTS.glob("*.ttf")):
    fontManager.addfont(_file)
fontManager.ttflist.sort(key=lambda entry: Path(entry.fname).parent != FONTS)
_LETTERS = frozenset(map(chr, get_font(findfont(FontProperties(family=FONT))).get_charmap()))


def families(text: str) -> list[str]:
    """Font families of a text: others beside the bundled one only where it lacks a letter."""
    others = dict.fromkeys(filter(None, map(_family_with, sorted(set(text) - _LETTERS))))
    return [FONT] if _LETTERS.issuperset(text) else [FONT, *others, "sans-serif", "DejaVu Sans"]


def printable(text: str) -> str:
    """A text with a question mark for each letter that no font of the machine has."""
    missing = [letter for letter in set(text) - _LETTERS if _family_with(letter) is None]
    return text.translate(dict.fromkeys(map(ord, missing), "?"))


@lru_cache(maxsize=2_000)
def _family_with(letter: str) -> str | None:
    """The first family of the machine that has a letter which the bundled font lacks."""
    return next((own.name for own in _installed() if ord(letter) in _charmap(own.fname)), None)


@lru_cache(maxsize=1)
def _installed() -> list[FontEntry]:
    """Upright fonts of the machine that a PDF can hold, the usual ones first.

    Last Resort holds boxes for every letter.
    """
    usual = [FONT, *STYLE["font.sans-serif"]]
    named = (own for own in fontManager.ttflist if not own.name.startswith("Last Resort"))
    whole = (own for own in named if own.fname.lower().endswith(".ttf"))
    upright = [own for own in whole if own.style == "normal" and own.weight in (400, "normal")]
    return sorted(upright, key=lambda own: (own.name not in usual, own.name))


@cache
def _charmap(file: str) -> frozenset[int]:
    try:
        return frozenset(get_font(file).get_charmap())
    except (OSError, RuntimeError):  # moved since the list was made, or damaged
        return frozenset()


#: Size of the type that texts are measured in.
EM = 100.0


@lru_cache(maxsize=20_000)
def starts(text: str, weight: str) -> tuple[float, ...]:
    """Where the letters of a line begin, and where it ends, in type of size `EM`, unhinted.

    A text with a letter that the bundled font lacks is one piece.
    """
    pieces = _pieces(text)
    # a letter is kerned with the next alone
    steps = (_end(a + b, weight) - _end(b, weight) for a, b in pairwise(pieces))
    last = (_end(piece, weight) for piece in pieces[-1:])
    return tuple(accumulate((*steps, *last), initial=0.0))


def _pieces(text: str) -> Sequence[str]:
    return text if _LETTERS.issuperset(text) else (text,)


@lru_cache(maxsize=20_000)
def _end(text: str, weight: str) -> float:
    text = printable(text)
    return float(text_to_path.get_text_width_height_descent(text, _font(text, weight), False)[0])


def _font(text: str, weight: str) -> FontProperties:
    return FontProperties(family=families(text), size=EM, weight=weight)


@lru_cache(maxsize=20_000)
def outlines(text: str, weight: str) -> Outline:
    """A line as a shape, its baseline at height 0, in type of size `EM`."""
    shapes = [_outline(piece, weight) for piece in _pieces(text)]
    placed = zip(shapes, starts(text, weight), strict=False)
    return Outline(
        np.concatenate([shape.vertices + np.array([x, 0.0]) for shape, x in placed]),
        np.concatenate([shape.codes for shape in shapes]),
    )


@lru_cache(maxsize=2_000)
def _outline(text: str, weight: str) -> Outline:
    text = printable(text)
    vertices, codes = text_to_path.get_text_path(_font(text, weight), text)
    return Outline(vertices, np.asarray(codes, np.uint8))


@contextmanager
def style_context() -> Iterator[None]:
    """Apply `STYLE` over matplotlib's own defaults for the length of a `with` block.

    The settings of the caller neither reach into the block nor change by it.
    """
    with matplotlib.style.context(STYLE, after_reset=True):
        yield


def find_sheet(width: str) -> Sheet:
    """Look up one of the three figure widths; raises ValueError if there is none of that name."""
    if width not in SHEETS:
        raise ValueError(f"width is {width!r}; expected one of {', '.join(SHEETS)}")
    return SHEETS[width]


def class_hues(classes: Iterable[str]) -> dict[str, str]:
    """Give each treatment class its hue: label to hexadecimal colour.

    The labels are in display order; those of the whole analysis keep one hue per class over several
    figures. Where there are more classes than `HUES`, colour says nothing, and all have the first.
    """
    distinct = list(dict.fromkeys(classes))
    hues = HUES if len(distinct) <= len(HUES) else HUES[:1] * len(distinct)
    return dict(zip(distinct, hues, strict=False))


def choose_hues(
    given: Mapping[str, str] | None, classes: Iterable[str], what: str
) -> Mapping[str, str]:
    """Take the hues a caller gives, or give each class its own.

    Raises ValueError with the name of the figure if the caller's hues leave a class out.
    """
    hues = class_hues(classes)
    missing = [label for label in hues if given is not None and label not in given]
    if missing:
        raise ValueError(f"{what}: hues has no colour for the classes {', '.join(missing)}")
    return hues if given is None else given


def tint(hue: str, share: float) -> str:
    """Mix a share of a hue, 0 to 1, with white: prints alike where transparency does not."""
    return to_hex([1 - share * (1 - channel) for channel in to_rgb(hue)])
