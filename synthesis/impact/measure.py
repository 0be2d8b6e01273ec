"""What new studies change: the pool without them and with them, side by side."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, field, replace
from types import MappingProxyType
from typing import Any

import pandas as pd

from priors import Priors, load_priors
from studies import Registry, Study
from studies.figures import View, study_label
from studies.selection import Selection, select
from synthesis.choices import STACKED
from synthesis.estimands import Fit, cohort_labels, patients_of, tells_histology
from synthesis.fits import (
    DEFAULT_FAMILY,
    SURVIVAL_ENDPOINTS,
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
from synthesis.questions.impact import Scope, Tables, impact_answers, impact_caption
from synthesis.questions.impact.tables import (
    ESTIMATE_COLUMNS,
    RANK_COLUMNS,
    SELECTION_COLUMNS,
    SURPRISE_COLUMNS,
    estimates_table,
    ranks_table,
    selection_table,
    shared_patients,
    surprise_table,
)
from synthesis.questions.pooled import Answer, diagnostics_table
from synthesis.restrictions import Restriction, restrictions
from synthesis.settings import Settings


@dataclass(frozen=True)
class Impact:
    """What new studies change.

    Attributes
    ----------
    registry : Registry
        With the new studies.
    settings : Settings
    new, changed : tuple of Study
        Reports that were not there before, and those whose file is another one now.
    endpoints : tuple of str
        Those that were fitted: something that is counted changes.
    estimates : DataFrame
        Pooled estimates without and with them; see
        :func:`~synthesis.questions.impact.tables.estimates_table`.
    surprise : DataFrame
        Their printed figures against what was expected; see
        :func:`~synthesis.questions.impact.tables.surprise_table`.
    ranks : DataFrame
        Ranks of the treatments; see :func:`~synthesis.questions.impact.tables.ranks_table`.
    selection : DataFrame
        Who is counted now, who gave way; see :func:`~synthesis.questions.impact.tables.selection_table`.
    diagnostics : DataFrame
        The diagnosis of each fit.
    verdicts : mapping
        ``"os, without"``, ``"os, with"``, ... -> PASS, REVIEW or FAIL.
    answers : tuple of Answer
    captions : mapping
        Stem of a figure -> caption.
    manifest : mapping
        Versions, seed, fingerprints, settings and timings.
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
    diagnostics: pd.DataFrame = field(repr=False)
    verdicts: Mapping[str, str]
    answers: tuple[Answer, ...]
    captions: Mapping[str, str]
    manifest: Mapping[str, Any]

    @property
    def titles(self) -> tuple[str, ...]:
        """How tables call the new and the changed reports."""
        return tuple(study_label(study) for study in (*self.new, *self.changed))


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

    Only endpoints are fitted for which something that is counted changes, only under one family,
    and from one seed.

    Parameters
    ----------
    before, after : Registry
        Without and with the new studies.
    settings : Settings, optional
        ``endpoints`` are those asked about. Where they ask for stacked families the answer is that
        of :data:`~synthesis.fits.DEFAULT_FAMILY` alone: what changes is compared, and twice as
        many fits for each of several families would take long.
    priors : Priors, optional
        The default catalogue otherwise.
    progress : callable, optional
        Called with a sentence at each stage.
    cache : bool
        Read and store draws on disk: the fit without the new studies is then one of the report.

    Raises
    ------
    ValueError
        If no study is new or changed.
    """
    settings = settings or Settings()
    if settings.family == STACKED:
        settings = replace(settings, family=DEFAULT_FAMILY)
    new = tuple(study for study in after if study.id not in before.studies)
    changed = tuple(
        study
        for study in after
        if study.id in before.studies
        and after.fingerprints[study.id] != before.fingerprints[study.id]
    )
    if not new and not changed:
        raise ValueError(
            "no study is new or changed: every file holds a report that the registry has as it is"
        )
    job = _Job(before, after, settings, priors or load_priors(), progress, cache)
    return job.run(new, changed)


@dataclass(frozen=True)
class _Job:
    """One question, with everything that its parts need."""

    before: Registry
    after: Registry
    settings: Settings
    priors: Priors
    progress: Progress | None
    cache: bool

    def run(self, new: tuple[Study, ...], changed: tuple[Study, ...]) -> Impact:
        fresh = {study.id for study in (*new, *changed)}
        chosen = {e: (self.select(self.before, e), self.select(self.after, e)) for e in self.asked}
        endpoints = tuple(e for e in self.asked if _differs(*chosen[e], fresh))
        sizes = self.sizes(endpoints)
        fits = {}
        for endpoint in endpoints:
            old = self.fit(self.before, endpoint, chosen[endpoint][0], "without", None)
            fits[endpoint] = old, self.fit(self.after, endpoint, chosen[endpoint][1], "with", sizes)
        self.tell("tables")
        tables = self.tables(fits, chosen, fresh, {study.id for study in changed})
        named = {
            f"{endpoint}, {name}": fit
            for endpoint, pair in fits.items()
            for name, fit in zip(("without", "with"), pair, strict=True)
        }
        scope = Scope(
            titles=tuple(study_label(study) for study in (*new, *changed)),
            vocabulary=self.after.vocabulary,
            reference_mix=self.settings.reference_mix,
            restrictions=self.restrictions(fits),
            knowing=frozenset(e for e in endpoints if all(map(tells_histology, fits[e]))),
            family=family(self.settings.family).label,
        )
        return Impact(
            registry=self.after,
            settings=self.settings,
            new=new,
            changed=changed,
            endpoints=endpoints,
            estimates=tables.estimates,
            surprise=tables.surprise,
            ranks=tables.ranks,
            selection=tables.selection,
            diagnostics=diagnostics_table(named),
            verdicts=MappingProxyType({k: fit.diagnosis.verdict for k, fit in named.items()}),
            answers=impact_answers(tables, endpoints, scope),
            captions={f"impact_{e}": impact_caption(e, scope) for e in endpoints},
            manifest=self.manifest(fresh, named),
        )

    @property
    def asked(self) -> tuple[str, ...]:
        return self.settings.endpoints

    def tell(self, words: str) -> None:
        if self.progress is not None:
            self.progress(words)

    def select(self, registry: Registry, endpoint: str) -> Selection:
        return select(
            registry,
            endpoint,
            verified_only=self.settings.verified_only,
            use_read_as=self.settings.use_read_as,
        )

    def sizes(self, endpoints: Collection[str]) -> Sizes | None:
        """Room for both registries: one compiled model serves both wherever that can be."""
        if not set(endpoints) & set(SURVIVAL_ENDPOINTS):
            return None
        both = []
        for registry in (self.before, self.after):
            observed = survival_observations(
                registry,
                verified_only=self.settings.verified_only,
                use_read_as=self.settings.use_read_as,
            )
            both.append(sizes_for([data for data, _ in observed.values()]))
        return Sizes(tuple((name, max(own[name] for own in both)) for name in both[0]))

    def fit(
        self, registry: Registry, endpoint: str, chosen: Selection, name: str, sizes: Sizes | None
    ) -> Fit:
        common = {
            "priors": self.priors,
            "settings": self.settings.sampler(),
            "cache": self.cache,
            "progress": lambda words: self.tell(f"{endpoint}, {name} the new studies: {words}"),
        }
        if not chosen.counted:
            return self.prior_fit(registry, endpoint, chosen, sizes, common)
        common |= {
            "verified_only": self.settings.verified_only,
            "use_read_as": self.settings.use_read_as,
        }
        if endpoint == "response":
            return fit_response(registry, **common)
        return fit_survival(
            registry, endpoint, family_name=self.settings.family, sizes=sizes, **common
        )

    def prior_fit(
        self,
        registry: Registry,
        endpoint: str,
        chosen: Selection,
        sizes: Sizes | None,
        common: Mapping[str, Any],
    ) -> Fit:
        """A fit to no cohort: the priors speak alone."""
        order = class_order(registry)
        if endpoint == "response":
            return fit_response_data(
                response_data((), (), order), left_out=chosen.left_out, **common
            )
        view = View(endpoint, self.settings.verified_only, self.settings.use_read_as)
        data = survival_data((), view, order)
        found = fit_survival_data(data, family_name=self.settings.family, sizes=sizes, **common)
        return replace(found, left_out=chosen.left_out)

    def tables(
        self,
        fits: Mapping[str, tuple[Fit, Fit]],
        chosen: Mapping[str, tuple[Selection, Selection]],
        fresh: Collection[str],
        changed: Collection[str],
    ) -> Tables:
        parts: dict[str, list[pd.DataFrame]] = {
            "estimates": [pd.DataFrame(columns=list(ESTIMATE_COLUMNS))],
            "surprise": [pd.DataFrame(columns=list(SURPRISE_COLUMNS))],
            "ranks": [pd.DataFrame(columns=list(RANK_COLUMNS))],
            "selection": [pd.DataFrame(columns=list(SELECTION_COLUMNS))],
            "cohorts": [pd.DataFrame(columns=["endpoint", "treatment", "label", "n"])],
        }
        vocabulary, mix = self.after.vocabulary, self.settings.reference_mix
        for endpoint, (old, new) in fits.items():
            added = [ref for ref in new.data.cohorts if ref.study.id in fresh]
            ids = {ref.id for ref in added}
            about = (old, new, endpoint, vocabulary, mix, ids)
            parts["estimates"].append(estimates_table(*about))
            parts["ranks"].append(ranks_table(*about))
            notes = _notes(chosen[endpoint], ids, changed)
            parts["surprise"].append(surprise_table(old, new.data, ids, vocabulary, notes))
            sizes, labels = patients_of(new), cohort_labels(added)
            rows = [
                (endpoint, vocabulary.treatment(ref.treatment).label, labels[ref.id], sizes[ref.id])
                for ref in added
            ]
            parts["cohorts"].append(pd.DataFrame(rows, columns=parts["cohorts"][0].columns))
        for endpoint, pair in chosen.items():
            registries = (self.before, self.after)
            parts["selection"].append(selection_table(*pair, endpoint, registries, fresh))
        return Tables(**{name: _stacked(frames) for name, frames in parts.items()})

    def restrictions(self, fits: Mapping[str, tuple[Fit, Fit]]) -> tuple[Restriction, ...]:
        """What was left out, or counted as something else, on request."""
        converted = {}
        for item in self.after.conversions:
            refs = fits[item.to][1].data.cohorts if item.to in fits else ()
            converted[item.from_, item.to] = [r.label for r in refs if r.id in item.cohorts]
        return restrictions(
            self.after.vocabulary,
            verified_only=self.settings.verified_only,
            use_read_as=self.settings.use_read_as,
            conversions=converted,
        )

    def manifest(self, fresh: Collection[str], fits: Mapping[str, Fit]) -> dict[str, Any]:
        facts = run_facts(asdict(self.settings), self.priors, fits)
        facts["registry"] = {
            "conversions": [f"{item.from_}:{item.to}" for item in self.after.conversions],
            "before": self.before.fingerprint,
            "after": self.after.fingerprint,
            "new_or_changed": {name: self.after.fingerprints[name] for name in sorted(fresh)},
        }
        return {"kind": "impact"} | facts


def _differs(before: Selection, after: Selection, fresh: Collection[str]) -> bool:
    """Whether what is counted changes: other cohorts, or figures of a new or changed report."""
    old, new = ({ref.id for ref in chosen.counted} for chosen in (before, after))
    return old != new or any(ref.study.id in fresh for ref in after.counted)


def _notes(
    chosen: tuple[Selection, Selection], added: Collection[str], changed: Collection[str]
) -> dict[str, str]:
    """Why the fit without a cohort is not quite blind to it."""
    before, after = chosen
    old = {ref.id for ref in before.counted}
    shared = shared_patients(after, old)
    found = {}
    for name in added:
        if name.partition(":")[0] in changed and name in old:
            found[name] = "The fit without it counted an earlier version of this report."
        elif name in shared:
            others, verb = ", ".join(shared[name]), "shares" if len(shared[name]) == 1 else "share"
            found[name] = f"The fit without it counted {others}, which {verb} patients with it."
    return found


def _stacked(frames: list[pd.DataFrame]) -> pd.DataFrame:
    filled = [frame for frame in frames if not frame.empty]
    return pd.concat(filled, ignore_index=True) if filled else frames[0]
