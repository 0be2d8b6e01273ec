"""What the page says first: title, status line, banner and the four answers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from synthesis.choices import STACKED
from synthesis.endpoints import endpoint_of, label_of
from synthesis.model.families import FAMILIES
from synthesis.numbers import (
    LEVEL,
    count,
    in_sentence,
    limits_of,
    listed,
    percent,
    ratio,
    written,
)
from synthesis.questions.compare import comparison_evidence
from synthesis.questions.contrasts import KINDS, RANDOMISED
from synthesis.questions.influence import alternatives_range

if TYPE_CHECKING:
    import pandas as pd

    from synthesis.endpoints import Endpoint
    from synthesis.run import Analysis

RESEARCH_USE = (
    "For research use. Nothing on this page is a basis for treating an individual patient."
)
_ALARMS = {
    "FAIL": "These fits FAILED their checks. Do not use or quote what rests on them.",
    "REVIEW": "These fits need a REVIEW before what rests on them is used or quoted.",
}
# Estimates of at least this part of the best one are about as good.
_CLOSE = 0.85


@dataclass(frozen=True)
class Card:
    """One answer of the first screen: its subject, its number, and what the number is."""

    subject: str
    number: str
    words: str

    def __post_init__(self) -> None:
        """Keep a number and its sign on one line."""
        object.__setattr__(self, "words", self.words.replace(" %", "\N{NO-BREAK SPACE}%"))


def title(analysis: Analysis) -> str:
    """The question that the page answers, as its title."""
    subject = analysis.registry.vocabulary.subject_words
    first = endpoint_of(analysis.settings.endpoints[0])
    if first.is_response:
        return f"How many patients with {subject} respond to each treatment?"
    if first.id == "os":
        return f"How long do patients with {subject} live under each treatment?"
    return f"{first.name(analysis.registry.vocabulary)} in {subject} under each treatment"


def status(analysis: Analysis) -> str:
    """What stands behind the page: reports, cohorts and patients, and what was restricted."""
    frame = analysis.cohorts
    cohorts = frame.sort_values("n").drop_duplicates(["study", "cohort"], keep="last")
    sizes = (
        count(frame["study"].nunique(), "report"),
        count(len(cohorts), "cohort"),
        count(int(cohorts["n"].sum()), "patient"),
        *(each.short for each in analysis.restrictions),
    )
    return " · ".join(sizes)


def passed(analysis: Analysis) -> str:
    """How many fits passed: "all 9 fits passed", "7 of 9 fits passed"."""
    verdicts = list(analysis.verdicts.values())
    good, every = verdicts.count("PASS"), count(len(verdicts), "fit")
    whole = f"all {every}" if len(verdicts) > 1 else f"the {every.removeprefix('1 ')}"
    return f"{whole if good == len(verdicts) else f'{good} of {every}'} passed"


def fit_label(analysis: Analysis, name: str) -> str:
    """Name a fit in words: "os, Weibull" is that of overall survival under that family."""
    endpoint, _, variant = name.partition(", ")
    label, family = label_of(endpoint, analysis.registry.vocabulary), analysis.settings.family
    if not variant and family != STACKED and not endpoint_of(endpoint).is_response:
        variant = FAMILIES[family].label
    return f"{label}, {variant}" if variant else label


def alarms(analysis: Analysis) -> list[tuple[str, str, list[str]]]:
    """Say loudly which fits did not pass: verdict, headline, fits with what to do."""
    failing: dict[str, list[str]] = {verdict: [] for verdict in _ALARMS}
    for row in analysis.diagnostics.itertuples():
        if row.verdict in failing:
            words = filter(None, (fit_label(analysis, row.fit), row.advice))
            failing[row.verdict].append(": ".join(words))
    return [(verdict, _ALARMS[verdict], fits) for verdict, fits in failing.items() if fits]


def cards(analysis: Analysis) -> list[Card]:
    """The four answers of the first endpoint that is compared, as far as they can be given."""
    comparison = analysis.comparison
    if comparison.is_empty:
        return []
    name = comparison.endpoints[0]
    endpoint, rows = endpoint_of(name), comparison.forest
    rows = rows[rows["endpoint"] == name]
    usual = rows[rows["is_reference"]].iloc[0]
    others = rows[~rows["is_reference"]].sort_values("value", ascending=False)
    if others.empty:
        return []
    best = _best(others, endpoint)
    close = others[(others["value"] >= _CLOSE * best["value"]) & (others.index != best.name)]
    rest = others.drop(index=[best.name, *close.index])
    randomised = f"{(others['evidence'] == RANDOMISED).sum()} of {len(others)} randomised"
    grades = (f"{grade} for {n}" for grade, n in others["certainty"].value_counts().items())
    evidence = f"{comparison_evidence(comparison, name)} Certainty: {listed(grades)}.".strip()
    return [
        _best_card(analysis, endpoint, best, close, usual),
        _rest_card(analysis, endpoint, rest, usual),
        Card("How strong is the evidence?", randomised, evidence),
        *_histology_card(analysis, name),
    ]  # fmt: skip


def _best(rows: pd.DataFrame, endpoint: Endpoint) -> pd.Series:
    """The best-supported treatment: a clear gain first, then what carries it, then the gain."""
    lower = "lower" if endpoint.is_response else "gain_lower"
    ranked = rows.assign(
        clear=rows[lower] > 0.0,
        weight=rows["evidence"].map(lambda kind: -KINDS.index(kind)),
    )
    order = ranked.sort_values(["clear", "weight", "value"], ascending=False)
    return rows.loc[order.index[0]]


def _limits(row: Any, endpoint: Endpoint) -> str:
    """The interval of an estimate in words: "7.0–16.9"."""
    return limits_of(row["value_lower"], row["value_upper"], endpoint.write)


def _unit(endpoint: Endpoint) -> str:
    return " %" if endpoint.is_response else f" {endpoint.unit}"


def _gain(row: Any, endpoint: Endpoint, usual: str) -> str:
    """The gain over the usual treatment in words, also when confounding is allowed for."""
    over = f"{endpoint.unit_of_gain} more than with {in_sentence(usual)}"
    if endpoint.is_response:
        return f"{written(row, endpoint.write_gain)} {over}"
    as_is, allowed = (written(row, endpoint.write_gain, name) for name in ("gain", "gain_adjusted"))
    more = "" if allowed == as_is else f", {allowed} allowing for confounding"
    return f"{as_is} {over}{more}"


def _best_card(
    analysis: Analysis, endpoint: Endpoint, best: Any, close: pd.DataFrame, usual: Any
) -> Card:
    vocabulary = analysis.registry.vocabulary
    words = (
        f"{endpoint.quantity(vocabulary)} with {in_sentence(best['treatment'])} "
        f"({LEVEL} interval {_limits(best, endpoint)}): "
        f"{_gain(best, endpoint, usual['treatment'])}."
    )
    if len(close):
        size = int(close["cohorts"].sum()), int(close["patients"].sum())
        words += (
            f" About as long: {listed(map(in_sentence, close['treatment']))} "
            f"({count(size[0], 'cohort')}, {count(size[1], 'patient')})."
        )
    return Card("Best-supported answer", f"{endpoint.write(best['value'])}{_unit(endpoint)}", words)


def _rest_card(analysis: Analysis, endpoint: Endpoint, rest: pd.DataFrame, usual: Any) -> Card:
    low = f"{endpoint.write(usual['value'])} ({_limits(usual, endpoint)}){_unit(endpoint)}"
    without = f"{low} with {in_sentence(usual['treatment'])}."
    if rest.empty:
        return Card("The others", low, f"with {in_sentence(usual['treatment'])}.")
    ends = [endpoint.write(value) for value in (rest["value"].min(), rest["value"].max())]
    clear = ["lower"] if endpoint.is_response else ["gain_lower", "gain_adjusted_lower"]
    gained, *allowed = (int((rest[name] > 0.0).sum()) or "none" for name in clear)
    more = "".join(f", and for {number} allowing for confounding" for number in allowed)
    largest = rest.sort_values("patients", ascending=False).head(2)["treatment"]
    words = (
        f"with the {count(len(rest), 'other treatment')}, among them "
        f"{listed(map(in_sentence, largest))}; {without} For {gained} of them the "
        f"interval of the gain lies above zero{more}."
    )
    number = " to ".join(dict.fromkeys(ends))
    return Card("The others", f"{number}{_unit(endpoint)}", words)


def _histology_card(analysis: Analysis, name: str) -> Iterator[Card]:
    """What mixed histology does under any treatment, and whether it changes a gain."""
    if analysis.findings is None:
        return
    effects = analysis.findings.benefit.effects
    own = effects[(effects["endpoint"] == name) & (effects["which"] == "posterior")]
    prognostic = own[own["effect"] == "prognostic"]
    if prognostic.empty or not analysis.findings.benefit.told.get(name):
        return
    row = prognostic.iloc[0]
    limits = limits_of(row["lower"], row["upper"], ratio)
    words = (
        f"Mixed tumours live {ratio(row['estimate'])} times as long as pure ones ({limits}), by "
        f"{count(int(row['cohorts']), 'cohort')} with {count(int(row['patients']), 'patient')}."
    )
    others = analysis.findings.alternatives
    over = alternatives_range(others[others["endpoint"] == name])
    words += f" Without any one report, or with another prior: {over}." if over else ""
    predictive = own[(own["effect"] == "predictive") & (own["cohorts"] > 0)]
    if len(predictive):
        most = predictive.sort_values("patients").iloc[-1]
        words += (
            f" Whether they gain more from {in_sentence(most['treatment'])} the data hardly tell: "
            f"{percent(min(most['prior_share'], 1.0))} % of that answer is assumption."
        )
    yield Card("Mixed against pure", f"{ratio(row['estimate'])} times", words)


def flow(analysis: Analysis) -> Sequence[tuple[str, str]]:
    """From the reports found to the cohorts counted: numbers with what they are."""
    registry, used = analysis.registry, analysis.cohorts
    cohorts = sum(len(study.cohorts) for study in registry)
    counted = used.drop_duplicates(["study", "cohort"])
    left = analysis.left_out[analysis.left_out["kind"] == "overlap"]
    gave = left.drop_duplicates(["study", "cohort"])
    steps = (
        (len(registry.studies) + len(registry.excluded), "report", "screened"),
        (len(registry.excluded), "report", "left out at screening"),
        (len(registry.studies), "report", f"encoded, with {count(cohorts, 'cohort')}"),
        (len(gave), "cohort", "gave way to another of the same patients"),
        (len(counted), "cohort", f"of {count(counted['study'].nunique(), 'report')} counted"),
    )
    return [
        (number, f"{noun} {what}")
        for size, one, what in steps
        for number, noun in [count(size, one).split(" ")]
    ]
