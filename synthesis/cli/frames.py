"""Listed cohorts as tables: comma-separated, or as JSON records."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import TYPE_CHECKING

from studies import Cohort, Registry, Study
from studies.registry import Excluded

if TYPE_CHECKING:
    import pandas as pd


def cohort_frame(
    registry: Registry, cohorts: Iterable[tuple[Study, Cohort]], endpoint: str | None = None
) -> pd.DataFrame:
    """Return the rows of some cohorts from the table of a registry.

    Parameters
    ----------
    registry : Registry
        The registry.
    cohorts : iterable of (Study, Cohort)
        Which of its cohorts.
    endpoint : str, optional
        Only the rows of this endpoint.

    Returns
    -------
    DataFrame
        One row for each cohort and endpoint, with the columns of `studies.frame.COLUMNS`.
    """
    from studies.frame import registry_frame

    wanted = {(study.id, cohort.id) for study, cohort in cohorts}
    frame = registry_frame(registry)
    keys = zip(frame["study_id"], frame["cohort_id"], strict=True)
    keep = [key in wanted for key in keys]
    if endpoint is not None:
        named = frame["endpoint"].str.casefold() == endpoint.casefold()
        keep = [own and bool(fits) for own, fits in zip(keep, named.fillna(False), strict=True)]
    return frame[keep].reset_index(drop=True)


def excluded_frame(reports: Iterable[Excluded]) -> pd.DataFrame:
    """Return reports that were left out as a table.

    Parameters
    ----------
    reports : iterable of Excluded
        The reports.

    Returns
    -------
    DataFrame
        One row for each; the patients of several groups in ``n`` stand apart by semicolons.
    """
    import pandas as pd

    columns = ("study_id", "year", "n", "reason", "authors", "title", "journal", "doi", "pmid")
    rows = [
        {
            "study_id": report.id,
            "year": report.citation.year,
            "n": "; ".join(str(number) for number in report.n) or None,
            "reason": " ".join(report.reason.split()),
            "authors": "; ".join(report.citation.authors) or None,
            "title": report.citation.title,
            "journal": report.citation.journal,
            "doi": report.citation.doi,
            "pmid": report.citation.pmid,
        }
        for report in reports
    ]
    return pd.DataFrame(rows, columns=list(columns)).astype({"year": "Int64"})


def csv_text(frame: pd.DataFrame) -> str:
    """Return a table as comma-separated text."""
    return frame.to_csv(index=False, lineterminator="\n")


def json_text(frame: pd.DataFrame) -> str:
    """Return a table as a JSON list of objects; what is missing is null."""
    plain = frame.astype(object).where(frame.notna(), None)
    return json.dumps(plain.to_dict("records"), indent=2, ensure_ascii=False)
