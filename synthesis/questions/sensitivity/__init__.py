"""Which conclusion changes under which choice: one choice at a time is made otherwise.

- ``specifications``: what may be chosen otherwise, each as one change against the base analysis.
- ``observed``: which figures are counted under a specification.
- ``conclusions``: the question that is asked of every fit, its answers, and when one changes.
- ``runner``: refits that share one compiled model, each kept as soon as it is done.
- ``power_scaling``: how much prior and likelihood say, without a refit.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from typing import Any

import pandas as pd

from priors import Prior, Priors, load_priors
from studies import Registry
from synthesis import numbers
from synthesis.endpoints import endpoint_of
from synthesis.fits import DEFAULT_FAMILY, NothingToPoolError, SurvivalFit
from synthesis.model.families import family
from synthesis.model.sampler import Progress, SamplerSettings
from synthesis.numbers import in_sentence
from synthesis.plots.sensitivity import plot_specification
from synthesis.questions.sensitivity.conclusions import (
    AT_THE_LIMIT,
    CHANCE,
    CHANGES,
    DIFFERENCE,
    MEDIAN,
    NO_ANSWER,
    PREDICTIVE,
    PROGNOSTIC,
    SAME,
    SHOWN,
    Conclusion,
    Question,
    answer_word,
    ask,
    change_of,
)
from synthesis.questions.sensitivity.observed import Counting, observe
from synthesis.questions.sensitivity.power_scaling import ALL, SENSITIVE, Scaled, power_scaling
from synthesis.questions.sensitivity.runner import (
    BASE_DRAWS,
    REFIT,
    Fitter,
    Job,
    Refit,
    Results,
    Store,
    default_store,
    run_specifications,
    sample,
)
from synthesis.questions.sensitivity.specifications import (
    BASE,
    GROUPS,
    MOST_STUDIES,
    Base,
    Specification,
    default_specifications,
)
from synthesis.result import Cell, Column, Finding, Picture, Result, Table, make_table

__all__ = ["Sensitivity", "result", "sensitivity"]

SENSITIVITY_COLUMNS = (
    "endpoint", "specification", "group", "aspect", "direction", "label", "conclusion", "kind",
    "conclusion_label", "treatment", "reference", "estimate", "lower", "upper", "error",
    "difference", "shift_in_sd", "answer", "base_answer", "change", "cohorts", "patients",
    "counted_instead", "reliable", "note",
)  # fmt: skip
POWER_SCALING_COLUMNS = (
    "endpoint", "conclusion", "kind", "conclusion_label", "treatment", "prior", "prior_label",
    "prior_sensitivity", "likelihood_sensitivity", "diagnosis",
)  # fmt: skip
#: What the specification curve of one conclusion is drawn from.
CURVE_COLUMNS = (
    "specification", "group", "heading", "aspect", "direction", "label", "kind", "estimate",
    "lower", "upper", "changes", "mark",
)  # fmt: skip

#: Shifts in standard deviations of the base from which on a report moves an answer so far. The
#: first is more than four times the Monte Carlo error of a refit's mean: none of a hundred shifts
#: is then likely to be chance.
LITTLE, CLEARLY, MUCH = 0.15, 0.5, 1.0

# Choices of an aspect that is chosen so many ways that its row does not tell which is which are
# named by number where the answer changes, or moves by so many standard deviations of the base.
_MANY, _MOVED, _NUMBERED_AT_MOST = 4, 0.25, 9

LEAD = (
    "An analysis is a chain of choices, each of which could have been made otherwise. Here each is "
    "made otherwise in turn, with everything else as it was, and the fit is made again. A "
    "conclusion that stands under all of them may still fall under several at once; one that falls "
    "under a single defensible choice is not to be relied on."
)


@dataclass(frozen=True)
class Sensitivity:
    """What every choice says.

    Attributes
    ----------
    registry : Registry
    base : Base
    question : Question
    specifications : tuple of Specification
    results : Results
    table : DataFrame
        Every conclusion under every choice; see :func:`sensitivity_table`.
    power_scaling : DataFrame
        See :func:`power_scaling_table`.
    verdict : str
        Of the base: PASS, REVIEW or FAIL.
    advice : str
    """

    registry: Registry
    base: Base
    question: Question
    specifications: tuple[Specification, ...]
    results: Results
    table: pd.DataFrame = field(repr=False)
    power_scaling: pd.DataFrame = field(repr=False)
    verdict: str
    advice: str

    @cached_property
    def changes(self) -> pd.DataFrame:
        """The rows of the table under which a conclusion changes, group by group."""
        changed = self.table[self.table["change"] == CHANGES]
        orders = {
            "conclusion": list(self.table["conclusion"].unique()),
            "group": list(GROUPS),
        }
        return changed.sort_values(
            list(orders), kind="stable", key=lambda own: own.map(orders[own.name].index)
        )

    @cached_property
    def findings(self) -> tuple[Finding, ...]:
        """Questions with their answers in words and tables."""
        return tuple(_findings(self))

    @property
    def captions(self) -> Mapping[str, str]:
        """Name of a conclusion that is drawn -> caption of its figure."""
        return {item.name: _caption(self, item) for item in _drawn(self)}


def sensitivity(
    registry: Registry,
    endpoint: str = "os",
    *,
    treatment: str | None = None,
    reference: str | None = None,
    delta: float = 1.0,
    groups: Collection[str] | None = None,
    most_studies: int = MOST_STUDIES,
    family_name: str = DEFAULT_FAMILY,
    priors: Priors | None = None,
    verified_only: bool = False,
    use_read_as: bool = True,
    reference_mix: float = 0.4,
    seed: int | None = None,
    draws: int | None = None,
    specifications: tuple[Specification, ...] | None = None,
    store: Store | None = None,
    fitter: Fitter = sample,
    cache: bool = True,
    progress: Progress | None = None,
) -> Sensitivity:
    """Refit under every choice, and say what changes.

    Parameters
    ----------
    registry, endpoint, family_name, priors, verified_only, use_read_as
        Of the base, as in :func:`synthesis.fits.fit_survival`.
    treatment, reference : str, optional
        Any names; see :func:`~synthesis.questions.sensitivity.conclusions.ask`.
    delta, reference_mix : float
        Months of gain that are asked for; share of mixed histology of the reference population.
    groups, most_studies, specifications
        Which choices: of :data:`~synthesis.questions.sensitivity.specifications.GROUPS`; how many
        reports are left out one at a time; or the specifications themselves.
    seed, draws : int, optional
        Of the sampler; draws a chain of a refit, of which the base has five times as many.
    store, fitter, cache, progress
        Where results are kept, what makes a fit, whether results on disk are used, and what is
        called with a sentence at each stage.

    Raises
    ------
    NothingToPoolError, NotAskedError, ValueError
        If no cohort can be counted; if treatment or reference is not pooled; for an unknown
        endpoint, family or group.
    InterruptedRunError
        On an interrupt; it says how many results are kept.
    """
    counting = Counting(verified_only=verified_only, use_read_as=use_read_as)
    base = Base(endpoint, family_name, priors or load_priors(), counting)
    data = observe(registry, endpoint, counting)
    if not data.cohorts:
        raise NothingToPoolError(f"no cohort can be counted for {endpoint}")
    question = ask(
        data, registry.vocabulary, treatment=treatment, reference=reference, delta=delta,
        reference_mix=reference_mix,
    )  # fmt: skip
    if specifications is None:
        asked = (question.treatment.id, question.reference.id)
        specifications = default_specifications(
            registry, base, asked=asked, groups=groups, most_studies=most_studies
        )
    job = Job(registry, base, question, specifications, *_sampler_settings(seed, draws))
    kept = store if store is not None else default_store(cache=cache)
    results = run_specifications(job, kept, fitter=fitter, extra=_of_base, progress=progress)
    return _answer(job, results)


def _sampler_settings(
    seed: int | None, draws: int | None
) -> tuple[SamplerSettings, SamplerSettings]:
    """Of a refit and of the base."""
    seed = REFIT.seed if seed is None else seed
    draws = REFIT.draws if draws is None else draws
    more = BASE_DRAWS.draws // REFIT.draws
    of_base = replace(BASE_DRAWS, seed=seed, draws=more * draws)
    return replace(REFIT, seed=seed, draws=draws), of_base


def _answer(job: Job, results: Results) -> Sensitivity:
    extra = results.base.extra
    scaled = [Scaled(**own) for own in extra["power_scaling"]]
    return Sensitivity(
        registry=job.registry,
        base=job.base,
        question=job.question,
        specifications=job.specifications,
        results=results,
        table=sensitivity_table(results, job.question),
        power_scaling=power_scaling_table(scaled, job.question, job.base.priors),
        verdict=extra["verdict"],
        advice=extra["advice"],
    )


def _of_base(fit: SurvivalFit, question: Question) -> dict[str, Any]:
    """What else is made of the draws of the base: sensitivities to prior and likelihood."""
    scaled = [asdict(own) for own in power_scaling(fit, question)]
    diagnosis = fit.diagnosis
    return {"power_scaling": scaled, "verdict": diagnosis.verdict, "advice": diagnosis.advice}


# --- Tables --------------------------------------------------------------------------------------


def sensitivity_table(results: Results, question: Question) -> pd.DataFrame:
    """Every conclusion under every choice: :data:`SENSITIVITY_COLUMNS`.

    The base comes first, as specification ``base``. ``error`` is the largest Monte Carlo standard
    error of the numbers of a row, ``difference`` that of the estimates (months, ratios or
    probabilities), and ``shift_in_sd`` that of the posterior means in standard deviations of the
    base, on the log scale for ratios and medians. Rows without an answer say why in ``note``.
    """
    impossible = [Refit(own) for own in results.impossible]
    rows = [
        _row(item, refit, results.base, question.endpoint)
        for refit in (results.base, *results.refits, *impossible)
        for item in question.conclusions
    ]
    table = pd.DataFrame(rows, columns=list(SENSITIVITY_COLUMNS))
    return table.astype({"direction": int, "cohorts": int, "patients": int, "reliable": bool})


def _row(item: Conclusion, refit: Refit, base: Refit, endpoint: str) -> dict[str, object]:
    choice = refit.specification
    row: dict[str, object] = {
        "endpoint": endpoint,
        "specification": choice.name,
        "group": choice.group,
        "aspect": "" if choice is BASE else choice.aspect or choice.label,
        "direction": choice.direction,
        "label": choice.label,
        **_labels(item),
        "cohorts": refit.cohorts,
        "patients": refit.patients,
        "counted_instead": ", ".join(refit.counted_instead),
        "reliable": refit.reliable,
        "answer": "",
        "base_answer": "",
        "change": NO_ANSWER,
        "note": _note(refit),
    }
    own, was = refit.answers.get(item.name), base.answers.get(item.name)
    if own is None or was is None:
        gone = "no cohort of the treatment is left"
        return row | {"note": gone if refit.cohorts else row["note"]}
    errors = (own.estimate_error, own.lower_error, own.upper_error)
    return row | {
        "estimate": own.estimate,
        "lower": own.lower,
        "upper": own.upper,
        "error": max(error for error in errors if error == error),
        "difference": own.estimate - was.estimate,
        "shift_in_sd": (own.centre - was.centre) / was.sd if was.sd else float("nan"),
        "answer": answer_word(item, own, was),
        "base_answer": answer_word(item, was, was),
        "change": SAME if choice is BASE else change_of(item, own, was),
    }


def _labels(item: Conclusion) -> dict[str, str]:
    one, other = (*(own.label for own in item.treatments), "", "")[:2]
    labels = {"conclusion": item.name, "kind": item.kind, "conclusion_label": item.label}
    return labels | {"treatment": one, "reference": other}


def _note(refit: Refit) -> str:
    notes = []
    if not refit.cohorts:
        notes.append("no cohort is left that can be counted")
    if refit.changes_nothing:
        notes.append("nothing is counted otherwise here: the base itself")
    if not refit.reliable:
        notes.append("the chains do not agree: not to be relied on")
    return "; ".join(notes)


def power_scaling_table(
    scaled: Sequence[Scaled], question: Question, priors: Priors
) -> pd.DataFrame:
    """Sensitivities to prior and likelihood with their diagnosis: :data:`POWER_SCALING_COLUMNS`.

    For each conclusion all priors together (``all``), then each prior.
    """
    items = {item.name: item for item in question.conclusions}
    rows = [
        {
            "endpoint": question.endpoint,
            **_labels(items[own.conclusion]),
            "prior_label": "All priors" if own.prior == ALL else priors[own.prior].role,
            **asdict(own),
            "diagnosis": own.diagnosis,
        }
        for own in scaled
    ]
    return pd.DataFrame(rows, columns=list(POWER_SCALING_COLUMNS))


def curve_table(table: pd.DataFrame, conclusion: str) -> pd.DataFrame:
    """One conclusion under every choice, for drawing: :data:`CURVE_COLUMNS`.

    Choices without an answer are not there. Those that a reader would want to be named, one class
    or one report left out, are numbered in order of their estimates.
    """
    own = table[(table["conclusion"] == conclusion) & (table["change"] != NO_ANSWER)].copy()
    own["changes"] = own["change"] == CHANGES
    own["heading"] = [GROUPS.get(name, "") for name in own["group"]]
    ways = own.groupby(["group", "aspect"])["specification"].transform("count")
    far = own["changes"] | (own["shift_in_sd"].abs() >= _MOVED)
    # what changes the conclusion goes first, then the furthest; numbers run from left to right
    order = own[far & (ways >= _MANY)].assign(distance=own["shift_in_sd"].abs())
    order = order.sort_values(["changes", "distance"], ascending=False, kind="stable")
    numbered = order.head(_NUMBERED_AT_MOST).sort_values("estimate", kind="stable")
    marks = {name: str(i) for i, name in enumerate(numbered["specification"], start=1)}
    own["mark"] = [marks.get(name, "") for name in own["specification"]]
    return own[list(CURVE_COLUMNS)].reset_index(drop=True)


# --- Words ---------------------------------------------------------------------------------------

_WRITERS = {MEDIAN: numbers.months, DIFFERENCE: numbers.months, CHANCE: numbers.chance}
_PRIORS = {PROGNOSTIC: "histology_prognostic", PREDICTIVE: "histology_predictive"}


def result(answer: Sensitivity, registry: Registry) -> Result:
    """Say which conclusion changes under which choice.

    Parameters
    ----------
    answer : Sensitivity
    registry : Registry
    """
    endpoint = endpoint_of(answer.question.endpoint)
    return Result(
        name="sensitivity",
        title=f"Sensitivity: {endpoint.words(registry.vocabulary)}",
        lead=(LEAD,),
        findings=answer.findings,
        tables={"sensitivity": answer.table, "power_scaling": answer.power_scaling},
        verdicts={f"base, {endpoint.id}": answer.verdict},
    )


def _findings(answer: Sensitivity) -> Iterator[Finding]:
    table = answer.table
    yield Finding(
        "Which choice changes which conclusion?",
        tuple(_changes(answer)),
        (_summary_table(answer), *([_changes_table(answer)] if len(answer.changes) else [])),
        tuple(_pictures(answer)),
    )
    reports = table.loc[table["group"] == "studies", "specification"].nunique()
    if reports:
        text = (
            f"{numbers.count(reports, 'report')}, each left out in turn; what gave way to a report "
            f"is counted in its place. A report moves an answer a little from {LITTLE:g} posterior "
            f"standard deviations on, clearly from {CLEARLY:g}, and carries much of it from "
            f"{MUCH:g} on."
        )
        yield Finding("How much does each report carry?", (text,), (_influence_table(answer),))
    if (table["specification"] == "no_histology").any() and answer.question.predictive:
        yield Finding("What if no report told histology?", tuple(_without_histology(answer)))
    if not answer.power_scaling.empty:
        text = (
            "Priors and likelihood of the base are raised to a power near one, and the distance by "
            f"which an answer moves per doubling is measured. From {SENSITIVE:g} on it is "
            "sensitive (Kallioinen et al. 2023)."
        )
        scaling = _scaling_table(answer.power_scaling)
        yield Finding("Does the prior speak, or do the data?", (text,), (scaling,))
    yield Finding("Every choice", tables=(_choices_table(answer),), folded=True)


def value_of(row: Mapping[str, Any]) -> str:
    """The number of a row with its interval."""
    return numbers.interval(row["estimate"], row["lower"], row["upper"], _writer(row["kind"]))


def _writer(kind: str) -> numbers.Writer:
    return _WRITERS.get(kind, numbers.ratio)


def _rows_of(table: pd.DataFrame, conclusion: str) -> tuple[pd.Series, pd.DataFrame]:
    """The row of the base, and those of the choices with an answer."""
    own = table[table["conclusion"] == conclusion]
    is_base = own["specification"] == BASE.name
    return own[is_base].iloc[0], own[~is_base & (own["change"] != NO_ANSWER)]


def _main(answer: Sensitivity) -> list[Conclusion]:
    """The conclusions but the pooled medians."""
    return [item for item in answer.question.conclusions if item.kind != MEDIAN]


def _drawn(answer: Sensitivity) -> list[Conclusion]:
    """Those with a figure: the difference of medians follows its ratio."""
    return [item for item in _main(answer) if item.kind != DIFFERENCE]


def _population(answer: Sensitivity) -> str:
    mix = numbers.mixed_share(answer.question.reference_mix)
    return f", {mix}" if answer.question.tells_histology else ""


def _changes(answer: Sensitivity) -> Iterator[str]:
    """What is asked, how many choices change something, and what to beware of."""
    table, question = answer.table, answer.question
    others = table[table["specification"] != BASE.name]
    endpoint = endpoint_of(question.endpoint).name(answer.registry.vocabulary)
    choices = others["specification"].nunique()
    yield (
        f"{endpoint} in the average study{_population(answer)}. The base uses one survival family, "
        f"the {family(answer.base.family).label}, where a report stacks several. "
        f"{numbers.count(choices, 'choice')} {'is' if choices == 1 else 'are'} made otherwise, one "
        "at a time."
    )
    is_median = answer.changes["kind"] == MEDIAN
    conclusions = _how_many(answer.changes[~is_median], "change", "a conclusion")
    out_of_it = "a pooled median out of the interval of the base"
    yield f"{conclusions} {_how_many(answer.changes[is_median], 'move', out_of_it)}"
    numeric = others[others["lower"].notna()]
    if not numeric.empty:
        share = (numeric["error"] / (numeric["upper"] - numeric["lower"])).median()
        yield (
            "Each refit has few draws: the Monte Carlo error of an end of an interval is about "
            f"{numbers.percent(share)} % of its width. An answer within two of these errors of a "
            "limit is at the limit, and counts as no change."
        )
    doubtful = numeric.loc[~numeric["reliable"], "label"].unique()
    if len(doubtful):
        yield f"Not to be relied on, as the chains do not agree: {'; '.join(doubtful)}."
    idle = table.loc[table["note"].str.startswith("nothing is counted"), "label"].unique()
    if len(idle):
        yield f"These choices change nothing here: {'; '.join(map(in_sentence, idle))}."
    if answer.advice:
        yield f"The base fit is {answer.verdict}: {answer.advice}."


def _how_many(changed: pd.DataFrame, verb: str, what: str) -> str:
    """How many choices do something: "2 choices change the conclusion."."""
    number = changed["specification"].nunique()
    choices = numbers.count(number, "choice") if number else "No choice"
    return f"{choices} {verb}{'' if number > 1 else 's'} {what}."


def _summary_table(answer: Sensitivity) -> Table:
    rows = []
    for item in _main(answer):
        base, others = _rows_of(answer.table, item.name)
        near = int((others["change"] == AT_THE_LIMIT).sum())
        same = f"{int((others['change'] != CHANGES).sum())} of {len(others)}"
        ends = others.sort_values("estimate", kind="stable").iloc[[0, -1] if len(others) else []]
        reach = numbers.limits_of(*ends["estimate"], _writer(item.kind)) if len(others) else ""
        choices = " \N{EN DASH} ".join(in_sentence(label) for label in ends["label"])
        same = Cell(same, f"{near} of them at the limit" if near else "")
        rows.append([item.label, value_of(base), base["base_answer"], same, Cell(reach, choices)])
    columns = (
        Column("Conclusion", "wide"),
        Column(f"Base ({numbers.LEVEL} interval)", "num"),
        Column("Answer of the base"),
        Column("Same under", "num"),
        Column("Estimates", "num"),
    )
    note = (
        f"A conclusion changes where its {numbers.LEVEL} interval comes to hold no effect, or no "
        f"longer does; a probability where it crosses {SHOWN:g}, one half or {1 - SHOWN:g}. "
        "Estimates: from the lowest to the highest of all choices."
    )
    return make_table("Conclusions.", columns, rows, note=note)


def _changes_table(answer: Sensitivity) -> Table:
    """The choices under which a conclusion changes, by conclusion."""
    changes = answer.changes.to_dict("records")
    columns = (
        Column("Choice"),
        Column("Kind", "keep", terminal=False),
        Column(f"Estimate ({numbers.LEVEL} interval)", "num"),
        Column("Answer"),
    )
    rows = [(row["label"], GROUPS[row["group"]], value_of(row), row["answer"]) for row in changes]
    headings = [row["conclusion_label"] for row in changes]
    return make_table("What changes.", columns, rows, groups=headings)


def _choices_table(answer: Sensitivity) -> Table:
    """The conclusions that are drawn, under every choice."""
    drawn = _drawn(answer)
    rows, headings = [], []
    for _, own in answer.table.groupby("specification", sort=False):
        cells = {row["conclusion"]: row for row in own.to_dict("records")}
        first = cells[drawn[0].name]
        headings.append(GROUPS.get(first["group"], "Base"))
        values = (cells[item.name] for item in drawn)
        texts = [f"{value_of(row)}{'*' if row['change'] == CHANGES else ''}" for row in values]
        rows.append((first["label"], first["cohorts"], *texts))
    columns = (
        Column("Choice"),
        Column("Cohorts", "num"),
        *(Column(item.label, "num") for item in drawn),
    )
    note = f"Posterior median ({numbers.LEVEL} interval); an asterisk: the conclusion changes."
    return make_table("Every choice.", columns, rows, groups=headings, note=note)


def influence_words(shift: float) -> str:
    """How far a report moves an answer, by the shift in standard deviations of the base."""
    size = abs(shift)
    if size < LITTLE:
        return "hardly moves it"
    if size < CLEARLY:
        return "moves it a little"
    return "moves it clearly" if size < MUCH else "carries much of it"


def _influence_table(answer: Sensitivity) -> Table:
    """The reports that move an answer; a chance and a difference follow from the ratio."""
    rows, headings = [], []
    for item in _drawn(answer):
        base, others = _rows_of(answer.table, item.name)
        others = others[others["group"] == "studies"]
        if item.kind == CHANCE or others.empty:
            continue
        moving = others.loc[others["shift_in_sd"].abs().sort_values(ascending=False).index]
        moving = moving[moving["shift_in_sd"].abs() >= LITTLE]
        for row in moving.to_dict("records"):
            shift = row["shift_in_sd"]
            moves = (numbers.decimal(shift, 1), influence_words(shift), row["counted_instead"])
            rows.append((row["label"].removeprefix("Without "), value_of(row), *moves))
        rest = numbers.count(len(others) - len(moving), "other report")
        rows.append((rest, "", "", "hardly any influence", ""))
        headings += [f"{item.label}: {value_of(base)} with all"] * (len(moving) + 1)
    columns = (
        Column("Report"),
        Column("Without it", "num"),
        Column("Shift, SD", "num"),
        Column("The report"),
        Column("Counted instead"),
    )
    return make_table("Reports.", columns, rows, groups=headings)


def _without_histology(answer: Sensitivity) -> Iterator[str]:
    for item in _main(answer):
        if item.kind not in _PRIORS:
            continue
        base, others = _rows_of(answer.table, item.name)
        prior = answer.base.priors[_PRIORS[item.kind]]
        for row in others[others["specification"] == "no_histology"].to_dict("records"):
            believed = numbers.interval(*_centre_and_ends(prior), numbers.ratio)
            text = (
                f"- {item.label}: {value_of(base)} with the reports that tell histology, "
                f"{value_of(row)} without them. The prior is {believed}."
            )
            if says_nothing(row, prior):
                text += " The data then say nothing of it: what is left is the prior."
            yield text


def _centre_and_ends(prior: Prior) -> tuple[float, float, float]:
    return prior.natural(prior.location), *prior.implied()


def says_nothing(row: Mapping[str, Any], prior: Prior) -> bool:
    """Whether a row is its prior but for Monte Carlo error: centre and both ends within three."""
    own = (row["estimate"], row["lower"], row["upper"])
    pairs = zip(own, _centre_and_ends(prior), strict=True)
    return all(abs(value - expected) <= 3.0 * row["error"] for value, expected in pairs)


def _scaling_table(scaling: pd.DataFrame) -> Table:
    """Sensitivity of conclusions to priors and likelihood, and the priors that matter."""
    rows, headings = [], []
    for _, own in scaling.groupby("conclusion", sort=False):
        whole = own[own["prior"] == ALL].iloc[0]
        single = own[own["prior"] != ALL].sort_values("prior_sensitivity", ascending=False)
        strong = single[single["prior_sensitivity"] >= SENSITIVE]
        names = [
            f"{row.prior_label.partition(':')[0]} ({numbers.ratio(row.prior_sensitivity)})"
            for row in strong.itertuples()
        ]
        sizes = map(numbers.ratio, whole[["prior_sensitivity", "likelihood_sensitivity"]])
        rows.append((whole["conclusion_label"], *sizes, whole["diagnosis"], "; ".join(names)))
        headings.append("Pooled medians" if whole["kind"] == MEDIAN else "Conclusions")
    columns = (
        Column("Conclusion", "wide"),
        Column("All priors", "num"),
        Column("Likelihood", "num"),
        Column("Diagnosis"),
        Column("Priors that matter", "wide", terminal=False),
    )
    note = "Change per doubling of the power of priors or likelihood."
    return make_table("Prior and data.", columns, rows, groups=headings, note=note)


# --- Pictures ------------------------------------------------------------------------------------


def _pictures(answer: Sensitivity) -> Iterator[Picture]:
    """The specification curve of every conclusion that is drawn."""
    endpoint = endpoint_of(answer.question.endpoint)
    name = endpoint.name(answer.registry.vocabulary)
    for item in _drawn(answer):
        title = f"{name}: {item.label}"
        base, others = _rows_of(answer.table, item.name)
        changed = _how_many(others[others["change"] == CHANGES], "change", "the conclusion")
        yield Picture(
            stem=f"sensitivity_{item.name.replace(':', '_')}_{endpoint.id}",
            title=title,
            caption=_caption(answer, item),
            plot=plot_specification,
            arguments={"table": curve_table(answer.table, item.name), "title": title},
            alt=f"{title}: {value_of(base)} in the base. {changed}",
            endpoint=endpoint.id,
        )


def _caption(answer: Sensitivity, item: Conclusion) -> str:
    base, others = _rows_of(answer.table, item.name)
    changed = _how_many(others[others["change"] == CHANGES], "change", "the conclusion")
    words = endpoint_of(answer.question.endpoint).words(answer.registry.vocabulary)
    population = "" if item.kind in _PRIORS else _population(answer)
    size = [numbers.count(int(base[f"{what}s"]), what) for what in ("cohort", "patient")]
    return (
        f"{item.label}, {words} in the average study{population}: "
        f"{numbers.count(len(others), 'choice')} beside the base (line; {value_of(base)}; "
        f"{family(answer.base.family).label} family, {', '.join(size)}), one change at a time, in "
        f"order of the estimate. Above: posterior median, bar: {numbers.LEVEL} credible interval, "
        "filled where the conclusion changes. Below: what is chosen otherwise; triangles: less or "
        f"more (a narrower or wider prior, a lower or higher centre). {changed}"
    )
