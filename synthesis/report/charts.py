"""Charts that answer to a reader: specifications of Vega-Lite, and the library that draws them.

A specification names its data and holds none: the page puts in what it has read once.
"""

from __future__ import annotations

import gzip
import zlib
from base64 import b64encode
from contextlib import suppress
from functools import cache
from importlib.metadata import version
from typing import Any

import altair as alt
import numpy as np

from synthesis.model.store import cache_folder, read_or_make

#: Version of Vega-Lite that the specifications are written for and the library is bundled with.
VERSION = "6.4"
# What the script of the library ends with: the page finds it by this name.
_READY = "window.vegaEmbed = vegaEmbed;"
#: What the licence of the library asks to be said where it is passed on.
LICENCE = (
    "Vega, Vega-Lite and Vega-Embed: BSD 3-clause licence, University of Washington Interactive "
    "Data Lab and contributors"
)


@cache
def bundle() -> str:
    """Vega, Vega-Lite and Vega-Embed as one script, compressed (gzip), in base64.

    It needs no network, and can stand in an element of a page. Putting it together takes seconds:
    it is kept in the cache.
    """

    def make() -> dict[str, np.ndarray]:
        from vl_convert import javascript_bundle

        script = javascript_bundle(_READY, vl_version=VERSION)
        text = f"/* {LICENCE} */\n{script}".encode()
        return {"script": np.frombuffer(gzip.compress(text, mtime=0), np.uint8)}

    file = f"script {zlib.crc32(f'{LICENCE}{_READY}'.encode()):x}.npz"
    folder = cache_folder() / f"charts {VERSION}, {version('vl-convert-python')}"
    with suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)
    return b64encode(read_or_make(folder / file, make)["script"]).decode("ascii")


@cache
def specifications() -> dict[str, Any]:
    """Every chart of the page, by its name."""
    charts = {
        "curves": _curves(),
        "densities": _densities(),
        "predicted_months": _predicted(alt.Scale(type="symlog", constant=1, clamp=True)),
        "predicted_percent": _predicted(alt.Scale(domain=[0, 100])),
        "population": _population(),
    }
    return {name: _plain(chart) for name, chart in charts.items()}


def _plain(chart: alt.TopLevelMixin) -> dict[str, Any]:
    specification = chart.to_dict(validate=True)
    specification.pop("config", None)  # the page has colours of its own, light and dark
    return specification


def _months(name: str) -> alt.X:
    axis = alt.Axis(title="Months", values=[0, 6, 12, 18, 24, 36], grid=False)
    return alt.X(f"{name}:Q", axis=axis, scale=alt.Scale(domain=[0, 36], nice=False, clamp=True))


def _alive(name: str) -> alt.Y:
    axis = alt.Axis(title="Without the event, %", values=[0, 25, 50, 75, 100])
    return alt.Y(f"{name}:Q", axis=axis, scale=alt.Scale(domain=[0, 100]))


def _either(one: Any, other: Any, first: Any, second: Any) -> alt.Scale:
    """How each of two values is drawn."""
    return alt.Scale(domain=[one, other], range=[first, second])


def _tips(**titles: str) -> list[alt.Tooltip]:
    """What is told of a mark under the pointer, by field."""
    return [alt.Tooltip(f"{field}:N", title=title) for field, title in titles.items()]


def _curves() -> alt.LayerChart:
    """Curves of the treatments that were chosen, with bands and the reported figures."""
    hue = alt.Color("hue:N", scale=None)
    tip = ["name:N", "time:Q", alt.Tooltip("s:Q", title="%"), alt.Tooltip("band:N", title="95 %")]
    lines = alt.Chart(alt.NamedData("lines")).encode(x=_months("time"), detail="name:N")
    band = lines.mark_area(opacity=0.13).encode(y=_alive("lo"), y2="hi:Q", color=hue)
    faded = alt.StrokeDash("beyond:N", scale=_either(False, True, [1, 0], [4, 4]))
    line = lines.mark_line(strokeWidth=2.2).encode(
        y=_alive("s"), color=hue, strokeDash=faded.legend(None), detail=["name:N", "beyond:N"]
    )  # fmt: skip
    hover = lines.mark_point(opacity=0, size=90).encode(y=_alive("s"), tooltip=tip)
    said = _tips(study="Report", figure="Reported", n="Patients")
    points = alt.Chart(alt.NamedData("points")).encode(x=_months("time"), color=hue)
    across = points.mark_rule(strokeWidth=1, opacity=0.55).encode(
        x="x1:Q", x2="x2:Q", y=_alive("s")
    )
    up = points.mark_rule(strokeWidth=1, opacity=0.55).encode(y=_alive("y1"), y2="y2:Q")
    mark = points.mark_point(size=42, filled=False, strokeWidth=1.6).encode(
        y=_alive("s"),
        shape=alt.Shape(
            "kind:N", legend=None, scale=_either("median", "landmark", "square", "circle")
        ),
        tooltip=said,
    )
    listed = alt.Chart(alt.NamedData("listed")).encode(x=_months("time"), detail="who:N")
    steps = listed.mark_line(interpolate="step-after", strokeWidth=1, clip=True).encode(
        y=_alive("s"), color=hue, order="time:Q", tooltip=alt.Tooltip("who:N", title="Listed")
    )
    chart = alt.layer(band, line, hover, steps, across, up, mark)
    return chart.properties(width="container", height=300)


def _densities() -> alt.LayerChart:
    """Prior beside posterior of each effect of histology, as a ratio of medians."""
    ratio = alt.X(
        "x:Q",
        axis=alt.Axis(title="Ratio of medians", values=[0.25, 0.5, 1, 2, 4, 8], grid=True),
        scale=alt.Scale(type="log", domain=[0.2, 12], clamp=True),
    )
    density = alt.Y("d:Q", axis=None)
    base = alt.Chart(alt.NamedData("densities")).encode(x=ratio, y=density)
    prior = base.transform_filter("datum.which == 'prior'")
    told = base.transform_filter("datum.which == 'posterior'")
    hue = alt.Color("hue:N", scale=None)
    layers = alt.layer(
        told.mark_area(opacity=0.35).encode(color=hue, tooltip=["label:N", "which:N"]),
        told.mark_line(strokeWidth=2).encode(color=hue),
        prior.mark_line(strokeDash=[4, 3], strokeWidth=1.5).encode(color=alt.value("gray")),
    )
    return layers.properties(width="container", height=150)


def _predicted(scale: alt.Scale) -> alt.LayerChart:
    """Reported figures on what the fitted model predicts of each, in order."""
    value = alt.Y("place:Q", axis=None, scale=alt.Scale(reverse=True, nice=False))
    tip = _tips(
        name="Report",
        t="Treatment",
        figure="Figure",
        reported="Reported",
        expected="Predicted (95 %)",
    )
    base = alt.Chart(alt.NamedData("checks")).encode(y=value)
    ticks = [1, 3, 6, 12, 24, 48] if scale.type == "symlog" else [0, 25, 50, 75, 100]
    bar = base.mark_rule(strokeWidth=2, opacity=0.35).encode(
        x=alt.X("lo:Q", scale=scale, axis=alt.Axis(title=None, values=ticks)), x2="hi:Q"
    )
    dot = base.mark_point(filled=True, size=26, opacity=1).encode(
        x=alt.X("v:Q", scale=scale),
        color=alt.Color("in:N", legend=None, scale=_either(True, False, "#0072b2", "#d55e00")),
        shape=alt.Shape("in:N", legend=None, scale=_either(True, False, "circle", "triangle-up")),
        tooltip=tip,
    )
    return alt.layer(bar, dot).properties(width="container", height=300)


def _population() -> alt.LayerChart:
    """The curve of a stated population, beside that of the reference treatment."""
    hue = alt.Color("hue:N", scale=None)
    lines = alt.Chart(alt.NamedData("lines")).encode(x=_months("time"), detail="name:N")
    band = lines.mark_area(opacity=0.15).encode(y=_alive("lo"), y2="hi:Q", color=hue)
    line = lines.mark_line(strokeWidth=2.4).encode(
        y=_alive("s"), color=hue, tooltip=["name:N", "time:Q", alt.Tooltip("s:Q", title="%")]
    )
    half = alt.Chart(alt.NamedData("half")).mark_rule(strokeDash=[2, 3]).encode(y=_alive("s"))
    return alt.layer(half, band, line).properties(width="container", height=280)
