"""Figures written to files: SVG, PDF, PNG and TIFF, the same bytes for the same figure.

Many pictures are drawn by a helper, another process, while this one does other work; in the end
both take the next one from one line. The helper loads the drawing code alone, and does not run the
program that started it again; where it cannot be started, this process draws every picture.
"""

from __future__ import annotations

import io
import os
import pickle
import re
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image

from synthesis.plots.style import FONT, STYLE, style_context
from synthesis.staging import staged_folder

if TYPE_CHECKING:
    from synthesis.result import Picture

    Job = tuple[Picture, Path, "About"]
    Helper = subprocess.Popen[bytes] | None

# Who lacks the font sees one of the same widths.
_FALLBACKS = ", ".join([*(repr(name) for name in (FONT, *STYLE["font.sans-serif"])), "sans-serif"])
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff\ufffe\uffff]")

#: Formats of a figure; the first three are those of a report.
REPORT_FORMATS = ("svg", "pdf", "png")
FORMATS = (*REPORT_FORMATS, "tiff")

_DPI = float(STYLE["savefig.dpi"])
_IMAGE_DESCRIPTION = 270  # tag of a TIFF
_PNG_LEVEL = 3

# Parts of an SVG that say nothing: white space between elements, and digits beyond a hundredth of
# a point.
_LONG_NUMBER = re.compile(r"-?\d+\.\d{3,}")
_FAMILY = re.compile(rf"font-family: '{FONT}'(?!,)")
_BETWEEN = re.compile(r">\s+<")
_NUMBERS_IN = re.compile(r' (?:d|x|y|transform|width|height)="[^"]*"')
_IDENTIFIER = re.compile(r' id="([^"]*)"')
_REFERENCE = re.compile(r'(url\(#|href="#)([^")]*)')
# Names that matplotlib counts through; nothing refers to them.
_COUNTED = re.compile(r' id="(?:text|line2d|patch|(?:FillBetweenPoly|Line|Poly)Collection)_\d+"')


@dataclass(frozen=True)
class About:
    """What a figure's files tell of it when the figure has left its page.

    Heading and caption; citations of the reports that it rests on, in full, and how it calls them.
    """

    title: str
    description: str
    sources: tuple[str, ...] = ()
    keywords: tuple[str, ...] = ()

    def metadata(self, suffix: str) -> dict[str, object]:
        """Entries for one file format, under the names that its readers know."""
        sources = "\n".join(self.sources)
        entries = {"Title": self.title, "Description": self.description, "Source": sources}
        if suffix == "svg":
            entries["Keywords"] = list(self.keywords)
        elif suffix == "pdf":  # has no field for sources
            subject = "\n".join(filter(None, (self.description, sources)))
            keywords = "; ".join(self.keywords)
            entries = {"Title": self.title, "Subject": subject, "Keywords": keywords}
        return {name: _plain(entry) for name, entry in entries.items() if entry}


def _plain(entry: str | list[str]) -> object:
    """Put a blank for characters that no XML may hold."""
    return list(map(_plain, entry)) if isinstance(entry, list) else _CONTROL.sub(" ", entry)


def save_figure(
    fig: Figure | Axes,
    stem: str | os.PathLike[str],
    about: About | None = None,
    formats: Sequence[str] = REPORT_FORMATS,
) -> list[Path]:
    """Write any figure as SVG, PDF and PNG (300 dpi, without transparency), or in other formats.

    The same figure gives the same bytes: identifiers have a fixed salt and no date is written.
    The files appear together or not at all. Identifiers in the SVG begin with the name of the file,
    so that several can stand in one page.

    `fig` is a figure or axes of it, `stem` the path without suffix, whose missing folders are made,
    `about` what all files tell of the figure, `formats` some of `FORMATS` (a TIFF is compressed by
    LZW). Returns the files, one a format; raises ValueError if a format is unknown.
    """
    unknown = [name for name in formats if name not in FORMATS]
    if unknown:
        raise ValueError(f"format is {unknown[0]!r}; expected one of {', '.join(FORMATS)}")
    stem, about = Path(stem), about or About("", "")
    # identifiers that are generated depend on the name of the figure
    salt = {"svg.hashsalt": f"{STYLE['svg.hashsalt']}.{stem.name}"}
    fig = fig.get_figure(root=True)
    with style_context(), matplotlib.rc_context(salt):
        rendered = {name: _rendered(fig, about, name, stem.name) for name in formats}
    with staged_folder(stem.parent) as stage:
        for suffix, content in rendered.items():
            (stage / f"{stem.name}.{suffix}").write_bytes(content)
    return [stem.with_name(f"{stem.name}.{suffix}") for suffix in rendered]


def _rendered(fig: Figure, about: About, suffix: str, name: str) -> bytes:
    words, drawn, written = about.metadata(suffix), io.BytesIO(), io.BytesIO()
    if suffix in ("svg", "pdf"):
        undated = {"Date" if suffix == "svg" else "CreationDate": None}
        fig.savefig(drawn, format=suffix, metadata=undated | words)
        vector = drawn.getvalue()
        return _compact(vector.decode("utf-8"), name).encode("utf-8") if suffix == "svg" else vector
    fig.savefig(drawn, format="rgba", dpi=_DPI)
    size = tuple(int(inches * _DPI + 1e-6) for inches in fig.get_size_inches())
    image = Image.frombytes("RGBA", size, drawn.getvalue()).convert("RGB")
    if suffix == "png":
        return _png(np.asarray(image), words)
    tags = {_IMAGE_DESCRIPTION: "\n".join(map(str, words.values())).encode()} if words else {}
    image.save(written, suffix, dpi=(_DPI, _DPI), compression="tiff_lzw", tiffinfo=tags)
    return written.getvalue()


def _png(pixels: np.ndarray, words: Mapping[str, object]) -> bytes:
    """Written here: figures pack best, and in half the time, without the filters of Pillow."""
    height, width, _ = pixels.shape
    lines = np.zeros((height, 1 + 3 * width), np.uint8)  # each begins with its filter: none
    lines[:, 1:] = pixels.reshape(height, -1)
    per_metre = round(_DPI / 0.0254)
    texts = (f"{key}\0\0\0\0\0{entry}".encode() for key, entry in words.items())
    chunks = [
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)),
        (b"pHYs", struct.pack(">IIB", per_metre, per_metre, 1)),
        *((b"iTXt", text) for text in texts),
        (b"IDAT", zlib.compress(lines.tobytes(), _PNG_LEVEL)),
        (b"IEND", b""),
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )


def _compact(svg: str, name: str) -> str:
    """Leave out what nobody sees, and make every identifier that of this figure."""
    head, middle, body = svg.partition("</metadata>")
    body = _COUNTED.sub("", _BETWEEN.sub("><", body))
    body = _NUMBERS_IN.sub(lambda match: _LONG_NUMBER.sub(_rounded, match.group()), body)
    body = _FAMILY.sub(f"font-family: {_FALLBACKS}", body)
    prefix = re.sub(r"[^\w-]", "-", name)
    body = _IDENTIFIER.sub(rf' id="{prefix}-\1"', body)
    body = _REFERENCE.sub(rf"\1{prefix}-\2", body)
    return head + middle + body


def _rounded(match: re.Match[str]) -> str:
    text = f"{float(match.group()):.2f}".rstrip("0").rstrip(".")
    return "0" if text in ("-0", "") else text


# --- Two processes -------------------------------------------------------------------------------

#: Pictures from which a second process is worth its start.
MANY = 4

_HELPER = "from synthesis.plots.files import help_drawing; help_drawing()"
_DONE = b"done\n"


@contextmanager
def drawing_helper(pictures: int = MANY) -> Iterator[Helper]:
    """A process that draws pictures when asked; it loads while this one goes on.

    None where it cannot be started, or there are too few pictures for it.
    """
    helper = None
    with suppress(OSError):
        if pictures >= MANY:
            helper = subprocess.Popen(
                [sys.executable, "-c", _HELPER],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            )
    try:
        yield helper
    finally:
        if helper:
            helper.kill()
            helper.communicate()


@contextmanager
def drawing(jobs: Sequence[Job], helper: Helper) -> Iterator[Callable[[], None]]:
    """Have a helper draw pictures, each with the path of its files without suffix and its words.

    Yields a function after which all are drawn: it draws here what is left. At the end they are, or
    after a failure nobody draws any more.
    """
    line = iter(jobs)
    with ThreadPoolExecutor(1) as pool:
        undone = pool.submit(_hand_over, line, helper) if helper else None

        def finish() -> None:
            for job in line:
                _draw(job)
            while undone and undone.result():
                _draw(undone.result().pop())

        try:
            yield finish
            finish()
        finally:
            list(line)  # after a failure the helper finds nothing more to do


def _draw(job: Job) -> None:
    picture, stem, about = job
    save_figure(picture.draw(), stem, about)


def _hand_over(line: Iterator[Job], helper: subprocess.Popen[bytes]) -> list[Job]:
    """Have a helper draw what is in the line; return what it could not draw."""
    undone: list[Job] = []
    for job in line:
        undone.append(job)
        with suppress(OSError, pickle.PicklingError, AttributeError, TypeError):
            sent = pickle.dumps(job)
            helper.stdin.write(sent)
            helper.stdin.flush()
            if helper.stdout.readline() != _DONE:
                break
            undone.pop()
    return undone


def help_drawing() -> None:
    """Draw what comes in, one picture after the other, until nothing comes (in the helper)."""
    answers, sys.stdout = sys.stdout.buffer, sys.stderr
    with suppress(EOFError, KeyboardInterrupt):
        while True:
            _draw(pickle.load(sys.stdin.buffer))
            answers.write(_DONE)
            answers.flush()
