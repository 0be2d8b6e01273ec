"""Do the tables of a report come out again? A report says in its manifest how it was made.

On one machine with the same versions every number is the same. Elsewhere code rounds otherwise and
chains part, so that numbers may move by Monte Carlo error: an estimate by 0.35 posterior standard
deviations, a limit of a 95 % interval by 0.8. These are four standard errors of the difference of
two medians and of two 2.5 % limits of some 500 effective draws each, 0.08 and 0.17 standard
deviations (the order statistics of a normal posterior), with room for tails that are heavier.
"""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from priors import Priors
from studies import Registry
from studies.documents import csv_of
from synthesis.fits import versions
from synthesis.numbers import count, listed
from synthesis.result import Finding, NotAnsweredError, Result, table_of
from synthesis.settings import Settings
from synthesis.staging import MANIFEST

#: Most that an estimate and a limit move by Monte Carlo error, in posterior standard deviations.
MOST_MOVED = {"estimate": 0.35, "lower": 0.8, "upper": 0.8}

SAME, WITHIN, OTHER = "the same", "within Monte Carlo error", "different"
_LEVEL_WIDTH = 3.92  # of a 95 % interval, in standard deviations


@dataclass(frozen=True)
class Report:
    """What a report kept of itself."""

    folder: Path
    manifest: Mapping[str, Any]
    settings: Settings

    def table(self, name: str) -> str:
        """Text of one of its tables; empty where it has none."""
        path = self.folder / "tables" / f"{name}.csv"
        return path.read_text(encoding="utf-8") if path.is_file() else ""


def read_report(path: Path) -> Report:
    """Read the manifest of a report.

    Raises
    ------
    NotAnsweredError
        Names the file, what was found and what to do.
    """
    file = path if path.name == MANIFEST else path / MANIFEST
    try:
        manifest = json.loads(file.read_text(encoding="utf-8"))
        lists = manifest["settings"].items()
        given = {name: tuple(v) if isinstance(v, list) else v for name, v in lists}
        manifest["registry"]["studies"], manifest["priors"]["fingerprint"]
        return Report(file.parent, manifest, Settings(**given))
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise NotAnsweredError(
            f"{file} cannot be read ({reason}); name the folder of a report"
        ) from None
    except (ValueError, TypeError, LookupError, AttributeError) as error:
        raise NotAnsweredError(
            f"{file} is not the manifest of a report of this version ({error}); name the folder "
            "that `atc report --out` wrote"
        ) from None


def require_same_data(report: Report, registry: Registry, priors: Priors) -> None:
    """Raise `NotAnsweredError` where studies, vocabulary or priors are not those of a report."""
    kept = report.manifest["registry"]
    theirs, ours = kept["studies"], registry.fingerprints
    names = sorted(name for name in {*theirs, *ours} if theirs.get(name) != ours.get(name))
    other = [f"{count(len(names), 'study')} ({listed(names[:5])})"] if names else []
    if kept.get("vocabulary") != registry.vocabulary_fingerprint:
        other.append("the vocabulary")
    if report.manifest["priors"]["fingerprint"] != priors.fingerprint:
        other.append("the priors")
    if other:
        raise NotAnsweredError(
            f"{listed(other)} differ from those that {report.folder} was made of; give the "
            "--registry, --only and --priors of that report, at the state of its files then"
        )


def compare_tables(report: Report, tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Hold new tables against those of a report: a row for each.

    Returns
    -------
    DataFrame
        ``table``, ``rows``, ``verdict``, and ``furthest``: how far a number of it moved, in units
        of the most by Monte Carlo error; nought where nothing can move.
    """
    rows = []
    for name, table in tables.items():
        old, new = report.table(name), csv_of(table)
        furthest = 0.0 if old == new else _furthest(old, new)
        verdict = SAME if old == new else WITHIN if furthest <= 1.0 else OTHER
        rows.append((name, len(table), verdict, furthest))
    return pd.DataFrame(rows, columns=["table", "rows", "verdict", "furthest"])


def _furthest(old: str, new: str) -> float:
    """How far an estimate or a limit moved; infinite where rows, words or whole numbers differ."""
    one, other = (pd.read_csv(io.StringIO(text or "none\n")) for text in (old, new))
    fixed = [name for name in one if not pd.api.types.is_float_dtype(one[name])]
    if list(one) != list(other) or len(one) != len(other):
        return np.inf
    if fixed:
        one, other = (t.sort_values(fixed, kind="stable", ignore_index=True) for t in (one, other))
    if not one[fixed].equals(other[fixed]):
        return np.inf
    if not {*MOST_MOVED} <= {*one}:
        return 0.0
    both = np.stack([t[[*MOST_MOVED]].to_numpy(float) for t in (one, other)])
    positive = (both > 0.0).all(axis=(0, 2))
    both[:, positive] = np.log(both[:, positive])
    sd = (both[0, :, 2] - both[0, :, 1]) / _LEVEL_WIDTH
    moved = np.abs(both[1] - both[0]) / [*MOST_MOVED.values()]
    with np.errstate(divide="ignore", invalid="ignore"):
        return float(np.nanmax(np.where(moved > 0.0, moved / sd[:, None], 0.0), initial=0.0))


def result(report: Report, compared: pd.DataFrame) -> Result:
    """Say whether the tables came out again."""
    of = {word: int((compared["verdict"] == word).sum()) for word in (SAME, WITHIN, OTHER)}
    tables = count(len(compared), "table")
    made, here = report.manifest.get("versions", {}), versions()
    others = [
        f"{name} {made[name]}, here {own}"
        for name, own in here.items()
        if made.get(name, own) != own
    ]
    sentences = [f"{of[SAME]} of {tables} are the same in every digit."]
    if of[WITHIN]:
        sentences.append(
            f"{of[WITHIN]} differ by Monte Carlo error: no estimate by more than "
            f"{MOST_MOVED['estimate']:g} and no limit by more than {MOST_MOVED['lower']:g} "
            "posterior standard deviations. Other numbers than these are not judged."
        )
    if of[OTHER]:
        sentences.append(f"{of[OTHER]} differ by more than that, or in rows and words.")
    if others:
        sentences.append(f"The report was made with {listed(others)}.")
    moved = compared[compared["verdict"] != SAME]
    columns = (
        ("Table", "", lambda row: row.table),
        ("Rows", "num", lambda row: row.rows),
        ("", "", lambda row: row.verdict),
    )
    shown = (table_of("Tables that differ", moved.itertuples(), columns),) if len(moved) else ()
    finding = Finding("Do the tables come out again?", tuple(sentences), shown)
    return Result("reproduce", f"The report {report.folder}, made again", (), (finding,))
