"""Answers and captions in words, made from the tables: no number is typed here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from studies.vocabulary import Vocabulary
from synthesis.estimands import Summary
from synthesis.forest_table import heterogeneity_words, interval_text
from synthesis.histology_table import HistologyTables
from synthesis.models import PooledSurvival, ResponseFit
from synthesis.predictive_checks import OUTLYING, Coverage, outliers
from synthesis.restrictions import Restriction
from synthesis.tables import Fit, NamedGroup, named_groups, patients_of, tells_histology

# A class or treatment is answered for in words where at least this many cohorts stand behind it.
_COHORTS_IN_WORDS = 2


@dataclass(frozen=True)
class Answer:
    """A question that people come with, and its answer in words.

    Attributes
    ----------
    question : str
    text : str
        A paragraph a line; lines that begin with ``- `` are the items of a list.
    """

    question: str
    text: str


def percent(share: float) -> str:
    """A share as whole per cent, ``40 %``."""
    return f"{100 * share:.0f} %"


def answers(
    fits: Mapping[str, Fit],
    pooled: pd.DataFrame,
    histology: HistologyTables | None,
    vocabulary: Vocabulary,
    reference_mix: float,
) -> tuple[Answer, ...]:
    """Answers to the questions of the report, in order."""
    found = []
    questions = {
        "os": "How long do patients live?",
        "pfs": "How long do they stay free of progression?",
        "response": "How many respond?",
    }
    for endpoint, fit in fits.items():
        question = questions[endpoint]
        found.append(_endpoint_answer(question, endpoint, fit, pooled, vocabulary, reference_mix))
    if histology is not None:
        found += _histology_answers(histology, fits["os"], vocabulary)
    return tuple(found)


def _endpoint_answer(
    question: str,
    endpoint: str,
    fit: Fit,
    pooled: pd.DataFrame,
    vocabulary: Vocabulary,
    reference_mix: float,
) -> Answer:
    own = pooled[(pooled["endpoint"] == endpoint) & (pooled["histology"] == "reference")]
    if isinstance(fit, ResponseFit):
        estimand = "response_rate"
        opening = (
            f"Objective response in {vocabulary.subject_words}, per cent of evaluable patients"
        )
    else:
        estimand = "median_months"
        name = vocabulary.endpoint(endpoint).label
        opening = (
            f"Median {name.lower()} in {vocabulary.subject_words}, months from the time origin of "
            f"each study ({time_origins(fit)})"
        )
        if tells_histology(fit):
            opening += f", in patients of whom {percent(reference_mix)} have mixed histology"
    text = f"{opening}; posterior median (95 % interval) for the average study, then for a new one."
    lines = [text]
    own = own[own["estimand"] == estimand]
    for group in named_groups(fit, vocabulary):
        if len(group.cohorts) < _COHORTS_IN_WORDS or _is_background(group):
            continue
        rows = own[own["treatment"] == group.label].set_index("target")
        mean, new = (_summary(rows.loc[target]) for target in ("mean_study", "new_study"))
        in_percent = isinstance(fit, ResponseFit)
        unit = " %" if in_percent else " months"
        lines.append(
            f"- {group.label}: {interval_text(mean, percent=in_percent)}{unit}; new study "
            f"{interval_text(new, percent=in_percent)}; "
            f"{len(group.cohorts)} cohorts, {group.patients} patients"
        )
    lines.append(
        "Treatments stand side by side across studies, most of them single-armed: differences "
        "between them may be differences between their patients."
    )
    return Answer(question, "\n".join(lines))


def _is_background(group: NamedGroup) -> bool:
    return all(ref.role == "mixed" for ref in group.cohorts)


def _summary(row: pd.Series) -> Summary:
    return Summary(float(row["estimate"]), float(row["lower"]), float(row["upper"]))


def time_origins(fit: PooledSurvival) -> str:
    """Time origins of the cohorts of a fit, with how many have each."""
    origins = [ref.cohort.time_origin or "not printed" for ref in fit.data.cohorts]
    counts = pd.Series(origins).value_counts()
    return ", ".join(f"{name}: {count}" for name, count in counts.items())


def _histology_answers(
    tables: HistologyTables, fit: PooledSurvival, vocabulary: Vocabulary
) -> list[Answer]:
    effects = tables.effects
    found = []
    for parameter in dict.fromkeys(effects["parameter"]):
        own = effects[effects["parameter"] == parameter]
        posterior = own[own["which"] == "posterior"]
        prior = own[own["which"] == "prior"].iloc[0]
        main = posterior.iloc[0]
        by_family = "; ".join(
            f"{row.family} {_ratio_text(row)}" for row in posterior.itertuples(index=False)
        )
        shares = f"the posterior SD is {percent(main.log_sd / prior.log_sd)} of the prior's"
        if parameter == "prognostic":
            text = (
                "Overall survival, mixed against pure histology under any treatment, as a ratio "
                f"of medians: {by_family}. The prior allowed {_ratio_text(prior)}; {shares}. The "
                f"reports that print medians by histology: {_printed_words(tables.ratios)}."
                f"{_declared_words(fit)}{_meaning_words(vocabulary)}"
            )
            found.append(Answer("Do mixed tumours fare better than pure ones?", text))
        else:
            drug = parameter.partition(": ")[2].lower()
            text = (
                f"Beyond the difference under any treatment, mixed tumours treated with {drug} "
                f"have a further ratio of {by_family}; the prior alone says {_ratio_text(prior)}, "
                f"and {shares}. {_verdict_on_data(main.log_sd / prior.log_sd)}"
            )
            found.append(Answer(f"Do they gain more from {drug}?", text))
    return found


def _declared_words(fit: PooledSurvival) -> str:
    """Which reports' own groups are read as pure and mixed by declaration."""
    declared = [
        ref.label
        for ref in fit.data.cohorts
        if fit.data.use_read_as
        if ref.cohort.read_as or any(group.read_as for group in ref.cohort.subgroups)
    ]
    if not declared:
        return ""
    return (
        f" Groups of {', '.join(dict.fromkeys(declared))} are read as pure and mixed, as declared."
    )


def _meaning_words(vocabulary: Vocabulary) -> str:
    """What the vocabulary says of mixed tumours."""
    meaning = vocabulary.histologies.get("mixed")
    return "" if meaning is None else f" Mixed: {meaning[:1].lower()}{meaning[1:].rstrip('.')}."


# Above this share of its prior SD a posterior says little that the prior did not.
_MOSTLY_PRIOR = 0.85


def _verdict_on_data(share: float) -> str:
    if share > _MOSTLY_PRIOR:
        return (
            "So the data add almost nothing to the prior: one cohort cannot tell a better "
            "prognosis from a better response to the drug."
        )
    return "The data have narrowed the prior."


def _ratio_text(row: object) -> str:
    return f"{row.estimate:.1f} ({row.lower:.1f}-{row.upper:.1f})"


def _printed_words(ratios: pd.DataFrame) -> str:
    printed = ratios[ratios["kind"] == "printed"]
    if printed.empty:
        return "none"
    return "; ".join(
        f"{row.label}, {row.note} ({row.n_mixed} and {row.n_pure} patients"
        + (f", p = {row.p})" if row.p else ")")
        for row in printed.itertuples(index=False)
    )


def captions(
    fits: Mapping[str, Fit],
    vocabulary: Vocabulary,
    reference_mix: float,
    restrictions: Sequence[Restriction] = (),
) -> dict[str, str]:
    """Captions of the figures by file stem, ready to paste; restrictions stand at their ends."""
    found: dict[str, tuple[str, str]] = {}
    for endpoint, fit in fits.items():
        own = _forest_caption(endpoint, fit, vocabulary, reference_mix)
        found[f"forest_{endpoint}"] = endpoint, own
    for endpoint, fit in fits.items():
        own = _predictive_caption(endpoint, fit, vocabulary)
        found[f"predictive_checks_{endpoint}"] = endpoint, own
    for endpoint in ("os", "pfs"):
        if endpoint in fits:
            own = _curves_caption(fits[endpoint], vocabulary, reference_mix)
            found[f"curves_{endpoint}"] = endpoint, own
    if "os" in fits and tells_histology(fits["os"]):
        own = _histology_caption(fits["os"], vocabulary)
        found["histology"] = "os", own
    return {
        stem: " ".join([own, *(item.sentence for item in restrictions if item.touches(endpoint))])
        for stem, (endpoint, own) in found.items()
    }


def _size(fit: Fit) -> str:
    refs = fit.data.cohorts
    studies = len({ref.study.id for ref in refs})
    patients = sum(patients_of(fit).values())
    cohorts, reports = _plural(len(refs), "cohort"), _plural(studies, "report")
    return f"{cohorts} of {reports}, {_plural(patients, 'patient')}"


def _plural(count: int, noun: str) -> str:
    return f"{count} {noun}" + ("" if count == 1 else "s")


def _forest_caption(endpoint: str, fit: Fit, vocabulary: Vocabulary, reference_mix: float) -> str:
    marks = (
        "Open squares: printed value with its printed interval, area by number of patients; "
        "filled dots: the model's estimate of the same cohort with its 95 % interval; diamonds: "
        "average study of the treatment; bars: 95 % prediction for a new study."
    )
    if isinstance(fit, ResponseFit):
        return (
            f"Objective response rate in {vocabulary.subject_words}, per cent. {_size(fit)}. "
            f"Binomial-logit hierarchy of classes, treatments and studies. {marks} "
            f"{heterogeneity_words(fit)}"
        )
    label = vocabulary.endpoint(endpoint).label
    mix = f"Pooled rows: {percent(reference_mix)} mixed histology. " if tells_histology(fit) else ""
    return (
        f"{label} in {vocabulary.subject_words}, median in months (log scale), from the time "
        f"origin of each study ({time_origins(fit)}). {_size(fit)}. "
        f"Survival hierarchy of classes, treatments and studies, {_family_words(fit)}; printed "
        "medians, limits and landmarks enter as order statistics and binomial cells. "
        f"{mix}{marks} Arrows: not reached. {heterogeneity_words(fit)}"
    )


def _family_words(fit: PooledSurvival) -> str:
    """The survival family of a fit, or the families over which it is stacked."""
    weights = fit.family_weights
    if len(weights) == 1:
        return f"{next(iter(weights))} family"
    parts = [f"{name} {percent(weight)}" for name, weight in weights.items()]
    return f"stacked over survival families ({', '.join(parts)})"


def _listed(names: Sequence[str]) -> str:
    """Join names as in a sentence, ``a, b and c``."""
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))


def _curves_caption(fit: PooledSurvival, vocabulary: Vocabulary, reference_mix: float) -> str:
    label = vocabulary.endpoint(fit.data.endpoint).label
    mix = f", {percent(reference_mix)} mixed histology" if tells_histology(fit) else ""
    return (
        f"{label} in {vocabulary.subject_words} under each treatment: pooled curve of the average "
        f"study with its 95 % band{mix}, {_family_words(fit)}. Open squares: printed medians with "
        "their intervals; dots: printed survival at fixed times. Faded: beyond twice the last "
        f"printed point. {_size(fit)}."
    )


def _histology_caption(fit: PooledSurvival, vocabulary: Vocabulary) -> str:
    names = list(fit.family_weights)
    under = f"{names[0]} survival"
    if len(names) > 1:
        under = f"each survival family ({_listed(names)}) and stacked over them"
    return (
        f"Pure and mixed histology in {vocabulary.subject_words}. A: ratio of median overall "
        "survival, mixed against pure: prior (broken line) and posterior (filled), the ratios of "
        f"printed medians, and the posterior under {under}. B: median overall survival of the "
        "average study in pure and in mixed tumours under each treatment, with 95 % "
        f"intervals. {_size(fit)}."
    )


def _predictive_caption(endpoint: str, fit: Fit, vocabulary: Vocabulary) -> str:
    if isinstance(fit, ResponseFit):
        what, model = "Objective response", "binomial-logit hierarchy"
        kind = "response rates"
    else:
        what = vocabulary.endpoint(endpoint).label
        model = f"survival hierarchy, {_family_words(fit)},"
        kind = "medians and, per cent, survival at fixed times"
    limits = "" if isinstance(fit, ResponseFit) else "Strokes on fainter bands: printed limits. "
    return (
        f"{what} in {vocabulary.subject_words}: printed figures on what the fitted {model} would "
        f"print of as many patients in a new study of the same treatment. {_size(fit)}. Dots: "
        f"printed {kind}, open outside their 95 % predictive interval; grey bands: that interval "
        f"(thin) and the 50 % interval (thick). {limits}Position: share of the "
        "predictions below the printed figure, half of those printed alike included. Below: "
        "distribution of the positions; grey: the band that holds all of it in 95 % of registries "
        "drawn from the model."
    )


def predictive_words(table: pd.DataFrame, coverage: Coverage) -> tuple[str, ...]:
    """Whether the fitted model would print the figures of one endpoint, in sentences."""
    if table.empty:
        return ("None of its figures can be set against a prediction.",)
    half, most = coverage.inside
    sentences = [
        f"Of {_plural(most.figures, 'printed figure')} {most.found} lie inside their "
        f"{percent(most.level)} predictive intervals, where registries drawn from the model have "
        f"{most.lower:.0f} to {most.upper:.0f} ({most.expected:.0f} on average), and {half.found} "
        f"inside their {percent(half.level)} intervals ({half.lower:.0f} to {half.upper:.0f}, "
        f"{half.expected:.0f} on average)."
    ]
    for item in coverage.inside:
        if item.found < item.lower:
            sentences.append(
                f"Fewer than that lie inside the {percent(item.level)} intervals: the model is "
                "surer of what reports print than they bear out."
            )
        elif item.found > item.upper:
            sentences.append(
                f"More than that lie inside the {percent(item.level)} intervals: reports differ "
                "less than the model allows for, and its treatment effects have learned from these "
                "very figures."
            )
    if not coverage.in_band:
        sentences.append("The distribution of the positions leaves its band.")
    outlying = outliers(table)
    sentences.append(
        f"No figure is outlying (a position below {OUTLYING:g} or above {1 - OUTLYING:g})."
        if outlying.empty
        else f"{_plural(len(outlying), 'figure')} {'is' if len(outlying) == 1 else 'are'} outlying "
        f"(a position below {OUTLYING:g} or above {1 - OUTLYING:g})."
    )
    return tuple(sentences)


_IN_WORDS = {"os": "overall survival", "pfs": "progression-free survival"}


def contradictions(
    fits: Mapping[str, Fit],
    cohorts: pd.DataFrame,
    pooled: pd.DataFrame,
    names: Mapping[str, str] = _IN_WORDS,
) -> tuple[str, ...]:
    """Treatments whose pooled median lies outside the range of their own printed medians, and why.

    Only treatments of which two or more cohorts print a median are judged; `names` are the words
    for the endpoints.
    """
    found = []
    for endpoint in [name for name in fits if name != "response"]:
        own = cohorts[(cohorts["endpoint"] == endpoint)]
        medians = pooled[
            (pooled["endpoint"] == endpoint)
            & (pooled["histology"] == "reference")
            & (pooled["estimand"] == "median_months")
            & (pooled["target"] == "mean_study")
        ].set_index("treatment")
        for treatment, group in own.groupby("treatment", sort=False):
            printed = group.dropna(subset=["printed_value"])
            if len(printed) < 2:
                continue
            low, high = printed["printed_value"].min(), printed["printed_value"].max()
            estimate = float(medians.loc[treatment, "estimate"])
            if not low <= estimate <= high:
                found.append(
                    f"{treatment}, {names[endpoint]}: the pooled median of {estimate:.1f} "
                    f"months lies outside the printed medians of its cohorts ({low:.1f} to "
                    f"{high:.1f} months). "
                    f"{_why_outside(group, printed)}"
                )
    return tuple(found)


def _why_outside(group: pd.DataFrame, printed: pd.DataFrame) -> str:
    reasons = []
    without = len(group) - len(printed)
    if without:
        reasons.append(f"{without} further cohorts enter by other figures than a median")
    if not (group["histology"] == "not printed").all():
        reasons.append("some cohorts print a mix of histologies other than the reference mix")
    patients = int(printed["n"].sum())
    reasons.append(
        f"the {len(printed)} medians rest on {patients} patients, so the estimate is drawn "
        "towards the other treatments of the class"
    )
    width = np.log(printed["printed_value"].max() / printed["printed_value"].min())
    if width < np.log(1.25):
        reasons.append(
            "they lie so close together that rounding and sampling error exceed their range"
        )
    return "Why: " + "; ".join(reasons) + "."
