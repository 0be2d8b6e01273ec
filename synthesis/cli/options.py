"""The options of the command line: their words, ranges and help."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

SUFFIXES = (".svg", ".pdf", ".png")
MIN_DRAWS = 4  # per chain; with fewer no convergence can be judged

# These words stand here a second time because the modules that own them import the sampler or the
# plots, which help must not; a test compares them.
ENDPOINTS = ("os", "pfs", "response")
FAMILIES = ("weibull", "log-logistic")
WIDTHS = ("one-column", "two-column", "slide")


def _one_of(words: Sequence[str]) -> Callable[[str | list[str] | None], Any]:
    """Build the check of an option that takes one of some words, or several of them."""

    def check(value: str | list[str] | None) -> str | list[str] | None:
        for word in [value] if isinstance(value, str) else value or []:
            if word not in words:
                raise typer.BadParameter(f"'{word}' is not one of {', '.join(words)}.")
        return value

    return check


def _between(least: float, most: float, hint: str) -> Callable[[float | None], Any]:
    """Build the check of an option that takes a number in a range."""

    def check(value: float | None) -> float | None:
        if value is not None and not least <= value <= most:
            raise typer.BadParameter(f"{value} is not {hint}.")
        return value

    return check


RegistryOption = Annotated[
    Path | None,
    typer.Option("--registry", metavar="DIR", help="Folder of study files, instead of the own."),
]
SeedOption = Annotated[
    int | None,
    typer.Option(
        "--seed",
        metavar="N",
        callback=_between(0, 2**32 - 1, "a whole number from 0 to 4294967295"),
        help="Seed of the random numbers.",
    ),
]
DrawsOption = Annotated[
    int | None,
    typer.Option(
        "--draws",
        metavar="N",
        callback=_between(MIN_DRAWS, math.inf, f"a whole number of {MIN_DRAWS} or more"),
        help="Draws kept of each chain.",
    ),
]
MixOption = Annotated[
    float | None,
    typer.Option(
        "--reference-mix",
        metavar="X",
        callback=_between(0.0, 1.0, "a fraction from 0 to 1 (0.4, not 40, for 40 percent)"),
        help="Share of mixed histology in the reference population, a fraction.",
    ),
]
FamilyOption = Annotated[
    str | None,
    typer.Option(
        "--family",
        metavar="|".join(FAMILIES),
        callback=_one_of(FAMILIES),
        help="Survival family of the headline answers.",
    ),
]
CacheOption = Annotated[
    bool, typer.Option("--cache/--no-cache", help="Reuse fits of the same data and settings.")
]
EndpointsOption = Annotated[
    list[str] | None,
    typer.Option(
        "--endpoint",
        metavar="|".join(ENDPOINTS),
        callback=_one_of(ENDPOINTS),
        help="Only this endpoint; may be repeated.",
    ),
]
EndpointArgument = Annotated[
    str,
    typer.Argument(
        metavar="ENDPOINT", callback=_one_of(ENDPOINTS), help=f"One of {', '.join(ENDPOINTS)}."
    ),
]
WidthOption = Annotated[
    str,
    typer.Option(
        "--width",
        metavar="|".join(WIDTHS),
        callback=_one_of(WIDTHS),
        help="Width of the picture.",
    ),
]
