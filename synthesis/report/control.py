"""Files of `atc control`: priors of a new arm as tables, figures, JSON and R."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from studies import Registry
from studies.vocabulary import Vocabulary
from synthesis.benefit.compare_words import in_sentence
from synthesis.fits import run_facts
from synthesis.historical.drawing import AXES, captions, density_table, series_labels
from synthesis.historical.export import as_json, as_r
from synthesis.historical.words import quantity_title
from synthesis.plots import About, plot_historical
from synthesis.plots.style import Figure, Width
from synthesis.questions.control import HistoricalControl
from synthesis.report.files import write_files
from synthesis.report.view import dashes

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
    vocabulary = registry.vocabulary
    tables = {
        STEM: found.table,
        f"{STEM}_summary": found.summary,
        f"{STEM}_check": found.check,
    }
    texts = {
        f"{STEM}.json": as_json(found, vocabulary, made_of(found, registry, settings or {})),
        f"{STEM}.R": as_r(found, vocabulary),
    }
    said = captions(found, vocabulary)
    drawn = zip(draw_control(found, vocabulary).items(), found.priors, strict=True)
    figures = {
        stem: (figure, About(quantity_title(prior, vocabulary), dashes(said[stem])))
        for (stem, figure), prior in drawn
    }
    return write_files(out, tables, figures, texts)


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
