"""What is kept of an answer: tables, figures, texts and a manifest, all of them or none."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from synthesis.drawing import draw_pictures
from synthesis.report.references import references
from synthesis.staging import MANIFEST, check_folder, staged_folder

if TYPE_CHECKING:
    import pandas as pd

    from studies import Registry
    from synthesis.plots import About
    from synthesis.result import Picture, Result


def write_result(result: Result, registry: Registry, out: Path) -> list[Path]:
    """Write the tables, figures and texts of an answer.

    Parameters
    ----------
    result : Result
    registry : Registry
        The reports that its figures rest on.
    out : Path
        The folder; made when it does not exist. Other files in it stay. Where the result has facts
        a manifest is written, and files of an earlier answer to the same question that this one
        has none of are removed.

    Returns
    -------
    list of Path
        Everything written: ``tables/`` (csv), ``figures/`` (svg, pdf and png of each), texts.

    Raises
    ------
    synthesis.staging.OutputError
        When `out` cannot be written, or holds results of another kind; nothing is left behind.
    """
    out = Path(out)
    if result.facts:
        check_folder(out, result.name)
    with staged_folder(out) as stage:
        write_tables(result.tables, stage)
        draw(result.pictures, registry, stage / "figures")
        write_texts(result.texts, stage)
        if result.facts:
            write_manifest({**result.facts, "kind": result.name}, stage)
        return [out / name for name in files_in(stage)]


def write_tables(tables: Mapping[str, pd.DataFrame], folder: Path) -> None:
    """Write tables as CSV into ``tables/`` of a folder, by the name of their files."""
    for name, frame in tables.items():
        (folder / "tables").mkdir(exist_ok=True)
        frame.to_csv(folder / "tables" / f"{name}.csv", index=False, lineterminator="\n")


def write_texts(texts: Mapping[str, str], folder: Path) -> None:
    """Write texts into a folder, by the name of their files."""
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8", newline="\n")


def write_manifest(facts: Mapping[str, Any], folder: Path) -> None:
    """Write a manifest that lists every file of a folder, itself included."""
    entries = _plain({**facts, "files": sorted({*files_in(folder), MANIFEST})})
    write_texts({MANIFEST: json.dumps(entries, indent=2) + "\n"}, folder)


def files_in(folder: Path) -> list[str]:
    """Names of every file below a folder, from it, in order."""
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())


def _plain(value: Any) -> Any:
    """Turn what a manifest may hold into what JSON knows."""
    if isinstance(value, Mapping):
        return {str(key): _plain(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(entry) for entry in value]
    if value is None or isinstance(value, str | bool | int | float):
        return value
    return value.item() if hasattr(value, "item") else str(value)


def draw(pictures: Iterable[Picture], registry: Registry, folder: Path) -> None:
    """Draw pictures into files: SVG, PDF and PNG of each, with caption and citations inside."""
    draw_pictures([(each, folder / each.stem, about(each, registry)) for each in pictures])


def about(picture: Picture, registry: Registry) -> About:
    """What the files of a picture tell of it."""
    from synthesis.plots import About

    cited = references(registry, picture.studies)
    return About(
        picture.title,
        picture.caption,
        tuple(entry.in_full for entry in cited),
        tuple(entry.label for entry in cited),
    )
