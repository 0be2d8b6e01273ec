"""The registry as a table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from studies.figures import (
    RESPONSE,
    ResponseCount,
    endpoints_of,
    figure_status,
    in_months,
    landmarks_of,
    outcome_of,
    printed_landmark,
    printed_median,
    responders,
    study_label,
)
from studies.registry import Registry
from studies.schema import NOT_REACHED, Cohort, Response, Study
from studies.vocabulary import Vocabulary

if TYPE_CHECKING:
    import pandas as pd

_WHOLE = ("year", "n", "n_pure", "n_mixed", "events", "responders", "evaluable")
_FLOAT = ("median_months", "lower_months", "upper_months")
_FLAGS = ("time_origin_presumed", "median_not_reached", "upper_not_reached")
COLUMNS = (
    "study_id",
    "cohort_id",
    "label",
    "year",
    "design",
    "countries",
    "disease",
    "treatment_class",
    "treatment",
    "treatment_as_printed",
    "line",
    "time_origin",
    "time_origin_presumed",
    "n",
    "n_pure",
    "n_mixed",
    "endpoint",
    "printed",
    "median_months",
    "lower_months",
    "upper_months",
    "median_not_reached",
    "upper_not_reached",
    "events",
    "landmarks",
    "responders",
    "evaluable",
    "derivation",
    "status",
    "not_pooled",
    "caution",
    "doi",
    "pmid",
)


def registry_frame(registry: Registry) -> pd.DataFrame:
    """Return a registry as a table with one row for each cohort and endpoint.

    Returns
    -------
    DataFrame
        Columns as in `COLUMNS`. Treatments and classes by label. ``printed`` is the figure exactly
        as printed; the columns in months are converted from it, missing where nothing is printed or
        not reached. ``responders`` of ``evaluable`` patients with their ``derivation``. Endpoints
        that a cohort prints for subgroups only have a row without figures, and a cohort that prints
        none has one row without an endpoint, so that no cohort is missing.
    """
    import pandas as pd

    rows = [
        row
        for study in registry
        for cohort in study.cohorts
        for row in _rows(study, cohort, registry.vocabulary)
    ]
    frame = pd.DataFrame(rows, columns=list(COLUMNS))
    kinds = {name: "Int64" for name in _WHOLE} | {name: "float64" for name in _FLOAT}
    return frame.astype(kinds | {name: "boolean" for name in _FLAGS})


def _rows(study: Study, cohort: Cohort, vocabulary: Vocabulary) -> list[dict[str, Any]]:
    """Return the rows of one cohort."""
    treatment = vocabulary.treatment(cohort.treatment)
    split = cohort.histology
    common = {
        "study_id": study.id,
        "cohort_id": cohort.id,
        "label": study_label(study),
        "year": study.citation.year,
        "design": study.design,
        "countries": "; ".join(study.countries) or None,
        "disease": cohort.disease or vocabulary.main_disease,
        "treatment_class": vocabulary.treatment_class(treatment.class_).label,
        "treatment": treatment.label,
        "treatment_as_printed": cohort.treatment_as_printed,
        "line": cohort.line,
        "time_origin": cohort.time_origin,
        "time_origin_presumed": cohort.time_origin_presumed,
        "n": cohort.n,
        "n_pure": split.pure if split is not None else None,
        "n_mixed": split.mixed if split is not None else None,
        "not_pooled": cohort.not_pooled,
        "caution": cohort.caution,
        "doi": study.citation.doi,
        "pmid": study.citation.pmid,
    }
    rows = []
    for endpoint in endpoints_of(cohort) or (None,):
        if endpoint == RESPONSE:
            figures = _response(cohort, study)
        else:
            figures = {} if endpoint is None else _survival(cohort, study, endpoint)
        rows.append(common | {"endpoint": endpoint} | figures)
    return rows


def _survival(cohort: Cohort, study: Study, endpoint: str) -> dict[str, Any]:
    """Return the columns of one survival endpoint."""
    outcome, landmarks = outcome_of(cohort, endpoint), landmarks_of(cohort, endpoint)
    figures = [*landmarks] if outcome is None else [outcome, *landmarks]
    statuses = dict.fromkeys(figure_status(figure, study) for figure in figures)
    row: dict[str, Any] = {
        "landmarks": "; ".join(printed_landmark(mark) for mark in landmarks) or None,
        "status": " and ".join(statuses) or None,
    }
    if outcome is None:
        return row
    row["printed"] = printed_median(outcome)
    row["median_not_reached"] = outcome.median == NOT_REACHED
    row["events"] = outcome.events
    figures_in_months = {"median_months": outcome.median}
    if outcome.ci is not None:
        row["upper_not_reached"] = outcome.ci[1] == NOT_REACHED
        figures_in_months |= dict(zip(_FLOAT[1:], outcome.ci, strict=True))
    for column, value in figures_in_months.items():
        if not isinstance(value, str) and value is not None and outcome.unit is not None:
            row[column] = in_months(value, outcome.unit)
    return row


def _response(cohort: Cohort, study: Study) -> dict[str, Any]:
    """Return the columns of the response."""
    response = cohort.response
    if response is None:
        return {}
    count = responders(response, cohort.n)
    row: dict[str, Any] = {
        "printed": printed_response(response),
        "evaluable": response.evaluable,
        "status": figure_status(response, study),
    }
    if isinstance(count, ResponseCount):
        return row | {
            "responders": count.responders,
            "evaluable": count.evaluable,
            "derivation": count.derivation,
        }
    return row | {"derivation": count.reason}


def printed_response(response: Response) -> str | None:
    """Return the response as printed: a count of the evaluable, or a rate."""
    rate = response.orr_percent
    parts = (response.cr, response.pr)
    counted = response.responders
    if counted is None and (None not in parts or (rate is None and response.pr is not None)):
        counted = (response.cr or 0) + (response.pr or 0)
    if counted is not None:
        return f"{counted}/{'?' if response.evaluable is None else response.evaluable}"
    if rate is None:
        return None
    limits = "" if response.orr_ci is None else f" ({response.orr_ci[0]}-{response.orr_ci[1]})"
    return f"{rate} %{limits}"
