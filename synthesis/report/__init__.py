"""The report of an analysis: one page, its figures and its tables."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from synthesis.report.figures import draw_figures
from synthesis.report.page import render_page
from synthesis.staging import MANIFEST, staged_folder

if TYPE_CHECKING:
    from synthesis.analysis import Analysis

__all__ = ["write_report"]

TABLES = ("pooled", "cohorts", "left_out", "diagnostics", "priors")


def write_report(analysis: Analysis, out: Path) -> list[Path]:
    """Write the page, the figures, the tables and the manifest of an analysis.

    Parameters
    ----------
    analysis : Analysis
        The finished analysis.
    out : Path
        The results folder; made when it does not exist. Files of an earlier report in it are
        replaced or, where this report has none of that name, removed; other files stay.

    Returns
    -------
    list of Path
        Everything written: ``report.html``, ``figures/`` (svg, pdf and png of each),
        ``tables/`` (csv) and ``manifest.json``, which lists them all.

    Raises
    ------
    synthesis.staging.OutputError
        When `out` cannot be written; nothing is left behind then.
    """
    out = Path(out)
    with staged_folder(out) as stage:
        pictures = draw_figures(analysis, stage / "figures")
        (stage / "tables").mkdir()
        for name in TABLES:
            frame = getattr(analysis, name)
            frame.to_csv(stage / "tables" / f"{name}.csv", index=False, lineterminator="\n")
        page = render_page(analysis, pictures)
        (stage / "report.html").write_text(page, encoding="utf-8", newline="\n")
        made = [file for file in stage.rglob("*") if file.is_file()] + [stage / MANIFEST]
        names = sorted(file.relative_to(stage).as_posix() for file in made)
        manifest = json.dumps(_plain(dict(analysis.manifest) | {"files": names}), indent=2)
        (stage / MANIFEST).write_text(manifest + "\n", encoding="utf-8", newline="\n")
    return [out / name for name in names]


def _plain(value: Any) -> Any:
    """Turn what a manifest may hold into what JSON knows."""
    if isinstance(value, Mapping):
        return {str(key): _plain(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(entry) for entry in value]
    if value is None or isinstance(value, str | bool | int | float):
        return value
    return value.item() if hasattr(value, "item") else str(value)
