"""Sizes, type and colours that every figure shares, and the one function that writes files.

Nothing here touches the global settings of matplotlib: figures are drawn and written inside
`style_context`.
"""

from __future__ import annotations

import io
import os
import re
import tempfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Literal

import matplotlib.style
from matplotlib.colors import to_hex, to_rgb
from matplotlib.figure import Figure

Width = Literal["one-column", "two-column", "slide"]

POINTS_PER_MM = 72 / 25.4


@dataclass(frozen=True)
class Sheet:
    """One of the widths a figure is made for, with the type that belongs to it.

    Attributes
    ----------
    name : str
        Name by which a figure asks for it.
    width_mm : float
        Width of the finished figure in millimetres.
    body, small, title : float
        Type sizes in points: table text and axes, foot of the figure, title.
    gap : float
        White space between two text columns in points.
    """

    name: str
    width_mm: float
    body: float
    small: float
    title: float
    gap: float

    @property
    def width(self) -> float:
        """Width of the finished figure in points."""
        return self.width_mm * POINTS_PER_MM

    @property
    def pitch(self) -> float:
        """Distance between two lines of body text in points."""
        return 1.26 * self.body


SHEETS: Mapping[str, Sheet] = MappingProxyType(
    {
        "one-column": Sheet("one-column", 85, 6.5, 6.2, 7.5, 4),
        "two-column": Sheet("two-column", 174, 7, 6.5, 8, 7),
        "slide": Sheet("slide", 254, 8, 7.5, 10, 11),
    }
)

INK = "#1a1a1a"
MUTED = "#5a5a5a"
GRID = "#dedede"
BAND = "#f0f0f0"

# Okabe & Ito and Paul Tol's sets. The order matters: the first hues are the best known, and any
# two neighbours differ by at least 18 units of CIE lightness, so that a grey copy keeps them apart.
HUES: tuple[str, ...] = (
    "#0072B2",
    "#E69F00",
    "#332288",
    "#009E73",
    "#225522",
    "#CC79A7",
    "#AA3377",
    "#000000",
    "#555555",
    "#D55E00",
    "#004488",
    "#228833",
)

STYLE: Mapping[str, object] = MappingProxyType(
    {
        "font.family": "sans-serif",
        # DejaVu Sans comes with matplotlib, so a layout measured with it is the same everywhere;
        # the other two are narrower, so a viewer that lacks it can only gain room.
        "font.sans-serif": ["DejaVu Sans", "Arial", "Helvetica"],
        "font.size": 7.0,
        # Labels are data: a dollar sign in one is a dollar sign.
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
        "savefig.dpi": 600.0,
        "savefig.bbox": None,
        "pdf.fonttype": 42,
        "svg.fonttype": "none",
        "svg.hashsalt": "synthesis.plots",
    }
)

# Runs of one colour are most of a figure: looking for nothing else takes two thirds of the time.
_PNG = MappingProxyType({"compress_type": zlib.Z_RLE})

# What each format would otherwise date or sign.
_METADATA: Mapping[str, Mapping[str, None]] = MappingProxyType(
    {
        "svg": {"Date": None},
        "pdf": {"CreationDate": None},
        "png": {"Software": None},
    }
)


_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")


@dataclass(frozen=True)
class About:
    """What a figure's files tell of it when the figure has left its page.

    Attributes
    ----------
    title, description : str
        Its heading, and its caption.
    sources : tuple of str
        Citations of the reports that it rests on, in full.
    keywords : tuple of str
        How the figure calls these reports.
    """

    title: str
    description: str
    sources: tuple[str, ...] = ()
    keywords: tuple[str, ...] = ()

    def metadata(self, suffix: str) -> dict[str, object]:
        """Return the entries for one file format, under the names that its readers know."""
        sources = "\n".join(self.sources)
        if suffix == "svg":
            found: dict[str, object] = {
                "Title": self.title,
                "Description": self.description,
                "Source": sources,
                "Keywords": list(self.keywords),
            }
        elif suffix == "pdf":  # a PDF has no field for sources
            subject = "\n".join(filter(None, (self.description, sources)))
            keywords = "; ".join(self.keywords)
            found = {"Title": self.title, "Subject": subject, "Keywords": keywords}
        else:
            found = {"Title": self.title, "Description": self.description, "Source": sources}
        return {name: _plain(entry) for name, entry in found.items() if entry}


def _plain(entry: object) -> object:
    """Put a blank for characters that no XML may hold."""
    if isinstance(entry, list):
        return [_plain(item) for item in entry]
    return _CONTROL.sub(" ", entry) if isinstance(entry, str) else entry


@contextmanager
def style_context() -> Iterator[None]:
    """Apply `STYLE` over matplotlib's own defaults for the length of a `with` block.

    The settings of the caller, from code or from a ``matplotlibrc`` file, neither reach into the
    block nor change by it.
    """
    with matplotlib.style.context(dict(STYLE), after_reset=True):
        yield


def find_sheet(width: str) -> Sheet:
    """Look up one of the three figure widths.

    Raises
    ------
    ValueError
        If `width` is not the name of one.
    """
    if width not in SHEETS:
        known = ", ".join(SHEETS)
        raise ValueError(f"width is {width!r}; expected one of {known}")
    return SHEETS[width]


def class_hues(classes: Iterable[str]) -> dict[str, str]:
    """Give each treatment class its hue.

    Parameters
    ----------
    classes : iterable of str
        Class labels in display order, repetitions allowed. Pass the classes of the whole
        analysis to keep one hue per class over several figures.

    Returns
    -------
    dict of str to str
        Label to hexadecimal colour, in order of first appearance. Beyond the length of `HUES`
        the hues start again: every figure also names the class in words.
    """
    distinct = dict.fromkeys(classes)
    return {label: HUES[position % len(HUES)] for position, label in enumerate(distinct)}


def choose_hues(
    given: Mapping[str, str] | None, classes: Iterable[str], what: str
) -> Mapping[str, str]:
    """Take the hues a caller gives, or give each class its own.

    Raises
    ------
    ValueError
        If the caller's hues leave a class out; names the figure and the classes.
    """
    distinct = list(dict.fromkeys(classes))
    if given is None:
        return class_hues(distinct)
    missing = [label for label in distinct if label not in given]
    if missing:
        raise ValueError(f"{what}: hues has no colour for the classes {', '.join(missing)}")
    return given


def tint(hue: str, share: float) -> str:
    """Mix a hue with white, which prints everywhere alike where transparency does not.

    Parameters
    ----------
    hue : str
        Any matplotlib colour.
    share : float
        Share of the hue in the mixture, 0 (white) to 1 (the hue).
    """
    return to_hex([1 - share * (1 - channel) for channel in to_rgb(hue)])


def save_figure(
    fig: Figure, stem: str | os.PathLike[str], about: About | None = None
) -> list[Path]:
    """Write a figure as SVG, PDF and PNG (600 dpi).

    The same figure gives the same bytes: identifiers have a fixed salt and no date is written.
    All three are rendered before the first is written, and each appears whole or not at all.

    Parameters
    ----------
    fig : Figure
        A figure of this package, or any other.
    stem : str or path
        Path without suffix; missing folders are made.
    about : About, optional
        What all three files tell of the figure.

    Returns
    -------
    list of Path
        The three files: svg, pdf, png.
    """
    stem = Path(stem)
    rendered: dict[Path, bytes] = {}
    with style_context():
        for suffix, metadata in _METADATA.items():
            buffer = io.BytesIO()
            own = {} if about is None else about.metadata(suffix)
            more = {"pil_kwargs": dict(_PNG)} if suffix == "png" else {}
            fig.savefig(buffer, format=suffix, metadata=dict(metadata) | own, **more)
            rendered[stem.with_name(f"{stem.name}.{suffix}")] = buffer.getvalue()
    stem.parent.mkdir(parents=True, exist_ok=True)
    for path, content in rendered.items():
        _write_whole(path, content)
    return list(rendered)


def _write_whole(path: Path, content: bytes) -> None:
    """Write beside the target first, so that a reader never meets half a file."""
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    draft = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as handle:
            handle.write(content)
        # mkstemp makes private files; a figure is meant to be read.
        draft.chmod(0o644)
        draft.replace(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
