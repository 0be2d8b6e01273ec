"""What new studies change: the pool without them and with them, and how surprising they are.

Only endpoints are fitted for which something that is counted changes, only under one survival
family, and from one seed.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from typing import Any

import pandas as pd

from priors import Priors, load_priors
from studies import Registry, Study
from studies.documents import bibtex
from studies.selection import Selection
from synthesis import numbers
from synthesis.counting import select
from synthesis.endpoints import Endpoint, endpoint_of, survival_endpoints
from synthesis.estimands import cohort_labels, patients_of
from synthesis.fits import at_stage, common_sizes, fit_endpoint, run_facts
from synthesis.model.families import family
from synthesis.model.sampler import Progress
from synthesis.plots.impact import plot_impact
from synthesis.predictive import VERDICTS
from synthesis.questions.impact import tables
from synthesis.questions.pooled.tables import diagnostics_table
from synthesis.restrictions import Restriction, restrictions
from synthesis.result import Finding, Picture, Result, markdown
from synthesis.settings import Settings

__all__ = ["Impact", "impact", "result"]

#: A treatment elsewhere in the hierarchy is named from this share of its posterior SD on: below
#: that a shift is about as large as its Monte Carlo error.
NAMED_FROM, NAMED_AT_MOST = 0.15, 5
#: The same for a shift of a mean rank: close neighbours swap places by chance.
PLACES_FROM = 0.5

_SURPRISING = dict((words, below) for below, words in VERDICTS)["surprising"]
_WITHOUT, _WITH = "without", "with"


@dataclass(frozen=True)
class Impact:
    """What new studies change: tables are those of :mod:`synthesis.questions.impact.tables`.

    ``registry`` has the new studies: ``new`` reports, and those ``changed`` whose file is another
    one now. ``endpoints`` are those that were fitted, as something that is counted changes;
    ``added`` are the counted cohorts of the new studies by endpoint and label of a treatment;
    ``verdicts`` by ``"os, without"``, ``"os, with"``, ...: PASS, REVIEW or FAIL.
    """

    registry: Registry
    settings: Settings
    new: tuple[Study, ...]
    changed: tuple[Study, ...]
    endpoints: tuple[str, ...]
    estimates: pd.DataFrame = field(repr=False)
    surprise: pd.DataFrame = field(repr=False)
    ranks: pd.DataFrame = field(repr=False)
    selection: pd.DataFrame = field(repr=False)
    added: Mapping[tuple[str, str], list[str]]
    diagnostics: pd.DataFrame = field(repr=False)
    verdicts: Mapping[str, str]
    restrictions: tuple[Restriction, ...]
    manifest: Mapping[str, Any] = field(repr=False)

    @property
    def studies(self) -> tuple[Study, ...]:
        """The new and the changed reports."""
        return (*self.new, *self.changed)

    @cached_property
    def answers(self) -> tuple[Finding, ...]:
        """Questions with their answers in words, and the figure of each endpoint."""
        return tuple(_findings(self))


def impact(
    before: Registry,
    after: Registry,
    settings: Settings | None = None,
    *,
    priors: Priors | None = None,
    progress: Progress | None = None,
    cache: bool = True,
) -> Impact:
    """Fit without and with the new studies, and say what changes.

    Where settings ask for stacked families the answer is that of
    :data:`~synthesis.fits.DEFAULT_FAMILY` alone. All else is as of
    :func:`synthesis.run.analyse`. ValueError if no study is new or changed.
    """
    settings, priors = (settings or Settings()).of_one_family, priors or load_priors(after.priors)
    fresh = [s for s in after if after.fingerprints[s.id] != before.fingerprints.get(s.id)]
    if not fresh:
        raise ValueError(
            "no study is new or changed: every file holds a report that the registry has as it is"
        )
    ids, registries = {study.id for study in fresh}, (before, after)
    chosen = {
        name: tuple(select(own, name, **settings.counting) for own in registries)
        for name in settings.endpoints
    }
    # other cohorts count, or figures of a new or changed report
    endpoints = tuple(
        name
        for name, (old, now) in chosen.items()
        if {ref.id for ref in old.counted} != {ref.id for ref in now.counted}
        or any(ref.study.id in ids for ref in now.counted)
    )
    how = {"priors": priors, "settings": settings.sampler(), "cache": cache}
    how["progress"] = progress
    pairs = list(_pairs(registries, {name: chosen[name] for name in endpoints}, settings, ids, how))
    fits = {
        f"{pair.endpoint}, {which}": fit
        for pair in pairs
        for which, fit in zip((_WITHOUT, _WITH), pair.fits, strict=True)
    }
    if progress is not None:
        progress("tables")
    return Impact(
        registry=after,
        settings=settings,
        new=tuple(study for study in fresh if study.id not in before.studies),
        changed=tuple(study for study in fresh if study.id in before.studies),
        endpoints=endpoints,
        estimates=tables.estimates_table(pairs),
        surprise=tables.surprise_table(pairs),
        ranks=tables.ranks_table(pairs),
        selection=tables.selection_table(chosen, registries, ids),
        added=_added(pairs),
        diagnostics=diagnostics_table(fits),
        verdicts={name: fit.diagnosis.verdict for name, fit in fits.items()},
        restrictions=restrictions(after, {own.endpoint: own.fits[1] for own in pairs}, settings),
        manifest=_manifest(before, after, ids, run_facts(asdict(settings), priors, fits)),
    )


def _pairs(
    registries: tuple[Registry, Registry],
    chosen: Mapping[str, tuple[Selection, Selection]],
    settings: Settings,
    ids: Collection[str],
    how: Mapping[str, Any],
) -> Iterator[tables.Pair]:
    """The fits of each endpoint side by side."""
    before, after = registries
    survival = set(chosen) & set(survival_endpoints())
    # without the new studies it is the fit of the report, at sizes of its own
    common = common_sizes(registries, settings.counting) if survival else None
    for name, sides in chosen.items():
        pair = []
        for own, which, sizes in ((before, _WITHOUT, None), (after, _WITH, common)):
            tell = at_stage(how["progress"], f"{name}, {which} the new studies: ")
            of_family = {"family_name": settings.family, "sizes": sizes}
            pair.append(
                fit_endpoint(own, settings.view(name), {**how, "progress": tell}, **of_family)
            )
        new = [ref.id for ref in pair[1].data.cohorts if ref.study.id in ids]
        notes = tables.notes_of(*sides, new, ids & before.studies.keys())
        mix = settings.reference_mix
        yield tables.Pair(tuple(pair), name, after.vocabulary, mix, new, notes)


def _manifest(
    before: Registry, after: Registry, ids: Collection[str], facts: Mapping[str, Any]
) -> dict[str, Any]:
    registry = {
        "conversions": [f"{own.from_}:{own.to}" for own in after.conversions],
        "before": before.fingerprint,
        "after": after.fingerprint,
        "new_or_changed": {name: after.fingerprints[name] for name in sorted(ids)},
    }
    return {"kind": "impact", **facts, "registry": registry}


def _added(pairs: Sequence[tables.Pair]) -> dict[tuple[str, str], list[str]]:
    """Counted cohorts of the new studies in words, by endpoint and treatment."""
    added: dict[tuple[str, str], list[str]] = {}
    for pair in pairs:
        new = [ref for ref in pair.fits[1].data.cohorts if ref.id in pair.new_cohorts]
        patients, labels = patients_of(pair.fits[1]), cohort_labels(new)
        for ref in new:
            key = pair.endpoint, pair.vocabulary.treatment(ref.treatment).label
            added.setdefault(key, []).append(f"{labels[ref.id]} (n = {patients[ref.id]})")
    return added


# --- Words ---------------------------------------------------------------------------------------


def result(answer: Impact, registry: Registry) -> Result:
    """Say what new studies change, in sentences and figures; `registry` has the new studies."""
    cited = bibtex([registry.studies[study.id] for study in answer.studies])
    kept = ("estimates", "surprise", "ranks", "selection", "diagnostics")
    made = Result(
        name="impact",
        title=f"What {_names(answer)} change{'s' if len(answer.studies) == 1 else ''}",
        findings=answer.answers,
        tables={name: getattr(answer, name) for name in kept},
        verdicts=answer.verdicts,
        facts=answer.manifest,
    )
    texts = {"impact.md": markdown(made), "references.bib": f"{cited.rstrip()}\n"}
    return replace(made, texts=texts)


def _names(answer: Impact) -> str:
    return numbers.listed([answer.registry.labels[study.id] for study in answer.studies])


def _findings(answer: Impact) -> Iterator[Finding]:
    adding, vocabulary = f"What does adding {_names(answer)} change", answer.registry.vocabulary
    for endpoint in map(endpoint_of, answer.endpoints):
        lines = _estimate_lines(answer, endpoint)
        yield Finding(
            f"{adding} in {endpoint.words(vocabulary)}?",
            (_opening(answer, endpoint), *lines),
            pictures=(_picture(answer, endpoint, lines),),
        )
    if not answer.endpoints:
        yield Finding(f"{adding}?", ("Nothing: no figure of it can be counted.",))
    if not answer.surprise.empty:
        yield Finding("Are the reported figures surprising?", tuple(_surprise_lines(answer)))
    yield Finding("What is counted now, and what gave way?", tuple(_selection_lines(answer)))
    trust = [
        f"- {row.fit} the new studies: {': '.join(filter(None, (row.verdict, row.advice)))}"
        for row in answer.diagnostics.itertuples()
    ]
    if trust:
        yield Finding("Can the fits be trusted?", tuple(trust), folded=True)


def _of(table: pd.DataFrame, endpoint: Endpoint) -> pd.DataFrame:
    return table[table["endpoint"] == endpoint.id]


def _mix(answer: Impact, endpoint: Endpoint) -> str:
    """Which histology the estimates stand for; empty where none is known."""
    known = (_of(answer.estimates, endpoint)["histology"] == "mixed").any()
    return f", {numbers.mixed_share(answer.settings.reference_mix)}" if known else ""


def _closing(answer: Impact, endpoint: Endpoint) -> Iterator[str]:
    """The survival family, and what was restricted on request."""
    if not endpoint.is_response:
        yield f"Survival family: {family(answer.settings.family).label} alone."
    yield from (own.sentence for own in answer.restrictions if own.touches(endpoint.id))


def _opening(answer: Impact, endpoint: Endpoint) -> str:
    vocabulary = answer.registry.vocabulary
    of = ", per cent of evaluable patients" if endpoint.is_response else ""
    text = (
        f"{numbers.capitalised(endpoint.quantity(vocabulary))} in {vocabulary.subject_words}{of} "
        f"in the average study of a treatment{_mix(answer, endpoint)}; posterior median "
        f"({numbers.LEVEL} interval)."
    )
    return " ".join([text, *_closing(answer, endpoint)])


def _picture(answer: Impact, endpoint: Endpoint, lines: Sequence[str]) -> Picture:
    vocabulary = answer.registry.vocabulary
    name = endpoint.name(vocabulary)
    scale = "per cent" if endpoint.is_response else "months (log scale)"
    caption = (
        f"{name} in {vocabulary.subject_words}: what adding {_names(answer)} changes. A: pooled "
        f"estimates of the average study{_mix(answer, endpoint)}, {scale}, without (open circles) "
        f"and with (filled dots) the new studies, {numbers.LEVEL} intervals, and ranks. B: "
        "reported figures of the new studies (squares) on what the fit without them expected "
        "(pale bar 95 %, dark bar 50 %, stroke the median)."
    )
    frames = {"table": answer.estimates, "surprise": answer.surprise, "ranks": answer.ranks}
    return Picture(
        f"impact_{endpoint.id}",
        f"{name}: what new studies change",
        " ".join([caption, *_closing(answer, endpoint)]),
        plot_impact,
        frames | {"endpoint": endpoint.id},
        tuple(study.id for study in answer.studies),
        alt=" ".join(line.removeprefix("- ") for line in lines),
        endpoint=endpoint.id,
    )


def _headline(answer: Impact, endpoint: Endpoint, target: str) -> pd.DataFrame:
    table = _of(answer.estimates, endpoint)
    table = table[(table["histology"] == "reference") & (table["target"] == target)]
    return table[table["estimand"] == endpoint.estimand]


def _estimate_lines(answer: Impact, endpoint: Endpoint) -> list[str]:
    """Treatments of the new studies, and others where they move all the same."""
    rows = _headline(answer, endpoint, "mean_study")
    is_new = rows["new"].astype(bool)
    others = rows[~is_new & (rows["shift_in_sd"].abs() >= NAMED_FROM)]
    others = others.sort_values("shift_in_sd", key=abs, ascending=False, kind="stable")
    named = pd.concat([rows[is_new], others.head(NAMED_AT_MOST)]).to_dict("records")
    lines = [f"- {_line(answer, row, endpoint)}" for row in named]
    left = len(others) - NAMED_AT_MOST
    if left > 0:
        lines.append(f"- {numbers.count(left, 'further treatment')} by less")
    if others.empty:
        lines.append(f"No other treatment moves by {NAMED_FROM:g} of its posterior SD or more.")
    return lines


def _line(answer: Impact, row: Mapping[str, Any], endpoint: Endpoint) -> str:
    """How one treatment moves; where new studies gave it, their cohorts and its rank."""
    added = answer.added.get((endpoint.id, row["treatment"]))
    who = f"{row['treatment']}, adding {numbers.listed(added)}" if added else row["treatment"]
    size = abs(row["shift_in_sd"])
    by = "less than 0.05" if size < 0.05 else numbers.decimal(size, 1)
    basis = "" if row["cohorts_before"] else f", {row['before_basis']},"
    text = f"{who}: {_from_to(row, endpoint, basis)}, by {by} of its posterior SD"
    if row["new"]:
        studies = _headline(answer, endpoint, "new_study").set_index("treatment")
        text += f"; for a new study {_from_to(studies.loc[row['treatment']], endpoint)}"
    elif row["cohorts_before"] != row["cohorts_after"]:
        text += f"; {row['cohorts_after']} of its cohorts counted, {row['cohorts_before']} before"
    ranks = _of(answer.ranks, endpoint).set_index("treatment")
    ranked = row["new"] and row["treatment"] in ranks.index
    return f"{text}. {_rank_words(ranks.loc[row['treatment']])}" if ranked else f"{text}."


def _from_to(row: Mapping[str, Any] | pd.Series, endpoint: Endpoint, basis: str = "") -> str:
    old, new = (numbers.written(row, endpoint.write, name) for name in ("before", "after"))
    return f"from {old}{basis} to {new} {endpoint.unit}"


def _rank_words(row: pd.Series) -> str:
    old, now = row["rank_before"], row["rank_after"]
    stays = old == now or abs(row["mean_after"] - row["mean_before"]) < PLACES_FROM
    moves = "stays at about" if stays else f"goes from {old} to"
    ends = numbers.limits_of(row["lower_after"], row["upper_after"], lambda r: f"{r:.0f}")
    return f"Its rank {moves} {now} of {row['of']} ({numbers.LEVEL} interval {ends})."


def _surprise_lines(answer: Impact) -> Iterator[str]:
    yield (
        "Each figure is set against what the fit without it expects of a new study of as many "
        "patients under the same treatment; the percentile is where it lies in that expectation."
    )
    for row in answer.surprise.to_dict("records"):
        if row["headline"] or row["p"] < _SURPRISING:
            yield f"- {_surprise_line(answer, row)}"
    low = int((answer.surprise["p"] < _SURPRISING).sum())
    yield (
        f"{low or 'None'} of {numbers.count(len(answer.surprise), 'reported figure')} "
        f"{'has' if low == 1 else 'have'} p below {_SURPRISING:g}; by chance alone it is one in "
        f"{1 / _SURPRISING:.0f}, and figures of one report are views of the same patients."
    )
    if low:
        yield (
            "A surprise may mean other patients, other care, another time origin, or a slip: "
            "compare the file with the report first."
        )


def _surprise_line(answer: Impact, row: Mapping[str, Any]) -> str:
    group = "" if row["group"] == "whole" else f", {row['group']} patients"
    basis = "" if row["basis"] == "its cohorts" else f", {row['basis']}"
    note = f" {row['note']}" if row["note"] else ""
    words = endpoint_of(row["endpoint"]).words(answer.registry.vocabulary)
    return (
        f"{row['label']}, {numbers.in_sentence(row['treatment'])}{group}, n = {row['n']}, {words}: "
        f"{row['figure']} {row['printed']} reported, {row['predicted_printed']} expected{basis}: "
        f"{percentile(row['percentile'])}, two-sided {numbers.p_value(row['p'])}, "
        f"{row['verdict']}.{note}"
    )


def percentile(value: float) -> str:
    """A percentile in words: "46th percentile", "above the 99th percentile"."""
    if value < 1.0 or value > 99.0:
        return f"{'below the 1st' if value < 1.0 else 'above the 99th'} percentile"
    return f"{numbers.ordinal(round(value))} percentile"


def _selection_lines(answer: Impact) -> Iterator[str]:
    if answer.selection.empty:
        yield "The new studies hold no cohort."
    for row in answer.selection.to_dict("records"):
        words = endpoint_of(row["endpoint"]).words(answer.registry.vocabulary)
        took = row["change"] == "counted" and row["other"]
        reason = f" {row['reason']}" if row["reason"] else ""
        yield (
            f"- {row['label']} ({row['cohort'].replace('_', ' ')}), {words}: {row['change']}"
            f"{f'; {row["other"]} gave way to it' if took else ''}.{reason}"
        )
