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
from studies.figures import View, study_label
from studies.selection import Selection, select
from synthesis import numbers
from synthesis.choices import STACKED
from synthesis.endpoints import Endpoint, endpoint_of, survival_endpoints
from synthesis.estimands import Fit, cohort_labels, patients_of
from synthesis.fits import (
    DEFAULT_FAMILY,
    class_order,
    fit_response,
    fit_response_data,
    fit_survival,
    fit_survival_data,
    run_facts,
    survival_observations,
)
from synthesis.model.arrays import Sizes, sizes_for
from synthesis.model.families import family
from synthesis.model.observations import survival_data
from synthesis.model.response import response_data
from synthesis.model.sampler import Progress
from synthesis.plots.impact import plot_impact
from synthesis.predictive import VERDICTS
from synthesis.questions.impact import tables
from synthesis.questions.pooled import diagnostics_table
from synthesis.restrictions import Restriction, restrictions
from synthesis.result import Finding, Picture, Result, markdown, names
from synthesis.settings import Settings

__all__ = ["Impact", "impact", "result"]

#: A treatment elsewhere in the hierarchy is named from this share of its posterior SD on: below
#: that a shift is about as large as its Monte Carlo error.
NAMED_FROM, NAMED_AT_MOST = 0.15, 5
#: The same for a shift of a mean rank: close neighbours swap places by chance.
PLACES_FROM = 0.5

_SURPRISING = dict((words, below) for below, words in VERDICTS)["surprising"]
_WITHOUT, _WITH = "without", "with"
_COLUMNS = {
    "estimates": tables.ESTIMATE_COLUMNS,
    "surprise": tables.SURPRISE_COLUMNS,
    "ranks": tables.RANK_COLUMNS,
    "selection": tables.SELECTION_COLUMNS,
    "cohorts": names("endpoint treatment label n"),
}


@dataclass(frozen=True)
class Impact:
    """What new studies change.

    Attributes
    ----------
    registry : Registry
        With the new studies.
    new, changed : tuple of Study
        Reports that were not there before, and those whose file is another one now.
    endpoints : tuple of str
        Those that were fitted: something that is counted changes.
    estimates, surprise, ranks, selection : DataFrame
        From :mod:`synthesis.questions.impact.tables`.
    cohorts : DataFrame
        Counted cohorts of the new studies.
    verdicts : mapping
        ``"os, without"``, ``"os, with"``, ... -> PASS, REVIEW or FAIL.
    restrictions : tuple of Restriction
        What was left out, or counted as something else, on request.
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
    cohorts: pd.DataFrame = field(repr=False)
    diagnostics: pd.DataFrame = field(repr=False)
    verdicts: Mapping[str, str]
    restrictions: tuple[Restriction, ...]
    manifest: Mapping[str, Any]

    @property
    def titles(self) -> tuple[str, ...]:
        """How tables call the new and the changed reports."""
        return tuple(study_label(study) for study in (*self.new, *self.changed))

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

    Parameters
    ----------
    before, after : Registry
        Without and with the new studies.
    settings : Settings, optional
        Where they ask for stacked families the answer is that of
        :data:`~synthesis.fits.DEFAULT_FAMILY` alone: several would take as many times as long.
    priors, progress, cache
        As of :func:`synthesis.run.analyse`.

    Raises
    ------
    ValueError
        If no study is new or changed.
    """
    settings = settings or Settings()
    if settings.family == STACKED:
        settings = replace(settings, family=DEFAULT_FAMILY)
    fresh = [s for s in after if after.fingerprints[s.id] != before.fingerprints.get(s.id)]
    if not fresh:
        raise ValueError(
            "no study is new or changed: every file holds a report that the registry has as it is"
        )
    tell = progress or (lambda _: None)
    return _Job((before, after), settings, priors or load_priors(), tell, cache).run(fresh)


@dataclass(frozen=True)
class _Job:
    """One question, with everything that its parts need."""

    registries: tuple[Registry, Registry]
    settings: Settings
    priors: Priors
    tell: Progress
    cache: bool

    def run(self, fresh: Sequence[Study]) -> Impact:
        before, after = self.registries
        ids = {study.id for study in fresh}
        changed = ids & before.studies.keys()
        chosen = {
            name: tuple(select(own, name, **self.counting) for own in self.registries)
            for name in self.settings.endpoints
        }
        endpoints = tuple(name for name, pair in chosen.items() if _differs(*pair, ids))
        sizes = self.sizes() if set(endpoints) & set(survival_endpoints()) else None
        fits = {
            f"{name}, {which}": self.fit(registry, name, own, which, sizes)
            for name in endpoints
            for registry, own, which in zip(
                self.registries, chosen[name], (_WITHOUT, _WITH), strict=True
            )
        }
        self.tell("tables")
        pairs = {e: (fits[f"{e}, {_WITHOUT}"], fits[f"{e}, {_WITH}"]) for e in endpoints}
        made = [self.tables(e, pair, chosen[e], ids) for e, pair in pairs.items()]
        made += [
            {"selection": tables.selection_table(*pair, e, self.registries, ids)}
            for e, pair in chosen.items()
        ]
        return Impact(
            registry=after,
            settings=self.settings,
            new=tuple(study for study in fresh if study.id not in changed),
            changed=tuple(study for study in fresh if study.id in changed),
            endpoints=endpoints,
            **{k: _stacked(_COLUMNS[k], [own[k] for own in made if k in own]) for k in _COLUMNS},
            diagnostics=diagnostics_table(fits),
            verdicts={name: fit.diagnosis.verdict for name, fit in fits.items()},
            restrictions=restrictions(
                after, {e: new for e, (_, new) in pairs.items()}, self.settings
            ),
            manifest=self.manifest(ids, fits),
        )

    @property
    def counting(self) -> dict[str, bool]:
        """Which figures count."""
        settings = self.settings
        return {"verified_only": settings.verified_only, "use_read_as": settings.use_read_as}

    def sizes(self) -> Sizes:
        """Room for both registries: one compiled model serves both wherever that can be."""
        both = [
            sizes_for([data for data, _ in survival_observations(own, **self.counting).values()])
            for own in self.registries
        ]
        return Sizes(tuple((name, max(own[name] for own in both)) for name in both[0]))

    def fit(
        self, registry: Registry, name: str, chosen: Selection, which: str, sizes: Sizes | None
    ) -> Fit:
        """Pool what is counted; where nothing is, the priors speak alone."""
        common: dict[str, Any] = {
            "priors": self.priors,
            "settings": self.settings.sampler(),
            "cache": self.cache,
            "progress": lambda words: self.tell(f"{name}, {which} the new studies: {words}"),
        }
        order = class_order(registry)
        if endpoint_of(name).is_response:
            if chosen.counted:
                return fit_response(registry, **self.counting, **common)
            empty = response_data((), (), order)
            return fit_response_data(empty, left_out=chosen.left_out, **common)
        # without the new studies it is the fit of the report, at sizes of its own
        own_sizes = sizes if which == _WITH else None
        common |= {"family_name": self.settings.family, "sizes": own_sizes}
        if chosen.counted:
            return fit_survival(registry, name, **self.counting, **common)
        empty = survival_data((), View(name, **self.counting), order)
        return replace(fit_survival_data(empty, **common), left_out=chosen.left_out)

    def tables(
        self,
        endpoint: str,
        fits: tuple[Fit, Fit],
        chosen: tuple[Selection, ...],
        fresh: Collection[str],
    ) -> dict[str, pd.DataFrame]:
        """Tables of the fits of one endpoint."""
        old, new = fits
        before, after = self.registries
        vocabulary = after.vocabulary
        added = [ref for ref in new.data.cohorts if ref.study.id in fresh]
        ids = {ref.id for ref in added}
        pair = tables.Pair(old, new, endpoint, vocabulary, self.settings.reference_mix, ids)
        notes = _notes(*chosen, ids, fresh & before.studies.keys())
        patients, labels = patients_of(new), cohort_labels(added)
        cohorts = [
            (endpoint, vocabulary.treatment(r.treatment).label, labels[r.id], patients[r.id])
            for r in added
        ]
        return {
            "estimates": tables.estimates_table(pair),
            "ranks": tables.ranks_table(pair),
            "surprise": tables.surprise_table(old, new.data, ids, vocabulary, notes),
            "cohorts": pd.DataFrame(cohorts, columns=list(_COLUMNS["cohorts"])),
        }

    def manifest(self, fresh: Collection[str], fits: Mapping[str, Fit]) -> dict[str, Any]:
        """Facts of the run."""
        before, after = self.registries
        facts = {"kind": "impact"} | run_facts(asdict(self.settings), self.priors, fits)
        facts["registry"] = {
            "conversions": [f"{own.from_}:{own.to}" for own in after.conversions],
            "before": before.fingerprint,
            "after": after.fingerprint,
            "new_or_changed": {name: after.fingerprints[name] for name in sorted(fresh)},
        }
        return facts


def _differs(before: Selection, after: Selection, fresh: Collection[str]) -> bool:
    """Whether what is counted changes: other cohorts, or figures of a new or changed report."""
    old, new = ({ref.id for ref in chosen.counted} for chosen in (before, after))
    return old != new or any(ref.study.id in fresh for ref in after.counted)


def _notes(
    before: Selection, after: Selection, added: Collection[str], changed: Collection[str]
) -> dict[str, str]:
    """Why the fit without a cohort is not quite blind to it."""
    old = {ref.id for ref in before.counted}
    shared, notes = tables.shared_patients(after, old), {}
    for name in added:
        if name.partition(":")[0] in changed and name in old:
            notes[name] = "The fit without it counted an earlier version of this report."
        elif name in shared:
            others, verb = ", ".join(shared[name]), "shares" if len(shared[name]) == 1 else "share"
            notes[name] = f"The fit without it counted {others}, which {verb} patients with it."
    return notes


def _stacked(columns: Sequence[str], frames: Sequence[pd.DataFrame]) -> pd.DataFrame:
    filled = [frame for frame in frames if not frame.empty]
    return pd.concat(filled, ignore_index=True) if filled else pd.DataFrame(columns=list(columns))


# --- Words ---------------------------------------------------------------------------------------


def result(answer: Impact, registry: Registry) -> Result:
    """Say what new studies change, in sentences and figures; `registry` has the new studies."""
    cited = bibtex([registry.studies[study.id] for study in (*answer.new, *answer.changed)])
    made = Result(
        name="impact",
        title=f"What {_names(answer)} change{'s' if len(answer.titles) == 1 else ''}",
        findings=answer.answers,
        tables={
            name: getattr(answer, name)
            for name in ("estimates", "surprise", "ranks", "selection", "diagnostics")
        },
        verdicts=answer.verdicts,
        facts=answer.manifest,
    )
    fits = tuple(
        f"- {row['fit']} the new studies: {row['verdict']}"
        f"{f': {row["advice"]}' if row['advice'] else ''}"
        for row in answer.diagnostics.to_dict("records")
    )
    trust = (Finding("Can the fits be trusted?", fits),) if fits else ()
    page = markdown(replace(made, findings=(*made.findings, *trust)))
    return replace(made, texts={"impact.md": page, "references.bib": cited.rstrip() + "\n"})


def _names(answer: Impact) -> str:
    return numbers.listed(dict.fromkeys(answer.titles))


def _findings(answer: Impact) -> Iterator[Finding]:
    adding, vocabulary = f"What does adding {_names(answer)} change", answer.registry.vocabulary
    for endpoint in map(endpoint_of, answer.endpoints):
        moves = tuple(_estimate_lines(answer, endpoint))
        yield Finding(
            f"{adding} in {endpoint.words(vocabulary)}?",
            (_opening(answer, endpoint), *moves, *_elsewhere(answer, endpoint)),
            pictures=(_picture(answer, endpoint, moves),),
        )
    if not answer.endpoints:
        nothing = "Nothing: no figure of it can be counted. The reasons stand below."
        yield Finding(f"{adding}?", (nothing,))
    if not answer.surprise.empty:
        yield Finding("Are the reported figures surprising?", tuple(_surprise_lines(answer)))
    if answer.endpoints:
        yield Finding("Do the ranks of the treatments change?", tuple(_rank_lines(answer)))
    yield Finding("What is counted now, and what gave way?", tuple(_selection_lines(answer)))


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
    what = numbers.capitalised(endpoint.quantity(vocabulary))
    of = ", per cent of evaluable patients" if endpoint.is_response else ""
    text = (
        f"{what} in {vocabulary.subject_words}{of} in the average study of a treatment"
        f"{_mix(answer, endpoint)}; posterior median ({numbers.LEVEL} interval)."
    )
    return " ".join([text, *_closing(answer, endpoint)])


def _picture(answer: Impact, endpoint: Endpoint, moves: Sequence[str]) -> Picture:
    vocabulary = answer.registry.vocabulary
    name = endpoint.name(vocabulary)
    scale = "per cent" if endpoint.is_response else "months (log scale)"
    caption = (
        f"{name} in {vocabulary.subject_words}: what adding {_names(answer)} changes. A: pooled "
        f"estimates of the average study{_mix(answer, endpoint)}, {scale}, without (open circles) "
        f"and with (filled dots) the new studies, {numbers.LEVEL} intervals, and the place in the "
        "order of mean ranks; treatments with new studies first, then what moves most. B: reported "
        "figures of the new studies (squares) on what the fit without them expected (pale bar "
        "95 %, dark bar 50 %, stroke the median), with the two-sided p."
    )
    frames = {"table": answer.estimates, "surprise": answer.surprise, "ranks": answer.ranks}
    return Picture(
        stem=f"impact_{endpoint.id}",
        title=f"{name}: what new studies change",
        caption=" ".join([caption, *_closing(answer, endpoint)]),
        plot=plot_impact,
        arguments={**frames, "endpoint": endpoint.id},
        studies=tuple(study.id for study in (*answer.new, *answer.changed)),
        alt=" ".join(line.removeprefix("- ") for line in moves),
        endpoint=endpoint.id,
    )


def _headline(answer: Impact, endpoint: Endpoint, target: str) -> pd.DataFrame:
    table = _of(answer.estimates, endpoint)
    table = table[(table["histology"] == "reference") & (table["target"] == target)]
    return table[table["estimand"] == endpoint.estimand]


def _estimate_lines(answer: Impact, endpoint: Endpoint) -> Iterator[str]:
    """How the treatments of the new studies move."""
    rows = _headline(answer, endpoint, "mean_study")
    predicted = _headline(answer, endpoint, "new_study").set_index("treatment")
    ranks = _of(answer.ranks, endpoint).set_index("treatment")
    for row in rows[rows["new"].astype(bool)].to_dict("records"):
        new = predicted.loc[row["treatment"]]
        text = (
            f"- {_moves(answer, row, endpoint)} For a new study: "
            f"{_interval(new, 'before', endpoint)} before, {_interval(new, 'after', endpoint)} "
            "after."
        )
        ranked = row["treatment"] in ranks.index
        yield f"{text} {_rank_words(ranks.loc[row['treatment']])}" if ranked else text


def _moves(answer: Impact, row: Mapping[str, Any], endpoint: Endpoint) -> str:
    cohorts = _of(answer.cohorts, endpoint)
    cohorts = cohorts[cohorts["treatment"] == row["treatment"]]
    who = f"Adding {numbers.listed(f'{own.label} (n = {own.n})' for own in cohorts.itertuples())}"
    old, new = (_interval(row, name, endpoint) for name in ("before", "after"))
    what = f"pooled {'response rate' if endpoint.is_response else 'median'}"
    treatment = numbers.in_sentence(row["treatment"])
    if row["cohorts_before"] == 0:
        return (
            f"{who} brings {treatment} into the pool. Without it, {old} was "
            f"{row['before_basis']}; with it, the {what} is {new}."
        )
    width = round(100 * (row["width_ratio"] - 1.0))
    wider = f"{abs(width)} % {'wider' if width > 0 else 'narrower'}"
    return (
        f"{who} moves the {what} under {treatment} from {old} to {new}, {_shift_words(row)}; the "
        f"interval is {wider if width else 'as wide as before'}."
    )


def _interval(row: Mapping[str, Any] | pd.Series, name: str, endpoint: Endpoint) -> str:
    ends = (row[name], row[f"{name}_lower"], row[f"{name}_upper"])
    return f"{numbers.interval(*ends, endpoint.write)} {endpoint.unit}"


def _shift_words(row: Mapping[str, Any]) -> str:
    size = abs(row["shift_in_sd"])
    by = "less than 0.05" if size < 0.05 else numbers.decimal(size, 1)
    return f"by {by} of its posterior SD"


def _rank_words(row: pd.Series) -> str:
    is_same = row["rank_before"] == row["rank_after"]
    stays = is_same or abs(row["mean_after"] - row["mean_before"]) < PLACES_FROM
    moves = "stays at about" if stays else f"goes from {row['rank_before']} to"
    ends = numbers.limits_of(row["lower_after"], row["upper_after"], lambda r: f"{r:.0f}")
    return f"Its rank {moves} {row['rank_after']} of {row['of']} ({numbers.LEVEL} interval {ends})."


def _elsewhere(answer: Impact, endpoint: Endpoint) -> Iterator[str]:
    """Treatments without new cohorts that move all the same."""
    rows = _headline(answer, endpoint, "mean_study")
    moved = rows[~rows["new"].astype(bool) & (rows["shift_in_sd"].abs() >= NAMED_FROM)]
    if moved.empty:
        yield f"No other treatment moves by {NAMED_FROM:g} of its posterior SD or more."
        return
    yield "Other treatments move too: the hierarchy shares what it learns, or cohorts gave way."
    moved = moved.loc[moved["shift_in_sd"].abs().sort_values(ascending=False).index]
    for row in moved.head(NAMED_AT_MOST).to_dict("records"):
        before, after = row["cohorts_before"], row["cohorts_after"]
        counted = f"; {after} of its cohorts counted, {before} before" if before != after else ""
        yield (
            f"- {row['treatment']}: from {_interval(row, 'before', endpoint)} to "
            f"{_interval(row, 'after', endpoint)}, {_shift_words(row)}{counted}"
        )
    if len(moved) > NAMED_AT_MOST:
        yield f"- {numbers.count(len(moved) - NAMED_AT_MOST, 'further treatment')} by less"


def _surprise_lines(answer: Impact) -> Iterator[str]:
    yield (
        "Each figure is set against what the fit without it expects of a new study of as many "
        "patients under the same treatment. The percentile says how much of that expectation lies "
        "below the reported figure."
    )
    for row in answer.surprise.to_dict("records"):
        if row["headline"] or row["p"] < _SURPRISING:
            yield f"- {_surprise_line(answer, row)}"
    every = len(answer.surprise)
    low = int((answer.surprise["p"] < _SURPRISING).sum())
    if not low:
        one = every == 1
        yield "It is not surprising." if one else f"None of the {every} figures is surprising."
        return
    yield (
        f"{low} of {numbers.count(every, 'reported figure')} {'has' if low == 1 else 'have'} p "
        f"below {_SURPRISING:g}; by chance alone it is one in {1 / _SURPRISING:.0f}, and figures "
        "of one report are views of the same patients. A surprise may mean other patients, other "
        "care, another time origin, or a slip: compare the file with the report first."
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


def _rank_lines(answer: Impact) -> Iterator[str]:
    for endpoint in map(endpoint_of, answer.endpoints):
        ranks = _of(answer.ranks, endpoint)
        moved = ranks[(ranks["mean_after"] - ranks["mean_before"]).abs() >= PLACES_FROM]
        moves = [
            f"{numbers.in_sentence(row.treatment)} {row.mean_before:.1f} to {row.mean_after:.1f}"
            for row in moved.sort_values("mean_after").itertuples()
        ]
        name = endpoint.name(answer.registry.vocabulary)
        every = f"- {name}, mean ranks of {len(ranks)} treatments: {', '.join(moves)}."
        yield every if moves else f"- {name}: no mean rank moves by half a place or more."
    yield (
        "Rank 1 has the longest median or the highest response rate. Close neighbours swap places "
        "by chance, and most treatments stand side by side across single-arm studies."
    )


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
