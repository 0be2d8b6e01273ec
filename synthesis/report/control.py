"""Files of `atc control`: priors of a new arm as tables, figures, JSON and R."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from studies import Registry
from studies.vocabulary import Vocabulary
from synthesis.benefit.compare_words import in_sentence
from synthesis.historical.control import HistoricalControl
from synthesis.historical.drawing import AXES, captions, density_table, series_labels
from synthesis.historical.export import as_json, as_r
from synthesis.historical.words import quantity_title
from synthesis.manifest import run_facts
from synthesis.plots import About, plot_historical, save_figure
from synthesis.plots.style import Figure, Width
from synthesis.report.view import dashes
from synthesis.staging import staged_folder

STEM = "historical_control"


def draw_control(
    found: HistoricalControl, vocabulary: Vocabulary, *, width: Width = "one-column"
) -> dict[str, Figure]:
    """Draw every prior, by the stem of its file."""
    figures = {}
    for prior in found.priors:
        axis, scale = AXES[prior.quantity]
        figures[f"{STEM}_{prior.name}"] = plot_historical(
            density_table(prior),
            series_labels(found, prior),
            axis=axis,
            scale=scale,
            width=width,
            title=f"{quantity_title(prior, vocabulary)}, {in_sentence(prior.treatment)}",
        )
    return figures


def write_control(
    found: HistoricalControl,
    registry: Registry,
    out: Path,
    *,
    settings: Mapping[str, Any] | None = None,
) -> list[Path]:
    """Write priors of a new arm; other files in the folder stay.

    Parameters
    ----------
    found : HistoricalControl
    registry : Registry
        That the fits were made of.
    out : Path
        The folder; made when it does not exist.
    settings : mapping, optional
        Of the fits, ready for JSON.

    Returns
    -------
    list of Path
        ``tables/historical_control.csv`` (a row a component), ``..._summary.csv`` and
        ``..._check.csv``, ``historical_control.json``, ``historical_control.R``, and of each figure
        SVG, PDF and PNG in ``figures/``.

    Raises
    ------
    synthesis.staging.OutputError
        When `out` cannot be written.
    """
    out, vocabulary = Path(out), registry.vocabulary
    tables = {"": found.table, "_summary": found.summary, "_check": found.check}
    texts = {
        f"{STEM}.json": as_json(found, vocabulary, made_of(found, registry, settings or {})),
        f"{STEM}.R": as_r(found, vocabulary),
    }
    said = captions(found, vocabulary)
    with staged_folder(out) as stage:
        (stage / "tables").mkdir()
        for name, table in tables.items():
            path = stage / "tables" / f"{STEM}{name}.csv"
            table.to_csv(path, index=False, lineterminator="\n")
        for name, text in texts.items():
            (stage / name).write_text(text, encoding="utf-8", newline="\n")
        for (stem, figure), prior in zip(
            draw_control(found, vocabulary).items(), found.priors, strict=True
        ):
            about = About(quantity_title(prior, vocabulary), dashes(said[stem]))
            save_figure(figure, stage / "figures" / stem, about)
        names = sorted(path.relative_to(stage) for path in stage.rglob("*") if path.is_file())
    return [out / name for name in names]


def made_of(
    found: HistoricalControl, registry: Registry, settings: Mapping[str, Any]
) -> dict[str, Any]:
    """Fingerprints, versions and settings behind the priors, ready for JSON."""
    behind = {ref.study.id for own in found.behind.values() for ref in own.cohorts}
    facts = run_facts({"seed": found.seed} | dict(settings), found.believed, {})
    del facts["fits"]  # what they are worth stands with what is behind each endpoint
    return facts | {
        "registry": {
            "fingerprint": registry.fingerprint,
            "vocabulary": registry.vocabulary_fingerprint,
            "conversions": [f"{item.from_}:{item.to}" for item in registry.conversions],
            "studies": {name: registry.fingerprints[name] for name in sorted(behind)},
        }
    }
