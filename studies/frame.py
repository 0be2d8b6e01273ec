"""The registry as a table."""

from __future__ import annotations

from decimal import Decimal
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
_OF_COHORT = (
    *("treatment_as_printed", "line", "time_origin", "time_origin_presumed"),
    *("n", "not_pooled", "caution"),
)
_FLAGS = ("time_origin_presumed", "median_not_reached", "upper_not_reached")
COLUMNS = (
    *("study_id", "cohort_id", "label", "year", "design", "countries", "disease"),
    *("treatment_class", "treatment", "treatment_as_printed", "line", "time_origin"),
    *("time_origin_presumed", "n", "n_pure", "n_mixed", "endpoint", "printed", *_FLOAT),
    *("median_not_reached", "upper_not_reached", "events", "landmarks", "responders"),
    *("evaluable", "derivation", "status", "not_pooled", "caution", "doi", "pmid"),
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
    treatment = vocabulary.treatment(cohort.treatment)
    split = cohort.histology
    citation = study.citation
    common = {
        "study_id": study.id,
        "cohort_id": cohort.id,
        "label": study_label(study),
        "design": study.design,
        "countries": "; ".join(study.countries) or None,
        "disease": cohort.disease or vocabulary.main_disease,
        "treatment_class": vocabulary.treatment_class(treatment.class_).label,
        "treatment": treatment.label,
        "n_pure": split and split.pure,
        "n_mixed": split and split.mixed,
    }
    common |= {name: getattr(cohort, name) for name in _OF_COHORT}
    common |= {name: getattr(citation, name) for name in ("year", "doi", "pmid")}
    return [
        common | {"endpoint": endpoint} | _figures(cohort, study, endpoint)
        for endpoint in endpoints_of(cohort) or (None,)
    ]


def _figures(cohort: Cohort, study: Study, endpoint: str | None) -> dict[str, Any]:
    if endpoint is None:
        return {}
    if endpoint == RESPONSE:
        return {} if cohort.response is None else _response(cohort.response, cohort.n, study)
    outcome, landmarks = outcome_of(cohort, endpoint), landmarks_of(cohort, endpoint)
    figures = [*landmarks] if outcome is None else [outcome, *landmarks]
    statuses = dict.fromkeys(figure_status(figure, study) for figure in figures)
    row: dict[str, Any] = {
        "landmarks": "; ".join(printed_landmark(mark) for mark in landmarks) or None,
        "status": " and ".join(statuses) or None,
    }
    if outcome is None:
        return row
    times = (outcome.median, *(outcome.ci or ()))
    row |= {
        "printed": printed_median(outcome),
        "events": outcome.events,
        "median_not_reached": outcome.median == NOT_REACHED,
        "upper_not_reached": None if outcome.ci is None else outcome.ci[1] == NOT_REACHED,
    }
    return row | {
        column: in_months(time, outcome.unit)
        for column, time in zip(_FLOAT, times, strict=False)
        if isinstance(time, Decimal) and outcome.unit is not None
    }


def _response(response: Response, n: int | None, study: Study) -> dict[str, Any]:
    count = responders(response, n)
    known = isinstance(count, ResponseCount)
    return {
        "printed": printed_response(response),
        "responders": count.responders if known else None,
        "evaluable": count.evaluable if known else response.evaluable,
        "derivation": count.derivation if known else count.reason,
        "status": figure_status(response, study),
    }


def printed_response(response: Response) -> str | None:
    """Return the response as printed: a count of the evaluable, or a rate."""
    rate, counted, cr, pr = response.orr_percent, response.responders, response.cr, response.pr
    if counted is None and pr is not None and (cr is not None or rate is None):
        counted = (cr or 0) + pr
    if counted is not None:
        return f"{counted}/{'?' if response.evaluable is None else response.evaluable}"
    if rate is None:
        return None
    limits = "" if response.orr_ci is None else f" ({response.orr_ci[0]}-{response.orr_ci[1]})"
    return f"{rate} %{limits}"
