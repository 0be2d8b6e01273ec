r"""Benefit in pure and in mixed tumours, the effects of histology, and how much of each is prior.

With :math:`m_t(x)` the median under treatment ``t`` at the share ``x`` of mixed histology and a
reference ``r``, the gain is :math:`m_t(x) - m_r(x)` for ``x`` = 0 (pure) and 1 (mixed). Mixed
histology multiplies the median under ``t`` by :math:`e^{\eta + \delta_t}`: :math:`\eta`, the
*prognostic* effect, does it under any treatment, :math:`\delta_t`, the *predictive* effect, is what
treatment ``t`` adds. Whether the gain differs has an answer on either scale:

- the *ratio of ratios* :math:`\frac{m_t(1)/m_r(1)}{m_t(0)/m_r(0)} = e^{\delta_t - \delta_r}`, which
  prognosis leaves at 1;
- the *difference of gains* :math:`\{m_t(1) - m_r(1)\} - \{m_t(0) - m_r(0)\}` in months, which
  prognosis alone makes different from 0: a treatment that lengthens every life by the same factor
  gives more months to those who live longer. What prognosis alone makes of it, with no predictive
  effect, stands beside it.

Transformed against de novo is a factor of its own (:mod:`synthesis.model.covariates`). The ratio of
mixed to pure tumours is given with transformed tumours read as mixed, and without.

All are of the average study and the reference population. The share of an answer that is prior is
the ratio of variances on the log scale,

.. math::
   \pi = \frac{\mathrm{Var}(\theta \mid y)}{\mathrm{Var}(\theta)}, \qquad 0 < \pi \le 1 .

For a normal prior and a normal likelihood it is the weight of the prior mean in the posterior mean,
:math:`\mathrm{E}(\theta \mid y) = \pi\,\mathrm{E}(\theta) + (1 - \pi)\,\hat\theta`, and the part of
the posterior precision that the prior brought; 1 says that the data say nothing. Data at odds with
the prior could make it exceed 1, which counts as 1.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pandas as pd

from studies import Registry
from studies.vocabulary import Vocabulary
from synthesis import numbers
from synthesis.choices import DEFAULT
from synthesis.endpoints import endpoint_of
from synthesis.estimands import SURVIVAL_ESTIMANDS, Fit
from synthesis.fits import PooledSurvival
from synthesis.model.sampler import Progress
from synthesis.numbers import count, in_sentence, listed, months_words, percent, written
from synthesis.questions import certainty, histology_reports, influence, single
from synthesis.questions import histology_effects as by_histology
from synthesis.questions.compare import chance_heading
from synthesis.questions.contrasts import GAIN, RANDOMISED, SURVIVAL_CONTRASTS, treatments_of
from synthesis.questions.effects import MOSTLY_PRIOR, effect_rows, effects_table, share_words
from synthesis.questions.histology_effects import (
    ORIGIN,
    PREDICTIVE,
    PROGNOSTIC,
    SHARES,
    Benefit,
)
from synthesis.result import Cell, Finding, Picture, Result, Table, markdown, table_of

# --- What moved it, and what single results say --------------------------------------------------


@dataclass(frozen=True)
class Findings:
    """Benefit by histology, what moved it, and the results that are behind it.

    ``influence`` (:data:`~synthesis.questions.influence.INFLUENCE_COLUMNS`) is of the effects of
    histology, then of the median of every treatment at the reference mix; ``singles`` are by
    endpoint each report's own difference between pure and mixed tumours, that from which this
    project starts first; ``reported`` is from :func:`~synthesis.questions.single.reported_ratios`;
    ``families``, ``endpoint, family`` and the columns of effects, has posterior effects if that
    survival family were the only one, no rows where one is fitted; ``alternatives``
    (:data:`~synthesis.questions.influence.ALTERNATIVE_COLUMNS`) are of endpoints of which a report
    sets mixed against pure tumours.
    """

    benefit: Benefit
    influence: pd.DataFrame = field(repr=False)
    singles: Mapping[str, tuple[single.SingleResult, ...]]
    reported: pd.DataFrame = field(repr=False)
    families: pd.DataFrame = field(repr=False)
    alternatives: pd.DataFrame = field(repr=False)
    observed: histology_reports.Observed = field(repr=False)
    """Of each endpoint its observations, and the cohorts that were left out."""


def find_benefit(
    fits: Mapping[str, Fit],
    vocabulary: Vocabulary,
    *,
    reference: str | None = None,
    delta: float = 1.0,
    confounding: str = DEFAULT,
    mix: float = 0.4,
    show_all: bool = False,
    progress: Progress | None = None,
) -> Findings:
    """Compare treatments by histology, leave every cohort out, and read single results.

    Parameters and errors are those of
    :func:`~synthesis.questions.histology_effects.benefit_by_histology`; `mix` is the share of mixed
    histology of the medians whose influences are measured, `progress` is called with a sentence at
    each stage.
    """
    tell = progress or (lambda _: None)
    tell("benefit by histology")
    asked = {"reference": reference, "delta": delta, "confounding": confounding}
    benefit = by_histology.benefit_by_histology(fits, vocabulary, **asked, show_all=show_all)
    survival = {name: fits[name] for name in benefit.endpoints}
    singles, frames = {}, []
    for endpoint, fit in survival.items():
        weights = influence.cohort_weights(
            fit, progress=lambda words, e=endpoint: tell(f"{e}: {words}")
        )
        told = benefit.told[endpoint]
        quantities = influence.histology_quantities(fit, vocabulary) if told else []
        share = mix if told else fit.centre_share
        quantities += influence.median_quantities(fit, vocabulary, share)
        tell(f"{endpoint}: single results")
        singles[endpoint] = tuple(
            single.single_result(fit, ref, vocabulary) for ref in single.results_by_histology(fit)
        )
        frames.append(
            {
                "influence": influence.influence_table(fit, quantities, vocabulary, weights),
                "reported": single.reported_ratios(fit),
                "families": _by_family(endpoint, fit, vocabulary),
                "alternatives": influence.alternatives_table(fit, weights),
            }
        )
    joined = {name: _joined([own[name] for own in frames]) for name in frames[0]}
    observed = {name: (fit.data, fit.left_out) for name, fit in survival.items()}
    return Findings(benefit, singles=singles, observed=observed, **joined)


def of_treatments(findings: Findings, labels: Collection[str]) -> Findings:
    """What is shown of some treatments and what they are over; the table stays whole."""
    benefit = findings.benefit
    of_any = benefit.effects["effect"].isin((PROGNOSTIC, ORIGIN))
    theirs = benefit.effects["treatment"].isin(labels) | of_any
    parameters = {*(f"{PREDICTIVE}: {label}" for label in labels), PROGNOSTIC, ORIGIN}
    return replace(
        findings,
        benefit=replace(
            benefit,
            effects=benefit.effects[theirs].reset_index(drop=True),
            density=benefit.density[benefit.density["parameter"].isin(parameters)],
            groups=benefit.groups.assign(
                shown=benefit.groups["treatment"].isin(labels) | benefit.groups["is_reference"]
            ),
        ),
        singles={
            endpoint: tuple(own for own in singles if own.treatment in labels)
            for endpoint, singles in findings.singles.items()
        },
    )


def _joined(frames: Sequence[pd.DataFrame]) -> pd.DataFrame:
    # a frame without rows would turn counts into objects
    filled = [frame for frame in frames if not frame.empty] or frames[:1]
    return pd.concat(filled, ignore_index=True)


def _by_family(endpoint: str, fit: PooledSurvival, vocabulary: Vocabulary) -> pd.DataFrame:
    """Effects that some report tells, under each family of a stacked fit."""
    groups = [
        group for group in treatments_of(fit, vocabulary) if by_histology.is_split(fit, group)
    ]
    fits = list(getattr(fit, "fits", {}).values())
    frames = [
        effects_table({endpoint: by_histology.histology_effects(own, groups, None)}).assign(
            family=own.family.label
        )
        for own in fits * (len(fits) > 1)
    ]
    frame = pd.concat(frames, ignore_index=True) if frames else pd.DataFrame({"which": []})
    return frame[frame["which"] == "posterior"]


# --- In words ------------------------------------------------------------------------------------

LEAD = (
    "What treatments gain in pure and in mixed tumours, and how much of that the data can know. "
    "The prognostic effect is what mixed histology does under any treatment; the predictive effect "
    "is what one treatment adds to it. None of it is advice on treatment."
)
ACROSS_STUDIES = (
    "Treatments stand side by side across studies: a gain may be a difference between their "
    "patients."
)
SAYS_NOTHING = (
    "No counted cohort tells pure from mixed tumours: the data say nothing on histology, and every "
    "difference between pure and mixed below is the prior alone."
)


def result(findings: Findings, registry: Registry) -> Result:
    """Say what is known of benefit by histology, what moved it, and what single results mean."""
    first, last = section(findings, registry), single.result(findings.singles, registry)
    whole = replace(
        first, findings=(*first.findings, *last.findings), tables={**first.tables, **last.tables}
    )
    return replace(whole, texts={"benefit.md": markdown(whole)})


def section(findings: Findings, registry: Registry) -> Result:
    """The same without single results, which have a section of their own on a page."""
    benefit, vocabulary = findings.benefit, registry.vocabulary
    shown = benefit_rows(benefit)
    pictures = tuple(_pictures(findings, shown, vocabulary))
    reports = histology_reports.reports_table(registry, findings.observed)
    lead = (ACROSS_STUDIES, *histology_reports.reports_words(reports))
    parts = [Finding("Pure and mixed tumours", lead, pictures=pictures)]
    if len(reports):
        parts.append(histology_reports.reports_finding(reports))
    for endpoint in benefit.endpoints:
        name = endpoint_of(endpoint).name(vocabulary)
        frames = shown, findings.reported, findings.influence, findings.families
        rows, reported, moved, families, others = (
            frame[frame["endpoint"] == endpoint] if len(frame) else frame
            for frame in (*frames, findings.alternatives)
        )
        assumed = (_effect_table(benefit, endpoint), *_family_tables(families))
        words = sentences(benefit, endpoint, vocabulary)
        parts.append(Finding(name, (*words, *influence.alternatives_words(others))))
        parts.append(influence.alternatives_finding(others, f"{name}: other choices"))
        parts.append(Finding(f"{name}: how much is assumption", (), assumed))
        # where no report tells histology, what is by histology is the prior alone
        if benefit.told[endpoint]:
            tables = tuple(_side_tables(rows, benefit.delta))
            parts.append(Finding(f"{name}: pure and mixed side by side", (), tables))
        if len(reported):
            table = _reported_table(reported)
            parts.append(Finding(f"{name}: as reports give it", (), (table,), folded=True))
        parts.append(influence.finding(moved, f"{name}: cohorts that moved these answers"))
    tables = {
        "benefit": benefit.table,
        "benefit_effects": benefit.effects,
        "influence": findings.influence,
        "histology_alternatives": findings.alternatives,
        "histology_reports": reports,
    }
    return Result("benefit", "Benefit in pure and mixed tumours", (LEAD,), tuple(parts), tables)


def sentences(benefit: Benefit, endpoint: str, vocabulary: Vocabulary) -> tuple[str, ...]:
    """What is known of an endpoint by histology, a paragraph each."""
    over, told = benefit.references.get(endpoint), benefit.told[endpoint]
    gains = f"gains are over {over.words}, {over.why}; " if over else ""
    groups = benefit.groups[benefit.groups["endpoint"] == endpoint]
    effects = benefit.effects[benefit.effects["endpoint"] == endpoint]
    predictive = effects[(effects["effect"] == PREDICTIVE) & (effects["which"] == "posterior")]
    informed = predictive[predictive["cohorts"] > 0]["treatment"]
    words = [
        f"{endpoint_of(endpoint).name(vocabulary)} in {vocabulary.subject_words} by histology, in "
        f"the average study and the reference population; {gains}posterior medians with 95 % "
        "intervals.",
        *([] if told else [SAYS_NOTHING]),
        prognostic_words(benefit, endpoint),
        *origin_words(benefit, endpoint),
        *([benefit.confounding.words] if over else []),
        *(treatment_words(benefit, endpoint, treatment) for treatment in informed),
    ]
    beyond = int(groups["extrapolated"].sum())
    if told and beyond:
        words.append(
            f"Values of pure and of mixed tumours are extrapolated for {beyond} of the "
            f"{count(len(groups), 'treatment')}: no report tells the two apart there, and they "
            "differ by prognosis and the prior of the predictive effect only."
        )
    return tuple(words)


def pick(frame: pd.DataFrame, where: Mapping[str, Any]) -> Any:
    """The one row of a table with these values in these columns; LookupError if it is not one."""
    for column, value in where.items():
        frame = frame[frame[column] == value]
    if len(frame) != 1:
        raise LookupError(f"{len(frame)} rows with {dict(where)}, expected one")
    return next(frame.itertuples(index=False))


def prognostic_words(benefit: Benefit, endpoint: str) -> str:
    """Whether mixed tumours fare better than pure ones, under any treatment."""
    return _words_under_any_treatment(benefit, endpoint, PROGNOSTIC)


def origin_words(benefit: Benefit, endpoint: str) -> tuple[str, ...]:
    """Whether transformed tumours fare as de novo ones, under any treatment; empty if untold."""
    told = benefit.effects["effect"][benefit.effects["endpoint"] == endpoint]
    return (_words_under_any_treatment(benefit, endpoint, ORIGIN),) if ORIGIN in set(told) else ()


def _words_under_any_treatment(benefit: Benefit, endpoint: str, effect: str) -> str:
    """What an effect under any treatment is, in a paragraph."""
    where = {"endpoint": endpoint, "effect": effect}
    before, after = (
        pick(benefit.effects, where | {"which": which}) for which in ("prior", "posterior")
    )
    told, is_one = benefit.told[endpoint] or effect == ORIGIN, after.cohorts == 1
    if effect == PROGNOSTIC:
        about, first, second, noun = "Prognosis", "mixed", "pure", "cohort"
        verb = "tells its histology" if is_one else "tell their histology"
    else:
        about, first, second = "Origin, a factor of its own", "transformed", "de novo"
        noun, verb = "report", "tells origin" if is_one else "tell origin"
    sizes = f" {count(after.cohorts, noun)} with {count(after.patients, 'patient')} {verb}."
    return (
        f"{about}: under any treatment the median of {first} tumours is "
        f"{written(after, numbers.ratio)} times that of {second} ones; the prior allowed "
        f"{written(before, numbers.ratio)}. {share_words(after.prior_share, told=told)}"
        f"{sizes if told else ''}"
    )


def treatment_words(benefit: Benefit, endpoint: str, treatment: str) -> str:
    """What a treatment does in pure and in mixed tumours, and what it adds to prognosis."""
    where = {"endpoint": endpoint, "treatment": treatment}

    def row(estimand: str, histology: str = "mixed") -> Any:
        return pick(benefit.table, where | {"estimand": estimand, "histology": histology})

    def in_both(estimand: str) -> str:
        pure, mixed = (written(row(estimand, name), numbers.months) for name in SHARES)
        return f"{pure} months in pure and {mixed} in mixed tumours"

    words, name = f"{treatment}: median {in_both('median_months')}.", in_sentence(treatment)
    over = benefit.references.get(endpoint)
    if over is not None and over.label != treatment:
        gain, differ, alone = map(row, (GAIN, by_histology.DIFFERENCE, by_histology.FROM_PROGNOSIS))
        by_lot, sides = gain.evidence == RANDOMISED, [row(GAIN, name) for name in SHARES]
        chances = [
            f"{percent(own.p_gain)} %"
            + f" ({percent(own.p_gain_adjusted)} % allowing for confounding)" * (not by_lot)
            for own in sides
        ]
        limits, undone = numbers.limits_of(differ.lower, differ.upper, numbers.months), ""
        if not by_lot:
            whom = f"{name} with mixed tumours"
            undone = certainty.tipping_words(whom, gain.tipping_limit, gain.tipping_estimate) + " "
        words += (
            f" Its gain over {in_sentence(over.label)} is {in_both(GAIN)}, {gain.evidence}; it is "
            f"above {months_words(benefit.delta)} with a probability of {chances[0]} and "
            f"{chances[1]}. {undone}Certainty there: {gain.certainty}. Mixed tumours gain "
            f"{numbers.months(abs(differ.estimate))} months "
            f"{'less' if differ.estimate < 0.0 else 'more'} than pure ones ({limits}). Their "
            f"better prognosis alone would explain {numbers.months(alone.estimate)}."
        )
    after = pick(benefit.effects, where | {"effect": PREDICTIVE, "which": "posterior"})
    share = f"{percent(after.prior_share)} % of that answer is assumption"
    if after.prior_share > MOSTLY_PRIOR and after.lower <= 1.0 <= after.upper:
        return (
            f"{words} The data show no extra effect of {name} and could hardly show one ({share})."
        )
    return (
        f"{words} Beyond prognosis {name} multiplies the median of mixed tumours by a further "
        f"{written(after, numbers.ratio)} ({share})."
    )


# --- Tables and pictures -------------------------------------------------------------------------

# What columns of estimates end with, in a table with a column an estimand.
_ENDS = {"estimate": "", "lower": "_lower", "upper": "_upper"}
_ENDS |= {f"adjusted{end}": f"_adjusted{end}" for end in _ENDS.values()}
_WORDS = ("evidence", "certainty", "certainty_reasons")


def benefit_rows(benefit: Benefit) -> pd.DataFrame:
    """Estimates and gains of the treatments shown, pure above mixed, a row each, for all endpoints.

    The columns of ``groups``, ``histology``; of every estimand and contrast its estimate under its
    name, its limits (``_lower``, ``_upper``) and the same allowing for confounding (``_adjusted``);
    ``p_gain`` and the columns of certainty. Estimands allow for nothing: those columns are missing.
    ``median`` and ``gain`` stand for the median and for its difference from the reference.
    """
    short = {name: name for name in (*SURVIVAL_ESTIMANDS, *SURVIVAL_CONTRASTS)}
    short |= {"median_months": "median", GAIN: "gain"}
    keys, about = ["endpoint", "treatment", "histology"], ["p_gain", "p_gain_adjusted"]
    about += ["tipping_limit", "tipping_estimate", *_WORDS]
    table = benefit.table[benefit.table["estimand"].isin(list(short))]
    wide = table.pivot(index=keys, columns="estimand", values=list(_ENDS))
    wide.columns = [f"{short[name]}{_ENDS[end]}" for end, name in wide.columns]
    columns = [f"{name}{end}" for name in short.values() for end in _ENDS.values()]
    return (
        benefit.groups[benefit.groups["shown"]]
        .drop(columns="shown")
        .merge(pd.DataFrame({"histology": list(SHARES)}), how="cross")
        .merge(wide.reindex(columns=columns), how="left", on=keys)
        .merge(table.loc[table["estimand"] == GAIN, [*keys, *about]], how="left", on=keys)
        .fillna(dict.fromkeys(_WORDS, ""))
    )


def _cell(row: Any, name: str, write: numbers.Writer) -> Cell:
    return Cell(written(row, write, name), extrapolated=row.extrapolated)


def _side_tables(rows: pd.DataFrame, delta: float) -> Iterator[Table]:
    """Medians, restricted means and gains, pure above mixed."""

    def value(label: str, name: str, write: numbers.Writer = numbers.months) -> tuple:
        return label, "num", lambda row: _cell(row, name, write)

    def treatment(row: Any) -> Cell:
        return Cell(row.treatment, rows=2 if row.histology == "pure" else 0)

    def tumours(row: Any) -> Cell:
        word = "extrapolated" if row.extrapolated else ""
        return Cell(row.histology, more=word, extrapolated=row.extrapolated)

    def size(row: Any) -> str:
        return numbers.size(row.cohorts, row.patients, row.compared)

    sides = [("Treatment", "keep", treatment), ("Tumours", "keep", tumours)]
    yield table_of(
        "Pure and mixed side by side.",
        rows.itertuples(index=False),
        [
            *sides,
            value("Median, months", "median"),
            value("Alive at 6 months, %", "survival_6m", percent),
            value("at 12 months, %", "survival_12m", percent),
            ("Cohorts (patients)", "num", size),
        ],
        note="Average study, reference population. Cohorts and patients are of both histologies.",
    )
    means = value("Restricted mean to 12 months", "rmst_12m"), value("to 24 months", "rmst_24m")
    title = "Restricted mean survival, months."
    yield table_of(title, rows.itertuples(index=False), [*sides, *means])
    gained = rows[rows["evidence"] != ""]
    if len(gained):
        (reference,) = rows.loc[rows["is_reference"], "treatment"].unique()
        yield _gains_table(gained, reference, delta)
        names = gained["treatment"] + ", " + gained["histology"] + " tumours"
        yield certainty.certainty_table(gained.assign(treatment=names))


def _gains_table(gained: pd.DataFrame, reference: str, delta: float) -> Table:
    """Gains of pure above mixed tumours, each as it is and allowing for confounding."""
    lines = [
        (row, adjusted)
        for row in gained.itertuples(index=False)
        for adjusted in certainty.twice(row.evidence)
    ]
    spans = Counter(row.treatment for row, _ in lines)

    def treatment(line: tuple[Any, bool]) -> Cell:
        row, adjusted = line
        is_first = row.histology == "pure" and not adjusted
        return Cell(row.treatment, rows=spans[row.treatment] if is_first else 0)

    def tumours(line: tuple[Any, bool]) -> Cell:
        row, adjusted = line
        return Cell(row.histology, rows=0 if adjusted else len(certainty.twice(row.evidence)))

    def confounding(line: tuple[Any, bool]) -> Cell:
        return certainty.confounding_cell(line[0].evidence, adjusted=line[1])

    def value(label: str, name: str, write: numbers.Writer) -> tuple:
        return label, "num", lambda line: _cell(line[0], name + "_adjusted" * line[1], write)

    def chance(line: tuple[Any, bool]) -> str:
        return numbers.chance(getattr(line[0], "p_gain" + "_adjusted" * line[1]))

    return table_of(
        f"Gains over {in_sentence(reference)}.",
        lines,
        [
            ("Treatment", "keep", treatment),
            ("Tumours", "keep", tumours),
            (certainty.COLUMN, "keep", confounding),
            value("Gain in the median, months", "gain", numbers.months),
            value("Ratio of medians", "ratio_of_medians", numbers.ratio),
            (chance_heading(delta), "num", chance),
        ],
    )


def _effect_table(benefit: Benefit, endpoint: str) -> Table:
    rows = effect_rows(benefit.effects, benefit.density)

    def told_by(row: Any) -> str:
        return numbers.size_words(row.cohorts, row.patients) if row.cohorts else "no report"

    return table_of(
        "How much of each effect is assumption.",
        rows[rows["endpoint"] == endpoint].itertuples(index=False),
        [
            ("Effect, ratio of medians", "", lambda row: row.label),
            ("Prior", "num", lambda row: written(row, numbers.ratio, "prior")),
            ("Posterior", "num", lambda row: written(row, numbers.ratio, "posterior")),
            ("Assumption, %", "num", lambda row: percent(row.prior_share)),
            ("Told by", "keep", told_by),
        ],
        note="With 95 % intervals. Assumption: ratio of the variances, posterior to prior, on the "
        "log scale, which is the weight of the prior in the answer. At 100 % the data say nothing.",
    )


def _reported_table(reported: pd.DataFrame) -> Table:
    return table_of(
        "Medians of pure and of mixed tumours.",
        reported.itertuples(index=False),
        [
            ("Report", "keep", lambda row: row.label),
            ("Mixed, months", "num", lambda row: row.mixed),
            ("Pure, months", "num", lambda row: row.pure),
            ("Mixed, n", "num", lambda row: row.n_mixed),
            ("Pure, n", "num", lambda row: row.n_pure),
            ("Ratio of medians", "num", lambda row: numbers.ratio(row.ratio)),
            ("p, as reported", "num", lambda row: row.p),
        ],
        narrow=True,
    )


def _family_tables(effects: pd.DataFrame) -> Iterator[Table]:
    """The effects under each survival family, where there are several."""
    if len(effects):
        by = {(row.family, row.label): row for row in effects.itertuples(index=False)}
        columns = [
            (label, "num", lambda name, label=label: written(by[name, label], numbers.ratio))
            for label in dict.fromkeys(effects["label"])
        ]
        yield table_of(
            "Under each survival family.",
            dict.fromkeys(effects["family"]),
            [("Survival family", "", lambda name: name), *columns],
            note="Posterior ratios if that family were the only one, with 95 % intervals.",
            narrow=True,
        )


def _pictures(findings: Findings, rows: pd.DataFrame, vocabulary: Vocabulary) -> Iterator[Picture]:
    from synthesis.plots.histology import plot_benefit, plot_effects

    benefit, subject = findings.benefit, vocabulary.subject_words
    of_origin = ", and of origin" if ORIGIN in set(benefit.density["parameter"]) else ""
    beside = "" if findings.reported.empty else " In a column of their own: ratios reported."
    outcomes = listed(endpoint_of(name).words(vocabulary) for name in benefit.endpoints)
    # where no cohort tells histology, an estimate by histology would be the prior
    told = [name for name in benefit.endpoints if benefit.told[name]]
    if told:
        over = {in_sentence(benefit.references[n].label) for n in told if n in benefit.references}
        gains = f" and gain over {listed(sorted(over))}" if over else ""
        yield Picture(
            "benefit",
            "Benefit in pure and mixed tumours",
            f"{numbers.capitalised(outcomes)} in {subject}, in pure (dots) and mixed tumours "
            f"(diamonds) under each treatment: median{gains}, average study and reference "
            "population, with 95 % intervals. Open and dashed: extrapolated, as no report tells "
            "the two apart. Treatments stand side by side across studies.",
            plot_benefit,
            {
                "table": rows[rows["endpoint"].isin(told)].reset_index(drop=True),
                "delta": benefit.delta,
            },
            alt=prognostic_words(benefit, told[0]),
        )
    yield Picture(
        "benefit_effects",
        "Effects of mixed histology on their priors",
        f"Effects of mixed histology on {outcomes} in {subject}: prior (broken line) and posterior "
        "(filled) of the prognostic effect, under any treatment, and of what a treatment adds to "
        f"it{of_origin}. Bars: share of the answer that is assumption, the ratio of the variances "
        f"on the log scale.{beside}",
        plot_effects,
        {
            "density": benefit.density,
            "effects": effect_rows(benefit.effects, benefit.density),
            "reported": findings.reported,
        },
        alt=prognostic_words(benefit, benefit.endpoints[0]),
    )
