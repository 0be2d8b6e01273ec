"""What a command writes: tables, figures and texts in a folder, all of them or none."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from synthesis.plots.style import About, Figure, save_figure
from synthesis.staging import staged_folder


def write_tables(tables: Mapping[str, pd.DataFrame], folder: Path) -> None:
    """Write tables as CSV into ``tables/`` of a folder, by the name of their files."""
    (folder / "tables").mkdir()
    for name, frame in tables.items():
        frame.to_csv(folder / "tables" / f"{name}.csv", index=False, lineterminator="\n")


def write_texts(texts: Mapping[str, str], folder: Path) -> None:
    """Write texts into a folder, by their names."""
    for name, words in texts.items():
        (folder / name).write_text(words, encoding="utf-8", newline="\n")


def write_files(
    out: Path,
    tables: Mapping[str, pd.DataFrame],
    figures: Mapping[str, tuple[Figure, About]] | None = None,
    texts: Mapping[str, str] | None = None,
) -> list[Path]:
    """Write what a command has found.

    Parameters
    ----------
    out : Path
        The folder; made when it does not exist. Other files in it stay.
    tables : mapping of str to DataFrame
        By the name of their files, without suffix.
    figures : mapping of str to (Figure, About), optional
        By the stem of their files.
    texts : mapping of str to str, optional
        By the name of their files.

    Returns
    -------
    list of Path
        Everything written: ``tables/`` (csv), ``figures/`` (svg, pdf and png of each), texts.

    Raises
    ------
    synthesis.staging.OutputError
        When `out` cannot be written; nothing is left behind then.
    """
    out = Path(out)
    with staged_folder(out) as stage:
        write_tables(tables, stage)
        write_texts(texts or {}, stage)
        for stem, (figure, about) in (figures or {}).items():
            save_figure(figure, stage / "figures" / stem, about)
        names = sorted(path.relative_to(stage) for path in stage.rglob("*") if path.is_file())
    return [out / name for name in names]
