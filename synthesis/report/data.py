"""What the page computes with, as one JSON text: rows, gains, cohorts, curves and thinned draws.

Whatever a person reads is a text made by :mod:`synthesis.numbers`; numbers beside it place marks
and sort.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from synthesis import estimands
from synthesis.endpoints import Endpoint, endpoint_of
from synthesis.estimands import ESTIMANDS, Fit, NamedGroup
from synthesis.fits import PooledSurvival
from synthesis.left_out import spaced
from synthesis.model.covariates import COVARIATES, LINES, REFERENCE, REFERENCE_BRAF_SHARE
from synthesis.numbers import interval, is_missing, size, size_words, written
from synthesis.questions import contrasts
from synthesis.questions.appraisal import appraisal_table, questions
from synthesis.questions.contrasts import RANDOMISED, Evidence
from synthesis.questions.pooled.shrinkage import SHRUNK
from synthesis.report.evidence import or_nothing
from synthesis.reported import cohort_names, cohort_words, comparison_words

if TYPE_CHECKING:
    from synthesis.run import Analysis

#: Draws of a treatment that the page holds, and months of gain that its slider offers.
DRAWS, MONTHS = 200, np.arange(0.0, 12.5, 0.5)
#: Families whose curves the page can draw from draws.
DRAWN = ("weibull", "exponential", "log-logistic", "log-normal", "long-tail")
_DIGITS = 4
_MUTATION = {
    "label": "With BRAF V600E",
    "note": "A treatment that is given for a BRAF mutation only is not moved by its share.",
}
# Columns that say how certain a comparison is.
_CERTAINTY = ("certainty", "certainty_reasons", "tipping_limit", "tipping_estimate")


def page_data(analysis: Analysis) -> dict[str, Any]:
    """Everything that the views of the page are made from."""
    vocabulary = analysis.registry.vocabulary
    endpoints = [_endpoint(analysis, name, fit) for name, fit in analysis.fits.items()]
    return {
        "subject": vocabulary.subject_words,
        "mix": analysis.settings.reference_mix,
        "delta": analysis.settings.delta,
        "months": _months(analysis).tolist(),
        "confounding": analysis.comparison.confounding.words,
        "endpoints": endpoints,
        "hues": _hues(endpoints),
        "across": contrasts.APART,
        "cohorts": list(_cohorts(analysis)),
        "appraisal": _appraisal(analysis),
        "checks": _checks(analysis),
        "densities": _densities(analysis),
    }


def _months(analysis: Analysis) -> np.ndarray:
    """Months of gain that can be asked for, with those that the analysis asks for."""
    return np.unique(np.append(MONTHS, analysis.settings.delta))


def as_json(data: Any) -> str:
    """JSON that can stand in an element of a page: no text of it ends the element."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def _short(value: Any) -> float | None:
    """A number to the digits that a mark needs; None for what is missing or without end."""
    if is_missing(value) or not np.isfinite(value):
        return None
    return float(f"{value:.{_DIGITS}g}")


def _list(values: Any) -> list[float | None]:
    return [_short(value) for value in values]


# --- Treatments ----------------------------------------------------------------------------------


def _endpoint(analysis: Analysis, name: str, fit: Fit) -> dict[str, Any]:
    """One endpoint: its words, its treatments, and what each gains over every other."""
    endpoint, vocabulary = endpoint_of(name), analysis.registry.vocabulary
    groups = [group for group in estimands.named_groups(fit, vocabulary) if not group.is_class]
    compared = analysis.comparison.forest
    shown = set(compared.loc[compared["endpoint"] == name, "treatment"])
    over = analysis.comparison.references.get(name)
    shares = estimands.histologies(fit, analysis.settings.reference_mix)
    references = [group for group in groups if group.label in shown]
    survival = not endpoint.is_response
    pairs = contrasts.evidence_of_pairs(fit, groups)
    carried = {
        base.label: {own.label: pairs[own.label, base.label] for own in groups if own is not base}
        for base in references
    }
    return {
        "id": name,
        "name": endpoint.name(vocabulary),
        "short": endpoint.short,
        "quantity": "Responding, %" if endpoint.is_response else "Median, months",
        "gain": endpoint.unit_of_gain,
        "log": survival,
        "histologies": sorted(shares, key=["reference", "pure", "mixed"].index),
        "reference": None if over is None else over.label,
        "references": [group.label for group in references],
        "rows": [_row(analysis, endpoint, own, own.label in shown or not shown) for own in groups],
        "gains": {
            h: _gains(analysis, name, groups, s, _left_as_it_is(fit, groups, carried, h))
            for h, s in shares.items()
        },
        "evidence": {over: _evidence(own) for over, own in carried.items()},
        "certainty": _certainty(analysis, name),
        "contrasts": _contrasts(analysis, name),
        "curves": _curves(analysis, name) if survival else None,
        "draws": _draws(fit, groups) if survival else None,
    }


def _row(analysis: Analysis, endpoint: Endpoint, group: NamedGroup, shown: bool) -> dict[str, Any]:
    """One treatment: estimates by histology as marks and as text."""
    vocabulary, table = analysis.registry.vocabulary, analysis.pooled
    own = table[(table["endpoint"] == endpoint.id) & (table["treatment"] == group.label)]
    values, more, unsupported = {}, {}, {}
    for histology, rows in own.groupby("histology"):
        by = {(row.estimand, row.target): row for row in rows.itertuples()}
        mean, new = (by[endpoint.estimand, target] for target in ("mean_study", "new_study"))
        text, wide = (written(row, endpoint.write) for row in (mean, new))
        marks = (mean.estimate, mean.lower, mean.upper, new.lower, new.upper)
        values[histology] = [*_list(marks), text, wide]
        unsupported[histology] = bool(getattr(mean, "extrapolated", False))
        more[histology] = [
            f"{own.label}: {written(row, own.write)} {own.unit}"
            for (name, target), row in by.items()
            if target == "mean_study" and name != endpoint.estimand
            for own in [ESTIMANDS[name]]
        ]
    return {
        "t": group.label,
        "c": group.class_label,
        "n": len(group.cohorts),
        "p": group.patients,
        "size": [size(*group.sizes), size_words(*group.sizes)],
        "shown": shown and group.cohorts[0].role != "mixed",
        "shrunk": SHRUNK if own["shrunk"].any() else "",
        "selected": group.cohorts[0].treatment in vocabulary.selecting,
        "v": values,
        "x": unsupported,
        "more": more,
    }


def _left_as_it_is(
    fit: Fit,
    groups: list[NamedGroup],
    carried: Mapping[str, Mapping[str, Evidence]],
    histology: str,
) -> dict[str, set[str]]:
    """Treatments whose gain over each reference is randomised: no confounding is allowed for.

    `carried` is what carries each contrast, by the labels of reference and treatment.
    """
    known = {
        group.label: histology == "reference" or estimands.tells_apart(fit, group.cohorts)
        for group in groups
    }
    return {
        over: {label for label, own in of.items() if own.kind == RANDOMISED and known[label]}
        for over, of in carried.items()
    }


def _gains(
    analysis: Analysis,
    name: str,
    groups: list[NamedGroup],
    share: float | None,
    left: Mapping[str, Collection[str]],
) -> dict[str, dict[str, list[Any]]]:
    """Gain of every treatment over each reference, and how probable more than so many months is.

    Estimate, limits, text and the probabilities per mille at the months that can be asked for;
    then text and probabilities that allow for confounding, but for the randomised, which are
    `left`. Response has no probabilities, and no confounding.
    """
    fit, endpoint, allowed = analysis.fits[name], endpoint_of(name), analysis.comparison.confounding
    drawn = estimands.draws_of(
        fit, endpoint.estimand, "mean_study", share, tuple(g.group for g in groups)
    )
    months = () if endpoint.is_response else _months(analysis)
    # all times under the treatment are divided by what its patients would have had anyway
    without = drawn * allowed.factors(len(drawn))[:, None]
    labels = [group.label for group in groups]
    gains: dict[str, dict[str, list[Any]]] = {}
    for over, randomised in left.items():
        base = drawn[:, [labels.index(over)]]
        sides = [_gain_words(side - base, endpoint, months) for side in (drawn, without)]
        adjusts = not endpoint.is_response and (allowed.mean or allowed.sd)
        gains[over] = {
            label: as_is + adjusted[3:] * bool(adjusts and label not in randomised)
            for label, as_is, adjusted in zip(labels, *sides, strict=True)
            if label != over
        }
    return gains


def _gain_words(more: np.ndarray, endpoint: Endpoint, months: Iterable[float]) -> list[list[Any]]:
    """Estimate, limits, text and probabilities of the gain of each treatment."""
    middle, lower, upper = estimands.quantiles(more)
    chances = [np.round(1000 * np.mean(more > asked, axis=0)) for asked in months]
    return [
        [*_list(ends), interval(*ends, endpoint.write_gain), [int(each[i]) for each in chances]]
        for i, ends in enumerate(zip(middle, lower, upper, strict=True))
    ]


def _evidence(carried: Mapping[str, Evidence]) -> dict[str, list[str]]:
    """What carries each contrast, in a word, and in a sentence if it is not that of most."""
    return {
        label: [own.kind, *([own.sentence] if own.kind != contrasts.ACROSS else [])]
        for label, own in carried.items()
    }


def _contrasts(analysis: Analysis, name: str) -> dict[str, str]:
    """Every contrast of a treatment with the usual reference, as text; of all histologies."""
    table, known = analysis.comparison.table, contrasts.contrasts_of(name)
    table = table[(table["endpoint"] == name) & table["estimand"].isin(known)]

    def words(row: Any) -> str:
        own = known[row.estimand]
        unit = "" if own.unit == "ratio" else f" {own.unit}"
        return f"{own.label}: {written(row, own.write)}{unit}"

    return {
        label: "; ".join(words(row) for row in rows.itertuples())
        for label, rows in table.groupby("treatment")
    }


def _certainty(analysis: Analysis, name: str) -> dict[str, dict[str, Any]]:
    """How certain the usual comparison of a treatment is: text and numbers by their columns."""
    table = analysis.comparison.table
    rows = table[(table["endpoint"] == name) & (table["estimand"] == endpoint_of(name).gain)]

    def plain(value: Any) -> str | float | None:
        return value if isinstance(value, str) else _short(value)

    return {
        row["treatment"]: {column: plain(row[column]) for column in _CERTAINTY}
        for row in rows.to_dict("records")
    }


def _hues(endpoints: list[dict[str, Any]]) -> dict[str, str]:
    """Colour of each class of treatment; those with the most patients have one of their own."""
    from synthesis.plots.style import HUES

    sizes: Counter[str] = Counter()
    for row in (row for endpoint in endpoints for row in endpoint["rows"]):
        sizes[row["c"]] += row["shown"] * row["p"]
    first = dict(sizes.most_common(len(HUES)))
    return dict(zip((name for name in sizes if name in first), HUES, strict=False))


# --- Curves --------------------------------------------------------------------------------------


def _curves(analysis: Analysis, name: str) -> dict[str, Any] | None:
    """The curve of each treatment with its band in per mille, and the reported points."""
    if name not in analysis.curves:
        return None
    lines, points = analysis.curves[name]

    def mille(values: pd.Series) -> list[int]:
        return (1000 * values).round().astype(int).tolist()

    return {
        "time": lines["time"].drop_duplicates().tolist(),
        "lines": {
            label: [mille(own["survival"]), mille(own["lower"]), mille(own["upper"])]
            for label, own in lines.groupby("treatment", sort=False)
        },
        "last": lines.groupby("treatment")["last_printed"].first().to_dict(),
        "points": [
            {
                "t": row.treatment,
                "study": row.study_id,
                "n": None if is_missing(row.n) else int(row.n),
                "at": _list((row.time, row.time_lower, row.time_upper)),
                "s": _list((row.survival, row.survival_lower, row.survival_upper)),
            }
            for row in points[points["kind"] != "listed"].itertuples()
            if np.isfinite(row.time)
        ],
        "listed": [
            {"t": key[0], "who": key[2], "at": _list(own["time"]), "s": _list(own["survival"])}
            for key, own in points[points["kind"] == "listed"].groupby(
                ["treatment", "study_id", "label"], sort=False
            )
        ],
    }


def _draws(fit: PooledSurvival, groups: list[NamedGroup]) -> dict[str, Any] | None:
    """Thinned draws of every curve in pure and in mixed tumours; times 1000, as whole numbers."""
    places = tuple(group.group for group in groups)
    pure, mixed = (estimands.curves(fit, share, "mean_study", places) for share in (0.0, 1.0))
    keep = spaced(len(pure.median), DRAWS)
    family = np.broadcast_to(np.asarray(pure.family), len(pure.median))[keep]
    if not set(family) <= set(DRAWN):
        return None
    logs = np.log(pure.median), np.log(mixed.median), np.log(pure.shape)
    tail = np.broadcast_to(pure.tail, pure.median.shape)

    def whole(values: np.ndarray) -> list[int]:
        return np.round(1000 * values[keep]).astype(int).tolist()

    effects = estimands.flat(fit, "covariate_effect") if fit.variant.covariates else None
    moved = {"pretreated": "pretreated"}
    if mutation := estimands.tells_mutation(fit):
        moved["mutated"] = "braf_mutated"
    usual = REFERENCE[COVARIATES.index("pretreated")]
    return {
        "families": list(DRAWN),
        "family": [DRAWN.index(each) for each in family],
        "treatments": {
            group.label: [whole(each[:, i]) for each in (*logs, tail)]
            for i, group in enumerate(groups)
        },
        "histology": bool(fit.data.tells_histology),
        "effects": None
        if effects is None
        else {key: whole(effects[:, COVARIATES.index(name)]) for key, name in moved.items()},
        "lines": {word: at - usual for word, at in LINES.items()},
        "mutation": {"usual": REFERENCE_BRAF_SHARE} | _MUTATION if mutation else None,
    }


# --- Cohorts -------------------------------------------------------------------------------------

_UNTOLD = ("not printed", "not reported", "unknown")


def _cohorts(analysis: Analysis) -> Iterator[dict[str, Any]]:
    """Every cohort of the registry once, and every report that was left out at screening."""
    registry, used = analysis.registry, analysis.cohorts
    vocabulary, labels = registry.vocabulary, cohort_names(registry)
    counted: dict[str, dict[str, Any]] = {}
    for row in used.itertuples():
        endpoint = endpoint_of(row.endpoint)
        marks = (row.printed_value, row.printed_lower, row.printed_upper)
        marks += (row.estimate, row.lower, row.upper)
        counted.setdefault(f"{row.study}:{row.cohort}", {})[row.endpoint] = {
            "m": _list(marks),
            "est": written(row, endpoint.write),
            "in": "" if is_missing(row.entered_as) else row.entered_as,
            "hist": "" if (told := or_nothing(row.histology)) in _UNTOLD else told,
            "src": row.status,
        }
    reasons: dict[str, dict[str, list[str]]] = {}
    for row in analysis.left_out.itertuples():
        gave = "" if is_missing(row.gave_way_to) else labels.get(row.gave_way_to, "")
        about = reasons.setdefault(f"{row.study}:{row.cohort}", {})
        nothing = row.kind == "no_figure" and "not reached" not in row.reason
        reason = "No usable figure." if nothing else row.reason
        about.setdefault(f"{row.kind}\n{gave}\n{reason}", []).append(row.endpoint)
    for study in registry:
        for cohort in study.cohorts:
            own = f"{study.id}:{cohort.id}"
            treatment = vocabulary.treatment(cohort.treatment)
            yield {
                "s": study.id,
                "name": labels[own],
                "t": treatment.label,
                "c": vocabulary.treatment_class(treatment.class_).label,
                "n": cohort.n,
                "year": study.citation.year,
                "design": (study.design or "").replace("_", " "),
                "line": "several lines" if cohort.line == "mixed" else cohort.line or "",
                "doi": study.citation.doi or "",
                "rep": {e: words for e in analysis.settings.endpoints
                        if (words := cohort_words(cohort, e))},
                "used": counted.get(own, {}),
                "why": [[*key.split("\n", 2), ends] for key, ends in reasons.get(own, {}).items()],
                "caution": cohort.caution or "",
                "cmp": [] if cohort is not study.cohorts[0] else
                       list(map(comparison_words, study.comparisons)),
            }  # fmt: skip
    for report in registry.excluded:
        yield {"s": report.id, "name": registry.labels[report.id], "screened": report.reason,
               "n": sum(report.n) or None, "year": report.citation.year,
               "doi": report.citation.doi or ""}  # fmt: skip


_SIGNS = {"yes": "+", "no": "-", "unclear": "?"}


def _appraisal(analysis: Analysis) -> dict[str, Any]:
    """The items of the appraisal, and each report with the sign and the reason of every one."""
    if not any(study.appraisal for study in analysis.registry):
        return {}
    table = appraisal_table(analysis.registry, set(analysis.cohorts["study"]))
    items = questions()
    reports = [
        {
            "s": row["study"],
            "name": row["label"],
            "doi": analysis.registry.studies[row["study"]].citation.doi or "",
            "yes": row["items_yes"],
            "items": [[_SIGNS[row[item]], or_nothing(row[f"{item}_reason"])] for item in items],
        }
        for row in table.to_dict("records")
    ]
    words = [[item.replace("_", " ").capitalize(), asked] for item, asked in items.items()]
    return {"items": words, "reports": reports}


# --- Model check, and what was believed before ---------------------------------------------------


def _checks(analysis: Analysis) -> list[dict[str, Any]]:
    """Each reported figure beside what the fitted model predicts of it."""
    return [
        {
            "e": row.endpoint,
            "name": analysis.registry.labels.get(row.study, row.label),
            "t": row.treatment,
            "figure": row.figure,
            "v": _list((row.value, row.predicted, row.lower, row.upper)),
            "pit": _short(row.pit),
            "in": bool(row.within),
        }
        for table in analysis.checks.predictive.values()
        for row in table.itertuples()
    ]


def _densities(analysis: Analysis) -> list[dict[str, Any]]:
    """Prior and posterior of the effects of histology."""
    if analysis.findings is None:
        return []
    table = analysis.findings.benefit.density
    if table.empty:
        return []
    keys = [key for key in ("endpoint", "parameter", "label", "which") if key in table]
    thin = slice(None, None, 4)
    return [
        dict(zip(keys, key, strict=True))
        | {name: _list(own[column][thin]) for name, column in (("x", "x"), ("d", "density"))}
        for key, own in table.groupby(keys, sort=False)
    ]
