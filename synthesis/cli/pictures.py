"""One picture with the bibliography of what it draws: `atc forest`."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from synthesis.cli import options as of
from synthesis.cli.commands import (
    Request,
    analysed,
    answers,
    pooled_treatments,
    require_one,
    require_pooled,
)
from synthesis.cli.running import InputError
from synthesis.cli.terminal import verdict_lines
from synthesis.numbers import count
from synthesis.staging import check_file, staged_folder

# A bibliography that begins so may be written anew; others may be those of a manuscript.
_BIBLIOGRAPHY_MARK = "% Reports drawn in the forest plot "


def _check_picture(output: Path, **_: Any) -> None:
    """Refuse a picture that cannot be written, or whose bibliography stands there already."""
    if output.suffix.lower() not in of.SUFFIXES:
        suffix = f"'{output.suffix}'" if output.suffix else "no suffix"
        raise InputError(f"{output} has {suffix}; name the picture *{', *'.join(of.SUFFIXES)}.")
    path = output.with_suffix(".bib")
    check_file(output)
    check_file(path)
    try:
        ours = path.read_text(encoding="utf-8", errors="replace").startswith(_BIBLIOGRAPHY_MARK)
    except FileNotFoundError:
        return
    except OSError:
        ours = False
    if not ours:
        raise InputError(
            f"{path} is a bibliography of your own, and that of the picture would replace it; "
            "give the picture another name (-o)."
        )


@answers(out=None, first=_check_picture)
def forest(
    request: Request,
    endpoint: of.EndpointArgument,
    output: of.PictureOption,
    treatment: of.TreatmentOption = None,
    classes: of.ClassesOption = None,
    width: of.WidthOption = "two-column",
    sort: of.SortOption = None,
    columns: of.ColumnsOption = None,
) -> list[str]:
    """Draw one forest plot. The bibliography of what it draws is written beside it."""
    label, groups = _shown(request, endpoint, treatment, classes or ())
    drawing = {"width": width, "sort": sort, "columns": columns and of.columns_of(columns)}
    analysis = analysed(request, {"endpoints": (endpoint,)}, compared=False)
    from studies.documents import bibtex
    from synthesis.report import save_forest

    request.tell("drawing the forest plot")
    bibliography = output.with_suffix(".bib")
    with staged_folder(output.parent) as stage:
        picture = stage / output.name
        drawn = save_forest(analysis, endpoint, picture, treatment=label, classes=groups, **drawing)
        studies = bibtex([request.registry.study(name) for name in drawn]).rstrip()
        text = f"{_BIBLIOGRAPHY_MARK}{output.name}\n\n{studies}\n"
        (stage / bibliography.name).write_text(text, encoding="utf-8", newline="\n")
    return [
        *verdict_lines(analysis.verdicts),
        f"Forest plot: {output}",
        f"Bibliography of what it draws: {bibliography} ({count(len(drawn), 'report')})",
    ]


def _shown(
    request: Request, endpoint: str, treatment: str | None, classes: Iterable[str]
) -> tuple[str | None, list[str]]:
    """Labels of the only treatment and of the only classes to be drawn, which are pooled."""
    vocabulary = request.registry.vocabulary
    pooled = pooled_treatments(request, (endpoint,), background=True)
    there = sorted({vocabulary.treatment(name).class_ for name in pooled[endpoint]})
    find = vocabulary.treatment_class
    groups = [require_one(find, name, there, pooled) for name in classes]
    if treatment is None:
        return None, [group.label for group in groups]
    known = require_pooled(request, treatment, pooled)
    if groups and known.class_ not in {group.id for group in groups}:
        raise InputError(f"{known.id} is of the class {known.class_}; leave --class out.")
    return known.label, []
