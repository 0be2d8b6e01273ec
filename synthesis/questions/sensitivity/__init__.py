"""Which conclusion changes under which choice: one choice at a time is made otherwise.

- ``specifications``: what is asked, what may be chosen otherwise, each as one change against the
  base analysis, and which figures are counted then.
- ``runner``: refits that share one compiled model, each kept as soon as it is done, their answers,
  when one changes, and how much prior and likelihood say, without a refit.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from priors import Prior, Priors, load_priors
from studies import Registry
from studies.figures import Readings
from synthesis import numbers
from synthesis.endpoints import endpoint_of
from synthesis.fits import DEFAULT_FAMILY, NothingToPoolError
from synthesis.model.families import family
from synthesis.model.sampler import Progress
from synthesis.model.store import cache_folder
from synthesis.numbers import in_sentence
from synthesis.plots.sensitivity import SPECIFICATION_COLUMNS, plot_specification
from synthesis.questions.sensitivity import runner
from synthesis.questions.sensitivity import specifications as spec
from synthesis.questions.sensitivity.runner import ALL, CHANGES, NO_ANSWER, SENSITIVE, Refit
from synthesis.questions.sensitivity.specifications import Conclusion, Question
from synthesis.result import Cell, ColumnKind, Finding, Picture, Result, Table, names, table_of

__all__ = ["Sensitivity", "result", "sensitivity"]

SENSITIVITY_COLUMNS = names(
    "endpoint specification group aspect direction label conclusion kind conclusion_label "
    "treatment reference estimate lower upper error difference shift_in_sd answer base_answer "
    "change cohorts patients counted_instead reliable note"
)
POWER_SCALING_COLUMNS = names(
    "endpoint conclusion kind conclusion_label treatment prior prior_label prior_sensitivity "
    "likelihood_sensitivity diagnosis"
)

#: From this shift in standard deviations of the base on, a report moves an answer: more than four
#: times the Monte Carlo error of a refit's mean, so that none of a hundred is likely to be chance.
MOVES = 0.15

# Choices of an aspect that is chosen so many ways that its row does not tell which is which are
# named by number where the answer changes, or moves by so many standard deviations of the base.
_MANY, _MOVED, _NUMBERED_AT_MOST = 4, 0.25, 9

LEAD = (
    "Each choice of the analysis is made otherwise in turn, with everything else as it was, and "
    "the fit is made again. A conclusion that stands under all of them may still fall under "
    "several at once; one that falls under a single defensible choice is not to be relied on."
)


@dataclass(frozen=True)
class Sensitivity:
    """What every choice says.

    `refits` are those of :func:`~synthesis.questions.sensitivity.runner.run_specifications`,
    `table` that of :func:`sensitivity_table`, `power_scaling` of :func:`power_scaling_table`;
    `verdict` (PASS, REVIEW or FAIL) and `advice` are of the base.
    """

    registry: Registry
    base: spec.Base = field(repr=False)
    question: Question
    refits: Sequence[Refit] = field(repr=False)
    table: pd.DataFrame = field(repr=False)
    power_scaling: pd.DataFrame = field(repr=False)
    verdict: str
    advice: str

    @property
    def changes(self) -> pd.DataFrame:
        """The rows of the table under which a conclusion changes, group by group."""
        changed = self.table[self.table["change"] == CHANGES]
        orders = {"conclusion": list(self.table["conclusion"].unique()), "group": list(spec.GROUPS)}
        return changed.sort_values(
            list(orders), kind="stable", key=lambda own: own.map(orders[own.name].index)
        )


def sensitivity(
    registry: Registry,
    endpoint: str = "os",
    *,
    treatment: str | None = None,
    reference: str | None = None,
    delta: float = 1.0,
    groups: Collection[str] | None = None,
    most_studies: int = spec.MOST_STUDIES,
    family_name: str = DEFAULT_FAMILY,
    priors: Priors | None = None,
    verified_only: bool = False,
    use_read_as: Readings = False,
    reference_mix: float = 0.4,
    seed: int | None = None,
    draws: int | None = None,
    fitter: runner.Fitter = runner.sample,
    cache: bool = True,
    progress: Progress | None = None,
) -> Sensitivity:
    """Refit under every choice, and say what changes.

    The base is as in :func:`synthesis.fits.fit_survival`, what is asked as in
    :func:`~synthesis.questions.sensitivity.specifications.ask`. `groups` are those of
    :data:`~synthesis.questions.sensitivity.specifications.GROUPS` that are tried, `most_studies`
    how many reports are left out one at a time; `draws` are those a chain of a refit, of which the
    base has five times as many. `fitter` makes a fit; with `cache` results are kept beside the
    draws of fits. NothingToPoolError if no cohort can be counted; NotAskedError if treatment or
    reference is not pooled; ValueError for an unknown endpoint, family or group;
    InterruptedRunError on an interrupt, with how many results are kept.
    """
    counting = spec.Counting(verified_only, use_read_as, min_quality=registry.min_quality)
    base = spec.Base(endpoint, family_name, priors or load_priors(registry.priors), counting)
    data = spec.observe(registry, endpoint, counting)
    if not data.cohorts:
        raise NothingToPoolError(f"no cohort can be counted for {endpoint}")
    about = {"delta": delta, "reference_mix": reference_mix}
    question = spec.ask(
        data, registry.vocabulary, treatment=treatment, reference=reference, **about
    )
    asked = (question.treatment.id, question.reference.id)
    tried = spec.default_specifications(
        registry, base, asked=asked, groups=groups, most_studies=most_studies
    )
    job = runner.Job(registry, base, question, tried, *runner.settings_of(seed, draws))
    store = cache_folder() / "sensitivity" if cache else None
    refits = runner.run_specifications(job, store, fitter=fitter, progress=progress)
    extra = dict(refits[0].extra)
    scaled = power_scaling_table(extra.pop("power_scaling"), question, base.priors)
    table = sensitivity_table(refits, question)
    return Sensitivity(registry, base, question, refits, table, scaled, **extra)


# --- Tables --------------------------------------------------------------------------------------


def sensitivity_table(refits: Sequence[Refit], question: Question) -> pd.DataFrame:
    """Every conclusion under every choice, the base first: :data:`SENSITIVITY_COLUMNS`.

    ``error`` is the largest Monte Carlo standard error of the numbers of a row, ``difference`` that
    of the estimates (months, ratios or probabilities), and ``shift_in_sd`` that of the posterior
    means in standard deviations of the base, on the log scale for ratios and medians. Rows without
    an answer say why in ``note``.
    """
    rows = [
        _labels(question, item) | _choice_cells(refit) | _answer_cells(item, refit, refits[0])
        for refit in refits
        for item in question.conclusions
    ]
    table = pd.DataFrame(rows, columns=list(SENSITIVITY_COLUMNS))
    return table.astype({"direction": int, "cohorts": int, "patients": int, "reliable": bool})


def _labels(question: Question, item: Conclusion) -> dict[str, str]:
    one, other = (*(own.label for own in item.treatments), "", "")[:2]
    labels = {"treatment": one, "reference": other, "conclusion_label": item.label}
    return {"endpoint": question.endpoint, "conclusion": item.name, "kind": item.kind} | labels


def _choice_cells(refit: Refit) -> dict[str, object]:
    choice = refit.specification
    notes = {
        "no cohort is left that can be counted": not refit.cohorts,
        "nothing is counted otherwise here: the base itself": refit.changes_nothing,
        "the chains do not agree: not to be relied on": not refit.reliable,
    }
    return {
        **vars(choice),
        **vars(refit),
        "specification": choice.name,
        "aspect": "" if choice is spec.BASE else choice.aspect or choice.label,
        "counted_instead": ", ".join(refit.counted_instead),
        "note": "; ".join(note for note, holds in notes.items() if holds),
    }


def _answer_cells(item: Conclusion, refit: Refit, base: Refit) -> dict[str, object]:
    own, was = refit.answers.get(item.name), base.answers.get(item.name)
    if own is None or was is None:
        gone = {"note": "no cohort of the treatment is left"} if refit.cohorts else {}
        return {"answer": "", "base_answer": "", "change": NO_ANSWER} | gone
    return {
        **vars(own),
        "error": np.nanmax((own.estimate_error, own.lower_error, own.upper_error)),
        "difference": own.estimate - was.estimate,
        "shift_in_sd": (own.centre - was.centre) / was.sd if was.sd else float("nan"),
        "answer": runner.answer_word(item, own, was),
        "base_answer": runner.answer_word(item, was, was),
        "change": runner.SAME if refit is base else runner.change_of(item, own, was),
    }


def power_scaling_table(
    scaled: Sequence[Mapping[str, Any]], question: Question, priors: Priors
) -> pd.DataFrame:
    """Sensitivities of conclusions to all priors together, to each, and to the likelihood."""
    items = {item.name: item for item in question.conclusions}
    rows = [
        {
            **_labels(question, items[own["conclusion"]]),
            **own,
            "prior_label": "All priors" if own["prior"] == ALL else priors[own["prior"]].role,
            "diagnosis": runner.diagnosis_of(
                own["prior_sensitivity"], own["likelihood_sensitivity"]
            ),
        }
        for own in scaled
    ]
    return pd.DataFrame(rows, columns=list(POWER_SCALING_COLUMNS))


def curve_table(table: pd.DataFrame, conclusion: str) -> pd.DataFrame:
    """One conclusion under every choice, for :func:`plot_specification`.

    Choices without an answer are not there. Those that a reader would want to be named, one class
    or one report left out, are numbered in order of their estimates.
    """
    own = table[(table["conclusion"] == conclusion) & (table["change"] != NO_ANSWER)].copy()
    own["changes"] = own["change"] == CHANGES
    own["heading"] = [spec.GROUPS.get(name, "") for name in own["group"]]
    own["distance"] = own["shift_in_sd"].abs()
    ways = own.groupby(["group", "aspect"])["specification"].transform("count")
    # what changes the conclusion goes first, then the furthest; numbers run from left to right
    far = own[(own["changes"] | (own["distance"] >= _MOVED)) & (ways >= _MANY)]
    far = far.sort_values(["changes", "distance"], ascending=False, kind="stable")
    numbered = far.head(_NUMBERED_AT_MOST).sort_values("estimate", kind="stable")
    marks = {name: str(i) for i, name in enumerate(numbered["specification"], start=1)}
    own["mark"] = [marks.get(name, "") for name in own["specification"]]
    return own[list(SPECIFICATION_COLUMNS)].reset_index(drop=True)


# --- Words ---------------------------------------------------------------------------------------

_WRITERS = {
    spec.MEDIAN: numbers.months,
    spec.DIFFERENCE: numbers.months,
    spec.CHANCE: numbers.chance,
}
_PRIORS = {
    spec.PROGNOSTIC: "histology_prognostic",
    spec.PREDICTIVE: "histology_predictive",
}


def result(answer: Sensitivity, registry: Registry) -> Result:
    """Say which conclusion changes under which choice."""
    endpoint = endpoint_of(answer.question.endpoint)
    return Result(
        name="sensitivity",
        title=f"Sensitivity: {endpoint.words(registry.vocabulary)}",
        lead=(LEAD,),
        findings=tuple(_findings(answer)),
        tables={"sensitivity": answer.table, "power_scaling": answer.power_scaling},
        verdicts={f"base, {endpoint.id}": answer.verdict},
    )


def _findings(answer: Sensitivity) -> Iterator[Finding]:
    table, tables = answer.table, [_summary_table(answer)]
    if len(answer.changes):
        told = ("Answer", "", lambda row: row["answer"])
        tables.append(_listed("What changes.", answer.changes.to_dict("records"), told))
    yield Finding(
        "Which choice changes which conclusion?",
        tuple(_changes(answer)),
        tuple(tables),
        tuple(_picture(answer, item) for item in _drawn(answer)),
    )
    reports = table.loc[table["group"] == "studies", "specification"].nunique()
    if reports:
        text = (
            f"{numbers.count(reports, 'report')}, each left out in turn; what gave way to a report "
            f"is counted in its place. Below: what moves an answer by {MOVES:g} posterior standard "
            "deviations or more."
        )
        yield Finding("How much does each report carry?", (text,), (_influence_table(answer),))
    told = any(item.kind == spec.PREDICTIVE for item in answer.question.conclusions)
    if told and (table["specification"] == "no_histology").any():
        yield Finding("What if no report told histology?", tuple(_without_histology(answer)))
    if not answer.power_scaling.empty:
        text = (
            "An answer of the base moves by so much per doubling of the power of priors or "
            f"likelihood. From {SENSITIVE:g} on it is sensitive (Kallioinen et al. 2023)."
        )
        scaling = _scaling_table(answer.power_scaling)
        yield Finding("Does the prior speak, or do the data?", (text,), (scaling,))
    yield Finding("Every choice", tables=(_choices_table(answer),), folded=True)


def value_of(row: Mapping[str, Any]) -> str:
    """The number of a row with its interval."""
    return numbers.written(row, _writer(row["kind"]))


def _writer(kind: str) -> numbers.Writer:
    return _WRITERS.get(kind, numbers.ratio)


def _rows_of(table: pd.DataFrame, conclusion: str) -> tuple[pd.Series, pd.DataFrame]:
    """The row of the base, and those of the choices with an answer."""
    own = table[table["conclusion"] == conclusion]
    is_base = own["specification"] == spec.BASE.name
    return own[is_base].iloc[0], own[~is_base & (own["change"] != NO_ANSWER)]


def _main(answer: Sensitivity) -> list[Conclusion]:
    """The conclusions but the pooled medians."""
    return [item for item in answer.question.conclusions if item.kind != spec.MEDIAN]


def _drawn(answer: Sensitivity) -> list[Conclusion]:
    """Those with a figure: the difference of medians follows its ratio."""
    return [item for item in _main(answer) if item.kind != spec.DIFFERENCE]


def _population(answer: Sensitivity) -> str:
    mix = numbers.mixed_share(answer.question.reference_mix)
    return f", {mix}" if answer.question.tells_histology else ""


def _changes(answer: Sensitivity) -> Iterator[str]:
    """What is asked, how many choices change something, and what to beware of."""
    others = answer.table[answer.table["specification"] != spec.BASE.name]
    endpoint = endpoint_of(answer.question.endpoint).name(answer.registry.vocabulary)
    choices = numbers.count(others["specification"].nunique(), "choice")
    yield (
        f"{endpoint} in the average study{_population(answer)}; {choices} beside the base. "
        f"Survival family of the base: {family(answer.base.family).label} alone."
    )
    is_median = answer.changes["kind"] == spec.MEDIAN
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
    if answer.advice:
        yield f"The base fit is {answer.verdict}: {answer.advice}."


def _how_many(changed: pd.DataFrame, verb: str, what: str) -> str:
    number = changed["specification"].nunique()
    choices = numbers.count(number, "choice") if number else "No choice"
    return f"{choices} {verb}{'' if number > 1 else 's'} {what}."


def _summary_table(answer: Sensitivity) -> Table:
    def same(row: tuple[Conclusion, pd.Series, pd.DataFrame]) -> Cell:
        changes = row[2]["change"]
        near = int((changes == runner.AT_THE_LIMIT).sum())
        text = f"{int((changes != CHANGES).sum())} of {len(changes)}"
        return Cell(text, f"{near} of them at the limit" if near else "")

    def reach(row: tuple[Conclusion, pd.Series, pd.DataFrame]) -> Cell:
        item, _, others = row
        if others.empty:
            return Cell("")
        ends = others.sort_values("estimate", kind="stable").iloc[[0, -1]]
        choices = " \N{EN DASH} ".join(in_sentence(label) for label in ends["label"])
        return Cell(numbers.limits_of(*ends["estimate"], _writer(item.kind)), choices)

    return table_of(
        "Conclusions.",
        [(item, *_rows_of(answer.table, item.name)) for item in _main(answer)],
        [
            ("Conclusion", "wide", lambda row: row[0].label),
            (f"Base ({numbers.LEVEL} interval)", "num", lambda row: value_of(row[1])),
            ("Answer of the base", "", lambda row: row[1]["base_answer"]),
            ("Same under", "num", same),
            ("Estimates", "num", reach),
        ],
        note=f"A conclusion changes where its {numbers.LEVEL} interval comes to hold no effect, or "
        f"no longer does; a probability where it crosses {runner.SHOWN:g}, one half or "
        f"{1 - runner.SHOWN:g}. Estimates: from the lowest to the highest of all choices.",
    )


def _listed(
    title: str,
    rows: Iterable[Mapping[str, Any]],
    *more: tuple[str, ColumnKind, Callable[[Any], str]],
) -> Table:
    """Rows of :func:`sensitivity_table` by conclusion."""
    estimate = (f"Estimate ({numbers.LEVEL} interval)", "num", value_of)
    columns = [("Choice", "", lambda row: row["label"]), estimate, *more]
    return table_of(title, rows, columns, group=lambda row: row["conclusion_label"])


def _choices_table(answer: Sensitivity) -> Table:
    """The conclusions that are drawn, under every choice."""
    drawn = _drawn(answer)
    rows = [
        {row["conclusion"]: row for row in own.to_dict("records")}
        for _, own in answer.table.groupby("specification", sort=False)
    ]

    def estimate(name: str) -> Callable[[Any], str]:
        return lambda row: f"{value_of(row[name])}{'*' * (row[name]['change'] == CHANGES)}"

    first = drawn[0].name
    return table_of(
        "Every choice.",
        rows,
        [
            ("Choice", "", lambda row: row[first]["label"]),
            ("Cohorts", "num", lambda row: row[first]["cohorts"]),
            *((item.label, "num", estimate(item.name)) for item in drawn),
        ],
        group=lambda row: spec.GROUPS.get(row[first]["group"], "Base"),
        note=f"Posterior median ({numbers.LEVEL} interval); an asterisk: the conclusion changes.",
    )


def _influence_table(answer: Sensitivity) -> Table:
    """The reports that move an answer; a chance and a difference follow from the ratio."""
    kinds = [item.name for item in _drawn(answer) if item.kind != spec.CHANCE]
    own = answer.table[(answer.table["group"] == "studies") & (answer.table["change"] != NO_ANSWER)]
    own = own[own["conclusion"].isin(kinds) & (own["shift_in_sd"].abs() >= MOVES)]
    rows = own.assign(place=own["conclusion"].map(kinds.index), size=-own["shift_in_sd"].abs())
    return _listed(
        "Reports.",
        rows.sort_values(["place", "size"], kind="stable").to_dict("records"),
        ("Shift, SD", "num", lambda row: numbers.decimal(row["shift_in_sd"], 1)),
        ("Counted instead", "", lambda row: row["counted_instead"]),
    )


def _without_histology(answer: Sensitivity) -> Iterator[str]:
    rows = answer.table[answer.table["specification"] == "no_histology"]
    for row in rows[rows["kind"].isin(_PRIORS) & rows["estimate"].notna()].to_dict("records"):
        prior = answer.base.priors[_PRIORS[row["kind"]]]
        believed = numbers.interval(*_centre_and_ends(prior), numbers.ratio)
        left = " The data then say nothing of it: what is left is the prior."
        nothing = left * says_nothing(row, prior)
        yield f"- {row['conclusion_label']}: {value_of(row)}. The prior is {believed}.{nothing}"


def _centre_and_ends(prior: Prior) -> tuple[float, float, float]:
    return prior.natural(prior.location), *prior.implied()


def says_nothing(row: Mapping[str, Any], prior: Prior) -> bool:
    """Whether a row is its prior but for Monte Carlo error: centre and both ends within three."""
    own = (row["estimate"], row["lower"], row["upper"])
    pairs = zip(own, _centre_and_ends(prior), strict=True)
    return all(abs(value - expected) <= 3.0 * row["error"] for value, expected in pairs)


def _scaling_table(scaling: pd.DataFrame) -> Table:
    """Sensitivity of conclusions to priors and likelihood, and the priors that matter."""
    told = scaling[(scaling["prior"] == ALL) | (scaling["prior_sensitivity"] >= SENSITIVE)]
    return table_of(
        "Prior and data.",
        told.to_dict("records"),
        [
            ("Prior", "", lambda row: row["prior_label"].partition(":")[0]),
            ("Moves by", "num", lambda row: numbers.ratio(row["prior_sensitivity"])),
            ("Likelihood", "num", lambda row: numbers.ratio(row["likelihood_sensitivity"])),
            ("Diagnosis", "", lambda row: row["diagnosis"]),
        ],
        group=lambda row: row["conclusion_label"],
    )


def _picture(answer: Sensitivity, item: Conclusion) -> Picture:
    """The specification curve of a conclusion."""
    endpoint, vocabulary = endpoint_of(answer.question.endpoint), answer.registry.vocabulary
    base, others = _rows_of(answer.table, item.name)
    title = f"{endpoint.name(vocabulary)}: {item.label}"
    changed = _how_many(others[others["change"] == CHANGES], "change", "the conclusion")
    population = "" if item.kind in _PRIORS else _population(answer)
    size = [numbers.count(int(base[f"{what}s"]), what) for what in ("cohort", "patient")]
    return Picture(
        f"sensitivity_{item.name.replace(':', '_')}_{endpoint.id}",
        title,
        f"{item.label}, {endpoint.words(vocabulary)} in the average study{population}: "
        f"{numbers.count(len(others), 'choice')} beside the base (line; {value_of(base)}; "
        f"{family(answer.base.family).label} family, {', '.join(size)}), one change at a time. "
        f"Above: posterior median with {numbers.LEVEL} interval, filled where the conclusion "
        f"changes. Below: what is chosen otherwise; triangles: less or more. {changed}",
        plot_specification,
        {"table": curve_table(answer.table, item.name), "title": title},
        alt=f"{title}: {value_of(base)} in the base. {changed}",
        endpoint=endpoint.id,
    )
