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

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd

from studies import Registry
from studies.vocabulary import Vocabulary
from synthesis import numbers
from synthesis.endpoints import endpoint_of
from synthesis.estimands import (
    SURVIVAL_ESTIMANDS,
    Fit,
    NamedGroup,
    quantiles,
    tells_apart,
    tells_histology,
)
from synthesis.fits import PooledSurvival
from synthesis.model.sampler import Progress
from synthesis.numbers import count, in_sentence, listed, percent
from synthesis.questions import influence, single
from synthesis.questions.compare import COMPARE_COLUMNS, chance_heading, months_words
from synthesis.questions.contrasts import (
    GAIN,
    SURVIVAL_CONTRASTS,
    drawn,
    every_pair,
    written,
)
from synthesis.questions.evidence import (
    ACROSS,
    WITHIN,
    Evidence,
    choose_reference,
    choose_shown,
    evidence_of_pairs,
    not_pooled,
    treatments_by_endpoint,
    treatments_of,
)
from synthesis.questions.histology_effects import (
    INTERACTION,
    MOSTLY_PRIOR,
    PREDICTIVE,
    PROGNOSTIC,
    Effect,
    effect_densities,
    effect_rows,
    effects_table,
    histology_effects,
    is_split,
    share_words,
)
from synthesis.result import Cell, Column, Finding, Picture, Result, Table, make_table

#: As of every table of contrasts, and whether no report of the treatment supports the value.
BENEFIT_COLUMNS = (*COMPARE_COLUMNS, "extrapolated")

#: Share of mixed histology that each label of the ``histology`` column stands for.
SHARES: Mapping[str, float] = MappingProxyType({"pure": 0.0, "mixed": 1.0})

#: What the rows of an effect say in the ``treatment`` column where it is of all treatments.
ANY = "Any treatment"

#: Estimands of the effects of histology: ratios, ratios of ratios, months.
EFFECT_ESTIMANDS: Mapping[str, str] = MappingProxyType(
    {
        PROGNOSTIC: "prognostic_ratio",
        PREDICTIVE: "predictive_ratio",
        INTERACTION: "ratio_of_ratios",
    }
)
DIFFERENCE = "difference_of_gains_months"
FROM_PROGNOSIS = "difference_of_gains_by_prognosis_months"

_GROUP_COLUMNS = (
    "endpoint treatment treatment_class cohorts patients is_reference shown extrapolated"
)

# Densities of predictive effects are drawn for as many treatments where no report tells histology.
_SHOWN_UNTOLD = 1


@dataclass(frozen=True)
class Benefit:
    """What is known of benefit in pure and in mixed tumours.

    Attributes
    ----------
    table : DataFrame
        :data:`BENEFIT_COLUMNS`. Absolute estimands have no reference; rows of the effects of
        histology (:data:`EFFECT_ESTIMANDS`, differences of gains) say ``mixed``: they are of mixed
        against pure tumours.
    effects : DataFrame
        :data:`~synthesis.questions.histology_effects.EFFECT_COLUMNS`: prior and posterior.
    density : DataFrame
        ``endpoint, parameter, label, which, x, density``: of the prognostic effect, and of the
        predictive effect of treatments whose histology some report tells.
    groups : DataFrame
        The treatments of each endpoint in display order, which of them have enough behind them to
        be shown, and of which the values by histology are extrapolated.
    references : mapping
        Endpoint -> label of what gains are over; only where it is pooled.
    told : mapping
        Endpoint -> whether any counted cohort tells pure from mixed.
    delta : float
        Months of gain asked for.
    """

    table: pd.DataFrame = field(repr=False)
    effects: pd.DataFrame = field(repr=False)
    density: pd.DataFrame = field(repr=False)
    groups: pd.DataFrame = field(repr=False)
    references: Mapping[str, str]
    told: Mapping[str, bool]
    delta: float

    @property
    def endpoints(self) -> tuple[str, ...]:
        """Survival endpoints, in order."""
        return tuple(self.told)


def benefit_by_histology(
    fits: Mapping[str, Fit],
    vocabulary: Vocabulary,
    *,
    reference: str | None = None,
    delta: float = 1.0,
    treatment: str | None = None,
    show_all: bool = False,
) -> Benefit:
    """Compare treatments in pure and in mixed tumours.

    Parameters
    ----------
    fits : mapping
        Endpoint -> fit; response, which is not known by histology, is passed over.
    vocabulary : Vocabulary
    reference : str, optional
        Name of the treatment that gains are over; the usual one otherwise.
    delta : float
        Months of gain in the median whose probability is asked for.
    treatment : str, optional
        Name of the one treatment that is shown; the tables have all of them.
    show_all : bool
        Show every treatment, however little stands behind it.

    Raises
    ------
    ValueError
        If there is no survival endpoint, or ``delta`` is no number.
    NotComparedError
        If the reference or the treatment is unknown, or pooled for none of the endpoints.
    """
    pooled = treatments_by_endpoint(fits, vocabulary)
    if not np.isfinite(delta):
        raise ValueError(f"delta: found {delta}, expected a number of months")
    references = _named(pooled, vocabulary, reference)
    only = {} if treatment is None else _named(pooled, vocabulary, treatment)
    rows, effects, densities, shown = [], [], [], []
    for endpoint, groups in pooled.items():
        over = references.get(endpoint)
        part = _Part(endpoint, fits[endpoint], groups, over, delta)
        own = histology_effects(part.fit, groups, over)
        rows += [*part.rows(), *part.effect_rows(own)]
        effects.append(effects_table(endpoint, own))
        densities.append(effect_densities(_drawn(own)).assign(endpoint=endpoint))
        chosen = groups if over is None else choose_shown(groups, over, show_all=show_all)
        if treatment is not None:
            chosen = [group for group in (only.get(endpoint), over) if group is not None]
        shown += part.group_rows(chosen)
    return Benefit(
        table=pd.DataFrame(rows, columns=list(BENEFIT_COLUMNS)),
        effects=pd.concat(effects, ignore_index=True),
        density=pd.concat(densities, ignore_index=True),
        groups=pd.DataFrame(shown, columns=_GROUP_COLUMNS.split()),
        references=MappingProxyType({name: group.label for name, group in references.items()}),
        told=MappingProxyType({name: tells_histology(fits[name]) for name in pooled}),
        delta=delta,
    )


def _named(
    pooled: Mapping[str, Sequence[NamedGroup]], vocabulary: Vocabulary, name: str | None
) -> dict[str, NamedGroup]:
    """The treatment of a name, or the usual reference, in each endpoint that has it."""
    chosen = {e: choose_reference(groups, vocabulary, name) for e, groups in pooled.items()}
    groups = {endpoint: own.group for endpoint, own in chosen.items() if own is not None}
    if name is not None and not groups:
        raise not_pooled(name, pooled)
    return groups


def _drawn(effects: Sequence[Effect]) -> list[Effect]:
    """The prognostic effect, and predictive effects that the data can say something of."""
    predictive = [effect for effect in effects if effect.name == PREDICTIVE]
    told = [effect for effect in predictive if effect.cohorts]
    return [effects[0], *(told or predictive[:_SHOWN_UNTOLD])]


@dataclass(frozen=True)
class _Part:
    """One endpoint on its way to the tables; draws are arrays ``(treatments, draws)``."""

    endpoint: str
    fit: PooledSurvival
    groups: Sequence[NamedGroup]
    reference: NamedGroup | None
    delta: float

    def values(self, share: float, estimand: str) -> np.ndarray:
        """Draws of an estimand, ``(draws, treatments)``."""
        return drawn(self.fit, self.groups, share).estimand(estimand)

    @cached_property
    def extrapolated(self) -> dict[str, bool]:
        own = {group.label: not tells_apart(self.fit, group.cohorts) for group in self.groups}
        return own | {ANY: all(own.values())}

    def group_rows(self, shown: Sequence[NamedGroup]) -> Iterator[tuple]:
        for group in self.groups:
            sizes = len(group.cohorts), group.patients
            about = (self.endpoint, group.label, group.class_label, *sizes)
            flags = group is self.reference, group in shown, self.extrapolated[group.label]
            yield (*about, *flags)

    def rows(self) -> Iterator[tuple]:
        """Estimates of every treatment by histology, and its gains over the reference."""
        absolute = {
            (histology, name): quantiles(self.values(share, name))
            for histology, share in SHARES.items()
            for name in SURVIVAL_ESTIMANDS
        }
        gains = self._gains()
        for number, group in enumerate(self.groups):
            behind = ("", len(group.cohorts), group.patients)
            for (histology, name), values in absolute.items():
                yield self._row(group.label, "", histology, name, values[:, number], behind)
            if self.reference is None or group is self.reference:
                continue
            own = self._pairs[group.label, self.reference.label]
            behind = (own.kind, own.total_cohorts, own.total_patients)
            for (histology, name), (values, chances) in gains.items():
                about = (group.label, self.reference.label, histology, name, values[:, number])
                yield self._row(*about, behind, None if chances is None else chances[number])

    @cached_property
    def _pairs(self) -> Mapping[tuple[str, str], Evidence]:
        return evidence_of_pairs(self.fit, self.groups)

    def _gains(self) -> dict[tuple[str, str], tuple[np.ndarray, np.ndarray | None]]:
        """Contrasts with the reference in either histology, and by how much the gains differ."""
        if self.reference is None:
            return {}
        base = self.groups.index(self.reference)
        summaries, gains = {}, {}
        for histology, share in SHARES.items():
            sides = (drawn(self.fit, own, share) for own in (self.groups, [self.reference]))
            for name, draws in every_pair(SURVIVAL_CONTRASTS, *sides):
                chances = None
                if name == GAIN:
                    gains[histology] = draws[..., 0]
                    chances = SURVIVAL_CONTRASTS[name].favours(draws[..., 0], self.delta)
                summaries[histology, name] = quantiles(draws[..., 0]), chances
        alone = {name: own - own[:, [base]] for name, own in self._by_prognosis().items()}
        for name, own in {DIFFERENCE: gains, FROM_PROGNOSIS: alone}.items():
            summaries["mixed", name] = quantiles(own["mixed"] - own["pure"]), None
        return summaries

    def _by_prognosis(self) -> dict[str, np.ndarray]:
        """Medians as they would be if histology had the same effect under every treatment."""
        places = [group.group.treatment_index for group in self.groups]
        predictive = self.fit.flat("predictive")[:, places]
        return {
            histology: self.values(share, "median_months")
            * np.exp(-predictive * (share - self.fit.centre_share))
            for histology, share in SHARES.items()
        }

    def effect_rows(self, effects: Sequence[Effect]) -> Iterator[tuple]:
        by_label = {group.label: group for group in self.groups}
        for effect in effects:
            told_by = ""
            if effect.cohorts:
                labels = [name for name in (effect.treatment, effect.reference) if name]
                sides = [by_label[name] for name in labels] or [None]
                told_by = WITHIN if all(is_split(self.fit, side) for side in sides) else ACROSS
            behind = (told_by, effect.cohorts, effect.patients)
            about = (effect.treatment or ANY, effect.reference, "mixed")
            values = quantiles(np.exp(effect.draws))
            yield self._row(*about, EFFECT_ESTIMANDS[effect.name], values, behind)

    def _row(
        self,
        treatment: str,
        reference: str,
        histology: str,
        estimand: str,
        values: np.ndarray,
        behind: tuple[str, int, int],
        chance: float | None = None,
    ) -> tuple:
        asked = (np.nan, np.nan) if chance is None else (self.delta, float(chance))
        about = (self.endpoint, treatment, reference, histology, estimand, *values.tolist())
        return (*about, *asked, *behind, self.extrapolated[treatment])


# --- Everything that one question asks for -------------------------------------------------------


@dataclass(frozen=True)
class Findings:
    """Benefit by histology, what moved it, and the results that are behind it.

    Attributes
    ----------
    benefit : Benefit
    influence : DataFrame
        :data:`~synthesis.questions.influence.INFLUENCE_COLUMNS`: effects of histology, then the
        median of every treatment at the reference mix, by endpoint.
    singles : mapping
        Endpoint -> each report's own difference between pure and mixed tumours; that from which
        this project starts first.
    reported : DataFrame
        From :func:`~synthesis.questions.single.reported_ratios`, of every endpoint.
    families : DataFrame
        ``endpoint, family`` and the columns of effects: posterior effects if that survival family
        were the only one; empty where one family is fitted.
    """

    benefit: Benefit
    influence: pd.DataFrame = field(repr=False)
    singles: Mapping[str, tuple[single.SingleResult, ...]]
    reported: pd.DataFrame = field(repr=False)
    families: pd.DataFrame = field(repr=False)


def find_benefit(
    fits: Mapping[str, Fit],
    vocabulary: Vocabulary,
    *,
    reference: str | None = None,
    delta: float = 1.0,
    mix: float = 0.4,
    treatment: str | None = None,
    show_all: bool = False,
    known: Mapping[str, Mapping[str, np.ndarray]] = MappingProxyType({}),
    progress: Progress | None = None,
) -> Findings:
    """Compare treatments by histology, leave every cohort out, and read single results.

    Parameters
    ----------
    fits : mapping
        Endpoint -> fit.
    vocabulary : Vocabulary
    reference, delta, treatment, show_all
        As in :func:`benefit_by_histology`.
    mix : float
        Share of mixed histology of the medians whose influences are measured.
    known : mapping
        Endpoint -> log likelihoods of the cohorts by family, where they were computed before; see
        :func:`~synthesis.questions.influence.cohort_weights`.
    progress : callable, optional
        Called with a sentence at each stage.

    Raises
    ------
    ValueError, NotComparedError
        As :func:`benefit_by_histology`.
    """
    tell = progress or (lambda _: None)
    tell("benefit by histology")
    benefit = benefit_by_histology(
        fits,
        vocabulary,
        reference=reference,
        delta=delta,
        treatment=treatment,
        show_all=show_all,
    )
    survival = {name: fits[name] for name in benefit.endpoints}
    moved, singles = [], {}
    for endpoint, fit in survival.items():
        weights = influence.cohort_weights(
            fit,
            known=known.get(endpoint, {}),
            progress=lambda words, e=endpoint: tell(f"{e}: {words}"),
        )
        told = benefit.told[endpoint]
        quantities = influence.histology_quantities(fit, vocabulary) if told else []
        share = mix if told else fit.centre_share
        quantities += influence.median_quantities(fit, vocabulary, share)
        moved.append(influence.influence_table(fit, quantities, vocabulary, weights))
        tell(f"{endpoint}: single results")
        singles[endpoint] = tuple(
            single.single_result(fit, ref, vocabulary) for ref in single.results_by_histology(fit)
        )
    reported = [single.reported_ratios(fit) for fit in survival.values()]
    families = [_by_family(name, fit, vocabulary) for name, fit in survival.items()]
    return Findings(benefit, _joined(moved), singles, _joined(reported), _joined(families))


def of_treatment(findings: Findings, label: str) -> Findings:
    """What is shown of one treatment and what it is over; the table stays whole."""
    benefit = findings.benefit
    theirs = (benefit.effects["treatment"] == label) | (benefit.effects["effect"] == PROGNOSTIC)
    parameters = {f"{PREDICTIVE}: {label}", PROGNOSTIC}
    return replace(
        findings,
        benefit=replace(
            benefit,
            effects=benefit.effects[theirs].reset_index(drop=True),
            density=benefit.density[benefit.density["parameter"].isin(parameters)],
            groups=benefit.groups.assign(
                shown=(benefit.groups["treatment"] == label) | benefit.groups["is_reference"]
            ),
        ),
        singles={
            endpoint: tuple(own for own in singles if own.treatment == label)
            for endpoint, singles in findings.singles.items()
        },
    )


def _joined(frames: Sequence[pd.DataFrame]) -> pd.DataFrame:
    # a frame without rows would turn counts into objects
    filled = [frame for frame in frames if not frame.empty] or frames[:1]
    return pd.concat(filled, ignore_index=True)


def _by_family(endpoint: str, fit: PooledSurvival, vocabulary: Vocabulary) -> pd.DataFrame:
    """Effects that some report tells, under each family of a stacked fit."""
    groups = [g for g in treatments_of(fit, vocabulary) if is_split(fit, g)]
    own = getattr(fit, "fits", {})
    frames = [
        effects_table(endpoint, histology_effects(one, groups, None)).assign(
            family=one.family.label
        )
        for one in (own.values() if len(own) > 1 else ())
    ]
    frame = pd.concat(frames, ignore_index=True) if frames else pd.DataFrame({"which": []})
    return frame[frame["which"] == "posterior"]


# --- In words ------------------------------------------------------------------------------------

LEAD = (
    "What treatments gain in pure and in mixed tumours, and how much of that the data can know. "
    "The prognostic effect is what mixed histology does under any treatment; the predictive effect "
    "is what one treatment adds to it. None of it is advice on treatment."
)
SAYS_NOTHING = (
    "No counted cohort tells pure from mixed tumours: the data say nothing on histology, and every "
    "difference between pure and mixed below is the prior alone."
)


def result(findings: Findings, registry: Registry) -> Result:
    """Say what is known of benefit by histology, what moved it, and what single results mean."""
    first, last = section(findings, registry), single.result(findings.singles, registry)
    text = [f"# {first.title}", *_markdown(first), *_markdown(last)]
    return replace(
        first,
        findings=(*first.findings, *last.findings),
        tables={**first.tables, **last.tables},
        texts={"benefit.md": "\n\n".join(text) + "\n"},
    )


def section(findings: Findings, registry: Registry) -> Result:
    """The same without single results, which have a section of their own on a page."""
    benefit, vocabulary = findings.benefit, registry.vocabulary
    rows = benefit_rows(benefit)
    parts = []
    for endpoint in benefit.endpoints:
        name, told = endpoint_of(endpoint).name(vocabulary), benefit.told[endpoint]
        own = rows[rows["endpoint"] == endpoint]
        # where no report tells histology, what is by histology is the prior alone
        tables = (_survival_table(own), _restricted_table(own), _gain_table(own, benefit.delta))
        effects = (_effect_table(benefit, endpoint), _family_table(findings, endpoint))
        parts.append(Finding(name, sentences(benefit, endpoint, vocabulary)))
        parts.append(Finding(f"{name}: how much is assumption", (), _present(*effects)))
        if told:
            parts.append(Finding(f"{name}: pure and mixed side by side", (), _present(*tables)))
        reported = findings.reported[findings.reported["endpoint"] == endpoint]
        if not reported.empty:
            table = _reported_table(reported)
            parts.append(Finding(f"{name}: as reports give it", (), (table,), folded=True))
        moved = findings.influence[findings.influence["endpoint"] == endpoint]
        parts.append(influence.finding(moved, f"{name}: cohorts that moved these answers"))
    pictures = tuple(_pictures(findings, rows, vocabulary))
    opening = Finding("Pure and mixed tumours", pictures=pictures)
    tables = {
        "benefit": benefit.table,
        "benefit_effects": benefit.effects,
        "influence": findings.influence,
    }
    return Result(
        "benefit", "Benefit in pure and mixed tumours", (LEAD,), (opening, *parts), tables
    )


def _present(*tables: Table | None) -> tuple[Table, ...]:
    return tuple(table for table in tables if table is not None)


def _markdown(part: Result) -> Iterator[str]:
    """Sentences and captions of a result."""
    for finding in part.findings:
        if finding.sentences:
            yield from (f"## {finding.heading}", *finding.sentences)
        for picture in finding.pictures:
            yield f"![{picture.stem}](figures/{picture.stem}.png)\n\n{picture.caption}"


def sentences(benefit: Benefit, endpoint: str, vocabulary: Vocabulary) -> tuple[str, ...]:
    """What is known of an endpoint by histology, a paragraph each."""
    over, told = benefit.references.get(endpoint), benefit.told[endpoint]
    gains = f"gains are over {in_sentence(over)}, " if over else ""
    groups = benefit.groups[benefit.groups["endpoint"] == endpoint]
    effects = benefit.effects[benefit.effects["endpoint"] == endpoint]
    predictive = effects[(effects["effect"] == PREDICTIVE) & (effects["which"] == "posterior")]
    informed = predictive[predictive["cohorts"] > 0]["treatment"]
    words = [
        f"{endpoint_of(endpoint).name(vocabulary)} in {vocabulary.subject_words} by histology, in "
        f"the average study and the reference population; {gains}posterior medians with 95 % "
        "intervals. Treatments stand side by side across studies, most of them single-armed: a "
        "gain may be a difference between their patients.",
        *([] if told else [SAYS_NOTHING]),
        prognostic_words(benefit, endpoint),
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
    """The one row of a table with these values in these columns.

    Raises
    ------
    LookupError
        If there is none, or more than one; says what was asked for.
    """
    for column, value in where.items():
        frame = frame[frame[column] == value]
    if len(frame) != 1:
        raise LookupError(f"{len(frame)} rows with {dict(where)}, expected one")
    return next(frame.itertuples(index=False))


def prognostic_words(benefit: Benefit, endpoint: str) -> str:
    """Whether mixed tumours fare better than pure ones, under any treatment."""
    where = {"endpoint": endpoint, "effect": PROGNOSTIC}
    before, after = (pick(benefit.effects, where | {"which": w}) for w in ("prior", "posterior"))
    told = benefit.told[endpoint]
    sizes = f"{count(after.cohorts, 'cohort')} with {count(after.patients, 'patient')}"
    behind = f" {sizes} {'tells its' if after.cohorts == 1 else 'tell their'} histology."
    return (
        f"Prognosis: under any treatment the median of mixed tumours is "
        f"{written(after, numbers.ratio)} times that of pure ones; the prior allowed "
        f"{written(before, numbers.ratio)}. {share_words(after.prior_share, told=told)}"
        f"{behind if told else ''}"
    )


def treatment_words(benefit: Benefit, endpoint: str, treatment: str) -> str:
    """What a treatment does in pure and in mixed tumours, and what it adds to prognosis."""
    where = {"endpoint": endpoint, "treatment": treatment}

    def row(estimand: str, histology: str = "mixed") -> Any:
        return pick(benefit.table, where | {"estimand": estimand, "histology": histology})

    medians, gains = (
        {name: written(row(estimand, name), numbers.months) for name in SHARES}
        for estimand in ("median_months", GAIN if _has_gain(benefit, where) else "median_months")
    )
    name = in_sentence(treatment)
    words = (
        f"{treatment}: median {medians['pure']} months in pure and {medians['mixed']} in mixed "
        "tumours."
    )
    if _has_gain(benefit, where):
        chances = [f"{percent(row(GAIN, histology).p_gain)} %" for histology in SHARES]
        differ, alone = row(DIFFERENCE), row(FROM_PROGNOSIS)
        limits = numbers.limits_of(differ.lower, differ.upper, numbers.months)
        more = "less" if differ.estimate < 0.0 else "more"
        words += (
            f" Its gain over {in_sentence(benefit.references[endpoint])} is {gains['pure']} months "
            f"in pure and {gains['mixed']} in mixed tumours, {row(GAIN).carried_by}; it is above "
            f"{months_words(benefit.delta)} with a probability of {chances[0]} and {chances[1]}. "
            f"Mixed tumours gain {numbers.months(abs(differ.estimate))} months {more} than pure "
            f"ones ({limits}). Their better prognosis alone would explain "
            f"{numbers.months(alone.estimate)}."
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


def _has_gain(benefit: Benefit, where: Mapping[str, Any]) -> bool:
    over = benefit.references.get(where["endpoint"])
    return over is not None and over != where["treatment"]


# --- Tables and pictures -------------------------------------------------------------------------


def benefit_rows(benefit: Benefit) -> pd.DataFrame:
    """Estimates and gains of the treatments shown, pure above mixed, a row each, for all endpoints.

    Returns
    -------
    DataFrame
        ``endpoint, treatment, treatment_class, cohorts, patients, is_reference, histology,
        extrapolated, carried_by, p_gain``, then of every estimand and contrast its estimate under
        its name, and its limits (``_lower``, ``_upper``); ``median`` and ``gain`` stand for the
        median and for its difference from the reference.
    """
    short = {"median_months": "median", GAIN: "gain"}
    by = {}
    for row in benefit.table.itertuples(index=False):
        values = by.setdefault((row.endpoint, row.treatment, row.histology), {})
        name = short.get(row.estimand, row.estimand)
        values |= {name: row.estimate, f"{name}_lower": row.lower, f"{name}_upper": row.upper}
        if row.estimand == GAIN:
            values |= {"p_gain": row.p_gain, "carried_by": row.carried_by}
    names = [short.get(name, name) for name in (*SURVIVAL_ESTIMANDS, *SURVIVAL_CONTRASTS)]
    empty = {f"{name}{end}": np.nan for name in names for end in ("", "_lower", "_upper")}
    empty |= {"p_gain": np.nan, "carried_by": ""}
    return pd.DataFrame(
        [
            group._asdict()
            | {"histology": histology}
            | empty
            | {
                name: value
                for name, value in by[group.endpoint, group.treatment, histology].items()
                if name in empty
            }
            for group in benefit.groups.itertuples(index=False)
            if group.shown
            for histology in SHARES
        ]
    ).drop(columns="shown")


def _side_table(
    title: str,
    rows: pd.DataFrame,
    columns: Mapping[str, tuple[str, numbers.Writer]],
    more: Mapping[str, Callable[[Any], str]] = MappingProxyType({}),
    note: str = "",
) -> Table:
    """Pure above mixed: estimates with their limits by column, then further texts."""
    cells = []
    for row in rows.to_dict("records"):
        beyond = bool(row["extrapolated"])
        first = row["histology"] == next(iter(SHARES))
        cells.append(
            (
                Cell(row["treatment"], rows=len(SHARES) if first else 0),
                Cell(row["histology"], more="extrapolated" if beyond else "", extrapolated=beyond),
                *(
                    Cell(
                        numbers.interval(row[n], row[f"{n}_lower"], row[f"{n}_upper"], write),
                        extrapolated=beyond,
                    )
                    for n, (_, write) in columns.items()
                ),
                *(text(row) for text in more.values()),
            )
        )
    headings = [
        Column("Treatment", "keep"),
        Column("Tumours", "keep"),
        *(Column(label, "num") for label, _ in columns.values()),
        *(Column(label) for label in more),
    ]
    return make_table(title, headings, cells, note=note)


def _survival_table(rows: pd.DataFrame) -> Table:
    return _side_table(
        "Pure and mixed side by side.",
        rows,
        {
            "median": ("Median, months", numbers.months),
            "survival_6m": ("Alive at 6 months, %", percent),
            "survival_12m": ("at 12 months, %", percent),
        },
        {"Cohorts (patients)": lambda row: f"{row['cohorts']} ({row['patients']:,})"},
        "Average study, reference population. Cohorts and patients are of both histologies.",
    )


def _restricted_table(rows: pd.DataFrame) -> Table:
    names = {"rmst_12m": "Restricted mean to 12 months", "rmst_24m": "to 24 months"}
    columns = {name: (label, numbers.months) for name, label in names.items()}
    return _side_table("Restricted mean survival, months.", rows, columns)


def _gain_table(rows: pd.DataFrame, delta: float) -> Table | None:
    gained = rows[rows["carried_by"] != ""]
    if gained.empty:
        return None
    (reference,) = rows.loc[rows["is_reference"], "treatment"].unique()
    return _side_table(
        f"Gains over {in_sentence(reference)}.",
        gained,
        {
            "gain": ("Gain in the median, months", numbers.months),
            "ratio_of_medians": ("Ratio of medians", numbers.ratio),
        },
        {
            chance_heading(delta): lambda row: numbers.chance(row["p_gain"]),
            "Carried by": lambda row: row["carried_by"],
        },
    )


def _effect_table(benefit: Benefit, endpoint: str) -> Table:
    rows = effect_rows(benefit.effects, benefit.density)
    columns = [
        Column("Effect, ratio of medians"),
        Column("Prior", "num"),
        Column("Posterior", "num"),
        Column("Assumption, %", "num"),
        Column("Told by", "keep"),
    ]
    cells = [
        (
            row.label,
            numbers.interval(row.prior, row.prior_lower, row.prior_upper, numbers.ratio),
            numbers.interval(
                row.posterior, row.posterior_lower, row.posterior_upper, numbers.ratio
            ),
            percent(row.prior_share),
            f"{count(row.cohorts, 'cohort')}, {count(row.patients, 'patient')}"
            if row.cohorts
            else "no report",
        )
        for row in rows[rows["endpoint"] == endpoint].itertuples(index=False)
    ]
    note = (
        "With 95 % intervals. Assumption: ratio of the variances, posterior to prior, on the log "
        "scale, which is the weight of the prior in the answer. At 100 % the data say nothing."
    )
    return make_table("How much of each effect is assumption.", columns, cells, note=note)


def _reported_table(reported: pd.DataFrame) -> Table:
    columns = [
        Column("Report", "keep"),
        Column("Mixed, months", "num"),
        Column("Pure, months", "num"),
        Column("Mixed, n", "num"),
        Column("Pure, n", "num"),
        Column("Ratio of medians", "num"),
        Column("p, as reported", "num"),
    ]
    cells = [
        (row.label, row.mixed, row.pure, row.n_mixed, row.n_pure, numbers.ratio(row.ratio), row.p)
        for row in reported.itertuples(index=False)
    ]
    return make_table("Medians of pure and of mixed tumours.", columns, cells, narrow=True)


def _family_table(findings: Findings, endpoint: str) -> Table | None:
    """The effects under each survival family; None where there is one only."""
    if findings.families.empty:
        return None
    effects = findings.families[findings.families["endpoint"] == endpoint]
    by = {(row.family, row.label): row for row in effects.itertuples(index=False)}
    labels = list(dict.fromkeys(effects["label"]))
    columns = [Column("Survival family"), *(Column(label, "num") for label in labels)]
    cells = [
        (family, *(written(by[family, label], numbers.ratio) for label in labels))
        for family in dict.fromkeys(effects["family"])
    ]
    note = "Posterior ratio of medians if that family were the only one, with 95 % intervals."
    return make_table("Under each survival family.", columns, cells, note=note, narrow=True)


def _pictures(findings: Findings, rows: pd.DataFrame, vocabulary: Vocabulary) -> Iterator[Picture]:
    from synthesis.plots.histology import plot_benefit, plot_effects

    benefit, subject = findings.benefit, vocabulary.subject_words
    names = listed(endpoint_of(name).words(vocabulary) for name in benefit.endpoints)
    # where no cohort tells histology, an estimate by histology would be the prior
    told = [name for name in benefit.endpoints if benefit.told[name]]
    if told:
        over = {in_sentence(benefit.references[n]) for n in told if n in benefit.references}
        gains = f" and gain over {listed(sorted(over))}" if over else ""
        yield Picture(
            "benefit",
            "Benefit in pure and mixed tumours",
            f"{numbers.capitalised(names)} in {subject}, in pure (open circles) and mixed tumours "
            f"(dots) under each treatment: median{gains}, average study and reference population, "
            "with 95 % intervals. Open and dashed: extrapolated, as no report tells the two "
            "apart. Treatments stand side by side across studies.",
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
        f"Effects of mixed histology on {names} in {subject}: prior (broken line) and posterior "
        "(filled) of the prognostic effect, under any treatment, and of what a treatment adds to "
        "it. Bars: share of the answer that is assumption, the ratio of the variances on the log "
        f"scale.{'' if findings.reported.empty else ' In a column of their own: ratios reported.'}",
        plot_effects,
        {
            "density": benefit.density,
            "effects": effect_rows(benefit.effects, benefit.density),
            "reported": findings.reported,
        },
        alt=prognostic_words(benefit, benefit.endpoints[0]),
    )
